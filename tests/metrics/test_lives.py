"""What ended is counted with its outcome, in seconds."""

from __future__ import annotations

import dataclasses

from buildbot_lifecycle.core.facts import Episode, Phase
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.metrics.lives import BUCKETS, Lives

EPISODE = Episode(
    first_seq=1,
    workerid=7,
    started_at=100.0,
    ended_at=160.0,
    outcome="ok",
    phases=(Phase(State.SUBSTANTIATED, 112.0, 150.0),),
    connected_at=112.0,
    start_s=8.0,
    start_ended_at=109.0,
    stop_s=10.0,
)


def samples(lives: Lives) -> dict[tuple[str, ...], float]:
    """All samples: name and values of the labels, in the order of the names of the labels."""
    return {
        (sample.name.removeprefix("buildbot_lifecycle_"), *sample.labels.values()): sample.value
        for family in lives.collect()
        for sample in family.samples
    }


def test_a_life_is_counted_in_each_histogram_by_class_and_outcome() -> None:
    lives = Lives()
    lives.ended("Docker", EPISODE)
    found = samples(lives)
    for name, seconds in (("start", 8.0), ("connect", 3.0), ("life", 60.0), ("stop", 10.0)):
        assert found[f"{name}_seconds_sum", "Docker", "ok"] == seconds
        assert found[f"{name}_seconds_count", "Docker", "ok"] == 1.0
        at_most = str(float(next(bound for bound in BUCKETS if bound >= seconds)))
        below = max((bound for bound in BUCKETS if bound < seconds), default=None)
        assert found[f"{name}_seconds_bucket", "Docker", "ok", at_most] == 1.0
        assert found[f"{name}_seconds_bucket", "Docker", "ok", str(float(below or 0))] == 0.0


def test_what_an_episode_never_had_is_not_counted_as_nothing() -> None:
    lives = Lives()
    failed = dataclasses.replace(
        EPISODE, outcome="start_failed", connected_at=None, stop_s=None, phases=()
    )
    lives.ended("EC2", failed)
    found = samples(lives)
    assert found["start_seconds_count", "EC2", "start_failed"] == 1.0
    assert ("connect_seconds_count", "EC2", "start_failed") not in found
    assert ("stop_seconds_count", "EC2", "start_failed") not in found


def test_an_outcome_that_is_not_known_is_said_so() -> None:
    lives = Lives()
    lives.ended("EC2", dataclasses.replace(EPISODE, outcome=None))
    assert samples(lives)["life_seconds_count", "EC2", "unknown"] == 1.0


def test_buckets_reach_to_an_hour() -> None:
    assert BUCKETS[-1] == 3600
    assert list(BUCKETS) == sorted(set(BUCKETS))


def test_the_time_at_which_a_series_was_made_is_no_family_of_its_own() -> None:
    lives = Lives()
    lives.stuck("EC2", "stop_pending")
    lives.acted("force-disconnect", "user", "done")
    lives.blocked(2.5)
    lives.idled("EC2", 30.0, "build")
    found = samples(lives)
    assert not any(name.endswith("_created") for name, *_ in found)
    assert found["stuck_total", "EC2", "stop_pending"] == 1.0
    assert found["actions_total", "force-disconnect", "user", "done"] == 1.0
    assert found["reactor_blocked_seconds_total",] == 2.5
    assert found["idle_seconds_sum", "EC2", "build"] == 30.0


def test_a_span_is_never_below_zero() -> None:
    """Times of an earlier run may be by a clock that was set."""
    lives = Lives()
    lives.ended("EC2", dataclasses.replace(EPISODE, ended_at=90.0))
    lives.idled("EC2", -3.0, "stop")
    found = samples(lives)
    assert found["life_seconds_sum", "EC2", "ok"] == 0.0
    assert found["idle_seconds_sum", "EC2", "stop"] == 0.0
