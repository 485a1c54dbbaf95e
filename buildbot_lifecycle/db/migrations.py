"""Bringing the tables to the version that this code knows, under a lock, whoever comes first.

Several masters may start at once on one database: each calls `migrate`, one does the work, the
others wait for it and find it done. A database newer than the code is refused and left alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import sqlalchemy as sa

from buildbot_lifecycle.db import schema
from buildbot_lifecycle.db.steps import fifth, first, fourth, second, third

#: "lifecycl" in ASCII: the key of PostgreSQL's advisory lock, which is one number per database.
_LOCK_NUMBER = 0x6C6966656379636C

#: Seconds that MySQL lets us wait for another master's migration.
_LOCK_WAIT = 300


#: What makes the next start of a master make the tables that are missing.
MEND = "DELETE FROM lifecycle_version"


class SchemaError(Exception):
    """The tables cannot be used by this version of buildbot-lifecycle; the text says what to do."""


#: version -> the step that leads to it from the one before. A step may find half of its work
#: done, and is never changed once it was released.
STEPS: Mapping[int, Callable[[sa.engine.Connection], None]] = {
    1: first.step,
    2: second.step,
    3: third.step,
    4: fourth.step,
    5: fifth.step,
}

#: The version that this code reads and writes.
VERSION = max(STEPS)


def migrate(engine: sa.engine.Engine) -> int:
    """Bring the tables to `VERSION` and return it; for ``pool.do_with_engine``.

    Idempotent, and safe against other processes. Raises `SchemaError` for a newer database, and
    SQLAlchemy's errors as they come.
    """
    with engine.connect() as conn, _locked(conn):
        found = _found(conn)
        if found > VERSION:
            raise SchemaError(_newer(found))
        for number in range(found + 1, VERSION + 1):
            STEPS[number](conn)
            _write(conn, number)
        why = look(conn)
        if why is not None:
            raise SchemaError(why)
    return VERSION


def look(conn: sa.engine.Connection) -> str | None:
    """Why the tables cannot be used as they are, with what mends it; None: they can. Only reads."""
    there = set(sa.inspect(conn).get_table_names())
    lost = [table.name for table in schema.metadata.sorted_tables if table.name not in there]
    if schema.version.name in lost:
        return f"tables are missing ({', '.join(lost)}): restart the master, which makes them anew"
    if lost:
        return (
            f"tables are missing ({', '.join(lost)}) although {schema.version.name} says that they are"
            " there: restore them, or have them made anew, empty, by the SQL command"
            f" '{MEND}' and a restart of the master"
        )
    found = conn.execute(sa.select(schema.version.c.version)).scalar()
    return _newer(int(found)) if found is not None and int(found) > VERSION else None


def _newer(found: int) -> str:
    return (
        f"the lifecycle tables are of version {found}, this buildbot-lifecycle knows "
        f"version {VERSION} and older: install the newer release again, or restore the "
        "database from before its upgrade"
    )


def _found(conn: sa.engine.Connection) -> int:
    """The version of the tables, 0 where there are none."""
    if not sa.inspect(conn).has_table(schema.version.name):
        schema.version.create(conn)
    number = conn.execute(sa.select(schema.version.c.version)).scalar()
    return 0 if number is None else int(number)


def _write(conn: sa.engine.Connection, number: int) -> None:
    conn.execute(schema.version.delete())
    conn.execute(schema.version.insert().values(id=1, version=number))


@contextmanager
def _locked(conn: sa.engine.Connection) -> Iterator[None]:
    """A transaction that only one process at a time is in; committed at the end."""
    if conn.dialect.name == "postgresql":
        with conn.begin():
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_NUMBER)))
            yield
    elif conn.dialect.name == "sqlite":
        with conn.begin():
            # The driver's own BEGIN comes late and does not lock; ours does, before any reading.
            conn.exec_driver_sql("BEGIN IMMEDIATE")
            yield
    else:
        with _mysql_lock(conn), conn.begin():
            yield


@contextmanager
def _mysql_lock(conn: sa.engine.Connection) -> Iterator[None]:
    """MySQL's named lock: held by the session, over the commits that its DDL makes."""
    # Names are shared by the whole server, and end at 64 characters.
    database = hashlib.sha256(str(conn.engine.url.database).encode()).hexdigest()[:32]
    name = f"lifecycle_migrate_{database}"
    with conn.begin():
        got = conn.execute(sa.select(sa.func.get_lock(name, _LOCK_WAIT))).scalar()
    if got != 1:
        raise SchemaError(
            f"another master has been changing the lifecycle tables for {_LOCK_WAIT} s"
        )
    try:
        yield
    finally:
        if conn.in_transaction():
            conn.rollback()
        with conn.begin():
            conn.execute(sa.select(sa.func.release_lock(name)))
