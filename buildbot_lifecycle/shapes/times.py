"""Which fields of a value are times, and the value with all of them turned by a function.

Inside the process times are steady (`core.steady`); what leaves it has the wall clock's. Read off the
annotations: `facts.Time` in the core, `base.Time` in shapes.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, Union

import msgspec

from buildbot_lifecycle.core import facts
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.steady import Reckoning
from buildbot_lifecycle.shapes import base
from buildbot_lifecycle.shapes.events import KINDS

_V = TypeVar("_V")

#: Turns one time.
_To = Callable[[float], float]
#: Turns all times in a value of one type.
_Turn = Callable[[Any, _To], Any]

_MARKS = (*typing.get_args(facts.Time)[1:], *typing.get_args(base.Time)[1:])


def by_wall(value: _V, reckoning: Reckoning) -> _V:
    """A dataclass of the core or a shape, with the wall clock's times."""
    if reckoning.is_identity:
        return value
    of: Any = type(value)
    turned: _V = _of_class(of)(value, reckoning)
    return turned


def event_by_wall(event: Event, reckoning: Reckoning) -> Event:
    """An event with the wall clock's times, those in its data too."""
    if reckoning.is_identity:
        return event
    data = _of_class(KINDS[event.kind])(event.data, reckoning)
    return dataclasses.replace(event, at=reckoning(event.at), data=data)


def row_by_wall(row: Mapping[str, Any], reckoning: Reckoning, *names: str) -> dict[str, Any]:
    """A row as JSON, of which these keys are times where they are there; `a.b` is one in an object."""
    told = dict(row)
    for name in () if reckoning.is_identity else names:
        outer, _, inner = name.partition(".")
        value = told.get(outer)
        if value is None:
            continue
        told[outer] = row_by_wall(value, reckoning, inner) if inner else reckoning(value)
    return told


@functools.cache
def _of_class(cls: Any) -> _Turn:
    """For a dataclass or a shape, and for the JSON of it."""
    hints = typing.get_type_hints(cls, include_extras=True)
    names = (
        [field.name for field in dataclasses.fields(cls)]
        if dataclasses.is_dataclass(cls)
        else list(getattr(cls, "__struct_fields__", ()))
    )
    found = {name: turn for name in names if (turn := _of(hints[name])) is not None}

    def turn_all(value: Any, to: _To) -> Any:
        if isinstance(value, Mapping):
            return {**value, **{n: turn(value[n], to) for n, turn in found.items() if n in value}}
        changes = {name: turn(getattr(value, name), to) for name, turn in found.items()}
        if isinstance(value, msgspec.Struct):
            return msgspec.structs.replace(value, **changes)
        return dataclasses.replace(value, **changes)

    return turn_all


def _of(hint: Any) -> _Turn | None:
    """For what is annotated so; None: there is no time in it."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Annotated:
        is_time = any(mark in _MARKS for mark in args[1:])
        return _turn_one if is_time else _of(args[0])
    if origin in (Union, types.UnionType):
        turns = [turn for turn in map(_of, args) if turn is not None]
        return _unless_missing(turns[0]) if turns else None
    if origin is tuple:
        return _of_tuple(args)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _turn_since
    is_ours = isinstance(hint, type) and (
        dataclasses.is_dataclass(hint) or issubclass(hint, msgspec.Struct)
    )
    return _of_class(hint) if is_ours else None


def _of_tuple(args: tuple[Any, ...]) -> _Turn | None:
    if args[1:] == (Ellipsis,):
        each = _of(args[0])
        return None if each is None else lambda value, to: tuple(each(one, to) for one in value)
    turns = [_of(arg) for arg in args]
    if not any(turns):
        return None

    def turn(value: Any, to: _To) -> Any:
        return tuple(one if turn is None else turn(one, to) for one, turn in zip(value, turns))

    return turn


def _unless_missing(turn: _Turn) -> _Turn:
    def turn_some(value: Any, to: _To) -> Any:
        return value if value is None or value is msgspec.UNSET else turn(value, to)

    return turn_some


def _turn_one(value: Any, to: _To) -> Any:
    return to(value)


def _turn_since(value: Any, to: _To) -> Any:
    """JSON that the core keeps of a build: since when it goes on."""
    since = value.get("since")
    return value if since is None else {**value, "since": to(since)}
