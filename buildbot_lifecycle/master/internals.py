"""Every private name of Buildbot and Twisted that this package leans on, in one place.

The rest of the package calls the functions below and touches no private name itself. `missing` is
asked at start: if one of the names is gone, the plugin says which and stays out of the way.

Sources, all of Buildbot 4.3.0: worker/latent.py (state machine, lock, deferwaiter), machine/latent.py
(state, notifiers), worker/base.py
(attach, disconnect), worker/manager.py (connections), worker/protocols/{base,pb,msgpack}.py, and
util/subscription.py; of Twisted: internet/base.py and python/threadpool.py (pool threads).
"""

from __future__ import annotations

import gc
import os
import pathlib
from collections.abc import Callable, Iterable
from types import GeneratorType
from typing import Any

from buildbot.interfaces import (
    ILatentMachine,
    LatentWorkerCannotSubstantiate,
    LatentWorkerSubstantiatiationCancelled,
)
from buildbot.machine.latent import AbstractLatentMachine
from buildbot.machine.latent import States as MachineStates
from buildbot.process.botmaster import BotMaster
from buildbot.util.deferwaiter import DeferWaiter
from buildbot.worker.base import AbstractWorker
from buildbot.worker.latent import AbstractLatentWorker, States
from buildbot.worker.manager import WorkerManager
from buildbot.worker.protocols import base as protocol_base
from buildbot.worker.protocols.manager.msgpack import (
    BuildbotWebSocketServerProtocol,
    ConnectioLostError,
    decode_http_authorization_header,
)
from buildbot.worker.protocols.manager.pb import Dispatcher
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import defer, error
from twisted.python import log
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.core.states import State

#: Called when a worker has not connected in its ``missing_timeout``.
MISSING_TIMER = "_missing_timer_fired"

#: Closes a connection of a worker's: Buildbot's own way to let it go.
DISCONNECT = "_disconnect"

#: Class -> attributes of it (or of its instances, where so marked) that must be there.
REQUIRED: dict[type, tuple[str, ...]] = {
    AbstractLatentWorker: (
        "state",
        "start_instance",
        "stop_instance",
        "check_instance",
        "substantiate",
        "insubstantiate",
        "attached",
        "buildStarted",
        "buildFinished",
        "stopService",
        MISSING_TIMER,
    ),
    AbstractWorker: (
        "detached",
        "pause",
        "reconfigService",
        "shutdown",
        "shutdownRequested",
        "putInQuarantine",
        "exitQuarantine",
        "resetQuarantine",
        DISCONNECT,
        "setServiceParent",
        "disownServiceParent",
    ),
    WorkerManager: ("workers", "newConnection"),
    BotMaster: ("cleanShutdown", "maybeStartBuildsForWorker"),
    DeferWaiter: ("has_waited", "wait"),
    protocol_base.Connection: ("notifyOnDisconnect", "notifyDisconnected"),
    Dispatcher: ("requestAvatarId",),
    BuildbotWebSocketServerProtocol: ("onConnect", "get_dispatcher"),
}

#: Where the name and the password of a worker are checked: Perspective Broker, msgpack.
GATES: tuple[tuple[type, str], ...] = (
    (Dispatcher, "requestAvatarId"),
    (BuildbotWebSocketServerProtocol, "onConnect"),
)

_STATES = {member: State(member.name.lower()) for member in States}


def missing() -> list[str]:
    """The names that this version of Buildbot lacks; empty when the plugin can work."""
    lost = [
        f"{cls.__module__}.{cls.__qualname__}.{name}"
        for cls, names in REQUIRED.items()
        for name in names
        if not hasattr(cls, name)
    ]
    unknown = {member.name.lower() for member in States} ^ {
        state.value for state in State if state is not State.UNKNOWN
    }
    return lost + [f"buildbot.worker.latent.States.{name.upper()}" for name in sorted(unknown)]


def state_of(raw: Any) -> State:
    """Our name of a state of Buildbot's; a value that is none of them is ``unknown``."""
    try:
        return _STATES[raw]
    except (KeyError, TypeError):
        return State.UNKNOWN


def latent_workers(master: Any) -> list[AbstractLatentWorker]:
    """The latent workers that the master runs now."""
    return [w for w in list(master.workers.workers.values()) if isinstance(w, AbstractLatentWorker)]


def _secret_manager(master: Any) -> Any:
    return getattr(master, "secrets_manager", None)


def held_secrets(master: Any) -> list[tuple[str, str]]:
    """The secrets (name, value) that providers of the master hold in memory, such as SecretInAFile."""
    found: list[tuple[str, str]] = []
    for provider in getattr(_secret_manager(master), "services", ()):
        held = vars(provider).get("secrets")
        if isinstance(held, dict):
            found.extend((str(n), v) for n, v in list(held.items()) if isinstance(v, str))
    return found


