"""Version 4: what was counted of each day, and indices for the filters of the history."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

_METADATA = sa.MetaData()

_LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql").with_variant(mysql.LONGTEXT(), "mariadb")
_WORD = sa.String(100)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_ROLLUPS = sa.Table(
    "lifecycle_rollups",
    _METADATA,
    sa.Column("workerid", _ID, primary_key=True, autoincrement=False),
    sa.Column("day", _ID, primary_key=True, autoincrement=False),
    sa.Column("masterid", _ID, primary_key=True, autoincrement=False),
    sa.Column("class", _WORD, primary_key=True),
    sa.Column("data", _LONG, nullable=False),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
    mariadb_collate="utf8mb4_bin",
)

# Of the tables of version 1 only what the new column and the indices are of.
_OLD = sa.MetaData()
_EPISODES = sa.Table(
    "lifecycle_episodes",
    _OLD,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("masterid", _ID, nullable=False),
    sa.Column("outcome", _WORD),
    sa.Column("counted", sa.Integer),
)
_EVENTS = sa.Table(
    "lifecycle_events",
    _OLD,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("from_state", _WORD),
    sa.Column("to_state", _WORD),
)
_INDICES = (
    sa.Index("lifecycle_episodes_counted", _EPISODES.c.counted, _EPISODES.c.id),
    sa.Index("lifecycle_episodes_outcome", _EPISODES.c.outcome, _EPISODES.c.id),
)


def step(conn: sa.engine.Connection) -> None:
    """The table, the column, and the indices, each by itself: see the first step."""
    _METADATA.create_all(conn)
    there = {column["name"] for column in sa.inspect(conn).get_columns("lifecycle_episodes")}
    if "counted" not in there:
        # without a default, which every engine does at once, however many rows there are
        conn.execute(sa.text("ALTER TABLE lifecycle_episodes ADD COLUMN counted INTEGER"))
    for index in _INDICES:
        index.create(conn, checkfirst=True)
