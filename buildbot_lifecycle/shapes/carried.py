"""What one master asks of another, and the answer: what is stored of both as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.shapes.base import Shape


class Asker(Shape, frozen=True, kw_only=True):
    """Who asks, as the master that was asked has found out."""

    kind: str
    name: str


class Message(Shape, frozen=True, kw_only=True):
    """What is asked. The shape of the arguments is that of the kind of act."""

    actor: Asker
    arguments: Mapping[str, Any]


class Refused(Shape, frozen=True, kw_only=True):
    """A refusal of the owner."""

    code: str
    text: str
    details: Mapping[str, Any]


class Reply(Shape, frozen=True, kw_only=True):
    """What came of it: exactly one of them is not None."""

    refused: Refused | None
    answer: Mapping[str, Any] | None


class ForceArguments(Shape, frozen=True, kw_only=True):
    """A force disconnect, or the plan of one."""

    episode: int | None
    confirm: str
    reason: str
    pause: bool | None
    dry_run: bool
    override: bool


class PauseArguments(Shape, frozen=True, kw_only=True):
    """A pause, or the end of one."""

    pause: bool
    reason: str


class ResolveArguments(Shape, frozen=True, kw_only=True):
    """An entry of the ledger that is to be closed."""

    orphan: int
    note: str


class InstanceArguments(Shape, frozen=True, kw_only=True):
    """An instance of the master that is asked."""

    id: str


class EndArguments(Shape, frozen=True, kw_only=True):
    """The end of an instance, or the plan of one; ``workerid`` is whose it was when rights were asked."""

    id: str
    workerid: int | None
    confirm: str
    reason: str
    dry_run: bool
