"""The recorder: one ordered queue of events, written in groups, each group in one transaction.

While a group is being written the next one gathers, so a busy master writes hundreds together. A quiet
one waits for a tenth of a second, so that what comes of one cause is one group; but not with the calls of
drivers and the ends of episodes, which tell what may be left running after a kill -9, and not where
somebody waits. A group that
fails is kept and tried again until it is written; what comes meanwhile waits in the queue, up to a bound.
Only after its commit is an event told to others.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from twisted.internet import defer

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.steady import Reckoning
from buildbot_lifecycle.core.verdicts.verdict import Verdict
from buildbot_lifecycle.db.entries import Committed, Entry, Identity, RecorderStatus
from buildbot_lifecycle.db.errors import in_short
from buildbot_lifecycle.db.group import Group, Written, entry_by_wall, write
from buildbot_lifecycle.db.overflow import Overflow
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pauses import at_most, backoff
from buildbot_lifecycle.shapes.times import by_wall

__all__ = ["Committed", "Entry", "Identity", "Recorder", "RecorderStatus"]

#: Seconds between two attempts while the database is away.
RETRY_AFTER = backoff(0.5, 15.0)

#: Seconds for which events of a quiet master gather before they are written.
GATHER_SECONDS = 0.1

#: What is written at once, with all that came before it: an instance may be made or ended by now.
AT_ONCE = frozenset({Kind.CALL_STARTED, Kind.CALL_ENDED, Kind.PLACE, Kind.ACTION})

#: Attempts at one single event that the database answers but refuses, before it is set aside.
MAX_REFUSALS = 3

_OF_VALUES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)

OnCommitted = Callable[[Sequence[Committed], Mapping[int, int]], None]
OnVerdicts = Callable[[Mapping[int, Verdict]], None]


class Pool(Protocol):
    """What we use of ``buildbot.db.pool.DBThreadPool``."""

    def do(self, function: Any, /, *args: Any) -> defer.Deferred[Any]:
        """Call ``function(connection, *args)`` in a thread."""

    def do_with_transaction(self, function: Any, /, *args: Any) -> defer.Deferred[Any]:
        """The same inside a transaction, committed when it returns."""


class Recorder:
    """Writes events to Buildbot's database, in order, without holding anybody up.

    ``bound`` is the number of events that may wait, ``group`` how many are written at once at most, and
    ``gather`` the seconds for which a smaller one waits.
    ``on_committed`` is called in the reactor's thread after each commit, with the events and with
    the numbers of the episodes they belong to by first_seq; ``on_verdicts`` likewise with verdicts
    by workerid. ``next_seq`` gives the next number of this incarnation. Times are steady in the queue,
    and the wall clock's, by ``reckoning``, in the database and in what is told.
    """

    def __init__(
        self,
        pool: Pool,
        reactor: Any,
        masterid: int,
        on_committed: OnCommitted,
        *,
        next_seq: Callable[[], int],
        on_verdicts: OnVerdicts | None = None,
        reckoning: Callable[[], Reckoning] = Reckoning,
        bound: int = 100_000,
        group: int = 500,
        gather: float = 0.0,
        log: Callable[[list[str]], Any] = log_lines,
        examine: Callable[[], defer.Deferred[str | None]] | None = None,
    ) -> None:
        self._pool = pool
        self._reactor = reactor
        self._masterid = masterid
        self._on_committed = on_committed
        self._on_verdicts = on_verdicts
        self._reckoning = reckoning
        self._bound = bound
        self._group = group
        self._gather = gather
        # while a group gathers; it is ripe at once when this fires, or was set to None before
        self._gathering: defer.Deferred[None] | None = None
        self._hurries = False
        self._log = log
        self._examine = examine
        #: why the database will not take anything (a sentence), while that is so
        self.unusable: str | None = None
        self._incarnation: int | None = None
        self._queue: deque[Entry] = deque()
        self._next_seq = next_seq
        self._overflow = Overflow(next_seq)
        # A verdict waits until the events put before it are written: their number is its place. It is for
        # the row of its workerid, which a baseline begins anew.
        self._verdicts: dict[int, tuple[int, Verdict]] = {}
        self._put = self._written = self._dropped = self._errors = self._gaps = 0
        self._last_error: str | None = None
        self._last_write_at: float | None = None
        self._pumping = False
        self._stopped = False
        self._attempts = 0
        self._one_by_one = 0
        self._waking: defer.Deferred[None] | None = None
        self._waiting: list[defer.Deferred[bool]] = []
        # Those who wait for a part of the queue, by the number of the last entry of that part.
        self._following: dict[int, list[defer.Deferred[bool]]] = {}

    def start(self, incarnation: int) -> None:
        """Begin to write, as this incarnation; until then entries only queue up."""
        self._incarnation = incarnation
        self.unusable = None
        self._append_gaps()
        self._kick()

    def put(self, entry: Entry) -> None:
        """Queue `entry`; it is written as soon as what is before it is. Never raises.

        Over the bound (or after `stop`) the entry is dropped and counted.
        """
        try:
            if self._stopped or self.unusable or len(self._queue) >= self._bound:
                self._drop(entry)
                return
            self._append_gaps()
            if entry.event.kind is Kind.BASELINE:
                self._verdicts.pop(entry.identity.workerid, None)
            self._append(entry)
            if _is_urgent(entry) or len(self._queue) >= self._group:
                self._hurry()
            self._kick()
        except Exception as error:  # noqa: BLE001 - Buildbot's own code is our caller
            self._note(error)

    def refuse(self, why: str) -> None:
        """The database will not take anything as it is: nothing is kept for it but how workers stand now.

        So until `start`, or until it can be used again.
        """
        if self.unusable is None and self._incarnation is not None:
            self._log([f"nothing is recorded any more: {why}"])
        self.unusable = why
        while self._queue:
            self._drop(self._queue.popleft())
        self._verdicts.clear()
        self._tell_followers()
        if self._waiting:
            self._tell(False)

    def put_verdict(self, identity: Identity, verdict: Verdict) -> None:
        """Let the worker's row show `verdict`, after the entries put before; the latest counts."""
        self._verdicts[identity.workerid] = (self._put, verdict)
        self._kick()

    def hurry(self) -> None:
        """Somebody reads what was written: let nothing gather meanwhile."""
        if self._gathering is not None:
            self._hurry()

    def drained(self, timeout: float) -> defer.Deferred[bool]:
        """Fires with True once all that was put is written, with False after `timeout` seconds."""
        if self._is_idle():
            return defer.succeed(True)
        if self.unusable:
            return defer.succeed(False)
        waiter = self._waiter(self._waiting, timeout)
        self._wake()
        self._hurry()
        self._kick()
        return waiter

    def caught_up(self, timeout: float) -> defer.Deferred[bool]:
        """As `drained`, for what was put before this call; later entries are not waited for."""
        place = self._put
        if self._done() >= place:
            return defer.succeed(True)
        self._hurry()
        return self._waiter(self._following.setdefault(place, []), timeout)

    def _waiter(self, waiting: list[defer.Deferred[bool]], timeout: float) -> defer.Deferred[bool]:
        waiter: defer.Deferred[bool] = defer.Deferred(waiting.remove)
        waiting.append(waiter)
        return at_most(waiter, timeout, self._reactor, False)

    def stop(self, timeout: float = 5.0) -> defer.Deferred[bool]:
        """Write what is queued, for at most `timeout` seconds, then write no more; as `drained`."""

        def ended(result: bool) -> bool:
            self._stopped = True
            self._wake()
            self._hurry()
            return result

        return self.drained(timeout).addCallback(ended)

    def status(self) -> RecorderStatus:
        """How the recording goes now."""
        return RecorderStatus(
            queued=len(self._queue),
            bound=self._bound,
            dropped=self._dropped,
            gaps=self._gaps,
            written=self._written,
            errors=self._errors,
            last_error=self._last_error,
            last_write_at=self._last_write_at,
            oldest_unwritten_at=self._queue[0].event.at if self._queue else None,
        )

    def unwritten(self, most: int = 20_000) -> list[Entry]:
        """What is not written yet, oldest first; from now on nothing is written any more.

        Of more than ``most`` only how each worker stands now. It may be asked from another thread, where
        the reactor stands still.
        """
        self._stopped = True
        if self.unusable:
            return []
        waiting: list[Entry] = []
        for _ in range(3):
            try:
                waiting = list(self._queue)
                break
            except RuntimeError:  # it does not stand still after all
                continue
        # what was dropped before is later than all that waits
        rest = Overflow(self._next_seq)
        for entry in waiting[most:]:
            rest.add(entry)
        left = [*waiting[:most], *rest.gaps(), *self._overflow.gaps()]
        by = self._reckoning()
        return [entry_by_wall(entry, by) for entry in left]

    # -- the queue

    def _append(self, entry: Entry) -> None:
        self._queue.append(entry)
        self._put += 1

    def _append_gaps(self) -> None:
        if self._overflow and len(self._queue) < self._bound:
            for gap in self._overflow.gaps():
                self._append(gap)
                self._gaps += 1

    def _drop(self, entry: Entry) -> None:
        self._dropped += 1
        if entry.event.kind is Kind.GAP:
            return  # a gap that cannot be written must not make another one
        if not self._overflow and not self.unusable:
            self._log(
                [
                    f"{len(self._queue)} events wait for the database, no more are kept: "
                    "the log will have a gap"
                ]
            )
        self._overflow.add(entry)

    def _ripe(self, after: int) -> dict[int, Verdict]:
        """The verdicts whose events are written once `after` entries are; a group's worth at most."""
        ripe = ((w, verdict) for w, (place, verdict) in self._verdicts.items() if place <= after)
        return dict(itertools.islice(ripe, self._group))

    def _is_idle(self) -> bool:
        return not (self._queue or self._verdicts or self._pumping or self._overflow)

    # -- writing

    def _kick(self) -> None:
        if self._incarnation is None or self._pumping or self._stopped:
            return
        self._pumping = True
        defer.ensureDeferred(self._pump()).addErrback(self._broke)

    async def _pump(self) -> None:
        """Write groups until there is nothing left."""
        try:
            while (self._queue or self._verdicts) and not self._stopped:
                await self._gathered()
                if self._stopped or not (self._queue or self._verdicts):
                    continue
                await self._write_group()
                if self.unusable:
                    await self._become_usable()
                self._tell_followers()
                self._append_gaps()
        finally:
            self._pumping = False
        if self._is_idle():
            self._tell(True)

    async def _gathered(self) -> None:
        """Wait for what comes of the same cause, unless something or somebody does not wait."""
        is_due = self._hurries or self._one_by_one or len(self._queue) >= self._group
        if self._gather and not (is_due or self._waiting or self._following):
            gathering: defer.Deferred[None] = defer.Deferred()
            self._gathering = gathering
            await at_most(gathering, self._gather, self._reactor, None)
            self._gathering = None
        self._hurries = False

    def _hurry(self) -> None:
        """Write what there is, now."""
        self._hurries = True
        gathering, self._gathering = self._gathering, None
        if gathering is not None:
            gathering.callback(None)

    async def _write_group(self) -> None:
        incarnation = self._incarnation
        assert incarnation is not None
        size = 1 if self._one_by_one else self._group
        entries = list(itertools.islice(self._queue, size))
        done = self._done() + len(entries)
        ripe = self._ripe(done)
        group = Group(incarnation, self._masterid, entries, ripe, self._reckoning())
        try:
            written = await self._pool.do_with_transaction(write, group)
        except Exception as error:  # noqa: BLE001 - whatever it is, the group is kept
            self._note(error)
            await self._failed(error, entries)
            return
        self._succeeded(group, written)

    def _succeeded(self, group: Group, written: Written) -> None:
        for _ in group.entries:
            self._queue.popleft()
        for workerid, verdict in group.verdicts.items():
            if workerid in self._verdicts and self._verdicts[workerid][1] is verdict:
                del self._verdicts[workerid]
        self._one_by_one = max(0, self._one_by_one - len(group.entries))
        self._written += len(group.entries)
        self._last_write_at = self._reactor.seconds()
        self._last_error = None
        if self._attempts:
            self._log([f"the database takes events again, {len(self._queue)} to write"])
        self._attempts = 0
        self._announce(group, written)

    def _announce(self, group: Group, written: Written) -> None:
        try:
            if written.committed:
                self._on_committed(written.committed, written.episodes)
            if group.verdicts and self._on_verdicts is not None:
                by = group.reckoning
                self._on_verdicts({w: by_wall(said, by) for w, said in group.verdicts.items()})
        except Exception as error:  # noqa: BLE001 - what is written stays written
            self._note(error)
            log_error(error, "lifecycle: telling of committed events failed")

    # -- when it fails

    async def _failed(self, error: Exception, entries: Sequence[Entry]) -> None:
        """Wait before the next attempt, or find an event that is refused and set it aside."""
        if not self._attempts:
            self._log([f"events cannot be written, they are kept and tried again: {error!r}"])
        self._attempts += 1
        if is_refusal(error) and entries:
            if len(entries) > 1:
                self._one_by_one = len(entries)
                return
            if self._attempts >= MAX_REFUSALS:
                self._set_aside(entries[0])
                return
        if await self._why_unusable() is not None:
            return
        # Whoever waits for the queue (a master that is stopping) has no time for long pauses.
        doubled = 0 if self._waiting else self._attempts - 1
        await self._pause(RETRY_AFTER(doubled))

    async def _why_unusable(self) -> str | None:
        """Whether the tables are there, and ours; else nothing is kept from now on."""
        if self._examine is None:
            return None
        try:
            why = await self._examine()
        except Exception:  # noqa: BLE001 - it is away: it is tried again
            return None
        if why is not None:
            self.refuse(why)
        return why

    async def _become_usable(self) -> None:
        """Look from time to time whether somebody has mended the tables."""
        assert self._examine is not None
        attempts = 0
        while self.unusable and not self._stopped:
            await self._pause(RETRY_AFTER(attempts))
            attempts += 1
            try:
                self.unusable = await self._examine()
            except Exception as error:  # noqa: BLE001 - it is away now, too
                self._note(error)
        if not self._stopped:
            self._log(["the database can be used again"])
            self._attempts = 0

    def _set_aside(self, entry: Entry) -> None:
        self._queue.popleft()
        self._one_by_one = max(0, self._one_by_one - 1)
        self._attempts = 0
        log_error(
            RuntimeError(self._last_error),
            f"lifecycle: the database refuses this event, it is left out: {entry.event!r}",
        )
        self._drop(entry)

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until somebody has no time for it; see `_wake`."""
        waking: defer.Deferred[None] = defer.Deferred()
        self._waking = waking
        await at_most(waking, seconds, self._reactor, None)
        self._waking = None

    def _wake(self) -> None:
        waking, self._waking = self._waking, None
        if waking is not None:
            waking.callback(None)

    def _note(self, error: BaseException) -> None:
        self._errors += 1
        self._last_error = in_short(error)

    def _broke(self, failure: Any) -> None:
        """An error of ours in the pump: the next entry starts it again."""
        self._note(failure.value)
        log_error(failure, "lifecycle: the recorder stumbled")

    # -- those who wait

    def _done(self) -> int:
        """How many of the entries that were put are out of the queue again."""
        return self._put - len(self._queue)

    def _tell(self, result: bool) -> None:
        waiting = list(self._waiting)
        self._waiting.clear()
        for waiter in waiting:
            waiter.callback(result)

    def _tell_followers(self) -> None:
        for place in sorted(place for place in self._following if place <= self._done()):
            for waiter in self._following.pop(place):
                waiter.callback(True)


def _is_urgent(entry: Entry) -> bool:
    """Whether a kill -9 before it is written would leave a wrong word on what may still run."""
    event = entry.event
    ended = event.kind is Kind.TRANSITION and entry.facts.episode is None
    return ended or event.kind in AT_ONCE


def is_refusal(error: Exception) -> bool:
    """Whether these very values cannot be written, now or later.

    Everything else is taken for a database that is away, and is waited for without end.
    """
    if isinstance(error, sa.exc.DBAPIError):
        return isinstance(error, (sa.exc.DataError, sa.exc.IntegrityError))
    # Raised on the way to the database, by a driver or by us: a number too large, a wrong type.
    return isinstance(error, (sa.exc.StatementError, *_OF_VALUES))
