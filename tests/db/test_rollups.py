"""What is counted of each day: every episode once, whatever comes between; percentiles but for 1 %."""

from __future__ import annotations

import random
from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer, task

from buildbot_lifecycle.core.requests import StatsQuery
from buildbot_lifecycle.core.sketch import ACCURACY
from buildbot_lifecycle.core.statistics import Life, nearest_rank
from buildbot_lifecycle.db import rollups, schema
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.history import statistics
from buildbot_lifecycle.history.counting import SOON, Counting
from buildbot_lifecycle.history.statistics import Statistics
from tests.db.conftest import Database
from tests.db.test_statistics import HOUR, NOW, Clock, fill, history, settings


@pytest.fixture
def lives(engine: sa.engine.Engine) -> list[Life]:
    return fill(engine, history(random.Random(7), 60))


def count_all(engine: sa.engine.Engine, slice_of: int = 17) -> int:
    """Count in slices; how many were."""
    counted = 0
    while True:
        with engine.begin() as conn:
            some = rollups.count(conn, slice_of)
        counted += some
        if not some:
            return counted


def stats(database: Database, query: StatsQuery) -> Any:
    async def ask(pool: Any) -> Any:
        return await Statistics(Clock(), Reader(pool), settings).ask(query)

    return database.run(ask)


def ended(lives: list[Life]) -> list[Life]:
    return [life for life in lives if life.ended_at is not None]


def test_each_episode_that_is_over_is_counted_once(
    engine: sa.engine.Engine, lives: list[Life]
) -> None:
    assert count_all(engine) == len(ended(lives))
    assert count_all(engine) == 0
    with engine.connect() as conn:
        assert not rollups.uncounted(conn)
        whole = rollups.total(conn, None, 0, 10**6)
        each = rollups.total(conn, range(1, 100), 0, 10**6)
    for found in (whole, each):
        assert sum(sum(r.outcomes.values()) for r in found.values()) == len(ended(lives))
    assert sum(r.phases["stop"].count for r in whole.values()) == len(ended(lives))


def test_a_slice_that_was_not_committed_is_counted_again(
    engine: sa.engine.Engine, lives: list[Life]
) -> None:
    with engine.connect() as conn:
        transaction = conn.begin()
        rollups.count(conn, 50)
        transaction.rollback()
    assert count_all(engine) == len(ended(lives))


def test_what_ends_later_is_counted_then(engine: sa.engine.Engine, lives: list[Life]) -> None:
    count_all(engine)
    still_open = [life.id for life in lives if life.ended_at is None]
    with engine.begin() as conn:
        conn.execute(
            schema.episodes.update()
            .where(schema.episodes.c.id.in_(still_open))
            .values(ended_at=NOW, outcome="unknown")
        )
        assert rollups.uncounted(conn)
    assert count_all(engine) == len(still_open)


@pytest.mark.parametrize("by", ["worker", "class"])
def test_statistics_of_many_are_those_of_all_but_for_the_accuracy(
    database: Database,
    engine: sa.engine.Engine,
    lives: list[Life],
    monkeypatch: pytest.MonkeyPatch,
    by: str,
) -> None:
    count_all(engine)
    monkeypatch.setattr(statistics, "EXACT", 0)
    found = stats(database, StatsQuery(NOW - 30 * HOUR, by))
    begin = (NOW - 30 * HOUR) // rollups.DAY * rollups.DAY
    assert (found.meta.since, found.meta.truncated) == (begin, False)
    wanted = [life for life in ended(lives) if (life.ended_at or 0) >= begin]
    assert found.meta.episodes == len(wanted)
    for row in found.stats:
        own = sorted(
            getattr(life, f"{row.phase}_s")
            for life in wanted
            if (life.workerid == row.workerid if by == "worker" else _class(life) == row.class_)
        )
        assert row.count == len(own)
        assert row.max == own[-1]
        for percent in (50, 95, 99):
            exact = nearest_rank(own, percent)
            assert abs(getattr(row, f"p{percent}") - exact) <= exact * ACCURACY * 1.001 + 0.001
    assert [row.class_ for row in found.stats] == sorted(row.class_ for row in found.stats)


def _class(life: Life) -> str:
    return "Even" if life.workerid % 2 == 0 else "Odd"


