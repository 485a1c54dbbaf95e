"""An action: what a person or a policy asked for, with who, why and the outcome."""

from __future__ import annotations

import dataclasses
from typing import Any

from buildbot_lifecycle.core.case import Case
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.requests import Actor
from buildbot_lifecycle.core.verdicts.verdict import Verdict


@dataclasses.dataclass(frozen=True)
class Action:
    """One action as it stands now; what changes makes another value of it.

    ``token`` names it before the database has given it its number, ``id``.
    """

    token: str
    what: str
    workerid: int
    worker: str
    episode: int | None
    actor: Actor
    reason: str
    at: float
    verdict: Verdict
    pause: bool = False
    override: bool = False
    #: the instance that is to be ended, or that is left when the worker was released
    instance: str | None = None
    #: its entry in the ledger
    orphan: int | None = None
    id: int | None = None
    status: str = "asked"
    outcome: str | None = None
    steps: tuple[Step, ...] = ()
    finished_at: float | None = None

    def ended(self, status: str, outcome: str, steps: list[Step], at: float) -> Action:
        """The same with what came of it; one that is still ``asked`` has not finished."""
        finished_at = None if status == "asked" else at
        return dataclasses.replace(
            self, status=status, outcome=outcome, steps=tuple(steps), finished_at=finished_at
        )

    def as_json(self) -> dict[str, Any]:
        """As in REST, but for the number of the master."""
        row = self.as_row()
        del row["token"]
        return row if self.id is None else {**row, "id": self.id}

    def as_row(self) -> dict[str, Any]:
        """As it is written first: without its number, which the database gives."""
        return {
            "token": self.token,
            "workerid": self.workerid,
            "worker": self.worker,
            "episode": self.episode,
            "what": self.what,
            "actor": self.actor.name,
            "actor_kind": self.actor.kind,
            "reason": self.reason,
            "at": self.at,
            "verdict": self.verdict.as_json(),
            "pause": self.pause,
            "override": self.override,
            **self.came_of_it(),
        }

    def came_of_it(self) -> dict[str, Any]:
        """The part of the row that changes."""
        return {
            "status": self.status,
            "outcome": self.outcome,
            "steps": [step.as_json() for step in self.steps],
            "finished_at": self.finished_at,
            "instance": self.instance,
            "orphan": self.orphan,
        }


def asked(
    case: Case,
    token: str,
    what: str,
    worker: str,
    actor: Actor,
    reason: str,
    *,
    pause: bool = False,
    override: bool = False,
) -> Action:
    """An action on a worker of this name, as of the case."""
    return Action(
        token=token,
        what=what,
        workerid=case.facts.workerid,
        worker=worker,
        episode=case.episode,
        actor=actor,
        reason=reason,
        at=case.at,
        verdict=case.verdict,
        pause=pause,
        override=override,
    )
