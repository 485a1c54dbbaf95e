"""How a page of history is looked for: what an index serves is not looked for in parts."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.requests import Filter, HistoryQuery
from buildbot_lifecycle.db import history, schema
from buildbot_lifecycle.db.plans import plan
from tests.db.test_statistics import NOW, episode_row, worker_row

HOUR = 3600.0
DAYS = 40


@pytest.fixture
def conn(engine: sa.engine.Engine) -> Any:
    """Two workers with an episode and three events a day, over some days."""
    kinds = ("attached", "detached", "transition")
    with engine.begin() as conn:
        conn.execute(schema.workers.insert(), [worker_row(1, 1), worker_row(2, 1)])
        days = [NOW - (DAYS - day) * 24 * HOUR for day in range(DAYS)]
        episodes = [
            episode_row(2 * n + w, w, at, None if n == DAYS - 1 else at + HOUR)
            for n, at in enumerate(days)
            for w in (1, 2)
        ]
        conn.execute(schema.episodes.insert(), [{**row, "masterid": 1} for row in episodes])
        events = [
            {"incarnation": 1, "masterid": 1, "workerid": w, "kind": kind, "at": at, "data": {}}
            for at in days
            for w in (1, 2)
            for kind in kinds
        ]
        rows = [{**row, "seq": n, "episode": n // 3 + 1} for n, row in enumerate(events)]
        conn.execute(schema.events.insert(), rows)
    with engine.connect() as conn:
        yield conn


def one(field: str, op: str, *values: Any) -> Filter:
    return Filter(field, op, values)


SERVED = [
    ("events", [one("kind", "eq", "attached")]),
    ("events", [one("kind", "in", "attached", "detached")]),
    ("events", [one("episode", "eq", 7)]),
    ("events", [one("episode", "in", 7, 9)]),
    ("events", [one("episode", "eq", 7), one("kind", "eq", "attached")]),
    ("events", [one("at", "le", NOW - 20 * 24 * HOUR)]),
    ("events", [one("at", "ge", NOW - 20 * 24 * HOUR), one("kind", "eq", "attached")]),
    ("events", [one("workerid", "eq", 1), one("kind", "eq", "attached")]),
    ("episodes", [one("outcome", "eq", "stop_failed")]),
    ("episodes", [one("outcome", "in", "stop_failed", "ok")]),
    ("episodes", [one("ended_at", "eq", None)]),
    ("episodes", [one("started_at", "le", NOW - 20 * 24 * HOUR)]),
    ("episodes", [one("ended_at", "le", NOW - 20 * 24 * HOUR)]),
    ("episodes", [one("worker", "eq", "w2")]),
    ("episodes", [one("worker", "eq", "nobody")]),
    ("orphans", [one("open", "eq", True)]),
]

IN_PARTS = [
    ("events", [one("masterid", "eq", 1)]),
    ("events", [one("kind", "ne", "attached")]),
    ("episodes", [one("builds", "gt", 3)]),
    ("episodes", [one("outcome", "ne", "ok")]),
    ("episodes", [one("outcome", "eq", "ok"), one("workerid", "eq", 1)]),
    ("orphans", [one("open", "eq", False)]),
]


def asked(what: str, filters: list[Filter], **more: Any) -> HistoryQuery:
    return HistoryQuery(what=what, filters=tuple(filters), **more)


def plain(conn: Any, query: HistoryQuery) -> list[int]:
    """The numbers of all rows that pass, newest first, without a plan."""
    source = history.SOURCES[query.what]
    select = source.select()
    for each in query.filters:
        select = select.where(history.condition(conn, source.fields, each))
    return sorted((row.id for row in conn.execute(select)), reverse=True)


@pytest.mark.parametrize(("what", "filters"), SERVED)
def test_what_an_index_serves_is_found_in_one_look(
    conn: Any, what: str, filters: list[Filter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "WINDOW", 3)
    query = asked(what, filters, limit=5)
    assert plan(conn, history.SOURCES[what].table, query).is_served
    found = history.part(conn, query, 1000)
    assert found.resume is None
    assert [row["id"] for row in found.rows] == plain(conn, query)
    page = history.history(conn, query)
    assert [row["id"] for row in page.rows] == plain(conn, query)[:5]


@pytest.mark.parametrize(("what", "filters"), IN_PARTS)
def test_the_others_are_looked_for_in_parts_and_found_as_well(
    conn: Any, what: str, filters: list[Filter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "WINDOW", 7)
    query = asked(what, filters, limit=1000)
    assert not plan(conn, history.SOURCES[what].table, query).is_served
    assert [row["id"] for row in history.history(conn, query).rows] == plain(conn, query)


def test_a_time_is_a_bound_of_numbers_also_for_what_is_looked_for_in_parts(conn: Any) -> None:
    filters = [one("at", "ge", NOW - 5 * 24 * HOUR), one("masterid", "eq", 1)]
    query = asked("events", filters)
    how = plan(conn, schema.events, query)
    assert not how.is_served
    assert how.above is not None
    assert how.above >= 6 * (DAYS - 6), "the days before are not looked at"
    assert [row["id"] for row in history.history(conn, query).rows] == plain(conn, query)


def test_a_name_that_nobody_has_is_known_at_once(conn: Any) -> None:
    how = plan(conn, schema.episodes, asked("episodes", [one("worker", "eq", "nobody")]))
    assert how.is_empty


#: A name that nobody has is not looked for, and null is few rows, which are sorted.
IN_ORDER = [
    (what, filters)
    for what, filters in SERVED
    if not any(each.values[0] in (None, "nobody", True) for each in filters)
]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("what", "filters"), IN_ORDER)
def test_sqlite_reads_it_by_an_index_and_does_not_sort(
    conn: Any, what: str, filters: list[Filter]
) -> None:
    said: list[str] = []

    def explain(_conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "ORDER BY" in statement:
            cursor = cursor.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            said.extend(str(row[-1]) for row in cursor.fetchall())

    sa.event.listen(conn, "before_cursor_execute", explain)
    history.part(conn, asked(what, filters, limit=5), 5)
    assert said
    assert not [line for line in said if "TEMP B-TREE" in line]
    assert not [line for line in said if line.startswith("SCAN lifecycle_") and "USING" not in line]
