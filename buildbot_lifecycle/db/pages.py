"""A page of history in short pieces of work on the database's pool.

SQLite has one database thread for the whole of Buildbot: between two pieces the others have their
turn, however rare the rows are that a filter looks for.
"""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.core.requests import HistoryQuery, Page
from buildbot_lifecycle.db import history
from buildbot_lifecycle.db.recorder import Pool


async def page(pool: Pool, query: HistoryQuery) -> Page:
    """One page of history as in REST. Raises `Refusal` (400) for a filter that makes no sense."""
    rows: list[dict[str, Any]] = []
    size = history.size(query)
    looking: HistoryQuery | None = query
    while looking is not None:
        found: history.Part = await pool.do(history.part, looking, size + 1 - len(rows))
        rows += found.rows
        looking = history.following(looking, found)
    return Page(rows[:size], len(rows) > size)
