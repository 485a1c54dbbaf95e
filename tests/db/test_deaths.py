"""What a killed master left open is closed by its next process, once, and nothing else is."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.requests import Actor, HistoryQuery
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts.verdict import DIED, UNRECORDED
from buildbot_lifecycle.db import dismissals, rows, schema
from buildbot_lifecycle.db.group import Group, write
from buildbot_lifecycle.db.recorder import Entry
from buildbot_lifecycle.db.store import Store
from tests.db import answered as queries
from tests.db.conftest import Database
from tests.db.play import Seq, Worker
from tests.db.test_store import Twice

S = State


class Scene:
    """A master, process after process, on the real pool where every transaction runs twice."""

    def __init__(self, pool: Any, masterid: int = 1) -> None:
        self.pool = pool
        self.masterid = masterid
        self.store = Store(Twice(pool))
        self.incarnation = 0
        self.seq = Seq()

    async def begin(self, now: float) -> None:
        token = f"{self.masterid}@{now}"
        self.seq = Seq()
        self.incarnation = await self.store.open_incarnation(self.masterid, token, 42, "host", now)

    async def write(self, entries: list[Entry]) -> None:
        group = Group(self.incarnation, self.masterid, entries, {})
        await self.pool.do_with_transaction(write, group)

    async def close_dead(self, now: float, **more: Any) -> Any:
        return await self.store.close_dead(
            self.masterid, self.incarnation, now, next_seq=self.seq, **more
        )

    async def rows(self, what: str, **more: Any) -> list[Any]:
        return [*(await self.pool.do(queries.history, HistoryQuery(what, **more))).rows]


def test_a_worker_that_was_up_is_closed_as_unknown_at_the_last_sign_of_life(
    database: Database,
) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        worker = Worker(7, scene.seq)
        await scene.write(worker.begin())
        await scene.store.heartbeat(scene.incarnation, 1010.0)
        dead = scene.incarnation
        await scene.begin(2000.0)
        (closed,) = await scene.close_dead(2000.0)
        assert (closed.workerid, closed.facts.state) == (7, S.UNKNOWN)
        assert (closed.event.kind, closed.event.at) == (Kind.MASTER_DIED, 1010.0)
        row = await pool.do(queries.worker, 7)
        assert (row["state"], row["state_since"], row["episode"]) == ("unknown", 1010.0, None)
        assert (row["connected"], row["pending"], row["building"]) == (False, None, [])
        assert row["verdict"] == DIED.as_json()
        (episode,) = await scene.rows("episodes")
        assert (episode["outcome"], episode["ended_at"]) == ("unknown", 1010.0)
        assert episode["phases"][-1]["until"] == 1010.0
        (event, *_) = await scene.rows("events")
        assert (event["id"], event["kind"]) == (closed.event_id, "master_died")
        assert event["episode"] == closed.episode == episode["id"]
        newest, older = await pool.do(queries.incarnations)
        assert (older["id"], older["ended_at"], older["ended_how"]) == (dead, 1010.0, "died")
        assert newest["ended_at"] is None

    database.run(work)


def test_an_event_after_the_last_heartbeat_is_the_last_sign_of_life(lite: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        worker = Worker(7, scene.seq)
        await scene.write(worker.begin())
        await scene.begin(2000.0)
        (closed,) = await scene.close_dead(2000.0)
        assert closed.event.at == worker.now

    lite.run(work)


def test_a_clock_that_was_set_back_does_not_let_a_worker_die_in_the_future(lite: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(5000.0)
        await scene.write(Worker(7, scene.seq, at=5000.0).begin())
        await scene.store.heartbeat(scene.incarnation, 5010.0)
        await scene.begin(2000.0)
        (closed,) = await scene.close_dead(2000.0)
        assert closed.event.at == 2000.0
        row = await pool.do(queries.worker, 7)
        assert (row["state"], row["state_since"]) == ("unknown", 2000.0)
        assert (await scene.rows("orphans"))[0]["opened_at"] == 2000.0
        (episode,) = await scene.rows("episodes")
        assert episode["outcome"] == "unknown"
        assert episode["ended_at"] >= episode["started_at"], "no episode ends before it began"

    lite.run(work)


def test_the_log_rebuilds_what_a_death_left(database: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        dead = scene.incarnation
        await scene.write(Worker(7, scene.seq).begin())
        await scene.begin(2000.0)
        await scene.close_dead(2000.0)
        facts, episodes = await pool.do(queries.rebuild, dead, 7)
        assert (await pool.do(queries.facts, 1))[7] == facts
        assert [episode.outcome for episode in episodes] == ["unknown"]
        # The event stands in the new process's log, but tells of the old one.
        facts, episodes = await pool.do(queries.rebuild, scene.incarnation, 7)
        assert (facts.state, episodes) == (S.NOT_SUBSTANTIATED, [])

    database.run(work)


def test_closing_again_finds_nothing(database: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        await scene.write(Worker(7, scene.seq).begin())
        await scene.begin(2000.0)
        assert len(await scene.close_dead(2000.0)) == 1
        assert await scene.close_dead(2001.0) == []
        await scene.begin(3000.0)
        assert await scene.close_dead(3000.0) == []
        assert len(await scene.rows("orphans")) == 1

    database.run(work)


@pytest.mark.parametrize("error", [None, "raised"])
def test_a_worker_at_rest_is_left_as_it_is(lite: Database, error: str | None) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        worker = Worker(7, scene.seq)
        await scene.write([*worker.begin(), *worker.end(error)])
        await scene.begin(2000.0)
        assert await scene.close_dead(2000.0) == []
        assert (await pool.do(queries.worker, 7))["state"] == "not_substantiated"
        assert await scene.rows("orphans") == []

    lite.run(work)


def test_a_worker_that_did_not_rest_at_a_clean_end_is_closed_and_no_crash(lite: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        worker = Worker(7, scene.seq)
        await scene.write([*worker.begin(), worker.to(S.INSUBSTANTIATING)])
        await scene.store.close_incarnation(scene.incarnation, 1500.0, "clean")
        await scene.begin(2000.0)
        (closed,) = await scene.close_dead(2000.0)
        assert (closed.how, closed.event.kind) == ("clean", Kind.RECORDING_ENDED)
        assert closed.event.at == 1500.0
        assert closed.event.data["text"] == (
            "the master was stopped while the worker was insubstantiating"
        )
        rows = await pool.do(queries.incarnations)
        assert [row["ended_how"] for row in rows] == [None, "clean"]
        (orphan,) = await scene.rows("orphans")
        assert (orphan["cause"], orphan["why"]) == ("release", closed.event.data["text"])
        assert (await pool.do(queries.worker, 7))["verdict"] == UNRECORDED.as_json()

    lite.run(work)


def test_a_call_that_a_clean_stop_had_given_up_is_told_and_is_no_crash(database: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        worker = Worker(7, scene.seq)
        before = [*worker.begin(), worker.to(S.INSUBSTANTIATING)]
        for call, token in (("stop_instance", 5), ("stop_machine", 6)):
            before += [
                worker.event(Kind.CALL_STARTED, call=call, token=token),
                worker.event(Kind.CALL_ENDED, call=call, token=token, outcome="released"),
            ]
        await scene.write([*before, worker.to(S.NOT_SUBSTANTIATED), worker.to(S.SHUT_DOWN)])
        await scene.store.close_incarnation(scene.incarnation, 1500.0, "clean")
        stopped = scene.incarnation
        await scene.begin(2000.0)
        (closed,) = await scene.close_dead(2000.0)
        assert closed.event.kind is Kind.RECORDING_ENDED
        assert closed.event.data["text"] == (
            "the master was stopped; stop_instance and stop_machine had been given up and had not ended"
        )
        assert await scene.rows("orphans") == [], "the release opens what is to be opened"
        row = await pool.do(queries.worker, 7)
        assert (row["state"], row["verdict"]["code"]) == ("shut_down", "healthy")
        facts, _ = await pool.do(queries.rebuild, stopped, 7)
        assert (facts.state, facts.abandoned) == (S.SHUT_DOWN, ())
        await scene.begin(3000.0)
        assert await scene.close_dead(3000.0) == []

    database.run(work)


def test_a_worker_that_was_up_when_recording_was_switched_off_is_no_crash(
    database: Database,
) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        await scene.write(Worker(7, scene.seq).begin())
        await scene.store.close_incarnation(scene.incarnation, 1500.0, "removed")
        off = scene.incarnation
        await scene.begin(2000.0)
        (closed,) = await scene.close_dead(2000.0)
        assert (closed.how, closed.event.kind, closed.event.at) == (
            "removed",
            Kind.RECORDING_ENDED,
            1500.0,
        )
        assert closed.event.data == {
            "incarnation": off,
            "how": "removed",
            "state": "substantiated",
            "calls": [],
            "text": "recording was switched off while the worker was substantiated",
        }
        assert await scene.rows("orphans") == []
        row = await pool.do(queries.worker, 7)
        assert (row["state"], row["verdict"]) == ("unknown", UNRECORDED.as_json())
        (episode,) = await scene.rows("episodes")
        assert (episode["outcome"], episode["ended_at"]) == ("unknown", 1500.0)
        facts, _ = await pool.do(queries.rebuild, off, 7)
        assert facts == (await pool.do(queries.facts, 1))[7]

    database.run(work)


def test_a_worker_that_is_found_anew_does_not_keep_the_verdict_of_the_one_before(
    lite: Database,
) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        await scene.write(Worker(7, scene.seq).begin())
        await scene.begin(2000.0)
        await scene.close_dead(2000.0)
        assert (await pool.do(queries.worker, 7))["verdict"] == DIED.as_json()
        found = Worker(7, scene.seq, at=2000.0)
        await scene.write([found.event(Kind.BASELINE, state="not_substantiated")])
        assert (await pool.do(queries.worker, 7))["verdict"]["code"] == "healthy"
        assert (await pool.do(queries.worker, 7))["state"] == "not_substantiated"

    lite.run(work)


def test_an_abandoned_call_of_a_worker_at_rest_is_closed(lite: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        worker = Worker(7, scene.seq)
        await scene.write(
            [
                *worker.begin(),
                worker.to(S.INSUBSTANTIATING),
                worker.event(Kind.CALL_STARTED, call="stop_instance", token=5),
                worker.event(Kind.CALL_ENDED, call="stop_instance", token=5, outcome="released"),
                worker.to(S.NOT_SUBSTANTIATED),
            ]
        )
        released = {"workerid": 7, "masterid": 1, "episode": 1, "opened_at": 1.0, "why": "released"}
        await scene.store.open_orphan("released", released)
        await scene.begin(2000.0)
        (closed,) = await scene.close_dead(2000.0)
        assert closed.facts.abandoned == ()
        # The release has opened the orphan already.
        assert closed.orphan is None
        assert len(await scene.rows("orphans")) == 1

    lite.run(work)


def test_what_may_still_run_is_an_orphan_from_then_on(database: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        up, waiting = Worker(7, scene.seq), Worker(8, scene.seq)
        await scene.write([*up.begin(), waiting.to(S.SUBSTANTIATING)])
        await scene.begin(2000.0)
        first, second = await scene.close_dead(2000.0)
        (orphan,) = await scene.rows("orphans")
        assert (first.orphan, second.orphan) == (orphan["id"], None)
        assert (orphan["workerid"], orphan["instance"]) == (7, "i-1")
        assert orphan["episode"] == first.episode
        assert (orphan["opened_at"], orphan["closed_at"]) == (first.event.at, None)
        assert "substantiated" in orphan["why"]

    database.run(work)


def test_a_machine_that_was_on_or_stopping_is_one_entry_with_its_name(database: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        ends = {"call": "start_machine", "outcome": "true", "machine": "box"}
        for number in (7, 8):
            worker = Worker(number, scene.seq)
            token = 10 + number
            stops = {"call": "stop_machine", "token": token}
            await scene.write(
                [
                    worker.event(Kind.CALL_STARTED, call="start_machine", token=number),
                    worker.event(Kind.CALL_ENDED, token=number, **ends),
                    worker.event(Kind.CALL_STARTED, **stops),
                ]
            )
        await scene.begin(2000.0)
        first, second = await scene.close_dead(2000.0)
        (orphan,) = await scene.rows("orphans")
        assert {first.orphan, second.orphan} == {orphan["id"], None}
        assert (orphan["workerid"], orphan["instance"]) == (7, "box")
        assert (orphan["place"], orphan["cause"]) == (None, "crash")

    database.run(work)


def test_other_masters_and_live_incarnations_are_left_alone(lite: Database) -> None:
    async def work(pool: Any) -> None:
        mine, theirs = Scene(pool, 1), Scene(pool, 2)
        await theirs.begin(800.0)
        await theirs.write(Worker(8, theirs.seq).begin())
        await mine.begin(900.0)
        live = mine.incarnation
        await mine.write(Worker(7, mine.seq).begin())
        await mine.begin(2000.0)
        assert await mine.close_dead(2000.0, spare=frozenset({live})) == []
        running = await pool.do(lambda conn: queries.incarnations(conn, running=True))
        assert len(running) == 3

    lite.run(work)


def test_an_open_episode_is_closed_also_when_the_worker_has_gone_on(lite: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        await scene.write(Worker(7, scene.seq).begin())
        await scene.begin(2000.0)
        again = Worker(7, scene.seq, at=2000.0)
        await scene.write(again.begin())
        (closed,) = await scene.close_dead(2100.0)
        new, old = await scene.rows("episodes")
        assert (old["id"], old["outcome"], new["outcome"]) == (closed.episode, "unknown", None)
        row = await pool.do(queries.worker, 7)
        assert (row["state"], row["episode"]) == ("substantiated", new["id"])
        assert (await pool.do(queries.facts, 1))[7] == again.facts

    lite.run(work)


def test_a_worker_of_two_deaths_in_a_row_is_closed_for_each(lite: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        for start in (1000.0, 2000.0):
            await scene.begin(start)
            await scene.write(Worker(7, scene.seq, at=start).begin())
        await scene.begin(3000.0)
        assert len(await scene.close_dead(3000.0)) == 2
        assert [row["outcome"] for row in await scene.rows("episodes")] == ["unknown", "unknown"]
        assert (await pool.do(queries.worker, 7))["state"] == "unknown"

    lite.run(work)


def test_a_death_before_the_tables_knew_the_worker_leaves_only_its_end(lite: Database) -> None:
    async def work(pool: Any) -> None:
        scene = Scene(pool)
        await scene.begin(900.0)
        await scene.begin(2000.0)
        assert await scene.close_dead(2000.0) == []
        table = schema.incarnations.c
        query = sa.select(table.ended_how).order_by(table.id)
        hows = await pool.do(lambda conn: [*conn.execute(query).scalars()])
        assert hows == ["died", None]

    lite.run(work)


async def _silent(pool: Any) -> tuple[Scene, Scene]:
    """A master that died with a worker up, and a survivor whose run is the older one."""
    survivor, dead = Scene(pool, 1), Scene(pool, 2)
    await survivor.begin(900.0)
    await dead.begin(910.0)
    await dead.write(Worker(7, dead.seq).begin())
    await dead.store.heartbeat(dead.incarnation, 1010.0)
    return survivor, dead


async def _tell(teller: Scene, dead: Scene, heartbeat: float = 1010.0) -> Any:
    return await teller.store.close_silent(
        dead.masterid, dead.incarnation, heartbeat, teller.incarnation, next_seq=teller.seq
    )


def test_a_survivor_closes_what_a_dead_master_left_open(database: Database) -> None:
    async def work(pool: Any) -> None:
        survivor, dead = await _silent(pool)
        (closed,) = await _tell(survivor, dead)
        assert (closed.event.kind, closed.event.at) == (Kind.MASTER_DIED, 1010.0)
        row = await pool.do(queries.worker, 7)
        assert (row["masterid"], row["state"], row["updated_at"]) == (2, "unknown", 1010.0)
        (orphan,) = await scene_orphans(survivor)
        assert (orphan["masterid"], orphan["cause"]) == (2, "crash")
        (event, *_) = await survivor.rows("events")
        assert (event["kind"], event["masterid"]) == ("master_died", 2)
        facts, episodes = await pool.do(queries.rebuild, dead.incarnation, 7)
        assert (await pool.do(queries.facts, 2))[7] == facts
        assert [episode.outcome for episode in episodes] == ["unknown"]

    database.run(work)


async def scene_orphans(scene: Scene) -> list[Any]:
    return await scene.rows("orphans")


def test_of_two_survivors_at_once_one_closes_and_when_it_comes_back_nothing_is_closed_twice(
    database: Database,
) -> None:
    async def work(pool: Any) -> None:
        survivor, dead = await _silent(pool)
        second = Scene(pool, 3)
        await second.begin(920.0)
        both = [defer.ensureDeferred(_tell(each, dead)) for each in (survivor, second)]
        told = [result for _, result in await defer.DeferredList(both, fireOnOneErrback=True)]
        assert sorted(result is None for result in told) == [False, True]
        await dead.begin(2000.0)
        assert await dead.close_dead(2000.0) == []
        assert len(await scene_orphans(survivor)) == 1
        events = await survivor.rows("events")
        assert [event["kind"] for event in events].count("master_died") == 1

    database.run(work)


def test_one_that_shows_a_sign_of_life_or_comes_back_first_is_left_alone(lite: Database) -> None:
    async def work(pool: Any) -> None:
        survivor, dead = await _silent(pool)
        assert await _tell(survivor, dead, heartbeat=1005.0) is None
        older = dead.incarnation
        await dead.begin(2000.0)
        assert len(await dead.close_dead(2000.0)) == 1
        dead.incarnation = older
        assert await _tell(survivor, dead) is None
        assert len(await scene_orphans(survivor)) == 1

    lite.run(work)


def test_what_was_written_in_the_name_of_one_that_lives_is_taken_back(database: Database) -> None:
    async def work(pool: Any) -> None:
        survivor, silent = await _silent(pool)
        facts = (await pool.do(queries.facts, 2))[7]
        await _tell(survivor, silent)
        assert await silent.store.heartbeat(silent.incarnation, 1040.0) is False
        episode = rows.episode_row(facts.episode, silent.incarnation, 2)
        (opened,) = await silent.store.revive(2, silent.incarnation, 1040.0, [episode])
        (orphan,) = await scene_orphans(survivor)
        assert opened == (orphan["id"], 7)
        assert await silent.store.heartbeat(silent.incarnation, 1045.0) is True
        (stored,) = await survivor.rows("episodes")
        assert (stored["outcome"], stored["ended_at"]) == (None, None)
        # and when it dies after all, that is told again
        assert len(await _tell(survivor, silent, heartbeat=1045.0)) == 1

    database.run(work)


def test_the_second_death_of_one_that_was_taken_for_dead_has_an_entry_of_its_own(
    database: Database,
) -> None:
    """The first entry was closed when it came back: nothing says any more what may still run."""

    async def work(pool: Any) -> None:
        survivor, silent = await _silent(pool)
        facts = (await pool.do(queries.facts, 2))[7]
        await _tell(survivor, silent)
        episode = rows.episode_row(facts.episode, silent.incarnation, 2)
        (opened,) = await silent.store.revive(2, silent.incarnation, 1040.0, [episode])
        await silent.store.close_orphan(
            opened[0], 1040.0, Actor("driver", "the master"), "it lives"
        )
        worker = Worker(7, silent.seq)
        worker.facts, worker.now = facts, 1041.0
        await silent.write([worker.event(Kind.STEP, step="it lives")])
        await silent.store.heartbeat(silent.incarnation, 1045.0)
        (closed,) = await _tell(survivor, silent, heartbeat=1045.0)
        newest, oldest = await scene_orphans(survivor)
        assert (oldest["id"], newest["id"]) == (opened[0], closed.orphan)
        assert (newest["closed_at"], newest["opened_at"]) == (None, 1045.0)

    database.run(work)


def test_a_dismissed_master_is_in_no_list_until_it_comes_back_and_its_history_stays(
    database: Database,
) -> None:
    async def work(pool: Any) -> None:
        survivor, dead = await _silent(pool)
        dismissal = (dismissals.dismiss, 2, dead.incarnation)
        assert not await pool.do_with_transaction(*dismissal), "it has no end"
        await _tell(survivor, dead)
        assert await pool.do_with_transaction(*dismissal)
        assert await pool.do(queries.workers) == []
        assert await pool.do(queries.worker, 7) is None
        assert await pool.do(dismissals.shown, 2) == []
        assert len(await survivor.rows("episodes")) == 1
        older = dead.incarnation
        await dead.begin(2000.0)
        assert await dead.close_dead(2000.0) == []
        assert await pool.do(dismissals.shown, 2) == ["worker-7"]
        assert not await pool.do_with_transaction(dismissals.dismiss, 2, older), "it is back"

    database.run(work)
