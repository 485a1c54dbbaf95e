"""``util.LifecycleService``: the hub that joins probe, logbook, database, release and shutdown.

With `buildbot_lifecycle.master.answers`, its other half, the only module that knows both Buildbot's
workers and the database.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from buildbot import config
from twisted.internet import defer, task
from twisted.python import log

from buildbot_lifecycle.core import learned
from buildbot_lifecycle.core import settings as core_settings
from buildbot_lifecycle.core.episodes import Episode
from buildbot_lifecycle.core.events import Event, Kind, cut
from buildbot_lifecycle.core.requests import (
    Actor,
    Filter,
    HistoryQuery,
)
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.statistics import Life, until_up
from buildbot_lifecycle.core.texts import clean
from buildbot_lifecycle.core.verdicts import Verdict
from buildbot_lifecycle.db import migrations, queries
from buildbot_lifecycle.db.errors import in_short
from buildbot_lifecycle.db.recorder import Committed, Entry, Identity, Recorder
from buildbot_lifecycle.db.statistics import Reader
from buildbot_lifecycle.db.store import ClosedWorker, Store
from buildbot_lifecycle.host import connections, required, workers
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.master.advice import advice
from buildbot_lifecycle.master.answers import Answers
from buildbot_lifecycle.master.ledger import Ledger
from buildbot_lifecycle.master.lock import BasedirLock
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.policy import Policy
from buildbot_lifecycle.master.recent import Recent
from buildbot_lifecycle.master.release import Releaser
from buildbot_lifecycle.master.secrets import Secrets
from buildbot_lifecycle.master.shutdown import ShutdownWatch
from buildbot_lifecycle.master.signs import Signs
from buildbot_lifecycle.master.stall import Stall, StallWatch, lines
from buildbot_lifecycle.master.statistics import Statistics
from buildbot_lifecycle.master.timeline import Timeline
from buildbot_lifecycle.master.where import Locator
from buildbot_lifecycle.watch import instance
from buildbot_lifecycle.watch.probe import PROBE

SERVICE_NAME = "lifecycle"

#: Seconds between two signs of life in the database.
HEARTBEAT_SECONDS = 20.0

#: Seconds after a worker became known until its earlier durations are read, with those of others.
LEARN_SECONDS = 1.0

#: Workers whose durations are read at once.
LEARN_AT_ONCE = 50

#: Seconds between two looks at what waits to be sent to workers.
SAMPLE_SECONDS = 15.0

#: Seconds for which the end of the master waits for the last rows to be written.
DRAIN_SECONDS = 10.0

#: Seconds between two looks at whether the workers have stopped, while the master stops.
STOP_POLL_SECONDS = 0.05

#: Seconds before the database is tried again when it could not be prepared: first and longest.
FIRST_RETRY, LONGEST_RETRY = 1.0, 30.0

#: Seconds after a start or a reconfig until the rights are looked at.
ADVICE_SECONDS = 3.0

_MQ_KINDS = {
    "connected": Kind.CONNECTED,
    "disconnected": Kind.DISCONNECTED,
}


def find_service(master: Any) -> LifecycleService | None:
    """The service of this master; None if master.cfg does not have it."""
    manager = getattr(master, "service_manager", None)
    found = manager.namedServices.get(SERVICE_NAME) if manager is not None else None
    return found if isinstance(found, LifecycleService) else None


def note_step(worker: Any, step: str, **details: Any) -> None:
    """For authors of latent workers: show a step of a start or a stop on the worker's page.

    ``step`` is a short word or sentence ("asked to stop", "TERM"); ``details`` are JSON values, of
    which ``elapsed_s`` (seconds) and ``ok`` (bool) are shown by name. Without the service in
    master.cfg it does nothing. Never raises.
    """
    found = find_service(worker.master) if worker.master is not None else None
    if found is not None:
        found.step(worker, {"step": cut(step, 200), **details})


class LifecycleService(Answers):
    """Records the lifecycle of every latent worker, and frees the stuck ones.

    The arguments are described in docs/configuration; a wrong one is a configuration error.
    """

    name = SERVICE_NAME
    # after the workers: a changed threshold is applied to what they are by then
    reconfig_priority = 1

    def checkConfig(self, **arguments: Any) -> None:
        if self.name != SERVICE_NAME:
            config.error(
                f"LifecycleService: the name cannot be changed (to {self.name!r});"
                " a master has one lifecycle service"
            )
        for problem in core_settings.parse(arguments)[1]:
            config.error(f"LifecycleService: {problem}")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args:
            config.error("LifecycleService: arguments must be given by name")
            args = ()
        super().__init__(*args, **kwargs)
        self.settings = Settings()
        self._begun = False
        self._off: str | None = None
        self._incarnation: int | None = None
        self._schema: int | None = None
        self._token = uuid.uuid4().hex
        self._consumers: list[Any] = []
        self._retry: Any = None
        self._retries = 0
        self._closing = False
        self._advising: Any = None
        self._advised: list[str] = []
        self._to_learn: set[Known] = set()
        # By workerid, not on `Known`: what the database has is learnt once. A worker that comes again has
        # its later durations in memory, by workerid and class.
        self._learnt: set[int] = set()

    def reconfigService(self, **arguments: Any) -> defer.Deferred[None]:
        self.settings = core_settings.parse(arguments)[0]
        if self._begun:
            self.logbook.rejudge_all()
            self._advise_soon()
            self.signs.see_all()
        return defer.succeed(None)

    # start

    @defer.inlineCallbacks
    def startService(self) -> Any:
        yield super().startService()
        try:
            self._begin()
            yield self._consume()
        except Exception as error:
            # a master with us in it must start as one without
            PROBE.unsubscribe(self.master)
            self._begun = False
            self._off = f"{type(error).__name__}: {error}"
            log_error(error, "lifecycle: could not start; nothing is recorded")

    def _begin(self) -> None:
        master = self.master
        lost = required.missing()
        if lost:
            self._off = f"this Buildbot lacks {', '.join(lost)}"
            log.msg(f"lifecycle: nothing is recorded: {self._off}")
            return
        self.logbook = Logbook(master.reactor, lambda: self.settings, self)
        self._store = Store(master.db.pool)
        reader = Reader(master.db.pool)
        self._recent = Recent(master.reactor, reader, master.masterid)
        self._statistics = Statistics(master.reactor, reader, lambda: self.settings)
        self._timeline = Timeline(master.reactor, reader)
        self.recorder = Recorder(
            master.db.pool,
            master.reactor,
            master.masterid,
            self._committed,
            next_seq=self.logbook.next_seq,
            on_verdicts=self._verdicts_committed,
        )
        self.releaser = Releaser(master.reactor, self.logbook, self, lambda: self.settings)
        self.ledger = Ledger(master.reactor, self.logbook, self, self._token)
        self.signs = Signs(master.reactor, self.logbook, self.logbook.thresholds)
        self.logbook.hear = self.signs.hear
        self.policy = Policy(master.reactor, self.logbook, self.releaser, lambda: self.settings)
        self.shutdown = ShutdownWatch(
            master, self.logbook, self.releaser, self, lambda: self.settings
        )
        self._secrets = Secrets(master)
        self._secrets.install()
        self.logbook.redact = self.redacted
        self.logbook.is_stopping = lambda: self.shutdown.stops_whole_master
        self._lock = BasedirLock(master.basedir)
        self._locator = Locator(master.reactor)
        self._stalls = StallWatch(master.reactor, self._stalled, self._workerid_of)
        for watched in PROBE.subscribe(master, self.logbook):
            self.logbook.baseline(watched)
        self._begun = True
        self.shutdown.install()
        self._stalls.start()
        self._heartbeat = task.LoopingCall(self._beat)
        self._heartbeat.clock = master.reactor
        self._sampler = task.LoopingCall(self._sample)
        self._sampler.clock = master.reactor
        self._prepare()
        self._advise_soon()

    def _advise_soon(self) -> None:
        """Look at the rights when Buildbot has configured its web server, which comes after us."""
        if self._advising is None or not self._advising.active():
            self._advising = self.master.reactor.callLater(ADVICE_SECONDS, self._advise)

    def _advise(self) -> None:
        if self._begun:
            told = defer.ensureDeferred(self._tell_advice())
            told.addErrback(lambda _: self.logbook.failed("looking at the rights"))

    async def _tell_advice(self) -> None:
        workerid = next((known.workerid for known in self.logbook.known()), None)
        lines = await advice(self.master, self.settings, workerid)
        for line in lines:
            if line not in self._advised:
                log.msg(f"lifecycle: {line}; see the page on security in the docs")
        self._advised = lines

    @defer.inlineCallbacks
    def _consume(self) -> Any:
        if self._begun:
            mq = self.master.mq
            for listener, key in (
                (self._worker_event, ("workers", None, None)),
                (self._build_stopping, ("control", "builds", None, "stop")),
            ):
                self._consumers.append((yield mq.startConsuming(listener, key)))

    def _prepare(self) -> None:
        """Bring the database up to date and begin to write; try again until it works."""
        self._retry = None
        defer.ensureDeferred(self._prepare_database()).addErrback(self._not_prepared)

    async def _prepare_database(self) -> None:
        if not self._lock.acquire():
            raise RuntimeError("another process records for this master directory")
        master = self.master
        self._schema = await master.db.pool.do_with_engine(migrations.migrate)
        now = master.reactor.seconds()
        incarnation = await self._store.open_incarnation(
            master.masterid,
            self._token,
            os.getpid(),
            socket.gethostname(),
            now,
            master=clean(master.name),
        )
        closed = await self._store.close_dead(
            master.masterid, incarnation, now, next_seq=self.logbook.next_seq
        )
        log_lines(_said_of_ends(closed))
        self._incarnation = incarnation
        self.recorder.start(incarnation)
        filled = defer.ensureDeferred(self._recent.fill())
        filled.addErrback(lambda _: self.logbook.failed("reading the last episodes"))
        self.ledger.found(await master.db.pool.do(_open_orphans, master.masterid))
        if self._retries:
            log.msg("lifecycle: the database is ready; recording")
        self._retries = 0
        if not self._closing:
            self.ledger.start()
            self.policy.start()
            for known in self.logbook.known():
                self._learn_soon(known)
            self._sampler.start(SAMPLE_SECONDS).addErrback(log_error, "lifecycle: sampling")
            self._heartbeat.start(HEARTBEAT_SECONDS).addErrback(log_error, "lifecycle: heartbeat")

    def _learn_soon(self, known: Known) -> None:
        """A worker is known now: its earlier durations are read with those of others, in a moment."""
        if self.settings.adaptive is None or self._incarnation is None:
            return
        if known.workerid in self._learnt:
            return
        self._learnt.add(known.workerid)
        if not self._to_learn:
            self.master.reactor.callLater(LEARN_SECONDS, self._learn)
        self._to_learn.add(known)

    def _learn(self) -> None:
        waiting, self._to_learn = self._to_learn, set()
        if self._begun:
            learnt = defer.ensureDeferred(self._learn_from_database(waiting))
            learnt.addErrback(lambda _: self.logbook.failed("learning from earlier runs"))

    async def _learn_from_database(self, waiting: Iterable[Known]) -> None:
        """Give the logbook the durations of earlier runs, from which limits are learnt."""
        reader = Reader(self.master.db.pool)
        learners = {known.workerid: known for known in waiting}
        workerids = sorted(learners)
        for at in range(0, len(workerids), LEARN_AT_ONCE):
            newest = await reader.newest(workerids[at : at + LEARN_AT_ONCE], learned.KEPT)
            for workerid, lives in newest.items():
                for life in lives:
                    self._learn_life(learners[workerid], life)
        self.logbook.rejudge_all()

    def _learn_life(self, known: Known, life: Life) -> None:
        if life.outcome != "ok":
            return
        for state, seconds in (
            (State.SUBSTANTIATING_STARTING, until_up(life.start_s, life.connect_s)),
            (State.INSUBSTANTIATING, life.stop_s),
            (State.INSUBSTANTIATING_SUBSTANTIATING, life.stop_s),
        ):
            if seconds is not None:
                self.logbook.remember(known.workerid, known.class_name, state, seconds)

    def _not_prepared(self, problem: Any) -> None:
        self._retries += 1
        if self._retries == 1:
            log_error(problem, "lifecycle: the database is not ready; events wait, trying again")
        self.logbook.last_error = in_short(problem.value)
        if self.master is not None and not self._closing:
            delay = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(self._retries - 1, 6))
            self._retry = self.master.reactor.callLater(delay, self._prepare)

    def _beat(self) -> defer.Deferred[Any]:
        incarnation = self._incarnation
        if incarnation is None:
            return defer.succeed(None)
        beat = self._store.heartbeat(incarnation, self.master.reactor.seconds())
        return beat.addErrback(lambda _: self.logbook.failed("writing a heartbeat"))

    # stop

    @defer.inlineCallbacks
    def stopService(self) -> Any:
        master = self.master
        if self._begun:
            self._closing = True
            try:
                # without the master running, its workers are stopping with us; else a reconfig
                # removes us, and must not be held up
                if not master.running:
                    yield self._workers_stopped()
                yield defer.ensureDeferred(self._end(master))
            except Exception as error:
                log_error(error, "lifecycle: while stopping")
        yield super().stopService()

    @defer.inlineCallbacks
    def _workers_stopped(self) -> Any:
        """Wait until Buildbot has stopped every latent worker: their last transitions count too."""
        while any(
            not (watched.stopped or not watched.worker.running)
            for watched in PROBE.watched(self.master)
        ):
            waiting: defer.Deferred[None] = defer.Deferred()
            self.master.reactor.callLater(STOP_POLL_SECONDS, waiting.callback, None)
            yield waiting

    async def _end(self, master: Any) -> None:
        self._begun = False
        self._stalls.stop()
        for consumer in self._consumers:
            await defer.maybeDeferred(consumer.stopConsuming)
        self._consumers.clear()
        PROBE.unsubscribe(master)
        stopping = self.shutdown.is_stopping
        if not stopping or not master.running:
            self.shutdown.finish()
        if not stopping:
            self.shutdown.uninstall()
        self.signs.stop()
        self.logbook.close()
        self._secrets.uninstall()
        for timer in (self._retry, self._advising):
            if timer is not None and timer.active():
                timer.cancel()
        for loop in (self._heartbeat, self._sampler):
            if loop.running:
                loop.stop()
        self.ledger.stop()
        self.policy.stop()
        writes = defer.DeferredList(self.shutdown.pending_writes, consumeErrors=True)
        writes.addTimeout(DRAIN_SECONDS, master.reactor, onTimeoutCancel=lambda *_: None)
        await writes
        if self._incarnation is not None:
            if not await self.recorder.stop(DRAIN_SECONDS):
                log.msg(f"lifecycle: {self.recorder.status().queued} events could not be written")
            how = "clean" if not master.running else "removed"
            closing = self._store.close_incarnation(
                self._incarnation, master.reactor.seconds(), how
            )
            closing.addTimeout(DRAIN_SECONDS, master.reactor)
            await closing
        self._incarnation = None
        self._lock.release()

    # `logbook.Recording`

    def record(self, known: Known, event: Event, episodes: Sequence[Episode]) -> None:
        # of a removed worker a late end is still told; the row of its number is its successor's by then
        shown = (self.logbook.get(known.workerid) or known) if known.gone else known
        identity = Identity(shown.workerid, shown.name, shown.class_name)
        self._recent.ended(episodes)
        self.recorder.put(Entry(identity, event, shown.facts, tuple(episodes)))
        self.signs.see(known)
        if event.kind is Kind.BASELINE:
            self.ledger.introduce(known)
            self._learn_soon(known)
        elif event.kind is Kind.CALL_ENDED:
            self.ledger.see(known, event)
            if event.data.get("late"):
                self.releaser.late_end(known, event.data)
            elif event.data["call"] == "stop_instance":
                self.releaser.stop_ended(known, event.data)
        elif event.kind is Kind.LEAVING and not event.data.get("with_master"):
            self.shutdown.worker_leaves(known)

    def record_verdict(self, known: Known) -> None:
        identity = Identity(known.workerid, known.name, known.class_name)
        self.recorder.put_verdict(identity, known.verdict)
        if known.verdict.level == "stuck":
            self._note_where(known)

    def _note_where(self, known: Known) -> None:
        """Write down where a call hung when its worker became stuck; once for each call."""
        pending = known.facts.pending
        if pending is None or known.told_where == pending.token:
            return
        known.told_where = pending.token
        data = {"call": pending.call, "token": pending.token, "where": self._locator.of(known)}
        named = instance.seen(known.facts, known.watched.worker)
        if known.facts.instance is None and named is not None:
            data["instance"] = named
        self.logbook.note(known, Kind.WHERE, data)

    def announce(self, workerid: int, what: str, message: Mapping[str, Any]) -> None:
        """Send on mq: ids, states and times only (DESIGN, section 5)."""
        master = self.master
        if master is None:
            return
        key = ("lifecycle", str(workerid), what)
        master.mq.produce(key, {"workerid": workerid, "masterid": master.masterid, **message})

    def _committed(self, committed: Sequence[Committed], episodes: Mapping[int, int]) -> None:
        self.logbook.committed(episodes)
        self._recent.committed(episodes)
        for one in committed:
            if one.event.kind is Kind.TRANSITION:
                message = {
                    "id": one.id,
                    "episode": one.episode,
                    "from": one.event.data["from"],
                    "to": one.event.data["to"],
                    "at": one.event.at,
                }
                self.announce(one.event.workerid, "transition", message)
        # whoever is told of a transition looks at all of its worker; of the others, once for all
        told = {one.event.workerid for one in committed if one.event.kind is Kind.TRANSITION}
        newest = {one.event.workerid: one for one in committed}
        for workerid, one in newest.items():
            if workerid not in told:
                message = {"id": one.id, "kind": one.event.kind.value, "at": one.event.at}
                self.announce(workerid, "event", message)

    def _verdicts_committed(self, verdicts: Mapping[int, Verdict]) -> None:
        for workerid, verdict in verdicts.items():
            message = {"level": verdict.level, "code": verdict.code, "since": verdict.since}
            self.announce(workerid, "verdict", message)

    # `release.Audit`

    def _own(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as it is stored: with this master's number, its token apart, and no secrets."""
        stored = {**self.redacted(row), "masterid": self.master.masterid}
        del stored["token"]
        return stored

    def insert_action(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        if self._incarnation is None:
            return defer.fail(RuntimeError("the database is not ready"))
        inserted = self._store.insert_action(row["token"], self._own(row))
        workerid = row["workerid"]

        def told(number: int) -> int:
            self.announce(workerid, "action", {"id": number, "status": row["status"]})
            return number

        return inserted.addCallback(told)

    def update_action(self, action_id: int, changes: Mapping[str, Any]) -> defer.Deferred[Any]:
        return self._store.update_action(action_id, self.redacted(changes))

    def open_orphan(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        known = self.logbook.get(row["workerid"])
        if known is None:
            return self._open_orphan(row)
        opened: defer.Deferred[int] = known.opening.run(self._open_or_join, known, row)
        return opened

    @defer.inlineCallbacks
    def _open_or_join(self, known: Known, row: Mapping[str, Any]) -> Any:
        """One entry for one instance, however often it is told that it may still run."""
        same = self.ledger.same(known, row)
        if same is not None and (yield self._store.repeat_orphan(*same)):
            self.announce(known.workerid, "orphan", {"id": same[0]})
            return same[0]
        return (yield self._open_orphan(row))

    def _open_orphan(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        opened = self._store.open_orphan(row["token"], self._own(row))

        def told(number: int) -> int:
            self.ledger.opened(number, row)
            known = self.logbook.get(row["workerid"])
            if known is not None:
                data = {"orphan": number, "cause": row["cause"], "why": row["why"]}
                self.logbook.note(known, Kind.ORPHAN_OPENED, data)
            self.announce(row["workerid"], "orphan", {"id": number})
            return number

        return opened.addCallback(told)

    def close_orphan(self, orphan: int, workerid: int, by: Actor, note: str) -> defer.Deferred[Any]:
        closed = self._store.close_orphan(orphan, self.master.reactor.seconds(), by, note)

        def told(was_open: bool) -> bool:
            self.ledger.closed(orphan, workerid)
            self.releaser.forget(orphan)
            known = self.logbook.get(workerid)
            if known is not None and was_open:
                data = {"orphan": orphan, "by": by.name, "by_kind": by.kind}
                self.logbook.note(known, Kind.ORPHAN_CLOSED, data)
            self.announce(workerid, "orphan", {"id": orphan})
            return was_open

        return closed.addCallback(told)

    # Buildbot's own worker events

    def _worker_event(self, key: Sequence[str], _message: Mapping[str, Any]) -> None:
        try:
            known = self.logbook.get(int(key[1]))
            if known is None:
                return
            kind = _MQ_KINDS.get(key[2])
            if kind is not None:
                self.logbook.note(known, kind, {})
            elif key[2] == "state_updated":
                self._pause_changed(known)
        except Exception:
            self.logbook.failed("listening to worker events")

    def _build_stopping(self, key: Sequence[str], _message: Mapping[str, Any]) -> None:
        """Somebody asked for a build to be stopped; a silent worker does not do it."""
        try:
            buildid = int(key[2])
            for known in self.logbook.known():
                builds = [b for b in known.facts.building if b.get("buildid") == buildid]
                if builds:
                    self.logbook.note(known, Kind.BUILD_STOPPING, {"build": dict(builds[0])})
        except Exception:
            self.logbook.failed("listening to builds that are stopped")

    def _sample(self) -> None:
        """Look for connections whose other side takes no data: no event of Buildbot's tells of it."""
        now = self.master.reactor.seconds()
        for known in self.logbook.known():
            watched = known.watched
            conn = watched.worker.conn
            if conn is None or not connections.has_unsent(conn):
                if known.facts.send_blocked is not None:
                    self.logbook.note(known, Kind.SEND_RESUMED, {})
                watched.unsent_since = None
            elif watched.unsent_since is None:
                watched.unsent_since = now
            elif known.facts.send_blocked is None:
                self.logbook.note(known, Kind.SEND_BLOCKED, {"since": watched.unsent_since})

    def _pause_changed(self, known: Known) -> None:
        worker = known.watched.worker
        paused = bool(worker.isPaused())
        reason = workers.pause_reason(worker)
        if paused and (not known.facts.paused or known.facts.pause_reason != reason):
            self.logbook.note(known, Kind.PAUSED, {"reason": reason})
        elif not paused and known.facts.paused:
            self.logbook.note(known, Kind.UNPAUSED, {})

    # the reactor

    def _workerid_of(self, thing: Any) -> int | None:
        """The workerid of a worker of this master. Asked in another thread, so it only looks."""
        watched = PROBE.watched_one(thing)
        if watched is None or watched.worker.master is not self.master:
            return None
        workerid: int | None = watched.worker.workerid
        return workerid

    def _stalled(self, stall: Stall) -> None:
        known = None
        if self._begun and stall.workerid is not None:
            known = self.logbook.get(stall.workerid)
        whose = f" for worker {known.name}" if known is not None else ""
        text = f"the reactor stood still for {stall.seconds:.1f} s{whose}"
        log_lines(lines(text, stall.where))
        if known is not None:
            data = {"since": stall.at, "seconds": stall.seconds, "where": stall.where}
            self.logbook.note(known, Kind.REACTOR_BLOCKED, data)

    # what a driver tells

    def step(self, worker: Any, data: Mapping[str, Any]) -> None:
        """Record a step that a worker's driver tells of; see `note_step`."""
        known = self.logbook.of(worker) if self._begun else None
        if known is not None:
            self.logbook.note(known, Kind.STEP, dict(data))


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


def _open_orphans(conn: Any, masterid: int) -> list[Mapping[str, Any]]:
    """The open entries of a master's ledger."""
    mine = (Filter("open", "eq", (True,)), Filter("masterid", "eq", (masterid,)))
    return list(queries.history(conn, HistoryQuery("orphans", limit=1000, filters=mine)).rows)
