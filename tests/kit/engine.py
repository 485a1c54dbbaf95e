"""As much of a container engine as Buildbot's Docker driver asks for; its containers are processes.

A stand-in for a daemon that the tests cannot have. What is looked at is the driver, which is Buildbot's.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


class Container:
    """A worker process, started with the environment that the driver gives its container."""

    def __init__(self, name: str, environment: list[str], directory: Path) -> None:
        self.id = uuid.uuid4().hex
        self.name = name
        self.environment = dict(text.split("=", 1) for text in environment)
        self.directory = directory / self.id
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        given = self.environment
        command = [
            sys.executable,
            "-m",
            "buildbot_lifecycle.demo.instance",
            str(self.directory),
        ]
        command += ["--host", given["BUILDMASTER"], "--port", given["BUILDMASTER_PORT"]]
        command += ["--name", given["WORKERNAME"], "--password", given["WORKERPASS"]]
        self.process = subprocess.Popen(
            command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Engine:
    """Listens on `port`; has one image, `worker:latest`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.containers: dict[str, Container] = {}
        self.answers = threading.Event()
        self.answers.set()
        engine = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                engine.answers.wait()
                url = urlsplit(self.path)
                path = re.sub(r"^/v[\d.]+", "", url.path)
                status, answer = engine.answer(
                    self.command, path, parse_qs(url.query), json.loads(body or b"null")
                )
                text = b"" if answer is None else json.dumps(answer).encode()
                with contextlib.suppress(ConnectionError):
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)

            do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the server's names

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(  # noqa: PLR0911 - one for each address
        self, method: str, path: str, query: dict[str, list[str]], body: Any
    ) -> Any:
        if path == "/version":
            return 200, {"ApiVersion": "1.43"}
        if path == "/images/json":
            return 200, [{"RepoTags": ["worker:latest"]}]
        if path == "/containers/json":
            return 200, [
                {
                    "Id": c.id,
                    "Names": [f"/{c.name}"],
                    "State": "running" if c.runs else "exited",
                }
                for c in self.containers.values()
            ]
        if path == "/containers/create":
            made = Container(query["name"][0], body["Env"], self.directory)
            self.containers[made.id] = made
            return 201, {"Id": made.id}
        found = self.containers.get(path.split("/")[2])
        if found is None:
            return 404, {"message": "no such container"}
        if method == "DELETE":
            found.kill()
            del self.containers[found.id]
            return 204, None
        if path.endswith("/start"):
            found.start()
            return 204, None
        if path.endswith("/stop"):
            found.kill()
            return 204, None
        return 200, {"StatusCode": 0}

    def running(self) -> list[Container]:
        return [each for each in list(self.containers.values()) if each.runs]

    def signal(self, number: int) -> None:
        for each in self.running():
            assert each.process
            os.killpg(each.process.pid, number)

    @contextlib.contextmanager
    def hang(self) -> Iterator[None]:
        self.answers.clear()
        try:
            yield
        finally:
            self.answers.set()

    def close(self) -> None:
        self.answers.set()
        self.server.shutdown()
        for each in self.containers.values():
            each.kill()
