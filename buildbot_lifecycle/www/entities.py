"""What can be asked of the fields of every resource, as Buildbot's own entity types.

Buildbot's REST grammar (``DataConnector.resultspec_from_jsonapi``) reads the query by these. They are
read off the shapes. A field of type `Shown` is in the answer, but cannot be filtered or ordered by: it
is an object, or it is not a column of the database.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from buildbot.data import types

from buildbot_lifecycle.core.verdicts.verdict import LEVELS
from buildbot_lifecycle.host import versions
from buildbot_lifecycle.shapes import history
from buildbot_lifecycle.shapes.base import Shape, members
from buildbot_lifecycle.shapes.instances import Instance
from buildbot_lifecycle.shapes.workers import Worker
from buildbot_lifecycle.www.wire import MAX_ID

Schema = Mapping[str, Any]

_NUMERIC = frozenset({"eq", "ne", "lt", "le", "gt", "ge", "in", "notin"})
_WORD = frozenset({"eq", "ne", "in", "notin"})


class Field:
    """What all fields have: how they can be compared, in words what they take, its JSON schema."""

    ops: frozenset[str] = frozenset()
    expected = ""
    _schema: ClassVar[Schema] = {}

    @property
    def schema(self) -> Schema:
        """Of a value in a query."""
        return self._schema


class Whole(Field, types.Integer):
    """A whole number that every database can compare with (64 bit)."""

    ops = _NUMERIC
    expected = "a whole number"
    _schema: ClassVar[Schema] = {"type": "integer", "minimum": -MAX_ID, "maximum": MAX_ID}

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
    _schema: ClassVar[Schema] = {"type": "number"}

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
    _schema: ClassVar[Schema] = {"type": "string", "pattern": "^[^\\u0000]*$"}

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
    _schema: ClassVar[Schema] = {"type": "boolean"}


class Word(Field, types.String):
    """One of a fixed set of words; later versions may answer more of them."""

    ops = _WORD

    def __init__(self, words: Iterable[str]) -> None:
        super().__init__()
        self.words = tuple(words)
        self.expected = f"one of {', '.join(self.words)}"

    @property
    def schema(self) -> Schema:
        """Of a value in a query."""
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
    """Something that is answered and cannot be asked for."""

    expected = "no filter"


_PLAIN: Mapping[str, Callable[[], Field]] = {
    "integer": Whole,
    "number": Number,
    "string": Text,
    "boolean": Truth,
}


def _field(schema: Schema) -> Field:
    """How the values of a member can be asked for, by its schema."""
    kinds = [each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"]
    if len(kinds) == 1 and "x-extensible-enum" in kinds[0]:
        return Word(kinds[0]["x-extensible-enum"])
    return _PLAIN.get(str(kinds[0].get("type")), Shown)()


def _entity(shape: type[Shape], shown: Iterable[str] = (), **filters: Field) -> Any:
    """The fields of a shape, of which some are only shown; and filters that are no fields."""
    fields = {name: Shown() if name in shown else _field(of) for name, of in members(shape).items()}
    singular = shape.__name__.lower()
    kind = type(singular, (types.Entity,), {**fields, **filters})
    entity = versions.entity(kind, singular)
    entity.shape = shape
    return entity


WORKER = _entity(Worker, level=FilterOnlyWord(LEVELS))

INSTANCE = _entity(Instance, shown=("link",))

#: How a filter that is no field of a worker is read off its row.
OF_WORKER: dict[str, Callable[[Any], Any]] = {
    "level": lambda row: row["verdict"]["level"],
}

#: What is paged by key, newest first: the plural in the path -> its fields. What is no column of the
#: database is only shown.
HISTORY: dict[str, Any] = {
    "transitions": _entity(history.Transition),
    "events": _entity(history.Event),
    "episodes": _entity(history.Episode, shown=("instance", "connected_at")),
    "actions": _entity(
        history.Action,
        shown=("actor_kind", "reason", "outcome", "pause", "override", "instance", "orphan"),
    ),
    "orphans": _entity(
        history.Orphan,
        shown=(
            "class",
            "instance",
            "place",
            "cause",
            "why",
            "times",
            "closed_by",
            "closed_by_kind",
            "note",
        ),
        open=FilterOnlyTruth(),
    ),
}
