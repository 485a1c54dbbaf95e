"""Parts of several answers: a build, a function that waits, a call, a verdict."""

from __future__ import annotations

from typing import Annotated

from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts import LEVELS
from buildbot_lifecycle.shapes.base import UNSET, Seconds, Shape, Time, UnsetType, words

StateName = Annotated[str, words(*(state.value for state in State))]
Cause = Annotated[str, words("release", "stop_failed", "late_start", "crash")]
Level = Annotated[str, words(*LEVELS)]


class Build(Shape, frozen=True, kw_only=True):
    """A build as it is named to a person; null is what was not known yet."""

    buildid: int | None = None
    builderid: int | None = None
    builder: str
    number: int | None = None


class Building(Build, frozen=True, kw_only=True):
    """A build that goes on; since when is not known of those that were found at work."""

    since: Time | UnsetType = UNSET


class Frame(Shape, frozen=True, kw_only=True):
    """One function that waits: its file, line and name."""

    file: str
    line: int
    function: str


class Call(Shape, frozen=True, kw_only=True):
    """A driver call under way, and when it began."""

    call: str
    since: Time


class Verdict(Shape, frozen=True, kw_only=True):
    """What the rules say: a level, a code for programs, and a reason in words and numbers."""

    level: Level
    code: str
    reason: str
    since: Time | None = None
    threshold_s: Seconds | None = None


class Pending(Call, frozen=True, kw_only=True):
    """The oldest driver call that has not ended, and the functions that wait in it, outermost first."""

    where: tuple[Frame, ...] = ()


class PlannedStep(Shape, frozen=True, kw_only=True):
    """One step of a release: a word for a program, what it acts on, a sentence, and how it went."""

    step: str
    target: str
    text: str
    done: bool | None = None
    detail: str | None = None
