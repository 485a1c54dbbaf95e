"""Servers of the API as processes, each with its log: the double, and a real master."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

from tests.harness.master import RealMaster, worker
from tests.harness.waiting import patient
from tests.www.client import Client
from tests.www.double import NAMES, REAL_NAMES

ROOT = Path(__file__).parents[2]

_RIGHTS = """
from tests.www import rules
c['www']['auth'] = rules.auth()
c['www']['authz'] = rules.authz()
"""


class Server(Protocol):
    """What the tests ask of either."""

    client: Client
    #: Its workers.
    names: tuple[str, ...]
    #: The origin of Buildbot's own pages.
    origin: str

    def log(self) -> str:
        """All that it logged."""

    def writes(self, *, only_done: bool = False) -> Any:
        """What was done so far, by this API; ``only_done`` leaves out what was merely asked."""


class Served:
    """A running double; use it as a context manager."""

    origin = "http://master.example"
    names = NAMES

    def __init__(self, directory: Path, *arguments: str) -> None:
        self._log = directory / "double.log"
        with self._log.open("wb") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.www.double", *arguments],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        assert port, self.log()
        self.client = Client(int(port))

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    def writes(self, *, only_done: bool = False) -> Any:
        return self.client.send("GET", "/test/writes").json["done" if only_done else "asked"]

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        # Its stdin is closed, upon which it ends by itself.
        self._process.communicate(timeout=patient(20))


class Master:
    """A real master with the same users and rights."""

    names = REAL_NAMES

    def __init__(self, directory: Path, **options: Any) -> None:
        workers = options.pop("workers", [worker("Healthy", name) for name in REAL_NAMES])
        extra = _RIGHTS + options.pop("extra", "")
        self.real = RealMaster(directory / "master", workers, extra=extra, **options)
        self.origin = self.real.url.rstrip("/")
        self.client = Client(self.real.port)

    def log(self) -> str:
        return self.real.log()

    def writes(self, *, only_done: bool = False) -> Any:
        return [self.client.get(f"/{what}", "alice").json[what] for what in ("actions", "orphans")]

    def __enter__(self) -> Master:
        self.real.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.real.teardown()
