"""Latent machines: the instance of their workers is the machine, which Buildbot can start and stop.

There is nobody to ask whether a machine is on: its actions are commands, or a request. So `gone` is not
offered, unless the machine's class has methods `lifecycle_...`, as a worker class may.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.clouds import private
from buildbot_lifecycle.clouds.hooks import METHODS, awaited
from buildbot_lifecycle.clouds.values import Can, CannotTell, Why

#: What every latent machine can.
CAN = frozenset({Can.NAME, Can.END})


def machine_of(worker: Any) -> Any:
    """The latent machine that the worker is on; None if it is on none."""
    machine = getattr(worker, "machine", None)
    names = {f"{cls.__module__}.{cls.__qualname__}" for cls in type(machine).__mro__}
    return machine if private.MACHINE in names else None


def named(worker: Any, name: str | None) -> Any:
    """The worker's machine, if it is called so: it is no instance of the worker's driver then."""
    machine = machine_of(worker)
    if machine is None or name != private.read(machine, private.MACHINE, "name"):
        return None
    return machine


def hook(worker: Any, ability: Can) -> Callable[..., Any] | None:
    """What the worker's machine can say or do of this; None if it is on none, or the machine cannot."""
    machine = machine_of(worker)
    if machine is None or ability not in METHODS:
        return None
    method = getattr(machine, METHODS[ability], None)
    if callable(method):
        return method  # type: ignore[no-any-return]
    if ability is Can.NAME:
        return lambda: private.read(machine, private.MACHINE, "name")
    if ability is Can.END:
        return lambda name: _stop(machine, name)
    return None


def _stop(machine: Any, name: str) -> defer.Deferred[Any]:
    """The machine's own stop action, past Buildbot's states: it may be on and Buildbot not know."""
    if name != machine.name:
        raise CannotTell(Why.NOT_CONFIGURED, f"the worker's machine is {machine.name}, not {name}")
    return awaited(private.read(machine, private.MACHINE, "stop_machine")())
