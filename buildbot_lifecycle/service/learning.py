"""Durations of earlier runs, read from the database: from them limits are learnt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core import learned
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.statistics import Life, until_up
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.master.logbook import Known, Logbook

#: Seconds after a worker became known until its earlier durations are read, with those of others.
LEARN_SECONDS = 1.0

#: Workers whose durations are read at once.
LEARN_AT_ONCE = 50


class Learning:
    """Gives the logbook the durations of each worker once, from `start` until `stop`."""

    def __init__(
        self,
        clock: Any,
        reader: Reader,
        logbook: Logbook,
        settings: Callable[[], Settings],
        masterid: int,
    ) -> None:
        self._clock = clock
        self._masterid = masterid
        self._reader = reader
        self._logbook = logbook
        self._settings = settings
        self._runs = False
        self._waiting: set[Known] = set()
        # By workerid, not on `Known`: what the database has is learnt once. A worker that comes again has
        # its later durations in memory, by workerid and class.
        self._learnt: set[int] = set()

    def start(self) -> None:
        """The database can be read: learn of all who are known already."""
        self._runs = True
        for known in self._logbook.known():
            self.soon(known)

    def stop(self) -> None:
        self._runs = False

    def heard(self, known: Known, _event: Event) -> None:
        """The logbook has begun with the worker."""
        self.soon(known)

    def soon(self, known: Known) -> None:
        """A worker is known now: its earlier durations are read with those of others, in a moment."""
        if self._settings().adaptive is None or not self._runs:
            return
        if known.workerid in self._learnt:
            return
        self._learnt.add(known.workerid)
        if not self._waiting:
            self._clock.callLater(LEARN_SECONDS, self._learn)
        self._waiting.add(known)

    def _learn(self) -> None:
        waiting, self._waiting = self._waiting, set()
        if self._runs:
            learnt = defer.ensureDeferred(self._read(waiting))
            learnt.addErrback(lambda _: self._logbook.failed("learning from earlier runs"))

    async def _read(self, waiting: Iterable[Known]) -> None:
        workers = {known.workerid: known for known in waiting}
        # what a worker of the same name does on another master says nothing of this one's
        keys = [(workerid, self._masterid) for workerid in sorted(workers)]
        for at in range(0, len(keys), LEARN_AT_ONCE):
            newest = await self._reader.newest(keys[at : at + LEARN_AT_ONCE], learned.KEPT)
            for (workerid, _), lives in newest.items():
                for life in lives:
                    self._remember(workers[workerid], life)
        self._logbook.rejudge_all()

    def _remember(self, known: Known, life: Life) -> None:
        if life.outcome != "ok":
            return
        for state, seconds in (
            (State.SUBSTANTIATING_STARTING, until_up(life.start_s, life.connect_s)),
            (State.INSUBSTANTIATING, life.stop_s),
            (State.INSUBSTANTIATING_SUBSTANTIATING, life.stop_s),
        ):
            if seconds is not None:
                self._logbook.remember(known.workerid, known.class_name, state, seconds)
