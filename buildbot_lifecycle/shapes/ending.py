"""What the end of an instance would do, and what came of one."""

from __future__ import annotations

from typing import NamedTuple

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


class Ended(NamedTuple):
    """The answer to an end: either the action, with an outcome or without, or the plan."""

    action: Action | None = None
    dry_run: EndPlan | None = None
    is_over: bool = True
