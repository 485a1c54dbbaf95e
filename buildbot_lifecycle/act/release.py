"""Release: carry out the steps of `core.ladder` on a live worker, and write down who asked and why.

Audit first, then act: the action's row is committed before anything is done, and if that fails
nothing is done. After that wait the worker is looked at again, since it may have gone on by itself.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from twisted.internet import defer

from buildbot_lifecycle.act.deeds import Deeds
from buildbot_lifecycle.core import ladder
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.instances import stop_is_believed
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.requests import (
    LATE_END,
    STOP,
    Actor,
    ForceAnswer,
    ForceRequest,
    Refusal,
)
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import RESTING, State
from buildbot_lifecycle.core.verdicts import Verdict
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.situation import situation_of
from buildbot_lifecycle.watch import instance

#: Seconds for which the answer waits to see the worker come out; after that it is 202.
SETTLE_SECONDS = 8.0

#: Seconds in which an action must be written; else nothing is done.
AUDIT_SECONDS = 10.0

#: Seconds for which an outcome that came too late for the answer is still written down.
OUTCOME_SECONDS = 24 * 3600.0


class Audit(Protocol):
    """Where actions and orphans are written. Each Deferred fires when it is committed."""

    def insert_action(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        """Commit a new action; the answer is its number."""

    def update_action(self, action_id: int, changes: Mapping[str, Any]) -> defer.Deferred[Any]:
        """Commit what came of an action."""

    def open_orphan(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        """Commit that an instance may still run."""

    def close_orphan(self, orphan: int, workerid: int, by: Actor, note: str) -> defer.Deferred[Any]:
        """Commit that it does not run any more."""


@dataclasses.dataclass
class _Entry:
    """An open entry of a release: the worker, its episode, and whether Buildbot's stop said True."""

    known: Known
    first_seq: int
    said_true: bool = False


