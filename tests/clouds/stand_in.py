"""A server that answers as it is told: where a cloud's API should be, or what stands before it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

HTML = "<html><head><title>Sign in</title></head><body>Please sign in</body></html>"


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Said:
    """One answer: a JSON value, or a text as it is."""

    status: int = 200
    body: Any = None
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    #: Seconds before it begins, and between each two bytes.
    slow: float = 0


class StandIn:
    """Answers with `answer(asked)`, or with `fault` for every request while one is set."""

    def __init__(self, answer: Callable[[Asked], Said] | None = None) -> None:
        self.answer = answer or (lambda _: Said(404, {"message": "nothing is here"}))
        self.fault: Said | None = None
        self.asked: list[Asked] = []
        #: Where its own answers are not what the cloud's would be.
        self.wrong: list[str] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                url = urlsplit(self.path)
                asked = Asked(
                    self.command,
                    url.path,
                    parse_qs(url.query),
                    {key.lower(): value for key, value in self.headers.items()},
                    _body(text),
                )
                stand_in.asked.append(asked)
                try:
                    said = stand_in.fault or stand_in.answer(asked)
                except AssertionError as error:
                    stand_in.wrong.append(str(error))
                    said = Said(500, {"message": "the stand-in is wrong"})
                with contextlib.suppress(ConnectionError):
                    self._say(said)

            def _say(self, said: Said) -> None:
                plain = said.body if isinstance(said.body, str) else json.dumps(said.body)
                data = b"" if said.body is None else plain.encode()
                self.send_response(said.status)
                self.send_header("Content-Type", said.kind)
                self.send_header("Content-Length", str(len(data)))
                for key, value in said.headers.items():
                    self.send_header(key, value)
                self.end_headers()
                if not said.slow:
                    self.wfile.write(data)
                    return
                for byte in data:
                    threading.Event().wait(said.slow)
                    self.wfile.write(bytes([byte]))

            do_GET = do_POST = do_DELETE = do_PUT = _serve  # noqa: N815 - the server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _body(text: bytes) -> Any:
    """EC2 and others do not ask in JSON."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text.decode()


#: What an API may answer beside what it should, and what is then said of everything that is asked.
FAULTS = {
    "401": (Said(401, {"message": "no such token SECRET"}), "refused"),
    "403": (Said(403, {"message": "not yours, SECRET"}), "refused"),
    "404": (Said(404, {"message": "page not found"}), None),
    "404 in HTML": (Said(404, HTML, "text/html"), None),
    "500": (Said(500, {"message": "database is away"}), "failed"),
    "502 in HTML": (Said(502, HTML, "text/html"), "failed"),
    "200 in HTML": (Said(200, HTML, "text/html"), "nonsense"),
    "200, of another form": (Said(200, {"hello": "world"}), "nonsense"),
    "200, and empty": (Said(200, None), "nonsense"),
    "a redirect to a sign-in": (Said(302, HTML, "text/html", {"Location": "/login"}), None),
}
