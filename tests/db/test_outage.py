"""The database goes away and comes back; the process is killed: what was recorded is there."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.requests import HistoryQuery
from buildbot_lifecycle.db import schema
from buildbot_lifecycle.db.recorder import Recorder
from buildbot_lifecycle.db.store import Store
from tests.db import answered as queries
from tests.db.conftest import Database
from tests.db.play import Seq, Worker
from tests.harness.spin import in_thread, reactor, sleep
from tests.harness.waiting import patient, wait_until

WRITER = """
import sys
from twisted.internet import reactor
from buildbot.db import enginestrategy
from buildbot.db.pool import DBThreadPool
from buildbot_lifecycle.db.recorder import Recorder
from tests.db.play import Seq, Worker

pool = DBThreadPool(enginestrategy.create_engine(sys.argv[1], basedir=sys.argv[2]), reactor)
pool.start()
seq = Seq()
worker = Worker(7, seq)

def told(committed, episodes):
    for each in committed:
        print(each.event.seq, flush=True)

recording = Recorder(pool, reactor, 1, told, next_seq=seq, group=20)
recording.start(1)

def go():
    for entry in worker.life():
        recording.put(entry)
    reactor.callLater(0, go)

reactor.callWhenRunning(go)
reactor.run()
"""


@pytest.mark.database
@pytest.mark.parametrize("database", ["postgresql", "mysql"], indirect=True)
def test_a_server_that_stops_and_starts_again_loses_nothing_and_keeps_the_order(
    database: Database,
) -> None:
    server = database.server
    assert server is not None
    if server.dialect == "mysql":
        # The tests' server is fast since it forgets, when it is killed, what it said it had.
        server.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 2")

    async def work(pool: Any) -> None:
        seen: list[Any] = []
        log: list[str] = []
        seq = Seq()
        recording = Recorder(
            pool,
            reactor,
            1,
            lambda committed, episodes: seen.extend(each.event for each in committed),
            next_seq=seq,
            log=log.extend,
        )
        recording.start(1)
        workers = itertools.cycle([Worker(number, seq) for number in range(5)])
        put: list[Any] = []

        async def play(seconds: float) -> None:
            until = reactor.seconds() + seconds
            while reactor.seconds() < until:
                for entry in next(workers).life():
                    put.append(entry.event)
                    recording.put(entry)
                await sleep(0.01)

        await play(0.5)
        # PostgreSQL's crash: all its processes leave at once, none is told to finish.
        how = signal.SIGQUIT if server.dialect == "postgresql" else signal.SIGKILL
        stopping = in_thread(lambda: server.stop(how))
        await play(2.0)
        await stopping
        status = recording.status()
        assert status.queued > 0
        assert status.oldest_unwritten_at is not None
        # Not in a thread: the server's life is tied to that of the thread that starts it.
        server.start()
        await play(0.5)
        assert await recording.drained(40)
        assert seen == put
        page_of = await pool.do(_all_seqs)
        assert page_of == [event.seq for event in put]
        assert recording.status().dropped == 0
        assert len(log) == 2, log

    try:
        database.run(work)
    finally:
        if not server.answers():
            server.start()


def _all_seqs(conn: Any) -> list[int]:
    return [*conn.execute(sa.select(schema.events.c.seq).order_by(schema.events.c.id)).scalars()]


def test_a_direct_write_fails_while_the_database_is_away(database: Database) -> None:
    if database.server is None:
        database.engine().dispose()
        url = Database("sqlite:////no/such/place/state.sqlite", database.basedir, None)
    else:
        # A port where nobody listens, as with a server that is down.
        host, _, name = database.url.rpartition("/")
        url = Database(f"{host.rpartition(':')[0]}:1/{name}", database.basedir, None)

    async def work(pool: Any) -> None:
        with pytest.raises(sa.exc.OperationalError):
            await Store(pool).insert_action("t", {"workerid": 7})

    url.run(work)


#: How many others the server takes for connected to this database.
_OTHERS = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()",
    "mysql": "SELECT count(*) FROM information_schema.processlist"
    " WHERE db = database() AND id <> connection_id()",
}


def others(database: Database) -> int:
    if database.server is None:
        return 0  # SQLite's clients are gone with their process
    engine = database.engine()
    try:
        with engine.connect() as conn:
            return int(conn.execute(sa.text(_OTHERS[engine.dialect.name])).scalar_one())
    finally:
        engine.dispose()


@pytest.mark.process
def test_kill_9_leaves_all_that_was_told_and_no_half_group(database: Database) -> None:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, database.url, database.basedir],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(200)]
    os.kill(writer.pid, signal.SIGKILL)
    rest = writer.stdout.read().split("\n")
    told += [int(line) for line in rest[:-1]]
    writer.wait(patient(10))
    # A server notices a client that is gone only when it next reads from it.
    wait_until(lambda: not others(database), 30, "the server to notice")

    async def work(pool: Any) -> None:
        stored = await pool.do(_all_seqs)
        assert stored[: len(told)] == told
        facts, episodes = await pool.do(queries.rebuild, 1, 7)
        assert (await pool.do(queries.facts, 1))[7] == facts
        page = await pool.do(queries.history, HistoryQuery("episodes", limit=1000))
        assert len(page.rows) == min(1000, len(episodes))
        open_ones = [row for row in page.rows if row["ended_at"] is None]
        assert len(open_ones) == (0 if facts.episode is None else 1)

    database.run(work)
