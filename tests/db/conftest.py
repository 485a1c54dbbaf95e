"""Databases for the tests: SQLite, PostgreSQL and MariaDB, through Buildbot's own engine and pool."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from buildbot.db import enginestrategy
from buildbot.db.pool import DBThreadPool

from buildbot_lifecycle.db import migrations, schema
from tests.harness import databases
from tests.harness.spin import reactor, spin

KINDS = (
    "sqlite",
    pytest.param("postgresql", marks=pytest.mark.database),
    pytest.param("mysql", marks=pytest.mark.database),
)


@dataclasses.dataclass(frozen=True)
class Database:
    """An empty database; ``server`` is None for SQLite."""

    url: str
    basedir: str
    server: databases.Server | None

    def engine(self) -> sa.engine.Engine:
        return enginestrategy.create_engine(self.url, basedir=self.basedir)

    def run(self, work: Callable[[Any], Awaitable[Any]]) -> Any:
        """Await ``work(pool)`` with the real pool on the real reactor."""

        async def with_pool() -> Any:
            pool = DBThreadPool(self.engine(), reactor)
            pool.start()
            try:
                return await work(pool)
            finally:
                await pool.stop()

        return spin(with_pool())


@pytest.fixture(params=KINDS)
def empty(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database_server: Callable[[str], databases.Server],
) -> Iterator[Database]:
    """A database without our tables, one of each kind in turn."""
    if request.param == "sqlite":
        yield Database("sqlite:///state.sqlite", str(tmp_path), None)
        return
    server = database_server(request.param)
    url = server.fresh()
    yield Database(url, str(tmp_path), server)
    server.drop(url)


@pytest.fixture(scope="session")
def with_tables(
    tmp_path_factory: pytest.TempPathFactory,
    database_server: Callable[[str], databases.Server],
) -> Callable[[str], Database]:
    """The session's one database of a kind that has our tables: making them is what takes long."""
    made: dict[str, Database] = {}

    def get(kind: str) -> Database:
        if kind not in made:
            server = None if kind == "sqlite" else database_server(kind)
            url = "sqlite:///state.sqlite" if server is None else server.fresh()
            made[kind] = Database(url, str(tmp_path_factory.mktemp(kind)), server)
            engine = made[kind].engine()
            migrations.migrate(engine)
            engine.dispose()
        return made[kind]

    return get


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, with_tables: Callable[[str], Database]) -> Database:
    """A database with our tables and nothing in them, one of each kind in turn."""
    found = with_tables(request.param)
    engine = found.engine()
    with engine.begin() as conn:
        for table in schema.metadata.sorted_tables:
            if table is not schema.version:
                conn.execute(table.delete())
    engine.dispose()
    return found


@pytest.fixture
def engine(database: Database) -> Iterator[sa.engine.Engine]:
    """Buildbot's own engine on `database`."""
    made = database.engine()
    yield made
    made.dispose()


@pytest.fixture
def lite(tmp_path: Path) -> Database:
    """SQLite with our tables, for rules that no database changes."""
    made = Database("sqlite:///state.sqlite", str(tmp_path), None)
    engine = made.engine()
    migrations.migrate(engine)
    engine.dispose()
    return made
