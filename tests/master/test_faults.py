"""Faults of the database under a real master: what was seen is written, in its order, and each once.

The rest of the table (`make faults`) is seen by tests that stand elsewhere: see `faults.MARK`.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import MakeMaster
from tests.harness import databases
from tests.harness.disks import Disk, small_disk
from tests.harness.master import RealMaster, worker
from tests.master import faults
from tests.master.support import FEW_SECONDS, LIFECYCLE, get_stuck
from tests.master.test_database_trouble import health, is_behind, query

pytestmark = [pytest.mark.master, pytest.mark.database, pytest.mark.fault]

Servers = Callable[[str], databases.Server]

SERVERS = ["postgresql", "mysql"]

#: Not in `make test`: the same is tried there on SQLite, or with the recorder alone.
long_way = pytest.mark.long_way


def is_written(master: RealMaster) -> bool:
    found = health(master)
    return bool(found["status"] == "ok" and found["queued"] == 0)


def stuck_master(
    make_master: MakeMaster, url: str, release: Path, **options: Any
) -> tuple[RealMaster, int]:
    """A master with a worker whose stop hangs until there is a file, and the worker's number."""
    stuck = worker("StuckStopDeferred", "stuck", release_file=release)
    master = make_master([stuck], lifecycle=LIFECYCLE, db_url=url, **options)
    master.force_build("stuck")
    workerid = get_stuck(master, "stuck")["workerid"]
    where = f"select seq from lifecycle_events where workerid = {workerid} and kind = 'where'"
    master.wait_until(lambda: query(url, where), 30, "where it hangs to be written")
    master.wait_until(lambda: is_written(master), 30, "everything to be written")
    return master, workerid


def in_order(url: str, workerid: int) -> list[str]:
    """The states that a worker went to; in each run of the master each from the one before."""
    columns = "incarnation, from_state, to_state"
    sql = f"select {columns} from lifecycle_events where workerid = {workerid}"
    moves = query(url, f"{sql} and kind = 'transition' order by id")
    for (run, _, to), (other, came, _) in itertools.pairwise(moves):
        assert to == came or run != other
    return [to for _, _, to in moves]


def url_of(kind: str, tmp_path: Path, server: Servers) -> str:
    return f"sqlite:///{tmp_path / 'master.sqlite'}" if kind == "sqlite" else server(kind).fresh()


@long_way
@pytest.mark.parametrize("kind", list(faults.ENGINES))
def test_after_a_kill_nothing_that_was_told_is_gone_and_what_may_run_on_has_an_entry(
    make_master: MakeMaster, database_server: Servers, tmp_path: Path, kind: str
) -> None:
    with faults.row("kill -9", kind) as seen:
        url = url_of(kind, tmp_path, database_server)
        master, workerid = stuck_master(make_master, url, tmp_path / "release")
        told = master.api("workers/stuck/events?limit=200")["events"]
        seen.begins()
        master.kill9()
        master.start()
        master.wait_worker("stuck", state="not_substantiated")
        seen.ended("up again after")
        now = master.api("workers/stuck/events?limit=200")["events"]
        assert now[-len(told) :] == told
        assert "master_died" in [each["kind"] for each in now]
        (entry,) = master.api("orphans?open=true")["orphans"]
        assert (entry["worker"], entry["cause"]) == ("stuck", "crash")
        seen.tells("`master_died`, and an entry of the ledger")
        master.build("stuck")
        master.wait_until(lambda: is_written(master), 30, "everything to be written")
        in_order(url, workerid)
        seen.nothing_lost(url)


@long_way
@pytest.mark.parametrize("kind", SERVERS)
def test_a_server_that_is_started_again_takes_what_came_meanwhile(
    make_master: MakeMaster, database_server: Servers, tmp_path: Path, kind: str
) -> None:
    with faults.row("restart", kind) as seen:
        server = database_server(kind)
        url = server.fresh()
        master, workerid = stuck_master(make_master, url, tmp_path / "release")
        seen.begins()
        server.stop(signal.SIGKILL)
        try:
            (tmp_path / "release").touch()
            master.wait_until(lambda: is_behind(master), 30, "it to be told")
            seen.tells("`behind` by `/health`")
            assert master.worker("stuck")["state"] == "not_substantiated"
        finally:
            server.start()
        seen.begins()
        master.wait_until(lambda: is_written(master), 60, "everything to be written")
        seen.ended("written after")
        assert in_order(url, workerid)[-1] == "not_substantiated"
        seen.nothing_lost(url)
        assert master.build("stuck")["results"] == 0


def deadlocks(server: databases.Server, url: str) -> int:
    """How many this server has ended."""
    if server.dialect == "postgresql":
        return server.output().count("ERROR:  deadlock detected")
    ((_, number),) = query(url, "show global status like 'Innodb_deadlocks'")
    return int(number)


def waits_for_a_lock(server: databases.Server, url: str) -> bool:
    sql = "select count(*) from information_schema.innodb_lock_waits"
    if server.dialect == "postgresql":
        sql = "select count(*) from pg_locks where not granted"
    ((number,),) = query(url, sql)
    return bool(number)


