"""A real Prometheus that scrapes one master, in the foreground, with files in a directory of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: buildbot
    metrics_path: {path}
    authorization: {{type: Bearer, credentials: "{token}"}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Prometheus:
    """A server; use it as a context manager."""

    def __init__(self, directory: Path, *, port: int, path: str, token: str, rules: Path) -> None:
        directory.mkdir()
        self._port = free_port()
        config = directory / "prometheus.yml"
        text = CONFIG.format(rules=rules, path=path, token=token, port=port)
        config.write_text(text, encoding="utf-8")
        found = shutil.which("prometheus")
        assert found is not None, "prometheus is not installed: see tests/harness/need.py"
        with (directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    found,
                    f"--config.file={config}",
                    f"--storage.tsdb.path={directory / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        self._log = directory / "log"

    def __enter__(self) -> Prometheus:
        wait_until(self._is_up, 30, "prometheus to answer")
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(patient(20))

    def _is_up(self) -> bool:
        assert self._process.poll() is None, self._log.read_text(encoding="utf-8")
        try:
            return bool(self.query("1"))
        except OSError:
            return False

    def query(self, expression: str) -> list[dict[str, Any]]:
        """What this expression is now; raises for one that Prometheus does not take."""
        asked = urllib.parse.urlencode({"query": expression})
        url = f"http://127.0.0.1:{self._port}/api/v1/query?{asked}"
        with urllib.request.urlopen(url, timeout=patient(10)) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def firing(self, alert: str) -> list[dict[str, str]]:
        """The labels of the alerts of this name that fire now."""
        url = f"http://127.0.0.1:{self._port}/api/v1/alerts"
        with urllib.request.urlopen(url, timeout=patient(10)) as answer:
            alerts = json.load(answer)["data"]["alerts"]
        return [
            each["labels"]
            for each in alerts
            if each["labels"]["alertname"] == alert and each["state"] == "firing"
        ]
