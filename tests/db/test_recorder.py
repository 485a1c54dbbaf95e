"""The recorder, on Buildbot's real pool: in order, in groups, nothing lost, nobody held up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.requests import HistoryQuery
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts.verdict import HEALTHY, Verdict
from buildbot_lifecycle.db import recorder
from buildbot_lifecycle.db.recorder import Committed, Entry, Recorder
from buildbot_lifecycle.host.pauses import backoff
from tests.db import answered as queries
from tests.db.conftest import Database
from tests.db.play import Seq, Worker
from tests.harness.spin import reactor, sleep

STUCK = Verdict("stuck", "stop_pending", "stop_instance has not ended", 10.0, 600.0)


class Ear:
    """What the recorder told."""

    def __init__(self) -> None:
        self.groups: list[list[Committed]] = []
        self.verdicts: list[Mapping[int, Verdict]] = []
        self.log: list[str] = []

    def __call__(self, committed: Sequence[Committed], episodes: Mapping[int, int]) -> None:
        self.groups.append([*committed])

    @property
    def events(self) -> list[Any]:
        return [each.event for group in self.groups for each in group]


class Flaky:
    """The real pool, which fails on purpose: before anything is done, or after the commit."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self.before: list[Exception] = []
        self.after: list[Exception] = []
        self.calls = 0
        self.refuse: Any = None

    def do(self, function: Any, /, *args: Any) -> Any:
        return self.pool.do(function, *args)

    def do_with_transaction(self, function: Any, /, *args: Any) -> Any:
        self.calls += 1
        if self.before:
            return defer.fail(self.before.pop(0))
        if self.refuse is not None and any(self.refuse(e) for e in args[0].entries):
            return defer.fail(sa.exc.DataError("INSERT", {}, ValueError("refused")))
        done = self.pool.do_with_transaction(function, *args)
        if self.after:
            error = self.after.pop(0)
            done.addCallback(lambda _: defer.fail(error))
        return done


def away() -> Exception:
    return sa.exc.OperationalError("INSERT", {}, OSError("connection refused"))


def make(pool: Any, ear: Ear, seq: Seq, **more: Any) -> Recorder:
    return Recorder(
        pool,
        reactor,
        1,
        ear,
        next_seq=seq,
        on_verdicts=ear.verdicts.append,
        log=ear.log.extend,
        **more,
    )


async def events(pool: Any) -> list[dict[str, Any]]:
    """The stored events, oldest first."""
    page = await pool.do(queries.history, HistoryQuery("events", limit=1000))
    return [*reversed(page.rows)]


def put_all(recording: Recorder, entries: Sequence[Entry]) -> None:
    for entry in entries:
        recording.put(entry)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "RETRY_AFTER", backoff(0.01, 0.05))


def test_what_is_put_is_written_in_order(database: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq)
        recording.start(1)
        workers = [Worker(number, seq) for number in range(5)]
        entries = [entry for worker in workers for entry in worker.life()]
        put_all(recording, entries)
        assert await recording.drained(10)
        assert ear.events == [entry.event for entry in entries]
        assert [row["at"] for row in await events(pool)] == [entry.event.at for entry in entries]
        status = recording.status()
        assert (status.queued, status.written, status.dropped) == (0, len(entries), 0)
        assert status.last_write_at == pytest.approx(reactor.seconds(), abs=5)

    database.run(work)


def test_the_first_event_is_written_at_once_and_what_gathers_meanwhile_together(
    lite: Database,
) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq, group=8)
        recording.start(1)
        put_all(recording, Worker(7, seq).life())
        assert await recording.drained(10)
        assert [len(group) for group in ear.groups] == [1, 8, 2]

    lite.run(work)


def test_before_its_start_it_only_queues(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq)
        entries = Worker(7, seq).life()
        put_all(recording, entries)
        assert await recording.drained(0.2) is False
        assert recording.status().queued == len(entries)
        assert recording.status().oldest_unwritten_at == entries[0].event.at
        assert await events(pool) == []
        recording.start(5)
        assert await recording.drained(10)
        assert len(await events(pool)) == len(entries)

    lite.run(work)


