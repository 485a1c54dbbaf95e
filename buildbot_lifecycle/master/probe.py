"""The probe: sees every state change of every latent worker, and the calls and connections around it.

A data descriptor named ``state`` on ``AbstractLatentWorker`` sees each assignment, in every subclass,
synchronously. The methods around it are wrapped on each worker *instance*, when it is given its
parent: before anything else can happen to it. The class is shared by all masters of the process, so
events are routed by ``worker.master``; with the last subscriber the class is as Buildbot made it.

Nothing in here may change what Buildbot does: every hook passes arguments, results and exceptions
through, and an error of ours ends in `Sink.failed`.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from buildbot.worker.latent import AbstractLatentWorker, States
from twisted.internet import defer
from twisted.python import failure

from buildbot_lifecycle.core.episodes import transition_data
from buildbot_lifecycle.core.events import Kind, cut
from buildbot_lifecycle.core.states import STOPPING, State
from buildbot_lifecycle.master import instance, internals
from buildbot_lifecycle.master.calls import Call, followed, is_coroutine
from buildbot_lifecycle.master.reasons import one_line, words

#: Driver methods whose Deferred is replaced by one that can be released.
CALLS = ("start_instance", "stop_instance", "check_instance")

#: The same of a latent machine, for which its workers wait.
MACHINE_CALLS = ("start_machine", "stop_machine")

#: Seconds after which a login that is not answered is worth an event.
LOGIN_SECONDS = 2.0

#: The same of a build's ping, before its first step.
PING_SECONDS = 2.0

#: Seconds for which further failed logins of one worker are only counted; a new start begins anew.
LOGIN_FAILED_SECONDS = 60.0

_ABSENT = object()


class Sink(Protocol):
    """Who is told: one per master."""

    def observe(self, watched: Watched, kind: Kind, data: dict[str, Any]) -> None:
        """Something was seen. Must not raise; if it does, `failed` is called."""

    def failed(self, what: str) -> None:
        """One of our hooks raised; the current exception tells what."""

    def refuses_start(self, watched: Watched) -> bool:
        """Whether no new instance may be started for this worker: an operator paused it, or a stop."""


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
        #: what was last told of its configuration; see `internals.configured`
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
        master = _master_of(self.worker)
        if master is not None:
            self._home = master
        return self._home

    @property
    def held(self) -> list[RefusedConnection]:
        """Refused connections whose end nobody was told of yet."""
        return [r for r in self.refused if not r.delivered]

    @property
    def refused_open(self) -> int:
        """How many refused connections are open now: one that has closed may still be held."""
        return sum(not (r.closed or internals.is_closed(r.conn)) for r in self.held)

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


class StateHook:
    """The data descriptor in the place of a class's ``state``.

    `original` is what stood there: the plain default, or a subclass's own property, which goes on
    doing its work underneath.
    """

    def __init__(self, probe: Probe, original: Any) -> None:
        self._probe = probe
        self.original = original
        self._chained = hasattr(original, "__get__") and hasattr(original, "__set__")

    def __get__(self, worker: Any, owner: type | None = None) -> Any:
        if self._chained:
            return self.original.__get__(worker, owner)
        if worker is None:
            return self.original
        return worker.__dict__.get("state", self.original)

    def __set__(self, worker: Any, value: Any) -> None:
        before = self._read(worker)
        outer = self._probe.setting
        nested = outer is worker
        if self._chained:
            self._probe.setting = worker
            try:
                self.original.__set__(worker, value)
            finally:
                self._probe.setting = outer
        else:
            worker.__dict__["state"] = value
        if not nested:
            self._probe.state_changed(worker, before, value)

    def _read(self, worker: Any) -> Any:
        try:
            return self.__get__(worker, type(worker))
        except Exception:
            # a subclass's property before its first assignment; whatever it raises, an assignment
            # alone would not have asked it
            return States.NOT_SUBSTANTIATED


class Probe:
    """The hooks of this process. Use the module's `PROBE`; there is one class to hook, so one probe."""

    def __init__(self) -> None:
        # keyed by id(): Buildbot's workers compare (and hash) by their configuration
        self._sinks: dict[int, Sink] = {}
        self._hooked: dict[type, StateHook] = {}
        self._inherited: dict[str, Any] = {}
        self._watched: dict[int, Watched] = {}
        # Those of workers that were dropped, for as long as something still refers to them: a call under
        # way, a connection. If the same worker is adopted again, it is by these that it will be told of.
        self._dropped: weakref.WeakValueDictionary[int, Watched] = weakref.WeakValueDictionary()
        self._machines: dict[int, tuple[Any, dict[str, Any]]] = {}
        #: machines whose start or stop a BaseException has broken off
        self._broken_machines: dict[int, Any] = {}
        self._managers: dict[int, tuple[Any, Any]] = {}
        self._gates: list[tuple[type, str, Any, Any]] = []
        self._tokens = 0
        self.setting: Any = None

    # subscribers

    def subscribe(self, master: Any, sink: Sink) -> list[Watched]:
        """Tell `sink` of everything on `master`'s latent workers; answers those that exist already.

        Raises RuntimeError when that master has a sink.
        """
        if id(master) in self._sinks:
            raise RuntimeError("this master's latent workers are being observed already")
        self._sinks[id(master)] = sink
        try:
            if len(self._sinks) == 1:
                self._install()
            self._watch_logins(master)
            found = [self.adopt(worker) for worker in internals.latent_workers(master)]
        except BaseException:
            self.unsubscribe(master)
            raise
        self._find_refused(found)
        return found

    def _find_refused(self, found: list[Watched]) -> None:
        """Take over the refused connections from before us, for which the workers' stop waits."""
        try:
            for worker, conn in internals.refused_before(watched.worker for watched in found):
                watched = self._watched[id(worker)]
                if any(refused.conn is conn for refused in watched.refused):
                    continue  # of an earlier life of ours
                refused = RefusedConnection(conn, internals.peer_of(conn))
                refused.closed = True
                watched.refused.append(refused)
                conn.notifyOnDisconnect(
                    functools.partial(self._refused_delivered, watched, refused)
                )
        except Exception:
            for watched in found[:1]:
                self._failed(watched.worker, "looking for connections refused before")

    def unsubscribe(self, master: Any) -> None:
        """Stop telling; with the last subscriber everything of ours is taken off again."""
        self._sinks.pop(id(master), None)
        self._unwatch_logins(master)
        for watched in list(self._watched.values()):
            if watched.master is master or watched.master is None:
                self.drop(watched.worker)
        if not self._sinks:
            self._uninstall()

    def watched(self, master: Any) -> Iterator[Watched]:
        """The workers of a master that are being watched."""
        return iter([w for w in self._watched.values() if w.master is master])

    # hooks on classes

    def _install(self) -> None:
        self._hook_state(AbstractLatentWorker)
        for cls in _subclasses(AbstractLatentWorker):
            self._hook_state(cls)
        for name, method in _ON_CLASS.items():
            self._inherited[name] = AbstractLatentWorker.__dict__.get(name, _ABSENT)
            setattr(AbstractLatentWorker, name, method)
        self._gates = [_watch_gate(cls, name) for cls, name in internals.GATES]

    def _uninstall(self) -> None:
        for watched in list(self._watched.values()):
            self.drop(watched.worker)
        for cls, hook in self._hooked.items():
            if cls.__dict__.get("state") is hook:  # else replaced meanwhile: not ours any more
                setattr(cls, "state", hook.original)
        self._hooked.clear()
        self._unwatch_machines()
        self._unwatch_gates()
        for name, method in _ON_CLASS.items():
            if AbstractLatentWorker.__dict__.get(name) is not method:
                continue
            if self._inherited[name] is _ABSENT:
                delattr(AbstractLatentWorker, name)
            else:
                setattr(AbstractLatentWorker, name, self._inherited[name])

    def _unwatch_gates(self) -> None:
        for cls, name, original, wrapper in self._gates:
            if cls.__dict__.get(name) is wrapper:  # else replaced meanwhile: not ours any more
                setattr(cls, name, original)
        self._gates.clear()

    def inherited(self, worker: Any, name: str) -> Any:
        """What a class method of ours stands in front of, bound to the worker."""
        original = self._inherited.get(name, _ABSENT)
        if original is _ABSENT:
            return getattr(super(AbstractLatentWorker, worker), name)
        return original.__get__(worker, type(worker))

    def _hook_state(self, cls: type) -> None:
        if cls in self._hooked or "state" not in cls.__dict__:
            return
        self._hooked[cls] = StateHook(self, cls.__dict__["state"])
        setattr(cls, "state", self._hooked[cls])

    # hooks on instances

    def adopt(self, worker: Any) -> Watched:
        """Put our wrappers around a worker's methods; twice is once."""
        if id(worker) in self._watched:
            return self._watched[id(worker)]
        for cls in type(worker).__mro__:
            if issubclass(cls, AbstractLatentWorker):
                self._hook_state(cls)
        watched = self._dropped.get(id(worker)) or Watched(worker)
        self._watched[id(worker)] = watched
        watched.begin_life()
        hooks = {name: functools.partial(self._call, watched, name) for name in CALLS}
        hooks.update((n, functools.partial(hook, self, watched)) for n, hook in _AROUND.items())
        for name, hook in hooks.items():
            try:
                self._wrap(watched, name, hook)
            except Exception:
                self._failed(worker, f"wrapping {name}")
        self._watch_connection(watched)
        return watched

    def _watch_connection(self, watched: Watched) -> None:
        """A connection from before us tells its end to Buildbot's own method, not to our wrapper."""
        conn = watched.worker.conn
        if conn is None:
            return
        life = watched.life
        told = functools.partial(_detachment, watched, conn)

        def ended() -> None:
            if watched.life == life:
                self.tell(watched, Kind.DETACHED, told)

        try:
            conn.notifyOnDisconnect(ended)
        except Exception:
            self._failed(watched.master, "watching a connection")

    def adopt_new(self, worker: Any) -> Watched | None:
        """`adopt` for a worker that is about to get its parent; None (and told) if it fails."""
        try:
            return self.adopt(worker) if self._sinks else None
        except Exception:
            self._failed(worker, "adopting a worker")
            return None

    def watched_one(self, worker: Any) -> Watched | None:
        """What is known of this very object; None if it is not watched."""
        return self._watched.get(id(worker))

    def drop(self, worker: Any) -> None:
        """Take our wrappers off a worker. Calls under way end through ours all the same."""
        watched = self._watched.pop(id(worker), None)
        if watched is None:
            return
        watched.life += 1
        self._dropped[id(worker)] = watched
        for wfb, ping in watched.pings:
            if wfb.__dict__.get("ping") is ping:
                del wfb.__dict__["ping"]
        watched.pings.clear()
        watched.pings.clear()
        for name, (wrapper, before) in watched.wrapped.items():
            if worker.__dict__.get(name) is not wrapper:
                continue  # replaced meanwhile: not ours any more
            if before is _ABSENT:
                del worker.__dict__[name]
            else:
                worker.__dict__[name] = before
        watched.wrapped.clear()

    def _wrap(self, watched: Watched, name: str, hook: Callable[..., Any]) -> None:
        worker = watched.worker
        before = worker.__dict__.get(name, _ABSENT)
        original = getattr(worker, name)
        life = watched.life

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if watched.life != life:
                # somebody kept it: a connection its `detached`, another wrapper what it stands before
                return original(*args, **kwargs)
            return hook(original, args, kwargs)

        worker.__dict__[name] = wrapper
        watched.wrapped[name] = (wrapper, before)

    # what is seen

    def tell(self, watched: Watched, kind: Kind, data: Callable[[], dict[str, Any]]) -> None:
        """Give one observation to the sink of the worker's master; never raises.

        ``data`` is a function: what it reads of drivers and builds may raise, too.
        """
        sink = None
        try:
            sink = self._sinks.get(id(watched.master))
            is_stranger = self.watched_one(watched.worker) is not watched and watched.entry is None
            if sink is not None and not is_stranger:
                sink.observe(watched, kind, data())
        except Exception:
            if sink is not None:
                sink.failed(f"recording {kind.value}")

    def state_changed(self, worker: Any, before: Any, after: Any) -> None:
        """A state was assigned; called inside Buildbot's assignment, so it never raises."""
        try:
            self._state_changed(worker, before, after)
        except Exception:
            self._failed(worker, "observing a state change")

    def _state_changed(self, worker: Any, before: Any, after: Any) -> None:
        watched = self._watched.get(id(worker))
        if watched is None:
            if worker.parent is None:
                return  # a configuration's sibling, maybe in another thread: not a worker that runs
            watched = self.adopt(worker)
        if before is after:
            return
        if internals.state_of(before) not in STOPPING:
            watched.stop_called = False
        if internals.state_of(after) is State.SUBSTANTIATING:
            watched.login_told_at = None

        def data() -> dict[str, Any]:
            return transition_data(internals.state_of(before), internals.state_of(after))

        self.tell(watched, Kind.TRANSITION, data)

    def _call(
        self, watched: Watched, name: str, original: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        if self._is_drivers_own(watched, name):
            # a step of the call under way: Buildbot knows nothing of it, and `where` leads through it
            return original(*args, **kwargs)
        if name == "stop_instance":
            watched.stop_called = True
        self._tokens += 1
        call = Call(
            name,
            self._tokens,
            functools.partial(self._call_ended, watched),
            # half way, Buildbot's stopService would loop for ever, or leave the worker as it is
            lambda: name == "stop_instance" and watched.stop_asked,
            since=_now(watched.master),
        )
        watched.calls[call.token] = call

        def data() -> dict[str, Any]:
            told: dict[str, Any] = {"call": name, "token": call.token}
            if name == "start_instance" and args:
                told["build"] = internals.describe_build(args[0])
            known_before = (
                instance.known_before(watched.worker) if name == "start_instance" else None
            )
            if known_before is not None:
                told["instance"] = known_before
            if name == "stop_instance":
                told["fast"] = bool(args[0] if args else kwargs.get("fast", False))
                # drivers forget the name first of all; it says that there was something to stop
                told["instance"] = instance.name_of(watched.worker)
            return told

        # check_instance is asked every few seconds and mostly answers at once: only a check that
        # is waited for, or that found something, is worth a row
        call.told = name != "check_instance"
        if call.told:
            self.tell(watched, Kind.CALL_STARTED, data)
        result = call.begin(original, args, kwargs)
        if not call.told and not call.ended:
            call.told = True
            self.tell(watched, Kind.CALL_STARTED, data)
        return result

    def _is_drivers_own(self, watched: Watched, name: str) -> bool:
        """Whether a driver calls itself, as Kubernetes' and Marathon's start calls its own stop.

        Buildbot makes one call at a time, under its lock; after a release the driver's goes on without
        it, and then the state tells whether Buildbot's code is at such a call.
        """
        try:
            calls = [c for c in watched.calls.values() if c.name in CALLS and not c.ended]
            if not calls:
                return False
            if any(not call.released for call in calls):
                return True
            state = internals.state_of(watched.worker.state)
            if name == "stop_instance":
                return state not in STOPPING or watched.stop_called
            return state is not State.SUBSTANTIATING_STARTING
        except Exception:
            self._failed(watched.worker, f"looking who calls {name}")
            return False

    def _call_ended(self, watched: Watched, call: Call, outcome: dict[str, Any]) -> None:
        if call.ended:
            watched.calls.pop(call.token, None)
        if not call.told and outcome["outcome"] == "true":
            return

        def data() -> dict[str, Any]:
            told = {"call": call.name, "token": call.token, **outcome}
            if call.name == "start_instance":
                told["instance"] = instance.name_of(watched.worker)
                if told["instance"] is None and outcome["outcome"] not in ("raised", "false"):
                    told["instance"] = instance.known_before(watched.worker)
            return told

        self.tell(watched, Kind.CALL_ENDED, data)

    def _attached(
        self, watched: Watched, original: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        conn = args[0] if args else kwargs.get("conn")
        peer = internals.peer_of(conn)
        try:
            result = original(*args, **kwargs)
        except Exception as error:
            self._refused(watched, conn, peer, words(error))
            raise

        def began() -> None:
            if not (isinstance(result, defer.Deferred) and result.called):
                self.tell(watched, Kind.ATTACHING, lambda: {"peer": peer})

        return followed(result, began, functools.partial(self._attach_ended, watched, conn, peer))

    def _attach_ended(self, watched: Watched, conn: Any, peer: str, result: Any) -> None:
        if isinstance(result, failure.Failure):
            self._refused(watched, conn, peer, words(result))
        elif watched.worker.conn is conn:
            self.tell(watched, Kind.ATTACHED, functools.partial(_attachment, watched, peer))

    def _refused(self, watched: Watched, conn: Any, peer: str, reason: str) -> None:
        refused = RefusedConnection(conn, peer)
        refused.deliver_when_closed = watched.stopping
        watched.refused.append(refused)
        told = {"peer": peer, "reason": cut(reason, 1000), "held": True}
        self.tell(watched, Kind.REFUSED, lambda: told)
        try:
            conn.notifyOnDisconnect(functools.partial(self._refused_delivered, watched, refused))
            internals.when_closed(conn, functools.partial(self._refused_closed, watched, refused))
        except Exception:
            self._failed(watched.worker, "watching a refused connection")

    def _refused_closed(self, watched: Watched, refused: RefusedConnection) -> None:
        refused.closed = True
        if refused.delivered:
            return
        told = {"peer": refused.peer, "delivered": False}
        self.tell(watched, Kind.REFUSED_CLOSED, lambda: told)
        if refused.deliver_when_closed:
            self.deliver(watched, refused)

    def _refused_delivered(self, watched: Watched, refused: RefusedConnection) -> None:
        if refused.delivered:
            return
        refused.delivered = True
        closed_before, refused.closed = refused.closed, True
        if refused in watched.refused:
            watched.refused.remove(refused)
        data = {"peer": refused.peer, "delivered": True, "by_release": refused.by_release}
        if closed_before:
            data["closed"] = True
        self.tell(watched, Kind.REFUSED_CLOSED, lambda: data)

    def deliver(self, watched: Watched, refused: RefusedConnection) -> None:
        """Tell those who wait for a refused connection that it is gone; abort it first if it is not."""
        if refused.delivered:
            return
        worker = watched.worker
        if not refused.closed and not internals.is_closed(refused.conn):
            refused.deliver_when_closed = True
            internals.abort(refused.conn)
            return
        internals.deliver_disconnection(worker.master, worker.name, refused.conn)

    def _failed(self, worker: Any, what: str) -> None:
        """An error of ours; of a worker without a master, every subscriber is told."""
        sink = self._sinks.get(id(_master_of(worker)))
        for told in [sink] if sink is not None else list(self._sinks.values()):
            told.failed(what)

    # plain hooks: tell, and pass through

    def _detached(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        told = functools.partial(_detachment, watched, watched.worker.conn)
        result = original(*args, **kwargs)
        if is_coroutine(result):
            # Buildbot's subscriptions drive none: while nobody does, the worker is not detached
            return followed(result, _nothing, lambda _: self.tell(watched, Kind.DETACHED, told))
        self.tell(watched, Kind.DETACHED, told)
        return result

    def _disconnect(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        conn = args[0] if args else kwargs.get("conn")
        if conn is watched.worker.conn:
            watched.closing = conn
        return original(*args, **kwargs)

    def _shutdown(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        if watched.worker.conn is not None:
            self.tell(watched, Kind.SHUTDOWN_ASKED, dict)
        return original(*args, **kwargs)

    def _graceful(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        self.tell(watched, Kind.GRACEFUL, dict)
        return original(*args, **kwargs)

    def _quarantine(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        """Told after Buildbot's own: it does nothing for a worker that is in quarantine already."""
        before = self._quarantine_until(watched)
        result = original(*args, **kwargs)
        until = self._quarantine_until(watched)
        if until is not None and until != before:
            now = watched.worker.master.reactor.seconds()
            data = {"until": until, "seconds": until - now}
            self.tell(watched, Kind.QUARANTINE_ENTERED, lambda: data)
        return result

    def _quarantine_until(self, watched: Watched) -> float | None:
        try:
            return internals.quarantine_until(watched.worker)
        except Exception:
            self._failed(watched.worker, "looking at a quarantine")
            return None

    def _quarantine_left(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        self.tell(watched, Kind.QUARANTINE_LEFT, dict)
        return original(*args, **kwargs)

    def _quarantine_reset(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        # asked for after each build that went well: worth a row only where it changes something
        if internals.is_quarantine_longer(watched.worker):
            self.tell(watched, Kind.QUARANTINE_RESET, dict)
        return original(*args, **kwargs)

    def _substantiate(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        build = kwargs.get("build", args[1] if len(args) > 1 else None)
        if build is not None:
            self.tell(watched, Kind.ASKED, functools.partial(_asked, watched.worker, build))
        try:
            machine = internals.latent_machine(watched.worker)
            if machine is not None:
                self._watch_machine(machine)
        except Exception:
            self._failed(watched.worker.master, "watching a machine")
        if self._refuses_start(watched):
            return defer.fail(internals.cancelled_substantiation())
        result = original(*args, **kwargs)
        return followed(result, _nothing, functools.partial(self._substantiated, watched, build))

    def _substantiated(self, watched: Watched, build: Any, result: Any) -> None:
        """What Buildbot gave a build that waited for the worker: only a failure is news."""
        if isinstance(result, BaseException):
            # of an instance that failed its check Buildbot hands out the bare exception
            result = failure.Failure(result)  # type: ignore[no-untyped-call]
        if isinstance(result, failure.Failure):
            told = functools.partial(_told_build, watched, build, result)
            self.tell(watched, Kind.NOT_SUBSTANTIATED, told)

    def _refuses_start(self, watched: Watched) -> bool:
        try:
            sink = self._sinks.get(id(watched.master))
            if sink is None or watched.worker.substantiated:
                return False
            return sink.refuses_start(watched)
        except Exception:
            self._failed(watched.master, "asking whether a start may be made")
            return False

    def _build_started(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        self._watch_ping(watched, args[0] if args else kwargs.get("wfb"))
        self.tell(watched, Kind.BUILD_STARTED, lambda: {"build": _newest_build(args, kwargs)})
        return result

    def _watch_ping(self, watched: Watched, wfb: Any) -> None:
        """Wrap the ping that a build sends before its first step: Buildbot waits for it for ever."""
        try:
            if any(owner is wfb for owner, _ in watched.pings):
                return
            original = getattr(wfb, "ping", None)
            if original is None:
                return

            @functools.wraps(original)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                return self._ping(watched, wfb, original(*args, **kwargs))

            wfb.ping = wrapper
            watched.pings.append((wfb, wrapper))
        except Exception:
            self._failed(watched.worker, "watching a build's ping")

    def _ping(self, watched: Watched, wfb: Any, result: Any) -> Any:
        later: Any = None
        builder = str(getattr(wfb, "builder_name", ""))

        def began() -> None:
            nonlocal later
            if isinstance(result, defer.Deferred) and result.called:
                return
            try:
                clock = watched.master.reactor
                data = {"builder": builder, "since": clock.seconds()}
                later = clock.callLater(
                    PING_SECONDS, self.tell, watched, Kind.PING_WAITS, lambda: data
                )
            except Exception:
                self._failed(watched.worker, "watching a build's ping")

        def ended(_: Any) -> None:
            if later is not None and later.active():
                later.cancel()
            elif later is not None:
                self.tell(watched, Kind.PING_ENDED, lambda: {"builder": builder})

        return followed(result, began, ended)

    def _build_finished(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        wfb = args[0] if args else kwargs.get("wfb")
        self.tell(watched, Kind.BUILD_FINISHED, lambda: {"build": internals.build_of(wfb)})
        return original(*args, **kwargs)

    def _configured(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        return followed(
            original(*args, **kwargs), _nothing, lambda _: self._tell_configuration(watched)
        )

    def _tell_configuration(self, watched: Watched) -> None:
        """What was read of the worker's configuration once is read again, and told if it is new."""
        try:
            now = internals.configured(watched.worker)
            deadline = internals.missing_deadline(watched.worker)
        except Exception:
            self._failed(watched.worker, "reading a worker's configuration")
            return
        if watched.introduced and now != watched.configured:
            watched.configured = now
            self.tell(watched, Kind.CONFIGURED, lambda: {**now, "gives_up_at": deadline})

    def _missing(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        self.tell(watched, Kind.MISSING, dict)
        return original(*args, **kwargs)

    # logins

    def _watch_logins(self, master: Any) -> None:
        """Wrap the manager's newConnection: before `attached`, a peer is asked who it is."""
        manager = master.workers
        original = manager.newConnection

        @functools.wraps(original)
        def wrapper(conn: Any, name: str) -> Any:
            return self._new_connection(manager, original, conn, name)

        manager.newConnection = wrapper
        self._managers[id(master)] = (manager, wrapper)

    def _unwatch_logins(self, master: Any) -> None:
        manager, wrapper = self._managers.pop(id(master), (None, None))
        if manager is not None and manager.__dict__.get("newConnection") is wrapper:
            del manager.__dict__["newConnection"]

    def _new_connection(self, manager: Any, original: Any, conn: Any, name: str) -> Any:
        worker = manager.workers.get(name)
        watched = None if worker is None else self.watched_one(worker)
        older = manager.connections.get(name)
        result = original(conn, name)
        if watched is None or not isinstance(result, defer.Deferred):
            return result
        clock = manager.master.reactor
        login = Login(conn, clock.seconds())
        watched.logins.append(login)
        later = (
            None
            if result.called
            else clock.callLater(LOGIN_SECONDS, self._login_waits, watched, login)
        )

        def ended(answer: Any) -> Any:
            if later is not None and later.active():
                later.cancel()
            watched.logins.remove(login)
            if login.told:
                self.tell(watched, Kind.LOGIN_ENDED, dict)
            rejected = isinstance(answer, failure.Failure)
            if older is not None and older is not conn:
                told = {"peer": internals.peer_of(conn), "rejected": rejected}
                self.tell(watched, Kind.DUPLICATE, lambda: told)
            elif rejected:
                self._login_failed(watched, f"ended with {one_line(answer)}")
            return answer

        return result.addBoth(ended)

    def _login_waits(self, watched: Watched, login: Login) -> None:
        login.told = True
        told = {"peer": internals.peer_of(login.conn), "since": login.since}
        self.tell(watched, Kind.LOGIN_WAITS, lambda: told)

    def check_login(self, gate: Any, asked: Any, problem: Any) -> Any:
        """A login was refused before anybody knew whose it is, but for its name. Passes `problem` on."""
        try:
            found = internals.worker_of_login(gate, asked, problem)
            watched = None if found is None else self.watched_one(found)
            if watched is not None:
                self._login_failed(watched, "had a wrong password")
        except Exception:
            for sink in list(self._sinks.values()):
                sink.failed("looking at a login that failed")
        return problem

    def _login_failed(self, watched: Watched, reason: str) -> None:
        """Tell of it, but not of each: anybody who reaches the port can fail as often as he likes."""
        watched.logins_failed += 1
        now = watched.master.reactor.seconds()
        last = watched.login_told_at
        if last is not None and 0 <= now - last < LOGIN_FAILED_SECONDS:
            return
        told = {"reason": cut(reason, 1000), "times": watched.logins_failed}
        watched.logins_failed, watched.login_told_at = 0, now
        self.tell(watched, Kind.LOGIN_FAILED, lambda: told)

    # machines

    def _watch_machine(self, machine: Any) -> None:
        """Wrap the calls of a latent machine; its workers wait for them, and are told of them."""
        if id(machine) in self._machines:
            return
        wrapped: dict[str, Any] = {}
        for name in MACHINE_CALLS:
            original = getattr(machine, name)
            wrapped[name] = functools.wraps(original)(
                functools.partial(self._machine_call, machine, name, original)
            )
            machine.__dict__[name] = wrapped[name]
        self._machines[id(machine)] = (machine, wrapped)

    def _unwatch_machines(self) -> None:
        for machine, wrapped in self._machines.values():
            for name, wrapper in wrapped.items():
                if machine.__dict__.get(name) is wrapper:
                    del machine.__dict__[name]
        self._machines.clear()
        broken = self._broken_machines.items()
        self._broken_machines = {key: m for key, m in broken if internals.is_between(m)}

    def _machine_call(
        self, machine: Any, name: str, original: Any, *args: Any, **kwargs: Any
    ) -> Any:
        self._tokens += 1
        concerned = [w for w in map(self.watched_one, machine.workers) if w is not None]

        self._broken_machines.pop(id(machine), None)

        def ended(call: Call, outcome: dict[str, Any]) -> None:
            if outcome.get("base") and not call.released:
                self._broken_machines[id(machine)] = machine
            for watched in concerned:
                self._call_ended(watched, call, outcome)

        call = Call(name, self._tokens, ended, since=_now(_master_of(machine)))
        call.told = True
        for watched in concerned:
            watched.calls[call.token] = call
            self.tell(watched, Kind.CALL_STARTED, lambda: {"call": name, "token": call.token})
        return call.begin(original, args, kwargs)

    def half_machine(self, watched: Watched) -> Any | None:
        """The worker's machine, if its start or stop broke off, so that it never ends."""
        machine = internals.latent_machine(watched.worker)
        if machine is None or id(machine) not in self._broken_machines:
            return None
        return machine if internals.is_between(machine) else None

    def _stop_service(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        worker = watched.worker
        watched.stop_asked = True
        try:
            # two states in which Buildbot's own stopService would loop for ever, blocking the reactor
            internals.leave_machine_wait(worker)
            internals.finish_half_insubstantiated(worker)
            with_master = not worker.master.running
        except Exception:
            self._failed(worker.master, "preparing a worker's stop")
            with_master = True
        self.tell(watched, Kind.LEAVING, lambda: {"with_master": with_master})
        result = original(*args, **kwargs)
        # a coroutine that nobody drives stops nothing, and nobody waits for it
        watched.stopped = True

        def began() -> None:
            watched.stopping, watched.stopped = True, False
            self._let_go(watched)

        def ended(_: Any) -> None:
            watched.stopped = True

        return followed(result, began, ended)

    def _let_go(self, watched: Watched) -> None:
        """A worker that is stopping (with its master, or removed) waits for no refused connection."""
        for refused in watched.held:
            refused.deliver_when_closed = True
            try:
                self.deliver(watched, refused)
            except Exception:
                self._failed(watched.worker, "dropping a refused connection")


_AROUND: dict[str, Callable[..., Any]] = {
    "attached": Probe._attached,
    "detached": Probe._detached,
    "substantiate": Probe._substantiate,
    "buildStarted": Probe._build_started,
    "buildFinished": Probe._build_finished,
    "reconfigService": Probe._configured,
    "shutdown": Probe._shutdown,
    "shutdownRequested": Probe._graceful,
    "putInQuarantine": Probe._quarantine,
    "exitQuarantine": Probe._quarantine_left,
    "resetQuarantine": Probe._quarantine_reset,
    internals.DISCONNECT: Probe._disconnect,
    "stopService": Probe._stop_service,
    internals.MISSING_TIMER: Probe._missing,
}

PROBE = Probe()


def _master_of(worker: Any) -> Any:
    try:
        return worker.master
    except Exception:
        return None


def _nothing() -> None: ...


def _now(master: Any) -> float | None:
    try:
        return float(master.reactor.seconds())
    except Exception:
        return None  # a master that is not started, as of a configuration's sibling


def _subclasses(cls: type) -> Iterator[type]:
    sub: type
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


def _asked(worker: Any, build: Any) -> dict[str, Any]:
    told = {"build": internals.describe_build(build)}
    deadline = internals.missing_deadline_of_next(worker, worker.master.reactor.seconds())
    return told if deadline is None else {**told, "gives_up_at": deadline}


def _detachment(watched: Watched, conn: Any) -> dict[str, Any]:
    """Whether the master has closed the connection itself; else its worker, or the network, has."""
    closed = conn is None or watched.closing is conn or watched.stop_asked
    return {"by_master": True} if closed or internals.is_shutting_down(watched.master) else {}


def _attachment(watched: Watched, peer: str) -> dict[str, Any]:
    failed: dict[str, Any] = {} if internals.is_attached(watched.worker) else {"failed": True}
    told = {"peer": peer, **failed}
    if any(call.name == "start_instance" for call in watched.calls.values()):
        # the driver holds it already, and the end of its start may be long to come
        named = instance.name_of(watched.worker)
        told.update({"instance": named} if named is not None else {})
    return told


def _told_build(watched: Watched, build: Any, problem: failure.Failure) -> dict[str, Any]:
    data: dict[str, Any] = {
        "how": internals.how_not_substantiated(problem),
        "error": cut(one_line(problem), 1000),
        "stopped": bool(getattr(build, "stopped", False)),
    }
    if watched.called_off_by is not None:
        data["by"] = watched.called_off_by
    if build is not None:
        data["build"] = internals.describe_build(build)
    return data


def _newest_build(args: Any, kwargs: Any) -> dict[str, Any]:
    """The build for which a worker was just taken: Builder appends it before it tells the worker."""
    wfb = args[0] if args else kwargs.get("wfb")
    building = list(getattr(getattr(wfb, "builder", None), "building", None) or ())
    described = internals.build_of(wfb)
    newest = building[-1] if building else None
    if newest is not None and getattr(newest, "workerforbuilder", None) is None:
        return internals.describe_build(building[-1])
    return described


def _watch_gate(cls: type, name: str) -> tuple[type, str, Any, Any]:
    """Put a look at refused logins around a method of the class that lets workers in."""
    original = cls.__dict__[name]

    @functools.wraps(original)
    def wrapper(self: Any, asked: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(self, asked, *args, **kwargs)
        if isinstance(result, defer.Deferred):
            result.addErrback(functools.partial(PROBE.check_login, self, asked))
        return result

    setattr(cls, name, wrapper)
    return cls, name, original, wrapper


def _set_service_parent(self: Any, parent: Any) -> Any:
    """`AbstractLatentWorker.setServiceParent` while the probe is in: adopt, then Buildbot's own."""
    watched = PROBE.adopt_new(self)
    result = PROBE.inherited(self, "setServiceParent")(parent)
    if watched is not None and isinstance(result, defer.Deferred):
        result.addBoth(functools.partial(_introduce, watched))
    return result


def _introduce(watched: Watched, result: Any) -> Any:
    """A new worker has started: the sink writes its baseline before it tells anything else of it."""
    if not isinstance(result, failure.Failure) and not watched.introduced:
        PROBE.tell(watched, Kind.BASELINE, dict)
    return result


def _disown_service_parent(self: Any) -> Any:
    """`AbstractLatentWorker.disownServiceParent` while the probe is in: the worker was removed."""
    watched = PROBE.watched_one(self)
    if watched is not None:
        PROBE.tell(watched, Kind.REMOVED, dict)
    result = PROBE.inherited(self, "disownServiceParent")()
    if isinstance(result, defer.Deferred):
        result.addBoth(_forget, self)
    return result


def _forget(result: Any, worker: Any) -> Any:
    PROBE.drop(worker)
    return result


_ON_CLASS: dict[str, Callable[..., Any]] = {
    "setServiceParent": _set_service_parent,
    "disownServiceParent": _disown_service_parent,
}
