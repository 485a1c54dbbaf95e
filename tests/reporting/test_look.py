"""What is asked of the service, and what is made of its answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from buildbot_lifecycle.core import ends
from buildbot_lifecycle.core.requests import (
    FORCE_DISCONNECT,
    PAUSE,
    RELEASES,
    UNPAUSE,
    HistoryQuery,
    Page,
    Refusal,
)
from buildbot_lifecycle.reporting.look import PAGE, WITH_DETAILS, Desk, meant
from buildbot_lifecycle.reporting.memory import Entry, Lag, Memory, Stay
from buildbot_lifecycle.reporting.told import Telling
from buildbot_lifecycle.service import dismissal
from tests.harness.spin import spin

MASTER = SimpleNamespace(masterid=1, config=SimpleNamespace(buildbotURL="http://b/"))
VERDICT = SimpleNamespace(
    level="stuck", code="stop_pending", reason="stop_instance has not ended for 12 min", since=10.0
)


def worker(**changes: Any) -> Any:
    frame = SimpleNamespace(function="stop", file="d.py", line=7)
    return SimpleNamespace(
        **{
            "workerid": 5,
            "name": "docker-1",
            "masterid": 1,
            "verdict": VERDICT,
            "state": "insubstantiating",
            "state_since": 9.0,
            "episode": 7,
            "instance": "i-1",
            "pending": SimpleNamespace(call="stop_instance", where=(frame,)),
            "forceable": True,
            **changes,
        }
    )


def action(number: int, **changes: Any) -> Any:
    return SimpleNamespace(
        **{
            "id": number,
            "masterid": 1,
            "worker": "docker-1",
            "workerid": 5,
            "what": FORCE_DISCONNECT,
            "actor": "alice",
            "actor_kind": "user",
            "reason": "it hangs",
            "outcome": "released",
            "instance": "i-1",
            "status": "done",
            "at": 11.0,
            **changes,
        }
    )


class Answers:
    """What the service would say, from rows in lists."""

    def __init__(self) -> None:
        self.workers = [worker()]
        self.rows: dict[str, list[Any]] = {"actions": [], "orphans": []}
        self.refusal = "no_such_action"
        self.asked: list[Any] = []
        self.since: float | None = None

    def meta(self) -> Any:
        return SimpleNamespace(behind=SimpleNamespace(since=self.since))

    def health(self) -> Any:
        return SimpleNamespace(last_error="locked", queued=37, dropped=2)

    async def roll(self, glances: Any, most: int | None) -> Any:
        passes = [row for row in self.workers if glances["level"](row.verdict.level)]
        return SimpleNamespace(rows=[SimpleNamespace(value=row) for row in passes], at=100.0)

    async def history(self, query: HistoryQuery) -> Page:
        rows = [
            row
            for row in sorted(self.rows[query.what], key=lambda row: -row.id)
            if query.before is None or row.id < query.before
        ]
        return Page(rows[: query.limit], len(rows) > query.limit)

    async def named(self, workerid: int) -> list[Any]:
        self.asked.append(workerid)
        found = [row for row in self.workers if row.workerid == workerid]
        if not found:
            raise Refusal("no_such_worker", "it was removed")
        return found

    async def one(self, what: str, number: int) -> Any:
        for row in self.rows[what]:
            if row.id == number:
                return row
        raise Refusal(self.refusal, "not there")


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def desk(answers: Answers) -> Desk:
    return Desk(MASTER, answers, meant(("docker-*",)))


def test_only_this_masters_workers_of_the_patterns_and_levels_are_seen(
    desk: Desk, answers: Answers
) -> None:
    answers.workers += [
        worker(workerid=6, masterid=2),
        worker(workerid=7, name="ec2-1"),
        worker(workerid=8, verdict=SimpleNamespace(level="slow")),
    ]
    look = spin(desk.look(("stuck",), Memory()))
    assert set(look.stays) == {5}
    assert (look.stays[5].episode, look.stays[5].since) == (7, 10.0)


def test_no_release_is_left_out_however_many_there_are(desk: Desk, answers: Answers) -> None:
    answers.rows["actions"] = [action(number) for number in range(1, 2 * PAGE + 5)]
    look = spin(desk.look(("stuck",), Memory()))
    assert set(look.actions) == set(range(1, 2 * PAGE + 5))
    assert spin(desk.last_action()) == 2 * PAGE + 4


@pytest.mark.parametrize(
    "changes",
    [
        {"masterid": 2},
        {"worker": "ec2-1"},
        {"what": PAUSE},
        {"what": UNPAUSE},
        {"what": ends.WHAT},
        {"what": dismissal.WHAT},
    ],
)
def test_other_actions_are_passed_over_also_while_they_last(
    desk: Desk, answers: Answers, changes: Any
) -> None:
    answers.rows["actions"] = [action(1, status="asked", **changes)]
    seen = spin(desk.look(("stuck",), Memory())).actions[1]
    assert (seen.is_over, seen.is_ours) == (True, False)


@pytest.mark.parametrize("what", RELEASES)
def test_a_release_of_any_kind_is_seen_when_it_is_over(
    desk: Desk, answers: Answers, what: str
) -> None:
    answers.rows["actions"] = [action(1, what=what, status="asked"), action(2, what=what)]
    seen = spin(desk.look(("stuck",), Memory())).actions
    assert [(it.is_over, it.is_ours) for it in (seen[1], seen[2])] == [(False, True), (True, True)]


def test_a_release_that_was_refused_was_none(desk: Desk, answers: Answers) -> None:
    answers.rows["actions"] = [action(1, status="refused")]
    seen = spin(desk.look(("stuck",), Memory())).actions[1]
    assert (seen.is_over, seen.is_ours) == (True, False)


def stay(number: int = 5, **changes: Any) -> Stay:
    return Stay(f"docker-{number}", "stuck", "stop_pending", 7, 10.0, 20.0, **changes)


def said(desk: Desk, **telling: Any) -> Any:
    return spin(desk.said(Telling(**telling), 730.0))


def test_a_stuck_worker_is_told_with_all_that_helps(desk: Desk) -> None:
    (it,) = said(desk, stuck={5: stay()})["stuck"]
    assert it["reason"] == VERDICT.reason
    assert it["where"] == ["stop (d.py:7)"]
    assert it["url"] == "http://b/#/lifecycle/workers/5?masterid=1"
    assert "Force disconnect" in it["next"]


def test_one_that_cannot_be_forced_is_not_said_to_be(desk: Desk, answers: Answers) -> None:
    answers.workers = [worker(forceable=False)]
    (it,) = said(desk, stuck={5: stay()})["stuck"]
    assert "Force disconnect" not in it["next"]


def test_of_many_each_is_told_and_some_are_asked_for(desk: Desk, answers: Answers) -> None:
    found = said(desk, stuck={i: stay(i) for i in range(200)})["stuck"]
    assert len(found) == 200
    assert len(answers.asked) == WITH_DETAILS
    assert found[-1]["reason"] == "stop pending for 12 min"


def test_one_that_was_removed_is_resolved_and_nothing_is_said_of_its_state(
    desk: Desk, answers: Answers
) -> None:
    answers.workers = []
    (it,) = said(desk, resolved={5: stay(over_at=130.0)})["resolved"]
    assert (it["now"], it["lasted"], it["was_told"]) == (None, "2 min", False)


def test_who_released_it_is_told_in_words(desk: Desk, answers: Answers) -> None:
    answers.rows["actions"] = [action(3, actor="policy:auto_release", actor_kind="policy")]
    (it,) = said(desk, released=(3,))["released"]
    assert (it["by"], it["why"]) == ("the policy auto_release", "it hangs")


def test_a_master_that_is_behind_is_told_from_memory(desk: Desk, answers: Answers) -> None:
    answers.since = 10.0
    assert desk.behind_since() == 10.0
    assert spin(desk.look(("stuck",), Memory())).behind_since == 10.0
    found = said(desk, behind=Lag(10.0, 70.0))
    (it,) = found["behind"]
    assert (it["lasted"], it["queued"], it["dropped"], it["error"]) == ("12 min", 37, 2, "locked")
    assert it["url"] == "http://b/plugins/lifecycle/api/v1/health"
    assert found["caught_up"] == []
    (it,) = said(desk, caught_up=Lag(10.0, None, told_at=80.0, over_at=130.0))["caught_up"]
    assert (it["lasted"], it["was_told"]) == ("2 min", True)


def test_what_was_deleted_meanwhile_holds_up_nothing_else(desk: Desk, answers: Answers) -> None:
    entry = Entry("docker-1", 5, 10.0, 20.0)
    found = said(desk, stuck={5: stay()}, released=(9,), opened={4: entry}, closed={6: entry})
    assert (found["released"], found["orphans"], found["closed"]) == ([], [], [])
    assert len(found["stuck"]) == 1


def test_what_cannot_be_asked_now_is_not_taken_for_deleted(desk: Desk, answers: Answers) -> None:
    answers.refusal = "not_ready"
    with pytest.raises(Refusal):
        said(desk, released=(9,))
