"""Counts episodes that are over into the days' rollups, in slices that hold the database for a moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.db import rollups
from buildbot_lifecycle.db.recorder import Pool
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import at_most, pause

#: Seconds between two looks for episodes that have ended.
EVERY = 5.0

#: Seconds between two slices, while there are more: what an earlier version left uncounted may be
#: millions, and Buildbot's own calls come between.
BETWEEN = 0.2

#: Seconds for which somebody who asks for statistics waits for the newest episodes to be counted.
SOON = 1.0


class Counting:
    """Of one master; any master counts what any has written, and none twice."""

    def __init__(self, clock: Any, pool: Pool, is_busy: Callable[[], bool]) -> None:
        self._clock = clock
        self._pool = pool
        #: whether others wait to write: they go first
        self._is_busy = is_busy
        self._stopped = False
        self._loop = task.LoopingCall(lambda: defer.ensureDeferred(self.count()))
        self._loop.clock = clock

    def start(self) -> None:
        """Count from now on."""
        self._loop.start(EVERY).addErrback(log_error, "lifecycle: counting episodes")

    def stop(self) -> None:
        """Count no more."""
        self._stopped = True
        if self._loop.running:
            self._loop.stop()

    def newest(self) -> defer.Deferred[None]:
        """Fires when what has ended last is counted, or could not be within `SOON` seconds."""
        done: defer.Deferred[None] = defer.Deferred()

        def over(_: Any) -> None:
            # who waited may have gone; the transaction goes on
            if not done.called:
                done.callback(None)

        self._pool.do_with_transaction(rollups.count).addBoth(over)
        return at_most(done, SOON, self._clock, None)

    async def count(self) -> None:
        """All that is not counted yet."""
        try:
            while not (self._stopped or self._is_busy()):
                found = await self._pool.do_with_transaction(rollups.count)
                if found < rollups.SLICE:
                    return
                await pause(self._clock, BETWEEN)
        except Exception:  # noqa: BLE001  # the gate keeps the error; it is tried again
            return
