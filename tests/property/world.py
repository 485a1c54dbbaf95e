"""One worker of a real master, to which anything may happen, with the plugin or without it.

Real are the master, its worker manager, its builders, the latent worker, its WorkerForBuilders and the
subscriptions of its connections. Told by the test are the driver's answers, the transport under a
connection, and when a build begins and ends. Every act can be asked for at any time: what is not
possible then is not done, so that a script made in one world can be played in another.
"""

# ruff: noqa: N802 - Buildbot's and Twisted's names

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import inspect
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from buildbot.config import BuilderConfig
from buildbot.interfaces import LatentWorkerCannotSubstantiate
from buildbot.machine.latent import AbstractLatentMachine
from buildbot.process.factory import BuildFactory
from buildbot.test.fake import reactor as fake_reactor
from buildbot.util import eventual
from buildbot.worker.latent import States
from buildbot.worker.protocols import base as protocol_base
from twisted.internet import defer, error
from twisted.python import failure, log
from twisted.spread import pb

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.policy import Policy
from buildbot_lifecycle.act.release import Releaser
from buildbot_lifecycle.act.shutdown import ShutdownWatch
from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.core.requests import Actor, ForceRequest
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch.drivers import CALLS as WORKER_CALLS
from buildbot_lifecycle.watch.machines import MACHINE_CALLS
from buildbot_lifecycle.watch.probe import PROBE
from tests.probe.support import Driven, Stage

BUILDERS = ("one", "two")
CALLS = (*WORKER_CALLS, *MACHINE_CALLS)

#: How a call of the driver ends, at once or later.
ENDS = ("yes", "no", "none", "raises", "cannot", "breaks")
#: How a call of the driver begins.
ANSWERS = (*ENDS, "fails", "fails to break", "hangs")

#: Turns in one act (locks taken, states assigned, timers set), above which nothing but an endless loop
#: is left as their reason. Counted, not timed: a slow machine takes the same number of turns.
MANY_TURNS = 300


class Spins(BaseException):
    """Buildbot's code goes round for ever without the reactor; thrown in to get out of there."""


class Turns:
    """Counts what a loop cannot go round without, and breaks it off."""

    def __init__(self) -> None:
        self.taken = 0

    def one_more(self) -> None:
        self.taken += 1
        if self.taken > MANY_TURNS:
            raise Spins

    @property
    def spins(self) -> bool:
        return self.taken > MANY_TURNS


class Lock(defer.DeferredLock):
    """The worker's own lock; each time it is taken is a turn."""

    def __init__(self, turns: Turns) -> None:
        super().__init__()
        self.turns = turns

    def acquire(self) -> Any:
        self.turns.one_more()
        return super().acquire()


class Worker(Driven):
    """Writes down each state that is assigned, whether a probe is in or not."""

    world: World

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "state":
            self.__dict__.setdefault("states", []).append(value.name)
            if "world" in self.__dict__:
                self.world.turns.one_more()

    def _answer(self, call: str, default: Any) -> Any:
        return self.world.called(call)


class Machine(AbstractLatentMachine):
    """What the worker runs on, where there is such a thing."""

    world: World

    def start_machine(self) -> Any:
        return self.world.called("start_machine")

    def stop_machine(self) -> Any:
        return self.world.called("stop_machine")


class _Nobody:
    """The real reactor, for `TestReactor`, which would ask it to turn the clock for it."""

    def callLater(self, *args: Any) -> None: ...


