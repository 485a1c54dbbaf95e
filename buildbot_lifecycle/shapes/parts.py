"""Parts of several answers: a build, a function that waits, a call, a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from buildbot_lifecycle.core import facts
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts import verdict as verdicts
from buildbot_lifecycle.core.verdicts.verdict import LEVELS
from buildbot_lifecycle.shapes.base import UNSET, Seconds, Shape, Time, UnsetType, words

StateName = Annotated[str, words(*(state.value for state in State))]
Cause = Annotated[str, words("release", "stop_failed", "late_start", "crash", "nobodys")]
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


def buildings(builds: Iterable[Mapping[str, Any]]) -> tuple[Building, ...]:
    """Builds that go on, from the JSON that is kept of them. Raises `msgspec.ValidationError`."""
    return msgspec.convert(tuple(builds), tuple[Building, ...])


class Frame(Shape, frozen=True, kw_only=True):
    """One function that waits: its file, line and name."""

    file: str
    line: int
    function: str


def frames(found: Iterable[Mapping[str, Any]]) -> tuple[Frame, ...]:
    """Functions that wait, from the JSON that is kept of them."""
    return msgspec.convert(tuple(found), tuple[Frame, ...])


class Call(Shape, frozen=True, kw_only=True):
    """A driver call under way, and when it began."""

    call: str
    since: Time

    @staticmethod
    def of(call: facts.Call) -> Call:
        """A call as the facts have it."""
        return Call(call=call.call, since=call.since)


class Verdict(Shape, frozen=True, kw_only=True):
    """What the rules say: a level, a code for programs, and a reason in words and numbers."""

    level: Level
    code: str
    reason: str
    since: Time | None = None
    threshold_s: Seconds | None = None

    @staticmethod
    def of(said: verdicts.Verdict) -> Verdict:
        """What the rules have said; when it turns by itself is nobody else's business."""
        return Verdict(
            level=said.level,
            code=said.code,
            reason=said.reason,
            since=said.since,
            # a default limit is a number that knows it is one
            threshold_s=None if said.threshold_s is None else float(said.threshold_s),
        )


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
