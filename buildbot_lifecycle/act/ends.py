"""Ends an instance: refused where a worker uses it, written down, and carried out by `open_ends`."""

from __future__ import annotations

import uuid
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.open_ends import ANSWER_SECONDS, Cloud, OpenEnd, OpenEnds
from buildbot_lifecycle.clouds.values import Can
from buildbot_lifecycle.core import ends
from buildbot_lifecycle.core.actions import Action
from buildbot_lifecycle.core.census import Row
from buildbot_lifecycle.core.ends import Target
from buildbot_lifecycle.core.requests import Actor, EndAnswer, EndRequest, Refusal
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.master.logbook import Logbook

#: Seconds in which an action must be written; else the cloud is not asked.
AUDIT_SECONDS = 10.0


class Ends:
    """Ends instances of one master's workers, where somebody asks for it."""

    def __init__(
        self,
        clock: Any,
        logbook: Logbook,
        audit: Audit,
        open_ends: OpenEnds,
        clouds: Cloud,
    ) -> None:
        self._clock = clock
        self._logbook = logbook
        self._audit = audit
        self._open = open_ends
        self._clouds = clouds
        self._owners = open_ends.owners
        # of which the row is being written
        self._begun: set[tuple[int, str]] = set()

    def target(self, row: Row) -> Target:
        """What a row of the census is, as something to be ended. Raises `Refusal`."""
        if not row.name:
            text = "nobody knows what the cloud calls it; look there, and close its entry by hand"
            raise Refusal("no_name", text)
        if row.standing == "missing":
            raise Refusal("gone", f"the cloud says that {row.name} is gone")
        if row.standing == "unknown" and row.why != "call_runs_on":
            text = (
                f"whose {row.name} is, is not known ({row.why}); take another census, or end it in the"
                " cloud's console"
            )
            raise Refusal("not_sure", text, why=row.why)
        if row.asker is None:
            text = f"no worker of this master reaches the cloud of {row.name} any more"
            raise Refusal("not_offered", text)
        asker = self._logbook.get(row.asker)
        worker = row.worker or (asker.name if asker is not None else str(row.asker))
        is_listed = row.seen is not None
        return Target(row.name, row.asker, worker, row.orphan, row.episode, is_listed, row.digest)

    async def check(self, target: Target) -> None:
        """Raise `Refusal` unless it may be ended, and can be: as of the moment in which this returns."""
        known = self._logbook.get(target.workerid)
        if known is None:
            text = (
                f"{target.worker} is no worker of this master any more: its cloud cannot be asked"
            )
            raise Refusal("not_offered", text)
        if Can.END not in self._clouds.can(known.watched.worker):
            text = f"the driver of {target.worker} ({known.class_name}) cannot end an instance"
            raise Refusal("not_offered", text)
        ends.check(target, await self._owners.of(target, known))
        begun = self._open.of(target)
        if begun is not None and self._clock.seconds() < begun.asked_at + ends.AGAIN:
            text = f"action {begun.number} ends it already, and will have the outcome"
            raise Refusal("being_ended", text, action=begun.number)

    async def end(
        self, target: Target, request: EndRequest, actor: Actor, token: str | None = None
    ) -> EndAnswer:
        """Plan (dry run) or do it. Raises `Refusal`.

        ``token`` is that of the action, where another master has written its row.
        """
        if request.dry_run:
            return EndAnswer(dry_run=await self._rehearse(target))
        if request.confirm != target.name:
            text = f"confirm must be the instance's name, {target.name!r}, not {request.confirm!r}"
            raise Refusal("wrong_confirmation", text)
        await self.check(target)
        key = target.key
        if key in self._begun:
            raise Refusal("being_ended", "it is being ended just now; look at the actions")
        self._begun.add(key)
        try:
            begun = await self._written(target, request, actor, token)
        finally:
            self._begun.discard(key)
        carried = defer.ensureDeferred(self._open.carry_out(begun))
        carried.addErrback(log_error, "lifecycle: while ending an instance")
        row = await at_most(begun.outcome, ANSWER_SECONDS, self._clock, {})
        return EndAnswer(action=row or begun.row, is_over=bool(row))

    async def _rehearse(self, target: Target) -> dict[str, Any]:
        why_not = code = None
        try:
            await self.check(target)
        except Refusal as refusal:
            why_not, code = refusal.text, refusal.code
        known = self._logbook.get(target.workerid)
        owners = [] if known is None else await self._owners.of(target, known)
        can = frozenset() if known is None else self._clouds.can(known.watched.worker)
        return {
            "eligible": why_not is None,
            "why_not": why_not,
            "code": code,
            "steps": [step.as_json() for step in ends.plan(target)],
            "warnings": ends.warnings(target, owners, can_verify=Can.GONE in can),
        }

    async def _written(
        self, target: Target, request: EndRequest, actor: Actor, token: str | None
    ) -> OpenEnd:
        """The action's row, before anything is done. Raises `Refusal`."""
        known = self._logbook.get(target.workerid)
        assert known is not None
        action = Action(
            token=token or uuid.uuid4().hex,
            what=ends.WHAT,
            workerid=target.workerid,
            worker=target.worker,
            episode=target.episode,
            actor=actor,
            reason=request.reason,
            at=self._clock.seconds(),
            verdict=self._logbook.verdict_now(known),
            instance=target.name,
            orphan=target.orphan,
        )
        is_carried, undone = token is not None, "while writing an action; no cloud was asked"
        action = await self._audit.written_first(
            known, action, AUDIT_SECONDS, is_carried=is_carried, undone=undone
        )
        assert action.id is not None
        row = action.as_json()
        begun = self._open.new(action.id, target, row, ends.plan(target))
        try:
            await self.check(target)
        except Refusal as refusal:
            await self._open.finish(begun, "refused", refusal.text)
            raise
        await self._open.take(begun)
        return begun
