"""A connection that dies while Buildbot attaches it: nobody tells Buildbot, and its worker keeps it.

The login is not answered yet, so that Perspective Broker has nobody to tell of the end. Stock Buildbot
then never takes this worker again, and never stops.
"""

from __future__ import annotations

import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.harness.waiting import wait_until
from tests.master.support import (
    FEW_SECONDS,
    SETTINGS,
    force,
    get_stuck,
    peer,
    rows,
)

pytestmark = pytest.mark.master


def connections(master: RealMaster) -> int:
    """Connections of workers that the master's process still holds, as the kernel counts them."""
    held = ("01", "08")  # established, or closed by the other side only
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    ends = [(line.split()[1], line.split()[3]) for line in lines]
    port = f":{master.pb_port:04X}"
    return sum(local.endswith(port) and state in held for local, state in ends)


def die_attaching(
    make_master: MakeMaster, come: Path | None = None, **options: object
) -> RealMaster:
    """A master whose worker was killed between its answer and the end of `attached`.

    Meanwhile another process holds the database, as a backup does, so that `attached` waits for it.
    """
    dead = worker("NeverConnects", "dead", connect_file=come)
    master: RealMaster = make_master([dead], **options)
    master.force_build("dead")
    master.wait_log(r"substantiating worker <LatentWorkerForBuilder builder='dead'")
    if options.get("plugin", True):
        master.wait_worker("dead", state="substantiating_starting")
    else:
        master.wait_peek("dead", state="substantiating_starting")
    database = sqlite3.connect(master.basedir / "state.sqlite", isolation_level=None, timeout=20)
    database.execute("begin immediate")
    process: subprocess.Popen[bytes] = peer(master, "dead", "nothing")
    try:
        master.wait_log("Got workerinfo from 'dead'")
        process.kill()
        process.wait()
        wait_until(lambda: connections(master) == 0, 20, "the end of the connection")
    finally:
        process.kill()
        database.rollback()
        database.close()
    return master


def test_stock_keeps_such_a_connection_and_does_not_stop(make_master: MakeMaster) -> None:
    master = die_attaching(make_master, plugin=False)
    master.wait_log("insubstantiating worker <NeverConnects 'dead'>")
    assert master.wait_peek("dead", connected=True)
    assert master.sigterm().outlives(10)


def test_it_does_not_hold_the_stop(make_master: MakeMaster) -> None:
    master = die_attaching(make_master, lifecycle=SETTINGS)
    master.wait_worker("dead", state="not_substantiated", connected=True)
    master.stop(FEW_SECONDS)
    # nothing of it ran any more: there is nothing to release, and nothing to look for
    assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]
    assert rows(master, "select count(*) from lifecycle_orphans") == [(0,)]
    assert rows(master, "select ended_how from lifecycle_incarnations") == [("clean",)]


def test_a_force_disconnect_delivers_the_disconnection_and_the_worker_builds_again(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    come = tmp_path / "come"
    master = die_attaching(make_master, come, lifecycle=SETTINGS)
    get_stuck(master, "dead", verdict__code="stale_connection")
    action = force(master, "dead", pause=False)
    assert [(s["step"], s["target"], s["done"]) for s in action["steps"]] == [
        ("deliver_disconnection", "connection", True)
    ]
    assert action["status"] == "done"
    assert master.worker("dead")["connected"] is False
    come.touch()
    assert master.build("dead")["results"] == 0
    assert rows(master, "select count(*) from lifecycle_orphans") == [(0,)]