def insist(other: sa.engine.Connection, server: databases.Server) -> None:
    """Let the other one lose: who looks first on PostgreSQL, who has written less on MariaDB."""
    if server.dialect == "postgresql":
        other.execute(sa.text("set deadlock_timeout = '60s'"))
    else:
        other.execute(sa.text("insert into ballast select seq from seq_1_to_500"))


@long_way
@pytest.mark.parametrize("kind", SERVERS)
def test_who_loses_a_deadlock_writes_all_of_it_again(
    make_master: MakeMaster, database_server: Servers, tmp_path: Path, kind: str
) -> None:
    with faults.row("deadlock", kind) as seen:
        server = database_server(kind)
        url = server.fresh()
        database = sa.engine.make_url(url).database
        if kind == "postgresql":
            server.execute(f"alter database {database} set deadlock_timeout = '5s'")
        else:
            server.execute(f"create table {database}.ballast (n int) engine=InnoDB")
        master, workerid = stuck_master(make_master, url, tmp_path / "release")
        before = deadlocks(server, url)
        episode = master.worker("stuck")["episode"]
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        with engine.connect() as other:
            insist(other, server)
            row = "select state from lifecycle_workers where workerid = :n for update"
            other.execute(sa.text(row), {"n": workerid})
            seen.begins()
            (tmp_path / "release").touch()
            master.wait_until(lambda: waits_for_a_lock(server, url), 30, "ours to wait")
            row = "select id from lifecycle_episodes where id = :n for update"
            other.execute(sa.text(row), {"n": episode})
            assert deadlocks(server, url) == before + 1
            seen.ended("lost after")
            assert master.worker("stuck")["state"] == "not_substantiated"
            other.rollback()
        seen.begins()
        master.wait_until(lambda: is_written(master), 60, "everything to be written")
        seen.ended("written after")
        found = health(master)
        seen.told.append(f"nothing: `/health` says `{found['status']}`, {found['errors']} errors")
        assert in_order(url, workerid)[-1] == "not_substantiated"
        seen.nothing_lost(url)
        assert master.build("stuck")["results"] == 0


@contextlib.contextmanager
def on_a_small_disk(kind: str, server: Servers, tmp_path: Path) -> Iterator[tuple[str, Disk]]:
    """An empty database whose tables of ours are on a small disk, and the disk."""
    if kind == "sqlite":
        with small_disk(tmp_path / "disk", 8) as disk:
            yield f"sqlite:///{disk.path / 'master.sqlite'}", disk
        return
    found = server(kind)
    with small_disk(found.directory / f"small{tmp_path.name}", 8, found.user()) as disk:
        yield found.fresh(), disk


def move(url: str, disk: Disk) -> None:
    """Our log of events goes to the disk; the rest stays, so that Buildbot's own work goes on."""
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            space = f"small_{sa.engine.make_url(url).database}"
            for sql in (
                f"create tablespace {space} location '{disk.path}'",
                f"alter table lifecycle_events set tablespace {space}",
            ):
                connection.execute(sa.text(sql))
        elif engine.dialect.name == "mysql":
            made = connection.execute(sa.text("show create table lifecycle_events")).one()[1]
            made = re.sub(r" AUTO_INCREMENT=\d+", "", made)
            for sql in ("drop table lifecycle_events", f"{made} data directory='{disk.path}'"):
                connection.execute(sa.text(sql))


def pause(master: RealMaster, workerid: int, method: str) -> None:
    call = {"jsonrpc": "2.0", "method": method, "id": 1, "params": {"reason": "a" * 1000}}
    master.post(f"api/v2/workers/{workerid}", call)


@long_way
@pytest.mark.parametrize("kind", list(faults.ENGINES))
def test_a_disk_that_is_full_is_told_and_what_came_meanwhile_is_written_when_there_is_room(
    make_master: MakeMaster, database_server: Servers, tmp_path: Path, kind: str
) -> None:
    with (
        faults.row("disk full", kind) as seen,
        on_a_small_disk(kind, database_server, tmp_path) as (url, disk),
    ):
        release = tmp_path / "release"
        stuck = worker("StuckStopDeferred", "stuck", release_file=release)
        master = make_master([stuck], lifecycle=LIFECYCLE, db_url=url)
        if kind != "sqlite":
            master.stop(FEW_SECONDS)
            move(url, disk)
            master.start()
        master.force_build("stuck")
        workerid = get_stuck(master, "stuck")["workerid"]
        master.wait_until(lambda: is_written(master), 30, "everything to be written")
        disk.fill()
        seen.begins()
        release.touch()
        for _ in range(200):
            if is_behind(master):
                break
            # what fits into the pages that are there fills these
            if kind != "sqlite":
                pause(master, workerid, "pause")
                pause(master, workerid, "unpause")
        master.wait_until(lambda: is_behind(master), 30, "it to be told")
        seen.tells("`behind` by `/health`")
        assert master.worker("stuck")["state"] == "not_substantiated"
        disk.free()
        seen.begins()
        master.wait_until(lambda: is_written(master), 60, "everything to be written")
        seen.ended("written after")
        assert in_order(url, workerid)[-1] == "not_substantiated"
        seen.nothing_lost(url)
        master.stop(FEW_SECONDS)
        # before its disk goes
        master.teardown()
