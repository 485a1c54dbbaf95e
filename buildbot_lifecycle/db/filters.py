"""Conditions of a query on columns: the values as they came in a URL, made fit for the column.

What cannot be a value of its column is refused with a sentence (``bad_query``), before a database
sees it: each of them would complain in its own way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.core.requests import Filter, Refusal
from buildbot_lifecycle.db import schema

#: The largest number that a column can hold.
MAX_NUMBER = 2**63 - 1

_WORDS = {"true": True, "1": True, "on": True, "yes": True}
_WORDS.update({"false": False, "0": False, "off": False, "no": False})

_ORDERED: Mapping[str, Callable[[Any, Any], Any]] = {
    "lt": lambda column, value: column < value,
    "le": lambda column, value: column <= value,
    "gt": lambda column, value: column > value,
    "ge": lambda column, value: column >= value,
}


def condition(conn: sa.engine.Connection, fields: Mapping[str, Any], wanted: Filter) -> Any:
    """The SQL of one filter on one of `fields`. Raises `Refusal` (``bad_query``)."""
    column = fields.get(wanted.field)
    if column is None:
        raise _bad(f"there is no field {wanted.field!r} to filter by")
    values = [_fit(column, wanted.field, value) for value in wanted.values]
    if not values:
        raise _bad(f"the filter on {wanted.field!r} has no value")
    if wanted.op in ("eq", "in"):
        return _any_of(column, values)
    if wanted.op in ("ne", "notin"):
        # Without the second part a row that has no value at all would be in neither of the two.
        missing = sa.false() if None in values else column.is_(None)
        return sa.or_(sa.not_(_any_of(column, values)), missing)
    if wanted.op == "contains":
        return sa.or_(*[_contains(conn, column, value) for value in values])
    if wanted.op in _ORDERED:
        if None in values:
            raise _bad(f"null has no order, it cannot be compared by {wanted.op!r}")
        return sa.and_(*[_ORDERED[wanted.op](column, value) for value in values])
    raise _bad(f"there is no filter {wanted.op!r}")


def _bad(text: str) -> Refusal:
    return Refusal("bad_query", text)


def _any_of(column: Any, values: list[Any]) -> Any:
    given = [value for value in values if value is not None]
    parts = [column.in_(given)] if given else []
    if len(given) < len(values):
        parts.append(column.is_(None))
    return sa.or_(*parts)


def _contains(conn: sa.engine.Connection, column: Any, value: Any) -> Any:
    # Not LIKE: whether that heeds case, and what a backslash means in it, differs by database.
    place = sa.func.strpos if conn.dialect.name == "postgresql" else sa.func.instr
    if _is_number(column) or isinstance(column.type, (schema.Time, sa.Boolean)):
        raise _bad("only texts can be searched for a part")
    return place(column, sa.literal(value, column.type)) > 0


def _fit(column: Any, field: str, value: Any) -> Any:
    """`value` as the type of `column` wants it."""
    if value is None:
        return None
    try:
        if isinstance(column.type, sa.Boolean):
            return value if isinstance(value, bool) else _WORDS[str(value).lower()]
        if isinstance(column.type, schema.Time):
            return _finite(float(value))
        if _is_number(column):
            return _in_range(int(value))
    except (KeyError, ValueError, TypeError, OverflowError):
        raise _bad(f"{value!r} cannot be a value of {field!r}") from None
    return str(value)


def _is_number(column: Any) -> bool:
    # In SQLAlchemy 1.4 a type with variants is a type of its own.
    return column.type is schema.Id or isinstance(column.type, sa.Integer)


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(value)
    return value


def _in_range(value: int) -> int:
    if abs(value) > MAX_NUMBER:
        raise ValueError(value)
    return value
