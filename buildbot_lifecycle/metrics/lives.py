"""What has ended since recording began, counted: durations with their outcomes, releases, stalls.

Counters of Prometheus begin anew with the process; what was before it is in the database, at ``/stats``.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, Metric

from buildbot_lifecycle.core.facts import Episode
from buildbot_lifecycle.core.statistics import durations

#: Before every name.
PREFIX = "buildbot_lifecycle"

#: Upper bounds in seconds: from a container's start to an hour.
BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)

#: How an instance that had no build got out of that: it was given one, or its life went on to its end.
IDLE_ENDS = ("build", "stop")


class Lives:
    """Counts for one master. All is in seconds."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        by_outcome = ["class", "outcome"]
        self._start = self._histogram(
            "start_seconds", "How long start_instance itself took", by_outcome
        )
        self._connect = self._histogram(
            "connect_seconds",
            "From the end of start_instance until the worker was attached",
            by_outcome,
        )
        self._life = self._histogram(
            "life_seconds", "From the request for an instance until its worker rests", by_outcome
        )
        self._idle = self._histogram(
            "idle_seconds",
            "How long an instance was up without a build, by what ended that: a build, or its stop",
            ["class", "ended_by"],
        )
        self._stop = self._histogram(
            "stop_seconds", "How long stop_instance itself took", by_outcome
        )
        self._stuck = self._counter(
            "stuck", "Times that a worker became stuck, by the verdict", ["class", "verdict"]
        )
        self._actions = self._counter(
            "actions",
            "Actions that have an outcome: force disconnects and others, by the kind of who acted",
            ["action", "actor_kind", "outcome"],
        )
        self._notifications = self._counter(
            "notifications",
            "Messages of LatentWorkerGenerator, by the reporter and by whether they were delivered",
            ["reporter", "outcome"],
        )
        self._blocked = self._counter(
            "reactor_blocked_seconds",
            "Seconds for which the reactor stood still, each over one",
            [],
        )

    def _histogram(self, name: str, text: str, labels: list[str]) -> Histogram:
        full = f"{PREFIX}_{name}"
        return Histogram(full, text, labels, registry=self._registry, buckets=BUCKETS)

    def _counter(self, name: str, text: str, labels: list[str]) -> Counter:
        return Counter(f"{PREFIX}_{name}", text, labels, registry=self._registry)

    def ended(self, class_name: str, episode: Episode) -> None:
        """The life of an instance is over."""
        outcome = episode.outcome or "unknown"
        start, connect, _, stop = durations(episode)
        for histogram, seconds in (
            (self._start, start),
            (self._connect, connect),
            (self._stop, stop),
        ):
            if seconds is not None:
                histogram.labels(class_name, outcome).observe(seconds)
        if episode.ended_at is not None:
            life = max(0.0, episode.ended_at - episode.started_at)
            self._life.labels(class_name, outcome).observe(life)

    def idled(self, class_name: str, seconds: float, ended_by: str) -> None:
        """An instance was up for so long without a build; ``ended_by`` is one of `IDLE_ENDS`."""
        self._idle.labels(class_name, ended_by).observe(max(0.0, seconds))

    def stuck(self, class_name: str, code: str) -> None:
        """A worker has become stuck."""
        self._stuck.labels(class_name, code).inc()

    def acted(self, what: str, actor_kind: str, status: str) -> None:
        """An action has an outcome."""
        self._actions.labels(what, actor_kind, status).inc()

    def notified(self, reporter: str, is_delivered: bool) -> None:
        """A message was delivered, or was not and is tried again."""
        self._notifications.labels(reporter, "delivered" if is_delivered else "failed").inc()

    def blocked(self, seconds: float) -> None:
        """The reactor stood still."""
        self._blocked.inc(max(0.0, seconds))

    def collect(self) -> Iterator[Metric]:
        """The families as they stand now.

        Without the time at which each series was made, which the library adds and nobody asks for: it
        would be one more family for each of ours.
        """
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family
