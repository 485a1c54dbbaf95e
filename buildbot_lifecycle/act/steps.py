"""How each step of a plan (`core.ladder`) is done on a live worker, and what shows that it worked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

from buildbot_lifecycle.act import holds
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.host import builds, connections, machines, waits, workers
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.watch.calls import ReleasedError
from buildbot_lifecycle.watch.machines import MACHINE_CALLS
from buildbot_lifecycle.watch.probe import PROBE


def waited_for(known: Known, step: Step) -> tuple[str, str, Hashable]:
    """What a step would end: the very call or connection, so that it is known again when met again."""
    worker = known.watched.worker
    what: Hashable = known.facts.state_since
    if step.step == "end_wait" and known.watched.waiting(step.target):
        what = tuple(call.token for call in known.watched.waiting(step.target))
    elif step.target == "connection":
        what = worker.conn
    elif step.target == "old connection":
        what = connections.held_connection(worker)
    elif step.target == "login":
        what = tuple(known.watched.logins)
    return (step.step, step.target, what)


@dataclasses.dataclass
class Deed:
    """A step that was done: how to see its effect, and what is to be said where it has not come."""

    step: Step
    came: Callable[[], bool] = lambda: True
    missing: str = "no effect was seen"
    raised: bool = False
    #: a later rung was tried in its place
    replaced: bool = False

    @property
    def has_come(self) -> bool:
        return not self.raised and self.came()

    def told(self) -> Step:
        """The step as it is to be written down now."""
        if self.raised or self.replaced:
            return self.step
        if self.came():
            return dataclasses.replace(self.step, done=True)
        return dataclasses.replace(self.step, done=False, detail=self.missing)


class Steps:
    """The steps of one release of one worker. Never raises.

    ``by`` is what Buildbot gets to hear, and broadcasts: a number, no words of an operator.
    """

    def __init__(self, known: Known, by: str) -> None:
        self._known = known
        self._worker = known.watched.worker
        self._by = by

    def do(self, step: Step) -> Deed:
        """Do it; what is raised is written down as the step's failure."""
        try:
            return self._doings(step)
        except Exception as error:
            log_error(error, f"lifecycle: while doing {step.step} on {self._known.name}")
            failed = dataclasses.replace(step, done=False, detail=str(error))
            return Deed(failed, raised=True, missing=str(error))

    def _doings(self, step: Step) -> Deed:
        way = _WAYS.get((step.step, step.target)) or _WAYS[step.step, ANY]
        return way(self, step)

    def _pause(self, step: Step) -> Deed:
        holds.pause(self._known, f"force disconnect, {self._by}")
        return Deed(step, lambda: bool(self._worker.isPaused()), "the worker is not paused")

    def _cancel_forgotten(self, step: Step) -> Deed:
        worker = self._worker
        if not workers.cancel_forgotten(worker):
            return Deed(dataclasses.replace(step, detail="it had been told already"))
        return Deed(step, lambda: not workers.is_forgotten(worker), "the build still waits")

    def _finish_lost(self, step: Step) -> Deed:
        lost = [build for build in self._known.watched.lost_builds if builds.is_building(build)]
        for build in lost:
            finishing = builds.finish_lost(build)
            finishing.addErrback(log_error, "lifecycle: while a lost build is ended")
        return Deed(
            step,
            lambda: not any(builds.is_building(build) for build in lost),
            "Buildbot has not ended the build",
        )

    def _cancel(self, step: Step) -> Deed:
        worker, known = self._worker, self._known
        before = known.facts.state
        moved = self._moved()
        known.watched.called_off_by = self._by
        cancelling = worker.insubstantiate()
        cancelling.addErrback(log_error, "lifecycle: while cancelling")
        cancelling.addBoth(lambda _: setattr(known.watched, "called_off_by", None))
        return Deed(step, moved, f"the worker is still {before.value}")

    def _abort_logins(self, step: Step) -> Deed:
        watched = self._known.watched
        logins = list(watched.logins)
        for login in logins:
            connections.abort(login.conn)
        return Deed(
            dataclasses.replace(step, detail=f"{len(logins)} aborted"),
            lambda: not any(login in watched.logins for login in logins),
            "the login has not ended",
        )

    def _deliver_refused(self, step: Step) -> Deed:
        watched = self._known.watched
        held = watched.held
        for refused in held:
            refused.by_release = True
            PROBE.deliver(watched, refused)
        return Deed(
            dataclasses.replace(step, detail=f"{len(held)} dropped"),
            lambda: all(refused.delivered for refused in held),
            "a refused connection has not closed",
        )

    def _end_connection(self, step: Step) -> Deed:
        """Abort a connection that Buildbot holds, or tell Buildbot that it has gone."""
        worker = self._worker
        is_old = step.target == "old connection"
        held = connections.held_connection if is_old else _own_connection
        conn = held(worker)
        if conn is None:
            return Deed(dataclasses.replace(step, detail="it had gone already"))
        tells = step.step == "deliver_disconnection"
        if tells or (is_old and connections.is_closed(conn)):
            connections.deliver_disconnection(worker.master, worker.name, conn)
        else:
            connections.abort(conn)
        its = "the older connection" if is_old else "the connection"
        missing = f"Buildbot still holds {its}" if tells else f"{its} is still held"
        return Deed(step, lambda: held(worker) is not conn, missing)

    def _end_found(self, step: Step) -> Deed:
        goes_on = self._goes_on()
        error = ReleasedError(f"what Buildbot waited for was released ({self._by})")
        found = waits.release_found(self._worker, error)
        text = "Buildbot does not go on" if found else "what Buildbot waits for was not found"
        return Deed(step, goes_on, text)

    def _end_half(self, step: Step) -> Deed:
        worker = self._worker
        workers.finish_half_insubstantiated(worker)
        return Deed(
            step,
            lambda: not workers.is_half_insubstantiated(worker),
            "the worker is still half way",
        )

    def _end_half_machine(self, step: Step) -> Deed:
        watched = self._known.watched
        text = f"the wait for a machine whose call broke off was ended ({self._by})"
        machines.finish_half_machine(PROBE.half_machine(watched), ReleasedError(text))
        return Deed(
            step, lambda: PROBE.half_machine(watched) is None, "the machine still starts or stops"
        )

    def _end_call(self, step: Step) -> Deed:
        worker, goes_on = self._worker, self._goes_on()
        in_use = workers.state_of(worker.state) is State.SUBSTANTIATED
        waiting = self._known.watched.waiting(step.target)
        released = [call.release(self._by, in_use=in_use) for call in waiting]
        if not any(released):
            return Deed(dataclasses.replace(step, detail="it had ended already"))
        if step.target in MACHINE_CALLS:
            machine = machines.latent_machine(worker)
            return Deed(
                step,
                lambda: machine is None or not machines.is_between(machine),
                "the machine still starts or stops",
            )
        return Deed(step, goes_on, f"Buildbot does not go on from {step.target}")

    # what shows that Buildbot has gone on

    def _moved(self) -> Callable[[], bool]:
        """Whether the state is another one than now, or the same entered anew."""
        known, before = self._known, self._known.facts
        return lambda: (
            known.facts.state is not before.state or known.facts.state_since != before.state_since
        )

    def _goes_on(self) -> Callable[[], bool]:
        """Whether the state has changed, or Buildbot's lock is free: a call holds it while it lasts."""
        moved = self._moved()
        return lambda: moved() or not workers.lock_is_held(self._worker)


def _own_connection(worker: Any) -> Any:
    return worker.conn


#: In place of a target: any other one.
ANY = ""

#: How each step is done, by its word and its target.
_WAYS: dict[tuple[str, str], Callable[[Steps, Step], Deed]] = {
    ("pause", ANY): Steps._pause,
    ("cancel_substantiation", "forgotten build"): Steps._cancel_forgotten,
    ("cancel_substantiation", ANY): Steps._cancel,
    ("finish_build", ANY): Steps._finish_lost,
    ("abort_connection", "login"): Steps._abort_logins,
    ("abort_connection", ANY): Steps._end_connection,
    ("deliver_disconnection", "refused connections"): Steps._deliver_refused,
    ("deliver_disconnection", ANY): Steps._end_connection,
    ("end_wait", "found"): Steps._end_found,
    ("end_wait", "state"): Steps._end_half,
    ("end_wait", "machine"): Steps._end_half_machine,
    ("end_wait", ANY): Steps._end_call,
}
