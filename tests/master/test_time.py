"""Whoever sets the wall clock, and while the master is stopped: real masters, by an hour both ways."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.conftest import MakeMaster, need_faketime
from tests.harness.master import RealMaster, worker
from tests.harness.two_times import CHILDREN_HAVE_THE_TRUE_TIME, WallClock
from tests.harness.waiting import wait_until
from tests.master import faults
from tests.master.support import FEW_SECONDS, LIFECYCLE, ask_force, get_stuck

pytestmark = pytest.mark.master

HOUR = 3600

#: Seconds after which a stop is stuck here: long enough to set the clock before.
LIMIT = 8

SETTINGS = {
    **LIFECYCLE,
    "stuck_after": {**LIFECYCLE["stuck_after"], "insubstantiating": LIMIT},
}


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    return WallClock(tmp_path, need_faketime())


def stopping(master: RealMaster, *names: str) -> float:
    """Since when (monotonic) all of them stop, or a little before."""
    began = time.monotonic()
    for name in names:
        master.force_build(name)
    for name in names:
        began = min(began, time.monotonic())
        master.wait_worker(name, 40, state="insubstantiating")
    return began


def beaten(master: RealMaster) -> float:
    """When its run showed a sign of life in the database."""
    with master.db() as db:
        (row,) = db.execute("SELECT heartbeat_at FROM lifecycle_incarnations")
        return float(row["heartbeat_at"])


@pytest.mark.fault
@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_who_sets_the_wall_clock_changes_no_limit(
    make_master: MakeMaster, clock: WallClock, jump: int
) -> None:
    with faults.row(f"clock {'forward' if jump > 0 else 'back'} 1 h", "sqlite") as seen:
        _set_the_clock(make_master, clock, jump, seen)


def _set_the_clock(make_master: MakeMaster, clock: WallClock, jump: int, seen: faults.Row) -> None:
    settings = {**SETTINGS, "workers": {"auto": {"auto_release": {"after": 0}}}}
    workers = [worker("StuckStopDeferred", name) for name in ("auto", "forced", "last")]
    master = make_master(
        workers, lifecycle=settings, env=clock.env, extra=CHILDREN_HAVE_THE_TRUE_TIME
    )
    master.force_build("forced")
    found = master.wait_worker("forced", 40, state="insubstantiating")
    began = time.monotonic()
    clock.set(jump)
    seen.begins()
    master.wait_log(r"the clock of this machine was put (forward|back) by 1 h", timeout=10)
    seen.tells("a line in the log, an event `clock`, `/health`")
    assert master.api("health")["health"]["clock"]["jumps"] == 1
    # the verdict: not before its limit, and not an hour after it
    stuck = get_stuck(master, "forced", 30)
    assert time.monotonic() - began > LIMIT - 3
    seen.ended(f"a limit of {LIMIT} s was over after")
    assert stuck["verdict"]["code"] == found["verdict"]["code"]
    # what is told fits together, by the clock as it goes now
    assert 0 < master.api("workers")["meta"]["now"] - stuck["state_since"] < 300
    # force
    assert ask_force(master, "forced").status in (200, 202)
    master.wait_worker("forced", 20, state="not_substantiated")
    # automatic release
    master.force_build("auto")
    master.wait_worker("auto", 60, state="not_substantiated", paused=True)
    # the durations
    (episode,) = master.api(f"episodes?workerid={stuck['workerid']}")["episodes"]
    assert 0 < episode["stop_s"] < 300
    assert 0 < episode["ended_at"] - episode["started_at"] < 300
    # signs of life: of the wall clock as it is
    master.wait_until(lambda: abs(beaten(master) - time.time() - jump) < 60, 40, "a beat")
    # the stop, while the clock is set right again: what is not stuck yet has its limit, and no more
    began = stopping(master, "last")
    seen.begins()
    since = master.log_size()
    master.sigterm()
    master.wait_log("lifecycle: the stop was asked for", since)
    clock.set(0)
    master.wait_log(r"the clock of this machine was put (forward|back) by 1 h", since)
    master.wait_exit(FEW_SECONDS + LIMIT)
    assert time.monotonic() - began > LIMIT - 3
    seen.ended("a stop, set back meanwhile," if jump > 0 else "a stop, put forward meanwhile,")
    with master.db() as db:
        (row,) = db.execute("SELECT started_at, ended_at, ended_how FROM lifecycle_incarnations")
        assert row["ended_how"] == "clean"
        assert abs(row["ended_at"] - time.time()) < 60
        (row,) = db.execute("SELECT status FROM lifecycle_actions WHERE what = 'shutdown-release'")
        assert row["status"] == "done"
    seen.nothing_lost(f"sqlite:///{master.basedir / 'state.sqlite'}")


@pytest.mark.fault
def test_a_master_that_was_stopped_gives_its_workers_that_time(make_master: MakeMaster) -> None:
    with faults.row("pause of the process", "sqlite") as seen:
        _stop_for_a_while(make_master, seen)


def _stop_for_a_while(make_master: MakeMaster, seen: faults.Row) -> None:
    settings = {**SETTINGS, "auto_release": {"after": 0}}
    master = make_master([worker("StuckStopDeferred", "w")], lifecycle=settings)
    master.force_build("w")
    master.wait_worker("w", 40, state="insubstantiating")
    master.signal(signal.SIGSTOP)
    try:
        stopped = time.monotonic()
        wait_until(lambda: time.monotonic() - stopped > LIMIT + 4, 60, "its limit is past")
    finally:
        master.signal(signal.SIGCONT)
        woke = time.monotonic()
    seen.begins()
    assert master.worker("w")["verdict"]["level"] != "stuck"
    master.wait_log("this process did not run for", timeout=10)
    seen.tells("a line in the log, an event `clock`, `/health`")
    health = master.api("health")["health"]["clock"]
    assert health["gaps"] == 1
    assert health["last_gap"]["seconds"] > LIMIT
    master.wait_worker("w", 60, state="not_substantiated", paused=True)
    # it had to settle, and automatic release looked once more
    assert time.monotonic() - woke > 5
    told = [e for e in master.api("workers/w/events?limit=200")["events"] if e["kind"] == "clock"]
    assert [event["data"]["what"] for event in told] == ["stopped"]
    seen.ended(f"what had had {LIMIT} s was released after")
    master.stop(FEW_SECONDS)
    seen.nothing_lost(f"sqlite:///{master.basedir / 'state.sqlite'}")
