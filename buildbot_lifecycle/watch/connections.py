"""Connections: attached, refused and detached."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from twisted.internet import defer
from twisted.python import failure

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.host import connections, process, workers
from buildbot_lifecycle.host.reasons import words
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.base import UNSET
from buildbot_lifecycle.watch import instance
from buildbot_lifecycle.watch.calls import followed, is_coroutine, nothing
from buildbot_lifecycle.watch.register import Hook, Register
from buildbot_lifecycle.watch.watched import RefusedConnection, Watched


class Connections:
    """The hooks around a worker's connection, and what is known of refused ones."""

    def __init__(self, register: Register) -> None:
        self._register = register

    def around(self) -> dict[str, Hook]:
        """Method of the worker -> hook."""
        return {
            "attached": self._attached,
            "detached": self._detached,
            workers.DISCONNECT: self._disconnect,
        }

    # what was there before the probe

    def watch_present(self, watched: Watched) -> None:
        """A connection from before us tells its end to Buildbot's own method, not to our wrapper."""
        conn = watched.worker.conn
        if conn is None:
            return
        life = watched.life
        told = functools.partial(_detachment, watched, conn)

        def ended() -> None:
            if watched.life == life:
                self._register.tell(watched, events.Detached, told)

        try:
            conn.notifyOnDisconnect(ended)
        except Exception:
            self._register.failed(watched.master, "watching a connection")

    def find_refused(self, found: list[Watched]) -> None:
        """Take over the refused connections from before us, for which the workers' stop waits."""
        by_worker = {id(watched.worker): watched for watched in found}
        try:
            for worker, conn in connections.refused_before(watched.worker for watched in found):
                watched = by_worker[id(worker)]
                if any(refused.conn is conn for refused in watched.refused):
                    continue  # of an earlier life of ours
                refused = RefusedConnection(conn, connections.peer_of(conn))
                refused.closed = True
                watched.refused.append(refused)
                conn.notifyOnDisconnect(functools.partial(self._delivered, watched, refused))
        except Exception:
            for watched in found[:1]:
                self._register.failed(watched.worker, "looking for connections refused before")

    # attached and refused

    def _attached(
        self, watched: Watched, original: Callable[..., Any], args: Any, kwargs: Any
    ) -> Any:
        conn = args[0] if args else kwargs.get("conn")
        peer = connections.peer_of(conn)
        try:
            result = original(*args, **kwargs)
        except Exception as error:
            self._refused(watched, conn, peer, words(error))
            raise

        def began() -> None:
            if not (isinstance(result, defer.Deferred) and result.called):
                self._register.tell(watched, events.Attaching, lambda: events.Attaching(peer=peer))

        return followed(result, began, functools.partial(self._attach_ended, watched, conn, peer))

    def _attach_ended(self, watched: Watched, conn: Any, peer: str, result: Any) -> None:
        if isinstance(result, failure.Failure):
            self._refused(watched, conn, peer, words(result))
        elif watched.worker.conn is conn:
            told = functools.partial(_attachment, watched, peer)
            self._register.tell(watched, events.Attached, told)

    def _refused(self, watched: Watched, conn: Any, peer: str, reason: str) -> None:
        refused = RefusedConnection(conn, peer)
        refused.deliver_when_closed = watched.stopping
        watched.refused.append(refused)
        told = events.Refused(peer=peer, reason=cut(reason, MAX_LINE), held=True)
        self._register.tell(watched, events.Refused, lambda: told)
        try:
            conn.notifyOnDisconnect(functools.partial(self._delivered, watched, refused))
            connections.when_closed(conn, functools.partial(self._closed, watched, refused))
        except Exception:
            self._register.failed(watched.worker, "watching a refused connection")

    def _closed(self, watched: Watched, refused: RefusedConnection) -> None:
        refused.closed = True
        if refused.delivered:
            return
        told = events.RefusedClosed(peer=refused.peer, delivered=False)
        self._register.tell(watched, events.RefusedClosed, lambda: told)
        if refused.deliver_when_closed:
            self.deliver(watched, refused)

    def _delivered(self, watched: Watched, refused: RefusedConnection) -> None:
        if refused.delivered:
            return
        refused.delivered = True
        closed_before, refused.closed = refused.closed, True
        if refused in watched.refused:
            watched.refused.remove(refused)
        data = events.RefusedClosed(
            peer=refused.peer,
            delivered=True,
            by_release=refused.by_release,
            closed=closed_before or UNSET,
        )
        self._register.tell(watched, events.RefusedClosed, lambda: data)

    def deliver(self, watched: Watched, refused: RefusedConnection) -> None:
        """Tell those who wait for a refused connection that it is gone; abort it first if it is not."""
        if refused.delivered:
            return
        worker = watched.worker
        if not refused.closed and not connections.is_closed(refused.conn):
            refused.deliver_when_closed = True
            connections.abort(refused.conn)
            return
        connections.deliver_disconnection(worker.master, worker.name, refused.conn)

    def let_go(self, watched: Watched) -> None:
        """A worker that is stopping (with its master, or removed) waits for no refused connection."""
        for refused in watched.held:
            refused.deliver_when_closed = True
            try:
                self.deliver(watched, refused)
            except Exception:
                self._register.failed(watched.worker, "dropping a refused connection")

    # detached

    def _detached(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        told = functools.partial(_detachment, watched, watched.worker.conn)
        result = original(*args, **kwargs)
        if is_coroutine(result):
            # Buildbot's subscriptions drive none: while nobody does, the worker is not detached
            return followed(
                result, nothing, lambda _: self._register.tell(watched, events.Detached, told)
            )
        self._register.tell(watched, events.Detached, told)
        return result

    def _disconnect(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        conn = args[0] if args else kwargs.get("conn")
        if conn is watched.worker.conn:
            watched.closing = conn
        return original(*args, **kwargs)


def _detachment(watched: Watched, conn: Any) -> events.Detached:
    """Whether the master has closed the connection itself; else its worker, or the network, has."""
    closed = conn is None or watched.closing is conn or watched.stop_asked
    by_master = closed or process.is_shutting_down(watched.master)
    return events.Detached(by_master=by_master or UNSET)


def _attachment(watched: Watched, peer: str) -> events.Attached:
    named = None
    if any(call.name == "start_instance" for call in watched.calls.values()):
        # the driver holds it already, and the end of its start may be long to come
        named = instance.name_of(watched.worker)
    return events.Attached(
        peer=peer,
        failed=not workers.is_attached(watched.worker) or UNSET,
        instance=UNSET if named is None else named,
    )
