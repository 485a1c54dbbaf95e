"""The tables, all named ``lifecycle_*``, beside Buildbot's own and with no foreign keys to them.

What people and drivers wrote is kept as escaped ASCII (see `codec`). On MySQL every table is
InnoDB, since Buildbot's connection makes MyISAM tables by default, which know no transactions, and
compares bytes, so that two workers whose names differ in case stay two.
"""

from __future__ import annotations

import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from buildbot_lifecycle.db import codec

metadata = sa.MetaData()

# MySQL's TEXT ends at 64 kB, a traceback of 10,000 escaped emoji does not.
_LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql").with_variant(mysql.LONGTEXT(), "mariadb")


class Escaped(TypeDecorator[str]):
    """Any text, stored as ASCII (`codec.escape`); compares by equality and by part."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, length: int | None = None) -> None:
        super().__init__()
        self.length = length

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """A short text by its length, so that it can have an index; else a long one."""
        return dialect.type_descriptor(sa.String(self.length) if self.length else _LONG)

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """To the database."""
        return None if value is None else codec.escape(str(value))

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        """From the database."""
        return None if value is None else codec.unescape(value)


class Json(TypeDecorator[Any]):
    """Any value, stored as ASCII JSON text (`codec.encode`); JSON columns would refuse NUL."""

    impl = _LONG
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002
        """To the database."""
        return codec.encode(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        """From the database."""
        return codec.decode(value)


class Time(TypeDecorator[float]):
    """A time in epoch seconds, or a duration in seconds, as a double.

    What is no finite number is refused here, the same for all: the drivers say it in their own
    ways, PyMySQL as if the statement were wrong.
    """

    impl = sa.Float(53)
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> float | None:  # noqa: ARG002
        """To the database."""
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{value} is no time")
        return None if value is None else float(value)


#: SQLite numbers rows by itself only for a primary key of the type INTEGER.
Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _time(name: str, nullable: bool = True) -> sa.Column[Any]:
    return sa.Column(name, Time(), nullable=nullable)


def _word(name: str, nullable: bool = True, **more: Any) -> sa.Column[Any]:
    """A word of ours: a state, a kind, an outcome, a token."""
    return sa.Column(name, Escaped(100), nullable=nullable, **more)


def _number(name: str, nullable: bool = False, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, Id, nullable=nullable, **more)


def _table(name: str, *items: Any) -> sa.Table:
    return sa.Table(
        f"lifecycle_{name}",
        metadata,
        *items,
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
        mariadb_collate="utf8mb4_bin",
        # A number once given is never given again, also after old rows were deleted.
        sqlite_autoincrement=name not in ("version", "workers", "rollups", "beliefs"),
    )


def _id() -> sa.Column[Any]:
    return sa.Column("id", Id, primary_key=True, autoincrement=True)


version = _table(
    "version",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
)

incarnations = _table(
    "incarnations",
    _id(),
    _number("masterid"),
    _word("token", nullable=False, unique=True),
    sa.Column("master", Escaped(), nullable=False),
    _number("pid"),
    sa.Column("host", Escaped(), nullable=False),
    _time("started_at", nullable=False),
    _time("heartbeat_at", nullable=False),
    _time("ended_at"),
    _word("ended_how"),
    sa.Index("lifecycle_incarnations_master", "masterid", "id"),
)

workers = _table(
    "workers",
    _number("workerid", primary_key=True, autoincrement=False),
    _number("masterid", primary_key=True, autoincrement=False),
    _number("incarnation"),
    sa.Column("name", Escaped(), nullable=False),
    sa.Column("class", Escaped(), nullable=False),
    _word("state", nullable=False),
    _time("state_since"),
    sa.Column("connected", sa.Boolean, nullable=False),
    sa.Column("building", Json(), nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("pause_reason", Escaped()),
    _number("episode", nullable=True),
    sa.Column("instance", Escaped()),
    _word("pending_call"),
    _time("pending_since"),
    sa.Column("refused", sa.Integer, nullable=False),
    sa.Column("held", sa.Integer, nullable=False),
    sa.Column("removed", sa.Boolean, nullable=False),
    sa.Column("verdict", Json(), nullable=False),
    _time("updated_at", nullable=False),
    sa.Column("data", Json(), nullable=False),
)

events = _table(
    "events",
    _id(),
    _number("incarnation"),
    _number("seq"),
    _number("workerid"),
    _number("masterid"),
    _number("episode", nullable=True),
    _word("kind", nullable=False),
    _time("at", nullable=False),
    _word("from_state"),
    _word("to_state"),
    sa.Column("expected", sa.Boolean),
    sa.Column("data", Json(), nullable=False),
    sa.UniqueConstraint("incarnation", "seq", name="lifecycle_events_seq"),
    sa.Index("lifecycle_events_worker", "workerid", "id"),
    sa.Index("lifecycle_events_kind", "kind", "id"),
    sa.Index("lifecycle_events_worker_kind", "workerid", "kind", "id"),
    sa.Index("lifecycle_events_episode", "episode", "id"),
)

episodes = _table(
    "episodes",
    _id(),
    _number("incarnation"),
    _number("first_seq"),
    _number("workerid"),
    _number("masterid"),
    _time("started_at", nullable=False),
    _time("ended_at"),
    _word("outcome"),
    _time("start_s"),
    _time("connect_s"),
    _time("up_s"),
    _time("stop_s"),
    sa.Column("builds", sa.Integer, nullable=False),
    sa.Column("data", Json(), nullable=False),
    # 1 once it is in a rollup; see `db.rollups`
    sa.Column("counted", sa.Integer),
    sa.UniqueConstraint("incarnation", "first_seq", name="lifecycle_episodes_seq"),
    sa.Index("lifecycle_episodes_worker", "workerid", "id"),
    sa.Index("lifecycle_episodes_worker_master", "workerid", "masterid", "id"),
    sa.Index("lifecycle_episodes_ended", "ended_at"),
    sa.Index("lifecycle_episodes_counted", "counted", "id"),
    sa.Index("lifecycle_episodes_outcome", "outcome", "id"),
)

# What was counted of each day, so that it outlives its episodes; workerid 0 is a class as a whole.
rollups = _table(
    "rollups",
    _number("workerid", primary_key=True, autoincrement=False),
    _number("day", primary_key=True, autoincrement=False),
    _number("masterid", primary_key=True, autoincrement=False),
    _word("class", nullable=False, primary_key=True),
    sa.Column("data", Json(), nullable=False),
)

# Until when the clock of each master was believed, since old rows are deleted by it: see `core.belief`.
beliefs = _table(
    "beliefs",
    _number("masterid", primary_key=True, autoincrement=False),
    _time("believed_at", nullable=False),
    _time("doubted_at"),
)

actions = _table(
    "actions",
    _id(),
    _word("token", nullable=False, unique=True),
    _number("workerid"),
    _number("masterid"),
    _number("episode", nullable=True),
    _word("what", nullable=False),
    _time("at", nullable=False),
    _word("status", nullable=False),
    _time("finished_at"),
    sa.Column("actor", Escaped(), nullable=False),
    sa.Column("data", Json(), nullable=False),
    sa.Index("lifecycle_actions_worker", "workerid", "id"),
)

orphans = _table(
    "orphans",
    _id(),
    _word("token", nullable=False, unique=True),
    _number("workerid"),
    _number("masterid"),
    _number("episode", nullable=True),
    _time("opened_at", nullable=False),
    _time("closed_at"),
    sa.Column("data", Json(), nullable=False),
    sa.Index("lifecycle_orphans_worker", "workerid", "id"),
    sa.Index("lifecycle_orphans_closed", "closed_at"),
)

# What a master is asked to do by another: one row is one message, and its answer.
requests = _table(
    "requests",
    _id(),
    _word("token", nullable=False, unique=True),
    _number("masterid"),
    _number("asker"),
    _number("workerid"),
    _number("action", nullable=True),
    _word("kind", nullable=False),
    # these four are of the database's own clock: those of masters differ
    _time("asked_at", nullable=False),
    _time("expires_at", nullable=False),
    _time("claimed_at"),
    _time("answered_at"),
    _word("claimed_by"),
    sa.Column("data", Json(), nullable=False),
    sa.Column("answer", Json(), nullable=False),
    sa.Index("lifecycle_requests_answered", "answered_at"),
)
