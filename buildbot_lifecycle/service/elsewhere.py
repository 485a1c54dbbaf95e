"""What other masters wrote down of their workers, in memory; and whether the database answers at all.

Who asks for this master's workers never waits for the database. Others' rows are read beside it, and
kept: where they do not come at once, the last ones are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.db import queries
from buildbot_lifecycle.db.errors import in_short
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.shapes.workers import Worker

#: Seconds between two looks whether the database answers.
LOOK_SECONDS = 1.0

#: Seconds for which who asks waits for newer rows of others; the last ones are told then.
WAIT_SECONDS = 0.5

Rows = tuple[Sequence[Worker], Sequence[Mapping[str, Any]]]


class Elsewhere:
    """Of one master, from `start` until `stop`."""

    def __init__(
        self,
        clock: Any,
        gate: Gate,
        masterid: int,
        heard: Callable[[Sequence[Mapping[str, Any]]], None],
    ) -> None:
        self._clock = clock
        self._heard = heard
        self._gate = gate
        self._masterid = masterid
        self._rows: Rows = ((), ())
        self._has_others = False
        self._reading: defer.Deferred[Any] | None = None
        self._waiting: list[defer.Deferred[Any]] = []
        self._told_since: float | None = None
        self._loop = task.LoopingCall(self._look)
        steady: Any = clocks.of(clock)
        self._loop.clock = steady

    def start(self) -> None:
        """Look from now on: a database that hangs shows itself by no error."""
        if self._loop.running:
            return
        self._loop.start(LOOK_SECONDS).addErrback(log_error, "lifecycle: looking at the database")

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()

    async def rows(self) -> Rows:
        """Others' workers, and the newest incarnation of every master."""
        if self._has_others and self._gate.trouble_since is None:
            self._read()
            if self._reading is not None:
                waiter: defer.Deferred[Any] = defer.Deferred(self._leave)
                self._waiting.append(waiter)
                await at_most(waiter, WAIT_SECONDS, self._clock, None)
        return self._rows

    @property
    def last(self) -> Rows:
        """The same as they were read last, a second ago if the database answers."""
        return self._rows

    def _leave(self, waiter: defer.Deferred[Any]) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)

    def _look(self) -> None:
        try:
            self._tell()
            if self._gate.reads.busy_since is None:
                self._read()
        except Exception as error:
            log_error(error, "lifecycle: while looking at the database")

    def _read(self) -> None:
        if self._reading is not None:
            return
        self._reading = self._gate.do(_elsewhere, self._masterid, self._has_others)
        self._reading.addCallbacks(self._came, lambda _: None)  # the gate keeps the error
        self._reading.addBoth(self._over)

    def _came(self, rows: tuple[list[Worker] | None, list[dict[str, Any]]]) -> None:
        workers, incarnations = rows
        self._heard(incarnations)
        others = any(each["masterid"] != self._masterid for each in incarnations)
        if others and workers is None:
            # the first look at others; their workers come with the next
            self._has_others = True
            self._clock.callLater(0, self._look)
            return
        self._has_others = others
        self._rows = (workers or (), incarnations)

    def _over(self, _: Any) -> None:
        self._reading = None
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    def _tell(self) -> None:
        """In the log: that the database does not answer, and that it does again."""
        since = self._gate.trouble_since
        if since is not None and self._told_since is None:
            self._told_since = since
            error = self._gate.error
            said = "does not answer" if error is None else f"refuses: {in_short(error)}"
            log_lines([f"the database {said}; what is seen waits in memory"])
        elif since is None and self._told_since is not None:
            ago = in_words(max(0.0, self._clock.seconds() - self._told_since))
            self._told_since = None
            log_lines([f"the database answers again, after {ago}"])


def _elsewhere(
    conn: Any, masterid: int, others: bool
) -> tuple[list[Worker] | None, list[dict[str, Any]]]:
    """The other masters' workers (None: not asked for), and the newest incarnation of every master."""
    workers = queries.workers(conn, but=masterid) if others else None
    return workers, queries.newest_incarnations(conn)
