"""Direct writes, awaited one by one: incarnations, actions, orphans.

Each is one transaction and may run twice: what has a token is written once per token. For an action
that is the order of things: it is written before anything is done, and if it cannot be, the
Deferred fails and nothing is done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from twisted.internet import defer

from buildbot_lifecycle.core.requests import Actor
from buildbot_lifecycle.db import schema
from buildbot_lifecycle.db.deaths import (
    ClosedWorker,
    Death,
    close,
    close_silent,
    find,
    find_silent,
    revive,
)
from buildbot_lifecycle.db.recorder import Pool
from buildbot_lifecycle.db.upsert import insert_or_ignore

__all__ = ["ClosedWorker", "Store"]

_ACTION_COLUMNS = frozenset(schema.actions.c.keys()) - {"id", "token", "data"}
_ORPHAN_COLUMNS = frozenset(schema.orphans.c.keys()) - {"id", "token", "data"}


class Store:
    """The direct writes on ``master.db.pool``, to be awaited. Times in epoch seconds."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def open_incarnation(
        self, masterid: int, token: str, pid: int, host: str, now: float, *, master: str = ""
    ) -> defer.Deferred[int]:
        """Note that a process begins, once per `token`; its number. `master` is its name."""
        row = {
            "masterid": masterid,
            "token": token,
            "master": master or host,
            "pid": pid,
            "host": host,
            "started_at": now,
            "heartbeat_at": now,
        }
        return self._pool.do_with_transaction(_insert, schema.incarnations, row)

    def heartbeat(self, incarnation: int, now: float) -> defer.Deferred[bool]:
        """Note that the process is alive; False if another master has told it dead."""
        return self._pool.do_with_transaction(_beat, incarnation, now)

    def revive(
        self, masterid: int, incarnation: int, now: float, episodes: Sequence[Mapping[str, Any]]
    ) -> defer.Deferred[list[tuple[int, int]]]:
        """Take back that another master has told this one dead: it lives.

        Its open episodes go on, as these rows say.

        The entries (number, workerid) that were opened for it and are still open.
        """
        return self._pool.do_with_transaction(revive, masterid, incarnation, now, episodes)

    def close_incarnation(self, incarnation: int, now: float, how: str) -> defer.Deferred[None]:
        """Note that the process ends, and how (a word); the first to say so counts."""
        return self._pool.do_with_transaction(_close_incarnation, incarnation, now, how)

    async def close_dead(
        self,
        masterid: int,
        current: int,
        now: float,
        *,
        next_seq: Callable[[], int],
        spare: frozenset[int] = frozenset(),
    ) -> list[ClosedWorker]:
        """Close what earlier incarnations of this master left open; a list of `ClosedWorker`.

        To be called before the first event of `current` is written. `next_seq` numbers the events
        of `current`. Incarnations in `spare` are alive and are left alone.
        """
        dead = await self._pool.do(find, masterid, current, now, spare)
        numbered = [Death(each, next_seq()) for each in dead.workers]
        closed: list[ClosedWorker] = await self._pool.do_with_transaction(
            close, dead, current, numbered
        )
        return closed

    async def close_silent(
        self,
        masterid: int,
        incarnation: int,
        heartbeat: float,
        current: int,
        *,
        next_seq: Callable[[], int],
    ) -> list[ClosedWorker] | None:
        """Close what another master's incarnation left open, if its last heartbeat is still this one.

        Of all who do so one succeeds: None for the others, and if it has shown a sign of life.
        """
        dead = await self._pool.do(find_silent, masterid, incarnation, heartbeat)
        if not dead.ended:
            return None
        numbered = [Death(each, next_seq()) for each in dead.workers]
        closed: list[ClosedWorker] | None = await self._pool.do_with_transaction(
            close_silent, dead, current, numbered
        )
        return closed

    def insert_action(self, token: str, row: Mapping[str, Any]) -> defer.Deferred[int]:
        """Write an action, fields as in REST, once per `token`; its number."""
        return self._pool.do_with_transaction(_insert, schema.actions, self.action_row(token, row))

    def update_action(self, action: int, changes: Mapping[str, Any]) -> defer.Deferred[None]:
        """Change fields (as in REST) of an action, leaving the others."""
        return self._pool.do_with_transaction(
            update_row, schema.actions, action, self.action_changes(changes)
        )

    def open_orphan(self, token: str, row: Mapping[str, Any]) -> defer.Deferred[int]:
        """Write what may still run, fields as in REST, once per `token`; its number."""
        return self._pool.do_with_transaction(_insert, schema.orphans, self.orphan_row(token, row))

    def repeat_orphan(self, orphan: int, times: int) -> defer.Deferred[bool]:
        """It was told again that an open orphan may still run, now for so many times; False if closed."""
        return self._pool.do_with_transaction(_change_open, orphan, {"data": {"times": times}})

    def name_orphan(self, orphan: int, instance: str, place: str | None) -> defer.Deferred[bool]:
        """It is known now which instance an open orphan is; False if it was closed."""
        changes = {"data": {"instance": instance, "place": place}}
        return self._pool.do_with_transaction(_change_open, orphan, changes)

    def close_orphan(
        self, orphan: int, closed_at: float, by: Actor, note: str
    ) -> defer.Deferred[bool]:
        """Close an orphan; False if there is none of that number, or it was closed before."""
        changes = self.closing(closed_at, by, note)
        return self._pool.do_with_transaction(_close_orphan, orphan, changes)

    # the rows as they are stored

    @staticmethod
    def action_row(token: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """An action with its fields as in REST, as a row."""
        values = _split(row, _ACTION_COLUMNS)
        values.update(token=token, actor=str(row.get("actor") or ""))
        return values

    @staticmethod
    def action_changes(changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changed fields of an action, as changes of its row."""
        return _split(changes, _ACTION_COLUMNS)

    @staticmethod
    def orphan_row(token: str, row: Mapping[str, Any]) -> dict[str, Any]:
        """An orphan with its fields as in REST, as a row."""
        return {**_split(row, _ORPHAN_COLUMNS), "token": token}

    @staticmethod
    def closing(closed_at: float, by: Actor, note: str) -> dict[str, Any]:
        """The end of an orphan, as changes of its row."""
        who = {"closed_by": by.name, "closed_by_kind": by.kind}
        return {"closed_at": closed_at, "data": {**who, "note": note}}


def _split(row: Mapping[str, Any], columns: frozenset[str]) -> dict[str, Any]:
    """`row` by its columns, and the rest of it under ``data``."""
    values = {name: value for name, value in row.items() if name in columns}
    values["data"] = {
        name: value for name, value in row.items() if name not in columns and name != "id"
    }
    return values


def _insert(conn: sa.engine.Connection, table: sa.Table, row: Mapping[str, Any]) -> int:
    insert_or_ignore(conn, table, [row], ("token",))
    query = sa.select(table.c.id).where(table.c.token == row["token"])
    return int(conn.execute(query).scalar_one())


def _beat(conn: sa.engine.Connection, incarnation: int, now: float) -> bool:
    table = schema.incarnations
    is_open = sa.and_(table.c.id == incarnation, table.c.ended_at.is_(None))
    return bool(conn.execute(table.update().where(is_open).values(heartbeat_at=now)).rowcount)


def _close_incarnation(conn: sa.engine.Connection, incarnation: int, now: float, how: str) -> None:
    table = schema.incarnations
    still_open = sa.and_(table.c.id == incarnation, table.c.ended_at.is_(None))
    changes = {"heartbeat_at": now, "ended_at": now, "ended_how": how}
    conn.execute(table.update().where(still_open).values(changes))


def update_row(
    conn: sa.engine.Connection, table: sa.Table, number: int, changes: Mapping[str, Any]
) -> None:
    """Change fields of a row, leaving the others; those under ``data`` one by one."""
    # Locked first: two that change different fields of one row must not undo each other's.
    query = sa.select(table.c.data).where(table.c.id == number).with_for_update()
    data = conn.execute(query).scalar()
    if data is None:
        return
    values = {**changes, "data": {**data, **changes["data"]}}
    conn.execute(table.update().where(table.c.id == number).values(values))


def _change_open(conn: sa.engine.Connection, orphan: int, changes: Mapping[str, Any]) -> bool:
    table = schema.orphans
    query = sa.select(table.c.closed_at).where(table.c.id == orphan).with_for_update()
    row = conn.execute(query).first()
    if row is None or row.closed_at is not None:
        return False
    update_row(conn, table, orphan, changes)
    return True


def _close_orphan(conn: sa.engine.Connection, orphan: int, changes: Mapping[str, Any]) -> bool:
    table = schema.orphans
    query = sa.select(table.c.closed_at, table.c.data).where(table.c.id == orphan).with_for_update()
    row = conn.execute(query).first()
    if row is None:
        return False
    if row.closed_at is not None:
        # Run again after a commit whose answer was lost, it is this very closing.
        return bool(
            row.closed_at == changes["closed_at"]
            and row.data.get("closed_by") == changes["data"]["closed_by"]
        )
    update_row(conn, table, orphan, changes)
    return True