def test_who_is_told_of_an_event_finds_it_in_the_database(database: Database) -> None:
    async def work(pool: Any) -> None:
        engine = database.engine()
        seen: list[bool] = []

        def told(committed: Sequence[Committed], episodes: Mapping[int, int]) -> None:
            with engine.connect() as conn:
                for each in committed:
                    row = queries.one(conn, "events", each.id)
                    seen.append(row is not None and row["episode"] == each.episode)

        seq = Seq()
        recording = Recorder(pool, reactor, 1, told, next_seq=seq)
        recording.start(1)
        entries = Worker(7, seq).life()
        put_all(recording, entries)
        assert await recording.drained(10)
        assert seen == [True] * len(entries)

    database.run(work)


def test_who_follows_waits_for_what_was_put_before_and_not_for_more(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq, group=4)
        before, after = Worker(7, seq).life(), Worker(8, seq).life()
        put_all(recording, before)
        assert await recording.caught_up(0.1) is False
        followed = recording.caught_up(10)
        put_all(recording, after)
        recording.start(1)
        assert await followed
        assert ear.events[: len(before)] == [entry.event for entry in before]
        assert len(ear.events) < len(before) + len(after)
        assert await recording.drained(10)
        assert await recording.caught_up(0)

    lite.run(work)


def test_a_listener_that_raises_stops_nothing(lite: Database) -> None:
    async def work(pool: Any) -> None:
        def told(committed: Sequence[Committed], episodes: Mapping[int, int]) -> None:
            raise RuntimeError("listener")

        seq = Seq()
        recording = Recorder(pool, reactor, 1, told, next_seq=seq)
        recording.start(1)
        put_all(recording, Worker(7, seq).life())
        assert await recording.drained(10)
        status = recording.status()
        assert (status.written, status.last_error) == (11, "RuntimeError: listener")

    lite.run(work)


def test_a_verdict_is_written_after_the_events_before_it_and_the_latest_counts(
    lite: Database,
) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq, group=2)
        worker = Worker(7, seq)
        entries = worker.begin()
        put_all(recording, entries[:4])
        recording.put_verdict(worker.identity, HEALTHY)
        recording.put_verdict(worker.identity, STUCK)
        put_all(recording, entries[4:])
        told_before: list[int] = []
        recording._on_verdicts = lambda verdicts: told_before.append(len(ear.events))
        recording.start(1)
        assert await recording.drained(10)
        assert told_before == [4]
        row = await pool.do(queries.worker, 7)
        assert (row["verdict"], row["state"]) == (STUCK.as_json(), "substantiated")

    lite.run(work)


def test_a_verdict_that_waits_is_not_written_to_the_successor_of_its_worker(lite: Database) -> None:
    async def work(pool: Any) -> None:
        seq = Seq()
        recording = make(pool, Ear(), seq)
        worker = Worker(7, seq)
        recording.put_verdict(worker.identity, STUCK)
        recording.put(worker.event(Kind.REMOVED))
        recording.put(worker.event(Kind.BASELINE, state="not_substantiated"))
        recording.start(1)
        assert await recording.drained(10)
        assert (await pool.do(queries.worker, 7))["verdict"] == HEALTHY.as_json()

    lite.run(work)


def test_a_verdict_alone_is_written_too(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq)
        recording.start(1)
        worker = Worker(7, seq)
        put_all(recording, worker.begin())
        assert await recording.drained(10)
        recording.put_verdict(worker.identity, STUCK)
        assert await recording.drained(10)
        assert ear.verdicts == [{7: STUCK}]
        assert (await pool.do(queries.worker, 7))["verdict"] == STUCK.as_json()

    lite.run(work)


def test_while_the_database_is_away_events_are_kept_and_written_later_in_order(
    database: Database,
) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        flaky = Flaky(pool)
        flaky.before = [away() for _ in range(5)]
        recording = make(flaky, ear, seq)
        recording.start(1)
        worker = Worker(7, seq)
        entries = worker.life()
        put_all(recording, entries)
        assert await recording.drained(10)
        assert ear.events == [entry.event for entry in entries]
        assert len(await events(pool)) == len(entries)
        status = recording.status()
        assert (status.errors, status.dropped) == (5, 0)
        assert status.last_error is None  # it is over

    database.run(work)


