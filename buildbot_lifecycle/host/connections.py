"""Connections of workers: Perspective Broker's and msgpack's.

From worker/manager.py, worker/protocols/{base,pb,msgpack}.py and util/subscription.py of Buildbot 4.3.0;
of Twisted, internet/abstract.py (what waits to be sent).
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet import error
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot_lifecycle.core.bounds import MAX_NAME
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.host.names import ConnectioLostError, Connection
from buildbot_lifecycle.host.workers import has_unfinished


def held_connection(worker: Any) -> Any | None:
    """A connection that stands under the worker's name with the manager, and is not the worker's."""
    manager = worker.manager
    conn = manager.connections.get(worker.name) if manager is not None else None
    return conn if conn is not None and conn is not worker.conn else None


def has_unsent(conn: Any) -> bool:
    """Whether data for the worker waits in the master, because its side takes none."""
    transport = transport_of(conn)
    return bool(getattr(transport, "dataBuffer", b"") or getattr(transport, "_tempDataBuffer", ()))


def unsent(conn: Any) -> int:
    """How many bytes for the worker wait in the master. Twisted keeps them in two places."""
    transport = transport_of(conn)
    waiting = len(getattr(transport, "dataBuffer", b"") or b"")
    waiting -= int(getattr(transport, "offset", 0) or 0)
    return max(0, waiting) + int(getattr(transport, "_tempDataLen", 0) or 0)


def last_message(worker: Any) -> float | None:
    """When Buildbot last had a message of the worker: output, the end of a command, a keepalive."""
    at = getattr(worker, "lastMessageReceived", 0)
    return float(at) if at else None


def is_lost(problem: Failure) -> bool:
    """Whether a question to a worker failed because its connection is gone, and not by its answer."""
    lost = (pb.PBConnectionLost, pb.DeadReferenceError, error.ConnectionClosed, ConnectioLostError)
    return isinstance(problem.value, lost)


def transport_of(conn: Any) -> Any | None:
    """The transport of a worker's connection: Perspective Broker's or msgpack's; None when gone."""
    mind = getattr(conn, "mind", None)
    if mind is not None:
        return getattr(getattr(mind, "broker", None), "transport", None)
    return getattr(getattr(conn, "protocol", None), "transport", None)


def peer_of(conn: Any) -> str:
    """The other end of a worker's connection, in words."""
    try:
        return cut(str(conn.get_peer()), MAX_NAME) or ""
    except Exception:
        return "unknown"


def is_closed(conn: Any) -> bool:
    """Whether the transport under a connection has been closed."""
    mind = getattr(conn, "mind", None)
    if mind is not None:
        return bool(getattr(getattr(mind, "broker", None), "disconnected", False))
    return getattr(conn, "protocol", None) is None


def is_known_closed(conn: Any) -> bool:
    """The same of a worker's own connection: one of a protocol that we cannot look into is not closed."""
    known = hasattr(conn, "mind") or hasattr(conn, "protocol")
    return known and is_closed(conn)


def is_told(conn: Any) -> bool:
    """Whether those who wait for a connection were told by its protocol that it has closed.

    Perspective Broker tells nobody where the connection closed before its login was answered.
    """
    return getattr(conn, "mind", None) is None and getattr(conn, "protocol", None) is None


def when_closed(conn: Any, callback: Callable[[], None]) -> None:
    """Call back when the transport of a refused connection has closed.

    For Perspective Broker nobody else will be told: its login was refused, so it has no logout
    function that would call ``Connection.detached``. msgpack delivers the disconnection itself.
    """
    broker = getattr(getattr(conn, "mind", None), "broker", None)
    if broker is None:
        return
    if broker.disconnected:
        callback()
    else:
        broker.notifyOnDisconnect(callback)


def refused_before(workers: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Workers, each with a connection that was refused before the probe came and has ended since.

    A worker's stop waits for it, and nobody will ever tell it (see `when_closed`). Nothing of Buildbot's
    refers to it by a name: it is looked for among all objects, and only if a worker waits at all.
    """
    waiting = {id(worker): worker for worker in workers if has_unfinished(worker)}
    found: list[tuple[Any, Any]] = []
    if not waiting:
        return found
    for conn in gc.get_objects():
        if not issubclass(type(conn), Connection):
            continue
        worker = waiting.get(id(getattr(conn, "worker", None)))
        if worker is None or conn is worker.conn:
            continue
        # one whose end was delivered has no mind any more
        if getattr(conn, "mind", None) is not None and is_closed(conn):
            found.append((worker, conn))
    return found


def abort(conn: Any) -> bool:
    """Abort a connection: a peer that does not answer would keep a polite close waiting."""
    transport = transport_of(conn)
    if transport is None:
        return False
    (getattr(transport, "abortConnection", None) or transport.loseConnection)()
    return True


def deliver_disconnection(master: Any, name: str, conn: Any) -> None:
    """Tell those who wait for a refused connection that it is gone.

    The manager's own subscriber deletes *whatever* connection stands under the worker's name, so a
    newer, healthy one is put back afterwards.
    """
    connections = master.workers.connections
    current = connections.get(name)
    connections[name] = conn
    try:
        conn.notifyDisconnected()
    finally:
        connections.pop(name, None)
        if current is not None and current is not conn:
            connections[name] = current
