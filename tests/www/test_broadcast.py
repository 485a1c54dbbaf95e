"""What Buildbot sends to whoever listens: `/sse` asks nobody for rights, so no words may be in it."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.harness.master import worker
from tests.www.served import Master

#: Nobody but alice may read anything of workers.
SHUT = "c['www']['authz'] = rules.workers_shut()\n"

REASON = "TOPSECRETREASON of the customer"


class Listener(threading.Thread):
    """An anonymous client of `/sse`; ``heard`` is all that it was sent."""

    def __init__(self, port: int, key: str) -> None:
        super().__init__(daemon=True)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._connection.request("GET", f"/sse/listen/{key}")
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        self._lines = [self._answer.readline()]
        self._came = threading.Condition()
        self.start()

    def run(self) -> None:
        while line := self._answer.readline():
            with self._came:
                self._lines.append(line)
                self._came.notify_all()

    @property
    def heard(self) -> str:
        return b"".join(self._lines).decode()

    def wait_for(self, text: str) -> None:
        with self._came:
            assert self._came.wait_for(lambda: text in self.heard, 30), self.heard


@pytest.mark.master
def test_who_may_read_nothing_hears_neither_who_forced_nor_why(tmp_path: Path) -> None:
    stuck = [worker("StuckStopDeferred", "stuck")]
    settings = {"stuck_after": {"insubstantiating": 1}}
    with Master(tmp_path, workers=stuck, lifecycle=settings, extra=SHUT) as master:
        assert master.client.get("/workers").status == 401
        listeners = [Listener(master.real.port, key) for key in ("*/*/*", "*/*/*/*")]
        master.real.force_build("stuck")

        def seen() -> dict[str, Any]:
            (row,) = master.client.get("/workers/stuck", "alice").json["workers"]
            return dict(row)

        def is_stuck() -> bool:
            return bool(seen()["verdict"]["level"] == "stuck")

        master.real.wait_until(is_stuck, 60, "stuck")
        reply = master.client.force("stuck", episode=seen()["episode"], reason=REASON)
        assert reply.status == 200
        action = reply.json["action"]
        listeners[0].wait_for('"paused": true')
        listeners[0].wait_for('"action"')
        said = f"force disconnect, action {action['id']}"
        assert said in listeners[0].heard
        assert seen()["pause_reason"] == said
        for listener in listeners:
            assert "TOPSECRET" not in listener.heard
            assert "alice" not in listener.heard
        # who may read finds the words behind the number
        (row,) = master.client.get(f"/actions/{action['id']}", "alice").json["actions"]
        assert (row["actor"], row["actor_kind"], row["reason"]) == ("alice", "user", REASON)
