"""Stopping the master: it ends, always, and says what it waits for.

The clock starts when the stop is asked for, which is long before our own stopService: a build that
waits for a hung start keeps Buildbot in ``cleanShutdown``, and our stopService would then never come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.blockers import Blockers
from buildbot_lifecycle.act.dues import Dues
from buildbot_lifecycle.act.last_releases import LastReleases
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.signals import SecondSignal
from buildbot_lifecycle.act.stop import Stop
from buildbot_lifecycle.act.stop_end import End, LastWords
from buildbot_lifecycle.act.stop_hooks import StopHooks
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.requests import RECONFIG, SHUTDOWN
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import RESTING
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host import connections, masters, process, workers
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes.masters import Blocker, MasterWait
from buildbot_lifecycle.watch.probe import PROBE

#: Seconds between two log lines about what is waited for.
SAY_EVERY = 10.0

#: Seconds between two looks at what could be released.
LOOK_EVERY = 0.5

_LOST_ROUTER = (
    "Buildbot stops this master, since it has lost the router of its message queue, and leaves its"
    " process without a master in it: start it again when the router is there"
)


class ShutdownWatch:
    """Watches one master for a stop that is asked for, and keeps it from hanging."""

    def __init__(
        self,
        master: Any,
        logbook: Logbook,
        audit: Audit,
        orphans: Orphans,
        settings: Callable[[], Settings],
        last_words: LastWords | None = None,
    ) -> None:
        self._master = master
        self._clock = clocks.of(master.reactor)
        self._logbook = logbook
        self._settings = settings
        words = last_words or LastWords()
        self._stop = Stop()
        since = words.database_since
        self._dues = Dues(master, self._stop, logbook, settings, since)
        self._end = End(master, words, self._say)
        self._blockers = Blockers(master, self._stop, self._dues, logbook, since)
        self._releases = LastReleases(self._clock, logbook, audit, orphans)
        self._signals = SecondSignal(master.reactor, self._release_all)
        self._loop: task.LoopingCall | None = None
        self._said_at = 0.0
        self._hooks = StopHooks(
            master, logbook, self._stop_asked, self._begin, after=self._master_stopped
        )

    @property
    def asked_at(self) -> float | None:
        """When the stop was asked for; None: it was not."""
        return self._stop.asked_at

    @property
    def stops_whole_master(self) -> bool:
        """Whether the master itself is stopping: not only waiting for its builds to end."""
        return self._stop.whole_master

    @property
    def ends_by(self) -> float | None:
        """When the process is gone at the latest; None: no stop of the whole master was asked for."""
        return self._dues.bound(self._now).gone_at if self._stop.whole_master else None

    @property
    def _now(self) -> float:
        return float(self._clock.seconds())

    @property
    def is_stopping(self) -> bool:
        return self._stop.asked_at is not None

    @property
    def pending_writes(self) -> list[defer.Deferred[Any]]:
        """Audit rows of the stop that are being written; the service waits for them."""
        return self._releases.pending_writes

    def blockers(self, now: float) -> list[Blocker]:
        """What would keep (or keeps) this master from stopping, as in REST."""
        return self._blockers.of(now)

    def waits(self, now: float) -> list[MasterWait]:
        """What keeps this master from stopping and is no worker of it, as in REST."""
        return self._blockers.of_master(now)

    def install(self) -> None:
        self._hooks.install()

    def uninstall(self) -> None:
        self._hooks.uninstall()
        self.finish()
        self._end.call_off()

    def _stop_asked(self) -> None:
        first, self._stop.whole_master = not self._stop.whole_master, True
        self._begin()
        if first:
            if masters.has_lost_router(self._master):
                log_lines([_LOST_ROUTER])
            self._stop.whole_since = self._now
            self._end.begin()
            self._end.within(self._settings().shutdown_limit)
            # what is stuck already is released at once, as soon as Buildbot starts no build any more
            self._clock.callLater(0, self._look)
            self._signals.heed()
            self._say_first()

    def _say_first(self) -> None:
        """Once, as the stop begins: what it waits for, and what a second signal does."""
        now = self._clock.seconds()
        up = [known for known in self._logbook.known() if known.facts.state not in RESTING]
        if up or self.blockers(now):
            self._say(now)

    def _say(self, now: float) -> None:
        log_lines(self._blockers.describe(now, hurries=self._signals.hears_sigterm))

    def leaving(self, known: Known, event: Event) -> None:
        """A worker is removed, with its master or alone."""
        if not event.data.get("with_master"):
            self.worker_leaves(known)

    def worker_leaves(self, known: Known) -> None:
        """A reconfiguration removes a worker and waits for it: it is kept from hanging like a stop."""
        known.leaving_since = self._clock.seconds()
        self._start_looking()
        # Buildbot removes one worker after the other: what is stuck must not take a look's time each
        self._clock.callLater(0, self._look)

    def _begin(self) -> None:
        if self.asked_at is None:
            self._stop.asked_at = self._said_at = self._clock.seconds()
            for known in self._logbook.known():
                known.tried.clear()  # a clean stop may have been called off
                known.released_at = None
        self._start_looking()

    def _start_looking(self) -> None:
        if self._loop is not None:
            return
        self._said_at = self._clock.seconds()
        self._loop = task.LoopingCall(self._look)
        self._loop.clock = self._clock
        self._loop.start(LOOK_EVERY, now=False).addErrback(
            log_error, "lifecycle: watching the stop"
        )

    def _release_all(self, name: str) -> None:
        """Wait for nothing any more that can be released."""
        if not self._stop.whole_master or self._stop.hurried_at is not None:
            return
        self._stop.hurried_at = self._clock.seconds()
        log_lines([f"a second signal ({name}): what is waited for is released now"])
        self._look()

    def finish(self) -> None:
        """Stop looking: everything is stopped, or the stop was called off."""
        self._signals.leave()
        loop, self._loop = self._loop, None
        if loop is not None and loop.running:
            loop.stop()

    # the look

    def _look(self) -> None:
        try:
            if not self._stop.whole_master and not process.is_shutting_down(self._master):
                self._stop.asked_at = (
                    None  # "buildbot stop --clean" was called off, or never asked for
                )
            now = self._clock.seconds()
            looked_at = [known for known in self._logbook.known() if self._stop.ends(known)]
            if not looked_at and self.asked_at is None:
                self.finish()
                return
            if self._stop.whole_master:
                self._near_the_limit(now)
            for known in looked_at:
                self._look_at(known, now)
            if now - self._said_at >= SAY_EVERY:
                self._said_at = now
                self._say(now)
        except Exception:
            self._logbook.failed("watching the stop")

    def _near_the_limit(self, now: float) -> None:
        """Release everything when the limit comes near."""
        bound = self._dues.bound(now)
        self._end.within(bound.gone_at - now)
        if now >= bound.release_at and not self._stop.at_limit:
            self._stop.at_limit = True
            self._stop.hurried_at = bound.release_at
            log_lines(["the limit of the stop comes near: what is waited for is released now"])
            self._say(now)
        self._end.keep_to(bound, now)

    def _look_at(self, known: Known, now: float) -> None:
        watched, worker = known.watched, known.watched.worker
        for refused in watched.held:
            # it holds nothing but the stop, and nobody will ever tell Buildbot that it has gone
            if not refused.deliver_when_closed:
                refused.deliver_when_closed = True
                PROBE.deliver(watched, refused)
        self._tell_of_closed(known)
        due = self._dues.of(known, now)
        is_due = due is not None and now >= due and not known.releasing
        if is_due and self._releases.is_untried(known):
            self._release(known)
        if self._stop.at_limit or self._dues.is_impatient(known, now):
            self._end_lost_wait(known)
            # closed politely long ago (BotMaster.cleanShutdown, disconnect): a silent peer
            for conn in [worker.conn, *(login.conn for login in watched.logins)]:
                if conn is not None:
                    connections.abort(conn)

    def _tell_of_closed(self, known: Known) -> None:
        """Tell Buildbot that a connection has closed of which its protocol told nobody; see `is_told`.

        It holds nothing but the stop. Where it was told and the worker has kept the connection (a
        ``detached`` that does not go on to Buildbot's own), the stop waits for a second word.
        """
        watched, worker = known.watched, known.watched.worker
        conn = worker.conn
        if conn is None or conn is known.told_closed or not connections.is_known_closed(conn):
            return
        if connections.is_told(conn) and not watched.stopping:
            return
        known.told_closed = conn
        log_lines([f"{known.name}: its connection closed and nobody was told; told now"])
        connections.deliver_disconnection(worker.master, worker.name, conn)

    def _end_lost_wait(self, known: Known) -> None:
        """Go on where a worker's stop waits, and nothing is there any more that could end it.

        So it is after a refusal before recording began: see `workers.end_lost_wait`.
        """
        watched, worker = known.watched, known.watched.worker
        under_way = watched.stopping and not watched.stopped
        at_rest = known.facts.state in RESTING and worker.conn is None
        if not under_way or not at_rest or watched.waiting() or watched.held:
            return
        if workers.end_lost_wait(worker):
            text = "its stop waited for something that nothing could end any more, and goes on"
            log_lines([f"{known.name}: {text}"])

    def _release(self, known: Known) -> None:
        if self._stop.asked_at is not None:
            self._releases.release(known, SHUTDOWN, "the master is stopping")
        else:
            self._releases.release(known, RECONFIG, "a reconfiguration removes the worker")

    # the end of the process

    def _master_stopped(self) -> None:
        self.finish()
        self._end.over()
        abandoned = sum(len(k.watched.abandoned()) for k in self._logbook.known())
        if abandoned or self._releases.released:
            process.outlive_threads(self._master.reactor, self._master.basedir)
