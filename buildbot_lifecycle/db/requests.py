"""What one master asks of another: each function is one transaction, and may run twice.

Exactly one thing becomes of a request: its owner claims it, or it expires. Both are an UPDATE of the row
that nobody has claimed yet, and whose time is not over, or is, by the clock of the database.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.db import schema
from buildbot_lifecycle.db.upsert import insert_or_ignore

#: Who has claimed what nobody did in time.
EXPIRED = "expired"

#: Seconds for which an answered request is kept; its action is kept as all actions are.
KEPT_SECONDS = 24 * 3600.0

_R = schema.requests.c

_NOW = {
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
}
_MYSQL_NOW = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6)"


@dataclasses.dataclass(frozen=True)
class Asked:
    """A request as it stands; ``held``: seconds since it was claimed, by the database's clock."""

    id: int
    token: str
    masterid: int
    asker: int
    workerid: int
    action: int | None
    kind: str
    claimed_by: str | None
    is_overdue: bool
    held: float
    is_answered: bool
    data: Mapping[str, Any]
    answer: Mapping[str, Any] | None


def now(conn: sa.engine.Connection) -> float:
    """The present by the database's own clock, epoch seconds."""
    return float(conn.execute(sa.select(_now(conn))).scalar_one())


def _now(conn: sa.engine.Connection) -> sa.ColumnElement[float]:
    text = _NOW.get(conn.dialect.name, _MYSQL_NOW)
    return sa.literal_column(text, type_=sa.Float(53))


def ask(
    conn: sa.engine.Connection,
    action: Mapping[str, Any] | None,
    request: Mapping[str, Any],
    seconds: float,
) -> tuple[int, int | None]:
    """Write an action (columns of its table; or none) and a request that is good for so many seconds.

    Once per token; the numbers of both.
    """
    now = float(conn.execute(sa.select(_now(conn))).scalar_one())
    conn.execute(schema.requests.delete().where(_R.answered_at < now - KEPT_SECONDS))
    number = None
    if action is not None:
        insert_or_ignore(conn, schema.actions, [action], ("token",))
        of_token = schema.actions.c.token == action["token"]
        number = int(conn.execute(sa.select(schema.actions.c.id).where(of_token)).scalar_one())
    times = {"asked_at": now, "expires_at": now + seconds}
    row = {**request, **times, "action": number, "answer": None}
    insert_or_ignore(conn, schema.requests, [row], ("token",))
    query = sa.select(_R.id).where(_R.token == request["token"])
    return int(conn.execute(query).scalar_one()), number


def waiting(conn: sa.engine.Connection) -> list[Asked]:
    """Every request without an answer, of all masters, oldest first; one look into an index."""
    return _read(conn, _R.answered_at.is_(None))


def found(conn: sa.engine.Connection, number: int) -> Asked | None:
    """One request."""
    rows = _read(conn, _R.id == number)
    return rows[0] if rows else None


def _read(conn: sa.engine.Connection, which: sa.ColumnElement[bool]) -> list[Asked]:
    now = _now(conn).label("now_there")
    rows = conn.execute(sa.select(schema.requests, now).where(which).order_by(_R.id))
    return [
        Asked(
            id=row.id,
            token=row.token,
            masterid=row.masterid,
            asker=row.asker,
            workerid=row.workerid,
            action=row.action,
            kind=row.kind,
            claimed_by=row.claimed_by,
            is_overdue=row.claimed_by is None and float(row.now_there) >= row.expires_at,
            held=0.0 if row.claimed_at is None else float(row.now_there) - row.claimed_at,
            is_answered=row.answered_at is not None,
            data=row.data,
            answer=row.answer,
        )
        for row in rows
    ]


def claim(conn: sa.engine.Connection, number: int, by: str) -> bool:
    """Whether it is ours to do now; ``by`` is another text for each attempt."""
    now = _now(conn)
    free = sa.and_(_R.id == number, _R.claimed_by.is_(None), _R.answered_at.is_(None))
    changes = {"claimed_by": by, "claimed_at": now}
    update = schema.requests.update().where(free, _R.expires_at > now).values(changes)
    if conn.execute(update).rowcount:
        return True
    # run again after a commit whose answer was lost, it is this very claim
    return conn.execute(sa.select(_R.claimed_by).where(_R.id == number)).scalar() == by


def answer(conn: sa.engine.Connection, number: int, by: str, said: Mapping[str, Any]) -> None:
    """What came of it, told by who has claimed it."""
    now = _now(conn)
    mine = sa.and_(_R.id == number, _R.claimed_by == by, _R.answered_at.is_(None))
    conn.execute(schema.requests.update().where(mine).values(answered_at=now, answer=said))


def expire(
    conn: sa.engine.Connection, number: int, said: Mapping[str, Any], action: Mapping[str, Any]
) -> bool:
    """Nobody has claimed it in time, and nobody will. Whether it was so just now.

    ``action`` is what changes of its action, if it has one.
    """
    now = _now(conn)
    over = sa.and_(_R.id == number, _R.claimed_by.is_(None), _R.expires_at <= now)
    return _end(conn, number, over, {"claimed_by": EXPIRED, "claimed_at": now}, said, action)


def give_up(
    conn: sa.engine.Connection,
    number: int,
    by: str,
    said: Mapping[str, Any],
    action: Mapping[str, Any],
) -> bool:
    """Who claimed it (``by``) will not tell any more what came of it. Whether that was open still."""
    lost = sa.and_(_R.id == number, _R.claimed_by == by, _R.answered_at.is_(None))
    return _end(conn, number, lost, {}, said, action)


def _end(
    conn: sa.engine.Connection,
    number: int,
    which: sa.ColumnElement[bool],
    changes: Mapping[str, Any],
    said: Mapping[str, Any],
    action: Mapping[str, Any],
) -> bool:
    values = {**changes, "answered_at": _now(conn), "answer": said}
    if not conn.execute(schema.requests.update().where(which).values(values)).rowcount:
        return False
    of = conn.execute(sa.select(_R.action).where(_R.id == number)).scalar()
    if of is not None:
        end_action(conn, of, action)
    return True


def end_action(conn: sa.engine.Connection, number: int, changes: Mapping[str, Any]) -> None:
    """Write what came of an action of which nobody has written it yet."""
    table = schema.actions
    query = sa.select(table.c.status, table.c.data).where(table.c.id == number).with_for_update()
    row = conn.execute(query).first()
    if row is None or row.status != "asked" or row.data.get("outcome") is not None:
        return
    data = {**row.data, "outcome": changes["outcome"]}
    values = {"status": changes["status"], "finished_at": changes["finished_at"], "data": data}
    conn.execute(table.update().where(table.c.id == number).values(values))
