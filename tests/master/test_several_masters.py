"""Two real masters on one PostgreSQL, whose clocks differ: who is meant, who lives, and who acts.

One test for all of it: masters are what takes long. What is asked of one and done by another is asked of
three masters, on two databases and with a router, by `make faults` (test_carried.py).
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster, need_faketime
from tests.harness.master import API, RealMaster, worker
from tests.harness.two_times import CHILDREN_HAVE_THE_TRUE_TIME, WallClock
from tests.harness.web import Answer
from tests.master.support import LIFECYCLE, ask_force, written

pytestmark = [pytest.mark.master, pytest.mark.database]

#: Each master has a builder of its own for its worker of the common name: builders are shared by theirs.
_OWN_BUILDER = """
c['multiMaster'] = True
c['builders'][0].name = 'on-{name}'
names = [builder.name for builder in c['builders']]
c['schedulers'] = [schedulers.ForceScheduler(name='force', builderNames=names)]
"""


def rows(seen_by: RealMaster) -> dict[int, Any]:
    """The workers named ``same``, by their masters."""
    return {row["masterid"]: row for row in seen_by.api("workers?name=same")["workers"]}


def is_stuck(found: dict[int, Any]) -> bool:
    levels = [row["verdict"]["level"] for row in found.values()]
    return levels == ["stuck", "stuck"]


def chosen(reply: Answer, masterid: int) -> str:
    """The address that leads to the worker of this master."""
    assert (reply.status, reply.json["code"]) == (300, "several_masters")
    (url,) = [each["url"] for each in reply.json["choices"] if each["masterid"] == masterid]
    return str(url)[1:]


def of_masters(answer: Any) -> set[int]:
    ((_, found),) = [(k, v) for k, v in answer.items() if k not in ("meta", "outcomes", "marks")]
    return {row["masterid"] for row in found}


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def test_a_name_of_two_masters_is_two_workers_and_clocks_that_differ_change_nothing(
    make_master: MakeMaster, postgresql_url: str, tmp_path: Path
) -> None:
    clock = WallClock(tmp_path, need_faketime())
    clock.set(-90)
    same = worker("StuckStopDeferred", "same")
    options: dict[str, Any] = {"db_url": postgresql_url, "lifecycle": LIFECYCLE}
    extra = _OWN_BUILDER.format(name="near")
    near = make_master([same, worker("Healthy", "near")], name="near", extra=extra, **options)
    up = worker("Healthy", "far", build_wait_timeout=3600)
    extra = CHILDREN_HAVE_THE_TRUE_TIME + _OWN_BUILDER.format(name="far")
    far = make_master([same, up], name="far", extra=extra, env=clock.env, **options)
    built = far.force_build("far")
    near.force_build("on-near")
    far.force_build("on-far")
    assert far.wait_build(built)["results"] == 0
    for master in (near, far):
        master.wait_until(lambda m=master: is_stuck(rows(m)), 60, "both to be stuck")
        master.wait_worker("far", state="substantiated", live=True)
    there = far.api("health")["health"]["masterid"]
    (here,) = set(rows(near)) - {there}
    each_is_asked_for_by_itself(near, here, there)
    what_is_done_is_done_to_the_one_that_is_meant(near, far, here, there)
    what_is_counted_and_drawn_is_of_each(near, here, there)
    what_is_asked_of_one_is_done_by_the_other(near, far, there)
    one_that_is_behind_lives_and_its_times_are_its_own(near, there)
    one_that_is_ahead_and_was_only_stopped_takes_back_what_was_told(near, far, clock)
    one_that_is_dead_is_told_once_and_can_be_dismissed(near, far, there)


def each_is_asked_for_by_itself(near: RealMaster, here: int, there: int) -> None:
    (workerid,) = {row["workerid"] for row in rows(near).values()}
    asked = near.get(f"{API}/workers/same")
    for masterid in (here, there):
        (row,) = near.get(chosen(asked, masterid)).ok().json["workers"]
        assert (row["workerid"], row["masterid"]) == (workerid, masterid)
    for what in ("episodes", "transitions", "events"):
        assert of_masters(near.api(f"workers/same/{what}")) == {here, there}
        assert of_masters(near.api(f"workers/same/{what}?masterid={there}")) == {there}


def what_is_done_is_done_to_the_one_that_is_meant(
    near: RealMaster, far: RealMaster, here: int, there: int
) -> None:
    (of_far,) = near.api(f"workers/same/episodes?masterid={there}")["episodes"]
    body = {"episode": of_far["id"], "confirm": "same", "reason": "the far one", "pause": True}
    asked = near.post(f"{API}/workers/same/force-disconnect", body)
    url = chosen(asked, there)
    assert is_stuck(rows(near)), "nothing where none is meant"
    action = near.post(url, body).ok().json["action"]
    assert (action["masterid"], action["status"]) == (there, "done")
    far.wait_until(lambda: not is_stuck(rows(far)), 20, "the far one to be free")
    near.wait_until(lambda: not is_stuck(rows(near)), 20, "the near master to know it")
    for master in (near, far):
        found = rows(master)
        assert (found[here]["state"], found[here]["paused"]) == ("insubstantiating", False)
        assert (found[there]["state"], found[there]["paused"]) == ("not_substantiated", True)
        assert (found[here]["orphans"], found[there]["orphans"]) == (0, 1)


def what_is_counted_and_drawn_is_of_each(near: RealMaster, here: int, there: int) -> None:
    (workerid,) = {row["workerid"] for row in rows(near).values()}
    assert of_masters(near.api("orphans?open=true")) == of_masters(near.api("actions")) == {there}
    assert of_masters(near.api("timeline")) == {here, there}
    assert of_masters(near.api("recent")) == of_masters(near.api("stats")) == {there}
    assert of_masters(near.api(f"timeline?workerid={workerid}&masterid={here}")) == {here}


def what_is_asked_of_one_is_done_by_the_other(
    near: RealMaster, far: RealMaster, there: int
) -> None:
    path = f"{API}/workers/{near.worker('far')['workerid']}"
    action = near.post(f"{path}/pause", {"reason": "its disk"}).ok().json["action"]
    assert (action["what"], action["status"], action["masterid"]) == ("pause", "done", there)
    assert far.wait_worker("far", paused=True)["pause_reason"] == f"pause, action {action['id']}"
    assert (
        near.post(f"{path}/unpause", {"reason": "it is back"}).ok().json["action"]["status"]
        == "done"
    )
    far.wait_worker("far", paused=False)
    written(far)
    (entry,) = near.api(f"orphans?open=true&masterid={there}")["orphans"]
    path = f"{API}/orphans/{entry['id']}/resolve"
    assert near.post(path, {"note": "seen in the console"}).status == 200
    assert refused(far.post(path, {"note": "seen, too"})) == (409, "already_closed")


def other(near: RealMaster) -> Any:
    (found,) = [each for each in near.api("masters")["masters"] if not each["answering"]]
    return found


def wait_ahead(near: RealMaster, seconds: float) -> None:
    """The far master's clock is known to be ahead by so many seconds."""

    def is_ahead() -> bool:
        ahead = other(near)["clock_ahead_s"]
        return ahead is not None and abs(ahead - seconds) < 3

    near.wait_until(is_ahead, 30, f"the far clock to be {seconds} s ahead")


