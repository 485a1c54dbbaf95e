"""How one master stands at the moment of a scrape, as gauges."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from buildbot_lifecycle.core.verdicts.verdict import LEVELS, Verdict
from buildbot_lifecycle.metrics.lives import PREFIX


@dataclasses.dataclass(frozen=True)
class Seen:
    """One worker: its name, its class, its state and its verdict."""

    name: str
    class_name: str
    state: str
    verdict: Verdict


@dataclasses.dataclass(frozen=True)
class Recorded:
    """How the recording goes; spans in seconds."""

    queued: int
    lag: float
    written: int
    dropped: int
    gaps: int
    errors: int
    is_behind: bool


@dataclasses.dataclass(frozen=True)
class Present:
    """All that is told of one moment, ``now`` (steady).

    ``orphans`` are the times at which the open entries of the ledger were opened; ``single`` are the
    workers that have series of their own.
    """

    now: float
    counts: Mapping[tuple[str, str, str], int]
    worst: Mapping[str, float]
    single: tuple[Seen, ...]
    orphans: tuple[float, ...]
    recorded: Recorded
    build: Mapping[str, str]


class Counting:
    """Counts workers one by one, so that it can be done in slices."""

    def __init__(self, now: float) -> None:
        self._now = now
        #: how many, by state, level and class
        self.counts: dict[tuple[str, str, str], int] = {}
        self._worst: dict[str, tuple[int, float]] = {}

    def add(self, seen: Seen) -> None:
        """One more worker."""
        verdict = seen.verdict
        key = (seen.state, verdict.level, seen.class_name)
        self.counts[key] = self.counts.get(key, 0) + 1
        rank, wait = LEVELS.index(verdict.level), waits(verdict, self._now)
        former = self._worst.get(seen.class_name)
        if former is None or rank < former[0] or (rank == former[0] and wait > former[1]):
            self._worst[seen.class_name] = (rank, wait)

    @property
    def worst(self) -> Mapping[str, float]:
        """Seconds in the present wait of the worst worker of each class."""
        return {name: wait for name, (_, wait) in self._worst.items()}


def waits(verdict: Verdict, now: float) -> float:
    """Seconds for which what has a limit has been waited for; 0 if there is nothing of the sort."""
    if verdict.since is None or verdict.threshold_s is None:
        return 0.0
    return max(0.0, now - verdict.since)


def collect(present: Present) -> Iterator[Metric]:
    """The families of a moment."""
    yield _gauge("workers", "Latent workers of this master", present.counts.items(), *_OF_WORKERS)
    yield _gauge(
        "wait_seconds",
        "How long the worst worker of a class has waited for what it waits for; 0 if for nothing",
        (((name,), wait) for name, wait in present.worst.items()),
        "class",
    )
    yield from _of_single(present)
    oldest = max((present.now - at for at in present.orphans), default=0.0)
    yield _one("orphans_open", "Instances of the ledger that may still run", len(present.orphans))
    yield _one("orphans_oldest_age_seconds", "Age of the oldest of them; 0 without one", oldest)
    yield from _of_recording(present.recorded)
    yield _gauge(
        "build_info",
        "Versions that run here",
        [(tuple(present.build.values()), 1)],
        *present.build,
    )


_OF_WORKERS = ("state", "level", "class")


def _of_single(present: Present) -> Iterator[Metric]:
    """Series of single workers, for those that the administrator has asked for."""
    if not present.single:
        return
    stuck = [
        ((seen.name, seen.class_name), float(seen.verdict.level == "stuck"))
        for seen in present.single
    ]
    waiting = [
        ((seen.name, seen.class_name), waits(seen.verdict, present.now)) for seen in present.single
    ]
    yield _gauge("worker_stuck", "Whether this worker is stuck", stuck, "worker", "class")
    text = "How long this worker has waited for what it waits for"
    yield _gauge("worker_wait_seconds", text, waiting, "worker", "class")


def _of_recording(recorded: Recorded) -> Iterator[Metric]:
    yield _one("recorder_queued_events", "Events that wait for the database", recorded.queued)
    yield _one("recorder_lag_seconds", "Age of the oldest of them; 0 without one", recorded.lag)
    text = "1 while the database does not answer or refuses"
    yield _one("recorder_behind", text, float(recorded.is_behind))
    yield _total("recorder_written_events", "Events that were written", recorded.written)
    yield _total("recorder_dropped_events", "Events that were lost", recorded.dropped)
    yield _total("recorder_gaps", "Gaps that were recorded for lost events", recorded.gaps)
    yield _total("hook_errors", "Errors inside the plugin's own hooks", recorded.errors)


def _gauge(
    name: str, text: str, rows: Iterable[tuple[tuple[str, ...], float]], *labels: str
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _one(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)


def _total(name: str, text: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"{PREFIX}_{name}", text, value=value)