def on_secret(master: Any, told: Callable[[str, Any], None]) -> Callable[[], None]:
    """Call `told` with name and value of each secret that the master gives out; call the answer to end.

    Who asked for it gets the same answer at the same time.
    """
    manager = _secret_manager(master)
    if manager is None:
        return lambda: None
    before = manager.get
    own = vars(manager).get("get")

    def get(*args: Any, **kwargs: Any) -> Any:
        answer = before(*args, **kwargs)
        if isinstance(answer, defer.Deferred):
            answer.addCallback(seen)
        return answer

    def seen(details: Any) -> Any:
        try:
            if details is not None:
                told(str(details.key), details.value)
        except Exception:
            log_error(None, "lifecycle: while looking at a secret that was given out")
        return details

    manager.get = get

    def end() -> None:
        if vars(manager).get("get") is not get:
            return  # somebody else stands before us by now, and ours hands on as before
        if own is None:
            del manager.get
        else:
            manager.get = own

    return end


def lock_is_held(worker: Any) -> bool:
    """Whether a start, stop or check is under way, as Buildbot sees it."""
    return bool(worker._start_stop_lock.locked)


def is_half_insubstantiated(worker: Any) -> bool:
    """INSUBSTANTIATING with a free lock: a BaseException left ``insubstantiate`` half way.

    None of Buildbot's code is left to walk back from there, and its stopService would loop for ever.
    """
    stopping = (States.INSUBSTANTIATING, States.INSUBSTANTIATING_SUBSTANTIATING)
    return worker.state in stopping and not lock_is_held(worker)


def finish_half_insubstantiated(worker: Any) -> bool:
    """Put such a worker back to rest. The one place that sets a worker's state (DESIGN, section 6)."""
    if not is_half_insubstantiated(worker):
        return False
    worker.substantiation_build = None
    if worker.state is States.INSUBSTANTIATING_SUBSTANTIATING:
        worker.state = States.INSUBSTANTIATING  # by Buildbot's own way, that knows no shorter one
    worker.state = States.NOT_SUBSTANTIATED
    if worker._substantiation_notifier:
        worker._substantiation_notifier.notify(
            Failure(LatentWorkerSubstantiatiationCancelled())  # type: ignore[no-untyped-call]
        )
    if worker.botmaster is not None:
        worker.botmaster.maybeStartBuildsForWorker(worker.name)
    return True


def is_forgotten(worker: Any) -> bool:
    """Whether a build waits for a worker that is at rest, and that nobody will start for it.

    Asked again while it waits for the lock with its connection gone, Buildbot lets the insubstantiate
    that is to lead to the build's start wait behind another one. That one puts the worker to rest, the
    second finds nothing to do, and the build is not told. Nor can it be stopped.
    """
    return worker.state is States.NOT_SUBSTANTIATED and bool(worker._substantiation_notifier)


def cancel_forgotten(worker: Any) -> bool:
    """Tell such a build that its start was called off, as Buildbot would: it is retried."""
    if not is_forgotten(worker):
        return False
    worker._substantiation_notifier.notify(
        Failure(LatentWorkerSubstantiatiationCancelled())  # type: ignore[no-untyped-call]
    )
    return True


def is_attached(worker: Any) -> bool:
    """Whether an ``attached`` that has returned went well: Buildbot swallows its errors.

    A worker with a negative ``build_wait_timeout`` may attach in any state.
    """
    return worker.build_wait_timeout < 0 or worker.state is States.SUBSTANTIATED


def leave_machine_wait(worker: Any) -> None:
    """Leave SUBSTANTIATING with a free lock (a latent machine is starting) before a stop.

    Buildbot's stopService would loop for ever there, synchronously: it waits for a lock that is free.
    """
    if worker.state is States.SUBSTANTIATING and not lock_is_held(worker):
        worker.insubstantiate().addErrback(log_error, "lifecycle: while leaving a machine's start")


def may_connect_by_itself(worker: Any) -> bool:
    """Whether the worker may be connected while it is not substantiated."""
    # before its first reconfigService a worker has no build_wait_timeout yet
    return getattr(worker, "build_wait_timeout", 0) < 0 or bool(worker.starts_without_substantiate)


def configured(worker: Any) -> dict[str, Any]:
    """What is used of a worker's configuration, as JSON. A reconfiguration can change all of it."""
    machine = latent_machine(worker)
    return {
        "may_connect": may_connect_by_itself(worker),
        # before its first reconfigService a worker has none
        "build_wait_timeout": getattr(worker, "build_wait_timeout", None),
        "missing_timeout": worker.missing_timeout or None,
        "machine": None if machine is None else str(machine.name),
    }


def is_graceful(worker: Any) -> bool:
    """Whether the worker was asked to shut down gracefully; only ``attached`` takes that back."""
    return bool(getattr(worker, "_graceful", False))


