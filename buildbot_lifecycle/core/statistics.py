"""How long things took: what is counted of an episode, percentiles, and buckets on a log scale.

Percentiles are by nearest rank: each is a duration that was really measured, never one between two.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from buildbot_lifecycle.core.facts import Episode
from buildbot_lifecycle.core.states import State

#: The durations of an episode, in the order in which they are kept, and the state whose threshold
#: is the one that they are measured against.
PHASES: Mapping[str, State] = {
    "start": State.SUBSTANTIATING_STARTING,
    "connect": State.SUBSTANTIATING_STARTING,
    "up": State.SUBSTANTIATED,
    "stop": State.INSUBSTANTIATING,
}

#: By what statistics are put together.
GROUPINGS = ("worker", "class")

#: What an outcome counts as; any other counts as a failure.
_COUNTED_AS = {
    "ok": "ok",
    "released": "released",
    "unknown": "unknown",
    "cancelled": "unknown",
    "build_refused": "unknown",
}


#: A worker of one master: workerid and masterid. A name that several masters have is one workerid.
Key = tuple[int, int]


def counted_as(outcome: str | None) -> str:
    """What an episode that is over counts as: ok, failed, released or unknown."""
    return _COUNTED_AS.get(outcome or "unknown", "failed")


class Life(NamedTuple):
    """An episode as its row tells it without its details. Times in epoch seconds, the rest seconds."""

    id: int
    workerid: int
    masterid: int
    started_at: float
    ended_at: float | None
    outcome: str | None
    start_s: float | None
    connect_s: float | None
    up_s: float | None
    stop_s: float | None


class BuildEvent(NamedTuple):
    """A build that took a worker, or gave it back; ``kind`` is the event's."""

    id: int
    workerid: int
    masterid: int
    episode: int | None
    kind: str
    at: float
    builder: str
    number: int | None
    builderid: int | None


@dataclasses.dataclass(frozen=True)
class Who:
    """A worker as its master last wrote it down."""

    workerid: int
    masterid: int
    name: str
    class_name: str

    @property
    def key(self) -> Key:
        """Which worker it is."""
        return (self.workerid, self.masterid)


def durations(
    episode: Episode,
) -> tuple[float | None, float | None, float | None, float | None]:
    """Seconds of start, connect, up and stop; None for what the episode never had, or was not seen.

    Start and stop are Buildbot's waits for start_instance and stop_instance themselves; connect is from
    the end of start_instance until the worker was attached (0 if it was before); up counts the phases.
    """
    up = episode.seconds_in(State.SUBSTANTIATED)
    return (episode.start_s, episode.connect_s, up, episode.stop_s)


def until_up(start_s: float | None, connect_s: float | None) -> float | None:
    """Seconds from the call of start_instance until the worker was attached; None without a start."""
    if start_s is None:
        return None
    return start_s + (connect_s or 0.0)


def nearest_rank(ordered: Sequence[float], percent: int) -> float:
    """The smallest of the ascending values that `percent` of all values do not exceed."""
    if not ordered:
        raise ValueError("there is no percentile of nothing")
    if not 1 <= percent <= 100:
        raise ValueError(f"a percentile is from 1 to 100, not {percent}")
    # In whole numbers: 0.07 * 100 is more than 7.
    return ordered[-(-percent * len(ordered) // 100) - 1]


def bounds(largest: float) -> list[float]:
    """Upper bounds of buckets in seconds: 0.1, 0.2, 0.5, 1, 2, 5 ..., up to one that holds `largest`."""
    found: list[float] = []
    power = -1
    while True:
        for digit in (1, 2, 5):
            bound = digit * 10.0**power if power >= 0 else digit / 10.0**-power
            found.append(bound)
            if bound >= largest:
                return found
        power += 1


def buckets(ordered: Sequence[float]) -> list[tuple[float, int]]:
    """How many of the ascending values are in each bucket: (upper bound, count).

    From the first bucket that has any to the last, those between included. A value on a bound is in
    the bucket below it.
    """
    if not ordered:
        return []
    counted = []
    before = 0
    for upper in bounds(ordered[-1]):
        up_to = bisect.bisect_right(ordered, upper)
        if up_to:
            counted.append((upper, up_to - before))
        before = up_to
    return counted


class Tally:
    """Counts episodes by worker or by class, a slice at a time."""

    def __init__(self, by: str, who: Mapping[Key, Who]) -> None:
        if by not in GROUPINGS:
            raise ValueError(f"by is one of {', '.join(GROUPINGS)}, not {by!r}")
        self._by = by
        self._who = who
        self._values: dict[tuple[Key | None, str], tuple[list[float], ...]] = {}
        self._outcomes: dict[tuple[Key | None, str], Counter[str]] = {}
        self.count = 0

    def add(self, lives: Iterable[Life]) -> None:
        """Count episodes; those that are not over are passed over."""
        for life in lives:
            if life.ended_at is None:
                continue
            key = self._key((life.workerid, life.masterid))
            values = self._values.get(key)
            if values is None:
                values = self._values[key] = tuple([] for _ in PHASES)
                self._outcomes[key] = Counter()
            for kept, value in zip(values, life[6:]):
                if value is not None:
                    kept.append(value)
            self._outcomes[key][counted_as(life.outcome)] += 1
            self.count += 1

    def _key(self, worker: Key) -> tuple[Key | None, str]:
        who = self._who.get(worker)
        class_name = who.class_name if who is not None else ""
        return (worker if self._by == "worker" else None, class_name)

    def results(
        self, threshold: Callable[[Mapping[str, Any], State], float | None]
    ) -> Iterator[tuple[list[dict[str, Any]], dict[str, Any]]]:
        """For each group its durations and its outcomes, as in REST, in the order of the names.

        ``threshold(group, state)`` answers the seconds after which that state is stuck.
        """
        named = [(self._group(key), key) for key in self._values]
        named.sort(
            key=lambda pair: (pair[0]["class"], pair[0]["worker"] or "", pair[1][0] or (0, 0))
        )
        for group, key in named:
            phases = []
            for (phase, state), values in zip(PHASES.items(), self._values[key]):
                if values:
                    limit = threshold(group, state)
                    phases.append(
                        {**group, "phase": phase, **summary(values), "threshold_s": limit}
                    )
            yield phases, {**group, **shares(self._outcomes[key])}

    def _group(self, key: tuple[Key | None, str]) -> dict[str, Any]:
        worker, class_name = key
        if worker is None:
            return {"workerid": None, "worker": None, "masterid": None, "class": class_name}
        who = self._who.get(worker)
        workerid, masterid = worker
        name = str(workerid) if who is None else who.name
        return {"workerid": workerid, "worker": name, "masterid": masterid, "class": class_name}


def summary(values: list[float]) -> dict[str, Any]:
    """Count, percentiles, the longest and the buckets of some durations; sorts them."""
    values.sort()
    return {
        "count": len(values),
        "p50": nearest_rank(values, 50),
        "p95": nearest_rank(values, 95),
        "p99": nearest_rank(values, 99),
        "max": values[-1],
        "buckets": buckets(values),
    }


def shares(outcomes: Counter[str]) -> dict[str, Any]:
    """How many episodes ended how, and the share of those that ended well."""
    ok, failed, released = outcomes["ok"], outcomes["failed"], outcomes["released"]
    judged = ok + failed + released
    return {
        "count": sum(outcomes.values()),
        "ok": ok,
        "failed": failed,
        "released": released,
        "unknown": outcomes["unknown"],
        "success_rate": ok / judged if judged else None,
    }
