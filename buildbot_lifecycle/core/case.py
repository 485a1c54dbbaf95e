"""A worker as it was looked at once, so that check, plan and warnings speak of the same moment."""

from __future__ import annotations

import dataclasses

from buildbot_lifecycle.core import ladder
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.ladder import Situation, Step
from buildbot_lifecycle.core.verdicts.verdict import Verdict


@dataclasses.dataclass(frozen=True)
class Case:
    """What a force disconnect is decided on, as of ``at`` (epoch seconds)."""

    facts: Facts
    situation: Situation
    verdict: Verdict
    at: float

    @property
    def episode(self) -> int | None:
        """The number of the worker's episode."""
        return self.facts.episode.id if self.facts.episode else None

    def check(self, *, override: bool) -> None:
        """Raise `Refusal` unless a force disconnect may be done."""
        ladder.check_eligible(
            self.facts, self.situation, self.verdict, override=override, now=self.at
        )

    def plan(self, *, pause: bool, last: bool = False) -> list[Step]:
        """The steps of it; see `ladder.plan`."""
        return ladder.plan(self.facts, self.situation, pause=pause, last=last)

    def warnings(self, *, pause: bool) -> list[str]:
        """What a person must know before it is done."""
        return ladder.warnings(self.facts, pause=pause)
