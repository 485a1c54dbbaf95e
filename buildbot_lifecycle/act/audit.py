"""The audit: an action's row before anything is done, and then its steps and its outcome."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet import defer

from buildbot_lifecycle.core.actions import Action
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.requests import Actor, Refusal
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events


class Desk(Protocol):
    """Where actions and orphans are written. Each Deferred fires when it is committed."""

    def insert_action(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        """Commit a new action; the answer is its number."""

    def keep_action(self, row: Mapping[str, Any], changes: Mapping[str, Any] | None) -> None:
        """It is done, though its row may not be: the next start writes it, with what came of it."""

    def keep_orphan(
        self, row: Mapping[str, Any] | None, token: str, closing: tuple[Actor, str] | None
    ) -> None:
        """The same of an entry that is to be opened; None: it is not, after all.

        ``closing``: who closes it as soon as it is written, and the note.
        """

    def update_action(self, action_id: int, changes: Mapping[str, Any]) -> defer.Deferred[Any]:
        """Commit what came of an action."""

    def open_orphan(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        """Commit that an instance may still run."""

    def close_orphan(self, orphan: int, workerid: int, by: Actor, note: str) -> defer.Deferred[Any]:
        """Commit that it does not run any more."""


class Audit:
    """Writes down what was asked for, and what came of it."""

    def __init__(self, clock: Any, desk: Desk, logbook: Logbook) -> None:
        self._clock = clock
        self._desk = desk
        self._logbook = logbook
        #: the numbers of this run's actions: the next run has those that are left open
        self.own: set[int] = set()

    def keep(self, action: Action) -> None:
        """It is done whether it can be written or not."""
        self._desk.keep_action(action.as_row(), None)

    async def asked(self, action: Action, seconds: float) -> Action:
        """Write its row within so many seconds; the action with its number. Raises what goes wrong."""
        written = self._desk.insert_action(action.as_row())
        # Buildbot's pool may try for a day; nobody waits so long, and nothing may be done so late
        number = await written.addTimeout(seconds, self._clock)
        self.own.add(number)
        return dataclasses.replace(action, id=number)

    async def taken(self, action: Action, seconds: float) -> Action:
        """The same of one whose row another master has written: what this one has found goes into it."""
        action = await self.asked(action, seconds)
        assert action.id is not None
        found = {"verdict": action.verdict.as_json(), "pause": action.pause}
        await self._desk.update_action(action.id, found).addTimeout(seconds, self._clock)
        return action

    async def written_first(
        self,
        known: Known,
        action: Action,
        seconds: float,
        *,
        is_carried: bool,
        undone: str = "while writing an action; nothing was done",
    ) -> Action:
        """Its row, written within so many seconds before anything is done; the worker's history tells it.

        ``is_carried``: another master has written the row; ``undone`` is the line of the log where it
        fails. Raises `Refusal`.
        """
        write = self.taken if is_carried else self.asked
        try:
            action = await write(action, seconds)
        except Exception as error:
            log_error(error, f"lifecycle: {undone}")
            raise Refusal(
                "behind",
                "the action could not be written to the database, so nothing was done; try again",
            ) from error
        self.note(known, action)
        return action

    async def ended(self, action: Action, status: str, outcome: str, steps: list[Step]) -> Action:
        """Write what came of it. Never raises: then the row says ``asked``, and the log why."""
        action = action.ended(status, outcome, steps, self._clock.seconds())
        try:
            if action.id is not None:
                await self._desk.update_action(action.id, action.came_of_it())
            elif action.status != "asked":
                self._desk.keep_action(action.as_row(), action.came_of_it())
        except Exception as error:
            log_error(error, f"lifecycle: while writing what came of action {action.id}")
        return action

    async def came(
        self, number: int, status: str, outcome: str, steps: list[Step]
    ) -> dict[str, Any]:
        """The same of an action of which only the row is there; the part of the row that changes."""
        changes = {
            "status": status,
            "outcome": outcome,
            "steps": [step.as_json() for step in steps],
            "finished_at": None if status == "asked" else self._clock.seconds(),
        }
        try:
            await self._desk.update_action(number, changes)
        except Exception as error:
            log_error(error, f"lifecycle: while writing what came of action {number}")
        return changes

    def note(self, known: Known, action: Action) -> None:
        """Let the worker's history tell of it."""
        if action.id is not None:
            self.tell(known, action.id, action.as_row())

    def tell(self, known: Known, number: int, row: Mapping[str, Any]) -> None:
        """The same, by its row."""
        self._logbook.note(known, event_of(number, row))


def event_of(number: int, row: Mapping[str, Any], **more: Any) -> events.Action:
    """What a worker's history tells of an action; ``more`` are further fields of that event."""
    return events.Action(
        action=number,
        what=row["what"],
        actor=row["actor"],
        actor_kind=row["actor_kind"],
        reason=row["reason"],
        status=row["status"],
        outcome=row["outcome"],
        **more,
    )
