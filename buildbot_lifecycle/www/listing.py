"""``GET /workers``: the rows of the service's roll, filtered, ordered, cut and joined in slices.

What a filter can read off a worker at a glance goes to the service, which then makes no view of the
others; so does the length of a page whose rows are not ordered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import structs

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.shapes.encoded import Encoded, joined
from buildbot_lifecycle.shapes.workers import Roll
from buildbot_lifecycle.www import query
from buildbot_lifecycle.www.answers import encode
from buildbot_lifecycle.www.guard import Rights

#: What the service compares before it makes a view; see `service.roll.GLANCES`.
AT_A_GLANCE = frozenset({"workerid", "name", "class", "state", "level", "connected", "paused"})

#: Rows that are joined without letting others have their turn.
_SLICE = 500

#: The field of which each look makes another value.
_AS_OF = "updated_at"

Passes = Callable[[Any], bool]


def glances(spec: Any) -> dict[str, Passes]:
    """The filters of a ResultSpec that can be answered before a view is made, by their field."""
    found: dict[str, list[Any]] = {}
    for condition in spec.filters:
        if condition.field in AT_A_GLANCE:
            found.setdefault(condition.field, []).append(condition)
    return {field: _passes(conditions) for field, conditions in found.items()}


def _passes(conditions: Sequence[Any]) -> Passes:
    if len(conditions) == 1 and conditions[0].op in ("eq", "in"):
        return frozenset(conditions[0].values).__contains__
    checks = [(one.getOperator(), one.values) for one in conditions]
    return lambda value: all(holds(value, values) for holds, values in checks)


def most(spec: Any) -> int | None:
    """How many rows are enough; None: all, since they are ordered, or looked at more closely."""
    if spec.limit is None or spec.order:
        return None
    if any(condition.field not in AT_A_GLANCE for condition in spec.filters):
        return None
    return int(spec.offset or 0) + int(spec.limit)


async def chosen(rights: Rights, spec: Any, roll: Roll, reactor: Any) -> tuple[Sequence[Any], int]:
    """The rows that are answered, and how many there are without limit and offset."""
    rows: Sequence[Any] = roll.rows
    if not rights.may_see_all:
        rows = await _summarised(rights, rows, reactor)
    if _names(spec, _AS_OF):
        rows = await _as_of(rows, roll.at, reactor)
    if most(spec) is not None:
        start = spec.offset or 0
        return query.cut(rows[start:], spec.fields), roll.total
    if not (spec.filters or spec.order or spec.fields or spec.offset or spec.limit is not None):
        return rows, roll.total
    found, total = query.apply(spec, rows)
    # those that the service has left out do not count: they did not pass
    return found, total


def _names(spec: Any, field: str) -> bool:
    """Whether a request asks for this field by its name."""
    named = {condition.field for condition in spec.filters}
    named.update(name.removeprefix("-") for name in spec.order or ())
    return field in named.union(spec.fields or ())


async def _summarised(rights: Rights, rows: Sequence[Encoded], reactor: Any) -> list[Encoded]:
    """Each row whole or as its summary, which is made once for all who see no details."""
    shown, turns = [], Turns(reactor)
    for row in rows:
        if row.summary is None:
            row.summary = _summary(row)
        short = row.summary
        # Most rows have nothing to hide: rights on thousands of workers need not be asked.
        whole = short is row or await rights.may_see(row.value.workerid)
        shown.append(row if whole else short)
        await turns()
    return shown


def _summary(row: Encoded) -> Encoded:
    """What is shown to those who see no details; the row itself where there is nothing to hide."""
    plain = msgspec.to_builtins(row.value)
    short = summaries.worker(plain)
    return row if short is plain or short == plain else Encoded(short, is_now=row.is_now)


async def _as_of(rows: Sequence[Encoded], at: float, reactor: Any) -> list[Encoded]:
    """The rows with the moment at which they are shown, for those who ask for it."""
    found, turns = [], Turns(reactor)
    for row in rows:
        if not row.is_now:
            found.append(row)
        elif isinstance(row.value, Mapping):
            found.append(Encoded({**row.value, _AS_OF: at}, is_now=False))
        else:
            found.append(Encoded(structs.replace(row.value, updated_at=at), is_now=False))
        await turns()
    return found


async def body(
    rows: Sequence[Any], at: float, fields: Mapping[str, Any], reactor: Any
) -> AsyncIterator[bytes]:
    """The answer: the rows under ``workers``, and what stands beside them."""
    rest = encode(fields)[1:]
    turns = Turns(reactor)
    yield b'{"workers":['
    for start in range(0, len(rows), _SLICE):
        part = rows[start : start + _SLICE]
        comma = b"," if start else b""
        if isinstance(part[0], Encoded):
            yield comma + joined(part, at, encode)
        else:
            yield comma + encode(part)[1:-1]
        await turns()
    yield b"],%s" % rest
