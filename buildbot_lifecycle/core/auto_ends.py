"""When an instance may be ended without a person: what is there, for nobody, for long."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

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


def by_entry(rows: Iterable[Row]) -> dict[int, Row]:
    """The instance of each entry of the ledger; without entries that several instances may be of."""
    found: dict[int, Row] = {}
    several = set()
    for row in rows:
        if row.orphan is None:
            continue
        if row.orphan in found:
            several.add(row.orphan)
        found[row.orphan] = row
    return {orphan: row for orphan, row in found.items() if orphan not in several}


def why_not(row: Row, named: str | None, proven: Proven, now: float) -> str | None:
    """A word for why an instance is left alone whose entry is old enough; None: it may be ended.

    ``named`` is its name in the entry, by which the cloud was asked.
    """
    if row.standing not in ENDED:
        return "standing"
    if not row.name or row.name != named:
        return "no_name"
    if proven.times < PROOFS or proven.at is None or now > proven.at + PROOF_HOLDS:
        return "not_proven"
    if row.standing == NOBODYS and (row.seen is None or now > row.seen + LOOK_HOLDS):
        return OLD_LOOK
    return None
