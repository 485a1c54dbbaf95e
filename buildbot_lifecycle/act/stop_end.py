"""The end of a stop that does not end by itself: the process leaves, with what it has to say written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.stops import Bound
from buildbot_lifecycle.host import process
from buildbot_lifecycle.host.log import log_error, log_lines

#: Threads that the reactor's pool may have in all while the master stops; it begins with ten.
MOST_THREADS = 40


class LastWords:
    """What is written before the process leaves a stop that does not end; the service gives its own."""

    def database_since(self) -> float | None:
        """Since when the database has not answered; None: it answers."""
        return None

    async def in_reactor(self) -> None:
        """Write what is left, for a second or two."""

    def in_thread(self) -> None:
        """The same where the reactor stands still: without it, and without the database."""


class End:
    """Keeps the stop of one master to its bound; a thread does where the reactor stands still."""

    def __init__(self, master: Any, words: LastWords, say: Callable[[float], None]) -> None:
        self._master = master
        self._words = words
        self._say = say
        self._exit = process.LastExit(master.reactor, master.basedir, words.in_thread)
        self._leaving = False
        self._early: Callable[[], None] | None = None

    def begin(self) -> None:
        """The stop was asked for: from now on the reactor may end before it is over."""
        if self._early is None:
            self._early = process.when_reactor_ends(self._master.reactor, self._ends_early)

    def over(self) -> None:
        """The stop is over."""
        early, self._early = self._early, None
        if early is not None:
            early()

    def _ends_early(self) -> None:
        log_lines(["the process ends before the stop of the master is over"])
        self._words.in_thread()

    def within(self, seconds: float) -> None:
        """The process is gone after so many seconds, whatever else happens."""
        self._exit.within(seconds)

    def call_off(self) -> None:
        """It is not to leave any more."""
        self._exit.call_off()
        self.over()

    def keep_to(self, bound: Bound, now: float) -> None:
        """Make room for what Buildbot still does, and leave when it is time to."""
        more = process.make_room(self._master.reactor, MOST_THREADS)
        if more:
            text = f"all threads of the reactor's pool are taken; it gets {more} more for Buildbot"
            log_lines([text])
        if now >= bound.leave_at and not self._leaving:
            self._leaving = True
            self._say(now)
            log_lines(["the master leaves without what it still waits for"])
            words = defer.ensureDeferred(self._words.in_reactor())
            words.addErrback(log_error, "lifecycle: while writing the last rows of a stop")
            words.addBoth(lambda _: self._leave())

    def _leave(self) -> None:
        if process.is_masters_process(self._master.reactor):
            process.leave_process(self._master.basedir)
