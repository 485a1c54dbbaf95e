"""Version 2: what one master asks of another."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

_METADATA = sa.MetaData()

_LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql").with_variant(mysql.LONGTEXT(), "mariadb")
_WORD = sa.String(100)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.Float(53)

_REQUESTS = sa.Table(
    "lifecycle_requests",
    _METADATA,
    sa.Column("id", _ID, primary_key=True, autoincrement=True),
    sa.Column("token", _WORD, nullable=False, unique=True),
    sa.Column("masterid", _ID, nullable=False),
    sa.Column("asker", _ID, nullable=False),
    sa.Column("workerid", _ID, nullable=False),
    sa.Column("action", _ID),
    sa.Column("kind", _WORD, nullable=False),
    sa.Column("asked_at", _TIME, nullable=False),
    sa.Column("expires_at", _TIME, nullable=False),
    sa.Column("claimed_at", _TIME),
    sa.Column("answered_at", _TIME),
    sa.Column("claimed_by", _WORD),
    sa.Column("data", _LONG, nullable=False),
    sa.Column("answer", _LONG, nullable=False),
    sa.Index("lifecycle_requests_answered", "answered_at"),
    mysql_engine="InnoDB",
    mysql_charset="utf8mb4",
    mysql_collate="utf8mb4_bin",
    mariadb_engine="InnoDB",
    mariadb_charset="utf8mb4",
    mariadb_collate="utf8mb4_bin",
    sqlite_autoincrement=True,
)


def step(conn: sa.engine.Connection) -> None:
    """The table with its index, each by itself: see the step before."""
    _METADATA.create_all(conn)
    for index in _REQUESTS.indexes:
        index.create(conn, checkfirst=True)
