"""Force disconnect: the worker is freed safely, and who did it and why is written down first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.harness.waiting import patient
from tests.master.support import (
    FEW_SECONDS,
    LIFECYCLE,
    START_LIFECYCLE,
    ask_force,
    events,
    force,
    get_stuck,
    rows,
    unpause,
)

pytestmark = pytest.mark.master


def stuck_master(make_master: MakeMaster, kind: str, **options: Any) -> RealMaster:
    """A master whose worker "stuck" is stuck; later calls of it do not hang."""
    starts = kind in ("StuckStart", "StuckCheck")
    settings = START_LIFECYCLE if starts else LIFECYCLE
    made = make_master([], lifecycle=settings, start=False)
    hang = made.basedir.parent / "hang"
    hang.touch()
    made.workers = [worker(kind, "stuck", hang_file=hang, **options)]
    made.start()
    made.force_build("stuck")
    get_stuck(made, "stuck", pending=bool, episode=lambda number: number is not None)
    hang.unlink()
    return made


@pytest.mark.parametrize("kind", ["StuckStopDeferred", "StuckStopCoroutine", "StuckStopThread"])
def test_a_stuck_stop_is_released_and_the_worker_builds_again(
    make_master: MakeMaster, kind: str
) -> None:
    master = stuck_master(make_master, kind)
    action = force(master, "stuck")
    assert action["status"] == "done"
    assert [s["done"] for s in action["steps"]] == [True] * len(action["steps"])
    seen = master.wait_worker("stuck", state="not_substantiated", verdict__level="attention")
    (left,) = seen["to_do"]["instances"]
    assert (seen["paused"], left["cause"]) == (True, "release")
    assert seen["to_do"]["released"]["action"] == seen["to_do"]["pause"]["action"] == action["id"]
    waiting = master.force_build("stuck")
    unpause(master, "stuck")
    assert master.wait_build(waiting)["results"] == 0
    master.wait_worker("stuck", state="not_substantiated")
    master.stop(FEW_SECONDS)


def test_a_stuck_start_and_a_stuck_check_are_released(make_master: MakeMaster) -> None:
    for kind in ("StuckStart", "StuckCheck"):
        master = stuck_master(make_master, kind)
        assert force(master, "stuck")["status"] == "done"
        master.wait_worker("stuck", state="not_substantiated", pending=lambda p: p is None)
        master.stop(FEW_SECONDS)


def test_a_build_queued_behind_the_stuck_stop_is_cancelled_and_runs_after_unpausing(
    make_master: MakeMaster,
) -> None:
    master = stuck_master(make_master, "StuckStopDeferred")
    waiting = master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="substantiation_queued")
    plan = ask_force(master, "stuck", dry_run=True).ok().json["dry_run"]
    steps = [step["step"] for step in plan["steps"]]
    assert steps == ["pause", "cancel_substantiation", "end_wait", "open_orphan"]
    action = force(master, "stuck")
    assert [step["step"] for step in action["steps"]] == steps
    master.wait_worker("stuck", state="not_substantiated")
    unpause(master, "stuck")
    assert master.wait_build(waiting)["results"] == 0


def test_a_worker_that_survives_its_stop_is_released_and_the_orphan_is_told(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("SurvivesStop", "survivor")], lifecycle=LIFECYCLE)
    master.build("survivor")
    seen = get_stuck(master, "survivor", verdict__code="rejected_loop")
    assert seen["episode"] is None
    assert "came back after it was stopped" in seen["verdict"]["reason"]
    action = force(master, "survivor")
    assert action["status"] == "done"
    (orphan,) = master.api("orphans")["orphans"]
    assert (orphan["worker"], orphan["closed_at"]) == ("survivor", None)
    master.stop(FEW_SECONDS)


def test_a_dry_run_does_nothing(make_master: MakeMaster) -> None:
    master = stuck_master(make_master, "StuckStopDeferred")
    before = master.worker("stuck")
    plan = ask_force(master, "stuck", dry_run=True, confirm="", reason="").ok().json["dry_run"]
    assert plan["eligible"] is True
    assert [step["step"] for step in plan["steps"]] == ["pause", "end_wait", "open_orphan"]
    assert any("may run on" in warning for warning in plan["warnings"])
    after = master.worker("stuck")
    for key in ("state", "episode", "pending", "paused"):
        assert after[key] == before[key]
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]


def test_a_worker_that_is_not_stuck_is_refused_with_numbers_and_may_be_overridden(
    make_master: MakeMaster,
) -> None:
    settings = {**LIFECYCLE, "stuck_after": {"insubstantiating": 600}}
    master = make_master([worker("StuckStopDeferred", "young")], lifecycle=settings)
    master.force_build("young")
    master.wait_worker("young", state="insubstantiating", episode=lambda e: e is not None)
    refused = ask_force(master, "young")
    assert refused.status == 409
    assert refused.json["code"] == "not_eligible"
    assert refused.json["threshold_s"] == 600
    assert 0 <= refused.json["age_s"] < patient(60)
    assert refused.json["state"] == "insubstantiating"
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]
    assert force(master, "young", override=True)["override"] is True
    master.wait_worker("young", state="not_substantiated")


def test_another_episode_than_the_client_saw_is_refused(make_master: MakeMaster) -> None:
    master = stuck_master(make_master, "StuckStopDeferred")
    answer = ask_force(master, "stuck", episode=master.worker("stuck")["episode"] + 1)
    assert (answer.status, answer.json["code"]) == (412, "episode_changed")
    assert answer.json["episode"] == master.worker("stuck")["episode"]
    assert master.worker("stuck")["state"] == "insubstantiating"


def test_a_wrong_confirmation_is_refused_and_nothing_is_done(make_master: MakeMaster) -> None:
    master = stuck_master(make_master, "StuckStopDeferred")
    answer = ask_force(master, "stuck", confirm="stcuk")
    assert (answer.status, answer.json["code"]) == (400, "wrong_confirmation")
    assert master.worker("stuck")["state"] == "insubstantiating"
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]


def test_a_building_worker_is_refused(make_master: MakeMaster) -> None:
    master = make_master([worker("Healthy", "busy")], lifecycle=LIFECYCLE)
    request = master.force_build("busy", seconds=60)
    master.wait_build(request, state="started")
    answer = ask_force(master, "busy", override=True)
    assert (answer.status, answer.json["code"]) == (409, "not_eligible")
    assert "building" in answer.json["error"]


def test_anonymous_may_not_force_unless_it_is_said_so(make_master: MakeMaster) -> None:
    settings = {key: value for key, value in LIFECYCLE.items() if key != "anonymous_may_force"}
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=settings)
    master.force_build("stuck")
    get_stuck(master, "stuck")
    assert ask_force(master, "stuck").status == 401
    assert ask_force(master, "stuck", dry_run=True).status == 401
    assert master.worker("stuck")["state"] == "insubstantiating"
    assert master.api("workers")["meta"]["can_force"] is False


def test_a_late_end_is_recorded_changes_no_state_and_closes_the_orphan(
    make_master: MakeMaster,
) -> None:
    master = make_master([], lifecycle=LIFECYCLE, start=False)
    late = master.basedir.parent / "late"
    master.workers = [worker("StuckStopDeferred", "stuck", release_file=late)]
    master.start()
    master.force_build("stuck")
    get_stuck(master, "stuck")
    force(master, "stuck")
    seen = master.wait_worker("stuck", state="not_substantiated")
    late.touch()

    def orphan_closed() -> bool:
        (orphan,) = master.api("orphans")["orphans"]
        return orphan["closed_by"] == "late end"

    master.wait_until(orphan_closed, what="the orphan is closed")
    ended = [e["data"] for e in events(master, "stuck") if e["kind"] == "call_ended"][-1]
    assert (ended["call"], ended["outcome"], ended["late"]) == ("stop_instance", "true", True)
    assert master.worker("stuck")["state_since"] == seen["state_since"]


def test_an_abandoned_start_that_succeeds_late_is_a_new_orphan_and_no_state(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    late = tmp_path / "late"
    master = stuck_master(make_master, "StuckStart", release_file=late)
    force(master, "stuck")
    seen = master.wait_worker("stuck", state="not_substantiated", paused=True)
    (released,) = master.api("orphans")["orphans"]
    assert released["cause"] == "release"
    assert [each["call"] for each in seen["abandoned"]] == ["start_instance"]
    late.touch()

    def late_orphan() -> Any:
        found = master.api("orphans")["orphans"]
        return next((each for each in found if each["cause"] == "late_start"), None)

    orphan = master.wait_until(late_orphan, what="an orphan of the late start")
    assert orphan["closed_at"] is None
    assert orphan["instance"].startswith("process-")
    # the instance does run, nobody stops it unasked, and the worker's state does not change
    assert master.instance_pids("stuck")
    after = master.wait_worker("stuck", abandoned=[])
    assert (after["state"], after["state_since"]) == ("not_substantiated", seen["state_since"])
    assert after["paused"] is True


def test_an_abandoned_stop_that_ends_late_does_not_kill_the_next_instance_unseen(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    late = tmp_path / "late"
    master = stuck_master(make_master, "StuckStopKillsLate", release_file=late)
    answer = ask_force(master, "stuck", dry_run=True, pause=False)
    assert "stop the worker's next instance" in " ".join(answer.json["dry_run"]["warnings"])
    force(master, "stuck")
    # until it has ended or somebody unpauses there is no next instance
    end = late.with_name("end")
    request = master.force_build("stuck", until=end)
    seen = master.wait_worker("stuck", state="not_substantiated", paused=True)
    assert [each["call"] for each in seen["abandoned"]] == ["stop_instance"]
    assert master.builds(request) == []
    unpause(master, "stuck")
    first = master.wait_build(request, state="started")
    late.touch()
    # it kills that instance, and is seen: the call's late end is an event, and Buildbot retries the build
    again = master.wait_until(
        lambda: len(master.builds(request)) > 1 and master.builds(request)[-1], 40, "a retry"
    )
    assert again["buildid"] != first["buildid"]
    end.touch()
    assert master.wait_build(request)["results"] == 0
    ended = [e["data"] for e in events(master, "stuck") if e["kind"] == "call_ended"]
    assert [e["call"] for e in ended if e.get("late")] == ["stop_instance"]


def test_the_action_and_its_outcome_are_told_afterwards(make_master: MakeMaster) -> None:
    master = stuck_master(make_master, "StuckStopDeferred")
    action = force(master, "stuck", reason="the cloud's console says it is gone")
    (told,) = master.api(f"actions/{action['id']}")["actions"]
    assert told == action
    assert told["reason"] == "the cloud's console says it is gone"
    assert told["verdict"]["code"] == "stop_pending"
    kinds = [e["data"]["status"] for e in events(master, "stuck") if e["kind"] == "action"]
    assert kinds == ["asked", "done"]
    outcome = [e["outcome"] for e in master.api("workers/stuck/episodes")["episodes"]]
    assert outcome == ["released"]


def test_without_the_pause_a_queued_build_starts_at_once(make_master: MakeMaster) -> None:
    master = stuck_master(make_master, "StuckStopDeferred")
    waiting = master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="substantiation_queued")
    force(master, "stuck", pause=False)
    assert master.wait_build(waiting)["results"] == 0
    assert master.worker("stuck")["paused"] is False


def test_two_who_press_at_once_do_it_once(make_master: MakeMaster) -> None:
    master = stuck_master(make_master, "StuckStopDeferred")
    episode = master.worker("stuck")["episode"]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask_force, master, "stuck", episode=episode) for _ in range(4)]
        statuses = sorted(a.result().status for a in asked)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {409, 412}
    done = rows(master, "select count(*) from lifecycle_actions where status = 'done'")
    assert done == [(1,)]
