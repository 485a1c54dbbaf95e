"""What is paged by key, newest first: transitions, events, episodes, actions and orphans."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.requests import ACTORS, CLOSERS
from buildbot_lifecycle.shapes.base import Count, Seconds, Shape, Time, words
from buildbot_lifecycle.shapes.parts import Build, Cause, PlannedStep, StateName, Verdict

Outcome = Annotated[
    str,
    words(
        "ok",
        "start_failed",
        "stop_failed",
        "never_connected",
        "lost",
        "released",
        "cancelled",
        "build_refused",
        "unknown",
    ),
]
Status = Annotated[str, words("asked", "done", "failed", "refused")]


class Transition(Shape, frozen=True, kw_only=True):
    """One change of a worker's state."""

    id: int
    workerid: int
    masterid: int
    episode: int | None
    from_: StateName
    to: StateName
    at: Time
    expected: bool


class Event(Shape, frozen=True, kw_only=True):
    """One observed fact; which keys its data has depends on its kind."""

    id: int
    workerid: int
    masterid: int
    episode: int | None
    kind: Annotated[str, words(*(kind.value for kind in Kind))]
    at: Time
    data: Annotated[Mapping[str, Any], Meta(extra_json_schema={"additionalProperties": True})]


class Phase(Shape, frozen=True, kw_only=True):
    """The stay in one state inside an episode; ``until`` is null while it lasts."""

    state: StateName
    since: Time
    until: Time | None = None


class Failure(Shape, frozen=True, kw_only=True):
    """What went wrong: in which call, in one line, and the traceback if there is one."""

    call: str
    error: str
    traceback: str | None = None


class Episode(Shape, frozen=True, kw_only=True):
    """One life of an instance."""

    id: int
    workerid: int
    worker: str
    masterid: int
    started_at: Time
    ended_at: Time | None
    outcome: Outcome | None
    failure: Failure | None
    instance: str | None
    build: Build | None
    phases: tuple[Phase, ...]
    connected_at: Time | None
    start_s: Seconds | None
    connect_s: Seconds | None
    up_s: Seconds | None
    stop_s: Seconds | None
    builds: int


class Action(Shape, frozen=True, kw_only=True):
    """Who asked for what, why, and what came of it."""

    id: int
    workerid: int
    worker: str
    masterid: int
    episode: int | None
    #: no fixed words: policies will add their own
    what: str
    actor: str
    actor_kind: Annotated[str, words(*ACTORS)]
    reason: str
    at: Time
    status: Status
    finished_at: Time | None
    steps: tuple[PlannedStep, ...]
    outcome: str | None
    verdict: Verdict | None
    pause: bool
    override: bool
    #: the instance that was to be ended, or that a release left
    instance: str | None
    #: its entry in the ledger
    orphan: int | None


class Proof(Shape, frozen=True, kw_only=True):
    """What the cloud answered last about an entry, and when; ``why`` a code, if it is not known."""

    asked: Time
    answer: Annotated[str, words("there", "not_known", "gone")]
    why: str | None
    text: str | None


class Orphan(Shape, frozen=True, kw_only=True):
    """An instance that may still run."""

    id: int
    workerid: int
    worker: str
    class_: str
    masterid: int
    episode: int | None
    instance: str | None
    #: the cloud in which it was made, as a digest; None: not recorded
    place: str | None
    opened_at: Time
    cause: Cause
    why: str
    times: Count
    closed_at: Time | None
    closed_by: str | None
    closed_by_kind: Annotated[str, words(*CLOSERS)] | None
    note: str | None
    #: null: it is closed, another master's, not asked about yet, or nobody can tell
    proof: Proof | None = None


class Next(Shape, frozen=True, kw_only=True):
    """The address of the next, older page, or null."""

    next: str | None


class NextAndOpen(Next, frozen=True, kw_only=True):
    """The same, and how many entries of the whole ledger are open."""

    open: Count


#: What can be paged, by its plural in the path.
HISTORY: Mapping[str, type[Shape]] = {
    "transitions": Transition,
    "events": Event,
    "episodes": Episode,
    "actions": Action,
    "orphans": Orphan,
}