def one_that_is_behind_lives_and_its_times_are_its_own(near: RealMaster, there: int) -> None:
    wait_ahead(near, -90)
    assert 87 < near.api("health")["health"]["clocks_differ_s"] < 93
    assert 87 < near.api("workers")["meta"]["clocks_differ_s"] < 93
    dismissed = near.post(f"{API}/masters/{there}/dismiss", {"reason": "gone"})
    assert refused(dismissed) == (409, "master_alive")
    # the age of its state is told by its own clock: the same moment is 90 s later on this one
    (last, *_) = near.api("workers/far/transitions?limit=1")["transitions"]
    assert 87 < near.worker("far")["state_since"] - last["at"] < 93


def died(near: RealMaster) -> list[bool]:
    """Of each entry that a crash has opened for ``far``, whether it is open; the newest first."""
    found = [row for row in near.api("orphans")["orphans"] if row["worker"] == "far"]
    assert {row["cause"] for row in found} <= {"crash"}
    return [row["closed_at"] is None for row in found]


def one_that_is_ahead_and_was_only_stopped_takes_back_what_was_told(
    near: RealMaster, far: RealMaster, clock: WallClock
) -> None:
    clock.set(60)
    wait_ahead(near, 60)
    far.signal(signal.SIGSTOP)
    near.wait_worker("far", state="unknown", live=False)
    far.signal(signal.SIGCONT)
    near.wait_worker("far", live=True, state="substantiated")
    near.wait_until(lambda: died(near) == [False], 20, "its entry to be closed")
    assert near.api("workers/far/episodes")["episodes"][0]["outcome"] is None


def one_that_is_dead_is_told_once_and_can_be_dismissed(
    near: RealMaster, far: RealMaster, there: int
) -> None:
    before = deaths(near)
    far.kill9()
    # nobody knows yet that it is gone
    assert refused(ask_force(near, "far")) == (409, "expired")
    near.wait_worker("far", state="unknown", live=False, verdict__code="master_died")
    assert refused(ask_force(near, "far")) == (409, "other_master")
    assert died(near) == [True, False]
    path = f"{API}/masters/{there}/dismiss"
    plan = near.post(path, {"dry_run": True}).ok().json["dry_run"]
    assert sorted(plan["workers"]) == ["far", "same"]
    action = near.post(path, {"reason": "its machine is gone"}).ok().json["action"]
    assert (action["status"], action["what"]) == ("done", "dismiss-master")
    assert other(near)["state"] == "dismissed"

    def names() -> list[str]:
        return sorted(row["name"] for row in near.api("workers")["workers"])

    near.wait_until(lambda: names() == ["near", "same"], 20, "its workers to leave the list")
    assert died(near) == [True, False], "what may still run stays in the ledger"
    far.start()
    near.wait_worker("far", live=True, state="not_substantiated")
    assert (died(near), deaths(near)) == ([True, False], before + 1)


def deaths(near: RealMaster) -> int:
    events = near.api("workers/far/events?limit=200")["events"]
    return [event["kind"] for event in events].count("master_died")
