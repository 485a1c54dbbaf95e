"""A database that an earlier version has written is brought up to date, and all of it is read.

``stored/versionN.ENGINE.sql`` is what version N had written: a small history with a name that two masters
have, an episode that is over and an open one, an action, an entry, a request. `dumps` writes them. A file
is never made anew: the next version adds its own.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.requests import HistoryQuery
from buildbot_lifecycle.db import migrations, rollups, schema
from tests.conftest import make_db_url
from tests.db import answered as queries
from tests.db.dumps import STORED, load
from tests.harness import databases

FILES = sorted(STORED.glob("*.sql"))


def _param(path: Path) -> object:
    version, engine, _ = path.name.split(".")
    marks = [] if engine == "sqlite" else [pytest.mark.database]
    return pytest.param(path, id=f"{version}-{engine}", marks=marks)


@pytest.fixture(params=[_param(path) for path in FILES])
def stored(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    database_server: Callable[[str], databases.Server],
) -> Iterator[sa.engine.Engine]:
    name, kind, _ = request.param.name.split(".")
    with contextlib.ExitStack() as stack:
        make = contextlib.contextmanager(make_db_url)
        url = stack.enter_context(make(kind, tmp_path, database_server))
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        load(engine, request.param.read_text(encoding="utf-8"))
        with engine.connect() as conn:
            version = conn.execute(sa.select(schema.version.c.version)).scalar_one()
        assert f"version{version}" == name
        yield engine


def test_there_is_one_of_this_version_for_each_engine() -> None:
    now = {f"version{migrations.VERSION}.{kind}.sql" for kind in ("sqlite", *databases.SERVERS)}
    assert now <= {path.name for path in FILES}


def test_it_is_migrated_and_all_of_it_is_read(stored: sa.engine.Engine) -> None:
    assert migrations.migrate(stored) == migrations.VERSION
    with stored.connect() as conn:
        one, two = queries.named(conn, "linux")
        assert (one["masterid"], one["state"], one["orphans"]) == (1, "substantiated", 1)
        assert (two["masterid"], two["state"], two["orphans"]) == (2, "not_substantiated", 0)
        episodes = queries.history(conn, HistoryQuery("episodes")).rows
        outcomes = [(row["masterid"], row["outcome"]) for row in episodes]
        assert outcomes == [(2, "ok"), (1, None), (1, "ok")]
        for row in episodes:
            assert row["phases"]
        (action,) = queries.history(conn, HistoryQuery("actions")).rows
        assert (action["reason"], action["worker"]) == ("hung \u2603", "linux")
        (orphan,) = queries.history(conn, HistoryQuery("orphans")).rows
        assert (orphan["instance"], orphan["closed_at"]) == ("i-1", None)
        events = queries.history(conn, HistoryQuery("events", limit=500)).rows
        assert len(events) > 20
        facts, folded = queries.rebuild(conn, 1, 7)
        assert facts.state.value == one["state"]
        assert len(folded) == 2
        assert conn.execute(sa.select(sa.func.count()).select_from(schema.requests)).scalar() == 1
        # what is over is counted once, also where it was counted before
        rollups.count(conn, 100)
        of_class = rollups.total(conn, None, 0, 10**6)
        assert sum(sum(each.outcomes.values()) for each in of_class.values()) == 2


def test_what_it_goes_on_to_write_has_numbers_of_its_own(stored: sa.engine.Engine) -> None:
    migrations.migrate(stored)
    with stored.begin() as conn:
        known = conn.execute(sa.select(schema.events.c.id)).all()
        row = {"incarnation": 3, "seq": 1, "workerid": 7, "masterid": 1, "kind": "detached"}
        conn.execute(schema.events.insert(), {**row, "at": 9000.0, "data": {}})
        newest = conn.execute(sa.select(sa.func.max(schema.events.c.id))).scalar_one()
        assert newest > max(number for (number,) in known)