def quarantine_until(worker: Any) -> float | None:
    """When Buildbot's quarantine of a worker ends (epoch seconds); None: it is in none."""
    timer = worker.quarantine_timer
    return float(timer.getTime()) if timer is not None and timer.active() else None


def is_quarantine_longer(worker: Any) -> bool:
    """Whether the next quarantine would be longer than the first."""
    return bool(worker.quarantine_timeout != worker.quarantine_initial_timeout)


def is_shutting_down(master: Any) -> bool:
    """Whether the master is on its way down, so that it closes connections by itself."""
    return bool(getattr(getattr(master, "botmaster", None), "shuttingDown", False))


def missing_deadline(worker: Any) -> float | None:
    """When Buildbot gives up the start that it waits for (epoch seconds); None: it waits for none."""
    timer = worker.missing_timer
    return float(timer.getTime()) if timer is not None and timer.active() else None


def missing_deadline_of_next(worker: Any, now: float) -> float | None:
    """The same of the start that ``substantiate`` will make or join, were it called now."""
    if worker.substantiated or worker.state is States.SHUT_DOWN:
        return None
    joined = (
        States.SUBSTANTIATING,
        States.SUBSTANTIATING_STARTING,
        States.INSUBSTANTIATING_SUBSTANTIATING,
    )
    if worker.state in joined:
        return missing_deadline(worker)
    return now + worker.missing_timeout if worker.missing_timeout else None


def latent_machine(worker: Any) -> Any | None:
    """The latent machine that the worker runs on; None if there is none."""
    machine = worker.machine
    return machine if machine is not None and ILatentMachine.providedBy(machine) else None


def is_between(machine: Any) -> bool:
    """Whether a latent machine is starting or stopping, as Buildbot sees it."""
    return isinstance(machine, AbstractLatentMachine) and machine.state in (
        MachineStates.STARTING,
        MachineStates.STOPPING,
    )


def finish_half_machine(machine: Any, error: Exception) -> bool:
    """Put a latent machine to rest whose start or stop a BaseException has broken off.

    Nothing of Buildbot's code is left that would do so, and every later start of its workers waits
    for it. Those who wait already get the error, and walk back.
    """
    if not is_between(machine):
        return False
    machine.state = MachineStates.STOPPED
    for waiters in (machine._start_notifier, machine._stop_notifier):
        if waiters:
            waiters.notify(Failure(error))  # type: ignore[no-untyped-call]
    return True


def release_found(worker: Any, error: Exception) -> bool:
    """End the wait for a call that was under way before the probe came; False if none is found.

    There is no wrapper to settle, so the Deferred is found on which Buildbot's own generator waits:
    Twisted keeps the generator among the arguments of that Deferred's callback.
    """
    waited_for: list[Any] = [d for d in gc.get_objects() if type(d) is defer.Deferred]
    for deferred in [d for d in waited_for if not d.called]:
        if any(_is_waited_for_by(worker, callback) for callback in deferred.callbacks):
            deferred.errback(error)
            return True
    return False


def _is_waited_for_by(worker: Any, callback: Any) -> bool:
    names = ("insubstantiate", "_substantiate", "_check_instance_timer_fired_impl")
    for part in callback[0][1] if isinstance(callback[0], tuple) else ():
        # anybody's objects are among the arguments: a lazy one would fetch what it is asked for
        frame = part.gi_frame if type(part) is GeneratorType else None
        if frame is None or frame.f_code.co_name not in names:
            continue
        # waiting for the lock is not waiting for the driver: only the owner of the lock is
        if frame.f_locals.get("self") is worker and lock_is_held(worker):
            return not _is_lock_wait(worker, callback)
    return False


def _is_lock_wait(worker: Any, callback: Any) -> bool:
    # by identity: an `==` would ask the arguments of callbacks, which may be anybody's objects
    return any(
        callback is other
        for waiting in getattr(worker._start_stop_lock, "waiting", ())
        for other in waiting.callbacks
    )


def cancelled_substantiation() -> Exception:
    """What Buildbot takes for a substantiation that was called off: it retries the build."""
    error: Exception = LatentWorkerSubstantiatiationCancelled()
    return error


def how_not_substantiated(problem: Failure) -> str:
    """Of which kind is what Buildbot gave a build in place of its worker."""
    if problem.check(LatentWorkerSubstantiatiationCancelled):  # type: ignore[no-untyped-call]
        return "cancelled"
    if problem.check(LatentWorkerCannotSubstantiate):  # type: ignore[no-untyped-call]
        return "build_refused"
    if problem.check(defer.TimeoutError):  # type: ignore[no-untyped-call]
        return "timeout"
    return "failed"


# logins

#: How the msgpack protocol, which is HTTP at first, says that name or password are wrong.
_UNAUTHORIZED = 401


