"""Short rules of the core, each by itself; where they are used, tests of a worker's life rely on them."""

from __future__ import annotations

import pytest

from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.refusals import STAYED_AWAY, over_at
from buildbot_lifecycle.core.signs import Wait, look_at, silent_since
from buildbot_lifecycle.core.states import transition_data
from buildbot_lifecycle.core.verdicts import wait_ends_at
from tests.core.story import NOT, NOW, STARTING, STOPPING, SUB, UP, Story


def test_a_transition_says_from_where_to_where_and_whether_the_table_has_it() -> None:
    assert transition_data(NOT, SUB) == {
        "from": "not_substantiated",
        "to": "substantiating",
        "expected": True,
    }
    assert transition_data(NOT, UP)["expected"] is False
    assert transition_data(SUB, NOT) == {
        "from": "substantiating",
        "to": "not_substantiated",
        "expected": transition_data(SUB, NOT)["expected"],
    }


@pytest.mark.parametrize(
    ("sign", "since"), [(None, NOW), (NOW - 5, NOW), (NOW, NOW), (NOW + 7, NOW + 7)]
)
def test_silence_counts_from_the_last_sign_of_life_in_the_wait(
    sign: float | None, since: float
) -> None:
    facts, awaited = Facts(workerid=7, sign=sign), Wait("frozen_worker", NOW, "it is silent")
    assert silent_since(facts, awaited) == since
    assert look_at(facts, awaited, 100.0) == since + 40.0


def test_a_wait_ends_with_its_limit_and_without_one_never() -> None:
    limits = {STARTING: 70.0, STOPPING: 30.0}
    started = Story().started()
    assert wait_ends_at(started.facts, limits) == started.facts.state_since + 70.0  # type: ignore[operator]
    assert wait_ends_at(started.facts, {STARTING: None}) is None
    stopping = Story().stopping()
    assert wait_ends_at(stopping.facts, limits) == stopping.facts.calls[0].since + 30.0
    for nothing in (Story(), Story().up(), Story().stopping().stopped()):
        assert wait_ends_at(nothing.facts, limits) is None
    assert wait_ends_at(Facts(workerid=7, state=STARTING), limits) is None, (
        "since when is not known"
    )


def test_a_start_that_waits_for_a_call_ends_with_the_call_and_not_with_the_state() -> None:
    story = Story().asked().go(SUB, STARTING).wait(20).call("start_instance")
    assert wait_ends_at(story.facts, {STARTING: 70.0}) == story.facts.calls[0].since + 70.0


@pytest.mark.parametrize(
    ("refused", "limit", "after"),
    [
        (1, 10.0, STAYED_AWAY * 400),
        (2, 10.0, STAYED_AWAY * 400),
        (3, 10.0, STAYED_AWAY * 200),
        (5, 10.0, STAYED_AWAY * 100),
        (5, 9999.0, 9999.0),
    ],
)
def test_a_loop_is_over_some_usual_pauses_after_the_last_refusal_and_not_before_the_limit(
    refused: int, limit: float, after: float
) -> None:
    facts = Facts(workerid=7, refused=refused, refused_first=NOW, refused_last=NOW + 400)
    assert over_at(facts, limit) == NOW + 400 + after


@pytest.mark.parametrize(
    "facts",
    [
        Facts(workerid=7, refused=2, refused_first=NOW, refused_last=NOW + 4, refused_open=1),
        Facts(workerid=7, refused=2, refused_last=NOW + 4),
        Facts(workerid=7, refused=2, refused_first=NOW),
    ],
)
def test_a_loop_whose_times_are_not_known_or_that_goes_on_is_not_over(facts: Facts) -> None:
    assert over_at(facts, 10.0) is None


def test_a_loop_without_a_limit_is_not_over() -> None:
    facts = Facts(workerid=7, refused=2, refused_first=NOW, refused_last=NOW + 4)
    assert over_at(facts, None) is None
