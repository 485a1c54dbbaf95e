"""What no event of Buildbot's tells of, and is looked at from time to time."""

from __future__ import annotations

from typing import Any

from twisted.internet import task

from buildbot_lifecycle.host import connections
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events

#: Seconds between two looks at what waits to be sent to workers.
SAMPLE_SECONDS = 15.0


class Sampling:
    """Looks for connections whose other side takes no data."""

    def __init__(self, clock: Any, logbook: Logbook) -> None:
        self._clock = clock
        self._logbook = logbook
        self._loop = task.LoopingCall(self.look)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin to look."""
        self._loop.start(SAMPLE_SECONDS).addErrback(log_error, "lifecycle: sampling")

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def look(self) -> None:
        for known in self._logbook.known():
            self._look_at(known)

    def _look_at(self, known: Known) -> None:
        """Two looks in a row at which data waits: it is blocked since the first."""
        watched = known.watched
        conn = watched.worker.conn
        if conn is None or not connections.has_unsent(conn):
            if known.facts.send_blocked is not None:
                self._logbook.note(known, events.SendResumed())
            watched.unsent_since = None
        elif watched.unsent_since is None:
            watched.unsent_since = self._clock.seconds()
        elif known.facts.send_blocked is None:
            self._logbook.note(known, events.SendBlocked(since=watched.unsent_since))