def worker_of_login(gate: Any, asked: Any, problem: Failure) -> Any | None:
    """The worker whose name came with a wrong password; None if that is not what went wrong."""
    if isinstance(gate, Dispatcher):
        if not problem.check(UnauthorizedLogin):  # type: ignore[no-untyped-call]
            return None
        master, name = gate.master, asked.username
    else:
        if getattr(problem.value, "code", None) != _UNAUTHORIZED:
            return None
        master = gate.get_dispatcher().master
        name = decode_http_authorization_header(asked.headers["authorization"])[0]
    if isinstance(name, bytes):
        name = name.decode("utf-8", "replace")
    return master.workers.workers.get(name)


# connections


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
        return cut(str(conn.get_peer()), 200) or ""
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
        if not issubclass(type(conn), protocol_base.Connection):
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


def has_unfinished(worker: Any) -> bool:
    """Whether Buildbot's stop of this worker would wait for something (its _deferwaiter)."""
    return bool(worker._deferwaiter.has_waited())


def end_lost_wait(worker: Any) -> bool:
    """Let a worker's stop go on although its _deferwaiter still counts something; False if it does not.

    What it counts may have been collected as garbage: of a connection that was refused, nothing refers to
    the Deferred but the connection, and nobody refers to that.
    """
    notifier = getattr(worker._deferwaiter, "_finish_notifier", None)
    if notifier is None or not has_unfinished(worker):
        return False
    notifier.notify(None)
    return True


def pause_reason(worker: Any) -> str | None:
    """Why the worker is paused; None if it is not, or nobody said."""
    return cut(getattr(worker, "_pause_reason", None), 1000)


# builds


def describe_build(build: Any) -> dict[str, Any]:
    """A build as JSON: buildid, builderid, builder, number; None for what is not known yet."""
    builder = getattr(build, "builder", None)
    try:
        builderid = build.getProperty("builderid")
    except Exception:
        builderid = None
    return {
        "buildid": getattr(build, "buildid", None),
        "builderid": builderid if isinstance(builderid, int) else None,
        "builder": str(getattr(builder, "name", "")),
        "number": getattr(build, "number", None),
    }


def build_of(wfb: Any) -> dict[str, Any]:
    """The build for which a WorkerForBuilder is taken, as `describe_build` tells it."""
    builder = getattr(wfb, "builder", None)
    for build in reversed(list(getattr(builder, "building", None) or ())):
        if getattr(build, "workerforbuilder", None) is wfb:
            return describe_build(build)
    return {
        "buildid": None,
        "builderid": None,
        "builder": str(getattr(wfb, "builder_name", "")),
        "number": None,
    }


def builds_of(worker: Any) -> list[dict[str, Any]]:
    """The builds for which a worker is taken now."""
    return [build_of(wfb) for wfb in worker.building]


# process


def busy_threads(reactor: Any) -> int:
    """Threads of the reactor's pool that are in a call now; they would keep the process from ending."""
    pool = getattr(reactor, "threadpool", None)
    if pool is None:
        return 0
    try:
        return len(pool.working)
    except Exception:
        return 0


def leave_process(basedir: str) -> None:
    """End the process at once, although a thread is blocked; its pid file goes with it."""
    pidfile = pathlib.Path(basedir) / "twistd.pid"
    try:
        if pidfile.read_text().strip() == str(os.getpid()):
            pidfile.unlink()
    except (OSError, ValueError):
        pass
    os._exit(0)


def log_lines(lines: Iterable[str]) -> None:
    """Write lines to the master's log."""
    for line in lines:
        log.msg(f"lifecycle: {line}")


def log_error(problem: BaseException | Failure | None, text: str) -> None:
    """Log an exception (None: the current one) with its traceback. Also fits ``addErrback``."""
    log.err(problem, text)  # type: ignore[no-untyped-call]


# where a call hangs (`awaited` and `where`)

#: What Twisted keeps of a generator or coroutine that it drives.
GENERATOR_STATUS: Any = getattr(defer, "_CancellationStatus", None)

#: Attributes of a Deferred without which nobody can tell where a call hangs; all else works then.
REQUIRED_BY_WHERE = ("called", "_canceller", "_chainedTo")


def missing_for_where() -> list[str]:
    """The names that this version of Twisted lacks; empty when `where` may be tried."""
    deferred: defer.Deferred[None] = defer.Deferred()
    lost = [name for name in REQUIRED_BY_WHERE if not hasattr(deferred, name)]
    if not hasattr(deferred, "_callbacks") and not hasattr(deferred, "callbacks"):
        lost.append("_callbacks")
    lost = [f"twisted.internet.defer.Deferred.{name}" for name in lost]
    if GENERATOR_STATUS is None:
        lost.append("twisted.internet.defer._CancellationStatus")
    return lost
