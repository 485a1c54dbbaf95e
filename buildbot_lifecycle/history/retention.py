"""Deletes what is older than it is kept, in the manner of Buildbot's janitor, and in slices.

A slice holds the database for some milliseconds: its size follows how long the last one took. Between
two of them Buildbot's calls and our own writes have their turn, and while any of ours wait it stops.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.core.keeping import Keep
from buildbot_lifecycle.db import tidy
from buildbot_lifecycle.db.recorder import Pool
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import pause

#: Seconds after the start of a master before the first look, and between two.
FIRST, EVERY = 300.0, 3600.0

#: Seconds between two slices, and before another look whether others still wait to write.
BETWEEN, BUSY = 0.2, 2.0

#: Seconds for which a slice is to hold the database: half of what nobody would notice.
HOLD = 0.025

#: Rows of a slice at least, to begin with, and at most.
LEAST, ROWS, MOST = 20, 200, 2000

#: Workers that are looked at in one slice.
_WORKERS = 20

DAY = 86400.0


class Retention:
    """Of one master. Several on one database do the same twice, which deletes once."""

    def __init__(
        self,
        clock: Any,
        pool: Pool,
        keep: Callable[[], Keep],
        is_busy: Callable[[], bool],
        now: Callable[[], Awaitable[float | None]],
    ) -> None:
        """``now`` answers the time to delete by, or None where no clock is to be believed."""
        self._clock = clock
        self._pool = pool
        self._keep = keep
        self._is_busy = is_busy
        self._now = now
        self._rows = ROWS
        self._stopped = False
        self._first: Any = None
        self._loop = task.LoopingCall(lambda: defer.ensureDeferred(self.tidy()))
        self._loop.clock = clock

    def start(self) -> None:
        """Tidy up from now on, not at once: a master that starts has other things to do."""
        self._first = self._clock.callLater(FIRST, self._begin)

    def _begin(self) -> None:
        self._loop.start(EVERY).addErrback(log_error, "lifecycle: deleting old rows")

    def stop(self) -> None:
        """Delete nothing more."""
        self._stopped = True
        if self._first is not None and self._first.active():
            self._first.cancel()
        if self._loop.running:
            self._loop.stop()

    async def tidy(self) -> int:
        """Everything that is too old now; answers how many rows that was."""
        keep, total = self._keep(), 0
        try:
            now = await self._now()
            if now is None:
                # by number something is deleted all the same: no clock is asked for that
                keep = Keep(None, None, keep.per_worker)
                now = 0.0
            if keep.details is not None:
                total += await self._all(tidy.old_events, now - keep.details * DAY)
            if keep.episodes is not None:
                total += await self._all(tidy.old_episodes, now - keep.episodes * DAY)
            total += await self._of_workers(keep, now)
        except Exception:  # noqa: BLE001  # the gate keeps the error; it is tried again in an hour
            return total
        return total

    async def _of_workers(self, keep: Keep, now: float) -> int:
        after, total = 0, 0
        while not self._stopped:
            some = await self._slice(tidy.workers, after, _WORKERS)
            if not some:
                break
            after = some[-1]
            if keep.episodes is not None:
                total += await self._slice(tidy.old_rollups, some, now - keep.episodes * DAY)
            for workerid in some if keep.per_worker is not None else ():
                total += await self._all(tidy.too_many, workerid, keep.per_worker)
        return total

    async def _all(self, delete: Callable[..., int], *args: Any) -> int:
        """Slice after slice, until one finds less than it might."""
        total = 0
        while not self._stopped:
            rows = self._rows
            found = await self._slice(delete, *args, rows)
            total += found
            if found < rows:
                break
        return total

    async def _slice(self, work: Callable[..., Any], *args: Any) -> Any:
        while self._is_busy() and not self._stopped:
            await pause(self._clock, BUSY)
        found, seconds = await self._pool.do_with_transaction(_timed, work, *args)
        if seconds > HOLD:
            self._rows = max(LEAST, self._rows // 2)
        elif seconds < HOLD / 4:
            self._rows = min(MOST, self._rows * 2)
        await pause(self._clock, BETWEEN)
        return found


def _timed(conn: Any, work: Callable[..., Any], *args: Any) -> tuple[Any, float]:
    begun = time.perf_counter()
    found = work(conn, *args)
    return found, time.perf_counter() - begun
