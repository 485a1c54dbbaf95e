"""What is left to do of a worker, as REST tells it; the rules are `core.to_do`."""

from __future__ import annotations

from typing import Annotated

from buildbot_lifecycle.core import to_do
from buildbot_lifecycle.core.requests import ACTORS
from buildbot_lifecycle.shapes.base import Shape, Time, words
from buildbot_lifecycle.shapes.parts import Call, Cause


class LeftInstance(Shape, frozen=True, kw_only=True):
    """An instance that may still run: its open entry of the ledger, and the means that there are.

    ``name`` is null where the driver had not said it. ``link`` is its address in the cloud's console,
    ``endable`` whether the driver can end an instance of this name; what stands against it is told by
    the dry run of the end.
    """

    orphan: int
    name: str | None
    cause: Cause
    since: Time
    link: str | None
    endable: bool


class LeftPause(Shape, frozen=True, kw_only=True):
    """A pause by a force disconnect (its action), or by an entry for a late start (its orphan)."""

    action: int | None
    orphan: int | None


class Released(Shape, frozen=True, kw_only=True):
    """The force disconnect that what is left comes of: its action, who asked for it, and when."""

    action: int
    by: str
    by_kind: Annotated[str, words(*ACTORS)]
    at: Time


class ToDo(Shape, frozen=True, kw_only=True):
    """What is left to do; ``released`` is null where it comes of no release, or of which is not known."""

    released: Released | None
    instances: tuple[LeftInstance, ...]
    pause: LeftPause | None
    calls: tuple[Call, ...]


def released(left: to_do.ToDo) -> Released | None:
    """The release as it is told."""
    known = left.release
    if known is None:
        return None
    return Released(action=known.action, by=known.by, by_kind=known.by_kind, at=known.at)
