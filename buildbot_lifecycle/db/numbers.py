"""Numbers by time: rows are numbered in the order in which they were written.

That is the order of their times but for clocks of several masters and for an outage of the database;
`SLACK_SECONDS` is what is allowed for.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

#: Seconds by which the order of the numbers may differ from that of the times.
SLACK_SECONDS = 3600.0


def first(conn: sa.engine.Connection, column: Any, at: Any, moment: float) -> int:
    """The lowest number whose time is `moment` or later; one above all if there is none."""
    # Two queries: asked for both at once, SQLite reads the whole table.
    low = conn.execute(sa.select(sa.func.min(column))).scalar()
    high = conn.execute(sa.select(sa.func.max(column))).scalar()
    if low is None or high is None:
        return 1
    seek = sa.select(column, at).order_by(column).limit(1)
    # All below `low` are earlier than the moment, all from `high` on are not.
    high = high + 1
    while low < high:
        middle = (low + high) // 2
        row = conn.execute(seek.where(column >= middle, column < high)).first()
        if row is None or row[1] >= moment:
            high = middle
        else:
            low = row[0] + 1
    return int(low)
