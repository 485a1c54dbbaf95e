"""The stop ends within its limit, whatever single calls, threads or a reconfiguration wait for."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

import pytest

from buildbot_lifecycle.core import stops
from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.harness.waiting import patient, wait_until
from tests.master.support import FEW_SECONDS, LIFECYCLE, STUCK_AFTER, get_stuck, rows
from tests.master.test_shutdown import assert_all_written

pytestmark = pytest.mark.master

#: Limits of single calls that no stop could wait for.
HOURS = {"substantiating_starting": 3600, "insubstantiating": 3600}

#: Seconds: of the whole stop.
LIMIT = 12.0

#: Seconds: of a stop after whose releases, `stops.LAST_SECONDS` before its end, Buildbot's own stop has
#: to be seen to end. Of a shorter limit less is left for that: three seconds of twelve, not enough on a
#: busy machine.
WITH_LAST_SECONDS = 2 * stops.LAST_SECONDS


def releases(master: RealMaster) -> list[tuple[Any, ...]]:
    return rows(master, "select what, actor, status from lifecycle_actions")


RELEASED = ("shutdown-release", "shutdown", "done")


def test_single_limits_do_not_add_up_beyond_that_of_the_whole_stop(
    make_master: MakeMaster,
) -> None:
    """An API that has just died: the start hangs, and so does the stop that follows it."""
    driver = "HangsAndHangs('stuck', build_wait_timeout=0)"
    settings = {**LIFECYCLE, "stuck_after": HOURS, "shutdown_limit": WITH_LAST_SECONDS}
    odd = f"__import__('tests.harness.odd_drivers', fromlist=['_']).{driver}"
    master = make_master([odd], lifecycle=settings)
    master.force_build("stuck")
    master.wait_worker("stuck", state="substantiating_starting", pending=bool)
    master.stop(WITH_LAST_SECONDS)
    assert_all_written(master, "stuck")
    assert releases(master) == [RELEASED, RELEASED]
    assert rows(master, "select count(*) from lifecycle_orphans") >= [(1,)]
    assert "the limit of the stop comes near" in master.log()


def test_a_call_for_which_never_was_said_is_released_at_the_limit(make_master: MakeMaster) -> None:
    settings = {
        **LIFECYCLE,
        "stuck_after": {"insubstantiating": None},
        "shutdown_limit": WITH_LAST_SECONDS,
    }
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=settings)
    master.force_build("stuck")
    master.wait_worker("stuck", state="insubstantiating", pending=bool)
    (mine,) = master.api("shutdown")["shutdown"]
    assert mine["limit_s"] == WITH_LAST_SECONDS
    assert (mine["ends_by"], mine["waits"]) == (None, [])
    (blocker,) = mine["blockers"]
    assert blocker["releasable"] is True
    assert 0 < blocker["release_in_s"] < WITH_LAST_SECONDS
    master.stop(WITH_LAST_SECONDS)
    assert_all_written(master, "stuck")
    assert releases(master) == [RELEASED]


def test_a_full_pool_of_threads_is_told_and_a_reconfiguration_that_waits_does_not_hold_the_stop(
    make_master: MakeMaster,
) -> None:
    names = [f"w{number}" for number in range(11)]
    settings = {**LIFECYCLE, "stuck_after": {**STUCK_AFTER, "insubstantiating": 3}}
    master = make_master([worker("StuckStopThread", name) for name in names], lifecycle=settings)
    assert master.api("health")["health"]["threads"]["full_since"] is None
    for name in names:
        master.force_build(name)
    for name in names:
        get_stuck(master, name, 60)
    master.wait_until(
        lambda: master.api("health")["health"]["threads"]["full_since"], 30, "the pool to be full"
    )
    health = master.api("health")["health"]
    assert health["status"] == "degraded"
    threads = health["threads"]
    assert (threads["busy"], threads["most"], threads["queued"]) == (10, 10, 1)
    calls = threads["calls"]
    assert len({call["worker"] for call in calls} & set(names)) == 10
    assert {call["call"] for call in calls} == {"stop_instance"}
    driver = "StuckStopThread._stop_in_thread"
    assert all(driver in [frame["function"] for frame in call["where"]] for call in calls)
    master.wait_log(r"lifecycle: all 10 threads of the reactor's pool are in calls; 1 call waits")
    master.wait_log(r"lifecycle:   PoolThread-twisted.internet.reactor-\d+: w\d+: stop_instance")
    master.reconfig(wait=False, lifecycle={**settings, "shutdown_grace": 2})
    master.wait_log("beginning configuration update")
    (mine,) = master.api("shutdown")["shutdown"]
    assert {wait["what"] for wait in mine["waits"]} == {"reconfig", "threads"}
    master.stop(FEW_SECONDS)
    assert "it gets" in master.log()
    assert rows(master, "select ended_how from lifecycle_incarnations") == [("clean",)]
    assert len(releases(master)) == len(names)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_reconfiguration_that_never_ends_does_not_hold_the_stop(
    make_master: MakeMaster, number: int
) -> None:
    """It holds the lock that Buildbot's stop waits for: our own stop is never called."""
    extra = """
class Waits(util.BuildbotService if hasattr(util, 'BuildbotService') else
            __import__('buildbot.util.service', fromlist=['_']).BuildbotService):
    name = 'waits'
    def reconfigService(self, never=False):
        from twisted.internet import defer
        self.never = defer.Deferred()
        return self.never if never else defer.succeed(None)
c['services'].append(Waits(never={never}))
"""
    settings = {**LIFECYCLE, "shutdown_limit": LIMIT}
    master = make_master(
        [worker("Healthy", "healthy")], lifecycle=settings, extra=extra.replace("{never}", "False")
    )
    assert master.build("healthy")["results"] == 0
    master.reconfig(wait=False, extra=extra.replace("{never}", "True"))
    master.wait_log("beginning configuration update")
    (mine,) = master.api("shutdown")["shutdown"]
    assert [wait["what"] for wait in mine["waits"]] == ["reconfig"]
    master._leaving = True
    master.signal(number)
    master.wait_exit(LIMIT)
    assert "the master leaves without what it still waits for" in master.log()
    assert rows(master, "select ended_how from lifecycle_incarnations") == [("clean",)]
    assert not (master.basedir / "twistd.pid").exists()


