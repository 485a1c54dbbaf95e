"""The names of Buildbot without which nothing can be recorded; looked at when the service starts."""

from __future__ import annotations

from buildbot.process.botmaster import BotMaster
from buildbot.util.deferwaiter import DeferWaiter
from buildbot.worker.base import AbstractWorker
from buildbot.worker.latent import AbstractLatentWorker, States
from buildbot.worker.manager import WorkerManager
from buildbot.worker.protocols import base as protocol_base
from buildbot.worker.protocols.manager.msgpack import (
    BuildbotWebSocketServerProtocol,
)
from buildbot.worker.protocols.manager.pb import Dispatcher

from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.host.workers import DISCONNECT, MISSING_TIMER

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
