"""A stock Buildbot master in a process of its own, with one worker and one builder named `kit`."""

from __future__ import annotations

import contextlib
import http
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from buildbot_lifecycle.testing.driver import NAME, Driver

T = TypeVar("T")

POLL = 0.05  # seconds

_CONFIG = """\
from buildbot.plugins import schedulers, steps, util, worker
from buildbot_lifecycle.www.reactor import answer_in_reactor
from buildbot_lifecycle.testing.witness import Witness

answer_in_reactor()

{setup}

c = BuildmasterConfig = {{}}
c['buildbotNetUsageData'] = None
c['buildbotURL'] = 'http://127.0.0.1:{www}/'
c['www'] = {{'port': 'tcp:{www}:interface=127.0.0.1', 'plugins': {{}}}}
c['protocols'] = {{'pb': {{'port': 'tcp:{pb}'}}}}
c['db'] = {{'db_url': 'sqlite:///state.sqlite'}}
c['services'] = [Witness()]
c['workers'] = [{worker}]


@util.renderer
def command(props):
    until = props.getProperty('until')
    return ['/bin/sh', '-c', 'until [ ! -e "$0" ]; do sleep 0.1; done', until or '/nonexistent']


c['builders'] = [
    util.BuilderConfig(
        name='{name}',
        workernames=['{name}'],
        factory=util.BuildFactory([steps.ShellCommand(command=command, name='run')]),
    )
]
c['schedulers'] = [
    schedulers.ForceScheduler(
        name='force',
        builderNames=['{name}'],
        properties=[util.StringParameter(name='until', default='')],
    )
]
"""


class TooLate(Exception):
    """What was waited for did not come. The text says what it was."""


class Master:
    """`with Master(driver, directory) as master:`; killed at the end, with all that it spawned."""

    def __init__(self, driver: Driver, directory: Path, worker: str | None = None) -> None:
        self.directory = directory / "master"
        self._driver = driver
        self._www, self._pb = _free_port(), _free_port()
        self._worker = worker or driver.worker
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: http.client.HTTPConnection | None = None
        self._held = directory / "held"

    def __enter__(self) -> Master:
        self._buildbot("create-master", "-q", str(self.directory))
        config = _CONFIG.format(
            setup=self._driver.setup, worker=self._worker, name=NAME, www=self._www, pb=self._pb
        )
        (self.directory / "master.cfg").write_text(config, encoding="utf-8")
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)

    def start(self) -> None:
        """Start it, and wait until it answers. Raises TooLate with its log if it does not."""
        with (self.directory / "output").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603
                [*self._command(), "start", "--nodaemon", str(self.directory)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **self._driver.env},
                start_new_session=True,
            )
        try:
            self.wait(lambda: self._get("masters"), 60, "the master's start")
        except TooLate as error:
            raise TooLate(f"{error}\n{self.log()[-3000:]}") from None

    @staticmethod
    def _command() -> list[str]:
        return [sys.executable, "-c", "from buildbot.scripts.runner import run; run()"]

    def _buildbot(self, *arguments: str) -> None:
        subprocess.run(  # noqa: S603
            [*self._command(), *arguments], check=True, timeout=120, stdin=subprocess.DEVNULL
        )

    def log(self) -> str:
        """Its log."""
        path = self.directory / "twistd.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # its life

    def terminate(self, timeout: float) -> float | None:
        """Ask it to stop; the seconds that it took, or None if it was still there after `timeout`."""
        assert self._process is not None
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        return time.monotonic() - began

    def kill(self) -> None:
        """End its process without warning, and no other."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(10)

    # builds

    def force(self, *, hold: bool = False) -> int:
        """Ask for a build; with `hold` its step runs until `release`. The request's id."""
        if hold:
            self._held.touch()
        params = {"builderid": self._get("builders")["builders"][0]["builderid"], "owner": "kit"}
        if hold:
            params["until"] = str(self._held)
        call = {"jsonrpc": "2.0", "method": "force", "id": 1, "params": params}
        answer = self._http("forceschedulers/force", json.dumps(call).encode())
        return int(next(iter(answer["result"][1].values())))

    def release(self) -> None:
        """Let builds that are held end."""
        self._held.unlink(missing_ok=True)

    def builds(self, request: int) -> list[dict[str, Any]]:
        """The builds of a request: several when Buildbot tried again."""
        query = f"builds?buildrequestid={request}&order=buildid"
        found: list[dict[str, Any]] = self._get(query)["builds"]
        return found

    def wait_finished(self, request: int, timeout: float) -> str | None:
        """Wait for the end of a request; None if it succeeded, else how it ended."""
        asked = self.wait(lambda: self.finished(request), timeout, "the end of a build")
        return None if asked["results"] == 0 else f"the build ended with result {asked['results']}"

    def finished(self, request: int) -> Any:
        """What a build request came to; None while it has not."""
        asked = self._get(f"buildrequests/{request}")["buildrequests"][0]
        return asked if asked["complete"] else None

    def wait_running(self, request: int, timeout: float) -> None:
        """Wait until the step of its newest build runs."""

        def runs() -> bool:
            build = self.builds(request)[-1]
            steps = self._get(f"builds/{build['buildid']}/steps")["steps"]
            return any(step["name"] == "run" and step["started_at"] for step in steps)

        self.wait(runs, timeout, "a build that runs on the worker")

    # what the witness saw

    def seen(self) -> list[dict[str, Any]]:
        """All its lines."""
        path = self.directory / "witness.jsonl"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def ended(self, call: str) -> list[dict[str, Any]]:
        """How the calls of a driver's method ended, with the seconds that each took."""
        found, began = [], 0.0
        for line in self.seen():
            if line.get("call") == call and line["what"] == "call":
                began = line["at"]
            elif line.get("call") == call:
                found.append({**line, "seconds": line["at"] - began})
        return found

    def state(self) -> str:
        """The worker's state."""
        states = [line["state"] for line in self.seen() if line["what"] == "state"]
        return str(states[-1]) if states else "not_substantiated"

    def wait(self, predicate: Callable[[], T], timeout: float, what: str) -> T:
        """Ask until the answer is true, and return it. Raises TooLate after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            with contextlib.suppress(OSError, LookupError, ValueError):
                answer = predicate()
                if answer:
                    return answer
            if time.monotonic() > deadline:
                raise TooLate(f"{what} did not come within {timeout:g} s")
            time.sleep(POLL)

    def _get(self, path: str) -> Any:
        return self._http(path)

    def _http(self, path: str, body: bytes | None = None) -> Any:
        """Ask over one kept connection.

        Buildbot 4.3 writes these answers from a thread, and a connection that is closed right upon the
        answer may leave a dead descriptor in the reactor: its web server is then gone for good.
        """
        kept, self._connection = self._connection, None
        if kept is not None:
            # Or the other side has closed it while it was idle.
            with contextlib.suppress(ConnectionError):
                return self._ask(kept, path, body)
        fresh = http.client.HTTPConnection("127.0.0.1", self._www, timeout=20)
        return self._ask(fresh, path, body)

    def _ask(self, connection: http.client.HTTPConnection, path: str, body: bytes | None) -> Any:
        method = "GET" if body is None else "POST"
        try:
            connection.request(
                method, f"/api/v2/{path}", body, {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            raise
        self._connection = connection
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise LookupError(f"{method} {path}: HTTP {answer.status} {text[:200]!r}")
        return json.loads(text)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
