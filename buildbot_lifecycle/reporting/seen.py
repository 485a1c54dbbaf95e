"""What a look of a generator finds, with which what was told is compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True)
class SeenStay:
    """A worker that is in a level which is told."""

    name: str
    level: str
    code: str
    episode: int | None
    since: float


@dataclasses.dataclass(frozen=True)
class SeenAction:
    """A release, newer than `Memory.done`; ``is_ours`` False: one of no interest."""

    at: float
    is_over: bool
    is_ours: bool = True


@dataclasses.dataclass(frozen=True)
class SeenEntry:
    """An open entry."""

    worker: str
    workerid: int
    opened_at: float


@dataclasses.dataclass(frozen=True)
class Look:
    """What there is now, by workerid and number; ``behind_since``: of the oldest event not written."""

    stays: Mapping[int, SeenStay] = dataclasses.field(default_factory=dict)
    actions: Mapping[int, SeenAction] = dataclasses.field(default_factory=dict)
    entries: Mapping[int, SeenEntry] = dataclasses.field(default_factory=dict)
    behind_since: float | None = None