def test_a_commit_whose_answer_was_lost_is_written_once(database: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        flaky = Flaky(pool)
        flaky.after = [away(), away()]
        recording = make(flaky, ear, seq)
        recording.start(1)
        entries = Worker(7, seq).life()
        put_all(recording, entries)
        assert await recording.drained(10)
        assert ear.events == [entry.event for entry in entries]
        assert [row["at"] for row in await events(pool)] == [entry.event.at for entry in entries]
        page = await pool.do(queries.history, HistoryQuery("episodes"))
        assert len(page.rows) == 1

    database.run(work)


def test_an_outage_is_logged_once_and_its_end_once(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        flaky = Flaky(pool)
        flaky.before = [away() for _ in range(6)]
        recording = make(flaky, ear, seq)
        recording.start(1)
        put_all(recording, Worker(7, seq).life())
        assert await recording.drained(10)
        assert len(ear.log) == 2
        assert "cannot be written" in ear.log[0]
        assert "again" in ear.log[1]

    lite.run(work)


def test_over_the_bound_new_events_are_dropped_and_counted_and_a_gap_event_tells_it(
    database: Database,
) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq, bound=4)
        one, other = Worker(7, seq), Worker(8, seq)
        kept = [*one.begin()[:4]]
        put_all(recording, kept)
        one.facts = kept[-1].facts
        lost = [*one.end()]
        put_all(recording, lost)
        also_lost = other.life()
        put_all(recording, also_lost)
        count = len(lost) + len(also_lost)
        assert (recording.status().queued, recording.status().dropped) == (4, count)
        recording.start(1)
        assert await recording.drained(10)
        rows = await events(pool)
        assert [row["at"] for row in rows[:4]] == [entry.event.at for entry in kept]
        gaps = {row["workerid"]: row["data"] for row in rows[4:]}
        assert [row["kind"] for row in rows[4:]] == ["gap", "gap"]
        assert gaps[7] == {
            "dropped": len(lost),
            "since": lost[0].event.at,
            "until": lost[-1].event.at,
        }
        assert gaps[8]["dropped"] == len(also_lost)
        assert recording.status().dropped == count
        assert len(ear.log) == 1

    database.run(work)


def test_after_a_gap_the_current_state_and_the_episodes_are_right(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq, bound=6)
        worker = Worker(7, seq)
        put_all(recording, [*worker.begin(), *worker.end(), *worker.life(), *worker.begin()])
        recording.start(1)
        assert await recording.drained(10)
        assert (await pool.do(queries.facts, 1))[7] == worker.facts
        page = await pool.do(queries.history, HistoryQuery("episodes"))
        assert [row["outcome"] for row in page.rows] == [None, "ok", "ok"]
        row = await pool.do(queries.worker, 7)
        assert (row["state"], row["episode"]) == ("substantiated", page.rows[0]["id"])

    lite.run(work)


def test_a_gap_event_comes_before_the_first_event_after_it(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq, bound=3, group=1)
        worker = Worker(7, seq)
        put_all(recording, worker.begin())
        late = worker.to(State.INSUBSTANTIATING)
        ear_call = recording._on_committed

        def once_there_is_room(committed: Any, episodes: Any) -> None:
            ear_call(committed, episodes)
            if len(ear.groups) == 1:
                recording.put(late)

        recording._on_committed = once_there_is_room
        recording.start(1)
        assert await recording.drained(10)
        assert [event.kind for event in ear.events][3:] == [Kind.GAP, Kind.TRANSITION]
        assert (await pool.do(queries.worker, 7))["state"] == "insubstantiating"

    lite.run(work)


def test_a_long_outage_with_many_episodes_keeps_a_bounded_number_of_them(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq, bound=6)
        worker = Worker(7, seq)
        put_all(recording, worker.begin())
        for _ in range(100):
            put_all(recording, [*worker.end(), *worker.begin()])
        recording.start(1)
        assert await recording.drained(10)
        page = await pool.do(queries.history, HistoryQuery("episodes", limit=1000))
        outcomes = [row["outcome"] for row in page.rows]
        assert outcomes == [None, *["ok"] * 19]

    lite.run(work)


def test_an_event_that_the_database_refuses_is_set_aside_and_the_rest_is_written(
    database: Database,
) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        flaky = Flaky(pool)
        flaky.refuse = lambda entry: entry.event.data.get("reason") == "poison"
        recording = make(flaky, ear, seq)
        worker = Worker(7, seq)
        poison = worker.event(Kind.PAUSED, reason="poison")
        entries = worker.life()
        put_all(recording, [*entries[:5], poison, *entries[5:]])
        recording.start(1)
        assert await recording.drained(10)
        rows = await events(pool)
        assert [row["kind"] for row in rows].count("gap") == 1
        assert len(rows) == len(entries) + 1
        assert (recording.status().dropped, recording.status().queued) == (1, 0)

    database.run(work)


@pytest.mark.parametrize(
    ("workerid", "at"), [(2**70, 1000.0), (9, float("nan")), (9, float("inf"))]
)
def test_values_that_no_column_takes_do_not_stop_the_recording(
    database: Database, workerid: int, at: float
) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq)
        good, bad = Worker(7, seq), Worker(workerid, seq, at=at)
        put_all(recording, [*good.begin(), bad.to(State.SUBSTANTIATING), *good.end()])
        recording.start(1)
        assert await recording.drained(20)
        assert len(await events(pool)) == 11
        assert recording.status().queued == 0
        # The event, and the gap event that could not be written either.
        assert recording.status().dropped == 2

    database.run(work)