class House(Stage):
    """The master. Its one configured worker is taken out; each `World` brings its own."""

    __test__ = False

    def runTest(self) -> None: ...

    def mktemp(self) -> str:
        return tempfile.mkdtemp(dir=self.directory)

    def open(self, directory: str, *workers: str) -> None:
        self.directory = directory
        self.closed: list[World] = []
        #: those of the world in which something is being done now
        self.turns: Turns | None = None
        self.setUp()
        set_a_timer = self.reactor.callLater
        self.patch(self.reactor, "callLater", lambda *a, **k: self._timed(set_a_timer, *a, **k))
        self.patch(fake_reactor, "reactor", _Nobody())
        configuration = self.configuration(*map(Driven, workers or ["w"]))
        if not workers:
            configuration["builders"] = [
                BuilderConfig(name=n, workernames=["w"], factory=BuildFactory()) for n in BUILDERS
            ]
        self.setup_master(configuration).addErrback(log.err)
        assert self.master.running
        # builds are the tests' own; to ask the database for requests takes most of the time
        self.patch(self.master.botmaster, "maybeStartBuildsForWorker", lambda _: None)
        self.patch(self.master.botmaster, "maybeStartBuildsForBuilder", lambda _: None)
        for worker in list(self.master.workers.workers.values()):
            leave(worker)
        # the master's own timers come back at every turn: no world could tell them from its own
        for timer in self.timers:
            timer.stopService()
        self.clock_is_empty()

    def _timed(self, set_a_timer: Any, *arguments: Any, **names: Any) -> Any:
        # one that sets the next for now keeps the clock at this moment for ever
        if self.turns is not None:
            self.turns.one_more()
        return set_a_timer(*arguments, **names)

    def clock_is_empty(self) -> None:
        """Nothing is left that could go off in the next world."""
        left = self.reactor.getDelayedCalls()
        assert not left, left

    @property
    def timers(self) -> list[Any]:
        return [self.master.db.cleanup_timer, self.master.masterHeartbeatService]

    def close(self) -> None:
        for timer in self.timers:
            timer.startService()  # the master's stop will stop them
        self._let_go()
        assert self.doCleanups()
        no_turn_is_left()

    def _let_go(self) -> None:
        """What was cut off in its middle ends here, and not in whichever test comes next.

        A suspended generator runs its `finally` when it is collected, at any time: that gives locks to
        others, which go on and log what they find. Hypothesis and tracebacks hold some of them for long.
        """
        things = [thing for world in self.closed for thing in (world.worker, world.machine)]
        # where there is no machine, None would stand for every generator that has no `self`: pytest's own
        theirs = {id(thing) for thing in things if thing is not None}

        def suspended() -> list[Any]:
            return [
                found
                for found in gc.get_objects()
                if inspect.isgenerator(found)
                and inspect.getgeneratorstate(found) == inspect.GEN_SUSPENDED
                and id(found.gi_frame.f_locals.get("self")) in theirs
            ]

        while left := suspended():
            for generator in left:
                with contextlib.suppress(BaseException):
                    generator.close()
        # and a failure that nobody has looked at is logged when it is collected
        for found in gc.get_objects():
            if isinstance(found, defer.Deferred) and isinstance(
                getattr(found, "result", None), failure.Failure
            ):
                found.addErrback(lambda _: None)
        self.closed.clear()


def leave(worker: Any) -> defer.Deferred[Any]:
    """As Buildbot's reconfiguration takes a worker out (util/service.py)."""

    @defer.inlineCallbacks
    def leaving() -> Any:
        yield worker.stopService()
        worker.stopService = lambda: None
        yield worker.disownServiceParent()

    return leaving()


class _InOrder(dict):  # type: ignore[type-arg]
    """Buildbot keeps subscriptions in a set, whose order is that of addresses: another in each run."""

    def add(self, sub: Any) -> None:
        self[sub] = None

    def remove(self, sub: Any) -> None:
        del self[sub]


