"""Logins: before ``attached``, the manager asks a peer who it is; and those that fail."""

from __future__ import annotations

import functools
from typing import Any

from twisted.internet import defer
from twisted.python import failure

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host import connections, logins
from buildbot_lifecycle.host.reasons import one_line
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.watch.register import Register
from buildbot_lifecycle.watch.watched import Login, Watched

#: Seconds after which a login that is not answered is worth an event.
LOGIN_SECONDS = 2.0

#: Seconds for which further failed logins of one worker are only counted; a new start begins anew.
LOGIN_FAILED_SECONDS = 60.0


class Logins:
    """The hooks on the masters' managers, and on the classes that check name and password."""

    def __init__(self, register: Register) -> None:
        self._register = register
        self._managers: dict[int, tuple[Any, Any]] = {}
        self._gates: list[tuple[type, str, Any, Any]] = []

    def watch(self, master: Any) -> None:
        """Wrap the manager's newConnection: before `attached`, a peer is asked who it is."""
        manager = master.workers
        original = manager.newConnection

        @functools.wraps(original)
        def wrapper(conn: Any, name: str) -> Any:
            return self._new_connection(manager, original, conn, name)

        manager.newConnection = wrapper
        self._managers[id(master)] = (manager, wrapper)

    def unwatch(self, master: Any) -> None:
        """Take the wrapper off that master's manager."""
        manager, wrapper = self._managers.pop(id(master), (None, None))
        if manager is not None and manager.__dict__.get("newConnection") is wrapper:
            del manager.__dict__["newConnection"]

    def watch_gates(self) -> None:
        """Look at logins that are refused, on the classes that refuse them."""
        self._gates = [self._watch_gate(cls, name) for cls, name in logins.GATES]

    def unwatch_gates(self) -> None:
        """Put back what stood there."""
        for cls, name, original, wrapper in self._gates:
            if cls.__dict__.get(name) is wrapper:  # else replaced meanwhile: not ours any more
                setattr(cls, name, original)
        self._gates.clear()

    def _watch_gate(self, cls: type, name: str) -> tuple[type, str, Any, Any]:
        original = cls.__dict__[name]
        ours = self

        @functools.wraps(original)
        def wrapper(self: Any, asked: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(self, asked, *args, **kwargs)
            if isinstance(result, defer.Deferred):
                result.addErrback(functools.partial(ours.check, self, asked))
            return result

        setattr(cls, name, wrapper)
        return cls, name, original, wrapper

    def _new_connection(self, manager: Any, original: Any, conn: Any, name: str) -> Any:
        worker = manager.workers.get(name)
        watched = None if worker is None else self._register.of(worker)
        older = manager.connections.get(name)
        result = original(conn, name)
        if watched is None or not isinstance(result, defer.Deferred):
            return result
        clock = clocks.of(manager.master.reactor)
        login = Login(conn, clock.seconds())
        watched.logins.append(login)
        later = (
            None if result.called else clock.callLater(LOGIN_SECONDS, self._waits, watched, login)
        )

        def ended(answer: Any) -> Any:
            if later is not None and later.active():
                later.cancel()
            watched.logins.remove(login)
            if login.told:
                self._register.tell(watched, events.LoginEnded, events.LoginEnded)
            rejected = isinstance(answer, failure.Failure)
            if older is not None and older is not conn:
                told = events.Duplicate(peer=connections.peer_of(conn), rejected=rejected)
                self._register.tell(watched, events.Duplicate, lambda: told)
            elif rejected:
                self._failed(watched, f"ended with {one_line(answer)}")
            return answer

        return result.addBoth(ended)

    def _waits(self, watched: Watched, login: Login) -> None:
        login.told = True
        told = events.LoginWaits(peer=connections.peer_of(login.conn), since=login.since)
        self._register.tell(watched, events.LoginWaits, lambda: told)

    def check(self, gate: Any, asked: Any, problem: Any) -> Any:
        """A login was refused before anybody knew whose it is, but for its name. Passes `problem` on."""
        try:
            found = logins.worker_of_login(gate, asked, problem)
            watched = None if found is None else self._register.of(found)
            if watched is not None:
                self._failed(watched, "had a wrong password")
        except Exception:
            for sink in list(self._register.sinks.values()):
                sink.failed("looking at a login that failed")
        return problem

    def _failed(self, watched: Watched, reason: str) -> None:
        """Tell of it, but not of each: anybody who reaches the port can fail as often as he likes."""
        watched.logins_failed += 1
        now = watched.clock.seconds()
        last = watched.login_told_at
        if last is not None and now - last < LOGIN_FAILED_SECONDS:
            return
        told = events.LoginFailed(reason=cut(reason, MAX_LINE), times=watched.logins_failed)
        watched.logins_failed, watched.login_told_at = 0, now
        self._register.tell(watched, events.LoginFailed, lambda: told)
