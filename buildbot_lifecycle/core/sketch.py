"""How long things took, in buckets on a log scale: small, exact to a known share, and to be added up.

DDSketch is the literature's name (Masson, Rim and Lee, 2019): the bucket of a value is the whole number
above its logarithm, so that every percentile is off by `ACCURACY` at most, however many values there are.
Sketches of two days, or of two workers, are added bucket by bucket. The library of that name (ddsketch)
brings protobuf and stores dense arrays; what is needed of it are these lines, and counts that a database
keeps as text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from buildbot_lifecycle.core.statistics import bounds

#: Share of a value by which it may be told wrong.
ACCURACY = 0.01

_GAMMA = (1 + ACCURACY) / (1 - ACCURACY)
_LOG = math.log(_GAMMA)

#: Seconds below which a duration is as good as none: one bucket for all of them.
SMALLEST = 0.001

_NONE = -(10**6)


def bucket_of(seconds: float) -> int:
    """The number of the bucket of a duration."""
    return _NONE if seconds < SMALLEST else math.ceil(math.log(seconds) / _LOG)


def value_of(bucket: int) -> float:
    """The duration that stands for a bucket: no value in it is farther away than `ACCURACY` of itself."""
    return 0.0 if bucket == _NONE else 2 * _GAMMA**bucket / (_GAMMA + 1)


class Sketch:
    """Some durations: how many are in each bucket, and the longest, which is exact."""

    __slots__ = ("counts", "longest")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.longest = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        bucket = bucket_of(seconds)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.longest = max(self.longest, seconds)

    def merge(self, other: Sketch) -> None:
        """Count all of another one's."""
        counts = self.counts
        for bucket, count in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
        self.longest = max(self.longest, other.longest)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(self.counts.values())

    def as_json(self) -> list[Any]:
        """As it is stored: the longest, and the counts by bucket."""
        return [self.longest, {str(bucket): self.counts[bucket] for bucket in sorted(self.counts)}]

    @staticmethod
    def read(stored: Any) -> Sketch:
        """What `as_json` made; raises for anything else."""
        longest, counts = stored
        found = Sketch()
        found.longest = float(longest)
        found.counts = {int(bucket): int(count) for bucket, count in counts.items()}
        return found

    def summary(self) -> dict[str, Any]:
        """Count, percentiles, the longest and buckets, as `core.statistics.summary` has them."""
        ordered = sorted(self.counts.items())
        return {
            "count": self.count,
            **{f"p{percent}": self._rank(ordered, percent) for percent in (50, 95, 99)},
            "max": self.longest,
            "buckets": list(_coarse(ordered, self.longest)),
        }

    def _rank(self, ordered: Iterable[tuple[int, int]], percent: int) -> float:
        """The value of nearest rank, but for `ACCURACY`."""
        wanted = -(-percent * self.count // 100)
        for bucket, count in ordered:
            wanted -= count
            if wanted <= 0:
                return min(value_of(bucket), self.longest)
        return self.longest


def _coarse(ordered: Iterable[tuple[int, int]], longest: float) -> Iterable[tuple[float, int]]:
    """The counts by the bounds that people read, from the first that has any to the last."""
    uppers = bounds(longest)
    counts = [0] * len(uppers)
    place = 0
    for bucket, count in ordered:
        value = min(value_of(bucket), longest)
        while uppers[place] < value:
            place += 1
        counts[place] += count
    begun = False
    for upper, count in zip(uppers, counts):
        begun = begun or count > 0
        if begun:
            yield (upper, count)


class Rollup:
    """What is counted of the episodes of one day: their durations by phase, and how they ended."""

    __slots__ = ("outcomes", "phases")

    def __init__(self) -> None:
        self.phases: dict[str, Sketch] = {}
        self.outcomes: dict[str, int] = {}

    def add(self, durations: Mapping[str, float | None], outcome: str) -> None:
        """Count one episode; ``outcome`` as `statistics.counted_as` has it."""
        for phase, seconds in durations.items():
            if seconds is not None:
                self.phases.setdefault(phase, Sketch()).add(seconds)
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def merge(self, other: Rollup) -> None:
        """Count all of another one's."""
        for phase, sketch in other.phases.items():
            self.phases.setdefault(phase, Sketch()).merge(sketch)
        for outcome, count in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        phases = {phase: sketch.as_json() for phase, sketch in self.phases.items()}
        return {"phases": phases, "outcomes": self.outcomes}

    @staticmethod
    def read(stored: Any) -> Rollup:
        """What `as_json` made; raises for anything else."""
        found = Rollup()
        found.phases = {phase: Sketch.read(each) for phase, each in stored["phases"].items()}
        found.outcomes = {outcome: int(n) for outcome, n in stored["outcomes"].items()}
        return found
