"""What the end of an instance would do, and what came of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from buildbot_lifecycle.shapes.base import Shape
from buildbot_lifecycle.shapes.history import Action
from buildbot_lifecycle.shapes.instances import Instance
from buildbot_lifecycle.shapes.parts import PlannedStep


class EndPlan(Shape, frozen=True, kw_only=True):
    """What the end of an instance would do."""

    eligible: bool
    why_not: str | None
    code: str | None
    steps: tuple[PlannedStep, ...]
    warnings: tuple[str, ...]
    instance: Instance


class Found(NamedTuple):
    """An instance that is to be ended. Of another master's, ``target`` is what the audit says of it.

    It is None where its owner would refuse the end, and will say why.
    """

    instance: Instance
    target: Mapping[str, Any] | None = None


class Ended(NamedTuple):
    """The answer to an end: either the action, with an outcome or without, or the plan."""

    action: Action | None = None
    dry_run: EndPlan | None = None
    is_over: bool = True
