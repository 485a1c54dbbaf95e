"""`make demo`, as its user meets it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildbot_lifecycle.demo.processes import kill_marked, marked
from tests.harness import web
from tests.harness.master import API, ROOT
from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until

pytestmark = pytest.mark.master

MARK = "BUILDBOT_LIFECYCLE_TEST_DEMO"


class RunningDemo:
    """The command, with a temporary directory of its own to look into afterwards."""

    def __init__(self, scratch: Path) -> None:
        self.scratch, self.output = scratch, scratch / "printed"
        (scratch / "tmp").mkdir()
        self.port = free_port()
        self.mark = str(scratch)
        env = {**os.environ, MARK: self.mark, "TMPDIR": str(scratch / "tmp")}
        command = [sys.executable, "-m", "buildbot_lifecycle.demo"]
        command += ["--port", str(self.port), "--worker-port", str(free_port())]
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env=env, cwd=ROOT
            )

    def printed(self) -> str:
        return self.output.read_text()

    def workers(self) -> dict[str, str]:
        answer = web.request("GET", f"http://127.0.0.1:{self.port}/{API}/workers").ok()
        return {w["name"]: w["verdict"]["level"] for w in answer.json["workers"]}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningDemo]:
    running = RunningDemo(tmp_path)
    yield running
    kill_marked(MARK, running.mark, patient(10))
    running.process.wait(patient(10))


def wait_for_page(demo: RunningDemo) -> None:
    address = f"http://127.0.0.1:{demo.port}/#/lifecycle"
    wait_until(lambda: address in demo.printed(), 60, "the address")
    assert len(wait_until(demo.workers, 30, "workers")) >= 7


def end(demo: RunningDemo, number: signal.Signals) -> None:
    demo.process.send_signal(number)
    assert demo.process.wait(patient(40)) == 0, demo.printed()
    assert marked(MARK, demo.mark) == []
    assert list((demo.scratch / "tmp").iterdir()) == []


def test_the_demonstration_shows_a_stuck_worker_and_control_c_leaves_nothing_behind(
    demo: RunningDemo,
) -> None:
    wait_for_page(demo)
    wait_until(lambda: demo.workers()["stuck-stop"] == "stuck", 90, "stuck-stop to be stuck")
    end(demo, signal.SIGINT)


def test_the_demonstration_ends_on_sigterm_though_workers_are_just_starting(
    demo: RunningDemo,
) -> None:
    wait_for_page(demo)
    end(demo, signal.SIGTERM)


def test_a_taken_port_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "buildbot_lifecycle.demo", "--port", str(port)],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=patient(60),
            check=False,
            cwd=ROOT,
        )
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr
    assert list(Path(tmp_path).iterdir()) == []
