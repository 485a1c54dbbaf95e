"""How a page of history is looked for: which filters an index answers, and between which numbers.

Rows are answered newest first, by number. A filter is *served* where its rows can be read in that order
without a look at others. Times go with the numbers, so a bound in time becomes one of numbers first; and
a worker's name becomes its workerid.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import sqlalchemy as sa

from buildbot_lifecycle.core.requests import Filter, HistoryQuery
from buildbot_lifecycle.db import schema
from buildbot_lifecycle.db.numbers import SLACK_SECONDS, first

#: By the table: the time that goes with its numbers, and times that are never before that one.
_TIMES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "lifecycle_events": ("at", ()),
    "lifecycle_episodes": ("started_at", ("ended_at",)),
    "lifecycle_actions": ("at", ("finished_at",)),
    "lifecycle_orphans": ("opened_at", ("closed_at",)),
}

#: By the table: sets of fields that an index answers together, by one value each.
_SERVED: Mapping[str, tuple[frozenset[str], ...]] = {
    "lifecycle_events": tuple(
        frozenset(names) for names in (("workerid",), ("kind",), ("workerid", "kind"), ("episode",))
    ),
    "lifecycle_episodes": tuple(
        frozenset(names) for names in (("workerid",), ("outcome",), ("workerid", "masterid"))
    ),
    "lifecycle_actions": (frozenset(("workerid",)),),
    "lifecycle_orphans": (frozenset(("workerid",)),),
}

#: By the table: fields that few rows have as null, which an index finds all at once.
_FEW_NULL: Mapping[str, str] = {
    "lifecycle_episodes": "ended_at",
    "lifecycle_orphans": "closed_at",
}


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is looked for, between which numbers (exclusive), and whether an index serves it.

    ``apart`` is a filter whose values are looked for one by one: each of them is in order.
    """

    filters: tuple[Filter, ...]
    above: int | None = None
    below: int | None = None
    is_served: bool = True
    apart: Filter | None = None
    is_empty: bool = False


def plan(conn: sa.engine.Connection, table: sa.Table, query: HistoryQuery) -> Plan:
    """How `query` is answered; reads a worker's number and, for a time, some twenty rows by key."""
    filters = list(query.filters)
    for place, each in enumerate(filters):
        if each.field == "worker" and each.op in ("eq", "in"):
            numbers = _numbers(conn, each)
            if not numbers:
                return Plan(tuple(filters), is_empty=True)
            filters[place] = Filter("workerid", "in", numbers)
    above, below = _bounds(conn, table, filters)
    rest = [each for each in filters if not _is_bound(table, each)]
    if query.workerid is not None:
        rest.append(Filter("workerid", "eq", (query.workerid,)))
    served, apart = _is_served(table, rest)
    return Plan(tuple(filters), above, below, served, apart)


def _numbers(conn: sa.engine.Connection, wanted: Filter) -> tuple[int, ...]:
    """The workerids of names."""
    names = [str(value) for value in wanted.values if value is not None]
    column = schema.workers.c
    rows = conn.execute(sa.select(column.workerid, column.name).where(column.name.in_(names)))
    # MySQL takes texts for equal that differ in spaces at the end
    return tuple(sorted({row.workerid for row in rows if row.name in names}))


def _bounds(
    conn: sa.engine.Connection, table: sa.Table, filters: list[Filter]
) -> tuple[int | None, int | None]:
    own, later = _TIMES[table.name]
    above: list[int] = []
    below: list[int] = []
    for each in filters:
        moments = _moments(each)
        if not moments:
            continue
        if each.field == own and each.op in ("ge", "gt"):
            above.append(first(conn, table.c.id, table.c[own], max(moments) - SLACK_SECONDS) - 1)
        if each.field in (own, *later) and each.op in ("le", "lt"):
            below.append(first(conn, table.c.id, table.c[own], min(moments) + SLACK_SECONDS))
    return max(above, default=None), min(below, default=None)


def _moments(each: Filter) -> list[float]:
    try:
        return [float(value) for value in each.values]
    except (TypeError, ValueError):
        return []  # it is refused later, with a sentence


def _is_bound(table: sa.Table, each: Filter) -> bool:
    """Whether a filter is one of numbers, or of the time that goes with them."""
    own, later = _TIMES[table.name]
    if each.field == "id":
        return True
    is_before = each.op in ("le", "lt")
    return (each.field == own and each.op in ("ge", "gt")) or (
        each.field in (own, *later) and is_before
    )


def _is_served(table: sa.Table, rest: list[Filter]) -> tuple[bool, Filter | None]:
    if not rest:
        return True, None
    if len(rest) == 1 and _is_few(table, rest[0]):
        return True, None
    if any(each.op not in ("eq", "in") or None in each.values for each in rest):
        return False, None
    names = frozenset(each.field for each in rest)
    if len(names) < len(rest):
        return False, None
    served = names in _SERVED[table.name] or (
        table.name == "lifecycle_events" and "episode" in names
    )
    several = [each for each in rest if len(each.values) > 1]
    if not served or len(several) > 1:
        return False, None
    return True, several[0] if several else None


def _is_few(table: sa.Table, each: Filter) -> bool:
    if each.field == "open":
        return each.op == "eq" and [str(v).lower() for v in each.values] in (["true"], ["1"])
    return each.field == _FEW_NULL.get(table.name) and each.op == "eq" and each.values == (None,)
