"""A real nginx before a master: the server that docs/security shows, in a directory of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until
from tests.harness.web import answers

DOCS = Path(__file__).parents[2] / "docs" / "security.md"

_MAIN = """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log;
{user}
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
{server}
}}
"""


def find() -> str | None:
    """Where nginx is; None if it is not installed."""
    return shutil.which("nginx", path=f"/usr/sbin:{os.environ.get('PATH', '')}")


def of_the_docs(port: int, master: int, passwords: Path) -> str:
    """The block of docs/security; only what each reader puts in is another: ports, TLS, the file."""
    page = DOCS.read_text(encoding="utf-8")
    (text,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    for theirs, ours in {
        "listen 443 ssl;": f"listen 127.0.0.1:{port};",
        "server_name ci.example.org;": "server_name 127.0.0.1;",
        "    ssl_certificate /etc/nginx/ci.pem;\n": "",
        "    ssl_certificate_key /etc/nginx/ci.key;\n": "",
        "/etc/nginx/buildbot.htpasswd": str(passwords),
        r"https://ci\.example\.org": rf"http://127\.0\.0\.1:{port}",
        "127.0.0.1:8010": f"127.0.0.1:{master}",
    }.items():
        assert theirs in text, theirs
        text = text.replace(theirs, ours)
    return text


class Nginx:
    """It runs in the foreground and ends with the context."""

    def __init__(self, directory: Path, master: int, users: Mapping[str, str]) -> None:
        directory.mkdir()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/"
        passwords = directory / "htpasswd"
        lines = (f"{name}:{{PLAIN}}{password}\n" for name, password in users.items())
        passwords.write_text("".join(lines), encoding="utf-8")
        config = directory / "nginx.conf"
        config.write_text(
            _MAIN.format(
                directory=directory,
                user="user root;" if os.getuid() == 0 else "",
                server=of_the_docs(self.port, master, passwords),
            ),
            encoding="utf-8",
        )
        self._log = directory / "error.log"
        program = find()
        assert program is not None, "nginx is not installed: see tests/harness/need.py"
        self._process = subprocess.Popen(
            [program, "-p", str(directory), "-c", str(config), "-e", str(self._log)],
            stdin=subprocess.DEVNULL,
            stderr=(directory / "stderr").open("wb"),
        )

    def __enter__(self) -> Nginx:
        wait_until(self._is_up, 30, "nginx to answer")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(patient(20))

    def _is_up(self) -> bool:
        said = self._log.with_name("stderr").read_text(encoding="utf-8")
        assert self._process.poll() is None, said
        return answers(self.url)
