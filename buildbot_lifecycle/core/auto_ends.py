"""When an instance may be ended without a person: what is there, for nobody, for long."""

from __future__ import annotations

import dataclasses

from buildbot_lifecycle.core.census import NOBODYS, Row
from buildbot_lifecycle.core.settings import AutoEnd

#: How often in a row the cloud must have said of this very instance that it is there.
PROOFS = 2

#: Seconds after which an answer of the cloud counts no more: of one instance, and of a look at all.
PROOF_HOLDS, LOOK_HOLDS = 120.0, 300.0

#: What may be ended at all.
ENDED = ("in_ledger", NOBODYS)

#: The word for a look that is too old: another one is taken.
OLD_LOOK = "old_look"


@dataclasses.dataclass(frozen=True)
class Proven:
    """How often in a row the cloud has said that it is there, and when it said so last."""

    times: int = 0
    at: float | None = None


def is_young(opened_at: float, rule: AutoEnd, now: float) -> bool:
    """Whether an entry is not open for long enough."""
    return now < opened_at + rule.after


def why_not(row: Row, proven: Proven, now: float) -> str | None:
    """A word for why an instance is left alone whose entry is old enough; None: it may be ended."""
    if row.standing not in ENDED:
        return "standing"
    if not row.name:
        return "no_name"
    if proven.times < PROOFS or proven.at is None or now > proven.at + PROOF_HOLDS:
        return "not_proven"
    if row.standing == NOBODYS and (row.seen is None or now > row.seen + LOOK_HOLDS):
        return OLD_LOOK
    return None
