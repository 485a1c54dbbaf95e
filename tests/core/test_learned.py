"""Limits learnt from history."""

from __future__ import annotations

import random
from typing import Any

import pytest

from buildbot_lifecycle.core import learned
from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.learned import (
    Adaptive,
    LearntLimit,
    Memory,
    Sample,
    limit_from,
    replay,
)
from buildbot_lifecycle.core.settings import AutoRelease
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts import judge
from tests.core.story import Story

FIXED: dict[str, float | None] = {State.INSUBSTANTIATING: 100.0, State.SUBSTANTIATED: None}


def test_the_p99_is_a_value_of_the_sample() -> None:
    assert Sample(range(1, 101)).p99 == 99
    assert Sample([5.0]).p99 == 5.0
    with pytest.raises(ValueError, match="percentile of nothing"):
        _ = Sample().p99


@pytest.mark.parametrize(
    ("own", "of_class", "limit"),
    [
        ([], [], 100),  # nothing known: the fixed limit
        ([50.0] * 19, [], 100),  # too few
        ([50.0] * 20, [], 150),  # 3 times p99
        ([10.0] * 20, [], 100),  # never under the floor
        ([5000.0] * 20, [], 3000),  # never above the cap
        ([50.0] * 5, [60.0] * 20, 180),  # too few of its own: its class's
        ([10.0] * 20, [60.0] * 20, 100),  # its own says that it is fast
    ],
)
def test_the_limit_is_the_larger_of_floor_and_sample_up_to_the_cap(
    own: list[float], of_class: list[float], limit: float
) -> None:
    assert limit_from(100.0, Sample(own), Sample(of_class), Adaptive()) == limit


def test_the_verdict_shows_the_sample() -> None:
    story = Story().stopping()
    limits: dict[str, Any] = {State.INSUBSTANTIATING: LearntLimit.of(123.0, 41.0, 57, "its")}
    verdict = judge(story.facts, limits, story.now - 1 + 131.2)
    assert verdict.level == "stuck"
    assert verdict.reason.endswith("(3.2 times its p99 of 41 s, n = 57)")
    assert type(verdict.threshold_s) is float


def test_only_episodes_that_ended_well_are_learnt_from() -> None:
    memory = Memory()
    for outcome in ["true"] * 19 + ["raised"] * 30:
        story = Story().up().go(State.INSUBSTANTIATING).call("stop_instance").wait(60)
        story.stopped(outcome)
        memory.learn(7, "Cloud", story.last)
    adaptive = Adaptive()
    assert memory.limits(7, "Cloud", FIXED, adaptive)[State.INSUBSTANTIATING] == 100
    story = Story().up().go(State.INSUBSTANTIATING).call("stop_instance").wait(60)
    memory.learn(7, "Cloud", story.stopped().last)
    assert memory.limits(7, "Cloud", FIXED, adaptive)[State.INSUBSTANTIATING] > 100
    assert memory.limits(8, "Cloud", FIXED, adaptive)[State.INSUBSTANTIATING] > 100
    assert memory.limits(8, "Other", FIXED, adaptive)[State.INSUBSTANTIATING] == 100
    # replaced under its number by a worker of another class: that one is not known to be slow
    assert memory.limits(7, "Other", FIXED, adaptive)[State.INSUBSTANTIATING] == 100
    assert memory.limits(7, "Cloud", FIXED, adaptive)[State.SUBSTANTIATED] is None


def test_a_replay_over_two_clouds_side_by_side_shows_fewer_false_alarms() -> None:
    """Medians of 2.6 and 40.8 minutes, log-normal: a fixed limit for both is wrong for one."""
    chance = random.Random(8574)
    fast = [156 * chance.lognormvariate(0, 0.5) for _ in range(2000)]
    slow = [2448 * chance.lognormvariate(0, 0.5) for _ in range(2000)]
    adaptive = Adaptive()
    fixed_fast, learnt_fast = replay(fast, 600.0, adaptive)
    fixed_slow, learnt_slow = replay(slow, 600.0, adaptive)
    print(f"fast cloud: fixed {fixed_fast}, learnt {learnt_fast} of 2000 called stuck")  # noqa: T201 - a figure
    print(f"slow cloud: fixed {fixed_slow}, learnt {learnt_slow} of 2000 called stuck")  # noqa: T201 - a figure
    assert learnt_fast <= fixed_fast
    # nearly every healthy stop of the slow cloud is a false alarm with the fixed limit
    assert fixed_slow > 1900
    assert learnt_slow < fixed_slow / 50


def test_arguments_of_learning_and_of_automatic_release_are_checked() -> None:
    settings, problems = parse({"adaptive": {"factor": 4}, "auto_release": {"after": 60}})
    assert problems == []
    assert settings.adaptive == Adaptive(factor=4)
    assert settings.of("any").auto_release == AutoRelease(after=60)
    assert parse({"adaptive": False})[0].adaptive is None
    for wrong, said in [
        ({"adaptive": {"factor": 1}}, "adaptive['factor'] must be a number above 1, not 1"),
        ({"adaptive": {"x": 1}}, "adaptive: unknown option 'x'; known are factor"),
        ({"adaptive": 3}, "adaptive must be True, False, None or a dictionary, not 3"),
        ({"auto_release": {}}, "auto_release needs 'after'"),
        ({"auto_release": {"after": 1, "per_hour": 0}}, "a whole number, 1 or more, not 0"),
        ({"workers": {"a*": {"auto_release": {"after": -1}}}}, "0 or more, not -1"),
    ]:
        assert any(said in problem for problem in parse(wrong)[1]), (wrong, parse(wrong)[1])


def test_an_event_never_fails_for_want_of_history() -> None:
    assert judge(Facts(workerid=1), {}, 0.0).level == "ok"
    assert Kind.BASELINE


def test_a_sample_is_sorted_once_for_all_that_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event of a worker asks four times; with `adaptive` that was two thirds of what it cost."""
    sorted_times = []
    monkeypatch.setattr(learned, "nearest_rank", lambda *_: sorted_times.append(1) or 7.0)
    sample = Sample([1.0, 2.0])
    assert [sample.p99 for _ in range(5)] == [7.0] * 5
    assert len(sorted_times) == 1
    sample.add(3.0)
    assert sample.p99 == 7.0
    assert len(sorted_times) == 2
