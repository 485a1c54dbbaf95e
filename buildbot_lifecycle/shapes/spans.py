"""What is counted and drawn over a span of time: statistics, the timeline, the last episodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from buildbot_lifecycle.shapes.base import Count, Seconds, Shape, Time, words
from buildbot_lifecycle.shapes.parts import StateName


class Group(Shape, frozen=True, kw_only=True):
    """Of which worker or class statistics are: with ``by=class`` the worker and its master are null."""

    workerid: int | None
    worker: str | None
    masterid: int | None
    class_: str


class PhaseStats(Group, frozen=True, kw_only=True):
    """How long one phase took: percentiles by nearest rank, and buckets of upper bound and count."""

    phase: Annotated[str, words("start", "connect", "up", "stop")]
    count: Count
    p50: Seconds
    p95: Seconds
    p99: Seconds
    max: Seconds
    buckets: tuple[tuple[Seconds, Count], ...]
    threshold_s: Seconds | None


class OutcomeStats(Group, frozen=True, kw_only=True):
    """How episodes ended."""

    count: Count
    ok: Count
    failed: Count
    released: Count
    unknown: Count
    success_rate: float | None


class StatsMeta(Shape, frozen=True, kw_only=True):
    """Which span was counted, and whether there were more episodes."""

    since: Time
    until: Time
    total: Count
    episodes: Count
    truncated: bool


class Stats(Shape, frozen=True, kw_only=True):
    """How long things took, and how they ended."""

    stats: tuple[PhaseStats, ...]
    outcomes: tuple[OutcomeStats, ...]
    meta: StatsMeta


#: An episode in short: id, outcome, seconds until the worker was attached, up, of the stop, and its end.
RecentEpisode = tuple[int, str | None, Seconds | None, Seconds | None, Seconds | None, Time | None]


class Recent(Shape, frozen=True, kw_only=True):
    """The last episodes of one worker, the newest last."""

    workerid: int
    masterid: int
    episodes: tuple[RecentEpisode, ...]


class Total(Shape, frozen=True, kw_only=True):
    """How many there are."""

    total: Count


#: state, since, until; and since, until, builder, number, builderid. Null for what is not over or known.
LanePhase = tuple[StateName, Time, Time | None]
LaneBuild = tuple[Time, Time | None, str, int | None, int | None]


class LaneEpisode(Shape, frozen=True, kw_only=True):
    """One episode of a lane."""

    id: int
    outcome: str | None
    phases: tuple[LanePhase, ...]
    builds: tuple[LaneBuild, ...]


class Lane(Shape, frozen=True, kw_only=True):
    """The episodes of one worker."""

    workerid: int
    worker: str
    masterid: int
    episodes: tuple[LaneEpisode, ...]


class Mark(Shape, frozen=True, kw_only=True):
    """Something that happened at one moment."""

    at: Time
    kind: Annotated[
        str,
        words("force", "shutdown-release", "master_start", "master_stop", "master_died", "failure"),
    ]
    workerid: int | None
    masterid: int
    text: str


class TimelineMeta(Shape, frozen=True, kw_only=True):
    """Which span is drawn, and whether there were more episodes."""

    since: Time
    until: Time
    truncated: bool
    total: Count


class Timeline(Shape, frozen=True, kw_only=True):
    """Episodes with their phases and builds, and marks above them."""

    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    meta: TimelineMeta


class Drawn(NamedTuple):
    """A timeline before it is known who sees it: of each mark also its text without details, or None."""

    lanes: Sequence[Lane]
    marks: Sequence[tuple[Mark, str | None]]
    meta: TimelineMeta
