"""Percentiles of a sketch are those of all values but for one percent, whatever was added, and when."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core.sketch import ACCURACY, Rollup, Sketch, bucket_of, value_of
from buildbot_lifecycle.core.statistics import summary

SECONDS = st.floats(0.001, 1e7)


def sketch_of(values: list[float]) -> Sketch:
    found = Sketch()
    for value in values:
        found.add(value)
    return found


@given(SECONDS)
def test_a_bucket_stands_for_its_values_but_for_the_accuracy(seconds: float) -> None:
    assert abs(value_of(bucket_of(seconds)) - seconds) <= seconds * ACCURACY * 1.0001


@given(st.lists(SECONDS, min_size=1, max_size=300))
def test_percentiles_are_those_of_all_values_but_for_the_accuracy(values: list[float]) -> None:
    exact, told = summary(sorted(values)), sketch_of(values).summary()
    for name in ("p50", "p95", "p99"):
        assert abs(told[name] - exact[name]) <= exact[name] * ACCURACY * 1.0001
    assert told["count"] == exact["count"] == sum(count for _, count in told["buckets"])
    assert told["max"] == exact["max"]


@given(st.lists(SECONDS, max_size=50), st.lists(SECONDS, max_size=50))
def test_two_sketches_add_up_to_that_of_both(some: list[float], more: list[float]) -> None:
    both = sketch_of(some)
    both.merge(Sketch.read(json.loads(json.dumps(sketch_of(more).as_json()))))
    whole = sketch_of(some + more)
    assert both.counts == whole.counts
    assert both.longest == whole.longest


def test_no_time_at_all_is_a_duration_too() -> None:
    told = sketch_of([0.0, 0.0, 5.0]).summary()
    assert (told["p50"], told["max"], told["count"]) == (0.0, 5.0, 3)


def test_a_rollup_is_read_as_it_was_written() -> None:
    rollup = Rollup()
    rollup.add({"start": 3.0, "stop": None}, "ok")
    rollup.add({"start": 5.0, "stop": 1.0}, "failed")
    again = Rollup.read(json.loads(json.dumps(rollup.as_json())))
    again.merge(rollup)
    assert again.outcomes == {"ok": 2, "failed": 2}
    assert {phase: each.count for phase, each in again.phases.items()} == {"start": 4, "stop": 2}
