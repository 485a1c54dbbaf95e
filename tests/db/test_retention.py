"""What is too old goes, in slices, by key; what has to stay stays. Rows and slices are counted."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer, task

from buildbot_lifecycle.core.keeping import FOR_EVER, Keep
from buildbot_lifecycle.db import rollups, schema, tidy
from buildbot_lifecycle.history import retention
from buildbot_lifecycle.history.retention import FIRST, LEAST, MOST, ROWS, Retention
from buildbot_lifecycle.host import clock as clocks
from tests.db.test_statistics import NOW, episode_row, worker_row

DAY = 86400.0


def event_row(seq: int, workerid: int, at: float) -> dict[str, Any]:
    common = {"incarnation": 1, "masterid": 1, "kind": "detached", "data": {}}
    return {**common, "seq": seq, "workerid": workerid, "at": at}


@pytest.fixture
def conn(engine: sa.engine.Engine) -> Any:
    """A connection to a database with 100 days of events and episodes of two workers, one a day each."""
    with engine.begin() as conn:
        conn.execute(schema.workers.insert(), [worker_row(1, 1), worker_row(2, 1)])
        days = [NOW - (100 - day) * DAY for day in range(100)]
        events = [event_row(2 * n + w, w, at) for n, at in enumerate(days) for w in (1, 2)]
        conn.execute(schema.events.insert(), events)
        episodes = [
            episode_row(2 * n + w, w, at, at + 60) for n, at in enumerate(days) for w in (1, 2)
        ]
        conn.execute(schema.episodes.insert(), episodes)
    with engine.connect() as conn, conn.begin():
        yield conn


def rows_of(conn: Any, table: sa.Table) -> int:
    return int(conn.execute(sa.select(sa.func.count()).select_from(table)).scalar())


def test_old_events_go_the_oldest_first_and_so_many_at_a_time(conn: Any) -> None:
    before = NOW - 90 * DAY
    assert [tidy.old_events(conn, before, 8) for _ in range(4)] == [8, 8, 4, 0]
    assert conn.execute(sa.select(sa.func.min(schema.events.c.at))).scalar() >= before
    assert rows_of(conn, schema.events) == 180


def test_an_episode_that_lasts_or_was_not_counted_stays_and_keeps_no_other(conn: Any) -> None:
    before = NOW - 50 * DAY
    assert tidy.old_episodes(conn, before, 10) == 0, "none was counted"
    rollups.count(conn, 1000)
    oldest = conn.execute(sa.select(sa.func.min(schema.episodes.c.id))).scalar()
    of_oldest = schema.episodes.update().where(schema.episodes.c.id == oldest)
    conn.execute(of_oldest.values(ended_at=None, counted=None))
    assert tidy.old_episodes(conn, before, 200) == 99
    left = conn.execute(sa.select(schema.episodes.c.id).order_by(schema.episodes.c.id)).all()
    assert left[0][0] == oldest
    assert len(left) == 101


def test_what_was_counted_of_a_class_outlives_the_workers_days(conn: Any) -> None:
    rollups.count(conn, 1000)
    assert tidy.old_rollups(conn, [0, 1, 2], NOW - 50 * DAY) == 100
    of_class = rollups.total(conn, None, 0, 10**6)
    assert sum(sum(each.outcomes.values()) for each in of_class.values()) == 200


def test_of_one_worker_no_more_events_are_kept_than_its_bound(conn: Any) -> None:
    assert [tidy.too_many(conn, 1, 30, 50) for _ in range(3)] == [50, 20, 0]
    assert rows_of(conn, schema.events) == 130
    newest = sa.select(sa.func.max(schema.events.c.at)).where(schema.events.c.workerid == 1)
    assert conn.execute(newest).scalar() == NOW - DAY


def test_workers_are_told_by_their_numbers(conn: Any) -> None:
    assert [tidy.workers(conn, after, 1) for after in (0, 1, 2)] == [[1], [2], []]


class Pool:
    """Does at once what is asked, of so many old events, and says how long it took."""

    def __init__(self, old: int) -> None:
        self.old = old
        self.seconds = 0.01
        self.slices: list[int] = []

    def do_with_transaction(self, _timed: Any, work: Any, *args: Any) -> Any:
        if work is not tidy.old_events:
            return defer.succeed(([] if work is tidy.workers else 0, self.seconds))
        found = min(self.old, args[-1])
        self.old -= found
        self.slices.append(args[-1])
        return defer.succeed((found, self.seconds))


class Scene:
    def __init__(self, old: int, keep: Keep) -> None:
        self.clock, self.pool = task.Clock(), Pool(old)
        self.busy = False
        steady = clocks.of(self.clock)
        self.is_doubted = False
        self.retention = Retention(
            steady,
            self.pool,  # type: ignore[arg-type]
            lambda: keep,
            lambda: self.busy,
            self.now,
        )
        self.retention.start()

    async def now(self) -> float | None:
        return None if self.is_doubted else self.clock.seconds()

    def wait(self, seconds: float) -> None:
        self.clock.pump([0.1] * round(seconds * 10))


def test_a_master_that_starts_is_left_alone_and_then_all_goes_in_slices() -> None:
    scene = Scene(1000, Keep())
    scene.wait(FIRST - 1)
    assert scene.pool.slices == []
    scene.wait(10)
    assert scene.pool.old == 0
    assert scene.pool.slices == [ROWS] * 6


@pytest.mark.parametrize(
    ("seconds", "last"), [(0.001, MOST), (0.01, ROWS), (retention.HOLD * 2, LEAST)]
)
def test_a_slice_is_as_long_as_the_database_may_be_held(seconds: float, last: int) -> None:
    scene = Scene(100_000, Keep())
    scene.pool.seconds = seconds
    scene.wait(FIRST + 10)
    assert scene.pool.slices[-1] == last


def test_while_others_wait_to_write_nothing_is_deleted() -> None:
    scene = Scene(100_000, Keep())
    scene.wait(FIRST + 1)
    scene.busy = True
    scene.wait(1)
    before = len(scene.pool.slices)
    scene.wait(30)
    assert len(scene.pool.slices) == before
    scene.busy = False
    scene.wait(5)
    assert len(scene.pool.slices) > before


def test_what_is_kept_for_ever_is_not_looked_for() -> None:
    scene = Scene(100, FOR_EVER)
    scene.wait(FIRST + 10)
    assert scene.pool.slices == []


def test_a_master_that_stops_deletes_nothing_more() -> None:
    scene = Scene(100_000, Keep())
    scene.wait(FIRST + 1)
    scene.retention.stop()
    before = len(scene.pool.slices)
    scene.wait(10)
    assert len(scene.pool.slices) == before


def test_while_the_clock_is_doubted_nothing_goes_by_its_age_and_too_many_all_the_same() -> None:
    scene = Scene(1000, Keep())
    asked: list[Any] = []
    do = scene.pool.do_with_transaction

    def ask(timed: Any, work: Any, *args: Any) -> Any:
        asked.append(work)
        if work is tidy.workers and args[0] == 0:
            return defer.succeed(([1], 0.01))
        return do(timed, work, *args)

    scene.pool.do_with_transaction = ask  # type: ignore[method-assign]
    scene.is_doubted = True
    scene.wait(FIRST + 10)
    assert scene.pool.old == 1000
    assert set(asked) == {tidy.workers, tidy.too_many}
