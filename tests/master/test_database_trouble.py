"""A database that hangs, is gone, or has lost our tables: nothing is lost, and the stop ends."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.db import migrations
from tests.conftest import MakeMaster
from tests.harness import databases
from tests.harness.master import API, RealMaster, worker
from tests.master import catalogue, faults
from tests.master.support import FEW_SECONDS, LIFECYCLE, force, get_stuck

pytestmark = [pytest.mark.master, pytest.mark.database]

Servers = Callable[[str], databases.Server]

#: Seconds: grace, and what a database that does not answer is waited for beyond it.
LEAVES = LIFECYCLE["shutdown_grace"] + 20


@contextlib.contextmanager
def frozen(server: databases.Server) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        server.thaw()


@contextlib.contextmanager
def locked(engine: sa.engine.Engine, table: str) -> Iterator[None]:
    """A table that somebody has locked for all, and keeps."""
    with engine.connect() as connection:
        if engine.dialect.name == "mysql":
            connection.execute(sa.text(f"LOCK TABLES {table} WRITE"))
        else:
            connection.execute(sa.text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        yield
        connection.rollback()


def kept(master: RealMaster) -> list[Path]:
    return sorted(master.basedir.glob("lifecycle-unwritten-*"))


def health(master: RealMaster) -> dict[str, Any]:
    found: dict[str, Any] = master.api("health")["health"]
    return found


def is_behind(master: RealMaster) -> bool:
    found = health(master)
    return found["status"] == "behind" and found["behind_since"] is not None


def query(url: str, sql: str) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(sa.text(sql))]


@pytest.mark.fault
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_that_hangs_is_told_and_the_stop_ends_with_all_of_it_kept(
    make_master: MakeMaster, database_server: Servers, kind: str
) -> None:
    with faults.row("hang", kind) as seen:
        _hang(make_master, database_server, kind, seen)


def _hang(make_master: MakeMaster, database_server: Servers, kind: str, seen: faults.Row) -> None:
    server = database_server(kind)
    url = server.fresh()
    names = ["stuck", "other"]
    master = make_master(
        [worker("StuckStopDeferred", name) for name in names], lifecycle=LIFECYCLE, db_url=url
    )
    for name in names:
        master.force_build(name)
        get_stuck(master, name, verdict__code="stop_pending")
    master.wait_until(lambda: health(master)["queued"] == 0, 30, "everything to be written")
    assert health(master)["status"] == "ok"
    with frozen(server):
        seen.begins()
        master.wait_until(lambda: is_behind(master), 30, "the hang to be told")
        seen.tells("`behind` by `/health`; history 503")
        # from memory, as it is now
        assert master.worker("stuck")["state"] == "insubstantiating"
        (mine,) = master.api("shutdown")["shutdown"]
        assert [wait["what"] for wait in mine["waits"]] == ["database"]
        answer = master.get(f"{API}/events?limit=1".replace("events", "episodes"))
        assert (answer.status, answer.json["code"]) == (503, "behind")
        assert int(answer.headers["Retry-After"]) > 0
        master.wait_log("lifecycle: the database does not answer")
        seen.begins()
        master.stop(LEAVES)
        seen.ended("the stop, with all of it kept in a file,")
        (path,) = kept(master)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert f"they are kept in {path.name} and read in at the next start" in master.log()
    seen.begins()
    master.start()
    master.wait_log(r"lifecycle: \d+ events and \d+ rows of an earlier run are read in")
    seen.ended("read in at the start, after")
    assert kept(master) == []
    ended = query(url, "select ended_how from lifecycle_incarnations order by id")
    assert ended == [("clean",), (None,)]
    actions = query(url, "select what, actor, status from lifecycle_actions")
    assert actions == [("shutdown-release", "shutdown", "done")] * 2
    orphans = query(url, "select workerid from lifecycle_orphans where closed_at is null")
    assert len(orphans) == len(set(orphans)) == 2
    moves = query(url, "select kind from lifecycle_events where kind = 'master_died'")
    assert moves == []
    assert (
        query(
            url,
            "select incarnation, seq, count(*) from lifecycle_events group by 1, 2 having count(*) > 1",
        )
        == []
    )
    seen.nothing_lost(url)
    master.stop(FEW_SECONDS)


def test_a_server_that_is_gone_does_not_hold_the_stop(
    make_master: MakeMaster, database_server: Servers
) -> None:
    server = database_server("postgresql")
    url = server.fresh()
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=LIFECYCLE, db_url=url)
    master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="stop_pending")
    master.wait_until(lambda: health(master)["queued"] == 0, 30, "everything to be written")
    server.stop()
    try:
        master.wait_until(lambda: is_behind(master), 30, "it to be told")
        master.stop(LEAVES)
        assert len(kept(master)) == 1
    finally:
        server.start()
    master.start()
    master.wait_log("of an earlier run are read in")
    assert kept(master) == []
    actions = query(url, "select what, actor from lifecycle_actions")
    assert actions == [("shutdown-release", "shutdown")]
    assert query(url, "select count(*) from lifecycle_orphans") == [(1,)]
    master.stop(FEW_SECONDS)


@pytest.mark.fault
@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_readers_of_a_locked_table_do_not_stop_the_builds_of_the_master(
    make_master: MakeMaster, database_server: Servers, kind: str
) -> None:
    with faults.row("lock", kind) as seen:
        _lock(make_master, database_server, kind, seen)


def _lock(make_master: MakeMaster, database_server: Servers, kind: str, seen: faults.Row) -> None:
    url = database_server(kind).fresh()
    master = make_master([worker("Healthy", "healthy")], lifecycle=LIFECYCLE, db_url=url)
    assert master.build("healthy")["results"] == 0
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    answers: list[int] = []
    with locked(engine, "lifecycle_episodes"):
        seen.begins()
        readers = [
            threading.Thread(target=lambda: answers.append(master.get(f"{API}/episodes").status))
            for _ in range(24)
        ]
        for reader in readers:
            reader.start()
        # 24 of Buildbot's 15 threads would be waiting
        assert master.build("healthy")["results"] == 0
        for reader in readers:
            reader.join()
        assert set(answers) == {503}
        master.wait_until(lambda: is_behind(master), 30, "the lock to be told")
        seen.tells("`behind` by `/health`, after a build and 24 readers with 503")
        assert master.worker("healthy")["verdict"]["level"] == "ok"
        seen.begins()
    master.wait_until(lambda: health(master)["status"] == "ok", 60, "the end of it to be told")
    seen.ended("in order again after")
    assert health(master)["last_error"] is None
    master.wait_until(lambda: health(master)["queued"] == 0, 30, "everything to be written")
    seen.nothing_lost(url)
    assert master.get(f"{API}/episodes").status == 200
    master.stop(FEW_SECONDS)


@pytest.mark.fault
def test_sqlite_locked_as_a_whole_is_told_and_does_not_hold_the_stop(
    make_master: MakeMaster,
) -> None:
    with faults.row("lock", "sqlite") as seen:
        _lock_sqlite(make_master, seen)


def _lock_sqlite(make_master: MakeMaster, seen: faults.Row) -> None:
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=LIFECYCLE)
    master.force_build("stuck")
    get_stuck(master, "stuck", verdict__code="stop_pending")
    with contextlib.closing(sqlite3.connect(master.basedir / "state.sqlite")) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        seen.begins()
        # what somebody does now has to be written
        workerid = master.worker("stuck")["workerid"]
        call = {"jsonrpc": "2.0", "method": "pause", "id": 1, "params": {"reason": "x"}}
        threading.Thread(
            target=lambda: master.post(f"api/v2/workers/{workerid}", call), daemon=True
        ).start()
        master.wait_until(lambda: is_behind(master), 60, "the lock to be told")
        seen.tells("`behind` by `/health`")
        assert master.worker("stuck")["state"] == "insubstantiating"
        seen.begins()
        master.stop(LEAVES)
        seen.ended("the stop, with all of it kept in a file,")
    assert len(kept(master)) == 1
    seen.begins()
    master.start()
    master.wait_log("of an earlier run are read in")
    seen.ended("read in at the start, after")
    seen.nothing_lost(f"sqlite:///{master.basedir / 'state.sqlite'}")
    with master.db() as connection:
        ended = connection.execute("select ended_how from lifecycle_incarnations order by id")
        assert [row[0] for row in ended] == ["clean", None]
        assert connection.execute("select count(*) from lifecycle_orphans").fetchone()[0] == 1
    master.stop(FEW_SECONDS)


def test_tables_that_are_missing_are_one_clear_line_with_the_command_that_mends_it(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("Healthy", "healthy")], lifecycle=LIFECYCLE)
    assert master.build("healthy")["results"] == 0
    file = master.basedir / "state.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TABLE lifecycle_events")
        connection.commit()
    assert master.build("healthy")["results"] == 0
    master.wait_until(lambda: health(master)["status"] == "degraded", 30, "it to be told")
    found = health(master)
    assert found["queued"] == 0
    assert "lifecycle_events" in found["last_error"]
    assert "DELETE FROM lifecycle_version" in found["last_error"]
    assert master.log().count("nothing is recorded any more: tables are missing") == 1
    assert master.worker("healthy")["verdict"]["level"] == "ok"
    master.stop(FEW_SECONDS)
    assert kept(master) == []
    master.start()
    master.wait_log("lifecycle: nothing is recorded: tables are missing")
    assert health(master)["status"] == "degraded"
    master.stop(FEW_SECONDS)
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("DELETE FROM lifecycle_version")
        connection.commit()
    master.start()
    master.wait_until(lambda: health(master)["status"] == "ok", 30, "it to be mended")
    assert health(master)["last_error"] is None
    assert master.build("healthy")["results"] == 0
    master.stop(FEW_SECONDS)
    _refuse_a_newer_schema(master, file)


def _refuse_a_newer_schema(master: RealMaster, file: Path) -> None:
    """As after a downgrade: one clear line where an administrator looks, and Buildbot runs on."""
    newer = migrations.VERSION + 1
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("UPDATE lifecycle_version SET version = ?", [newer])
        connection.commit()
        before = connection.execute("SELECT count(*) FROM lifecycle_events").fetchone()
    since = master.log_size()
    master.start()
    said = f"nothing is recorded: the lifecycle tables are of version {newer}"
    master.wait_log(said, since)
    found = health(master)
    assert (found["status"], found["recording"], found["schema"]) == ("degraded", False, None)
    assert f"knows version {migrations.VERSION} and older" in found["last_error"]
    assert "install the newer release again" in found["last_error"]
    assert master.build("healthy")["results"] == 0
    answer = master.get(f"{API}/workers")
    assert (answer.status, answer.json["code"]) == (503, "not_ready")
    assert said in answer.json["error"]
    master.stop(FEW_SECONDS)
    assert master.log()[since:].count("lifecycle tables are of version") == 1
    assert kept(master) == []
    with contextlib.closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM lifecycle_events").fetchone() == before


def test_a_build_that_buildbot_lost_is_told_released_and_holds_no_stop(
    make_master: MakeMaster,
) -> None:
    """The database refuses the end of a build once: Buildbot breaks off, and nothing goes on with it."""
    with catalogue.row("build_lost", "error of the database") as seen:
        _lose_a_build(make_master, seen)


def _lose_a_build(make_master: MakeMaster, seen: catalogue.Row) -> None:
    names = ["freed", "held"]
    settings = {**LIFECYCLE, "shutdown_grace": 5}
    master = make_master([worker("Healthy", name) for name in names], lifecycle=settings)
    file = master.basedir / "state.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "CREATE TRIGGER refuses BEFORE UPDATE OF complete_at ON builds"
            " BEGIN SELECT RAISE(ABORT, 'no space'); END"
        )
        connection.commit()
    requests = {name: master.force_build(name) for name in names}
    for name in names:
        stuck = get_stuck(master, name, verdict__code="build_lost")
        assert stuck["forceable"] is True
    seen.detected()
    seen.explained(stuck["verdict"]["reason"])
    (mine,) = master.api("shutdown")["shutdown"]
    assert {blocker["what"] for blocker in mine["blockers"]} == {"build_lost"}
    assert {blocker["release_in_s"] for blocker in mine["blockers"]} == {0.0}
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("DROP TRIGGER refuses")
        connection.commit()
    assert force(master, "freed", pause=False)["status"] == "done"
    assert master.wait_build(requests["freed"])["results"] == 0
    master.wait_worker("freed", state="not_substantiated", verdict__level="ok")
    seen.released()
    assert master.build("freed")["results"] == 0
    seen.reused()
    master.stop(FEW_SECONDS)
    seen.stopped()
    with master.db() as connection:
        actions = connection.execute("select what, status from lifecycle_actions order by id")
        assert [tuple(row) for row in actions] == [
            ("force-disconnect", "done"),
            ("shutdown-release", "done"),
        ]
        assert connection.execute("select count(*) from lifecycle_orphans").fetchone()[0] == 0
        unfinished = "select count(*) from builds where complete_at is null"
        assert connection.execute(unfinished).fetchone()[0] == 0
