"""What keeps a master from stopping, and how its recording goes."""

from __future__ import annotations

from typing import Annotated

from buildbot_lifecycle.shapes.base import Count, Seconds, Shape, Time, words
from buildbot_lifecycle.shapes.history import Action
from buildbot_lifecycle.shapes.parts import Frame, StateName


class Blocker(Shape, frozen=True, kw_only=True):
    """One thing that a stop of the master would wait for."""

    workerid: int
    worker: str
    what: str
    since: Time
    releasable: bool
    release_in_s: Seconds | None
    text: str


class MasterWait(Shape, frozen=True, kw_only=True):
    """One thing that a stop would wait for and that is no worker: Buildbot waits for it without end."""

    what: Annotated[str, words("database", "reconfig", "threads", "router")]
    since: Time
    text: str


class MasterStop(Shape, frozen=True, kw_only=True):
    """What a master would wait for if it were stopped now, or waits for while it stops."""

    masterid: int
    master: str
    live: bool
    stopping_since: Time | None
    instances_up: int
    usual_stop_s: Seconds | None
    usual_unknown: int
    #: seconds from the first signal after which the process is gone whatever it waits for, and when that
    #: is; of another master's it is not known
    limit_s: Seconds | None
    ends_by: Time | None
    waits: tuple[MasterWait, ...]
    blockers: tuple[Blocker, ...]


class Master(Shape, frozen=True, kw_only=True):
    """A master on this database: whether it lives, and how far its clock is ahead of this one's."""

    masterid: int
    master: str
    state: Annotated[str, words("live", "dead", "stopped", "dismissed")]
    live: bool
    #: whether it is the one that answers
    answering: bool
    incarnation: int
    started_at: Time
    ended_at: Time | None
    clock_ahead_s: float | None


class Dismissed(Shape, frozen=True, kw_only=True):
    """What a dismissal would take from the lists."""

    masterid: int
    master: str
    workers: tuple[str, ...]


class Dismissing(Shape, frozen=True, kw_only=True):
    """What came of a dismissal, or what it would do; one of them is not null."""

    action: Action | None = None
    dry_run: Dismissed | None = None


class StopMeta(Shape, frozen=True, kw_only=True):
    """How many masters, and the server's time."""

    total: Count
    now: Time


class Blocked(Shape, frozen=True, kw_only=True):
    """The reactor stood still: from when, for how long, where, and in whose driver."""

    at: Time
    seconds: Seconds
    where: tuple[Frame, ...]
    workerid: int | None


class ThreadCall(Shape, frozen=True, kw_only=True):
    """A thread of the reactor's pool that is in a call: which, whose driver's, and where."""

    thread: str
    workerid: int | None
    worker: str | None
    call: str | None
    where: tuple[Frame, ...]


class Threads(Shape, frozen=True, kw_only=True):
    """The reactor's pool of threads, which drivers use and Buildbot's reconfiguration needs."""

    busy: Count
    most: Count
    #: calls that wait for a thread
    queued: Count
    #: since when all threads have been taken while others wait
    full_since: Time | None
    #: what the threads are in while all are taken; else empty
    calls: tuple[ThreadCall, ...]


class ClockMoved(Shape, frozen=True, kw_only=True):
    """The wall clock was set by so many seconds, or the master did not run for so long; and when."""

    at: Time
    seconds: Seconds


class ClockState(Shape, frozen=True, kw_only=True):
    """How often the master's wall clock was set since it started, and how often it did not run."""

    jumps: Count
    last_jump: ClockMoved | None
    gaps: Count
    last_gap: ClockMoved | None


class Waits(Shape, frozen=True, kw_only=True):
    """Nothing is deleted by its age, since the clock is much later than when it was last believed."""

    since: Time
    believed_at: Time
    #: when it is believed, if nobody sets it
    goes_on_at: Time


class CloudCalls(Shape, frozen=True, kw_only=True):
    """The threads in which clouds are asked: how many, and what came of it since the start."""

    threads: Count
    busy: Count
    queued: Count
    #: how long the oldest call has been running, and of which adapter it is
    oldest_s: Seconds | None
    oldest: str | None
    calls: Count
    #: calls that gave no answer, by adapter
    failures: dict[str, Count]


class Choice(Shape, frozen=True, kw_only=True):
    """A master that has a worker of the name that was asked for; ``url`` is the question for that one."""

    masterid: int
    master: str
    live: bool
    state: StateName
    url: str


class Health(Shape, frozen=True, kw_only=True):
    """How the recording goes."""

    status: Annotated[str, words("ok", "behind", "degraded")]
    #: since when the database has not answered, or has refused
    behind_since: Time | None
    version: str
    schema: int | None
    recording: bool
    queued: Count
    queue_bound: Count
    dropped: Count
    written: Count
    errors: Count
    last_error: str | None
    last_write_at: Time | None
    oldest_unwritten_at: Time | None
    incarnation: int | None
    masterid: int | None
    probe: str
    reactor_blocked: Blocked | None
    threads: Threads | None
    clock: ClockState | None
    #: the largest difference between this master's clock and another living one's; None: not known
    clocks_differ_s: Seconds | None
    #: why nothing is deleted by its age; null: it is
    retention_waits: Waits | None
    clouds: CloudCalls | None
