"""Limits learnt from history: what is long for this worker, said with the sample it is drawn from.

One fixed limit cannot fit: in one CI system a teardown took a median of 2.6 minutes on one cloud and of
40.8 on another. A learnt limit is the larger of the fixed one (the floor) and a factor times the 99th
percentile of the worker's own last episodes (else of its class's), and never above the cap.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.facts import Episode
from buildbot_lifecycle.core.states import STOPPING, State
from buildbot_lifecycle.core.statistics import nearest_rank

_K = TypeVar("_K")

#: Durations that are kept per worker and per class, the newest.
KEPT = 200

#: Which seconds of an episode are learnt for the limit of which states.
LEARNT: Mapping[State, tuple[State, ...]] = {
    State.SUBSTANTIATING: (State.SUBSTANTIATING,),
    State.SUBSTANTIATING_STARTING: (State.SUBSTANTIATING_STARTING,),
    State.INSUBSTANTIATING: tuple(STOPPING),
    State.INSUBSTANTIATING_SUBSTANTIATING: tuple(STOPPING),
}


@dataclasses.dataclass(frozen=True)
class Adaptive:
    """``factor`` times p99, from ``min_samples`` on, and never above ``cap_factor`` times the floor."""

    factor: float = 3.0
    min_samples: int = 20
    cap_factor: float = 30.0


class LearntLimit(float):
    """A limit in seconds that knows its sample: p99 (seconds), n, and whose it is."""

    p99: float
    n: int
    whose: str

    @classmethod
    def of(cls, seconds: float, p99: float, n: int, whose: str) -> LearntLimit:
        limit = cls(seconds)
        limit.p99, limit.n, limit.whose = p99, n, whose
        return limit

    def compared(self, age: float) -> str:
        """The age against the sample, as in "3.2 times its p99 of 41 s, n = 57"."""
        return f"{age / self.p99:.1f} times {self.whose} p99 of {in_words(self.p99)}, n = {self.n}"


class Sample:
    """The newest durations (seconds) of one thing. Its p99 is worked out once after each new one.

    Every event of a worker asks for it, and only the end of an episode changes it.
    """

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._kept: deque[float] = deque(seconds, maxlen=KEPT)
        self._p99: float | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, seconds: float) -> None:
        """One more; the oldest goes when there are `KEPT`."""
        self._kept.append(seconds)
        self._p99 = None

    @property
    def p99(self) -> float:
        """The 99th percentile; raises ValueError while there are none."""
        if self._p99 is None:
            self._p99 = nearest_rank(sorted(self._kept), 99)
        return self._p99


_NONE = Sample()


def limit_from(floor: float, own: Sample, of_class: Sample, adaptive: Adaptive) -> float:
    """The limit for one state: learnt from the worker's own sample, else its class's, else the floor."""
    for sample, whose in ((own, "its"), (of_class, "its class's")):
        if len(sample) < adaptive.min_samples:
            continue
        p99 = sample.p99
        learnt = min(adaptive.factor * p99, adaptive.cap_factor * floor)
        if learnt > floor:
            return LearntLimit.of(learnt, p99, len(sample), whose)
        return floor
    return floor


class Memory:
    """The last durations of each worker and each class, by state."""

    def __init__(self) -> None:
        # By workerid and class, not on the worker object: one that a reconfiguration made anew is as fast
        # as it was before, and one of another class says nothing of it.
        self._own: dict[tuple[int, str, str], Sample] = {}
        self._class: dict[tuple[str, str], Sample] = {}

    def learn(self, workerid: int, class_name: str, episode: Episode) -> None:
        """Remember an episode that ended well; others say nothing of how long a thing takes."""
        if episode.ended_at is None or episode.outcome != "ok":
            return
        for state, counted in LEARNT.items():
            seconds = episode.seconds_in(*counted)
            if seconds is not None:
                self.add(workerid, class_name, state, seconds)

    def add(self, workerid: int, class_name: str, state: State, seconds: float) -> None:
        """Remember one duration."""
        _sample(self._own, (workerid, class_name, state)).add(seconds)
        _sample(self._class, (class_name, state)).add(seconds)

    def limits(
        self,
        workerid: int,
        class_name: str,
        fixed: Mapping[str, float | None],
        adaptive: Adaptive,
    ) -> Mapping[str, float | None]:
        """The fixed limits with the learnt ones in their place. None (never) stays None."""
        return _Limits(self, workerid, class_name, fixed, adaptive)

    def limit(
        self, workerid: int, class_name: str, state: str, floor: float, adaptive: Adaptive
    ) -> float:
        """The limit of one state; ``floor`` is the fixed one."""
        own = self._own.get((workerid, class_name, state), _NONE)
        of_class = self._class.get((class_name, state), _NONE)
        return limit_from(floor, own, of_class, adaptive)


def _sample(samples: dict[_K, Sample], key: _K) -> Sample:
    found = samples.get(key)
    if found is None:
        found = samples[key] = Sample()
    return found


class _Limits(Mapping[str, "float | None"]):
    """Of one worker, each worked out when it is asked for: an event asks for one of them, if any."""

    def __init__(
        self,
        memory: Memory,
        workerid: int,
        class_name: str,
        fixed: Mapping[str, float | None],
        adaptive: Adaptive,
    ) -> None:
        self._memory = memory
        self._whose = (workerid, class_name)
        self._fixed = fixed
        self._adaptive = adaptive

    def get(self, key: str, default: Any = None) -> Any:
        floor = self._fixed.get(key, default)
        if floor is None or floor is default or key not in LEARNT:
            return floor
        return self._memory.limit(*self._whose, key, floor, self._adaptive)

    def __getitem__(self, key: str) -> float | None:
        if key not in self._fixed:
            raise KeyError(key)
        limit: float | None = self.get(key)
        return limit

    def __iter__(self) -> Iterator[str]:
        return iter(self._fixed)

    def __len__(self) -> int:
        return len(self._fixed)


def replay(durations: Iterable[float], floor: float, adaptive: Adaptive) -> tuple[int, int]:
    """How many of a worker's durations, in their order, a fixed and a learnt limit would call stuck.

    The answer is (fixed, learnt): a rehearsal of thresholds on past data.
    """
    seen = Sample()
    fixed = learnt = 0
    for seconds in durations:
        fixed += seconds > floor
        learnt += seconds > limit_from(floor, seen, _NONE, adaptive)
        seen.add(seconds)
    return fixed, learnt
