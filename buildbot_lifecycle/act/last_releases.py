"""What a stop releases: begun to be written, done at once, and looked at afterwards."""

from __future__ import annotations

import dataclasses
import uuid
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.deeds import Deeds
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.steps import waited_for
from buildbot_lifecycle.core import actions, ladder
from buildbot_lifecycle.core.actions import Action
from buildbot_lifecycle.core.requests import SHUTDOWN_RELEASE, Actor
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.situation import case_of, situation_of

#: Seconds for which the stop waits for its own audit rows, no longer.
AUDIT_SECONDS = 2.0


class LastReleases:
    """Releases workers of one master that stops, or that a reconfiguration removes."""

    def __init__(self, clock: Any, logbook: Logbook, audit: Audit, orphans: Orphans) -> None:
        self._clock = clock
        self._logbook = logbook
        self._audit = audit
        self._orphans = orphans
        #: how many there were
        self.released = 0
        #: audit rows of the stop that are being written; the service waits for them
        self.pending_writes: list[defer.Deferred[Any]] = []

    def is_untried(self, known: Known) -> bool:
        """Whether a release would do something that was not tried yet: one action for each wait."""
        plan = ladder.plan(known.facts, situation_of(known), pause=False, last=True)
        tried = {waited_for(known, s) for s in plan if s.step != "open_orphan"}
        # refused ones are dropped at each look anyway
        return any(key not in known.tried for key in tried if key[1] != "refused connections")

    def release(self, known: Known, actor: Actor, why: str) -> None:
        """Do it now; what came of it is written afterwards."""
        case = case_of(self._logbook, known)
        reason = case.verdict.reason
        action = actions.asked(
            case,
            uuid.uuid4().hex,
            SHUTDOWN_RELEASE,
            known.name,
            actor,
            f"{why}; {reason}",
        )
        self._audit.keep(action)
        # begun first, and not awaited: the stop is not to wait for the database
        written = defer.ensureDeferred(self._audit.asked(action, AUDIT_SECONDS))
        deeds = Deeds(self._clock, known, case, by="shutdown")
        known.tried.update(waited_for(known, s) for s in case.plan(pause=False, last=True))
        known.releasing = True
        if case.facts.calls:
            known.released_at = self._clock.seconds()
        deeds.begin(pause=False, last=True)
        if deeds.leaves_orphan:
            self._orphans.keep(known, deeds.before, action.token, f"released: {action.reason}")
        self.released += 1
        log_lines([f"{known.name}: released, because {reason}"])
        followed = defer.ensureDeferred(self._follow(known, action, deeds, written))
        followed.addErrback(log_error, "lifecycle: while writing what the stop released")
        self.pending_writes.append(followed)

    @staticmethod
    async def _written(action: Action, written: defer.Deferred[Action]) -> Action:
        """The action with its number, or without one where the database does not take it: it is kept."""
        try:
            return await written
        except Exception as error:
            log_error(error, "lifecycle: a release of the stop is not written; it is kept")
            return action

    async def _open_orphan(self, known: Known, action: Action, deeds: Deeds) -> None:
        if not deeds.leaves_orphan:
            return
        if not deeds.released_something:
            self._orphans.drop(action.token)
            return
        why = f"released: {action.reason}"
        opened = self._orphans.open(known, deeds.before, action.token, why)
        try:
            # it is kept meanwhile: what a stop has released must not wait for the database
            written = await at_most(opened, AUDIT_SECONDS, self._clock, 0)
        except Exception as error:
            log_error(error, "lifecycle: an entry of the stop is not written; it is kept")
            written = 0
        if written:
            deeds.orphan_written(written)
        else:
            deeds.orphan_kept()

    async def _follow(
        self, known: Known, action: Action, deeds: Deeds, written: defer.Deferred[Action]
    ) -> None:
        """Look what came of a release, and write it down."""
        try:
            await deeds.climb()
        finally:
            known.releasing = False
        had_no_effect = deeds.in_words()
        if had_no_effect is not None:
            log_lines([f"{known.name}: the release had no effect: {had_no_effect}"])
        action = await self._written(action, written)
        await self._open_orphan(known, action, deeds)
        state = known.facts.state.value
        outcome = f"the worker is {state} now"
        if had_no_effect is not None:
            outcome = f"had no effect: {had_no_effect}; the worker is {state}"
        status = "failed" if deeds.failed else "done"
        left = deeds.before.instance
        action = dataclasses.replace(action, instance=left, orphan=deeds.orphan)
        await self._audit.ended(action, status, outcome, deeds.steps)
