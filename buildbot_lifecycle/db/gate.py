"""Our way to Buildbot's database threads: at most two of them at a time, and never for long unseen.

Buildbot has fifteen such threads (one for SQLite), and every build needs them. One lane is for what is
written and one for what is read; in each, one call after the other. So a table that is locked, or a
server that does not answer, holds two threads of Buildbot's, however many ask. Who asks for people
(`asked`) has a limit in time, and is refused at once while the database is known not to answer.

An error is given to who asked; Buildbot's own pool would try again within the thread, for a day.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from twisted.internet import defer
from twisted.python.failure import Failure

from buildbot_lifecycle.core.requests import Refusal

#: Seconds after which a call that has not ended shows that the database does not answer.
HANG_SECONDS = 2.5

#: Seconds for which somebody who asks by REST waits for a read, in its queue or in the database.
READ_SECONDS = 10.0

#: Seconds after which a client may ask again, as it is told.
RETRY_SECONDS = 5

#: Reads that may wait for their turn; more are refused.
MOST_WAITING = 200


@dataclasses.dataclass(frozen=True)
class _Raised:
    """What was raised in the thread, given on as a value: Buildbot's pool does not try again then."""

    error: BaseException


@dataclasses.dataclass(eq=False)
class _Job:
    """One call: how the pool is asked, with what, and who waits for it."""

    ask: Callable[..., defer.Deferred[Any]]
    function: Any
    args: tuple[Any, ...]
    waiter: defer.Deferred[Any]
    began: float | None = None


class Lane:
    """One thread's worth of calls, one after the other; ``clock`` has ``seconds``."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock
        self._queue: deque[_Job] = deque()
        self._running: _Job | None = None
        #: since when every call has failed; None: the last one did not
        self.failing_since: float | None = None
        #: what the last one said, while it fails
        self.error: BaseException | None = None

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def busy_since(self) -> float | None:
        """When the call that is under way began."""
        return None if self._running is None else self._running.began

    @property
    def trouble_since(self) -> float | None:
        """Since when the database has not answered here, or refused; None: it answers."""
        busy = self.busy_since
        hangs = busy is not None and self._clock.seconds() - busy >= HANG_SECONDS
        since = [at for at in (busy if hangs else None, self.failing_since) if at is not None]
        return min(since, default=None)

    def ask(self, ask: Callable[..., Any], function: Any, *args: Any) -> defer.Deferred[Any]:
        """Queue a call. Who cancels one that waits takes it out; one under way goes on for nobody."""
        job = _Job(ask, function, args, defer.Deferred(lambda _: self._leave(job)))
        self._queue.append(job)
        self._next()
        return job.waiter

    def _leave(self, job: _Job) -> None:
        if job in self._queue:
            self._queue.remove(job)

    def _next(self) -> None:
        if self._running is not None or not self._queue:
            return
        job = self._running = self._queue.popleft()
        job.began = self._clock.seconds()
        asked = defer.maybeDeferred(job.ask, _caught, job.function, *job.args)
        asked.addBoth(self._ended, job)

    def _ended(self, result: Any, job: _Job) -> None:
        self._running = None
        error = result.value if isinstance(result, Failure) else None
        if isinstance(result, _Raised):
            error = result.error
        self.error = error
        if error is None:
            self.failing_since = None
        elif self.failing_since is None:
            self.failing_since = job.began
        self._next()
        if job.waiter.called:
            return  # its client has left
        if error is None:
            job.waiter.callback(result)
        else:
            job.waiter.errback(error)


class Gate:
    """Implements `recorder.Pool` on ``buildbot.db.pool.DBThreadPool``."""

    def __init__(self, pool: Any, clock: Any) -> None:
        self._pool = pool
        self._clock = clock
        self.reads, self.writes = Lane(clock), Lane(clock)
        #: the same for who asks by REST, with a limit in time
        self.asked = Asked(self, clock)

    @property
    def trouble_since(self) -> float | None:
        """Since when the database has not answered, or refused; None: it answers."""
        since = [lane.trouble_since for lane in (self.reads, self.writes)]
        return min((at for at in since if at is not None), default=None)

    @property
    def error(self) -> BaseException | None:
        """What it says while it refuses."""
        return self.writes.error or self.reads.error

    def do(self, function: Any, /, *args: Any) -> defer.Deferred[Any]:
        """Read: call ``function(connection, *args)`` in a thread."""
        return self.reads.ask(self._pool.do, function, *args)

    def do_with_transaction(self, function: Any, /, *args: Any) -> defer.Deferred[Any]:
        """Write: the same in a transaction, which is committed when it returns."""
        return self.writes.ask(self._pool.do, _transaction, function, *args)

    def do_with_engine(self, function: Any, /, *args: Any) -> defer.Deferred[Any]:
        """Write, with the engine."""
        return self.writes.ask(self._pool.do_with_engine, function, *args)


class Asked:
    """Reads for who asks by REST: refused with `behind` instead of waiting without end."""

    def __init__(self, gate: Gate, clock: Any) -> None:
        self._gate = gate
        self._clock = clock

    def do(self, function: Any, /, *args: Any) -> defer.Deferred[Any]:
        """As `Gate.do`; fails with a `Refusal` after `READ_SECONDS`, or at once where nothing answers."""
        lane = self._gate.reads
        busy, now = lane.busy_since, self._clock.seconds()
        if busy is not None and now - busy >= HANG_SECONDS:
            return defer.fail(behind(now - busy))
        if len(lane) >= MOST_WAITING:
            return defer.fail(behind(None))
        asked = self._gate.do(function, *args)

        def late(*_: Any) -> Any:
            raise behind(READ_SECONDS)

        asked.addTimeout(READ_SECONDS, self._clock, onTimeoutCancel=late)
        return asked.addErrback(_away)

    def do_with_transaction(self, function: Any, /, *args: Any) -> defer.Deferred[Any]:
        """As `Gate.do_with_transaction`."""
        return self._gate.do_with_transaction(function, *args)


def behind(seconds: float | None) -> Refusal:
    """The refusal of a read, with when to ask again."""
    text = "too many wait for the database; try again"
    if seconds is not None:
        text = f"the database has not answered for {seconds:.0f} s; try again"
    return Refusal("behind", text, retry_after_s=RETRY_SECONDS)


def _away(failure: Failure) -> Failure:
    """A database that is away, or whose tables are, is told as that: it is no error of ours."""
    error = failure.value
    own = isinstance(error, (sa.exc.DataError, sa.exc.IntegrityError))
    if isinstance(error, sa.exc.DBAPIError) and not own:
        text = "the database does not answer reads now; GET /health says more. Try again"
        raise Refusal("behind", text, retry_after_s=RETRY_SECONDS) from error
    return failure


def _caught(given: Any, function: Any, *args: Any) -> Any:
    """In the thread: what is raised comes back as a value."""
    try:
        return function(given, *args)
    except sa.exc.OperationalError as error:
        if not isinstance(given, sa.engine.Connection) or _is_locked(error):
            return _Raised(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, who asked is told
        return _Raised(error)
    try:
        # a connection that was kept open too long, or a deadlock: a fresh one is all that is wanted
        with given.engine.connect() as fresh:
            return function(fresh, *args)
    except Exception as error:  # noqa: BLE001 - the same
        return _Raised(error)


def _is_locked(error: sa.exc.OperationalError) -> bool:
    """SQLite has waited already: to try again holds the only thread for as long once more."""
    return "is locked" in str(error.orig)


def _transaction(conn: Any, function: Any, *args: Any) -> Any:
    with conn.begin():
        return function(conn, *args)
