"""Version 1: the first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

_METADATA = sa.MetaData()

_LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql").with_variant(mysql.LONGTEXT(), "mariadb")
_WORD = sa.String(100)
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.Float(53)


def _column(name: str, of: Any, nullable: bool = True, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, of, nullable=nullable, **more)


def _id() -> sa.Column[Any]:
    return sa.Column("id", _ID, primary_key=True, autoincrement=True)


def _table(name: str, *items: Any) -> None:
    sa.Table(
        f"lifecycle_{name}",
        _METADATA,
        *items,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        sqlite_autoincrement=name not in ("version", "workers"),
    )


_table(
    "version",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    _column("version", sa.Integer, False),
)
_table(
    "incarnations",
    _id(),
    _column("masterid", _ID, False),
    _column("token", _WORD, False, unique=True),
    _column("master", _LONG, False),
    _column("pid", _ID, False),
    _column("host", _LONG, False),
    _column("started_at", _TIME, False),
    _column("heartbeat_at", _TIME, False),
    _column("ended_at", _TIME),
    _column("ended_how", _WORD),
    sa.Index("lifecycle_incarnations_master", "masterid", "id"),
)
_table(
    "workers",
    _column("workerid", _ID, False, primary_key=True, autoincrement=False),
    _column("masterid", _ID, False, primary_key=True, autoincrement=False),
    _column("incarnation", _ID, False),
    _column("name", _LONG, False),
    _column("class", _LONG, False),
    _column("state", _WORD, False),
    _column("state_since", _TIME),
    _column("connected", sa.Boolean, False),
    _column("building", _LONG, False),
    _column("paused", sa.Boolean, False),
    _column("pause_reason", _LONG),
    _column("episode", _ID),
    _column("instance", _LONG),
    _column("pending_call", _WORD),
    _column("pending_since", _TIME),
    _column("refused", sa.Integer, False),
    _column("held", sa.Integer, False),
    _column("removed", sa.Boolean, False),
    _column("verdict", _LONG, False),
    _column("updated_at", _TIME, False),
    _column("data", _LONG, False),
)
_table(
    "events",
    _id(),
    _column("incarnation", _ID, False),
    _column("seq", _ID, False),
    _column("workerid", _ID, False),
    _column("masterid", _ID, False),
    _column("episode", _ID),
    _column("kind", _WORD, False),
    _column("at", _TIME, False),
    _column("from_state", _WORD),
    _column("to_state", _WORD),
    _column("expected", sa.Boolean),
    _column("data", _LONG, False),
    sa.UniqueConstraint("incarnation", "seq", name="lifecycle_events_seq"),
    sa.Index("lifecycle_events_worker", "workerid", "id"),
    sa.Index("lifecycle_events_kind", "kind", "id"),
    sa.Index("lifecycle_events_worker_kind", "workerid", "kind", "id"),
    sa.Index("lifecycle_events_episode", "episode", "id"),
)
_table(
    "episodes",
    _id(),
    _column("incarnation", _ID, False),
    _column("first_seq", _ID, False),
    _column("workerid", _ID, False),
    _column("masterid", _ID, False),
    _column("started_at", _TIME, False),
    _column("ended_at", _TIME),
    _column("outcome", _WORD),
    _column("start_s", _TIME),
    _column("connect_s", _TIME),
    _column("up_s", _TIME),
    _column("stop_s", _TIME),
    _column("builds", sa.Integer, False),
    _column("data", _LONG, False),
    sa.UniqueConstraint("incarnation", "first_seq", name="lifecycle_episodes_seq"),
    sa.Index("lifecycle_episodes_worker", "workerid", "id"),
    sa.Index("lifecycle_episodes_ended", "ended_at"),
)
_table(
    "actions",
    _id(),
    _column("token", _WORD, False, unique=True),
    _column("workerid", _ID, False),
    _column("masterid", _ID, False),
    _column("episode", _ID),
    _column("what", _WORD, False),
    _column("at", _TIME, False),
    _column("status", _WORD, False),
    _column("finished_at", _TIME),
    _column("actor", _LONG, False),
    _column("data", _LONG, False),
    sa.Index("lifecycle_actions_worker", "workerid", "id"),
)
_table(
    "orphans",
    _id(),
    _column("token", _WORD, False, unique=True),
    _column("workerid", _ID, False),
    _column("masterid", _ID, False),
    _column("episode", _ID),
    _column("opened_at", _TIME, False),
    _column("closed_at", _TIME),
    _column("data", _LONG, False),
    sa.Index("lifecycle_orphans_worker", "workerid", "id"),
    sa.Index("lifecycle_orphans_closed", "closed_at"),
)


def step(conn: sa.engine.Connection) -> None:
    """All tables, with their indexes."""
    _METADATA.create_all(conn)
    # On MySQL each statement commits by itself: a process killed in between left a table without
    # its indexes, and create_all looks at tables only.
    for table in _METADATA.sorted_tables:
        for index in table.indexes:
            index.create(conn, checkfirst=True)