@pytest.mark.parametrize(
    ("query", "workers"),
    [
        (StatsQuery(0.0, "worker", (2, 3)), {2, 3}),
        (StatsQuery(0.0, "worker", (), ("Even",)), {2, 4}),
        (StatsQuery(0.0, "class", (2,)), {2}),
        (StatsQuery(0.0, "class", (), ("Even",)), {2, 4}),
    ],
)
def test_statistics_of_some_of_many_are_of_these(
    database: Database,
    engine: sa.engine.Engine,
    lives: list[Life],
    monkeypatch: pytest.MonkeyPatch,
    query: StatsQuery,
    workers: set[int],
) -> None:
    count_all(engine)
    monkeypatch.setattr(statistics, "EXACT", 0)
    found = stats(database, query)
    assert found.meta.episodes == sum(life.workerid in workers for life in ended(lives))


def test_what_is_not_counted_yet_is_said(
    database: Database, lives: list[Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "EXACT", 0)
    found = stats(database, StatsQuery(0.0, "class"))
    assert (found.meta.episodes, found.meta.truncated) == (0, True)


def test_statistics_of_many_read_no_episode(
    database: Database,
    engine: sa.engine.Engine,
    lives: list[Life],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many there are: the days' rows, the newest episode and the first, are all that is read."""
    count_all(engine)
    monkeypatch.setattr(statistics, "EXACT", 0)
    read: list[int] = []
    asked = Reader.lives

    def counted(self: Reader, above: int, below: Any, limit: int, workerid: Any = None) -> Any:
        read.append(limit)
        return asked(self, above, below, limit, workerid)

    monkeypatch.setattr(Reader, "lives", counted)
    stats(database, StatsQuery(0.0, "class"))
    assert read == [1, 1]


@pytest.mark.parametrize("text", ["{", "[]", '"x"', '{"phases": 3, "outcomes": {}}', "null"])
def test_a_row_that_cannot_be_read_takes_no_other_along(
    engine: sa.engine.Engine, lives: list[Life], text: str
) -> None:
    count_all(engine)
    with engine.begin() as conn:
        before = rollups.total(conn, None, 0, 10**6)
        broken = "UPDATE lifecycle_rollups SET data = :text WHERE workerid = 0 AND class = 'Even'"
        conn.execute(sa.text(broken), {"text": text})
        after = rollups.total(conn, None, 0, 10**6)
    for key, rollup in after.items():
        assert rollup.outcomes == ({} if key[2] == "Even" else before[key].outcomes)


class Pool:
    """Counts slices; there are always more."""

    def __init__(self) -> None:
        self.slices = 0

    def do_with_transaction(self, function: Any) -> Any:
        self.slices += 1
        return defer.succeed(rollups.SLICE)


def test_counting_goes_on_in_slices_and_stops_for_who_waits_to_write() -> None:
    clock, pool, busy = task.Clock(), Pool(), [False]
    counting = Counting(clock, pool, lambda: busy[0])  # type: ignore[arg-type]
    counting.start()
    assert pool.slices == 1
    clock.advance(0.2)
    assert pool.slices == 2
    busy[0] = True
    clock.advance(0.2)
    assert pool.slices == 2
    busy[0] = False
    clock.pump([1.0] * 5)
    assert pool.slices >= 3
    counting.stop()
    before = pool.slices
    clock.advance(60)
    assert pool.slices == before
    assert clock.getDelayedCalls() == []


class Slow(Pool):
    """Answers when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[defer.Deferred[int]] = []

    def do_with_transaction(self, function: Any) -> Any:
        assert function is rollups.count
        self.waiting.append(defer.Deferred())
        return self.waiting[-1]


@pytest.mark.parametrize("result", [3, RuntimeError("locked")])
def test_who_asks_waits_until_what_has_just_ended_is_counted(result: Any) -> None:
    clock, pool = task.Clock(), Slow()
    told: list[object] = []
    counting = Counting(clock, pool, lambda: False)  # type: ignore[arg-type]
    counting.newest().addCallback(told.append)
    assert told == []
    fire = pool.waiting[0].errback if isinstance(result, Exception) else pool.waiting[0].callback
    fire(result)
    assert told == [None]
    assert clock.getDelayedCalls() == []


def test_who_asks_is_not_kept_by_a_database_that_hangs_and_may_go_away() -> None:
    clock, pool = task.Clock(), Slow()
    told: list[object] = []
    counting = Counting(clock, pool, lambda: False)  # type: ignore[arg-type]
    counting.newest().addCallback(told.append)
    clock.advance(SOON)
    assert told == [None]
    gone = counting.newest()
    gone.addErrback(lambda _: None)
    gone.cancel()
    for each in pool.waiting:
        assert not each.called, "the transaction goes on"
        each.callback(0)
