"""`watch`: what is drawn on a terminal, what is told elsewhere, and an outage between."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from typing import Any

import pytest

from buildbot_lifecycle.shell import terminal, watching
from tests.harness.master import ROOT
from tests.harness.waiting import patient
from tests.shell.conftest import Fake, Shell
from tests.shell.examples import verdict, worker, workers

Naps = Callable[[int], list[float]]


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> Naps:
    """So many looks, and then Ctrl-C; how long was waited between them."""

    def until(looks: int) -> list[float]:
        slept: list[float] = []

        def nap(seconds: float) -> None:
            slept.append(seconds)
            if len(slept) == looks:
                raise KeyboardInterrupt

        monkeypatch.setattr(watching.time, "sleep", nap)
        return slept

    return until


def row(number: int, **changes: Any) -> dict[str, Any]:
    return worker(workerid=number, name=f"w{number}", **changes)


def test_each_worker_is_told_once_and_then_what_changes(
    fake: Fake, shell: Shell, naps: Naps
) -> None:
    well, stuck = row(1, verdict=verdict("ok")), row(1, verdict=verdict("stuck"))
    older = {
        **stuck,
        "updated_at": 0.0,
        "last_sign": 5.0,
        "verdict": verdict("stuck") | {"reason": "x"},
    }
    fake.put(
        "GET",
        "/workers",
        workers(well, row(2)),
        workers(stuck, row(2)),
        workers(older),
        workers(older),
    )
    slept = naps(4)
    done = shell("watch", "--level", "stuck", "--every", "7")
    assert done.exit_code == 130, done.output
    told = [re.sub(r"^\S+ \S+  ", "", line) for line in done.stdout.splitlines()]
    assert [line.split("  ")[:2] for line in told] == [
        ["w2", "stuck"],
        ["w1", "ok"],
        ["w1", "stuck"],
        ["w2", "(no longer in what is shown)"],
    ]
    assert "it is stuck" in told[2]
    assert slept == [7.0] * 4
    assert fake.asked[0][2] == [("level", "stuck")]


def test_changes_are_objects_for_programs(fake: Fake, shell: Shell, naps: Naps) -> None:
    fake.put("GET", "/workers", workers(row(1)), workers())
    naps(2)
    lines = [json.loads(line) for line in shell("watch", "--json").stdout.splitlines()]
    assert [each["change"] for each in lines] == ["shown", "not_shown"]
    assert lines[0]["worker"] == row(1)


def test_one_name_on_two_masters_is_two_workers() -> None:
    before = {(1, 1): row(1, masterid=1), (1, 2): row(1, masterid=2)}
    after = {(1, 1): row(1, masterid=1), (1, 2): row(1, masterid=2, live=False)}
    (change,) = watching.changes(before, after)
    assert change.worker["masterid"] == 2
    assert "NOT UP" in watching.line_of(change, 0.0)


def test_an_outage_is_a_line_and_its_end_another(fake: Fake, shell: Shell, naps: Naps) -> None:
    fake.put("GET", "/workers", workers(row(1)), None, None, workers(row(1)), workers(row(1)))
    naps(5)
    done = shell("watch")
    assert done.exit_code == 130
    assert len(done.stdout.splitlines()) == 1  # nobody is said to have changed
    assert done.stderr.count("asking again") == 1
    assert done.stderr.count("answers again") == 1


def test_what_is_no_outage_ends_it(fake: Fake, shell: Shell, naps: Naps) -> None:
    naps(9)
    fake.put("GET", "/workers", None)
    assert shell("watch").exit_code == 3  # the address may be wrong: nothing was ever seen
    error = {"error": "who are you", "code": "not_logged_in"}
    fake.put("GET", "/workers", workers())
    fake.answers["GET", "/plugins/lifecycle/api/v1/workers"].append((401, error, {}))
    done = shell("watch")
    assert done.exit_code == 4
    assert "login" in done.stderr


def test_slow_answers_are_asked_for_less_often(
    fake: Fake, shell: Shell, naps: Naps, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake.put("GET", "/workers", workers())
    times = iter([0.0, 3.0, 40.0, 40.1])
    monkeypatch.setattr(watching.time, "monotonic", lambda: next(times))
    slept = naps(2)
    shell("watch", "--every", "2")
    assert slept == [27.0, 2.0]


@pytest.fixture
def tty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "can_draw", lambda: True)
    monkeypatch.setattr(terminal, "columns", lambda: 60)
    monkeypatch.setattr(terminal, "height", lambda: 8)


def screens(output: str) -> list[list[str]]:
    """What stands on the terminal after each look."""
    parts = output.split("\x1b[H")[1:]
    return [part.replace("\x1b[K", "").replace("\x1b[J", "").splitlines() for part in parts]


@pytest.mark.usefixtures("tty")
def test_a_terminal_is_drawn_anew_and_nothing_leaves_it(
    fake: Fake, shell: Shell, naps: Naps
) -> None:
    long = {**verdict("stuck"), "reason": "a long reason 工 " * 20}
    many = [row(n, verdict=verdict("ok")) for n in range(1, 8)]
    fake.put("GET", "/workers", workers(*many, row(9, verdict=long)), workers(row(1)))
    naps(2)
    done = shell("watch", color=True)
    assert done.exit_code == 130
    # click's runner keeps the sequences with color=True only
    first, second = screens(done.output)
    assert len(first) < 8
    assert "8 workers, 1 stuck" in first[0]
    assert "w9" in first[2]
    assert "and 4 more" in first[-1]
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in first]
    assert max(map(terminal.width_of, plain)) <= 60
    assert "1 worker," in second[0]
    assert "w1" in second[2]
    assert "longer than its limit" in second[-1]  # there is room for the whole reason
    assert done.output.count("\x1b[J") == 2  # what stood below is taken away


@pytest.mark.usefixtures("tty")
def test_a_terminal_says_that_what_it_shows_is_old(fake: Fake, shell: Shell, naps: Naps) -> None:
    fake.put("GET", "/workers", workers(row(1)), None, workers(row(1)))
    naps(3)
    first, second, third = screens(shell("watch", color=True).output)
    assert "NO ANSWER" not in first[0]
    assert "NO ANSWER for" in second[0]
    assert "as of" in second[0]
    assert "w1" in second[2]
    assert "NO ANSWER" not in third[0]


@pytest.mark.usefixtures("tty")
def test_lines_can_be_had_on_a_terminal(fake: Fake, shell: Shell, naps: Naps) -> None:
    fake.put("GET", "/workers", workers(row(1)))
    naps(1)
    assert "\x1b[H" not in shell("watch", "--lines", color=True).output


_REAL = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    " from buildbot_lifecycle.shell.main import main; main(prog_name='buildbot-lifecycle')"
)


@pytest.mark.process
def test_on_a_real_terminal_ctrl_c_ends_it_with_130(fake: Fake, shell: Shell) -> None:
    fake.put("GET", "/workers", workers(row(1)))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 10, 50, 0, 0))
    env = {**os.environ, **{key: value for key, value in shell.env.items() if value is not None}}
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        env.pop(name, None)
    watched = subprocess.Popen(
        [sys.executable, "-c", _REAL, "watch", "--every", "1000"],
        env={**env, "TERM": "xterm", "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    try:
        seen = b""
        while b"\x1b[J" not in seen:  # the end of a screen
            seen += os.read(ours, 4096)
        watched.send_signal(signal.SIGINT)
        assert watched.wait(patient(10)) == 130
    finally:
        watched.kill()
        watched.wait()
        os.close(ours)
    (lines,) = screens(seen.decode())
    assert "1 worker, 1 stuck" in lines[0]
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert max(map(len, plain)) <= 50
    assert "\x1b[31m" in seen.decode()
