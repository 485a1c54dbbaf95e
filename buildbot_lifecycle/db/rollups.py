"""What was counted of each day: durations as sketches and outcomes, of each worker and of each class.

An episode that is over is counted once: the mark on its row and what it adds are one transaction. It is
not the transaction that ends it: episodes are also ended by others (after a crash, from a file), an
earlier version counted none, and a call of the pool may be made twice. Whatever ended it, it is found
by an index of those that have no mark.

Rows of ``workerid`` 0 are those of a class as a whole: few, however many workers there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.core.sketch import Rollup
from buildbot_lifecycle.core.statistics import PHASES, counted_as
from buildbot_lifecycle.db import damage, schema
from buildbot_lifecycle.db.upsert import upsert

#: Seconds of a day; days begin at midnight UTC.
DAY = 86400

#: Episodes that are counted in one transaction: some 20 ms.
SLICE = 200

#: The number in the place of a worker's, where a row counts a whole class.
ALL = 0

#: workerid, day, masterid, class.
Key = tuple[int, int, int, str]

_E = schema.episodes.c
_R = schema.rollups.c
_W = schema.workers.c
_SECONDS = [_E[f"{phase}_s"] for phase in PHASES]

_UNCOUNTED = (
    sa.select(_E.id, _E.workerid, _E.masterid, _E.ended_at, _E.outcome, *_SECONDS)
    .where(_E.counted.is_(None), _E.ended_at.is_not(None))
    .order_by(_E.id.desc())
)
_MARK = (
    schema.episodes.update()
    .where(_E.id.in_(sa.bindparam("which", expanding=True)))
    .values(counted=1)
)


def day_of(at: float) -> int:
    """The day of a time (epoch seconds)."""
    return int(at // DAY)


def count(conn: sa.engine.Connection, limit: int = SLICE) -> int:
    """Count some episodes that are over and were not counted, the newest first; answer how many.

    The caller commits. Another master that does the same waits for the rows, and then finds them marked.
    """
    rows = conn.execute(_UNCOUNTED.limit(limit).with_for_update()).all()
    if not rows:
        return 0
    classes = _classes(conn, {row.workerid for row in rows})
    added: dict[Key, Rollup] = {}
    for row in rows:
        cls = classes.get((row.workerid, row.masterid), "")
        seconds = {phase: getattr(row, f"{phase}_s") for phase in PHASES}
        for workerid in (row.workerid, ALL):
            key = (workerid, day_of(row.ended_at), row.masterid, cls)
            added.setdefault(key, Rollup()).add(seconds, counted_as(row.outcome))
    _add(conn, added)
    conn.execute(_MARK, {"which": [row.id for row in rows]})
    return len(rows)


def _classes(conn: sa.engine.Connection, workerids: Iterable[int]) -> dict[tuple[int, int], str]:
    query = sa.select(_W.workerid, _W.masterid, _W["class"]).where(_W.workerid.in_(workerids))
    return {(row[0], row[1]): str(row[2])[:100] for row in conn.execute(query)}


def _add(conn: sa.engine.Connection, added: Mapping[Key, Rollup]) -> None:
    workerids, days = {key[0] for key in added}, {key[1] for key in added}
    query = sa.select(schema.rollups).where(_R.workerid.in_(workerids), _R.day.in_(days))
    for row in conn.execute(query.with_for_update()):
        rollup = added.get(_key(row))
        if rollup is not None:
            rollup.merge(_read(row))
    # in one order for all masters, so that two of them never wait for each other
    rows = [
        {"workerid": key[0], "day": key[1], "masterid": key[2], "class": key[3], "data": data}
        for key, data in sorted((key, rollup.as_json()) for key, rollup in added.items())
    ]
    upsert(conn, schema.rollups, rows, ("workerid", "day", "masterid", "class"))


def _key(row: Any) -> Key:
    return (row.workerid, row.day, row.masterid, row._mapping["class"])


def _read(row: Any) -> Rollup:
    try:
        return Rollup.read(row.data)
    except Exception:  # noqa: BLE001  # whatever stands there
        damage.note("rollups", row.workerid)
        return Rollup()


def uncounted(conn: sa.engine.Connection) -> bool:
    """Whether an episode is over and was not counted yet."""
    return conn.execute(_UNCOUNTED.limit(1)).first() is not None


def total(
    conn: sa.engine.Connection, workerids: Sequence[int] | None, first: int, until: int
) -> dict[tuple[int, int, str], Rollup]:
    """What was counted from one day on and before another, by workerid, masterid and class.

    ``workerids`` None: of classes as a whole, under the workerid `ALL`.
    """
    wanted = [ALL] if workerids is None else workerids
    query = sa.select(schema.rollups).where(
        _R.workerid.in_(wanted), _R.day >= first, _R.day < until
    )
    found: dict[tuple[int, int, str], Rollup] = {}
    for row in conn.execute(query):
        key = (row.workerid, row.masterid, row._mapping["class"])
        found.setdefault(key, Rollup()).merge(_read(row))
    return found
