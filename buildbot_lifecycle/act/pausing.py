"""Pauses a worker, or ends its pause: Buildbot's own pause, asked for with a reason, and written down.

It goes the way of Buildbot's own button, its data API: so what else listens to that hears of it. Buildbot
broadcasts the reason of a pause to whoever listens: it gets the action's number, no words of an operator.
"""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.core import actions
from buildbot_lifecycle.core.actions import Action
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.requests import Actor, PauseRequest, Refusal
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.situation import case_of

#: Seconds in which an action must be written; else nothing is done.
AUDIT_SECONDS = 10.0

#: Seconds in which Buildbot has to take it, and then to have done and stored it.
TAKE_SECONDS, EFFECT_SECONDS = 5.0, 5.0

PAUSE = Step("pause", "worker", "Pause the worker, so that no build starts on it until unpaused")
UNPAUSE = Step("unpause", "worker", "End the pause of the worker, so that builds start on it")


class Pausing:
    """Pauses workers of one master, where somebody asks for it."""

    def __init__(self, master: Any, clock: Any, logbook: Logbook, audit: Audit) -> None:
        self._master = master
        self._clock = clock
        self._logbook = logbook
        self._audit = audit

    async def ask(
        self, known: Known, request: PauseRequest, actor: Actor, token: str | None = None
    ) -> dict[str, Any]:
        """Do it; the action as in REST. Raises `Refusal`.

        ``token`` is that of the action, where another master has written its row.
        """
        async with known.pausing:
            self._check(known, request)
            action = actions.asked(
                case_of(self._logbook, known),
                token or uuid.uuid4().hex,
                request.what,
                known.name,
                actor,
                request.reason,
                pause=request.pause,
            )
            action = await self._audit.written_first(
                known, action, AUDIT_SECONDS, is_carried=token is not None
            )
            try:
                self._check(known, request)
            except Refusal as refusal:
                await self._finish(known, action, "refused", refusal.text, None, None)
                raise
            return (await self._act(known, action)).as_json()

    @staticmethod
    def _check(known: Known, request: PauseRequest) -> None:
        if known.gone:
            raise Refusal("no_such_worker", "the worker was removed from the master meanwhile")
        is_paused = bool(known.watched.worker.isPaused())
        if request.pause and is_paused:
            raise Refusal("already_paused", "the worker is paused already; unpause it first")
        # Buildbot's unpause ends a quarantine too
        if not request.pause and not is_paused and _quarantine(known) is None:
            raise Refusal("not_paused", "the worker is neither paused nor in quarantine")

    async def _act(self, known: Known, action: Action) -> Action:
        by = f"{action.what}, action {action.id}"
        detail = None
        try:
            taken = workers.control(self._master, known.workerid, action.what, by)
            if not await at_most(taken, TAKE_SECONDS, self._clock, False):
                detail = f"Buildbot's data API has not answered within {TAKE_SECONDS:.0f} s"
        except Exception as error:
            log_error(error, f"lifecycle: while asking Buildbot to {action.what} a worker")
            detail = f"Buildbot's data API failed: {type(error).__name__}"
        if action.pause:
            # a build that is past Buildbot's own check of the pause starts nothing either
            known.watched.hold = True

        def has_come(now: Known) -> bool:
            return _has_come(now, pause=action.pause, by=by)

        done = await self._logbook.when(known, has_come, EFFECT_SECONDS) and not known.gone
        if done:
            outcome = "the worker is paused now" if action.pause else "the worker is unpaused now"
            return await self._finish(known, action, "done", outcome, True, None)
        why = detail or f"it is not seen after {EFFECT_SECONDS:.0f} s"
        if known.gone:
            why = "the worker was removed from the master"
        return await self._finish(known, action, "failed", f"had no effect: {why}", False, why)

    async def _finish(
        self,
        known: Known,
        action: Action,
        status: str,
        outcome: str,
        done: bool | None,
        detail: str | None,
    ) -> Action:
        step = dataclasses.replace(PAUSE if action.pause else UNPAUSE, done=done, detail=detail)
        steps = [] if done is None else [step]
        action = await self._audit.ended(action, status, outcome, steps)
        self._audit.note(known, action)
        return action


def _quarantine(known: Known) -> float | None:
    return workers.quarantine_until(known.watched.worker)


def _has_come(now: Known, *, pause: bool, by: str) -> bool:
    """Whether Buildbot has done it and stored it: the logbook hears of a pause after that."""
    worker = now.watched.worker
    if pause:
        return bool(worker.isPaused()) and now.facts.paused and now.facts.pause_reason == by
    return not worker.isPaused() and not now.facts.paused and _quarantine(now) is None
