"""Automatic release, and limits learnt from history, on real masters."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import worker
from tests.master.support import FEW_SECONDS, LIFECYCLE, episodes, get_stuck, unpause

pytestmark = pytest.mark.master


def test_a_worker_is_released_by_the_policy_and_no_oftener_than_allowed(
    make_master: MakeMaster,
) -> None:
    settings = {**LIFECYCLE, "workers": {"auto*": {"auto_release": {"after": 1, "per_hour": 1}}}}
    kinds = ["StuckStopDeferred", "StuckStopDeferred"]
    names = ["auto-1", "manual"]
    workers = [worker(kind, name) for kind, name in zip(kinds, names)]
    master = make_master(workers, lifecycle=settings)
    for name in names:
        master.force_build(name)
    master.wait_worker("auto-1", 40, state="not_substantiated", paused=True)
    get_stuck(master, "manual")
    master.wait_until(
        lambda: master.api("actions")["actions"][0]["status"] == "done", 10, "the outcome"
    )
    (action,) = master.api("actions")["actions"]
    assert (action["worker"], action["actor"]) == ("auto-1", "policy:auto_release")
    assert "stop_instance has not ended" in action["reason"]
    # once more, within the hour: that is one too many, and it is left to a person
    request = master.force_build("auto-1")
    unpause(master, "auto-1")
    master.wait_build(request)
    get_stuck(master, "auto-1")
    master.wait_log("auto-1: auto_release has done 1 in this hour", timeout=20)
    assert len(master.api("actions")["actions"]) == 1
    master.stop(FEW_SECONDS)


def test_a_worker_that_is_exempt_is_not_released_while_others_are(make_master: MakeMaster) -> None:
    settings = {
        **LIFECYCLE,
        "auto_release": {"after": 0},
        "workers": {"precious": {"auto_release": None}, "dear": {"auto_release": False}},
    }
    names = ["precious", "dear", "other"]
    workers = [worker("StuckStopDeferred", name) for name in names]
    master = make_master(workers, lifecycle=settings)
    for name in ("precious", "dear"):
        master.force_build(name)
        get_stuck(master, name)
    # the policy looks at all of them in one turn: once it has come for one that was stuck later, it
    # has passed the others by
    master.force_build("other")
    master.wait_worker("other", 40, state="not_substantiated", paused=True)
    for name in ("precious", "dear"):
        assert master.worker(name)["verdict"]["level"] == "stuck"
    assert [action["worker"] for action in master.api("actions")["actions"]] == ["other"]
    master.stop(FEW_SECONDS)


def test_a_limit_is_learnt_from_the_last_episodes_also_over_a_restart(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    settings = {
        **LIFECYCLE,
        "stuck_after": {"insubstantiating": 2},
        "adaptive": {"min_samples": 2, "factor": 3},
    }
    ends = tmp_path / "ends"
    slow = worker("StuckStopDeferred", "slow", release_file=ends)
    master = make_master([slow], lifecycle=settings)

    def end_the_stop() -> None:
        ends.touch()
        master.wait_worker("slow", state="not_substantiated", episode=None)
        ends.unlink()

    def is_learnt(threshold: float | None) -> bool:
        took = [3 * e["stop_s"] for e in episodes(master, "slow") if e["ended_at"] is not None]
        return threshold is not None and min(took) - 1 <= threshold <= max(took) + 1

    for _ in range(2):
        master.build("slow")
        # with the fixed limit, each of these healthy stops is a false alarm
        get_stuck(master, "slow", verdict__threshold_s=2)
        end_the_stop()
    master.build("slow")
    seen = master.wait_worker("slow", state="insubstantiating", pending=bool)
    assert is_learnt(seen["verdict"]["threshold_s"])
    end_the_stop()
    master.stop(FEW_SECONDS)
    master.start()
    master.build("slow")
    # what earlier runs took is read a moment after the start
    master.wait_worker("slow", pending=bool, verdict__threshold_s=is_learnt)
