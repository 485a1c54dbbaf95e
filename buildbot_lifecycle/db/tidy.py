"""Rows that are older than they are kept: each function deletes a slice, and answers how many it was.

By key, never by a search: numbers are in the order of time (`reader.SLACK_SECONDS` is what is allowed
for), so that the oldest rows are the first ones. Actions, the ledger, incarnations and workers stay, and
so does an episode that lasts, or is in no rollup yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.db import rollups, schema

_V = schema.events.c
_E = schema.episodes.c
_R = schema.rollups.c


def old_events(conn: sa.engine.Connection, before: float, most: int) -> int:
    """Events of before a moment (epoch seconds), the oldest first; the caller commits."""
    return _oldest(conn, schema.events, _V.id, [_V.at < before], most)


def old_episodes(conn: sa.engine.Connection, before: float, most: int) -> int:
    """Episodes that ended before a moment, and were counted."""
    over = [_E.started_at < before, _E.ended_at < before, _E.counted.is_not(None)]
    return _oldest(conn, schema.episodes, _E.id, over, most)


def _oldest(
    conn: sa.engine.Connection, table: sa.Table, number: Any, old: Sequence[Any], most: int
) -> int:
    """Of the first rows of a table those that are old; none of what comes after is looked at.

    A row that has to stay among them does not keep the others.
    """
    first = sa.select(number).order_by(number).limit(most + _STAYING).subquery()
    among = sa.select(first.c[number.name])
    found = conn.execute(sa.select(number).where(number.in_(among), *old).order_by(number)).all()
    ids = [row[0] for row in found[:most]]
    if ids:
        conn.execute(table.delete().where(number.in_(ids)))
    return len(ids)


#: Old rows that have to stay (an episode that has lasted for years), beyond which it is still looked.
_STAYING = 500


def workers(conn: sa.engine.Connection, after: int, most: int) -> list[int]:
    """The numbers of workers that were ever recorded, above one."""
    number = schema.workers.c.workerid
    query = sa.select(number).where(number > after).distinct().order_by(number).limit(most)
    return [row[0] for row in conn.execute(query)]


def too_many(conn: sa.engine.Connection, workerid: int, keep: int, most: int) -> int:
    """Events of one worker that are more than are kept, the oldest first."""
    own = _V.workerid == workerid
    newest = sa.select(_V.id).where(own).order_by(_V.id.desc())
    border = conn.execute(newest.offset(keep).limit(1)).scalar()
    if border is None:
        return 0
    oldest = sa.select(_V.id).where(own, _V.id <= border).order_by(_V.id).limit(most)
    ids = [row[0] for row in conn.execute(oldest)]
    conn.execute(schema.events.delete().where(_V.id.in_(ids)))
    return len(ids)


def old_rollups(conn: sa.engine.Connection, workerids: Sequence[int], before: float) -> int:
    """What was counted of these workers' days before a moment; of classes it is kept for ever."""
    of_workers = _R.workerid.in_([number for number in workerids if number != rollups.ALL])
    old = _R.day < rollups.day_of(before)
    return int(conn.execute(schema.rollups.delete().where(of_workers, old)).rowcount or 0)
