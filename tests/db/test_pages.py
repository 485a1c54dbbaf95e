"""A page by parts: the same rows as in one go, and no part looks at more than a window."""

from __future__ import annotations

import random
from typing import Any

import pytest

from buildbot_lifecycle.core.requests import Filter, HistoryQuery, Refusal
from buildbot_lifecycle.db import history, pages, queries
from buildbot_lifecycle.db.group import Group, write
from tests.db.conftest import Database
from tests.db.play import Seq, Worker

FILTERS = (
    (),
    (Filter("kind", "eq", ("refused",)),),
    (Filter("kind", "in", ("refused", "gap")),),
    (Filter("kind", "eq", ("no such kind",)),),
    (Filter("expected", "eq", (False,)),),
    (Filter("to", "contains", ("substantiating",)), Filter("at", "ge", (1005.0,))),
    (Filter("at", "lt", (1001.0,)),),
    (Filter("id", "ge", (1,)), Filter("episode", "eq", (None,))),
)


async def fill(pool: Any, rows: int = 200) -> None:
    dice, seq = random.Random(5), Seq()
    workers = [Worker(7, seq), Worker(8, seq)]
    entries = [dice.choice(workers).anything(dice) for _ in range(rows)]
    await pool.do_with_transaction(write, Group(1, 1, entries, {}))


class Counting:
    """The real pool; it counts the pieces of work."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.pieces = 0

    def do(self, function: Any, /, *args: Any) -> Any:
        self.pieces += 1
        return self.pool.do(function, *args)


@pytest.mark.parametrize("window", [1, 7, 64, 1000])
def test_a_page_by_parts_is_the_page_in_one_go(
    database: Database, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    async def work(pool: Any) -> None:
        await fill(pool, 80)
        for filters in FILTERS:
            for workerid, limit in ((None, 1), (7, 5), (8, 1000)):
                query = HistoryQuery("events", workerid=workerid, limit=limit, filters=filters)
                monkeypatch.setattr(history, "WINDOW", 10**9)
                whole = await pool.do(queries.history, query)
                monkeypatch.setattr(history, "WINDOW", window)
                assert await pages.page(pool, query) == whole
                assert await pool.do(queries.history, query) == whole

    database.run(work)


def test_pages_by_parts_join_to_the_whole(lite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(pool: Any) -> None:
        await fill(pool)
        only = (Filter("to", "contains", ("sub",)),)
        whole = await pages.page(pool, HistoryQuery("transitions", limit=1000, filters=only))
        monkeypatch.setattr(history, "WINDOW", 10)
        found: list[Any] = []
        before, more = None, True
        while more:
            query = HistoryQuery("transitions", before=before, limit=3, filters=only)
            page = await pages.page(pool, query)
            found += page.rows
            before, more = page.rows[-1]["id"], page.more
        assert len(found) > 20
        assert found == [*whole.rows]

    lite.run(work)


def test_no_piece_of_work_looks_at_more_than_a_window(
    lite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(pool: Any) -> None:
        await fill(pool)
        monkeypatch.setattr(history, "WINDOW", 20)
        counting = Counting(pool)
        nothing = HistoryQuery("events", filters=(Filter("masterid", "eq", (2,)),))
        assert [*(await pages.page(counting, nothing)).rows] == []
        assert counting.pieces == 10

    lite.run(work)


@pytest.mark.parametrize(
    "filters", [(), (Filter("kind", "eq", ("gap",)),), (Filter("workerid", "eq", (9,)),)]
)
def test_what_an_index_answers_is_one_piece_of_work(
    lite: Database, monkeypatch: pytest.MonkeyPatch, filters: tuple[Filter, ...]
) -> None:
    async def work(pool: Any) -> None:
        await fill(pool)
        monkeypatch.setattr(history, "WINDOW", 20)
        counting = Counting(pool)
        await pages.page(counting, HistoryQuery("events", filters=filters, limit=1000))
        assert counting.pieces == 1

    lite.run(work)


def test_a_page_of_nothing_is_empty(lite: Database) -> None:
    async def work(pool: Any) -> None:
        for what in history.SOURCES:
            query = HistoryQuery(what, filters=(Filter("masterid", "ne", (2,)),))
            page = await pages.page(pool, query)
            assert ([*page.rows], page.more) == ([], False)

    lite.run(work)


def test_a_filter_that_makes_no_sense_is_refused(lite: Database) -> None:
    async def work(pool: Any) -> None:
        with pytest.raises(Refusal):
            await pages.page(pool, HistoryQuery("events", filters=(Filter("x", "eq", (1,)),)))

    lite.run(work)


@pytest.mark.parametrize("at_once", [1, 3, 10_000])
@pytest.mark.parametrize("window", [7, 10**9])
def test_where_a_long_page_ends_is_known_before_its_rows_are(
    database: Database, monkeypatch: pytest.MonkeyPatch, window: int, at_once: int
) -> None:
    monkeypatch.setattr(history, "WINDOW", window)
    monkeypatch.setattr(pages, "AT_ONCE", at_once)

    async def work(pool: Any) -> None:
        await fill(pool, 80)
        for filters in FILTERS:
            whole = await pages.page(pool, HistoryQuery("events", limit=1000, filters=filters))
            for limit in (1, 2, 6, 7, len(whole.rows), 500):
                query = HistoryQuery("events", limit=max(limit, 1), filters=filters)
                more = len(whole.rows) > query.limit
                last = whole.rows[query.limit - 1]["id"] if more else None
                assert await pages.last_of(pool, query) == last, (filters, limit)

    database.run(work)
