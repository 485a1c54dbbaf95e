"""Databases for the tests: SQLite, PostgreSQL and MariaDB, through Buildbot's own engine and pool."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from buildbot.db import enginestrategy
from buildbot.db.pool import DBThreadPool

from buildbot_lifecycle.db import migrations
from tests.db.servers import MariaDB, NoServerError, Postgres, server
from tests.db.spin import reactor, spin

_numbers = itertools.count(1)

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
    server: Postgres | MariaDB | None

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


def _server(cls: type) -> Iterator[Postgres | MariaDB]:
    try:
        with server(cls) as running:
            yield running
    except NoServerError as error:
        # Where the databases must be there (CI), a skipped test would be a hole.
        if os.environ.get("LIFECYCLE_REQUIRE_DATABASES"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres | MariaDB]:
    yield from _server(Postgres)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Postgres | MariaDB]:
    yield from _server(MariaDB)


def make_database(kind: str, request: pytest.FixtureRequest, basedir: Path) -> Database:
    if kind == "sqlite":
        return Database("sqlite:///state.sqlite", str(basedir), None)
    running = request.getfixturevalue("postgres" if kind == "postgresql" else "mariadb")
    url = running.create(f"bb{os.getpid()}_{next(_numbers)}")
    return Database(url, str(basedir), running)


@pytest.fixture(params=KINDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database without our tables, one of each kind in turn."""
    return make_database(request.param, request, tmp_path)


@pytest.fixture
def database(empty: Database) -> Database:
    """A database with our tables, one of each kind in turn."""
    engine = empty.engine()
    migrations.migrate(engine)
    engine.dispose()
    return empty


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
