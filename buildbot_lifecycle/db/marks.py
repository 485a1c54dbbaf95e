"""The marks above the timeline: what happened to masters, and what was asked for."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.core.requests import FORCE_DISCONNECT
from buildbot_lifecycle.db import schema


def marks(
    conn: sa.engine.Connection, since: float, until: float, limit: int
) -> list[dict[str, Any]]:
    """Of a time, newest first; at most `limit` of either."""
    return [*_actions(conn, since, until, limit), *_incarnations(conn, since, until, limit)]


_MARK = {FORCE_DISCONNECT: "force"}


def _actions(
    conn: sa.engine.Connection, since: float, until: float, limit: int
) -> list[dict[str, Any]]:
    table = schema.actions.c
    query = sa.select(
        table.id, table.workerid, table.masterid, table.what, table.at, table.actor, table.status
    )
    rows = conn.execute(
        query.where(table.at >= since, table.at <= until).order_by(table.id.desc()).limit(limit)
    )
    return [
        {
            "at": row.at,
            "kind": _MARK.get(row.what, row.what),
            "workerid": row.workerid,
            "masterid": row.masterid,
            "text": f"{row.what} by {row.actor}: {row.status}",
            "summary": f"{row.what}: {row.status}",
        }
        for row in rows
    ]


def _incarnations(
    conn: sa.engine.Connection, since: float, until: float, limit: int
) -> list[dict[str, Any]]:
    table = schema.incarnations.c
    query = sa.select(
        table.masterid, table.master, table.started_at, table.ended_at, table.ended_how
    ).where(table.started_at <= until, sa.or_(table.ended_at.is_(None), table.ended_at >= since))
    marks = []
    for row in conn.execute(query.order_by(table.id.desc()).limit(limit)):
        if row.started_at >= since:
            marks.append(_of_master(row, row.started_at, "master_start", "started"))
        if row.ended_at is not None and row.ended_at <= until:
            died = row.ended_how == "died"
            kind, said = ("master_died", "died") if died else ("master_stop", "stopped")
            marks.append(_of_master(row, row.ended_at, kind, said))
    return marks


def _of_master(row: Any, at: float, kind: str, said: str) -> dict[str, Any]:
    return {
        "at": at,
        "kind": kind,
        "workerid": None,
        "masterid": row.masterid,
        "text": f"master {row.master} {said}",
    }
