"""The fields of every resource and what can be asked of them, as Buildbot's own entity types.

Buildbot's REST grammar (``DataConnector.resultspec_from_jsonapi``) reads the query by these. A
field of type `Shown` is in the answer, but cannot be filtered or ordered by: it is an object, or it
is not a column of the database.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from buildbot.data import types

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.requests import ACTORS, CLOSERS
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts import LEVELS
from buildbot_lifecycle.www.shapes import (
    ABANDONED,
    BUILD,
    BUILDING,
    CAUSE,
    COUNT,
    FAILURE,
    NUMBER,
    OBJECT,
    PENDING,
    PHASE,
    STEP,
    STRING,
    TIME,
    TRUE_OR_FALSE,
    VERDICT,
    WHOLE,
    Schema,
    many,
    or_null,
    words,
)
from buildbot_lifecycle.www.wire import MAX_ID

_NUMERIC = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "in", "notin"})
_WORD = frozenset({"eq", "ne", "in", "notin"})


class Field:
    """What all fields have: how they can be compared, in words what they take, their JSON schema."""

    ops: frozenset[str] = frozenset()
    expected = ""
    _schema: Schema

    def __init__(self, *, null: bool = False) -> None:
        super().__init__()
        self.null = null

    def schema(self, *, asked: bool = False) -> Schema:
        """Of a value in an answer; with `asked`, of one in a query."""
        plain = self._asked() if asked else self._schema
        return or_null(plain) if self.null and not asked else plain

    def _asked(self) -> Schema:
        return self._schema


class Whole(Field, types.Integer):
    """A whole number that every database can compare with (64 bit)."""

    ops = _NUMERIC
    expected = "a whole number"
    _schema = WHOLE

    def _asked(self) -> Schema:
        return {**self._schema, "minimum": -MAX_ID, "maximum": MAX_ID}

    def valueFromString(self, arg: bytes) -> int:  # noqa: N802  # Buildbot's name
        """Raise ValueError unless `arg` is plain digits; int() would take ``1_0`` and `` 1``."""
        if not re.fullmatch(rb"-?[0-9]{1,19}", arg) or abs(int(arg)) > MAX_ID:
            raise ValueError(arg)
        return int(arg)


class Number(Field, types.Instance):
    """A number; times are epoch seconds."""

    name = "number"
    types = (int, float)
    ops = _NUMERIC
    expected = "a number"
    _schema = NUMBER

    def valueFromString(self, arg: bytes) -> float:  # noqa: N802
        """Raise ValueError unless `arg` is a finite decimal number."""
        if not re.fullmatch(rb"-?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?", arg):
            raise ValueError(arg)
        value = float(arg)
        if not math.isfinite(value):
            raise ValueError(arg)
        return value


class Text(Field, types.String):
    """Any text."""

    ops = _NUMERIC | {"contains"}
    expected = "text in UTF-8"
    _schema = STRING

    def _asked(self) -> Schema:
        return {"type": "string", "pattern": "^[^\\u0000]*$"}

    def valueFromString(self, arg: bytes) -> str:  # noqa: N802
        """Raise ValueError if `arg` is not UTF-8, or has a NUL, which PostgreSQL refuses."""
        value = arg.decode("utf-8")
        if "\0" in value:
            raise ValueError(arg)
        return value


class Truth(Field, types.Boolean):
    """True or false, in Buildbot's spellings."""

    ops = frozenset({"eq", "ne"})
    expected = "true or false"
    _schema = TRUE_OR_FALSE


class Word(Field, types.String):
    """One of a fixed set of words; later versions may answer more of them."""

    ops = _WORD

    def __init__(self, words: Iterable[str], *, null: bool = False) -> None:
        super().__init__(null=null)
        self.words = tuple(words)
        self.expected = f"one of {', '.join(self.words)}"
        self._schema = {"type": "string", "x-extensible-enum": list(self.words)}

    def _asked(self) -> Schema:
        return {"type": "string", "enum": list(self.words)}

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


