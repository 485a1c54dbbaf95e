"""The tables are made once, by whoever comes first, and never by code that is too old."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.db import migrations, rollups, schema
from buildbot_lifecycle.db.steps import fourth
from tests.db.conftest import Database
from tests.harness.waiting import patient

#: Looks, waits, acts: without a lock all six would have looked before the first one acts.
RACER = """
import sys, time
from buildbot.db import enginestrategy
from buildbot_lifecycle.db import migrations
look = migrations._found
def slowly(conn):
    found = look(conn)
    time.sleep(0.2)
    return found
migrations._found = slowly
print("ready", flush=True)
sys.stdin.readline()
print(migrations.migrate(enginestrategy.create_engine(sys.argv[1], basedir=sys.argv[2])))
"""


def test_migrating_makes_all_tables_and_tells_the_version(empty: Database) -> None:
    engine = empty.engine()
    assert migrations.migrate(engine) == migrations.VERSION
    names = set(sa.inspect(engine).get_table_names())
    assert set(schema.metadata.tables) <= names
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.version.c.version)).all() == [(migrations.VERSION,)]


def test_migrating_again_changes_nothing(empty: Database) -> None:
    engine = empty.engine()
    migrations.migrate(engine)
    with engine.begin() as conn:
        row = {"masterid": 1, "token": "t", "master": "m", "pid": 1, "host": "h"}
        values = {**row, "started_at": 1.0, "heartbeat_at": 1.0}
        conn.execute(schema.incarnations.insert().values(values))
    assert migrations.migrate(engine) == migrations.VERSION
    with engine.connect() as conn:
        assert (
            conn.execute(sa.select(sa.func.count()).select_from(schema.incarnations)).scalar() == 1
        )


@pytest.mark.process
def test_six_processes_that_race_migrate_once_and_without_an_error(empty: Database) -> None:
    command = [sys.executable, "-c", RACER, empty.url, empty.basedir]
    pipe = subprocess.PIPE
    racers = [
        subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(6)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for racer in racers:
        out, err = racer.communicate(timeout=patient(60))
        assert (out, racer.returncode) == (f"{migrations.VERSION}\n", 0), err
    with empty.engine().connect() as conn:
        assert conn.execute(sa.select(schema.version.c.version)).all() == [(migrations.VERSION,)]


def test_tables_of_a_newer_release_are_refused_and_left_alone(empty: Database) -> None:
    engine = empty.engine()
    migrations.migrate(engine)
    newer = migrations.VERSION + 1
    with engine.begin() as conn:
        conn.execute(schema.version.update().values(version=newer))
    with pytest.raises(migrations.SchemaError, match=rf"version {newer}.*version {newer - 1}"):
        migrations.migrate(engine)
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.version.c.version)).scalar() == newer


def test_a_lock_is_free_again_after_a_refusal(empty: Database) -> None:
    engine = empty.engine()
    migrations.migrate(engine)
    with engine.begin() as conn:
        conn.execute(schema.version.update().values(version=migrations.VERSION + 1))
    with pytest.raises(migrations.SchemaError):
        migrations.migrate(engine)
    with engine.begin() as conn:
        conn.execute(schema.version.update().values(version=migrations.VERSION))
    assert migrations.migrate(empty.engine()) == migrations.VERSION


def test_a_migration_that_was_killed_halfway_is_finished(empty: Database) -> None:
    engine = empty.engine()
    migrations.migrate(engine)
    with engine.begin() as conn:
        # As MySQL leaves it, where every statement is final at once: a table without its index, the
        # next one missing, no version.
        index = next(i for i in schema.events.indexes if i.name == "lifecycle_events_worker_kind")
        index.drop(conn)
        schema.orphans.drop(conn)
        conn.execute(schema.version.delete())
    assert migrations.migrate(engine) == migrations.VERSION
    found = sa.inspect(empty.engine())
    assert "lifecycle_orphans" in found.get_table_names()
    assert index.name in {each["name"] for each in found.get_indexes("lifecycle_events")}


def test_a_step_that_fails_leaves_the_version_as_it_was(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(conn: sa.engine.Connection) -> None:
        raise RuntimeError("step")

    engine = empty.engine()
    migrations.migrate(engine)
    number = migrations.VERSION + 1
    monkeypatch.setattr(migrations, "STEPS", {**migrations.STEPS, number: fails})
    monkeypatch.setattr(migrations, "VERSION", number)
    with pytest.raises(RuntimeError, match="step"):
        migrations.migrate(engine)
    with engine.connect() as conn:
        assert conn.execute(sa.select(schema.version.c.version)).scalar() == number - 1


#: A column that a later step has added to a table.
_ADDED = re.compile(r",\s*counted INTEGER")


def shape_of(engine: sa.engine.Engine) -> dict[str, Any]:
    """All that the database tells of our tables: columns, keys, indexes, and how each is stored."""
    found = sa.inspect(engine)
    shape: dict[str, Any] = {}
    for name in sorted(n for n in found.get_table_names() if n.startswith("lifecycle_")):
        shape[name] = {
            "columns": [
                {**column, "type": column["type"].compile(engine.dialect)}
                for column in found.get_columns(name)
            ],
            "key": found.get_pk_constraint(name),
            "indexes": sorted(found.get_indexes(name), key=lambda index: str(index["name"])),
            "unique": sorted(
                found.get_unique_constraints(name), key=lambda key: str(key["column_names"])
            ),
            "stored": found.get_table_options(name),
        }
    if engine.dialect.name == "sqlite":
        with engine.connect() as conn:
            rows = conn.execute(sa.text("SELECT name, sql FROM sqlite_master ORDER BY name"))
            # where a column was added, it stands behind the keys: `columns` above compares it
            shape["text"] = [(row.name, _ADDED.sub("", row.sql or "")) for row in rows]
    return shape


def test_all_steps_together_make_the_tables_that_the_code_works_with(empty: Database) -> None:
    engine = empty.engine()
    migrations.migrate(engine)
    stepped = shape_of(engine)
    schema.metadata.drop_all(engine)
    assert not [name for name in shape_of(engine) if name != "text"]
    schema.metadata.create_all(engine)
    assert stepped == shape_of(engine)
    assert {name for name in stepped if name != "text"} == set(schema.metadata.tables)


def test_a_step_that_was_released_does_not_change_with_the_code(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next release's column is the next release's step: this one would make it, and that one fail."""
    engine = empty.engine()
    later = sa.MetaData()
    for table in schema.metadata.sorted_tables:
        table.to_metadata(later)
    later.tables["lifecycle_events"].append_column(sa.Column("of_a_later_release", sa.Integer))
    monkeypatch.setattr(schema, "metadata", later)
    migrations.migrate(engine)
    columns = {column["name"] for column in sa.inspect(engine).get_columns("lifecycle_events")}
    assert "of_a_later_release" not in columns
    assert "expected" in columns


