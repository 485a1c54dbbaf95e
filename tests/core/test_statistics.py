"""Percentiles, buckets and the counting of episodes."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core.facts import Episode, Phase
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.statistics import (
    Life,
    Tally,
    Who,
    bounds,
    buckets,
    durations,
    nearest_rank,
    summary,
    until_up,
)

S = State
some_durations = st.lists(st.floats(0, 1e9), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("percent", "expected"), [(1, 15), (5, 15), (30, 20), (40, 20), (50, 35), (100, 50)]
)
def test_a_percentile_is_a_value_that_was_measured(percent: int, expected: float) -> None:
    assert nearest_rank([15, 20, 35, 40, 50], percent) == expected


@given(some_durations, st.integers(1, 100))
def test_a_percentile_is_the_least_that_so_many_do_not_exceed(
    values: list[float], percent: int
) -> None:
    values.sort()
    found = nearest_rank(values, percent)
    reached = [v for v in values if v <= found]
    assert 100 * len(reached) >= percent * len(values)
    below = [v for v in values if v < found]
    assert 100 * len(below) < percent * len(values)


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_none_of_the_values(values: list[float], percent: int) -> None:
    with pytest.raises(ValueError, match="percentile"):
        nearest_rank(values, percent)


def test_bounds_go_by_1_2_5_and_are_exact() -> None:
    assert bounds(30) == [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]
    assert len(bounds(86_400)) == 19
    assert bounds(0) == [0.1]


@given(some_durations)
def test_every_duration_is_in_one_bucket(values: list[float]) -> None:
    values.sort()
    found = buckets(values)
    assert sum(count for _, count in found) == len(values)
    assert found[0][1] > 0
    assert found[-1][1] > 0
    below = -math.inf
    for upper, count in found:
        assert count == len([v for v in values if below < v <= upper])
        below = upper


def test_a_value_on_a_bound_is_in_the_bucket_below_it() -> None:
    assert buckets([1.0, 1.1, 10.0]) == [(1.0, 1), (2.0, 1), (5.0, 0), (10.0, 1)]
    assert buckets([]) == []


def test_durations_of_an_episode_are_those_of_its_calls_and_what_is_between() -> None:
    phases = (
        Phase(S.SUBSTANTIATING, 100, 101),
        Phase(S.SUBSTANTIATING_STARTING, 101, 110),
        Phase(S.SUBSTANTIATED, 110, 150),
        Phase(S.INSUBSTANTIATING, 150, 152),
        Phase(S.INSUBSTANTIATING_SUBSTANTIATING, 152, 155),
    )
    episode = Episode(1, 1, 100, phases, connected_at=109, start_s=3, start_ended_at=104, stop_s=4)
    assert durations(episode) == (3, 5, 40, 4)
    assert until_up(*durations(episode)[:2]) == 8


def test_an_episode_has_no_durations_of_what_it_never_had() -> None:
    assert durations(Episode(1, 1, 100, (Phase(S.SUBSTANTIATING, 100),))) == (None,) * 4


def test_a_clock_that_was_set_back_makes_no_negative_duration() -> None:
    phases = (Phase(S.SUBSTANTIATING, 100, 100),)
    episode = Episode(1, 1, 100, phases, connected_at=40, start_s=0, start_ended_at=100)
    assert durations(episode)[1] == 0


WHO = {
    who.key: who for who in (Who(1, 1, "a", "EC2"), Who(2, 1, "b", "EC2"), Who(3, 1, "c", "Docker"))
}


def life(workerid: int, outcome: str | None = "ok", **more: Any) -> Life:
    values: dict[str, Any] = dict.fromkeys(("start_s", "connect_s", "up_s", "stop_s"))
    ended = None if outcome is None else 10.0
    return Life(1, workerid, 1, 0.0, ended, outcome, **{**values, **more})


def tell(tally: Tally) -> tuple[list[Any], list[Any]]:
    found = list(tally.results(lambda group, state: 600.0 if state is S.INSUBSTANTIATING else None))
    return [phase for phases, _ in found for phase in phases], [outcome for _, outcome in found]


def test_each_worker_has_a_row_for_each_phase_it_had() -> None:
    tally = Tally("worker", WHO)
    tally.add([life(1, start_s=3.0, stop_s=1.0), life(1, start_s=5.0), life(2, stop_s=7.0)])
    stats, _ = tell(tally)
    assert [(s["worker"], s["class"], s["phase"], s["count"], s["max"]) for s in stats] == [
        ("a", "EC2", "start", 2, 5.0),
        ("a", "EC2", "stop", 1, 1.0),
        ("b", "EC2", "stop", 1, 7.0),
    ]
    assert [s["threshold_s"] for s in stats] == [None, 600.0, 600.0]


def test_a_name_that_two_masters_have_is_two_workers_each_of_its_class() -> None:
    who = {**WHO, (1, 2): Who(1, 2, "a", "Docker")}
    lives = [life(1, stop_s=1.0), life(1, stop_s=9.0)._replace(masterid=2)]
    for by, told in (
        ("worker", [("a", 2, "Docker", 9.0), ("a", 1, "EC2", 1.0)]),
        ("class", [(None, None, "Docker", 9.0), (None, None, "EC2", 1.0)]),
    ):
        tally = Tally(by, who)
        tally.add(lives)
        stats, outcomes = tell(tally)
        rows = [(s["worker"], s["masterid"], s["class"], s["max"]) for s in stats]
        assert rows == told
        assert [o["masterid"] for o in outcomes] == [row[1] for row in told]


def test_by_class_the_workers_are_put_together() -> None:
    tally = Tally("class", WHO)
    tally.add([life(1, stop_s=1.0), life(2, stop_s=3.0), life(3, stop_s=9.0)])
    stats, outcomes = tell(tally)
    assert [(s["workerid"], s["worker"], s["class"], s["count"]) for s in stats] == [
        (None, None, "Docker", 1),
        (None, None, "EC2", 2),
    ]
    assert [o["count"] for o in outcomes] == [1, 2]


def test_what_is_not_over_is_not_counted() -> None:
    tally = Tally("worker", WHO)
    tally.add([life(1, outcome=None, start_s=3.0)])
    assert tell(tally) == ([], [])
    assert tally.count == 0


def test_success_is_among_what_is_known() -> None:
    tally = Tally("worker", WHO)
    how = ["ok", "ok", "start_failed", "stop_failed", "never_connected", "released"]
    tally.add(life(1, outcome) for outcome in (*how, "unknown", "cancelled"))
    _, (outcome,) = tell(tally)
    assert {n: outcome[n] for n in ("count", "ok", "failed", "released", "unknown")} == {
        "count": 8,
        "ok": 2,
        "failed": 3,
        "released": 1,
        "unknown": 2,
    }
    assert outcome["success_rate"] == pytest.approx(2 / 6)


def test_where_nothing_is_known_there_is_no_success_rate() -> None:
    tally = Tally("worker", WHO)
    tally.add([life(1, "unknown")])
    assert tell(tally)[1][0]["success_rate"] is None


def test_a_worker_that_nobody_knows_by_name_is_its_number() -> None:
    tally = Tally("worker", {})
    tally.add([life(77, stop_s=1.0)])
    assert (tell(tally)[0][0]["worker"], tell(tally)[0][0]["class"]) == ("77", "")


def test_slices_in_any_order_give_the_same() -> None:
    dice = random.Random(1)
    lives = [life(dice.randint(1, 3), stop_s=dice.random() * 100) for _ in range(500)]
    whole, parts = Tally("worker", WHO), Tally("worker", WHO)
    whole.add(lives)
    dice.shuffle(lives)
    for start in range(0, 500, 7):
        parts.add(lives[start : start + 7])
    assert tell(whole) == tell(parts)


def test_a_summary_has_all_that_rest_shows() -> None:
    assert summary([3.0, 1.0, 2.0]) == {
        "count": 3,
        "p50": 2.0,
        "p95": 3.0,
        "p99": 3.0,
        "max": 3.0,
        "buckets": [(1.0, 1), (2.0, 1), (5.0, 1)],
    }