def test_drained_answers_false_when_its_time_is_up(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        flaky = Flaky(pool)
        flaky.before = [away() for _ in range(10_000)]
        recording = make(flaky, ear, seq)
        recording.start(1)
        put_all(recording, Worker(7, seq).life())
        assert await recording.drained(0.3) is False
        assert recording.status().queued == 11
        flaky.before = []
        assert await recording.drained(10) is True

    lite.run(work)


def test_whoever_waits_for_the_queue_does_not_wait_for_the_next_attempt(
    lite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "RETRY_AFTER", backoff(60.0, 60.0))

    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        flaky = Flaky(pool)
        flaky.before = [away()]
        recording = make(flaky, ear, seq)
        recording.start(1)
        put_all(recording, Worker(7, seq).life())
        while recording.status().errors == 0:
            await sleep(0.01)
        assert recording.status().errors == 1
        assert await recording.drained(5) is True

    lite.run(work)


def test_after_its_stop_it_writes_nothing_and_counts_what_comes(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq)
        recording.start(1)
        worker = Worker(7, seq)
        put_all(recording, worker.begin())
        assert await recording.stop(10) is True
        put_all(recording, worker.end())
        await sleep(0.05)
        assert len(await events(pool)) == 6
        assert recording.status().dropped == 5

    lite.run(work)


def test_a_stop_while_the_database_is_away_ends_in_time_and_leaves_nothing_running(
    lite: Database,
) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        flaky = Flaky(pool)
        flaky.before = [away() for _ in range(10_000)]
        recording = make(flaky, ear, seq)
        recording.start(1)
        put_all(recording, Worker(7, seq).life())
        assert await recording.stop(0.2) is False
        calls = flaky.calls
        await sleep(0.2)
        assert flaky.calls == calls

    lite.run(work)


def test_an_error_that_is_not_about_the_values_loses_nothing(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        flaky = Flaky(pool)
        no_table = sa.exc.ProgrammingError("INSERT", {}, ValueError("no such table"))
        flaky.before = [no_table, RuntimeError("no pool"), sa.exc.TimeoutError()] * 4
        recording = make(flaky, ear, seq)
        recording.start(1)
        put_all(recording, Worker(7, seq).life())
        assert await recording.drained(10)
        assert (recording.status().dropped, recording.status().errors) == (0, 12)

    lite.run(work)


def test_put_never_raises(lite: Database) -> None:
    async def work(pool: Any) -> None:
        class Broken:
            def do_with_transaction(self, function: Any, /, *args: Any) -> Any:
                raise RuntimeError("no pool")

        ear, seq = Ear(), Seq()
        recording = make(Broken(), ear, seq)
        recording.start(1)
        put_all(recording, Worker(7, seq).life())
        recording.put_verdict(Worker(7, seq).identity, STUCK)
        while recording.status().errors == 0:
            await sleep(0.01)
        assert await recording.stop(0.05) is False

    lite.run(work)


def test_put_does_not_hold_the_reactor_up(lite: Database) -> None:
    async def work(pool: Any) -> None:
        ear, seq = Ear(), Seq()
        recording = make(pool, ear, seq)
        recording.start(1)
        workers = [Worker(number, seq) for number in range(100)]
        entries = [entry for worker in workers for entry in worker.life()]
        put_all(recording, entries)
        # all is taken, and nothing was written meanwhile
        assert recording.status().queued == len(entries)
        assert await recording.drained(30)

    lite.run(work)