@pytest.mark.database
@pytest.mark.parametrize("database", ["mysql"], indirect=True)
def test_on_mysql_every_table_is_transactional_and_compares_bytes(engine: sa.engine.Engine) -> None:
    query = sa.text(
        "SELECT table_name, engine, table_collation FROM information_schema.tables "
        "WHERE table_schema = DATABASE() AND table_name LIKE 'lifecycle%'"
    )
    with engine.connect() as conn:
        assert conn.execute(sa.text("SELECT @@default_storage_engine")).scalar() == "MyISAM"
        rows = conn.execute(query).all()
    assert {(row[1], row[2]) for row in rows} == {("InnoDB", "utf8mb4_bin")}
    assert {row[0] for row in rows} == set(schema.metadata.tables)


def test_version_3_adds_an_index_and_keeps_what_is_stored(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = empty.engine()
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "VERSION", 2)
        patch.setattr(migrations, "look", lambda _: None)
        migrations.migrate(engine)
    row = {"incarnation": 1, "first_seq": 1, "workerid": 7, "started_at": 1.0, "builds": 0}
    with engine.begin() as conn:
        conn.execute(schema.episodes.insert(), [{**row, "masterid": 2, "data": {"a": 1}}])
    assert migrations.migrate(engine) == migrations.VERSION
    with engine.connect() as conn:
        (found,) = conn.execute(sa.select(schema.episodes))
    assert (found.workerid, found.masterid, found.data) == (7, 2, {"a": 1})
    indexes = sa.inspect(empty.engine()).get_indexes("lifecycle_episodes")
    named = {each["name"]: each["column_names"] for each in indexes}
    assert named["lifecycle_episodes_worker_master"] == ["workerid", "masterid", "id"]


def test_version_4_counts_what_is_stored_and_makes_its_step_again_where_it_was_broken_off(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = empty.engine()
    with monkeypatch.context() as patch:
        patch.setattr(migrations, "VERSION", 3)
        patch.setattr(migrations, "look", lambda _: None)
        migrations.migrate(engine)
    row = {"incarnation": 1, "workerid": 7, "masterid": 2, "started_at": 1.0, "builds": 0}
    over = {**row, "first_seq": 1, "ended_at": 5.0, "outcome": "ok", "start_s": 2.0, "data": {}}
    with engine.begin() as conn:
        conn.execute(schema.episodes.insert(), [over])
        conn.execute(schema.episodes.insert(), [{**row, "first_seq": 2, "data": {}}])
    with engine.connect() as conn, conn.begin():
        fourth.step(conn)  # and its number was not written any more
    assert migrations.migrate(engine) == migrations.VERSION
    with engine.begin() as conn:
        assert rollups.uncounted(conn)
        assert rollups.count(conn) == 1
        assert not rollups.uncounted(conn)
        ((key, found),) = rollups.total(conn, [7], 0, 1).items()
    assert (key, found.outcomes, found.phases["start"].count) == ((7, 2, ""), {"ok": 1}, 1)
    indexes = {
        each["name"] for each in sa.inspect(empty.engine()).get_indexes("lifecycle_episodes")
    }
    assert {"lifecycle_episodes_counted", "lifecycle_episodes_outcome"} <= indexes
