"""What a force disconnect would do, and what came of one."""

from __future__ import annotations

from typing import NamedTuple

from buildbot_lifecycle.shapes.base import Shape
from buildbot_lifecycle.shapes.history import Action
from buildbot_lifecycle.shapes.instances import Instance
from buildbot_lifecycle.shapes.parts import Building, Frame, PlannedStep, Verdict


class DryRun(Shape, frozen=True, kw_only=True):
    """What a force disconnect would do."""

    eligible: bool
    why_not: str | None
    code: str | None
    steps: tuple[PlannedStep, ...]
    warnings: tuple[str, ...]
    episode: int | None
    verdict: Verdict
    instance: str | None
    build: Building | None
    builds: tuple[Building, ...]
    where: tuple[Frame, ...]


class Forced(NamedTuple):
    """The answer to a force disconnect: either the action, with an outcome or without, or the plan."""

    action: Action | None = None
    dry_run: DryRun | None = None
    #: what it left, if it left one: it can be ended next, or why not
    instance: Instance | None = None
    is_over: bool = True
