"""A server in a thread that answers what a test has put there, and a shell to ask it from."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from click.testing import CliRunner, Result

from buildbot_lifecycle import __version__
from buildbot_lifecycle.shell.main import main
from tests.shell.examples import example, workers

API = "/plugins/lifecycle/api/v1"


class Fake:
    """Answers by method and path; what was asked is in `asked`."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Any]] = {}
        self.asked: list[tuple[str, str, list[tuple[str, str]], Any, dict[str, str]]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                fake.answer(self)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def speak(self, tls: ssl.SSLContext) -> None:
        """From now on by TLS."""
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self.url = self.url.replace("http:", "https:")

    def put(
        self,
        method: str,
        path: str,
        *values: Any,
        status: int = 200,
        root: str = API,
        **headers: str | Callable[[dict[str, str]], str],
    ) -> None:
        """These answers, one after the other; the last one again and again. None: the line is cut.

        A header may be made of those of the request.
        """
        self.answers[method, root + path] = [(status, value, headers) for value in values]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        sent = dict(handler.headers.items())
        self.asked.append((handler.command, parts.path, parse_qsl(parts.query), body, sent))
        found = self.answers.get((handler.command, parts.path))
        if found is None:
            found = [(404, b"<html>no such page</html>", {})]
        status, value, headers = found.pop(0) if len(found) > 1 else found[0]
        if value is None:
            handler.close_connection = True
            return
        data = value if isinstance(value, bytes) else json.dumps(value).encode()
        if "gzip" in sent.get("Accept-Encoding", ""):
            data = gzip.compress(data)
            handler.send_response(status)
            handler.send_header("Content-Encoding", "gzip")
        else:
            handler.send_response(status)
        for name, text in headers.items():
            value = text(sent) if callable(text) else text
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def bodies(self, method: str = "POST") -> list[Any]:
        return [body for found, _, _, body, _ in self.asked if found == method]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def fake() -> Iterator[Fake]:
    made = Fake()
    yield made
    made.stop()


def well(fake: Fake, **health: Any) -> None:
    """All that `doctor` asks for is as it should be, but for this of the plugin's health."""
    given = {**example("health")["health"], "version": __version__, "queued": 0, **health}
    fake.put("GET", "/health", {"health": given})
    listed = workers()
    listed["meta"] |= {"now": time.time(), "user": None}
    fake.put("GET", "/workers", listed)
    versions = [["Python", "3.11.2"], ["Buildbot", "4.3.0"], ["Twisted", "24.7.0"]]
    fake.put("GET", "/config", {"versions": versions}, root="")
    fake.put("GET", "/ws", b"", status=101, root="", Sec_WebSocket_Accept=_accepted)


def _accepted(sent: dict[str, str]) -> str:
    """As RFC 6455 has it."""
    key = sent["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    return base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()


class Shell:
    """Runs the command in this process, with nothing of this machine's environment."""

    def __init__(self, home: Path, url: str) -> None:
        self.home = home
        self.env: dict[str, str | None] = {
            "XDG_CONFIG_HOME": str(home),
            "XDG_STATE_HOME": str(home / "state"),
            "BUILDBOT_LIFECYCLE_URL": url,
            "no_proxy": "127.0.0.1",
            "NO_COLOR": None,
        }

    def __call__(self, *arguments: str, **options: Any) -> Result:
        return CliRunner().invoke(main, arguments, env=self.env, **options)


@pytest.fixture
def shell(tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> Shell:
    for name in ("URL", "USER", "PASSWORD", "PASSWORD_FILE", "TOKEN_FILE", "COOKIE_FILE", "CONFIG"):
        monkeypatch.delenv(f"BUILDBOT_LIFECYCLE_{name}", raising=False)
    return Shell(tmp_path, fake.url)
