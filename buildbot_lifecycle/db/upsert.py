"""Writing a row again without harm, in the words of each database.

`pool.do` may run a callable a second time, and the answer to a commit may be lost: so every row has
a key of ours, and to write it twice is to write it once. ``INSERT IGNORE`` is not used on MySQL: it
would also ignore a text that is cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

Row = Mapping[str, Any]


def insert_or_ignore(
    conn: sa.engine.Connection, table: sa.Table, rows: Sequence[Row], key: Sequence[str]
) -> None:
    """Insert `rows`; one whose `key` (a unique constraint) is already there is left as it is."""
    if not rows:
        return
    if conn.dialect.name == "postgresql":
        conn.execute(postgresql.insert(table).on_conflict_do_nothing(index_elements=key), [*rows])
    elif conn.dialect.name == "sqlite":
        conn.execute(sqlite.insert(table).on_conflict_do_nothing(index_elements=key), [*rows])
    else:
        _mysql(conn, table, rows, [key[0]])


def upsert(
    conn: sa.engine.Connection,
    table: sa.Table,
    rows: Sequence[Row],
    key: Sequence[str],
    keep: Sequence[str] = (),
) -> None:
    """Insert `rows`, or bring the row of the same `key` up to date, except its columns in `keep`.

    All rows have the same columns, and no key occurs twice (PostgreSQL refuses that).
    """
    if not rows:
        return
    names = [name for name in rows[0] if name not in key and name not in keep]
    if conn.dialect.name == "postgresql":
        pg = postgresql.insert(table)
        changes = {name: pg.excluded[name] for name in names}
        conn.execute(pg.on_conflict_do_update(index_elements=key, set_=changes), [*rows])
    elif conn.dialect.name == "sqlite":
        lite = sqlite.insert(table)
        changes = {name: lite.excluded[name] for name in names}
        conn.execute(lite.on_conflict_do_update(index_elements=key, set_=changes), [*rows])
    else:
        _mysql(conn, table, rows, names)


def _mysql(
    conn: sa.engine.Connection, table: sa.Table, rows: Sequence[Row], names: Sequence[str]
) -> None:
    insert = mysql.insert(table)
    changes = {name: insert.inserted[name] for name in names}
    conn.execute(insert.on_duplicate_key_update(changes), [*rows])