class Link(protocol_base.Connection):
    """A connection as Perspective Broker makes it: after a refused login its end is told to nobody."""

    def __init__(self, silent: bool) -> None:
        super().__init__("w")
        self._disconnectSubs.subscriptions = _InOrder()
        self.mind = self.broker = self.transport = self
        self.silent = silent
        self.disconnected = False
        self.refused = False
        self.delivered = False
        self.closings: list[Callable[[], Any]] = []
        self.asked: list[defer.Deferred[Any]] = []
        self.info: dict[str, Any] = {}
        super().notifyOnDisconnect(self._told)

    def _told(self) -> None:
        self.delivered = True

    def get_peer(self) -> str:
        return "10.0.0.9:1"

    def _remote(self, answer: Any) -> defer.Deferred[Any]:
        if self.disconnected:
            return defer.fail(pb.DeadReferenceError())
        if not self.silent:
            return defer.succeed(answer)
        self.asked.append(defer.Deferred())
        return self.asked[-1]

    def remotePrint(self, message: str) -> Any:
        return self._remote(None)

    def remoteGetWorkerInfo(self) -> Any:
        return self._remote({})

    def remoteSetBuilderList(self, builders: Any) -> Any:
        return self._remote([name for name, _ in builders])

    def loseConnection(self) -> None:
        if not self.silent:
            self.end()

    def abortConnection(self) -> None:
        self.end()

    def end(self) -> None:
        """The transport has gone."""
        if self.disconnected:
            return
        self.disconnected = True
        for deferred in self.asked:
            if not deferred.called:
                deferred.errback(error.ConnectionLost())
        for closing in self.closings:
            closing()
        if not self.refused:
            self.notifyDisconnected()

    def watch(self, callback: Callable[[], Any]) -> None:
        self.closings.append(callback)


class _Mind:
    """What `host.connections` reads of Perspective Broker."""

    def __init__(self, link: Link) -> None:
        self.broker = _Broker(link)


class _Broker:
    def __init__(self, link: Link) -> None:
        self._link = link
        self.transport = link

    @property
    def disconnected(self) -> bool:
        return self._link.disconnected

    def notifyOnDisconnect(self, callback: Callable[[], Any]) -> None:
        self._link.watch(callback)


class Job:
    """What a build does with its worker (process/builder.py, process/build.py)."""

    number = buildid = 7

    def __init__(self, builder: Any, wfb: Any) -> None:
        self.builder, self.workerforbuilder = builder, wfb
        self.ready: Any = None
        self.over = False
        self.lost = False
        self._sub: Any = None

    def getProperty(self, name: str) -> int:
        return 3

    def start(self) -> None:
        self.builder.building.append(self)
        self.workerforbuilder.buildStarted()
        self.workerforbuilder.substantiate_if_needed(self).addBoth(self._answered)

    def _answered(self, result: Any) -> None:
        worker = self.workerforbuilder.worker
        # a Failure or, from a worker that did not come in time, an exception
        self.ready = True if result is True else repr(getattr(result, "value", result))
        if result is not True or worker is None or not worker.substantiated:
            self.finish()
        else:
            self._sub = worker.conn.notifyOnDisconnect(self._lost)

    def _lost(self) -> None:
        self.lost = True
        self.finish()

    @property
    def runs(self) -> bool:
        return self.ready is True and not self.over

    def finish(self) -> None:
        if self.over:
            return
        self.over = True
        if self._sub is not None and not self.lost:
            self._sub.unsubscribe()
        self.builder.building.remove(self)
        self.workerforbuilder.buildFinished()

    def stop(self) -> None:
        if self.ready is None:
            self.workerforbuilder.insubstantiate_if_needed()
        elif self.runs:
            self.finish()


@dataclasses.dataclass(frozen=True)
class Kept:
    """An event as it was given to the recorder."""

    event: Event
    data: str


