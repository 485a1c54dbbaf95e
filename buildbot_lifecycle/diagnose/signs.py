"""Looking for signs of life of workers that are waited for: what came by itself, else a question.

A worker is looked at only while something is waited for that it alone can end (`core.signs.wait`), and
once for each part of the wait's limit. The question is Buildbot's own ping (``remotePrint``), beside
what Buildbot does. There is one at a time on a connection, and Buildbot never waits for it. A late
answer counts, too, also when what it was asked for is over by then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet import defer
from twisted.python.failure import Failure

from buildbot_lifecycle.core import signs
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.signs import Wait
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host import connections
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events

#: What the worker writes into its own log when it is asked.
QUESTION = "lifecycle: is the worker there?"

#: Seconds by which a look comes late rather than early.
_LATE = 0.001

#: Seconds after which a timer that is late tells that the master stood still.
_STOOD_STILL = 1.0


class Look:
    """What is known of looking at one worker: the timer, and the question that is not answered yet."""

    def __init__(self) -> None:
        self.timer: Any = None
        #: when the timer was to run
        self.due = 0.0
        #: the connection that was asked, and when; None: no question is open
        self.conn: Any = None
        self.asked: float | None = None
        #: the time for an answer is over, and what has come meanwhile is being read
        self.last_call = False
        #: a connection, and how many bytes waited to be sent over it at the last look
        self.unsent: tuple[Any, int] | None = None

    def end(self) -> None:
        """Look no more."""
        if self.timer is not None and self.timer.active():
            self.timer.cancel()
        self.timer = self.unsent = None


class Signs:
    """Asks the workers of one master, when the rules say so. ``clock`` is the reactor."""

    def __init__(
        self, clock: Any, logbook: Logbook, limits: Callable[[Known], Mapping[str, float | None]]
    ) -> None:
        self._clock = clocks.of(clock)
        self._logbook = logbook
        self._limits = limits

    def heard(self, known: Known, _event: Event) -> None:
        """The logbook has recorded something of the worker."""
        self.see(known)

    def see(self, known: Known) -> None:
        """Something has happened to the worker: look at it when it is time, or no longer."""
        try:
            limited = self._awaited(known)
            if limited is None:
                self._rest(known)
                return
            look = known.look
            if look is None:
                look = known.look = Look()
            waits = _unsent(known)
            if look.unsent is None or look.unsent[0] is not waits[0] or look.unsent[1] < waits[1]:
                look.unsent = waits
            self._arm(known, signs.look_at(known.facts, *limited))
        except Exception:
            self._logbook.failed("looking for signs of life")

    def see_all(self) -> None:
        """The limits have changed."""
        for known in self._logbook.known():
            self.see(known)

    def hear(self, known: Known) -> None:
        """Look whether something came by itself, before something is done because of silence."""
        try:
            limited, look = self._awaited(known), known.look
            if limited is not None and look is not None:
                self._came_by_itself(known, look, limited[0], self._clock.seconds())
        except Exception:
            self._logbook.failed("looking for signs of life")

    def stop(self) -> None:
        """Look no more."""
        for known in self._logbook.known():
            if known.look is not None:
                known.look.end()
            known.look = None

    def _awaited(self, known: Known) -> tuple[Wait, float] | None:
        """What is waited for with a limit; None if nothing is."""
        awaited = None if known.gone else signs.wait(known.facts)
        limit = None if awaited is None else self._limits(known).get(awaited.code)
        return None if awaited is None or limit is None else (awaited, float(limit))

    def _rest(self, known: Known) -> None:
        """Nothing is waited for. The answer to a question that is open counts, whenever it comes."""
        look = known.look
        if look is None:
            return
        look.end()
        if known.gone or look.asked is None:
            known.look = None

    def _arm(self, known: Known, at: float) -> None:
        """Look at this time (epoch seconds), or sooner where that is intended already."""
        look = known.look
        if look.timer is not None and look.timer.active():
            if look.timer.getTime() <= at + _LATE:
                return
            look.timer.cancel()
        delay = max(0.0, at - self._clock.seconds()) + _LATE
        look.due = self._clock.seconds() + delay
        look.timer = self._clock.callLater(delay, self._look, known, look)

    def _look(self, known: Known, look: Look) -> None:
        try:
            limited = self._awaited(known)
            if known.look is look and limited is not None:
                self._look_for(known, look, *limited)
        except Exception:
            self._logbook.failed("looking for signs of life")

    def _look_for(self, known: Known, look: Look, awaited: Wait, limit: float) -> None:
        now = self._clock.seconds()
        if self._came_by_itself(known, look, awaited, now):
            return
        due = signs.look_at(known.facts, awaited, limit)
        if now < due:
            self._arm(known, due)
            return
        patience = signs.answer_seconds(limit)
        conn = _connection(known)
        if look.asked is None or look.conn is not conn:
            self._ask(known, look, conn, now)
            self._arm(known, now + patience)
            return
        if known.facts.unanswered is None and now < look.asked + patience:
            self._arm(known, look.asked + patience)
            return
        if known.facts.unanswered is None and not look.last_call:
            # An answer may have come already, and not be read yet: that is for the reactor's next turn.
            # Where the master stood still, so may have the whole machine: the worker gets its time again.
            look.last_call = True
            stood_still = now - look.due > _STOOD_STILL
            self._arm(known, now + patience if stood_still else now)
            return
        if known.facts.unanswered is None:
            data = events.Silent(asked=look.asked, seconds=now - look.asked, code=awaited.code)
            self._logbook.note(known, data)
        # from now on a sign of life takes something back, and one more look comes just before the limit
        at = now + patience
        over = signs.silent_since(known.facts, awaited) + limit - 2 * _LATE
        self._arm(known, over if now < over < at else at)

    def _came_by_itself(self, known: Known, look: Look, awaited: Wait, now: float) -> bool:
        """Whether there is a sign of life that nobody asked for, since the last one."""
        since = signs.silent_since(known.facts, awaited)
        said = known.watched.last_message(self._clock)
        before, look.unsent = look.unsent, _unsent(known)
        if said is not None and since < said <= now:
            self._alive(known, "message", said)
        elif before is not None and before[0] is look.unsent[0] and before[1] > look.unsent[1]:
            self._alive(known, "data", now)
        else:
            return False
        return True

    def _alive(self, known: Known, of: str, at: float) -> None:
        known.look.last_call = False
        self._logbook.note(known, events.SignOfLife(of=of, at=at))

    def _ask(self, known: Known, look: Look, conn: Any, now: float) -> None:
        look.asked, look.conn, look.last_call = now, conn, False

        def ended(answer: Any) -> None:
            # an error that the worker itself tells of is an answer, too
            if isinstance(answer, Failure) and connections.is_lost(answer):
                return
            if known.look is look and look.conn is conn:
                look.asked = None
                self._alive(known, "answer", self._clock.seconds())

        try:
            asked = conn.remotePrint(message=QUESTION)
        except Exception:
            return  # there is no connection any more that could be asked: no answer either
        if isinstance(asked, defer.Deferred):
            asked.addBoth(ended)
            asked.addErrback(lambda _: self._logbook.failed("hearing a sign of life"))


def _unsent(known: Known) -> tuple[Any, int]:
    conn = _connection(known)
    return conn, connections.unsent(conn)


def _connection(known: Known) -> Any:
    """The connection over which a sign of life is awaited; None if there is none."""
    watched = known.watched
    conn = watched.worker.conn
    if conn is None and watched.logins:
        conn = watched.logins[-1].conn
    return conn
