"""Until when each master's clock was believed: see `core.belief`."""

from __future__ import annotations

import sqlalchemy as sa

from buildbot_lifecycle.core.belief import Belief, look
from buildbot_lifecycle.db import requests, schema
from buildbot_lifecycle.db.upsert import upsert

_B = schema.beliefs.c
_I = schema.incarnations.c


def believe(
    conn: sa.engine.Connection, masterid: int, incarnation: int | None, now: float, was_set: bool
) -> tuple[float, Belief]:
    """The time to delete by, and whether it is believed, which is written.

    The time is the earlier one of this master's clock and of the database's. The first time of all it is
    compared with the last sign of life of any other run: what they wrote is all that can be old.
    """
    now = min(now, requests.now(conn))
    row = conn.execute(
        sa.select(_B.believed_at, _B.doubted_at).where(_B.masterid == masterid)
    ).one_or_none()
    if row is None:
        others = sa.select(sa.func.max(_I.heartbeat_at)).where(_I.id != (incarnation or 0))
        seen = conn.execute(others).scalar()
        before = Belief(now if seen is None else float(seen))
    else:
        before = Belief(row.believed_at, row.doubted_at)
    found = look(before, now, was_set)
    written = {"believed_at": found.believed_at, "doubted_at": found.doubted_at}
    upsert(conn, schema.beliefs, [{"masterid": masterid, **written}], ["masterid"])
    return now, found
