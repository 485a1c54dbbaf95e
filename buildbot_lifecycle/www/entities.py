"""The fields of every resource and what can be asked of them, as Buildbot's own entity types.

Buildbot's REST grammar (``DataConnector.resultspec_from_jsonapi``) reads the query by these. A
field of type `Shown` is in the answer, but cannot be filtered or ordered by: it is an object, or it
is not a column of the database.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from buildbot.data import types

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts import LEVELS
from buildbot_lifecycle.www.wire import MAX_ID

_NUMERIC = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "in", "notin"})
_WORD = frozenset({"eq", "ne", "in", "notin"})


class Whole(types.Integer):
    """A whole number that every database can compare with (64 bit)."""

    ops = _NUMERIC
    expected = "a whole number"

    def valueFromString(self, arg: bytes) -> int:  # noqa: N802  # Buildbot's name
        """Raise ValueError unless `arg` is plain digits; int() would take ``1_0`` and `` 1``."""
        if not re.fullmatch(rb"-?[0-9]{1,19}", arg) or abs(int(arg)) > MAX_ID:
            raise ValueError(arg)
        return int(arg)


class Number(types.Instance):
    """A number; times are epoch seconds."""

    name = "number"
    types = (int, float)
    ops = _NUMERIC
    expected = "a number"

    def valueFromString(self, arg: bytes) -> float:  # noqa: N802
        """Raise ValueError unless `arg` is a finite decimal number."""
        if not re.fullmatch(rb"-?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?", arg):
            raise ValueError(arg)
        value = float(arg)
        if not math.isfinite(value):
            raise ValueError(arg)
        return value


class Text(types.String):
    """Any text."""

    ops = _NUMERIC | {"contains"}
    expected = "text in UTF-8"

    def valueFromString(self, arg: bytes) -> str:  # noqa: N802
        """Raise ValueError if `arg` is not UTF-8, or has a NUL, which PostgreSQL refuses."""
        value = arg.decode("utf-8")
        if "\0" in value:
            raise ValueError(arg)
        return value


class Truth(types.Boolean):
    """True or false, in Buildbot's spellings."""

    ops = frozenset({"eq", "ne"})
    expected = "true or false"


class Word(types.String):
    """One of a fixed set of words."""

    ops = _WORD

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__()
        self.words = tuple(words)
        self.expected = f"one of {', '.join(self.words)}"

    def valueFromString(self, arg: bytes) -> str:  # noqa: N802
        """Raise ValueError for a word that is not in the set."""
        value = arg.decode("utf-8")
        if value not in self.words:
            raise ValueError(arg)
        return value


class FilterOnly:
    """Beside one of the types: something that can be asked for and is no field of the answer."""


class FilterOnlyTruth(FilterOnly, Truth):
    """True or false, as a filter."""


class FilterOnlyWord(FilterOnly, Word):
    """One of a set of words, as a filter."""


class Shown(types.JsonObject):
    """Something that is answered and cannot be asked for."""

    ops: frozenset[str] = frozenset()
    expected = "no filter"


def _entity(singular: str, **fields: Any) -> Any:
    """An Entity built from names, since ``from`` and ``class`` cannot be written as attributes."""
    kind = type(singular, (types.Entity,), {field.rstrip("_"): of for field, of in fields.items()})
    return kind(singular)


def _words(of: type[enum.Enum]) -> Word:
    return Word(str(member.value) for member in of)


_STATE = _words(State)
_OUTCOMES = (
    "ok", "start_failed", "stop_failed", "never_connected", "released", "cancelled", "unknown"
)  # fmt: skip

WORKER = _entity(
    "worker",
    workerid=Whole(),
    name=Text(),
    masterid=Whole(),
    master=Text(),
    class_=Text(),
    state=_STATE,
    state_since=Number(),
    connected=Truth(),
    building=Shown(),
    paused=Truth(),
    pause_reason=Text(),
    episode=Whole(),
    instance=Text(),
    pending=Shown(),
    refused=Whole(),
    held=Whole(),
    verdict=Shown(),
    forceable=Truth(),
    live=Truth(),
    updated_at=Number(),
    level=FilterOnlyWord(LEVELS),
)

#: How a filter that is no field of a worker is read off its row.
OF_WORKER: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "level": lambda row: row["verdict"]["level"],
}

#: What is paged by key, newest first: the plural in the path -> its fields.
HISTORY: dict[str, Any] = {
    "transitions": _entity(
        "transition",
        id=Whole(),
        workerid=Whole(),
        masterid=Whole(),
        episode=Whole(),
        from_=_STATE,
        to=_STATE,
        at=Number(),
        expected=Truth(),
    ),
    "events": _entity(
        "event",
        id=Whole(),
        workerid=Whole(),
        masterid=Whole(),
        episode=Whole(),
        kind=_words(Kind),
        at=Number(),
        data=Shown(),
    ),
    "episodes": _entity(
        "episode",
        id=Whole(),
        workerid=Whole(),
        worker=Text(),
        masterid=Whole(),
        started_at=Number(),
        ended_at=Number(),
        outcome=Word(_OUTCOMES),
        failure=Shown(),
        instance=Shown(),
        build=Shown(),
        phases=Shown(),
        connected_at=Shown(),
        builds=Whole(),
    ),
    "actions": _entity(
        "action",
        id=Whole(),
        workerid=Whole(),
        worker=Text(),
        masterid=Whole(),
        episode=Whole(),
        # Not a Word: policies will add their own.
        what=Text(),
        actor=Text(),
        reason=Shown(),
        at=Number(),
        status=Word(("asked", "done", "failed", "refused")),
        finished_at=Number(),
        steps=Shown(),
        outcome=Shown(),
        verdict=Shown(),
        pause=Shown(),
        override=Shown(),
    ),
    "orphans": _entity(
        "orphan",
        id=Whole(),
        workerid=Whole(),
        worker=Text(),
        masterid=Whole(),
        episode=Whole(),
        instance=Shown(),
        opened_at=Number(),
        why=Shown(),
        closed_at=Number(),
        closed_by=Shown(),
        note=Shown(),
        open=FilterOnlyTruth(),
    ),
}