class Shown(Field, types.JsonObject):
    """Something that is answered and cannot be asked for, and its JSON schema."""

    expected = "no filter"

    def __init__(self, schema: Schema, *, null: bool = False) -> None:
        super().__init__(null=null)
        self._schema = schema


def _entity(singular: str, **fields: Any) -> Any:
    """An Entity built from names, since ``from`` and ``class`` cannot be written as attributes."""
    kind = type(singular, (types.Entity,), {field.rstrip("_"): of for field, of in fields.items()})
    return kind(singular)


def _words(of: type[enum.Enum], *, null: bool = False) -> Word:
    return Word((str(member.value) for member in of), null=null)


_STATE = _words(State)
_OUTCOMES = (
    "ok", "start_failed", "stop_failed", "never_connected", "lost", "released", "cancelled",
    "build_refused", "unknown",
)  # fmt: skip

WORKER = _entity(
    "worker",
    workerid=Whole(),
    name=Text(),
    masterid=Whole(),
    master=Text(),
    class_=Text(),
    state=_STATE,
    state_since=Number(null=True),
    connected=Truth(),
    building=Shown(many(BUILDING)),
    paused=Truth(),
    pause_reason=Text(null=True),
    episode=Whole(null=True),
    instance=Text(null=True),
    pending=Shown(PENDING, null=True),
    abandoned=Shown(many(ABANDONED), null=True),
    refused=Whole(),
    held=Whole(),
    refused_open=Whole(null=True),
    orphans=Whole(),
    verdict=Shown(VERDICT),
    quarantined_until=Number(null=True),
    last_sign=Number(null=True),
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
        episode=Whole(null=True),
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
        episode=Whole(null=True),
        kind=_words(Kind),
        at=Number(),
        data=Shown(OBJECT),
    ),
    "episodes": _entity(
        "episode",
        id=Whole(),
        workerid=Whole(),
        worker=Text(),
        masterid=Whole(),
        started_at=Number(),
        ended_at=Number(null=True),
        outcome=Word(_OUTCOMES, null=True),
        failure=Shown(FAILURE, null=True),
        instance=Shown(STRING, null=True),
        build=Shown(BUILD, null=True),
        phases=Shown(many(PHASE)),
        connected_at=Shown(TIME, null=True),
        start_s=Number(null=True),
        connect_s=Number(null=True),
        up_s=Number(null=True),
        stop_s=Number(null=True),
        builds=Whole(),
    ),
    "actions": _entity(
        "action",
        id=Whole(),
        workerid=Whole(),
        worker=Text(),
        masterid=Whole(),
        episode=Whole(null=True),
        # Not a Word: policies will add their own.
        what=Text(),
        actor=Text(),
        actor_kind=Shown(words(*ACTORS)),
        reason=Shown(STRING),
        at=Number(),
        status=Word(("asked", "done", "failed", "refused")),
        finished_at=Number(null=True),
        steps=Shown(many(STEP)),
        outcome=Shown(STRING, null=True),
        verdict=Shown(VERDICT, null=True),
        pause=Shown(TRUE_OR_FALSE),
        override=Shown(TRUE_OR_FALSE),
    ),
    "orphans": _entity(
        "orphan",
        id=Whole(),
        workerid=Whole(),
        worker=Text(),
        class_=Shown(STRING),
        masterid=Whole(),
        episode=Whole(null=True),
        instance=Shown(STRING, null=True),
        opened_at=Number(),
        cause=Shown(CAUSE),
        why=Shown(STRING),
        times=Shown(COUNT),
        closed_at=Number(null=True),
        closed_by=Shown(STRING, null=True),
        closed_by_kind=Shown(words(*CLOSERS), null=True),
        note=Shown(STRING, null=True),
        open=FilterOnlyTruth(),
    ),
}
