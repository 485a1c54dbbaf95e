"""A real nginx before a Buildbot, as in Buildbot's manual, and as people forget a half of it."""

from __future__ import annotations

import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until

_CONFIG = """
daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/f;
    uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
    {servers}
}}
"""

_SERVER = """
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass {target}; proxy_set_header Host $http_host; }}
        {more}
    }}
"""

#: What passes the websocket on.
UPGRADE = """
        location /ws {{
            proxy_pass {target}ws; proxy_http_version 1.1; proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";
        }}
"""

#: A login page before everything, and a master that is away.
LOGIN = "location /plugins {{ default_type text/html; return 200 '<html>Log in</html>'; }}"


class Proxies:
    """A server for each of `servers`: a name, the address behind it, what more stands in its block."""

    def __init__(self, directory: Path, servers: dict[str, tuple[str, str]]) -> None:
        directory.mkdir()
        ports = {name: free_port() for name in servers}
        self.urls = {name: f"http://127.0.0.1:{port}/" for name, port in ports.items()}
        blocks = [
            _SERVER.format(port=ports[name], target=target, more=more.format(target=target))
            for name, (target, more) in servers.items()
        ]
        config = directory / "nginx.conf"
        config.write_text(_CONFIG.format(here=directory, servers="".join(blocks)), "utf-8")
        found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        assert found is not None, "nginx is not installed: see tests/harness/need.py"
        self._log = directory / "error.log"
        self._process = subprocess.Popen(
            [found, "-c", str(config), "-e", str(self._log)], stdin=subprocess.DEVNULL
        )

    def __enter__(self) -> Proxies:
        for url in self.urls.values():
            wait_until(lambda url=url: self._answers(url), 20, "nginx to answer")  # type: ignore[misc]
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(patient(10))

    def _answers(self, url: str) -> bool:
        assert self._process.poll() is None, self._log.read_text("utf-8")
        try:
            with urllib.request.urlopen(url, timeout=patient(5)):
                return True
        except urllib.error.HTTPError:
            return True
