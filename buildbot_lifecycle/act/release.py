"""Release: carry out the steps of `core.ladder` on a live worker, and write down who asked and why.

Audit first, then act: the action's row is committed before anything is done, and if that fails
nothing is done. After that wait the worker is looked at again, since it may have gone on by itself.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.deeds import Deeds
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.core import actions
from buildbot_lifecycle.core.actions import Action
from buildbot_lifecycle.core.case import Case
from buildbot_lifecycle.core.requests import (
    FORCE_DISCONNECT,
    Actor,
    ForceAnswer,
    ForceRequest,
    Refusal,
)
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.situation import case_of
from buildbot_lifecycle.watch import instance

#: Seconds for which the answer waits to see the worker come out.
SETTLE_SECONDS = 8.0

#: Seconds in which an action must be written; else nothing is done.
AUDIT_SECONDS = 10.0

#: Seconds for which an outcome that came too late for the answer is still written down.
OUTCOME_SECONDS = 24 * 3600.0


class Releaser:
    """Frees the workers of one master, where somebody asks for it."""

    def __init__(
        self,
        clock: Any,
        logbook: Logbook,
        audit: Audit,
        orphans: Orphans,
        settings: Callable[[], Settings],
    ) -> None:
        self._clock = clock
        self._logbook = logbook
        self._audit = audit
        self._orphans = orphans
        self._settings = settings

    async def force(
        self, known: Known, request: ForceRequest, actor: Actor, token: str | None = None
    ) -> ForceAnswer:
        """Plan (dry run) or do a force disconnect. Raises `Refusal`.

        ``token`` is that of the action, where another master has written its row.
        """
        pause = request.pause
        if pause is None:
            pause = self._settings().of(known.name).pause_after_release
        if request.dry_run:
            return ForceAnswer(dry_run=self._rehearse(known, request, pause))
        async with known.forcing:
            return await self._force(known, request, actor, pause, token)

    def _rehearse(self, known: Known, request: ForceRequest, pause: bool) -> dict[str, Any]:
        case = case_of(self._logbook, known)
        facts = case.facts
        why_not = code = None
        try:
            case.check(override=request.override)
        except Refusal as refusal:
            why_not, code = refusal.text, refusal.code
        return {
            "eligible": why_not is None,
            "why_not": why_not,
            "code": code,
            "steps": [step.as_json() for step in case.plan(pause=pause)],
            "warnings": case.warnings(pause=pause),
            "episode": case.episode,
            "verdict": case.verdict.as_json(),
            "instance": instance.seen(facts, known.watched.worker),
            "build": dict(facts.building[0]) if facts.building else None,
            "builds": [dict(build) for build in facts.building],
        }

    async def _force(
        self,
        known: Known,
        request: ForceRequest,
        actor: Actor,
        pause: bool,
        token: str | None,
    ) -> ForceAnswer:
        if request.confirm != known.name:
            text = f"confirm must be the worker's name, {known.name!r}, not {request.confirm!r}"
            raise Refusal("wrong_confirmation", text)
        case = self._checked(known, request)
        action = actions.asked(
            case,
            token or uuid.uuid4().hex,
            FORCE_DISCONNECT,
            known.name,
            actor,
            request.reason,
            pause=pause,
            override=request.override,
        )
        action = await self._audit.written_first(
            known, action, AUDIT_SECONDS, is_carried=token is not None
        )
        try:
            case = self._checked(known, request)
        except Refusal as refusal:
            await self._finish(known, action, "refused", refusal.text)
            raise
        return await self._act(known, case, action)

    def _checked(self, known: Known, request: ForceRequest) -> Case:
        """The worker as it is now, if it may be forced. Raises `Refusal`."""
        if known.gone:
            # what is paused or dropped now would be another worker's, of the same name and number
            text = (
                "the worker was removed from the master meanwhile; look again before you force it"
            )
            raise Refusal("episode_changed", text, episode=None)
        current = known.facts.episode.id if known.facts.episode else None
        if current != request.episode:
            raise Refusal(
                "episode_changed",
                f"the worker has gone on: its episode is {current or 'none'} by now,"
                f" not {request.episode or 'none'}; look again before you force it",
                episode=current,
            )
        self._logbook.hear(known)
        case = case_of(self._logbook, known)
        case.check(override=request.override)
        return case

    async def _act(self, known: Known, case: Case, action: Action) -> ForceAnswer:
        deeds = Deeds(self._clock, known, case, by=f"action {action.id}")
        deeds.begin(pause=action.pause)
        await deeds.climb()
        had_no_effect = deeds.in_words()
        if had_no_effect is None and await self._logbook.when(known, deeds.is_out, SETTLE_SECONDS):
            return ForceAnswer(action=(await self._settle(known, action, deeds)).as_json())
        if deeds.released_something:
            await self._open_orphan(known, action, deeds)
        state = known.facts.state.value
        if had_no_effect is not None:
            text = f"had no effect: {had_no_effect}; the worker is {state}"
            action = await self._finish(known, action, "failed", text, deeds)
        else:
            text = f"carried out; the worker is still {state}"
            action = await self._finish(known, action, "asked", text, deeds)
        later = self._logbook.when(known, deeds.is_out, OUTCOME_SECONDS)
        later.addCallback(
            lambda out: defer.ensureDeferred(self._settle(known, action, deeds)) if out else None
        )
        later.addErrback(log_error, "lifecycle: while waiting for the outcome of an action")
        return ForceAnswer(action=action.as_json(), is_over=had_no_effect is not None)

    async def _settle(self, known: Known, action: Action, deeds: Deeds) -> Action:
        """The worker is out."""
        await self._open_orphan(known, action, deeds)
        text = f"the worker is {known.facts.state.value} now"
        if known.gone:
            text = "the worker was removed from the master"
        elif known.watched.worker.isPaused():
            text += ", and paused"
        status = "failed" if deeds.failed else "done"
        return await self._finish(known, action, status, text, deeds)

    async def _open_orphan(self, known: Known, action: Action, deeds: Deeds) -> None:
        """Write down once that the instance may run on, if the plan says so."""
        if not deeds.leaves_orphan:
            return
        why = f"released by {action.actor.words}: {action.reason}"
        try:
            deeds.orphan_written(await self._orphans.open(known, deeds.before, action.token, why))
        except Exception as error:
            log_error(error, "lifecycle: while writing an orphan")
            deeds.orphan_failed("could not be written")

    async def _finish(
        self, known: Known, action: Action, status: str, outcome: str, deeds: Deeds | None = None
    ) -> Action:
        steps = [] if deeds is None else deeds.steps
        if deeds is not None:
            left = deeds.before.instance
            action = dataclasses.replace(action, instance=left, orphan=deeds.orphan)
        action = await self._audit.ended(action, status, outcome, steps)
        self._audit.note(known, action)
        return action
