"""A database that an earlier version has written is brought up to date, and all of it is read.

``stored/versionN.sqlite.sql`` is what version N had written (`sqlite3`'s dump of a small history: a name
that two masters have, an episode that is over and an open one, an action, an entry, a request). A file is
never made anew: the next version adds its own.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.requests import HistoryQuery
from buildbot_lifecycle.db import migrations, schema
from tests.db import answered as queries

STORED = sorted((Path(__file__).parent / "stored").glob("*.sql"))


@pytest.fixture(params=STORED, ids=lambda path: path.name.split(".")[0])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> sa.engine.Engine:
    with sqlite3.connect(tmp_path / "stored.sqlite") as database:
        database.executescript(request.param.read_text(encoding="utf-8"))
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'stored.sqlite'}")
    with engine.connect() as conn:
        version = conn.execute(sa.select(schema.version.c.version)).scalar_one()
    assert f"version{version}" == re.split(r"\.", request.param.name)[0]
    return engine


def test_there_is_one() -> None:
    assert STORED


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
