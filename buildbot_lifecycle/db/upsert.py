"""Writing a row again without harm, in the words of each database.

`pool.do` may run a callable a second time, and the answer to a commit may be lost: so every row has
a key of ours, and to write it twice is to write it once. ``INSERT IGNORE`` is not used on MySQL: it
would also ignore a text that is cut.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql, sqlite

Row = Mapping[str, Any]


def insert_or_ignore(
    conn: sa.engine.Connection, table: sa.Table, rows: Sequence[Row], key: Sequence[str]
) -> None:
    """Insert `rows`; one whose `key` (a unique constraint) is already there is left as it is."""
    if rows:
        conn.execute(_ignoring(conn.dialect.name, table, tuple(key)), [*rows])


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
    if rows:
        names = tuple(name for name in rows[0] if name not in key and name not in keep)
        conn.execute(_updating(conn.dialect.name, table, tuple(key), names), [*rows])


# Statements are made once: to make one takes longer than to run it, since naming what was to be inserted
# (`excluded`) copies all columns of the table. There are as many as calls in `group` and `store`.


@functools.lru_cache(maxsize=64)
def _ignoring(dialect: str, table: sa.Table, key: tuple[str, ...]) -> Any:
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing(index_elements=key)
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing(index_elements=key)
    return _updating(dialect, table, key, key[:1])


@functools.lru_cache(maxsize=64)
def _updating(dialect: str, table: sa.Table, key: tuple[str, ...], names: tuple[str, ...]) -> Any:
    if dialect == "postgresql":
        pg = postgresql.insert(table)
        return pg.on_conflict_do_update(
            index_elements=key, set_={name: pg.excluded[name] for name in names}
        )
    if dialect == "sqlite":
        lite = sqlite.insert(table)
        return lite.on_conflict_do_update(
            index_elements=key, set_={name: lite.excluded[name] for name in names}
        )
    my = mysql.insert(table)
    return my.on_duplicate_key_update({name: my.inserted[name] for name in names})
