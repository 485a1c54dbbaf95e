"""What a stop of the master has to stop first, and how long that usually takes."""

from __future__ import annotations

from typing import Any

import pytest

from buildbot_lifecycle.core.facts import Episode, Phase
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.history.recent import Recent
from buildbot_lifecycle.master import views


class Clock:
    def seconds(self) -> float:
        return 0.0


def stopped(number: int, seconds: float, outcome: str = "ok") -> Episode:
    phases = (Phase(State.SUBSTANTIATED, 0, 10), Phase(State.INSUBSTANTIATING, 10, 10 + seconds))
    return Episode(
        workerid=1,
        first_seq=number,
        started_at=0.0,
        ended_at=10 + seconds,
        phases=phases,
        outcome=outcome,
        stop_s=seconds,
    )


def usual(episodes: list[Episode]) -> float | None:
    recent = Recent(Clock(), None, 1)  # type: ignore[arg-type]
    recent.ended(episodes)
    recent.committed({episode.first_seq: episode.first_seq for episode in episodes})
    return recent.usual_stop(1, 1)


def test_the_usual_stop_is_the_95th_percentile_of_the_good_ones() -> None:
    assert usual([stopped(n, n) for n in range(1, 21)]) == 19
    assert usual([stopped(1, 3)]) == 3


def test_a_stop_that_did_not_go_well_says_nothing_of_the_usual_one() -> None:
    assert usual([stopped(1, 3), stopped(2, 600, "released")]) == 3
    assert usual([stopped(2, 600, "released")]) is None


def test_a_worker_without_an_episode_has_no_usual_stop() -> None:
    assert Recent(Clock(), None, 1).usual_stop(7, 1) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("workers", "told"),
    [
        ([], (0, None, 0)),
        ([(1, "not_substantiated"), (2, "insubstantiating")], (0, None, 0)),
        ([(1, "substantiated"), (2, "substantiating_starting")], (2, 40.0, 0)),
        ([(1, "substantiated"), (3, "substantiated")], (2, 9.0, 1)),
        ([(3, "substantiated")], (1, None, 1)),
    ],
)
def test_instances_that_are_up_are_told_with_the_slowest_usual_stop(
    workers: list[tuple[int, str]], told: tuple[Any, ...]
) -> None:
    seconds = {(1, 5): 9.0, (2, 5): 40.0, (3, 6): 7.0}
    found = views.to_stop(workers, 5, lambda *worker: seconds.get(worker))
    assert found == told