class Desk:
    """The plugin around one master, with its database in memory.

    With ``watch`` it also looks after the master's stop, and releases by itself where it may.
    """

    def __init__(self, master: Any, settings: Settings, watch: bool) -> None:
        self.log: list[Kept] = []
        self.verdicts: list[Any] = []
        self.unexpected: list[Any] = []
        self.actions: list[dict[str, Any]] = []
        self.orphans: list[dict[str, Any]] = []
        self.logbook = Logbook(master.reactor, lambda: settings, self)
        clock = master.reactor
        audit, self.left = Audit(clock, self, self.logbook), Orphans(clock, self)
        self.releaser = Releaser(clock, self.logbook, audit, self.left, lambda: settings)
        self.watch = ShutdownWatch(master, self.logbook, audit, self.left, lambda: settings)
        self.policy = Policy(master.reactor, self.logbook, self.releaser, lambda: settings)
        self._watches = watch
        if watch:
            self.policy.start()

    # `audit.Desk`

    def keep_action(self, row: Any, changes: Any) -> None: ...

    def keep_orphan(self, row: Any, token: str, closing: Any) -> None: ...

    def insert_action(self, row: Any) -> defer.Deferred[int]:
        self.actions.append(dict(row))
        return defer.succeed(len(self.actions))

    def update_action(self, action_id: int, changes: Any) -> defer.Deferred[Any]:
        self.actions[action_id - 1].update(changes)
        return defer.succeed(None)

    def open_orphan(self, row: Any) -> defer.Deferred[int]:
        self.orphans.append(dict(row))
        return defer.succeed(len(self.orphans))

    def close_orphan(self, orphan: int, workerid: int, by: str, note: str) -> defer.Deferred[Any]:
        self.left.forget(orphan)
        return defer.succeed(None)

    # `logbook.Recording`

    def record(self, known: Known, event: Event, episodes: Any) -> None:
        self.log.append(Kept(event, json.dumps(event.data)))
        if event.kind is Kind.TRANSITION and not event.data["expected"]:
            self.unexpected.append(event.data)
        if event.kind is Kind.CALL_ENDED:
            self.left.call_ended(known, event)
        if event.kind is Kind.LEAVING and self._watches:
            self.watch.worker_leaves(known)

    def record_verdict(self, known: Known) -> None:
        self.verdicts.append((known.name, known.verdict))

    def close(self) -> None:
        self.policy.stop()
        self.watch.finish()
        self.logbook.close()

    def rebuilt(self, workerid: int) -> Facts:
        """The facts of a worker, made once more of what was written, as JSON."""
        facts = Facts(workerid=workerid)
        for kept in self.log:
            if kept.event.workerid == workerid:
                event = dataclasses.replace(kept.event, data=json.loads(kept.data))
                facts = apply(facts, event).facts
        return facts


#: Short limits, so that a world's hour is short.
_SHORT: dict[str, Any] = {
    "stuck_after": {
        "not_substantiated": 5,
        "substantiating": 5,
        "substantiating_starting": 5,
        "insubstantiating": 5,
        "insubstantiating_substantiating": 5,
    },
    "shutdown_grace": 3,
}
SHORT = parse(_SHORT)[0]


def automatic(after: float, per_hour: int) -> Settings:
    """Every limit is short, and what is stuck for ``after`` seconds more is released by itself."""
    limits = {key: 5 for key, seconds in DEFAULT_STUCK_AFTER.items() if seconds is not None}
    auto = {"after": after, "per_hour": per_hour}
    settings, problems = parse({**_SHORT, "stuck_after": limits, "auto_release": auto})
    assert not problems, problems
    return settings