def test_a_driver_that_blocks_the_reactor_does_not_hold_the_stop(make_master: MakeMaster) -> None:
    """Nothing that runs in the reactor can end it then; a thread of ours does."""
    driver = "__import__('tests.harness.odd_drivers', fromlist=['_']).BlocksTheReactor('blocks')"
    settings = {**LIFECYCLE, "shutdown_limit": LIMIT}
    master = make_master([driver], lifecycle=settings)
    # the test asks for its end before it blocks: Buildbot's own handlers of signals run in the reactor
    master.force_build("blocks")
    master.wait_log("it blocks in a second")
    master.sigterm()
    master.wait_exit(LIMIT + 5)
    assert "the limit of the stop is over and the master does not end" in master.log()


def test_buildbot_restart_leaves_a_running_master_where_all_is_stuck_already(
    make_master: MakeMaster,
) -> None:
    """In default configuration but for the limits of calls. It gives up after ten seconds."""
    settings = {"stuck_after": {"substantiating_starting": 3, "insubstantiating": 2}}
    kinds = ["StuckStopDeferred", "StuckStopThread", "StuckStart"]
    master = make_master([worker(kind, kind) for kind in kinds], lifecycle=settings)
    for kind in kinds:
        master.force_build(kind)
    for kind in kinds:
        get_stuck(master, kind)
    first, since = master.pid, master.log_size()
    pid_file = master.basedir / "twistd.pid"
    pid_file.write_text(str(first))  # which a master in the foreground does not write
    master._leaving = True
    restart = subprocess.Popen(
        [str(master.python.parent / "buildbot"), "restart", str(master.basedir)],
        env=master.env,
        stdout=subprocess.PIPE,
        text=True,
    )
    # a process that has ended and was not waited for is there, for `buildbot restart`
    assert master.process is not None
    master.process.wait(patient(30))
    said, _ = restart.communicate(timeout=patient(60))
    assert "never saw process go away" not in said
    assert restart.returncode == 0, said
    master.wait_log("BuildMaster is running", since)
    pid = int(pid_file.read_text())
    assert pid != first
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not pid_file.exists(), 30, "the end of the second")


def test_the_grace_is_for_what_becomes_stuck_while_the_master_stops(
    make_master: MakeMaster,
) -> None:
    settings = {**LIFECYCLE, "stuck_after": {"insubstantiating": 4}, "shutdown_grace": 3600}
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=settings)
    master.force_build("stuck")
    get_stuck(master, "stuck")
    master.stop(FEW_SECONDS)
    assert_all_written(master, "stuck")