class Releaser:
    """Frees the workers of one master."""

    def __init__(
        self, clock: Any, logbook: Logbook, audit: Audit, settings: Callable[[], Settings]
    ) -> None:
        self._clock = clock
        self._logbook = logbook
        self._audit = audit
        self._settings = settings
        # open entries of releases, by their numbers
        self._entries: dict[int, _Entry] = {}

    # what an operator asks for

    async def force(self, known: Known, request: ForceRequest, actor: Actor) -> ForceAnswer:
        """Plan (dry run) or do a force disconnect. Raises `Refusal`."""
        if request.dry_run:
            return ForceAnswer(200, dry_run=self._rehearse(known, request))
        await known.forcing.acquire()
        try:
            return await self._force_locked(known, request, actor)
        finally:
            known.forcing.release()

    def _pause_wanted(self, known: Known, request: ForceRequest) -> bool:
        if request.pause is not None:
            return request.pause
        return self._settings().of(known.name).pause_after_release

    def _rehearse(self, known: Known, request: ForceRequest) -> dict[str, Any]:
        facts, verdict = known.facts, self._logbook.verdict_now(known)
        pause = self._pause_wanted(known, request)
        situation = situation_of(known)
        why_not = code = None
        try:
            self._check(known, request, verdict)
        except Refusal as refusal:
            why_not, code = refusal.text, refusal.code
        return {
            "eligible": why_not is None,
            "why_not": why_not,
            "code": code,
            "steps": [step.as_json() for step in ladder.plan(facts, situation, pause=pause)],
            "warnings": ladder.warnings(facts, pause=pause),
            "episode": facts.episode.id if facts.episode else None,
            "verdict": verdict.as_json(),
            "instance": instance.seen(facts, known.watched.worker),
            "build": dict(facts.building[0]) if facts.building else None,
            "builds": [dict(build) for build in facts.building],
        }

    def _check(self, known: Known, request: ForceRequest, verdict: Verdict) -> None:
        ladder.check_eligible(
            known.facts,
            situation_of(known),
            verdict,
            override=request.override,
            now=self._clock.seconds(),
        )

    def _check_episode(self, known: Known, request: ForceRequest) -> None:
        if known.gone:
            # what is paused or dropped now would be another worker's, of the same name and number
            text = (
                "the worker was removed from the master meanwhile; look again before you force it"
            )
            raise Refusal(412, "episode_changed", text, episode=None)
        current = known.facts.episode.id if known.facts.episode else None
        if current != request.episode:
            raise Refusal(
                412,
                "episode_changed",
                f"the worker has gone on: its episode is {current or 'none'} by now,"
                f" not {request.episode or 'none'}; look again before you force it",
                episode=current,
            )

    async def _force_locked(self, known: Known, request: ForceRequest, actor: Actor) -> ForceAnswer:
        if request.confirm != known.name:
            raise Refusal(
                400,
                "wrong_confirmation",
                f"confirm must be the worker's name, {known.name!r}, not {request.confirm!r}",
            )
        self._check_episode(known, request)
        self._logbook.hear(known)
        verdict = self._logbook.verdict_now(known)
        self._check(known, request, verdict)
        pause = self._pause_wanted(known, request)
        action = await self._write_first(known, request, actor, verdict, pause)
        try:
            self._check_episode(known, request)
            self._logbook.hear(known)
            self._check(known, request, self._logbook.verdict_now(known))
        except Refusal as refusal:
            await self._finish(known, action, "refused", refusal.text, [])
            raise
        return await self._act(known, action, pause)

    async def _write_first(
        self, known: Known, request: ForceRequest, actor: Actor, verdict: Verdict, pause: bool
    ) -> dict[str, Any]:
        action = new_action(
            known,
            what="force-disconnect",
            actor=actor,
            reason=request.reason,
            verdict=verdict,
            at=self._clock.seconds(),
            pause=pause,
            override=request.override,
        )
        try:
            written = self._audit.insert_action(action)
            # Buildbot's pool may try for a day; nobody waits so long, and nothing may be done so late
            action["id"] = await written.addTimeout(AUDIT_SECONDS, self._clock)
        except Exception as error:
            log_error(error, "lifecycle: while writing an action; nothing was done")
            raise Refusal(
                503,
                "behind",
                "the action could not be written to the database, so nothing was done; try again",
            ) from error
        self._note(known, action)
        return action

    async def _act(self, known: Known, action: dict[str, Any], pause: bool) -> ForceAnswer:
        before = instance.with_name(known.facts, known.watched.worker)
        # a connection that is refused only after the release is none of it
        knocking = (*known.watched.held, *known.watched.logins)
        deeds = self.begin(known, pause=pause, by=f"action {action['id']}")
        await deeds.climb()

        def is_out(now: Known) -> bool:
            return not deeds.pending and not _still_there(before, now, knocking)

        def settled() -> defer.Deferred[None]:
            return defer.ensureDeferred(self._settled(known, before, action, deeds))

        had_no_effect = deeds.in_words()
        if had_no_effect is None and await self._logbook.when(known, is_out, SETTLE_SECONDS):
            await settled()
            return ForceAnswer(200, action=action)
        state = known.facts.state.value
        text = f"carried out; the worker is still {state}"
        if had_no_effect is not None:
            text = f"had no effect: {had_no_effect}; the worker is {state}"
        if deeds.released_something:
            await self._orphan(known, before, action, deeds)
        status = "asked" if had_no_effect is None else "failed"
        await self._finish(known, action, status, text, deeds.steps)
        answer = ForceAnswer(202 if had_no_effect is None else 200, action=dict(action))
        later = self._logbook.when(known, is_out, OUTCOME_SECONDS)
        later.addCallback(lambda out: out and settled())
        later.addErrback(log_error, "lifecycle: while waiting for the outcome of an action")
        return answer

    async def _settled(
        self, known: Known, before: Facts, action: dict[str, Any], deeds: Deeds
    ) -> None:
        await self._orphan(known, before, action, deeds)
        text = f"the worker is {known.facts.state.value} now"
        if known.gone:
            text = "the worker was removed from the master"
        elif known.watched.worker.isPaused():
            text += ", and paused"
        status = "failed" if deeds.failed else "done"
        await self._finish(known, action, status, text, deeds.steps)

    async def _orphan(
        self, known: Known, before: Facts, action: Mapping[str, Any], deeds: Deeds
    ) -> None:
        """Write down once that the instance may run on, if the plan says so."""
        if deeds.orphan is None or deeds.orphan.done:
            return
        why = f"released by {action['actor']}: {action['reason']}"
        try:
            await self.open_orphan(known, before, action, why)
            deeds.orphan = dataclasses.replace(deeds.orphan, done=True, detail=None)
        except Exception as error:
            log_error(error, "lifecycle: while writing an orphan")
            text = "could not be written"
            deeds.orphan = dataclasses.replace(deeds.orphan, done=False, detail=text)

    def open_orphan(
        self, known: Known, before: Facts, action: Mapping[str, Any], why: str
    ) -> defer.Deferred[int]:
        """Write down that the instance of a worker (as it was before the release) may still run."""
        episode = before.episode
        opened = self._audit.open_orphan(
            {
                "token": f"action-{action['token']}",
                "workerid": known.workerid,
                "worker": known.name,
                "class": known.class_name,
                "episode": episode.id if episode else None,
                "instance": before.instance,
                "opened_at": self._clock.seconds(),
                "cause": "release",
                "why": why,
            }
        )

        def remember(orphan: int) -> int:
            for call in before.calls:
                known.watched.orphan_of[call.token] = orphan
                if call.token in known.watched.late_ends:
                    self.late_end(known, known.watched.late_ends.pop(call.token))
            if episode is not None:
                self._entries[orphan] = _Entry(known, episode.first_seq)
                self._close_if_stopped(orphan)
            return orphan

        return opened.addCallback(remember)

    def call_ended(self, known: Known, event: Event) -> None:
        """A call has ended, in time or after its release."""
        if event.data.get("late"):
            self.late_end(known, event.data)
        elif event.data["call"] == "stop_instance":
            self.stop_ended(known, event.data)

    def late_end(self, known: Known, data: Mapping[str, Any]) -> None:
        """A released call has ended after all: a stop that succeeded closes its orphan."""
        if data["call"] == "start_instance":
            self._late_start(known, data)
        if data["call"] != "stop_instance":
            return
        orphan = known.watched.orphan_of.pop(data["token"], None)
        if orphan is None:
            known.watched.late_ends[data["token"]] = data
            return
        if data["outcome"] in ("true", "other"):
            note = "the released stop_instance ended late, and successfully"
            closed = self._audit.close_orphan(orphan, known.workerid, LATE_END, note)
            closed.addErrback(log_error, "lifecycle: while closing an orphan")

    def _late_start(self, known: Known, data: Mapping[str, Any]) -> None:
        """A released start has ended and made nothing: then a stop that said True has stopped all."""
        orphan = known.watched.orphan_of.pop(data["token"], None)
        failed = data["outcome"] in ("raised", "false") and not data.get("unanswered")
        entry = None if orphan is None else self._entries.get(orphan)
        if orphan is not None and entry is not None and failed and entry.said_true:
            self._close(orphan, entry)

    def stop_ended(self, known: Known, data: Mapping[str, Any]) -> None:
        """Buildbot's stop_instance has ended: after a release in its episode it may close the entry."""
        episode = known.facts.episode
        if episode is None or data["outcome"] == "released":
            return
        believed = stop_is_believed(known.facts, data["outcome"])
        known.last_stop = (episode.first_seq, believed, data["outcome"] == "true")
        for orphan in list(self._entries):
            self._close_if_stopped(orphan)

    def _close_if_stopped(self, orphan: int) -> None:
        """Close an entry of a release if the stop that followed it has succeeded."""
        entry = self._entries.get(orphan)
        stop = None if entry is None else entry.known.last_stop
        if entry is None or stop is None or stop[0] != entry.first_seq:
            return
        _, believed, entry.said_true = stop
        if believed:
            self._close(orphan, entry)

    def _close(self, orphan: int, entry: _Entry) -> None:
        del self._entries[orphan]
        note = "Buildbot's stop of the same instance, after the release, succeeded"
        closed = self._audit.close_orphan(orphan, entry.known.workerid, STOP, note)
        closed.addErrback(log_error, "lifecycle: while closing an orphan")

    def forget(self, orphan: int) -> None:
        """An entry was closed."""
        self._entries.pop(orphan, None)

    async def _finish(
        self, known: Known, action: dict[str, Any], status: str, outcome: str, steps: list[Step]
    ) -> None:
        action.update(
            status=status,
            outcome=outcome,
            steps=[step.as_json() for step in steps],
            finished_at=None if status == "asked" else self._clock.seconds(),
        )
        changes = {key: action[key] for key in ("status", "outcome", "steps", "finished_at")}
        try:
            await self._audit.update_action(action["id"], changes)
        except Exception as error:
            log_error(error, f"lifecycle: while writing what came of action {action['id']}")
        self._note(known, action)

    def _note(self, known: Known, action: Mapping[str, Any]) -> None:
        keys = ("what", "actor", "actor_kind", "reason", "status", "outcome")
        data = {"action": action["id"], **{key: action[key] for key in keys}}
        self._logbook.note(known, Kind.ACTION, data)

    # the steps themselves, for the operator and for the shutdown

    def begin(self, known: Known, *, pause: bool, by: str, last: bool = False) -> Deeds:
        """Do the steps of the plan; `Deeds.climb` then looks whether they had an effect."""
        deeds = Deeds(self._clock, known, by)
        deeds.begin(pause=pause, last=last)
        return deeds


