"""The probe: sees every state change of every latent worker, and the calls and connections around it.

A data descriptor named ``state`` on ``AbstractLatentWorker`` sees each assignment, in every subclass,
synchronously. The methods around it are wrapped on each worker *instance*, when it is given its
parent: before anything else can happen to it. The class is shared by all masters of the process, so
events are routed by ``worker.master``; with the last subscriber the class is as Buildbot made it.

Nothing in this room may change what Buildbot does: every hook passes arguments, results and exceptions
through, and an error of ours ends in `Sink.failed`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet import defer
from twisted.python import failure

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.states import STOPPING, State, transition_data
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.host.names import AbstractLatentWorker
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.watch.builds import Builds, unwatch_pings
from buildbot_lifecycle.watch.connections import Connections
from buildbot_lifecycle.watch.drivers import DriverCalls
from buildbot_lifecycle.watch.logins import Logins
from buildbot_lifecycle.watch.machines import Machines
from buildbot_lifecycle.watch.register import Hook, Register, Sink
from buildbot_lifecycle.watch.standing import Standing
from buildbot_lifecycle.watch.state_hook import StateHooks
from buildbot_lifecycle.watch.watched import RefusedConnection, Watched
from buildbot_lifecycle.watch.wrappers import ClassMethods, unwrap, wrap


class Probe:
    """The hooks of this process. Use the module's `PROBE`; there is one class to hook, so one probe."""

    def __init__(self) -> None:
        self.register = Register()
        self.states = StateHooks(self._state_assigned)
        self.logins = Logins(self.register)
        drivers = DriverCalls(self.register)
        self.connections = Connections(self.register)
        self.machines = Machines(self.register, drivers)
        #: method of a worker -> what is put around it
        self.around: dict[str, Hook] = {
            **drivers.around(),
            **self.connections.around(),
            **Builds(self.register, self.machines).around(),
            **Standing(self.register, self.connections).around(),
        }
        self._on_class = ClassMethods(
            AbstractLatentWorker,
            {
                "setServiceParent": _method(self._set_service_parent),
                "disownServiceParent": _method(self._disown_service_parent),
            },
        )

    # subscribers

    def subscribe(self, master: Any, sink: Sink) -> list[Watched]:
        """Tell `sink` of everything on `master`'s latent workers; answers those that exist already.

        Raises RuntimeError when that master has a sink.
        """
        sinks = self.register.sinks
        if id(master) in sinks:
            raise RuntimeError("this master's latent workers are being observed already")
        sinks[id(master)] = sink
        try:
            if len(sinks) == 1:
                self._install()
            self.logins.watch(master)
            found = [self.adopt(worker) for worker in workers.latent_workers(master)]
        except BaseException:
            self.unsubscribe(master)
            raise
        self.connections.find_refused(found)
        return found

    def unsubscribe(self, master: Any) -> None:
        """Stop telling; with the last subscriber everything of ours is taken off again."""
        self.register.sinks.pop(id(master), None)
        self.logins.unwatch(master)
        for watched in self.register.watched():
            if watched.master is master or watched.master is None:
                self.drop(watched.worker)
        if not self.register.sinks:
            self._uninstall()

    def watched(self, master: Any) -> Iterator[Watched]:
        """The workers of a master that are being watched."""
        return iter([w for w in self.register.watched() if w.master is master])

    def watched_one(self, worker: Any) -> Watched | None:
        """What is known of this very object; None if it is not watched."""
        return self.register.of(worker)

    def deliver(self, watched: Watched, refused: RefusedConnection) -> None:
        """Tell those who wait for a refused connection that it is gone; abort it first if it is not."""
        self.connections.deliver(watched, refused)

    def half_machine(self, watched: Watched) -> Any | None:
        """The worker's machine, if its start or stop broke off, so that it never ends."""
        return self.machines.half(watched)

    # hooks on classes

    def _install(self) -> None:
        self.states.install()
        self._on_class.install()
        self.logins.watch_gates()

    def _uninstall(self) -> None:
        for watched in self.register.watched():
            self.drop(watched.worker)
        self.states.remove()
        self.machines.unwatch()
        self.logins.unwatch_gates()
        self._on_class.remove()

    # hooks on instances

    def adopt(self, worker: Any) -> Watched:
        """Put our wrappers around a worker's methods; twice is once."""
        present = self.register.of(worker)
        if present is not None:
            return present
        self.states.cover(worker)
        watched = self.register.dropped(worker) or Watched(worker)
        self.register.put(watched)
        watched.begin_life()
        for name, hook in self.around.items():
            try:
                wrap(watched, name, hook)
            except Exception:
                self.register.failed(worker, f"wrapping {name}")
        self.connections.watch_present(watched)
        return watched

    def adopt_new(self, worker: Any) -> Watched | None:
        """`adopt` for a worker that is about to get its parent; None (and told) if it fails."""
        try:
            return self.adopt(worker) if self.register.sinks else None
        except Exception:
            self.register.failed(worker, "adopting a worker")
            return None

    def drop(self, worker: Any) -> None:
        """Take our wrappers off a worker. Calls under way end through ours all the same."""
        watched = self.register.take_off(worker)
        if watched is None:
            return
        watched.life += 1
        unwatch_pings(watched)
        unwrap(watched)

    # its state

    def _state_assigned(self, worker: Any, before: Any, after: Any) -> None:
        """A state was assigned; called inside Buildbot's assignment, so it never raises."""
        try:
            self._state_changed(worker, before, after)
        except Exception:
            self.register.failed(worker, "observing a state change")

    def _state_changed(self, worker: Any, before: Any, after: Any) -> None:
        watched = self.register.of(worker)
        if watched is None:
            if worker.parent is None:
                return  # a configuration's sibling, maybe in another thread: not a worker that runs
            watched = self.adopt(worker)
        if before is after:
            return
        left, reached = workers.state_of(before), workers.state_of(after)
        if left not in STOPPING:
            watched.stop_called = False
        if reached is State.SUBSTANTIATING:
            watched.login_told_at = None
        self.register.observed(watched, Kind.TRANSITION, lambda: transition_data(left, reached))

    # its coming and going

    def _set_service_parent(self, worker: Any, parent: Any) -> Any:
        """`AbstractLatentWorker.setServiceParent` while the probe is in: adopt, then Buildbot's own."""
        watched = self.adopt_new(worker)
        result = self._on_class.original(worker, "setServiceParent")(parent)
        if watched is not None and isinstance(result, defer.Deferred):
            result.addBoth(functools.partial(self._introduce, watched))
        return result

    def _introduce(self, watched: Watched, result: Any) -> Any:
        """A new worker has started: the sink writes its baseline before it tells anything else of it."""
        if not isinstance(result, failure.Failure) and not watched.introduced:
            # the sink looks for itself how the worker is
            self.register.observed(watched, Kind.BASELINE, dict)
        return result

    def _disown_service_parent(self, worker: Any) -> Any:
        """`AbstractLatentWorker.disownServiceParent` while the probe is in: the worker was removed."""
        watched = self.watched_one(worker)
        if watched is not None:
            self.register.tell(watched, events.Removed, events.Removed)
        result = self._on_class.original(worker, "disownServiceParent")()
        if isinstance(result, defer.Deferred):
            result.addBoth(self._forget, worker)
        return result

    def _forget(self, result: Any, worker: Any) -> Any:
        self.drop(worker)
        return result


def _method(hook: Callable[..., Any]) -> Callable[..., Any]:
    """A function that a class binds to its worker; a bound method of ours it would not."""

    def method(worker: Any, *args: Any, **kwargs: Any) -> Any:
        return hook(worker, *args, **kwargs)

    return method


PROBE = Probe()
