"""Deeds: the steps of a plan (`core.ladder`) on a live worker, each with a look whether it had an effect.

A connection that is aborted may stay, a wait that is ended may not have been the one that Buildbot was
in. So a step counts as done only once its effect has been seen; where it has not come after
`EFFECT_SECONDS`, that is said, and the next rung of the ladder is tried.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

from buildbot_lifecycle.act import holds
from buildbot_lifecycle.core import ladder
from buildbot_lifecycle.core.case import Case
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.states import RESTING, State
from buildbot_lifecycle.host import builds, connections, machines, waits, workers
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pauses import pause
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.master.situation import situation_of
from buildbot_lifecycle.watch import instance
from buildbot_lifecycle.watch.calls import ReleasedError
from buildbot_lifecycle.watch.machines import MACHINE_CALLS
from buildbot_lifecycle.watch.probe import PROBE

#: Seconds in which the effect of a step must be seen; then the next rung is tried.
EFFECT_SECONDS = 2.0

#: Seconds between two looks at it.
EFFECT_EVERY = 0.1


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


class Deeds:
    """One release of one worker, as it was looked at just now. Never raises.

    ``by`` is what Buildbot gets to hear, and broadcasts: a number, no words of an operator.
    """

    def __init__(self, clock: Any, known: Known, case: Case, by: str) -> None:
        self._clock = clock
        self._known = known
        self._worker = known.watched.worker
        self._case = case
        self._by = by
        self._deeds: list[Deed] = []
        # what the plan says is to be written down; None if an instance is not suspected
        self._orphan: Step | None = None
        #: the number of the entry that was opened
        self.orphan: int | None = None
        #: the facts before it, with the instance by the name that the driver has for it
        self.before = instance.with_name(case.facts, self._worker)
        # a connection that is refused only after the release is none of it
        self._knocking = (*known.watched.held, *known.watched.logins)

    def begin(self, *, pause: bool, last: bool = False) -> None:
        """Do every step of the plan, in its order. With ``last`` no further instance is wanted: a queued
        substantiation is cancelled although the worker is not paused."""
        for step in self._case.plan(pause=pause, last=last):
            if step.step == "open_orphan":
                self._orphan = step
            else:
                self._deeds.append(self._do(step))

    # the entry that the instance may run on, which others write

    @property
    def leaves_orphan(self) -> bool:
        """Whether it is still to be written down that the instance may run on."""
        return self._orphan is not None and not self._orphan.done

    def orphan_written(self, number: int) -> None:
        self.orphan = number
        self._set_orphan(done=True, detail=None)

    def orphan_kept(self) -> None:
        """It is not written yet, and will be: by the next start, if not by this process."""
        self._set_orphan(done=None, detail="not written yet; it is kept until it is")

    def orphan_failed(self, why: str) -> None:
        self._set_orphan(done=False, detail=why)

    def _set_orphan(self, *, done: bool | None, detail: str | None) -> None:
        if self._orphan is not None:
            self._orphan = dataclasses.replace(self._orphan, done=done, detail=detail)

    # how it went

    @property
    def steps(self) -> list[Step]:
        """What was done so far, as it is seen to be now."""
        told = [deed.told() for deed in self._deeds]
        return told if self._orphan is None else [*told, self._orphan]

    @property
    def failed(self) -> bool:
        """Whether something that was to be done is not done, by no rung of the ladder."""
        return any(not deed.has_come and not deed.replaced for deed in self._deeds) or (
            self._orphan is not None and self._orphan.done is False
        )

    @property
    def pending(self) -> list[Deed]:
        """The steps whose effect may still come."""
        return [d for d in self._deeds if not (d.raised or d.replaced or d.came())]

    @property
    def released_something(self) -> bool:
        return any(deed.has_come and deed.step.step != "pause" for deed in self._deeds)

    def is_out(self, now: Known) -> bool:
        """Whether the worker has come out of the wait from which it was to be released."""
        return not self.pending and not self._is_still_there(now)

    def _is_still_there(self, now: Known) -> bool:
        before, facts = self.before, now.facts
        if any(each in self._knocking for each in (*now.watched.held, *now.watched.logins)):
            return True
        if any(call in facts.calls for call in before.calls):
            return True
        if before.state is State.SUBSTANTIATED:
            return before.awaits_sign and now.watched.worker.conn is not None
        stayed = facts.state is before.state and facts.state_since == before.state_since
        return stayed and before.state not in RESTING

    def in_words(self) -> str | None:
        """What had no effect; None if everything had."""
        missing = [deed.missing for deed in self.pending]
        return "; ".join(missing) if missing else None

    async def climb(self) -> None:
        """Look for the effect of every step, and try the next rung for those that had none."""
        while self.pending:
            await self._look()
            nexts = []
            for deed in self.pending:
                rung = ladder.next_rung(deed.step, situation_of(self._known))
                if rung is not None:
                    deed.step, deed.replaced = deed.told(), True
                    log_lines([f"{self._known.name}: {deed.missing}; next: {rung.text.lower()}"])
                    nexts.append(self._do(rung))
            self._deeds.extend(nexts)
            if not nexts:
                return

    async def _look(self) -> None:
        until = self._clock.seconds() + EFFECT_SECONDS
        while self.pending and self._clock.seconds() < until:
            await pause(self._clock, EFFECT_EVERY)

    # the steps

    def _do(self, step: Step) -> Deed:
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
_WAYS: dict[tuple[str, str], Callable[[Deeds, Step], Deed]] = {
    ("pause", ANY): Deeds._pause,
    ("cancel_substantiation", "forgotten build"): Deeds._cancel_forgotten,
    ("cancel_substantiation", ANY): Deeds._cancel,
    ("finish_build", ANY): Deeds._finish_lost,
    ("abort_connection", "login"): Deeds._abort_logins,
    ("abort_connection", ANY): Deeds._end_connection,
    ("deliver_disconnection", "refused connections"): Deeds._deliver_refused,
    ("deliver_disconnection", ANY): Deeds._end_connection,
    ("end_wait", "found"): Deeds._end_found,
    ("end_wait", "state"): Deeds._end_half,
    ("end_wait", "machine"): Deeds._end_half_machine,
    ("end_wait", ANY): Deeds._end_call,
}
