"""The census: instances as their cloud lists them, joined with what the master knows."""

from __future__ import annotations

from typing import Annotated

from buildbot_lifecycle.core.census import STANDINGS, STATES
from buildbot_lifecycle.shapes.base import Count, Seconds, Shape, Time, words


class Instance(Shape, frozen=True, kw_only=True):
    """One instance: whose it is, what its cloud says of it, and what it is to this master.

    ``name`` is empty where nobody knows it. ``seen`` is when the cloud listed it last: null, if only
    the ledger or the master knows of it. ``why`` is a word for why the standing is not known.
    """

    id: str
    name: str
    masterid: int
    workerid: int | None
    worker: str | None
    class_: str | None
    place: str
    state: Annotated[str, words(*STATES)]
    standing: Annotated[str, words(*STANDINGS)]
    why: str | None
    born: Time | None
    kind: str | None
    cost: float | None
    link: str | None
    orphan: int | None
    episode: int | None
    seen: Time | None
    endable: bool
    why_not: str | None


class PlaceError(Shape, frozen=True, kw_only=True):
    """Why a place could not be asked: a word, and a sentence."""

    why: str
    text: str


class Place(Shape, frozen=True, kw_only=True):
    """Where instances are: asked when, for how long, and how many of this master's it listed."""

    place: str
    class_: str
    asked: Time | None
    took_s: Seconds | None
    count: Count | None
    error: PlaceError | None
    can_list: bool


class CensusMeta(Shape, frozen=True, kw_only=True):
    """How many instances, when the last census ended (null: none was taken), and whether one runs."""

    total: Count
    taken: Time | None
    taking: bool
    next: str | None = None
    now: Time


class Instances(Shape, frozen=True, kw_only=True):
    """The census as the service answers it; ``total`` is that of all instances."""

    instances: tuple[Instance, ...]
    places: tuple[Place, ...]
    meta: CensusMeta
