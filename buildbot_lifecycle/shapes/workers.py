"""A worker as it is now."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from buildbot_lifecycle.shapes.base import Count, Seconds, Shape, Time
from buildbot_lifecycle.shapes.encoded import Encoded
from buildbot_lifecycle.shapes.parts import (
    Building,
    Call,
    Pending,
    StateName,
    Verdict,
)
from buildbot_lifecycle.shapes.to_do import ToDo


class Worker(Shape, frozen=True, kw_only=True):
    """One latent worker: of this master as of now, of another one as it last wrote it down.

    What only its own master knows is null of another master's worker.
    """

    workerid: int
    name: str
    masterid: int
    master: str
    class_: str
    state: StateName
    state_since: Time | None
    connected: bool
    building: tuple[Building, ...]
    paused: bool
    pause_reason: str | None
    episode: int | None
    instance: str | None
    pending: Pending | None
    abandoned: tuple[Call, ...] | None
    refused: int
    held: int
    refused_open: int | None
    orphans: int
    verdict: Verdict
    to_do: ToDo | None
    quarantined_until: Time | None
    last_sign: Time | None
    forceable: bool
    live: bool
    updated_at: Time


@dataclasses.dataclass(frozen=True)
class Roll:
    """Workers as they are answered: ``rows`` of them, and how many there are in all.

    ``at`` is as of when (epoch seconds): it is every row's ``updated_at`` that is of its own master.
    ``first`` names some of them, stuck ones first.
    """

    rows: Sequence[Encoded]
    total: int
    at: float
    first: Sequence[int]


class Behind(Shape, frozen=True, kw_only=True):
    """What is not written yet: how many events, and since when."""

    events: Count
    since: Time | None


class Meta(Shape, frozen=True, kw_only=True):
    """The server's time, how far the database is behind, and how far other masters' clocks are apart."""

    now: Time
    behind: Behind
    clocks_differ_s: Seconds | None = None


class WorkersMeta(Meta, frozen=True, kw_only=True):
    """What stands beside workers: how many there are, and what this client may do."""

    total: Count
    can_force: bool
    details: bool
    user: str | None
