"""What is asked of the service and what it answers: the values that cross from REST and the shell.

`Refusal` is the one exception of this boundary; it carries the word for a program and the sentence for
a person, so that every caller shows the same answer.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

#: The action that rules of Buildbot's authz see for a force disconnect and for closing an orphan. No
#: hyphen: Buildbot finds a rule by the name of its method, ``match_WorkerEndpoint_force_disconnect``.
#: `core.rights` has the names by which rules of ours tell the two apart. Rows have another word, below.
AUTHZ_FORCE = "force_disconnect"

#: The one for ending an instance.
END = "end_instance"

#: Those of Buildbot's own buttons: a rule that stands before these stands before ours.
PAUSE, UNPAUSE = "pause", "unpause"

#: The same for the dismissal of a master.
DISMISS = "dismiss_master"

#: What rows of actions, and events of them, call a release: one that was asked for by a person or by
#: ``auto_release``, and one of the stop of the master.
FORCE_DISCONNECT, SHUTDOWN_RELEASE = "force-disconnect", "shutdown-release"

#: Actions that release a worker.
RELEASES = (FORCE_DISCONNECT, SHUTDOWN_RELEASE)


class Refusal(Exception):
    """Something asked for was not done.

    ``code`` is the word for a program, ``details`` more fields of the answer.
    """

    def __init__(self, code: str, text: str, **details: Any) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.details: Mapping[str, Any] = details


@dataclasses.dataclass(frozen=True)
class Actor:
    """Who asks for something, or does it: a kind (one of `ACTORS`), and a name.

    A user may have any name, that of a policy too: only the kind says who it was.
    """

    kind: str
    name: str

    @property
    def words(self) -> str:
        """Who it was, as the page says it: a name alone may be that of another kind."""
        if self.kind == "policy":
            return f"the policy {self.name.removeprefix('policy:')}"
        return _WORDS.get(self.kind, self.name)


#: The kinds of those who act, and of those who close an orphan.
ACTORS = ("user", "anonymous", "policy", "shutdown", "reconfig")
CLOSERS = ("user", "anonymous", "late_end", "stop", "driver")

_WORDS = {
    "anonymous": "somebody who was not logged in",
    "shutdown": "the stop of the master",
    "reconfig": "a reconfiguration",
}

ANONYMOUS = Actor("anonymous", "anonymous")
SHUTDOWN = Actor("shutdown", "shutdown")
RECONFIG = Actor("reconfig", "reconfig")
LATE_END = Actor("late_end", "late end")
STOP = Actor("stop", "stop")
DRIVER = Actor("driver", "driver")


def kind_of_actor(what: str, name: str) -> str:
    """The kind of an action's actor, for rows that were written before kinds were."""
    if what == SHUTDOWN_RELEASE and name in ("shutdown", "reconfig"):
        return name
    if name.startswith("policy:"):
        return "policy"
    return "anonymous" if name == ANONYMOUS.name else "user"


def kind_of_closer(name: str) -> str:
    """The same of who closed an orphan."""
    ours = {actor.name: actor.kind for actor in (ANONYMOUS, LATE_END, DRIVER)}
    return ours.get(name, "user")


@dataclasses.dataclass(frozen=True)
class ForceRequest:
    """A force disconnect as it was asked for; see docs/rest for the meaning of each field."""

    episode: int | None
    confirm: str
    reason: str
    pause: bool | None = None
    dry_run: bool = False
    override: bool = False


@dataclasses.dataclass(frozen=True)
class ForceAnswer:
    """What came of it: ``action`` as in REST, or ``dry_run``, the plan; exactly one of them is not None.

    ``is_over`` says whether the action has an outcome: it was carried out, and the worker may be about
    to come out.
    """

    action: Mapping[str, Any] | None = None
    dry_run: Mapping[str, Any] | None = None
    is_over: bool = True


@dataclasses.dataclass(frozen=True)
class PauseRequest:
    """A pause, or the end of one."""

    pause: bool
    reason: str

    @property
    def what(self) -> str:
        """Its word, in the audit and in Buildbot's data API."""
        return PAUSE if self.pause else UNPAUSE


@dataclasses.dataclass(frozen=True)
class EndRequest:
    """The end of an instance as it was asked for; ``confirm`` is the name of the instance."""

    confirm: str
    reason: str
    dry_run: bool = False


@dataclasses.dataclass(frozen=True)
class EndAnswer(ForceAnswer):
    """What came of it, likewise: ``is_over`` is False while the cloud has not said that it is gone."""


@dataclasses.dataclass(frozen=True)
class Filter:
    """One condition on one field: ``op`` is one of eq, ne, lt, le, gt, ge, contains, in, notin."""

    field: str
    op: str
    values: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class HistoryQuery:
    """A page of history, newest first: rows with an id below ``before``, at most ``limit`` of them."""

    what: str
    workerid: int | None = None
    before: int | None = None
    limit: int = 50
    filters: tuple[Filter, ...] = ()


@dataclasses.dataclass(frozen=True)
class Page:
    """Rows, each a shape of ``shapes.history``, and whether older ones exist."""

    rows: Sequence[Any]
    more: bool


@dataclasses.dataclass(frozen=True)
class StatsQuery:
    """Statistics of the episodes that ended since a time (epoch seconds; None for the last 30 days).

    Here and below: without ``workerids`` of all workers, without ``masterids`` of all masters.
    """

    since: float | None = None
    by: str = "worker"
    workerids: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    masterids: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class RecentQuery:
    """The newest episodes of each worker, at most ``per_worker``; without ``workerids`` of all."""

    per_worker: int = 12
    workerids: tuple[int, ...] = ()
    masterids: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class TimelineQuery:
    """The episodes that overlap a span of time, at most ``limit`` of them, the newest.

    Times in epoch seconds; None is now for ``until``, and a day before that for ``since``. Without
    ``workerids`` those of all workers.
    """

    since: float | None = None
    until: float | None = None
    workerids: tuple[int, ...] = ()
    limit: int = 20_000
    masterids: tuple[int, ...] = ()


def takes(
    query: StatsQuery | RecentQuery | TimelineQuery, workerid: int | None, masterid: int
) -> bool:
    """Whether something of this worker (None: of the master itself) is asked for."""
    return (workerid is None or not query.workerids or workerid in query.workerids) and (
        not query.masterids or masterid in query.masterids
    )
