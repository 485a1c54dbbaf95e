"""Deeds: the steps of one release, each with a look whether it had an effect.

A connection that is aborted may stay, a wait that is ended may not have been the one that Buildbot was
in. So a step counts as done only once its effect has been seen; where it has not come after
`EFFECT_SECONDS`, that is said, and the next rung of the ladder is tried.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from buildbot_lifecycle.act.steps import Deed, Steps
from buildbot_lifecycle.core import ladder
from buildbot_lifecycle.core.case import Case
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.states import RESTING, State
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.host.pauses import pause
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.master.situation import situation_of
from buildbot_lifecycle.watch import instance

#: Seconds in which the effect of a step must be seen; then the next rung is tried.
EFFECT_SECONDS = 2.0

#: Seconds between two looks at it.
EFFECT_EVERY = 0.1


class Deeds:
    """One release of one worker, as it was looked at just now. Never raises.

    ``by`` is what Buildbot gets to hear, and broadcasts: a number, no words of an operator.
    """

    def __init__(self, clock: Any, known: Known, case: Case, by: str) -> None:
        self._clock = clock
        self._known = known
        self._steps = Steps(known, by)
        self._case = case
        self._deeds: list[Deed] = []
        # what the plan says is to be written down; None if an instance is not suspected
        self._orphan: Step | None = None
        #: the number of the entry that was opened
        self.orphan: int | None = None
        #: the facts before it, with the instance by the name that the driver has for it
        self.before = instance.with_name(case.facts, known.watched.worker)
        # a connection that is refused only after the release is none of it
        self._knocking = (*known.watched.held, *known.watched.logins)

    def begin(self, *, pause: bool, last: bool = False) -> None:
        """Do every step of the plan, in its order. With ``last`` no further instance is wanted: a queued
        substantiation is cancelled although the worker is not paused."""
        for step in self._case.plan(pause=pause, last=last):
            if step.step == "open_orphan":
                self._orphan = step
            else:
                self._deeds.append(self._steps.do(step))

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
                    nexts.append(self._steps.do(rung))
            self._deeds.extend(nexts)
            if not nexts:
                return

    async def _look(self) -> None:
        until = self._clock.seconds() + EFFECT_SECONDS
        while self.pending and self._clock.seconds() < until:
            await pause(self._clock, EFFECT_EVERY)
