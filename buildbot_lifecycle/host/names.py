"""The classes and functions of Buildbot's that this room takes, looked up without failing.

A plain import of a name that is gone would end the import of `LifecycleService`, and with it master.cfg:
the master would not start. So a name that is gone is noted in `LOST`, its place is taken by a class that
nothing is of, and `required.missing` tells it.
"""

from __future__ import annotations

import enum
import importlib
from typing import Any

#: Full names of what this Buildbot lacks.
LOST: list[str] = []


def _taken(module: str, name: str, otherwise: Any = None) -> Any:
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError):
        LOST.append(f"{module}.{name}")
        return otherwise if otherwise is not None else type(name, (Exception,), {})


def _states(module: str) -> Any:
    return _taken(module, "States", enum.Enum("States", []))


# how a start is refused or called off
ILatentMachine = _taken("buildbot.interfaces", "ILatentMachine")
LatentWorkerCannotSubstantiate = _taken("buildbot.interfaces", "LatentWorkerCannotSubstantiate")
LatentWorkerFailedToSubstantiate = _taken("buildbot.interfaces", "LatentWorkerFailedToSubstantiate")
LatentWorkerSubstantiatiationCancelled = _taken(
    "buildbot.interfaces", "LatentWorkerSubstantiatiationCancelled"
)

# workers and machines
AbstractWorker = _taken("buildbot.worker.base", "AbstractWorker")
AbstractLatentWorker = _taken("buildbot.worker.latent", "AbstractLatentWorker")
States = _states("buildbot.worker.latent")
AbstractLatentMachine = _taken("buildbot.machine.latent", "AbstractLatentMachine")
MachineStates = _states("buildbot.machine.latent")
DeferWaiter = _taken("buildbot.util.deferwaiter", "DeferWaiter")
Notifier = _taken("buildbot.util", "Notifier")

# their connections
WorkerManager = _taken("buildbot.worker.manager", "WorkerManager")
Connection = _taken("buildbot.worker.protocols.base", "Connection")
PBConnection = _taken("buildbot.worker.protocols.pb", "Connection")
MsgpackConnection = _taken("buildbot.worker.protocols.msgpack", "Connection")
Dispatcher = _taken("buildbot.worker.protocols.manager.pb", "Dispatcher")
_MSGPACK = "buildbot.worker.protocols.manager.msgpack"
BuildbotWebSocketServerProtocol = _taken(_MSGPACK, "BuildbotWebSocketServerProtocol")
ConnectioLostError = _taken(_MSGPACK, "ConnectioLostError")
decode_http_authorization_header = _taken(_MSGPACK, "decode_http_authorization_header")

# builds and the master
Build = _taken("buildbot.process.build", "Build")
Builder = _taken("buildbot.process.builder", "Builder")
AbstractWorkerForBuilder = _taken("buildbot.process.workerforbuilder", "AbstractWorkerForBuilder")
BotMaster = _taken("buildbot.process.botmaster", "BotMaster")
BuildMaster = _taken("buildbot.master", "BuildMaster")
SecretManager = _taken("buildbot.secrets.manager", "SecretManager")
