"""A clock that is months ahead deletes nothing: it waits, says so, and goes on the next day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer, task
from twisted.python import log

from buildbot_lifecycle.core.belief import AHEAD, CONFIRMED, DAY
from buildbot_lifecycle.core.keeping import Keep
from buildbot_lifecycle.db import beliefs, requests, schema
from buildbot_lifecycle.history.retention import EVERY, FIRST, Retention
from buildbot_lifecycle.history.trust import Trust
from tests.db.conftest import Database

YEAR = 365 * DAY


class Wall:
    """Steady time of a test, and a wall clock that can be set."""

    def __init__(self, wall: float) -> None:
        self.reactor = task.Clock()
        self.callLater = self.reactor.callLater
        self.seconds = self.reactor.seconds
        self.ahead = wall

    def wall_now(self) -> float:
        return self.ahead + self.seconds()


class Pool:
    """Does at once what is asked of a database."""

    def __init__(self, engine: sa.engine.Engine) -> None:
        self._engine = engine

    def do_with_transaction(self, work: Any, *args: Any) -> Any:
        with self._engine.begin() as conn:
            return defer.succeed(work(conn, *args))


class Master:
    """One run of a master: its clock, what it knows of it, and what it deletes by it."""

    def __init__(self, engine: sa.engine.Engine, wall: float, number: int = 1) -> None:
        self.clock = Wall(wall)
        pool = Pool(engine)
        steady: Any = self.clock
        self.trust = Trust(steady, pool, 1, lambda: number)  # type: ignore[arg-type]
        now = self.trust.now
        retention = Retention(steady, pool, lambda: Keep(per_worker=None), lambda: False, now)  # type: ignore[arg-type]
        retention.start()
        self.wait(FIRST + 60)

    def wait(self, seconds: float) -> None:
        """So long, in steps that let every timer have its turn."""
        self.clock.reactor.pump([30.0] * round(seconds / 30))


@pytest.fixture
def said() -> Iterator[list[str]]:
    """The lines of the log about the clock."""
    lines: list[str] = []

    def hear(event: Any) -> None:
        text = log.textFromEventDict(event) or ""
        if "clock" in text:
            lines.append(text)

    log.addObserver(hear)
    yield lines
    log.removeObserver(hear)


@pytest.fixture
def stored(lite: Database) -> Iterator[sa.engine.Engine]:
    """What a run wrote that lived until a moment ago: two events of its last day."""
    engine = lite.engine()
    with engine.begin() as conn:
        now = requests.now(conn) - DAY
        incarnation = {"masterid": 1, "master": "m", "pid": 1, "host": "h"}
        times = {"started_at": now - 3600, "heartbeat_at": now}
        conn.execute(schema.incarnations.insert(), {"token": "t", **incarnation, **times})
        common = {"incarnation": 1, "masterid": 1, "workerid": 1, "kind": "detached", "data": {}}
        events = [{**common, "seq": seq, "at": now - 60} for seq in (1, 2)]
        conn.execute(schema.events.insert(), events)
    yield engine
    engine.dispose()


@pytest.fixture
def now(stored: sa.engine.Engine) -> float:
    """The true time: the database is put back by a year, so that clocks may be ahead of that."""
    with stored.connect() as conn:
        return requests.now(conn)


@pytest.fixture
def long_ago(stored: sa.engine.Engine) -> None:
    """All of it happened a year before now: SQLite's own clock, the machine's, is as wrong."""
    with stored.begin() as conn:
        for table in (schema.events, schema.incarnations):
            names = [c.name for c in table.c if c.name == "at" or c.name.endswith("_at")]
            values = {name: table.c[name] - YEAR for name in names}
            conn.execute(table.update().values(values))


def events_in(engine: sa.engine.Engine) -> int:
    with engine.connect() as conn:
        return int(
            conn.execute(sa.select(sa.func.count()).select_from(schema.events)).scalar() or 0
        )


@pytest.mark.usefixtures("long_ago")
def test_a_start_whose_clock_the_database_contradicts_waits_for_a_day_and_says_so(
    stored: sa.engine.Engine, now: float, said: list[str]
) -> None:
    master = Master(stored, now - 2 * DAY, number=2)
    assert events_in(stored) == 2
    waits = master.trust.waits
    assert waits is not None
    assert waits.goes_on_at - waits.since == CONFIRMED
    assert AHEAD < waits.since - waits.believed_at < YEAR
    (line,) = said
    assert "nothing is deleted by its age: the clock says" in line
    master.wait(CONFIRMED - EVERY)
    assert events_in(stored) == 2
    assert len(said) == 1, "once, and not each hour"
    master.wait(2 * EVERY)
    assert events_in(stored) == 0
    assert master.trust.waits is None
    assert "old rows are deleted again" in said[-1]


@pytest.mark.usefixtures("long_ago")
def test_a_restart_does_not_make_a_wrong_clock_right(stored: sa.engine.Engine, now: float) -> None:
    Master(stored, now - 2 * DAY, number=2)
    with stored.begin() as conn:
        # the first run with that clock has shown that it lives, by that clock
        conn.execute(schema.incarnations.update().values(heartbeat_at=now - 2 * DAY))
    again = Master(stored, now - 2 * DAY + 3600, number=3)
    assert events_in(stored) == 2
    assert again.trust.waits is not None


@pytest.mark.usefixtures("long_ago")
def test_a_clock_that_is_put_forward_while_the_master_runs_deletes_nothing_until_it_is_put_right(
    stored: sa.engine.Engine, now: float, said: list[str]
) -> None:
    master = Master(stored, now - YEAR)
    assert (events_in(stored), said) == (2, [])
    master.clock.ahead += 200 * DAY
    master.wait(EVERY)
    assert master.trust.waits is not None
    master.clock.ahead += 2 * DAY
    master.wait(EVERY)
    assert events_in(stored) == 2, "a doubted clock that is set once more has not gone on for a day"
    master.clock.ahead -= 202 * DAY
    master.wait(EVERY)
    assert (events_in(stored), master.trust.waits) == (2, None)


def test_what_is_old_by_a_clock_that_goes_on_is_deleted_as_ever(
    stored: sa.engine.Engine, now: float, said: list[str]
) -> None:
    with stored.begin() as conn:
        conn.execute(schema.events.update().values(at=schema.events.c.at - 100 * DAY))
    Master(stored, now)
    assert (events_in(stored), said) == (0, [])


def test_a_master_that_is_ahead_deletes_by_the_clock_of_the_database(
    engine: sa.engine.Engine,
) -> None:
    with engine.begin() as conn:
        true = requests.now(conn)
        first, belief = beliefs.believe(conn, 1, None, true + YEAR, False)
        assert abs(first - true) < 60
        assert belief.doubted_at is None
        earlier, _ = beliefs.believe(conn, 1, None, true - 3600, False)
        assert earlier == true - 3600
        rows = conn.execute(sa.select(schema.beliefs)).all()
        assert rows == [(1, true - 3600, None)]