def new_action(
    known: Known,
    *,
    what: str,
    actor: Actor,
    reason: str,
    verdict: Verdict,
    at: float,
    pause: bool,
    override: bool,
) -> dict[str, Any]:
    """An action as in REST (but for the number, which the database gives), plus its ``token``."""
    return {
        "token": uuid.uuid4().hex,
        "workerid": known.workerid,
        "worker": known.name,
        "episode": known.facts.episode.id if known.facts.episode else None,
        "what": what,
        "actor": actor.name,
        "actor_kind": actor.kind,
        "reason": reason,
        "at": at,
        "status": "asked",
        "finished_at": None,
        "steps": [],
        "outcome": None,
        "verdict": verdict.as_json(),
        "pause": pause,
        "override": override,
    }


def _still_there(before: Facts, now: Known, knocking: Collection[object]) -> bool:
    """Whether the worker is still in the wait from which it was to be released."""
    facts = now.facts
    if any(each in knocking for each in (*now.watched.held, *now.watched.logins)):
        return True
    if any(call in facts.calls for call in before.calls):
        return True
    if before.state is State.SUBSTANTIATED:
        return before.awaits_sign and now.watched.worker.conn is not None
    stayed = facts.state is before.state and facts.state_since == before.state_since
    return stayed and before.state not in RESTING
