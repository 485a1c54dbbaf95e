"""Deeds: the steps of a plan (`core.ladder`) on a live worker, each with a look whether it had an effect.

A connection that is aborted may stay, a wait that is ended may not have been the one that Buildbot was
in. So a step counts as done only once its effect has been seen; where it has not come after
`EFFECT_SECONDS`, that is said, and the next rung of the ladder is tried.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core import ladder
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.host import connections, machines, waits, workers
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.master.situation import situation_of
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
    """One release of one worker. Never raises.

    ``by`` is what Buildbot gets to hear, and broadcasts: a number, no words of an operator.
    """

    def __init__(self, clock: Any, known: Known, by: str) -> None:
        self._clock = clock
        self._known = known
        self._worker = known.watched.worker
        self._by = by
        self._deeds: list[Deed] = []
        #: what the plan says is to be written down; None if an instance is not suspected
        self.orphan: Step | None = None

    def begin(self, *, pause: bool, last: bool = False) -> None:
        """Do every step of the plan, in its order. With ``last`` no further instance is wanted: a queued
        substantiation is cancelled although the worker is not paused."""
        known = self._known
        for step in ladder.plan(known.facts, situation_of(known), pause=pause, last=last):
            if step.step == "open_orphan":
                self.orphan = step
            else:
                self._deeds.append(self._do(step))

    @property
    def steps(self) -> list[Step]:
        """What was done so far, as it is seen to be now."""
        told = [deed.told() for deed in self._deeds]
        return told if self.orphan is None else [*told, self.orphan]

    @property
    def failed(self) -> bool:
        """Whether something that was to be done is not done, by no rung of the ladder."""
        return any(not deed.has_come and not deed.replaced for deed in self._deeds) or (
            self.orphan is not None and self.orphan.done is False
        )

    @property
    def pending(self) -> list[Deed]:
        """The steps whose effect may still come."""
        return [d for d in self._deeds if not (d.raised or d.replaced or d.came())]

    @property
    def released_something(self) -> bool:
        return any(deed.has_come and deed.step.step != "pause" for deed in self._deeds)

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
            waiting: defer.Deferred[None] = defer.Deferred()
            self._clock.callLater(EFFECT_EVERY, waiting.callback, None)
            await waiting

    # the steps

    def _do(self, step: Step) -> Deed:
        try:
            return self._doings(step)
        except Exception as error:
            log_error(error, f"lifecycle: while doing {step.step} on {self._known.name}")
            failed = dataclasses.replace(step, done=False, detail=str(error))
            return Deed(failed, raised=True, missing=str(error))

    def _doings(self, step: Step) -> Deed:
        if step.step == "pause":
            return self._pause(step)
        if step.step == "cancel_substantiation":
            return self._cancel(step)
        if step.step == "abort_connection":
            return self._abort(step)
        if step.step == "deliver_disconnection":
            return self._deliver(step)
        return self._end_wait(step)

    def _pause(self, step: Step) -> Deed:
        # Buildbot sends the reason to whoever listens, asked for rights or not
        self._worker.pause(f"force disconnect, {self._by}")
        self._known.watched.hold = True
        return Deed(step, lambda: bool(self._worker.isPaused()), "the worker is not paused")

    def _cancel(self, step: Step) -> Deed:
        worker, known = self._worker, self._known
        if step.target == "forgotten build":
            if not workers.cancel_forgotten(worker):
                return Deed(dataclasses.replace(step, detail="it had been told already"))
            text = "the build still waits"
            return Deed(step, lambda: not workers.is_forgotten(worker), text)
        before = known.facts.state
        moved = self._moved()
        known.watched.called_off_by = self._by
        cancelling = worker.insubstantiate()
        cancelling.addErrback(log_error, "lifecycle: while cancelling")
        cancelling.addBoth(lambda _: setattr(known.watched, "called_off_by", None))
        return Deed(step, moved, f"the worker is still {before.value}")

    def _abort(self, step: Step) -> Deed:
        worker, watched = self._worker, self._known.watched
        if step.target == "login":
            logins = list(watched.logins)
            for login in logins:
                connections.abort(login.conn)
            counted = dataclasses.replace(step, detail=f"{len(logins)} aborted")
            return Deed(
                counted,
                lambda: not any(login in watched.logins for login in logins),
                "the login has not ended",
            )
        if step.target == "old connection":
            old = connections.held_connection(worker)
            if old is None:
                return Deed(dataclasses.replace(step, detail="it had gone already"))
            if connections.is_closed(old):
                connections.deliver_disconnection(worker.master, worker.name, old)
            else:
                connections.abort(old)
            return Deed(
                step,
                lambda: connections.held_connection(worker) is not old,
                "the older connection is still held",
            )
        conn = worker.conn
        if conn is None:
            return Deed(dataclasses.replace(step, detail="it had gone already"))
        connections.abort(conn)
        return Deed(step, lambda: worker.conn is not conn, "the connection is still held")

    def _deliver(self, step: Step) -> Deed:
        worker, watched = self._worker, self._known.watched
        if step.target == "connection":
            conn = worker.conn
            if conn is None:
                return Deed(dataclasses.replace(step, detail="it had gone already"))
            connections.deliver_disconnection(worker.master, worker.name, conn)
            return Deed(
                step, lambda: worker.conn is not conn, "Buildbot still holds the connection"
            )
        if step.target == "old connection":
            old = connections.held_connection(worker)
            if old is None:
                return Deed(dataclasses.replace(step, detail="it had gone already"))
            connections.deliver_disconnection(worker.master, worker.name, old)
            return Deed(
                step,
                lambda: connections.held_connection(worker) is not old,
                "Buildbot still holds the older connection",
            )
        held = watched.held
        for refused in held:
            refused.by_release = True
            PROBE.deliver(watched, refused)
        counted = dataclasses.replace(step, detail=f"{len(held)} dropped")
        return Deed(
            counted,
            lambda: all(refused.delivered for refused in held),
            "a refused connection has not closed",
        )

    def _end_wait(self, step: Step) -> Deed:
        if step.target == "found":
            return self._end_found(step)
        if step.target == "state":
            return self._end_half(step)
        if step.target == "machine":
            return self._end_half_machine(step)
        return self._end_call(step)

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
