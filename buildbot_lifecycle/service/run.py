"""One run of a master as the database knows it: opened, kept alive, closed."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.core.texts import clean
from buildbot_lifecycle.db import migrations, unwritten
from buildbot_lifecycle.db.errors import in_short
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.db.recorder import is_refusal
from buildbot_lifecycle.db.replay import replay
from buildbot_lifecycle.db.store import ClosedWorker, Store
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pauses import backoff
from buildbot_lifecycle.master.lock import BasedirLock
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.service.others import pace_of

#: Seconds before the database is tried again when it could not be prepared.
RETRY_AFTER = backoff(1.0, 30.0)

_BEATING = "writing a heartbeat"

#: Seconds for which the end waits for the run's own row to be closed.
CLOSE_SECONDS = 10.0


class Run:
    """Tries until the database is ready, and then begins to write. ``token`` names this run.

    ``opened`` is awaited once the run has its number (`incarnation`), and ``ready`` called after it.
    """

    def __init__(
        self,
        master: Any,
        gate: Gate,
        store: Store,
        logbook: Logbook,
        token: str,
        opened: Callable[[int], Coroutine[Any, Any, None]],
        ready: Callable[[], None],
        refused: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._master = master
        self._gate = gate
        self._store = store
        self._logbook = logbook
        self._token = token
        self._opened = opened
        self._ready = ready
        self._refused = refused
        #: awaited with the run's number and the time when another master has told it dead
        self.told_dead: Callable[[int, float], Coroutine[Any, Any, None]] | None = None
        self._lock = BasedirLock(master.basedir)
        steady: Any = clocks.of(master.reactor)
        self._clock = steady
        self._heartbeat = task.LoopingCall(self._beat)
        self._heartbeat.clock = steady
        self._retry: Any = None
        self._retries = 0
        self._closing = False
        self._closed: str | None = None
        #: whether this process is the one that records for the master's directory
        self.may_write = False
        #: whose rows are written, once some are
        self.incarnation: int | None = None
        #: why it could not be opened, while that is so; and a sentence, if trying again does not help
        self.trouble: str | None = None
        self.unusable: str | None = None
        #: the version of the tables
        self.schema: int | None = None

    def start(self) -> None:
        """Bring the database up to date and begin to write; try again until it works."""
        self._retry = None
        defer.ensureDeferred(self._open()).addErrback(self._not_opened)

    async def _open(self) -> None:
        if not self._lock.acquire():
            raise RuntimeError("another process records for this master directory")
        self.may_write = True
        master = self._master
        self.schema = await self._gate.do_with_engine(migrations.migrate)
        await self._read_in()
        now = self._clock.wall_now()
        incarnation = await self._store.open_incarnation(
            master.masterid,
            self._token,
            os.getpid(),
            socket.gethostname(),
            now,
            master=clean(master.name),
        )
        if self._closed is None:
            closed = await self._store.close_dead(
                master.masterid, incarnation, now, next_seq=self._logbook.next_seq
            )
            log_lines(_said_of_ends(closed))
        if self._closed is not None:
            # the service was stopped while the database was still being asked
            await self._store.close_incarnation(incarnation, now, self._closed)
            return
        self.incarnation = incarnation
        self.trouble = self.unusable = None
        await self._opened(incarnation)
        if self._retries:
            log_lines(["the database is ready; recording"])
        self._retries = 0
        if not self._closing:
            self._ready()
            beats = self._heartbeat.start(pace_of(self._master.db.pool).beat)
            beats.addErrback(log_error, "lifecycle: heartbeat")

    async def _read_in(self) -> None:
        """Write what earlier runs could not, before this one writes anything; then remove it."""
        for path in unwritten.paths(self._master.basedir):
            found = unwritten.load(path)
            if found is None or found.run.masterid != self._master.masterid:
                log_lines([f"{path.name} is not of this master; it is left as {path.name}.left"])
                path.rename(f"{path}.left")
                continue
            try:
                await replay(self._gate, found)
            except Exception as error:
                if not is_refusal(error):
                    raise
                log_error(error, f"lifecycle: the database refuses {path.name}; it is left aside")
                path.rename(f"{path}.left")
                continue
            unwritten.remove(path)
            events, rows = len(found.entries), len(found.records)
            log_lines([f"{events} events and {rows} rows of an earlier run are read in"])

    def _not_opened(self, problem: Any) -> None:
        self._retries += 1
        self.trouble = in_short(problem.value)
        before, self.unusable = self.unusable, None
        if problem.check(migrations.SchemaError):
            self.unusable = str(problem.value)
            self._refused(self.unusable)
            if before is None:
                log_lines([f"nothing is recorded: {self.unusable}"])
        elif self._retries == 1:
            log_error(problem, "lifecycle: the database is not ready; events wait, trying again")
        if not self._closing:
            delay = RETRY_AFTER(self._retries - 1)
            self._retry = self._clock.callLater(delay, self.start)

    def _beat(self) -> defer.Deferred[Any]:
        incarnation = self.incarnation
        if incarnation is None:
            return defer.succeed(None)
        beat = defer.ensureDeferred(self._alive(incarnation))
        return beat.addCallbacks(
            lambda _: self._logbook.over(_BEATING), lambda _: self._logbook.failed(_BEATING)
        )

    async def _alive(self, incarnation: int) -> None:
        now = self._clock.wall_now()
        lives = await self._store.heartbeat(incarnation, now)
        # one that comes behind the run's own end finds it ended, too
        if not lives and self.told_dead is not None and self._closed is None:
            await self.told_dead(incarnation, now)

    def closing(self) -> None:
        """The service stops: nothing more is begun."""
        self._closing = True

    def stop(self) -> None:
        """Try no more. It shows that it lives until it is closed: what is left may take long to write."""
        if self._retry is not None and self._retry.active():
            self._retry.cancel()

    async def close(self, how: str) -> None:
        """Note that the run is over, and how (a word). Raises what the database raises."""
        self._closed = how
        try:
            if self.incarnation is not None:
                now = self._clock.wall_now()
                closing = self._store.close_incarnation(self.incarnation, now, how)
                closing.addTimeout(CLOSE_SECONDS, self._clock)
                await closing
        finally:
            if self._heartbeat.running:
                self._heartbeat.stop()
        self.incarnation = None
        self._lock.release()


def _said_of_ends(closed: Sequence[ClosedWorker]) -> list[str]:
    """What the log says of the workers that earlier runs left open; nothing of what a stop released."""
    said = []
    for how, text in (
        ("died", "still active when the previous run ended"),
        ("removed", "still active when recording was switched off"),
    ):
        number = sum(one.how == how for one in closed)
        if number:
            is_one = number == 1
            many = "1 worker was" if is_one else f"{number} workers were"
            said.append(
                f"{many} {text}; {'its state is' if is_one else 'their states are'} unknown"
            )
    return said
