"""Of a worker: state, lock, what it waits for, how it is configured.

From worker/latent.py, worker/base.py and util/deferwaiter.py of Buildbot 4.3.0.
"""

from __future__ import annotations

import functools
from typing import Any

from twisted.internet import defer
from twisted.python.failure import Failure

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.host import clock
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.machines import latent_machine
from buildbot_lifecycle.host.names import (
    AbstractLatentWorker,
    LatentWorkerCannotSubstantiate,
    LatentWorkerFailedToSubstantiate,
    LatentWorkerSubstantiatiationCancelled,
    States,
)

#: Called when a worker has not connected in its ``missing_timeout``.
MISSING_TIMER = "_missing_timer_fired"


#: Closes a connection of a worker's: Buildbot's own way to let it go.
DISCONNECT = "_disconnect"


# a state that is new to us must not end the import: `required.missing` tells it
_STATES = {
    member: State(member.name.lower())
    for member in States
    if member.name.lower() in {state.value for state in State}
}


def state_of(raw: Any) -> State:
    """Our name of a state of Buildbot's; a value that is none of them is ``unknown``."""
    try:
        return _STATES[raw]
    except (KeyError, TypeError):
        return State.UNKNOWN


def latent_workers(master: Any) -> list[AbstractLatentWorker]:
    """The latent workers that the master runs now."""
    return [w for w in list(master.workers.workers.values()) if isinstance(w, AbstractLatentWorker)]


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
    """Put such a worker back to rest. The one place that sets a worker's state: see docs/architecture."""
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
    But its ``_substantiate`` goes on when the machine is up, for a worker that has been stopped by then.
    Nobody would stop that instance, so none is started.
    """
    if worker.state is States.SUBSTANTIATING and not lock_is_held(worker):
        worker.start_instance = functools.partial(_start_no_more, worker.name)
        worker.stop_instance = _nothing_to_stop
        worker.insubstantiate().addErrback(log_error, "lifecycle: while leaving a machine's start")


def _start_no_more(name: str, _build: Any) -> defer.Deferred[bool]:
    why = "it was stopped while its machine started"
    return defer.fail(LatentWorkerFailedToSubstantiate(name, why))


def _nothing_to_stop(*_: Any, **__: Any) -> defer.Deferred[bool]:
    return defer.succeed(True)


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
    """When Buildbot's quarantine of a worker ends (steady); None: it is in none."""
    return _time_of(worker, worker.quarantine_timer)


def _time_of(worker: Any, timer: Any) -> float | None:
    """When a timer of Buildbot's comes. It follows the wall clock, and moves when somebody sets that."""
    if timer is None or not timer.active():
        return None
    return float(clock.of(worker.master.reactor).ahead(timer.getTime()))


def is_quarantine_longer(worker: Any) -> bool:
    """Whether the next quarantine would be longer than the first."""
    return bool(worker.quarantine_timeout != worker.quarantine_initial_timeout)


def control(master: Any, workerid: int, action: str, reason: str) -> defer.Deferred[bool]:
    """Ask for what Buildbot's own buttons on a worker ask for; fires with True once it is on its way."""
    asked = defer.maybeDeferred(
        master.data.control, action, {"reason": reason}, ("workers", str(workerid))
    )
    return asked.addCallback(lambda _: True)


def pause_reason(worker: Any) -> str | None:
    """Why the worker is paused; None if it is not, or nobody said."""
    return cut(getattr(worker, "_pause_reason", None), MAX_LINE)


async def stored_pause_reason(worker: Any) -> str | None:
    """Why a worker of this name was paused last, as Buildbot's database has it.

    Buildbot starts a worker with the pause from there and without its reason, which it loses for good
    when the worker attaches.
    """
    found = await worker.master.data.get(("workers", worker.workerid))
    return None if found is None else cut(found.get("pause_reason"), MAX_LINE)


def missing_deadline(worker: Any) -> float | None:
    """When Buildbot gives up the start that it waits for (steady); None: it waits for none."""
    return _time_of(worker, worker.missing_timer)


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
