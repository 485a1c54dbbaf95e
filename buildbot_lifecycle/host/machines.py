"""Latent machines, on which workers run. From machine/latent.py of Buildbot 4.3.0."""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure

from buildbot_lifecycle.host.names import AbstractLatentMachine, ILatentMachine, MachineStates


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


def is_wanted(machine: Any) -> bool:
    """Whether Buildbot sees a latent machine as on, or about to be: it will stop it by itself."""
    return isinstance(machine, AbstractLatentMachine) and machine.state in (
        MachineStates.STARTING,
        MachineStates.STARTED,
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
