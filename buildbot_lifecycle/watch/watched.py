"""What the probe keeps of one worker object."""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.host import clock, connections
from buildbot_lifecycle.host.clock import Steadily
from buildbot_lifecycle.watch.calls import Call


class RefusedConnection:
    """A connection that was refused. Stock Buildbot's stop waits for it for ever (issue 8400)."""

    def __init__(self, conn: Any, peer: str) -> None:
        self.conn = conn
        self.peer = peer
        self.closed = False
        self.delivered = False
        self.by_release = False
        self.deliver_when_closed = False


class Login:
    """A connection that is logged in and not yet let in: the manager asks it its first questions."""

    def __init__(self, conn: Any, since: float) -> None:
        self.conn = conn
        self.since = since
        self.told = False


class Watched:
    """One worker object, with what the probe put around it."""

    def __init__(self, worker: Any) -> None:
        self.worker = worker
        self.calls: dict[int, Call] = {}
        self.refused: list[RefusedConnection] = []
        self.logins: list[Login] = []
        self.unsent_since: float | None = None
        #: set by a release that pauses: no new instance for a build that was taken before the pause
        self.hold = False
        self.wrapped: dict[str, tuple[Any, Any]] = {}
        #: its stopService is, or was, under way
        self.stopping = False
        self.stop_asked = False
        self.stopped = False
        self.introduced = False
        #: the connection that Buildbot has closed itself
        self.closing: Any = None
        #: WorkerForBuilders whose ping is wrapped, each with the wrapper
        self.pings: list[tuple[Any, Any]] = []
        #: builds that Buildbot has lost, and builds that are watched for it
        self.lost_builds: list[Any] = []
        self.builds: list[Any] = []
        #: what was last told of its configuration; see `workers.configured`
        self.configured: dict[str, Any] = {}
        #: Buildbot has called stop_instance in this stop
        self.stop_called = False
        #: by whom a start is being called off; see `release`
        self.called_off_by: str | None = None
        #: logins with a wrong password since the last one that was told, and when that was
        self.logins_failed = 0
        self.login_told_at: float | None = None
        #: what the sink keeps of this very worker object; a successor of its name has its own
        self.entry: Any = None
        #: how often the worker was adopted and dropped: a wrapper of an earlier life only passes through
        self.life = 0
        #: of calls that were released: the orphan that was opened for one, and the end of one that ended
        #: before its orphan was written; both by the call's token
        self.orphan_of: dict[int, int] = {}
        self.late_ends: dict[int, Any] = {}
        self._home: Any = None
        # what Buildbot said last of when it had a message of it, and when that was in steady time
        self._message: tuple[float | None, float | None] = (None, None)

    def begin_life(self) -> None:
        """It is adopted, maybe not for the first time: calls and connections that go on are kept."""
        self.life += 1
        self.entry = None
        self.introduced = False
        if self.stopped:
            self.stopping = False
            self.stop_asked = False
            self.stopped = False

    @property
    def master(self) -> Any:
        """The worker's master, of one that was removed the last one; None if it cannot tell."""
        master = master_of(self.worker)
        if master is not None:
            self._home = master
        return self._home

    @property
    def clock(self) -> Steadily:
        """The clock of its master."""
        found: Steadily = clock.of(self.master.reactor)
        return found

    def last_message(self, clock: Steadily) -> float | None:
        """When Buildbot last had a message of it; None if it never had.

        Buildbot notes the wall clock. It is asked only once what steady time that was: later it could be
        taken for another one, of a clock that was set back.
        """
        noted = connections.last_message(self.worker)
        if noted != self._message[0]:
            self._message = (noted, None if noted is None else clock.before(noted))
        return self._message[1]

    @property
    def held(self) -> list[RefusedConnection]:
        """Refused connections whose end nobody was told of yet."""
        return [r for r in self.refused if not r.delivered]

    @property
    def refused_open(self) -> int:
        """How many refused connections are open now: one that has closed may still be held."""
        return sum(not (r.closed or connections.is_closed(r.conn)) for r in self.held)

    def waiting(self, name: str | None = None) -> list[Call]:
        """Calls that Buildbot waits for now, oldest first."""
        return [
            c
            for c in self.calls.values()
            if not c.ended and not c.released and (name is None or c.name == name)
        ]

    def abandoned(self) -> list[Call]:
        """Calls that were released and whose driver has still not ended."""
        return [c for c in self.calls.values() if c.released and not c.ended]


def master_of(worker: Any) -> Any:
    """The master that a worker (or a machine) runs in; None if it cannot tell."""
    try:
        return worker.master
    except Exception:
        return None


def now_of(master: Any) -> float | None:
    """The present in steady time; None of a master that is not started."""
    try:
        return float(clock.of(master.reactor).seconds())
    except Exception:
        return None
