"""A page of history in short pieces of work on the database's pool.

SQLite has one database thread for the whole of Buildbot: between two pieces the others have their
turn, however rare the rows are that a filter looks for.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from buildbot_lifecycle.core.bounds import MAX_PAGE
from buildbot_lifecycle.core.requests import HistoryQuery, Page
from buildbot_lifecycle.db import history
from buildbot_lifecycle.db.recorder import Pool
from buildbot_lifecycle.shapes.base import Shape

#: Ids that are read at once.
AT_ONCE = 10_000


async def page(pool: Pool, query: HistoryQuery) -> Page:
    """One page of history as in REST. Raises `Refusal` for a filter that makes no sense."""
    rows: list[Shape] = []
    size = history.size(query)
    looking: HistoryQuery | None = query
    while looking is not None:
        found: history.Part = await pool.do(history.part, looking, size + 1 - len(rows))
        rows += found.rows
        looking = history.following(looking, found)
    return Page(rows[:size], len(rows) > size)


async def every(pool: Pool, query: HistoryQuery) -> list[Any]:
    """All rows of a query, newest first, page after page; what is opened meanwhile is not among them."""
    rows: list[Any] = []
    looking = dataclasses.replace(query, limit=MAX_PAGE)
    while True:
        found = await page(pool, looking)
        rows += found.rows
        if not found.more:
            return rows
        looking = dataclasses.replace(looking, before=rows[-1]["id"])


async def last_of(pool: Pool, query: HistoryQuery) -> int | None:
    """The id of the last of the first ``query.limit`` rows, if there are more after it; else None.

    It reads no more than ids, so that it can be known before the rows are.
    """
    left = query.limit
    last: int | None = None
    looking: HistoryQuery = query
    while True:
        wanted = min(left + 1, AT_ONCE)
        found, resume = await pool.do(history.ids, looking, wanted)
        if len(found) > left:
            return found[left - 1] if left else last
        left -= len(found)
        last = found[-1] if found else last
        if len(found) == wanted:
            resume = last
        if resume is None:
            return None
        looking = dataclasses.replace(looking, before=resume)
