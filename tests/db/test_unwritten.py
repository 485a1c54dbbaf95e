"""What a run could not write is kept in a file, and read in exactly once."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer

from buildbot_lifecycle.core.requests import Actor
from buildbot_lifecycle.db import codec, replay, schema, unwritten
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.db.recorder import Entry, Recorder
from buildbot_lifecycle.db.store import Store
from buildbot_lifecycle.db.unwritten import Record, RunOf, Unwritten
from tests.db.conftest import Database
from tests.db.play import NASTY, Seq, Worker
from tests.harness.spin import reactor

RUN = RunOf("token-1", 1, "master", 4711, "host", 1000.0, 1100.0, "clean")

ACTION = {
    "workerid": 7,
    "worker": "w",
    "what": "shutdown-release",
    "actor": "shutdown",
    "actor_kind": "shutdown",
    "episode": None,
    "reason": "it hung",
    "at": 1050.0,
    "status": "asked",
    "outcome": None,
    "steps": [],
    "finished_at": None,
}
ORPHAN = {
    "workerid": 7,
    "worker": "w",
    "episode": None,
    "instance": "i-1",
    "opened_at": 1050.0,
    "cause": "release",
    "why": "it hung",
}
CAME_OF_IT = {"status": "done", "outcome": "it is out", "steps": [], "finished_at": 1051.0}


def life(seq: Seq) -> list[Entry]:
    """Half a life: the instance is up, and the master leaves."""
    worker = Worker(7, seq, "w")
    return worker.begin()


def of_a_run() -> Unwritten:
    entries = life(Seq())
    first_seq = entries[-1].episodes[-1].first_seq if entries[-1].episodes else 1
    records = [
        replay.action("a-1", ACTION, CAME_OF_IT),
        replay.orphan("action-a-1", ORPHAN, first_seq),
    ]
    return Unwritten(RUN, records, entries)


def test_the_file_is_its_owners_alone_and_holds_all(tmp_path: Path) -> None:
    given = of_a_run()
    saved = unwritten.save(str(tmp_path), given)
    assert stat.S_IMODE(saved.path.stat().st_mode) == 0o600
    assert (saved.records, saved.events, saved.left_out) == (2, len(given.entries), 0)
    assert unwritten.paths(str(tmp_path)) == [saved.path]
    found = unwritten.load(saved.path)
    assert found is not None
    assert found.run == RUN
    assert list(found.entries) == list(given.entries)
    assert codec.encode([r.data for r in found.records]) == codec.encode(
        [r.data for r in given.records]
    )


def test_texts_that_break_other_things_survive_in_it(tmp_path: Path) -> None:
    records = [Record("action", {"row": {"reason": text}}) for text in NASTY]
    found = unwritten.load(unwritten.save(str(tmp_path), Unwritten(RUN, records)).path)
    assert found is not None
    assert len(found.records) == len(NASTY)


def test_it_has_a_bound_and_what_may_cost_money_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unwritten, "MAX_BYTES", 2500)
    saved = unwritten.save(str(tmp_path), of_a_run())
    assert saved.path.stat().st_size <= 2500
    assert saved.records == 2
    assert saved.left_out > 0
    again = unwritten.save(str(tmp_path), Unwritten(RunOf(**{**vars(RUN), "token": "token-2"})))
    assert unwritten.load(again.path) is not None
    assert len(unwritten.paths(str(tmp_path))) == 2  # an earlier one that was not read in stays


def test_a_line_that_cannot_be_read_takes_no_other_along(tmp_path: Path) -> None:
    saved = unwritten.save(str(tmp_path), of_a_run())
    lines = saved.path.read_bytes().splitlines(keepends=True)
    saved.path.write_bytes(b"".join([lines[0], b"{torn\n", b'{"event": {"x": 1}}\n', *lines[1:]]))
    found = unwritten.load(saved.path)
    assert found is not None
    assert (len(found.records), len(found.entries)) == (2, saved.events)


def test_a_file_of_something_else_is_none_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "lifecycle-unwritten-x.jsonl"
    path.write_text("hello\n[]\n")
    assert unwritten.load(path) is None


@pytest.mark.parametrize("times", [1, 2, 3])
def test_however_often_it_is_read_in_it_is_written_once(
    database: Database, tmp_path: Path, times: int
) -> None:
    """As after a kill -9 between the commit and the removal of the file."""
    saved = unwritten.save(str(tmp_path), of_a_run())

    async def work(pool: Any) -> None:
        gate = Gate(pool, reactor)
        for _ in range(times):
            found = unwritten.load(saved.path)
            assert found is not None
            assert await replay.replay(gate, found)
        counted = await pool.do(_counted)
        assert counted == {
            "incarnations": 1,
            "events": len(of_a_run().entries),
            "episodes": 1,
            "workers": 1,
            "actions": 1,
            "orphans": 1,
        }
        ended, status, episode, state = await pool.do(_what_stands)
        assert ended == ("clean", 1100.0)
        assert status == "done"
        assert episode is not None  # that of the entry: it had no number when it was kept
        assert state == "substantiated"

    database.run(work)


def test_a_kill_in_the_middle_of_it_is_made_up_for(database: Database) -> None:
    given = of_a_run()
    half = Unwritten(given.run, (), given.entries[:3])

    async def work(pool: Any) -> None:
        gate = Gate(pool, reactor)
        store = Store(gate)
        number = await store.open_incarnation(1, RUN.token, 1, "host", 1000.0, master="master")
        await gate.do_with_transaction(replay._write, number, 1, half.entries)
        assert await replay.replay(gate, given)
        counted = await pool.do(_counted)
        assert (counted["events"], counted["orphans"]) == (len(given.entries), 1)

    database.run(work)


def test_what_a_later_run_wrote_is_not_written_over(database: Database) -> None:
    """The file could not be removed, and a later run of the master knows better by now."""

    async def work(pool: Any) -> None:
        gate, given = Gate(pool, reactor), of_a_run()
        assert await replay.replay(gate, given)
        number = await Store(gate).open_incarnation(1, "later", 1, "host", 2000.0, master="master")
        later: Any = Recorder(gate, reactor, 1, lambda *_: None, next_seq=Seq())
        later.start(number)
        for entry in Worker(7, Seq(), "w", at=2000.0).begin()[:2]:
            later.put(entry)
        assert await later.stop(30)
        assert not await replay.replay(gate, given)
        state = (await pool.do(_what_stands))[3]
        assert state == "substantiating_starting"

    database.run(work)


def test_an_instance_that_has_an_open_entry_gets_no_second_one(database: Database) -> None:
    async def work(pool: Any) -> None:
        gate, store = Gate(pool, reactor), Store(Gate(pool, reactor))
        await store.open_orphan("stop_failed-1", {**ORPHAN, "masterid": 1})
        assert await replay.replay(gate, of_a_run())
        assert (await pool.do(_counted))["orphans"] == 1

    database.run(work)


def test_an_entry_that_was_to_be_closed_is_closed(database: Database) -> None:
    async def work(pool: Any) -> None:
        gate, store = Gate(pool, reactor), Store(Gate(pool, reactor))
        number = await store.open_orphan("stop_failed-1", {**ORPHAN, "masterid": 1})
        records = [replay.closed(number, 1060.0, Actor("stop", "shutdown"), "it is gone")]
        for _ in range(2):
            await replay.replay(gate, Unwritten(RUN, records))
        closed = await pool.do(
            lambda conn: conn.execute(sa.select(schema.orphans.c.closed_at)).scalar()
        )
        assert closed == 1060.0

    database.run(work)


def test_an_entry_that_was_closed_before_it_was_written_is_read_in_as_closed(
    database: Database, tmp_path: Path
) -> None:
    """A stop had succeeded when the process left: nobody is sent to look for its instance."""

    async def work(pool: Any) -> None:
        gate = Gate(pool, reactor)
        closing = Store.closing(1060.0, Actor("stop", "shutdown"), "it is gone")
        records = [replay.orphan("action-a-1", ORPHAN, None, closing)]
        saved = unwritten.save(str(tmp_path), Unwritten(RUN, records))
        for _ in range(2):
            found = unwritten.load(saved.path)
            assert found is not None
            await replay.replay(gate, found)
        table = schema.orphans.c
        query = sa.select(table.closed_at, table.data)
        ((closed_at, data),) = await pool.do(lambda conn: conn.execute(query).fetchall())
        assert closed_at == 1060.0
        assert (data["note"], data["cause"]) == ("it is gone", "release")

    database.run(work)


def test_a_recorder_that_leaves_gives_what_it_has_and_takes_no_more() -> None:
    pool: Any = type("Pool", (), {"do_with_transaction": lambda *_: defer.Deferred()})()
    seq = Seq()
    recorder = Recorder(pool, reactor, 1, lambda *_: None, next_seq=seq)
    recorder.start(1)
    entries = life(seq)
    for entry in entries:
        recorder.put(entry)
    assert recorder.unwritten() == entries
    recorder.put(entries[0])
    kept = recorder.unwritten(most=2)
    assert kept[:2] == entries[:2]
    assert {entry.event.kind.value for entry in kept[2:]} == {"gap"}
    assert kept[-1].facts == entries[0].facts  # what was dropped last is the latest


def _counted(conn: Any) -> dict[str, int]:
    names = ("incarnations", "events", "episodes", "workers", "actions", "orphans")
    tables = {name: getattr(schema, name) for name in names}
    return {
        name: conn.execute(sa.select(sa.func.count()).select_from(table)).scalar()
        for name, table in tables.items()
    }


def _what_stands(conn: Any) -> Any:
    run = conn.execute(
        sa.select(schema.incarnations.c.ended_how, schema.incarnations.c.ended_at)
    ).first()
    return (
        tuple(run),
        conn.execute(sa.select(schema.actions.c.status)).scalar(),
        conn.execute(sa.select(schema.orphans.c.episode)).scalar(),
        conn.execute(sa.select(schema.workers.c.state)).scalar(),
    )
