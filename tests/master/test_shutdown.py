"""The stop ends, always: the four situations in which stock Buildbot hangs, and the healthy one."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.conftest import MakeMaster
from tests.harness.coroutine_workers import expression as coroutine_worker
from tests.harness.master import RealMaster, worker
from tests.harness.waiting import patient
from tests.master.support import (
    FEW_SECONDS,
    LIFECYCLE,
    START_LIFECYCLE,
    STUCK_AFTER,
    dead_by_tls,
    get_stuck,
    rows,
)

pytestmark = pytest.mark.master

GRACE = LIFECYCLE["shutdown_grace"]


def assert_all_written(master: RealMaster, name: str) -> None:
    """The process is gone, its end is in the database, and so is the worker's."""
    assert rows(master, "select ended_how from lifecycle_incarnations") == [("clean",)]
    query = f"select state from lifecycle_workers where name = '{name}'"
    assert rows(master, query) == [("shut_down",)]
    assert rows(master, "select count(*) from lifecycle_episodes where ended_at is null") == [(0,)]


@pytest.mark.parametrize("kind", ["StuckStopDeferred", "StuckStopCoroutine", "StuckStopThread"])
def test_a_stop_that_never_ends_is_released(make_master: MakeMaster, kind: str) -> None:
    master = make_master([worker(kind, "stuck")], lifecycle=LIFECYCLE)
    master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="stop_pending")
    master.stop(GRACE + FEW_SECONDS)
    assert_all_written(master, "stuck")
    what = rows(master, "select what, actor, status from lifecycle_actions")
    assert what == [("shutdown-release", "shutdown", "done")]
    assert rows(master, "select count(*) from lifecycle_orphans") == [(1,)]


def test_a_stop_that_is_not_stuck_yet_is_waited_for_until_it_is(make_master: MakeMaster) -> None:
    settings = {**LIFECYCLE, "stuck_after": {"insubstantiating": 6}, "shutdown_grace": 0}
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=settings)
    master.force_build("stuck")
    seen = master.wait_worker("stuck", state="insubstantiating")
    master.stop(6 + FEW_SECONDS)
    assert_all_written(master, "stuck")
    ((released_at,),) = rows(master, "select at from lifecycle_actions")
    assert released_at >= seen["pending"]["since"] + 6


def test_a_worker_that_comes_back_after_its_stop_does_not_hold_the_masters_stop(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("SurvivesStop", "survivor")], lifecycle=LIFECYCLE)
    master.build("survivor")
    master.wait_worker("survivor", held=lambda n: n > 0)
    master.stop(FEW_SECONDS)
    assert_all_written(master, "survivor")


def test_a_healthy_stop_of_a_few_seconds_does_not_hold_the_masters_stop(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    ends = tmp_path / "ends"
    slow = worker("StuckStopKillsLate", "slow", release_file=ends)
    master = make_master([slow], lifecycle=LIFECYCLE)
    master.build("slow")
    master.wait_worker("slow", held=lambda n: n > 0)
    ends.touch()
    seen = master.wait_worker("slow", state="not_substantiated", held=lambda n: n > 0)
    assert seen["verdict"]["level"] == "ok"
    master.stop(FEW_SECONDS)
    assert_all_written(master, "slow")
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]


def test_a_healthy_master_stops_as_fast_as_a_stock_one_and_writes_its_end(
    make_master: MakeMaster,
) -> None:
    with_us = make_master([worker("Healthy", "healthy")], lifecycle=LIFECYCLE)
    stock = make_master([worker("Healthy", "healthy")], plugin=False)
    for master in (with_us, stock):
        master.build("healthy")
    assert with_us.stop() - stock.stop() < patient(3)
    assert_all_written(with_us, "healthy")


def test_a_build_that_waits_for_a_hung_start_does_not_hold_the_stop(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("StuckStart", "stuck")], lifecycle=START_LIFECYCLE)
    master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="start_pending")
    master.stop(GRACE + FEW_SECONDS)
    assert_all_written(master, "stuck")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
def test_the_other_ways_to_stop_a_master_end_too(make_master: MakeMaster, number: int) -> None:
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=LIFECYCLE)
    master.force_build("stuck")
    get_stuck(master, "stuck")
    master._leaving = True
    master.signal(number)
    master.wait_exit(GRACE + FEW_SECONDS)
    assert_all_written(master, "stuck")


def test_the_log_says_what_the_stop_waits_for(make_master: MakeMaster) -> None:
    settings = {**LIFECYCLE, "stuck_after": {"insubstantiating": 15}, "shutdown_grace": 0}
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=settings)
    master.force_build("stuck")
    master.wait_worker("stuck", state="insubstantiating")
    master.sigterm()
    master.wait_log(r"lifecycle: the stop was asked for \d+ s ago; waiting for:", timeout=15)
    master.wait_log(r"lifecycle:   stuck: stop_instance, for \d+ s; released in", timeout=5)
    master.wait_exit(15 + FEW_SECONDS)


def test_the_page_says_what_would_block_a_stop(make_master: MakeMaster) -> None:
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=LIFECYCLE)
    master.force_build("stuck")
    get_stuck(master, "stuck")
    (mine,) = master.api("shutdown")["shutdown"]
    assert mine["live"] is True
    assert mine["stopping_since"] is None
    (blocker,) = mine["blockers"]
    assert (blocker["worker"], blocker["what"]) == ("stuck", "stop_instance")
    assert blocker["releasable"] is True
    assert 0 <= blocker["release_in_s"] <= GRACE


