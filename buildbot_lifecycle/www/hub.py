"""What the REST API needs from the rest of the house, as types.

`Service` is what is asked of ``buildbot_lifecycle.service.answers.Answers``.
`Host` gives access to it and to the master: the www plugin in life, a double in the tests.
`Request` is what is used of ``twisted.web.server.Request``, most of which has no annotations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, BinaryIO, Protocol, TypeVar

from twisted.internet import defer
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers

from buildbot_lifecycle.core.requests import (
    Actor,
    EndRequest,
    ForceRequest,
    HistoryQuery,
    Page,
    PauseRequest,
    RecentQuery,
    Refusal,
    StatsQuery,
    TimelineQuery,
)
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.shapes.base import Shape
from buildbot_lifecycle.shapes.ending import Ended, Found
from buildbot_lifecycle.shapes.force import Forced
from buildbot_lifecycle.shapes.instances import CensusMeta, Instances
from buildbot_lifecycle.shapes.masters import Dismissing, Health, Master, MasterStop
from buildbot_lifecycle.shapes.spans import Drawn, Recent, Stats
from buildbot_lifecycle.shapes.workers import Meta, Roll, Worker

_T = TypeVar("_T")


class Service(Protocol):
    """What is asked of the lifecycle service; every refusal is a `Refusal`."""

    @property
    def anonymous_may_force(self) -> bool:
        """Whether the administrator lets anonymous clients force a disconnect."""

    @property
    def details_for(self) -> str:
        """Who may see details: one of ``core.settings.DETAILS_FOR``."""

    @property
    def metrics_token(self) -> str | None:
        """The bearer token that a scrape needs; None: whoever may read may scrape."""

    def metrics(self, accept: str, /) -> Awaitable[tuple[bytes, str]]:
        """The text for Prometheus and its content type."""

    def roll(
        self, glances: Mapping[str, Callable[[Any], bool]], most: int | None, /
    ) -> Awaitable[Roll]:
        """The latent workers of every master whose fields pass; ``most`` rows of them at most."""

    def named(self, worker: int | str, /) -> Awaitable[list[Worker]]:
        """The workers of this workerid or name, one of each master; `Refusal` if there is none."""

    def meta(self) -> Meta:
        """``now`` and ``behind``."""

    def history(self, query: HistoryQuery, /) -> Awaitable[Page]:
        """One page of transitions, events, episodes, actions or orphans."""

    def open_orphans(self) -> Awaitable[int]:
        """How many entries of the orphan ledger are open."""

    def last_of(self, query: HistoryQuery, /) -> Awaitable[int | None]:
        """The id of the last of the rows of a long page, if there are more; else None."""

    def one(self, what: str, number: int, /) -> Awaitable[Shape]:
        """One episode, action or orphan; `Refusal` if there is none."""

    def shutdown_view(self) -> Awaitable[list[MasterStop]]:
        """What keeps each master from stopping."""

    def instances(self) -> Awaitable[Instances]:
        """What really runs, and the places that were asked."""

    def refresh_instances(self) -> CensusMeta:
        """Take a census now, or join the one that runs."""

    def stats(self, query: StatsQuery, /) -> Awaitable[Stats]:
        """How long things took, and how they ended."""

    def recent(self, query: RecentQuery, /) -> Awaitable[list[Recent]]:
        """The last episodes of each worker that is asked for."""

    def timeline(self, query: TimelineQuery, /) -> Awaitable[Drawn]:
        """Lanes of episodes, and marks; of each mark also what those see who see no details."""

    def health(self) -> Health:
        """The state of the recorder and the probe."""

    def force(
        self, workerid: int, masterid: int, request: ForceRequest, actor: Actor, /
    ) -> Awaitable[Forced]:
        """Force a disconnect of a worker of this master, or plan one."""

    def pause(
        self, workerid: int, masterid: int, request: PauseRequest, actor: Actor, /
    ) -> Awaitable[Forced]:
        """Pause a worker of this master, or end its pause."""

    def instance(self, ident: str, actor: Actor, /) -> Awaitable[Found]:
        """One instance by its id, of whichever master; `Refusal` if there is none."""

    def end_instance(self, found: Found, request: EndRequest, actor: Actor, /) -> Awaitable[Ended]:
        """End an instance, or plan it."""

    def masters(self) -> Awaitable[list[Master]]:
        """Every master on the database."""

    def dismiss(
        self, masterid: int, reason: str, dry_run: bool, actor: Actor, /
    ) -> Awaitable[Dismissing]:
        """Dismiss a dead master, or say what it would do."""

    def resolve_orphan(self, number: int, note: str, actor: Actor, /) -> Awaitable[Shape]:
        """Close an orphan with a note."""


class Request(Protocol):
    """One HTTP request, and the way to answer it."""

    method: bytes
    uri: bytes
    args: Mapping[bytes, Sequence[bytes]]
    prepath: list[bytes]
    postpath: list[bytes]
    content: BinaryIO
    requestHeaders: Headers  # noqa: N815  # Twisted's name
    responseHeaders: Headers  # noqa: N815  # Twisted's name
    #: None once the client is gone.
    channel: Any

    def getHeader(self, key: bytes, /) -> bytes | None:  # noqa: N802
        """The last value of a request header."""

    def getRequestHostname(self) -> bytes:  # noqa: N802
        """The host name that the client asked for."""

    def setResponseCode(self, code: int, /) -> None:  # noqa: N802
        """Set the status."""

    def setHeader(self, name: bytes, value: bytes, /) -> None:  # noqa: N802
        """Set a header of the answer."""

    def registerProducer(self, producer: Any, streaming: bool, /) -> None:  # noqa: N802
        """Who writes the body, and is told when to pause."""

    def unregisterProducer(self) -> None:  # noqa: N802
        """Nobody writes any more."""

    def write(self, data: bytes, /) -> None:
        """Send a part of the body."""

    def finish(self) -> None:
        """The answer is complete."""


class Host(Protocol):
    """Where the API lives: a master, and its service once it is configured."""

    @property
    def master(self) -> Any:
        """The BuildMaster."""

    def service(self) -> Service | None:
        """The lifecycle service of this master; None if master.cfg does not have it."""


def _begun(ask: Callable[..., Awaitable[_T]], *args: Any) -> defer.Deferred[_T]:
    """Ask now; what is raised at once is answered as well."""

    async def answer() -> _T:
        return await ask(*args)

    return defer.ensureDeferred(answer())


def until_left(ask: Callable[..., Awaitable[_T]], *args: Any) -> defer.Deferred[_T]:
    """Ask, such that a client who goes away takes the question along.

    For reads only, and for long ones: what is asked is cancelled, so that nothing goes on for nobody.
    """
    asked = _begun(ask, *args)

    def settle(failure: Failure) -> Failure:
        if not isinstance(failure.value, Exception):
            # a driver's asyncio.CancelledError, as below
            error = RuntimeError(f"{type(failure.value).__name__}: {failure.value}")
            return Failure(error)  # type: ignore[no-untyped-call]
        return failure

    return asked.addErrback(settle)


def shielded(ask: Callable[..., Awaitable[_T]], *args: Any) -> defer.Deferred[_T]:
    """Ask, such that a client who goes away does not cancel what was asked.

    Klein cancels the Deferred of a handler when the connection is lost. A force disconnect must not
    end half done because a browser tab was closed, and a read may be shared with others. An
    exception that nobody is left to be told is logged, unless it is a `Refusal`.
    """
    outer: defer.Deferred[_T] = defer.Deferred()

    def settle(result: _T | Failure) -> None:
        error = result.value if isinstance(result, Failure) else None
        if outer.called:
            if isinstance(result, Failure) and not isinstance(error, Refusal):
                text = "what a client had asked for failed after it went away"
                log_error(result, f"lifecycle: {text}")
        elif error is not None and not isinstance(error, Exception):
            # A driver's asyncio.CancelledError is no Exception: no handler of errors would see it.
            outer.errback(RuntimeError(f"{type(error).__name__}: {error}"))
        else:
            outer.callback(result)

    _begun(ask, *args).addBoth(settle)
    return outer
