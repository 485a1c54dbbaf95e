"""Writing what an earlier run of the master could not write; see `unwritten`.

Before the current run writes anything: then nothing that is newer can be overwritten. Each step may run
again, after a commit whose answer was lost or after the process was killed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.core.requests import Actor
from buildbot_lifecycle.db import group, schema
from buildbot_lifecycle.db.entries import Entry
from buildbot_lifecycle.db.recorder import Pool
from buildbot_lifecycle.db.store import Store, update_row
from buildbot_lifecycle.db.unwritten import Record, Unwritten
from buildbot_lifecycle.db.upsert import insert_or_ignore

#: Events in one transaction.
AT_ONCE = 500


async def replay(pool: Pool, unwritten: Unwritten) -> bool:
    """Write all of it, and the end of its run; False if a later run has written already.

    Then the current state of workers is that one's, and only what has a token is written.
    """
    run, store = unwritten.run, Store(pool)
    number = await store.open_incarnation(
        run.masterid, run.token, run.pid, run.host, run.started_at, master=run.master
    )
    newest: int = await pool.do(_newest, run.masterid)
    is_newest = number == newest
    if is_newest:
        for start in range(0, len(unwritten.entries), AT_ONCE):
            entries = unwritten.entries[start : start + AT_ONCE]
            await pool.do_with_transaction(_write, number, run.masterid, entries)
    await pool.do_with_transaction(_write_records, number, run.masterid, list(unwritten.records))
    await store.close_incarnation(number, run.ended_at, run.how)
    return is_newest


def _newest(conn: sa.engine.Connection, masterid: int) -> int:
    table = schema.incarnations.c
    query = sa.select(sa.func.max(table.id)).where(table.masterid == masterid)
    return int(conn.execute(query).scalar_one())


def _write(
    conn: sa.engine.Connection, number: int, masterid: int, entries: Sequence[Entry]
) -> None:
    group.write(conn, group.Group(number, masterid, entries, {}))


def _write_records(
    conn: sa.engine.Connection, number: int, masterid: int, records: Sequence[Record]
) -> None:
    for record in records:
        if record.what == "orphan":
            _orphan(conn, number, masterid, record.data)
        else:
            _RECORDS[record.what](conn, masterid, record.data)


def _action(conn: sa.engine.Connection, masterid: int, data: Mapping[str, Any]) -> None:
    table = schema.actions
    row = {**data["row"], "masterid": masterid}
    insert_or_ignore(conn, table, [row], ("token",))
    number = _numbered(conn, table, row["token"])
    if number is not None and data.get("changes"):
        update_row(conn, table, number, data["changes"])


def _changes(conn: sa.engine.Connection, _masterid: int, data: Mapping[str, Any]) -> None:
    update_row(conn, schema.actions, data["id"], data["changes"])


def _orphan(
    conn: sa.engine.Connection, number: int, masterid: int, data: Mapping[str, Any]
) -> None:
    """An entry, and its end if that is known: it is closed as soon as it is there."""
    table, row = schema.orphans, {**data["row"], "masterid": masterid}
    if row.get("episode") is None and data.get("first_seq") is not None:
        row["episode"] = _episode(conn, number, data["first_seq"])
    _open(conn, row)
    opened = _numbered(conn, table, row["token"])
    if opened is not None and data.get("closing"):
        _closed(conn, masterid, {"orphan": opened, "changes": data["closing"]})


def _open(conn: sa.engine.Connection, row: Mapping[str, Any]) -> None:
    """One entry for one instance: where an open one names it already, nothing is written."""
    table, masterid = schema.orphans, row["masterid"]
    if _numbered(conn, table, row["token"]) is not None:
        return
    named = row["data"].get("instance")
    mine = sa.and_(
        table.c.workerid == row["workerid"],
        table.c.masterid == masterid,
        table.c.closed_at.is_(None),
    )
    others = conn.execute(sa.select(table.c.data).where(mine)).scalars()
    if named is not None and any((other or {}).get("instance") == named for other in others):
        return
    insert_or_ignore(conn, table, [row], ("token",))


def _closed(conn: sa.engine.Connection, _masterid: int, data: Mapping[str, Any]) -> None:
    table = schema.orphans
    query = sa.select(table.c.closed_at).where(table.c.id == data["orphan"])
    row = conn.execute(query).first()
    if row is not None and row.closed_at is None:
        update_row(conn, table, data["orphan"], data["changes"])


def _episode(conn: sa.engine.Connection, incarnation: int, first_seq: int) -> int | None:
    table = schema.episodes.c
    query = sa.select(table.id).where(
        table.incarnation == incarnation, table.first_seq == first_seq
    )
    found = conn.execute(query).scalar()
    return None if found is None else int(found)


def _numbered(conn: sa.engine.Connection, table: sa.Table, token: str) -> int | None:
    found = conn.execute(sa.select(table.c.id).where(table.c.token == token)).scalar()
    return None if found is None else int(found)


_RECORDS = {"action": _action, "changes": _changes, "closed": _closed}


def action(token: str, row: Mapping[str, Any], changed: Mapping[str, Any] | None = None) -> Record:
    """An action as `Store.insert_action` would write it, and what came of it since."""
    changes = None if changed is None else Store.action_changes(changed)
    return Record("action", {"row": Store.action_row(token, row), "changes": changes})


def changes(number: int, changed: Mapping[str, Any]) -> Record:
    """What came of an action that has its row; see `Store.update_action`."""
    return Record("changes", {"id": number, "changes": Store.action_changes(changed)})


def orphan(
    token: str,
    row: Mapping[str, Any],
    first_seq: int | None,
    closing: Mapping[str, Any] | None = None,
) -> Record:
    """An entry of the ledger; see `Store.open_orphan`. Its episode may not have its number yet.

    ``closing``: what has closed it meanwhile, see `Store.closing`.
    """
    data = {"row": Store.orphan_row(token, row), "first_seq": first_seq, "closing": closing}
    return Record("orphan", data)


def closed(number: int, at: float, by: Actor, note: str) -> Record:
    """The end of an entry; see `Store.close_orphan`."""
    return Record("closed", {"orphan": number, "changes": Store.closing(at, by, note)})