def test_a_second_master_started_by_mistake_leaves_the_living_one_alone(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=LIFECYCLE)
    master.force_build("stuck")
    get_stuck(master, "stuck")
    pid = os.fork()
    if pid == 0:
        os.chdir(master.basedir.parent)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        buildbot = str(master.python.parent / "buildbot")
        os.execve(buildbot, [buildbot, "start", "--nodaemon", str(master.basedir)], master.env)
    try:
        master.wait_log("another process records for this master directory", timeout=30)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert master.worker("stuck")["state"] == "insubstantiating"
    assert rows(master, "select ended_at from lifecycle_incarnations") == [(None,)]


def test_a_connection_whose_network_died_does_not_hold_the_stop(make_master: MakeMaster) -> None:
    settings = {**LIFECYCLE, "stuck_after": {**STUCK_AFTER, "stale_connection": 2}}
    master, proxy = dead_by_tls(make_master, "stale", lifecycle=settings)
    get_stuck(master, "stale", verdict__code="stale_connection")
    (blocker,) = master.api("shutdown")["shutdown"][0]["blockers"]
    assert (blocker["worker"], blocker["what"]) == ("stale", "connection")
    master.stop(GRACE + FEW_SECONDS)
    assert_all_written(master, "stale")
    what = rows(master, "select what, actor, status from lifecycle_actions")
    assert what == [("shutdown-release", "shutdown", "done")]
    proxy.close()


def test_a_worker_class_of_coroutines_is_released_like_any_other(make_master: MakeMaster) -> None:
    master = make_master([coroutine_worker("CoroutineStuckStop", "stuck")], lifecycle=LIFECYCLE)
    master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="stop_pending")
    master.stop(GRACE + FEW_SECONDS)
    assert_all_written(master, "stuck")
    what = rows(master, "select what, actor, status from lifecycle_actions")
    assert what == [("shutdown-release", "shutdown", "done")]


def test_a_clean_stop_of_a_worker_class_of_coroutines_is_no_crash(make_master: MakeMaster) -> None:
    healthy = coroutine_worker("CoroutineHealthy", "healthy", build_wait_timeout=600, stop_delay=1)
    # on a busy machine its stop of a second may take several
    settings = {**LIFECYCLE, "stuck_after": {**STUCK_AFTER, "insubstantiating": 60}}
    master = make_master([healthy], lifecycle=settings)
    assert master.build("healthy")["results"] == 0
    assert master.worker("healthy")["connected"] is True
    master.stop(FEW_SECONDS)
    assert_all_written(master, "healthy")
    outcomes = rows(master, "select outcome from lifecycle_episodes")
    assert outcomes == [("ok",)]
    master.start()
    assert master.wait_worker("healthy", state="not_substantiated")["verdict"]["level"] == "ok"
    assert rows(master, "select count(*) from lifecycle_orphans") == [(0,)]


def test_a_second_sigterm_releases_at_once_what_is_waited_for(make_master: MakeMaster) -> None:
    """With the default limits: a stop that has just begun to hang would be waited for ten minutes."""
    master = make_master([worker("StuckStopDeferred", "stuck")])
    master.force_build("stuck")
    master.wait_worker("stuck", state="insubstantiating", pending=bool)
    master.sigterm()
    # from the first signal on it is said what a second one does
    master.wait_log(r"lifecycle: the stop was asked for .* ago; waiting for:")
    master.wait_log(r"lifecycle:   stuck: stop_instance, for .*; released in \d+ min")
    master.wait_log(r"lifecycle:   another SIGTERM releases all of it at once")
    master.sigterm().wait_exit(FEW_SECONDS)
    assert "a second signal (SIGTERM): what is waited for is released now" in master.log()
    assert_all_written(master, "stuck")
    what = rows(master, "select what, actor, status from lifecycle_actions")
    assert what == [("shutdown-release", "shutdown", "done")]
    assert rows(master, "select count(*) from lifecycle_orphans") == [(1,)]


@pytest.mark.parametrize("signals", ["USR1 TERM TERM", "TERM INT"])
def test_a_process_that_ends_before_its_stop_has_is_told_as_stopped(
    make_master: MakeMaster, signals: str
) -> None:
    """Of a clean stop Buildbot stops the reactor once no build runs, although SIGTERM stops the rest."""
    limits = {**LIFECYCLE["stuck_after"], "insubstantiating": 600, "substantiating_starting": 600}
    master = make_master(
        [worker("StuckStopDeferred", "up", build_wait_timeout=600), worker("StuckStart", "stuck")],
        lifecycle={**LIFECYCLE, "stuck_after": limits},
    )
    assert master.build("up")["results"] == 0
    master.force_build("stuck")
    master.wait_worker("stuck", state="substantiating_starting", pending=bool)
    for number, name in enumerate(signals.split()):
        since = master.log_size()
        master.signal(getattr(signal, f"SIG{name}"))
        if name == "USR1":
            master.wait_log("Waiting for 1 build", since)
        elif number < len(signals.split()) - 1:
            master.wait_log("another SIGTERM releases all of it at once", since)
    master.wait_exit(FEW_SECONDS)
    master.start()
    master.wait_worker("up", state="not_substantiated")
    first, _ = rows(master, "select ended_how from lifecycle_incarnations order by id")
    assert first == ("clean",)
    died = "select count(*) from lifecycle_events where kind = 'master_died'"
    assert rows(master, died) == [(0,)]
    # with a worker that was still up, or after all were released: as far as it came
    told = str(rows(master, "select data from lifecycle_events where kind = 'recording_ended'"))
    assert "the master was stopped" in told
    # what was up may run on
    assert "up" in {orphan["worker"] for orphan in master.api("orphans")["orphans"]}
