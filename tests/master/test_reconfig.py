"""What a reconfiguration may do to those who are observed, and to the observer, on a real master."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import API, RealMaster, worker
from tests.harness.odd_drivers import odd
from tests.master.support import (
    FEW_SECONDS,
    LIFECYCLE,
    START_SETTINGS,
    events,
    get_stuck,
    latent_machine,
    rows,
)

pytestmark = pytest.mark.master

#: Seconds after which what a stop waits for is cut off (`shutdown_grace` and Buildbot's own grace).
PATIENCE = LIFECYCLE["shutdown_grace"] + 5

#: A worker that stays up, and whose limits no busy machine comes near.
UP: dict[str, Any] = {"build_wait_timeout": 600}
PATIENT: dict[str, Any] = {**LIFECYCLE, "stuck_after": {"insubstantiating": 60}}


def serves_and_stops(master: RealMaster, name: str) -> None:
    """A build that lasts longer than any patience is not cut off, nobody is aborted, and it ends."""
    request = master.force_build(name, seconds=PATIENCE + 3)
    assert master.wait_build(request, 60)["results"] == 0
    assert len(master.builds(request)) == 1
    pids = master.instance_pids(name)
    assert master.worker(name)["connected"]
    assert "the stop was asked for" not in master.log()
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]
    assert pids
    master.stop(FEW_SECONDS)


def test_a_worker_replaced_by_one_of_another_class_serves_and_can_be_stopped(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("Healthy", "w", **UP), worker("Healthy", "other")])
    master.configure(lifecycle=LIFECYCLE)
    master.reconfig()
    assert master.build("w")["results"] == 0
    master.reconfig(workers=[worker("AsyncStop", "w", **UP), worker("Healthy", "other")])
    assert master.worker("w")["class"] == "AsyncStop"
    serves_and_stops(master, "w")


def test_a_worker_taken_out_and_put_back_serves_when_another_one_is_taken_out(
    make_master: MakeMaster,
) -> None:
    w, other = worker("Healthy", "w", **UP), worker("Healthy", "other")
    master = make_master([w, other], lifecycle=LIFECYCLE)
    assert master.build("w")["results"] == 0
    master.reconfig(workers=[other])
    master.reconfig(workers=[w, other])
    master.reconfig(workers=[w])
    serves_and_stops(master, "w")


def kinds(master: RealMaster, name: str) -> list[str]:
    return [event["kind"] for event in events(master, name)]


def off_and_on(master: RealMaster) -> None:
    """The service is removed by a reconfiguration, and added again by the next one."""
    master.reconfig(plugin=False)
    master.reconfig(plugin=True)
    master.wait_until(lambda: master.get(f"{API}/workers").status == 200, 30, "recording")


def test_the_service_removed_and_added_again_takes_over_a_worker_that_is_up(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("Healthy", "w", stop_delay=4, **UP)], lifecycle=PATIENT)
    assert master.build("w")["results"] == 0
    off_and_on(master)
    seen = master.wait_worker("w", state="substantiated", connected=True)
    assert (seen["verdict"]["level"], seen["orphans"]) == ("ok", 0)
    assert "master_died" not in kinds(master, "w")
    assert master.api("orphans")["orphans"] == []
    # a healthy stop of four seconds is waited for
    master.stop(4 + FEW_SECONDS)
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]
    assert rows(master, "select count(*) from lifecycle_orphans") == [(0,)]
    assert rows(master, "select count(*) from lifecycle_events where kind = 'detached'") == [(1,)]
    ended = rows(master, "select ended_how from lifecycle_incarnations order by id")
    assert ended == [("removed",), ("clean",)]
    assert rows(master, "select state from lifecycle_workers") == [("shut_down",)]
    # the stop was given its time: it ended by itself
    last = "select data from lifecycle_events where kind = 'call_ended' order by id desc limit 1"
    assert '"true"' in str(rows(master, last)[0][0])


@pytest.mark.parametrize("hangs", ["in the first life", "in the second life"])
def test_a_stuck_stop_is_released_by_a_service_that_was_removed_and_added_again(
    make_master: MakeMaster, hangs: str
) -> None:
    timeout = 0 if hangs == "in the first life" else 600
    master = make_master(
        [worker("StuckStopDeferred", "stuck", build_wait_timeout=timeout)], lifecycle=LIFECYCLE
    )
    assert master.build("stuck")["results"] == 0
    if timeout == 0:
        get_stuck(master, "stuck")
    off_and_on(master)
    if timeout == 0:
        seen = get_stuck(master, "stuck", verdict__code="stop_pending")
        assert seen["pending"]["call"] == "stop_instance"
    master.stop(LIFECYCLE["shutdown_grace"] + 2 + FEW_SECONDS)
    assert rows(master, "select what, status from lifecycle_actions") == [
        ("shutdown-release", "done")
    ]
    assert rows(master, "select count(*) from lifecycle_orphans") == [(1,)]


def test_after_the_service_was_removed_a_clean_stop_is_no_crash(make_master: MakeMaster) -> None:
    master = make_master([worker("Healthy", "w", **UP)], lifecycle=LIFECYCLE)
    assert master.build("w")["results"] == 0
    master.reconfig(plugin=False)
    master.stop()
    master.configure(plugin=True)
    master.start()
    master.wait_worker("w", state="not_substantiated")
    assert "master_died" not in kinds(master, "w")
    assert master.api("orphans")["orphans"] == []
    log = master.log()
    assert "1 worker was still active when recording was switched off; its state is unknown" in log
    assert "still active when the previous run ended" not in log
    (episode,) = rows(master, "select outcome from lifecycle_episodes")
    assert episode == ("unknown",)


def test_what_a_clean_stop_released_is_no_crash(make_master: MakeMaster) -> None:
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=LIFECYCLE)
    master.force_build("stuck")
    get_stuck(master, "stuck")
    master.stop()
    master.start()
    master.wait_worker("stuck", state="not_substantiated")
    assert "master_died" not in kinds(master, "stuck")
    # the release has its entry, and that is all
    assert [o["cause"] for o in master.api("orphans")["orphans"]] == ["release"]
    assert "still active" not in master.log()


def test_a_worker_taken_out_leaves_the_start_of_its_machine_to_those_that_stay(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    hang, then = tmp_path / "hang", tmp_path / "then"
    hang.touch()
    leaves, stays = (odd("TellsCalls", name, machine_name="m") for name in ("leaves", "stays"))
    extra = latent_machine("m", hang, then)
    settings = {**START_SETTINGS, "shutdown_grace": 0}
    master = make_master([leaves, stays], lifecycle=settings, extra=extra)
    master.force_build("leaves")
    request = master.force_build("stays")
    for name in ("leaves", "stays"):
        get_stuck(master, name, verdict__code="machine_pending")
    master.reconfig(workers=[stays])
    assert master.worker("stays")["state"] == "substantiating"
    then.touch()
    assert master.wait_build(request)["results"] == 0
    assert len(master.builds(request)) == 1
    # the machine is up for the one that was taken out, too: nobody would stop its instance
    assert "stays is asked to start" in master.log()
    assert "leaves is asked to" not in master.log()
    # Buildbot waits for no machine when it takes out a worker: there was nothing to release
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]
    assert rows(master, "select count(*) from lifecycle_orphans") == [(0,)]


def test_a_setting_that_is_changed_and_changed_back_is_what_it_was(
    make_master: MakeMaster,
) -> None:
    """Stock Buildbot compares with the arguments of the first configuration, and changes nothing."""
    first = {**LIFECYCLE, "details_for": "operators", "anonymous_may_force": False}
    other = {**first, "details_for": "readers"}
    master = make_master([worker("Healthy", "a")], lifecycle=first)
    for settings, details in ((other, True), (first, False), (other, True)):
        master.reconfig(lifecycle=settings)
        assert master.api("workers")["meta"]["details"] is details
