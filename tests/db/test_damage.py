"""One damaged row takes no other along: neither a page, nor a list, nor the start."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.requests import HistoryQuery
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.summaries import HISTORY
from buildbot_lifecycle.db import damage, schema
from buildbot_lifecycle.db.group import Group, write
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.db.store import Store
from tests.db import answered as queries
from tests.db.conftest import Database
from tests.db.play import Seq, Worker
from tests.db.test_store import ACTION, ORPHAN

#: What was found in tables, or could be: cut off, of another shape, of no shape.
DAMAGED = ('{"workerid": 7', "", "null", "[]", "7", '{"state": "no such state"}', '{"phases": [1]}')


@pytest.fixture(autouse=True)
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(damage, "_told", set())
    monkeypatch.setattr(damage, "log_lines", lines.extend)
    return lines


async def fill(pool: Any) -> None:
    dice, seq = random.Random(5), Seq()
    workers = [Worker(7, seq), Worker(8, seq)]
    begun = [entry for worker in workers for entry in worker.begin()]
    entries = [dice.choice(workers).anything(dice) for _ in range(60)]
    await pool.do_with_transaction(write, Group(1, 1, [*begun, *entries], {}))
    await Store(pool).insert_action("t1", ACTION)
    await Store(pool).insert_action("t2", ACTION)
    await Store(pool).open_orphan("t1", ORPHAN)
    await Store(pool).open_orphan("t2", ORPHAN)


def break_row(conn: Any, table: str, column: str, text: str) -> None:
    """Write `text` where JSON was, into the first row."""
    name = f"lifecycle_{table}"
    key = "workerid" if table == "workers" else "id"
    first = conn.execute(sa.text(f"select min({key}) from {name}")).scalar()
    quoted = conn.dialect.identifier_preparer.quote(column)
    change = f"update {name} set {quoted} = :text where {key} = :first"
    conn.execute(sa.text(change), {"text": text, "first": first})


@pytest.mark.parametrize("text", DAMAGED)
@pytest.mark.parametrize("what", ["events", "episodes", "actions", "orphans"])
def test_a_page_with_a_damaged_row_has_all_its_rows(
    database: Database, said: list[str], what: str, text: str
) -> None:
    async def work(pool: Any) -> None:
        await fill(pool)
        whole = await pool.do(queries.history, HistoryQuery(what, limit=1000))
        await pool.do_with_transaction(break_row, what, "data", text)
        for _ in range(3):
            page = await pool.do(queries.history, HistoryQuery(what, limit=1000))
        assert [row["id"] for row in page.rows] == [row["id"] for row in whole.rows]
        assert page.rows[:-1] == whole.rows[:-1]
        damaged = page.rows[-1]
        assert set(damaged) >= {*whole.rows[-1]} - {"class", "worker", "instance", "verdict"}
        assert await pool.do(queries.one, what, damaged["id"]) == damaged
        HISTORY[what](damaged)
        assert len(said) <= 1
        await Reader(pool).details([row["id"] for row in page.rows])

    database.run(work)


@pytest.mark.parametrize(
    ("what", "part", "odd", "told"),
    [
        ("actions", "verdict", {"level": "stuck"}, None),
        ("actions", "steps", [{"step": 7}], []),
        ("actions", "outcome", 7, None),
        ("orphans", "note", ["x"], None),
        ("orphans", "times", "twice", 1),
        ("episodes", "build", {"builder": 7}, None),
        ("episodes", "instance", 7, None),
    ],
)
def test_a_damaged_part_of_a_row_takes_no_other_part_along(
    database: Database, said: list[str], what: str, part: str, odd: Any, told: Any
) -> None:
    async def work(pool: Any) -> None:
        await fill(pool)
        before = (await pool.do(queries.history, HistoryQuery(what, limit=1000))).rows[-1]
        table = getattr(schema, what)

        def damaged(conn: Any) -> None:
            of = table.c.id == before["id"]
            data = conn.execute(sa.select(table.c.data).where(of)).scalar()
            conn.execute(table.update().where(of).values(data={**data, part: odd}))

        await pool.do_with_transaction(damaged)
        after = await pool.do(queries.one, what, before["id"])
        assert after == {**before, part: told}
        assert len(said) == 1

    database.run(work)


@pytest.mark.parametrize("text", DAMAGED)
@pytest.mark.parametrize("column", ["data", "verdict", "building"])
def test_of_a_damaged_worker_nothing_is_known_and_the_other_is_as_always(
    database: Database, said: list[str], column: str, text: str
) -> None:
    async def work(pool: Any) -> None:
        await fill(pool)
        before = {row["workerid"]: row for row in await pool.do(queries.workers)}
        await pool.do_with_transaction(break_row, "workers", column, text)
        for _ in range(3):
            after = {row["workerid"]: row for row in await pool.do(queries.workers)}
            facts = await pool.do(queries.facts, 1)
        assert after[8] == before[8]
        assert after[7]["name"] == before[7]["name"]
        if column == "verdict":
            assert (after[7]["verdict"]["level"], after[7]["verdict"]["code"]) == (
                "unknown",
                "unreadable",
            )
        if column == "data" and text != '{"phases": [1]}':
            assert facts[7].state is State.UNKNOWN
        assert facts[8].state is not None
        if column != "building" or text != "[]":
            assert len(said) == 1

    database.run(work)


@pytest.mark.parametrize("text", DAMAGED)
@pytest.mark.parametrize("table", ["workers", "episodes"])
def test_a_master_starts_over_a_damaged_row_and_closes_the_others(
    database: Database, table: str, text: str
) -> None:
    async def work(pool: Any) -> None:
        store, seq = Store(pool), Seq()
        first = await store.open_incarnation(1, "a", 1, "host", 900.0)
        entries = [*Worker(7, seq).begin(), *Worker(8, seq).begin()]
        await pool.do_with_transaction(write, Group(first, 1, entries, {}))
        await pool.do_with_transaction(break_row, table, "data", text)
        second = await store.open_incarnation(1, "b", 2, "host", 2000.0)
        closed = await store.close_dead(1, second, 2000.0, next_seq=Seq())
        assert 8 in [each.workerid for each in closed]

    database.run(work)


def test_the_tables_that_hold_json_are_those_that_are_broken_here() -> None:
    json = {
        (table.name, column.name)
        for table in schema.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, schema.Json)
    }
    tested = {("workers", column) for column in ("data", "verdict", "building")}
    tested |= {(what, "data") for what in ("events", "episodes", "actions", "orphans")}
    tested |= {("requests", column) for column in ("data", "answer")}  # in test_requests
    tested |= {("rollups", "data")}  # in test_rollups
    assert json == {(f"lifecycle_{table}", column) for table, column in tested}
