"""Which instance may be ended: never one that a worker uses, starts or stops as it should."""

from __future__ import annotations

import dataclasses

import pytest

from buildbot_lifecycle.core import ends
from buildbot_lifecycle.core.ends import Owner, Target
from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts.verdict import HEALTHY, Verdict
from tests.core.story import NOT, STARTING, STOPPING, SUB, UP, WORKER, Story

TARGET = Target("i-1", WORKER, "w", orphan=3)
STUCK = Verdict("stuck", "stop_pending", "stop_instance has been pending for an hour")


def owner(*states: State, names: tuple[str, ...] = ("i-1",), verdict: Verdict = HEALTHY) -> Owner:
    facts = Story().asked().go(*states).facts
    return Owner("w", facts, verdict, frozenset(names), related=True)


def code(*owners: Owner, target: Target = TARGET) -> str | None:
    try:
        ends.check(target, owners)
    except Refusal as refusal:
        return refusal.code
    return None


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((SUB, STARTING, UP), "healthy"),
        ((SUB,), "starting"),
        ((SUB, STARTING), "starting"),
        ((SUB, STARTING, UP, STOPPING), "stopping"),
    ],
)
def test_what_a_worker_uses_starts_or_stops_is_not_ended(
    states: tuple[State, ...], expected: str
) -> None:
    assert code(owner(*states)) == expected


def test_a_stuck_worker_is_released_first() -> None:
    assert code(owner(SUB, STARTING, UP, STOPPING, verdict=STUCK)) == "not_released"
    assert code(owner(SUB, STARTING, UP, STOPPING, NOT, verdict=STUCK)) is None


def test_the_instance_of_an_earlier_life_may_be_ended_while_another_one_is_up() -> None:
    assert code(owner(SUB, STARTING, UP, names=("i-2",))) is None
    assert code() is None


def test_what_nobody_owns_is_not_ended_while_a_start_has_no_name_yet() -> None:
    nobodys = dataclasses.replace(TARGET, orphan=None)
    nameless = owner(SUB, STARTING, names=())
    assert code(nameless, target=nobodys) == "starting"
    # an entry of the ledger says that it is of an earlier life
    assert code(nameless) is None
    assert code(dataclasses.replace(nameless, related=False), target=nobodys) is None


def test_the_steps_are_those_of_the_dry_run_and_the_entry_is_closed_last() -> None:
    assert [step.step for step in ends.plan(TARGET)] == [
        "end_instance",
        "verify_gone",
        "close_orphan",
    ]
    nobodys = dataclasses.replace(TARGET, orphan=None)
    assert [step.step for step in ends.plan(nobodys)] == ["end_instance", "verify_gone"]


def test_before_it_is_done_a_person_is_told_what_is_lost_and_what_may_come() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    story.end("start_instance", "released")
    begun = Owner("w", story.facts, HEALTHY, frozenset())
    assert ends.warnings(TARGET, [begun], can_verify=False) == [
        "What is on the instance is lost with it. This cannot be undone.",
        "This driver cannot say whether an instance is gone: look at the cloud's console.",
        "The abandoned start still runs, and may make another instance later.",
    ]


def test_an_end_that_was_not_heard_is_asked_for_again_but_not_for_ever() -> None:
    assert ends.tries_again(1, 60)
    assert not ends.tries_again(ends.MOST_TRIES, 60)
    assert not ends.tries_again(1, ends.AGAIN + 1)