class World:
    """A worker, what its driver says, its connections and builds; `act` does one thing to it."""

    worker_class: type[Worker] = Worker

    def __init__(
        self,
        house: House,
        *,
        observed: bool,
        watch: bool = False,
        settings: Settings = SHORT,
        name: str = "w",
        machine: str = "none",
        **arguments: Any,
    ) -> None:
        """``machine``: none, plain, or one whose worker comes by itself once it is up ("brings")."""
        self.house, self.master, self.clock = house, house.master, house.reactor
        self.faults = dict.fromkeys(CALLS, "yes")
        self.pending: list[tuple[str, defer.Deferred[Any]]] = []
        self.links: list[Link] = []
        self.jobs: dict[str, Job] = {}
        self.came: list[str] = []
        self.errors: list[str] = []
        self.stopped: list[Any] | None = None
        self.spun = False
        self.desk = Desk(self.master, settings, watch) if observed else None
        if self.desk is not None:
            for watched in PROBE.subscribe(self.master, self.desk.logbook):
                self.desk.logbook.baseline(watched)
        self.turns = Turns()
        self.machine: Machine | None = None
        if machine != "none":
            self.machine = Machine(f"machine of {name}")
            self.machine.world = self
            arguments["machine_name"] = self.machine.name
            self.machine.setServiceParent(self.master.machine_manager).addErrback(log.err)
            self.machine.reconfigServiceWithSibling(self.machine).addErrback(log.err)
        self.worker = self.worker_class(name, **arguments)
        self.worker.world = self
        self.worker.starts_without_substantiate = machine == "brings"
        self.worker._start_stop_lock = Lock(self.turns)
        self.worker.setServiceParent(self.master.workers).addErrback(log.err)
        self.worker.reconfigServiceWithSibling(self.worker).addErrback(log.err)
        log.addObserver(self._logged)

    def _logged(self, event: Any) -> None:
        # "Unhandled error in Deferred" comes with the garbage collector, at any time
        if event.get("isError") and event.get("log_namespace") != defer.__name__:
            problem = event.get("failure")
            self.errors.append(problem.type.__name__ if problem is not None else "error")

    # the driver

    def called(self, call: str) -> Any:
        how = self.faults[call]
        if how == "hangs":
            self.pending.append((call, defer.Deferred()))
            return self.pending[-1][1]
        if how in ("fails", "fails to break"):
            problem = asyncio.CancelledError() if how == "fails to break" else RuntimeError("no")
            return defer.fail(problem)
        return self._value(call, how)

    def _value(self, call: str, how: str) -> Any:
        if how == "raises":
            raise RuntimeError("boom")
        if how == "cannot":
            raise LatentWorkerCannotSubstantiate("never")
        if how == "breaks":
            raise asyncio.CancelledError
        value = {"yes": True, "no": False, "none": None}[how]
        return (value, "") if call == "check_instance" and how != "none" else value

    # one thing after another

    def act(self, name: str, *arguments: Any) -> Any:
        """Do one thing; what can be seen of the worker afterwards."""
        self.turns.taken = 0
        self.house.turns = self.turns
        try:
            getattr(self, name)(*arguments)
            self.clock.advance(0)
        finally:
            self.house.turns = None
        if self.turns.spins:
            self.spun = True
        return self.seen()

    def seen(self) -> dict[str, Any]:
        worker = self.worker
        return {
            "states": list(worker.__dict__.get("states", [])),
            "locked": worker._start_stop_lock.locked,
            "conn": worker.conn is not None,
            "machine": self.machine and self.machine.state.name,
            "building": len(worker.building),
            "jobs": {n: (j.ready, j.over, j.lost) for n, j in self.jobs.items()},
            "came": list(self.came),
            "errors": list(self.errors),
            "calls": [(call, d.called) for call, d in self.pending],
            "stopped": self._stop_as_seen(),
        }

    def _stop_as_seen(self) -> Any:
        # never the list itself: what it gets later would be seen as of now
        return None if self.stopped is None else [str(getattr(r, "type", r)) for r in self.stopped]

    def _note(self, what: str) -> Callable[[Any], None]:
        def came(result: Any) -> None:
            text = result.type.__name__ if isinstance(result, failure.Failure) else "done"
            self.came.append(f"{what}: {text}")

        return came

    def begin_build(self, builder: str) -> None:
        wfb = self.worker.workerforbuilders.get(builder)
        if wfb is not None and wfb.worker is self.worker and wfb.isAvailable():
            self.jobs[builder] = Job(self.master.botmaster.builders[builder], wfb)
            self.jobs[builder].start()

    def end_build(self, builder: str) -> None:
        if builder in self.jobs and self.jobs[builder].runs:
            self.jobs[builder].finish()

    def stop_build(self, builder: str) -> None:
        if builder in self.jobs and not self.jobs[builder].over:
            self.jobs[builder].stop()

    def insubstantiate(self, fast: bool) -> None:
        self.worker.insubstantiate(fast).addBoth(self._note("insubstantiate"))

    def link(self) -> Link:
        return Link(silent=False)

    def connect(self, silent: bool) -> None:
        """A worker logs in, through the manager, as Perspective Broker does it."""
        link = self.link()
        link.mind = _Mind(link)
        self.links.append(link)

        @defer.inlineCallbacks
        def login() -> Any:
            try:
                yield self.master.workers.newConnection(link, self.worker.name)
                link.silent = silent
                yield self.worker.attached(link)
            except Exception:
                link.refused = True
                link.end()
                raise

        login().addBoth(self._note("login"))

    def freeze(self) -> None:
        """The process behind the connection stops to answer."""
        for link in self.links:
            link.silent = True

    def lose(self) -> None:
        for link in self.links:
            link.end()

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)

    def pump(self, seconds: float, step: float = 0.5) -> None:
        """Time passes in steps, as it does."""
        for _ in range(int(seconds / step)):
            self.act("advance", step)

    def answer(self, call: str, how: str) -> None:
        self.faults[call] = how

    def end_call(self, which: int, how: str) -> None:
        waiting = [(call, d) for call, d in self.pending if not d.called]
        if not waiting:
            return
        call, deferred = waiting[which % len(waiting)]
        try:
            value = self._value(call, how)
        except BaseException:  # noqa: BLE001 - the driver's, on its way to Buildbot
            value = failure.Failure()
        deferred.callback(value)

    def stop(self) -> None:
        """The master stops its worker."""
        if self.stopped is None:
            self.stopped = []
            self.worker.stopService().addBoth(self.stopped.append)

    def remove(self) -> None:
        """A reconfiguration takes the worker out."""
        if self.stopped is None:
            self.stopped = []
            leave(self.worker).addBoth(self.stopped.append)

    # the operator

    @property
    def cannot_stop(self) -> bool:
        """Stock Buildbot loops in this stop, fails it, or waits in it for a refused connection."""
        if self.stopped is None:
            return False
        failed = any(isinstance(result, failure.Failure) for result in self.stopped)
        return self.spun or failed or any(link.refused for link in self.links)

    @property
    def known(self) -> Known | None:
        assert self.desk is not None
        return self.desk.logbook.named(self.worker.name)

    def force(self, pause: bool, override: bool = True) -> None:
        if self.desk is None or self.known is None:
            return
        request = ForceRequest(
            episode=None,
            confirm=self.worker.name,
            reason="it hangs",
            pause=pause,
            override=override,
        )
        forced = defer.ensureDeferred(
            self.desk.releaser.force(self.known, request, Actor("user", "ann"))
        )
        forced.addBoth(self._note("force"))

    def unpause(self) -> None:
        if self.worker.parent is not None:
            self.worker.unpause()

    # the end

    def close(self) -> None:
        """Take everything away, in whatever state it is."""
        log.removeObserver(self._logged)
        # a suspended generator that is collected runs its `finally`, in the middle of another world
        self.house.closed.append(self)
        for job in self.jobs.values():
            job.over = True
        # what is left of it may go on a little, and not for ever
        self.turns.taken = 0
        if self.desk is not None:
            self.desk.close()
            PROBE.unsubscribe(self.master)
        manager, worker = self.master.workers, self.worker
        # the next worker of this name would find itself paused in the database
        self.master.data.updates.set_worker_paused(worker.workerid, False, None)
        _take_out(manager, worker)
        if self.machine is not None:
            _take_out(self.master.machine_manager, self.machine)
        manager.connections.pop(worker.name, None)
        manager.registrations.pop(worker.name, None)
        for builder in self.master.botmaster.builders.values():
            builder.workers.clear()
            builder.building.clear()
        # of a copy: each cancel takes one out of the clock's own list, and the next would be left out,
        # to go off in another world
        for call in list(self.clock.getDelayedCalls()):
            call.cancel()
        no_turn_is_left()


def no_turn_is_left() -> None:
    """Buildbot's queue of turns is one for all tests: it would wait for ever for a timer of our clock."""
    eventual._theSimpleQueue._timer = None
    eventual._theSimpleQueue._events.clear()


def _take_out(manager: Any, service: Any) -> None:
    """At once, and without a stop, for which it may not be in a state."""
    manager.namedServices.pop(service.name, None)
    if service in manager.services:
        manager.services.remove(service)


@contextmanager
def housed(directory: str, *workers: str) -> Iterator[House]:
    """A master with one worker and two builders, or with a builder for each of these workers."""
    house = House()
    house.open(directory, *workers)
    try:
        yield house
    finally:
        house.close()


RESTING = (States.NOT_SUBSTANTIATED, States.SHUT_DOWN)
