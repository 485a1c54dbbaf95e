"""The names of Buildbot without which what is recorded would not be true; looked at at start.

An attribute of a class is asked for. One that only instances have is looked for in the code of the class
and its bases, as an assignment: to make an instance would run Buildbot's constructor, and a driver's,
which an observer may not; the first worker may come long after the start.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Iterator
from types import CodeType
from typing import Any

from twisted.internet.abstract import FileDescriptor
from twisted.internet.base import DelayedCall
from twisted.internet.defer import DeferredLock
from twisted.python.threadpool import ThreadPool
from twisted.spread import pb

from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.host import names
from buildbot_lifecycle.host.workers import DISCONNECT, MISSING_TIMER

#: Class -> attributes that it or its instances must have. What every service of Buildbot's has is not
#: here (`SERVICES`): without that, our own could not be started.
REQUIRED: dict[type, tuple[str, ...]] = {
    names.AbstractLatentWorker: (
        "state",
        "start_instance",
        "stop_instance",
        "check_instance",
        "substantiate",
        "substantiated",
        "insubstantiate",
        "attached",
        "buildStarted",
        "buildFinished",
        "building",
        "build_wait_timeout",
        "starts_without_substantiate",
        "substantiation_build",
        "_start_stop_lock",
        "_substantiation_notifier",
        "_substantiate",
        "_check_instance_timer_fired_impl",
        MISSING_TIMER,
    ),
    names.AbstractWorker: (
        "workerid",
        "conn",
        "manager",
        "machine",
        "botmaster",
        "detached",
        "pause",
        "unpause",
        "isPaused",
        "shutdown",
        "shutdownRequested",
        "putInQuarantine",
        "exitQuarantine",
        "resetQuarantine",
        "quarantine_timer",
        "quarantine_timeout",
        "quarantine_initial_timeout",
        "missing_timeout",
        "missing_timer",
        "lastMessageReceived",
        "_deferwaiter",
        "_graceful",
        "_pause_reason",
        DISCONNECT,
    ),
    names.AbstractLatentMachine: (
        "state",
        "workers",
        "start_machine",
        "stop_machine",
        "_start_notifier",
        "_stop_notifier",
    ),
    names.WorkerManager: ("workers", "connections", "newConnection"),
    names.Connection: ("get_peer", "notifyOnDisconnect", "notifyDisconnected", "remotePrint"),
    names.PBConnection: ("mind", "worker"),
    names.MsgpackConnection: ("protocol", "worker"),
    names.Dispatcher: ("requestAvatarId",),
    names.BuildbotWebSocketServerProtocol: ("onConnect", "get_dispatcher"),
    names.DeferWaiter: ("has_waited", "wait", "_finish_notifier"),
    names.Notifier: ("notify", "__bool__"),
    names.Build: (
        "builder",
        "buildid",
        "number",
        "stopped",
        "workerforbuilder",
        "getProperty",
        "finished",
        "results",
        "buildFinished",
        "startBuild",
        "stopBuildConsumer",
        "_start_next_step_impl",
        "_buildid_notifier",
    ),
    names.Builder: ("building", "buildFinished"),
    names.AbstractWorkerForBuilder: ("builder", "builder_name", "ping"),
    names.BotMaster: ("cleanShutdown", "maybeStartBuildsForWorker", "shuttingDown"),
    names.BuildMaster: (
        "basedir",
        "botmaster",
        "config",
        "data",
        "db",
        "masterid",
        "mq",
        "reactor",
        "reconfig_active",
        "secrets_manager",
        "service_manager",
        "wamp",
        "workers",
        "www",
    ),
    names.SecretManager: ("get",),
    # Twisted's
    DeferredLock: ("locked", "waiting"),
    DelayedCall: ("active", "getTime"),
    FileDescriptor: ("dataBuffer", "offset", "_tempDataBuffer", "_tempDataLen", "loseConnection"),
    ThreadPool: ("working", "threads", "adjustPoolsize"),
    pb.Broker: ("disconnected", "notifyOnDisconnect"),
    pb.RemoteReference: ("broker",),
}


#: Attributes of Twisted's and Buildbot's services, of which workers, machines and the master are.
SERVICES = (
    "name",
    "master",
    "parent",
    "running",
    "services",
    "namedServices",
    "setServiceParent",
    "disownServiceParent",
    "reconfigService",
    "stopService",
)


def missing() -> list[str]:
    """The names that this version of Buildbot lacks; empty when the plugin can work."""
    if names.LOST:
        return list(names.LOST)
    lost = [
        f"{cls.__module__}.{cls.__qualname__}.{name}"
        for cls, required in REQUIRED.items()
        for name in required
        if not has(cls, name)
    ]
    unknown = {member.name.lower() for member in names.States} ^ {
        state.value for state in State if state is not State.UNKNOWN
    }
    return lost + [f"buildbot.worker.latent.States.{name.upper()}" for name in sorted(unknown)]


def has(cls: type, name: str) -> bool:
    """Whether a class, or each of its instances as far as its code tells, has an attribute."""
    return hasattr(cls, name) or any(
        _assigns(code, name) for base in cls.__mro__ for code in _codes(base)
    )


def _codes(cls: type) -> Iterator[CodeType]:
    for value in vars(cls).values():
        # a static or class method, a property, and what a decorator has wrapped
        for function in (value, getattr(value, "__func__", None), getattr(value, "fset", None)):
            code = getattr(_unwrapped(function), "__code__", None)
            if isinstance(code, CodeType):
                yield code


def _unwrapped(function: Any) -> Any:
    return inspect.unwrap(function) if callable(function) else function


def _assigns(code: CodeType, name: str) -> bool:
    if name in code.co_names and any(
        step.opname == "STORE_ATTR" and step.argval == name for step in dis.get_instructions(code)
    ):
        return True
    return any(_assigns(part, name) for part in code.co_consts if isinstance(part, CodeType))
