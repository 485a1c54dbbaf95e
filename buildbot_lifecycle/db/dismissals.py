"""Masters that an operator has dismissed: their newest incarnation says so."""

from __future__ import annotations

import sqlalchemy as sa

from buildbot_lifecycle.db import schema

#: How the last incarnation of a dismissed master has ended.
DISMISSED = "dismissed"

_I, _W = schema.incarnations.c, schema.workers.c

_NEWEST = sa.select(sa.func.max(_I.id)).group_by(_I.masterid)

#: Of the workers: that their master was not dismissed.
NOT_DISMISSED = _W.masterid.not_in(
    sa.select(_I.masterid).where(_I.ended_how == DISMISSED, _I.id.in_(_NEWEST))
)


def shown(conn: sa.engine.Connection, masterid: int) -> list[str]:
    """The names of a master's workers that stand in lists."""
    query = sa.select(_W.name).where(_W.masterid == masterid, NOT_DISMISSED).order_by(_W.workerid)
    return [str(name) for name in conn.execute(query).scalars()]


def dismiss(conn: sa.engine.Connection, masterid: int, incarnation: int) -> bool:
    """Dismiss a master whose last incarnation this is, and has ended; the caller commits."""
    newer = sa.select(_I.id).where(_I.masterid == masterid, _I.id > incarnation)
    if conn.execute(newer).first() is not None:
        return False
    ended = sa.and_(_I.id == incarnation, _I.ended_at.is_not(None))
    values = {"ended_how": DISMISSED}
    return bool(conn.execute(schema.incarnations.update().where(ended).values(values)).rowcount)
