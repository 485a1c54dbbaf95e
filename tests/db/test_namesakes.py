"""A name that two masters have is one workerid: what is read of one is never that of the other."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.requests import RecentQuery, StatsQuery, TimelineQuery
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.db import schema
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.history.recent import KEPT, Recent
from buildbot_lifecycle.history.statistics import Statistics
from buildbot_lifecycle.history.timeline import Timeline
from buildbot_lifecycle.service.learning import Learning
from tests.db.conftest import Database
from tests.db.test_statistics import HOUR, NOW, Clock, worker_row

#: How long the stops of each master's worker 7 take.
STOPS = {1: 2.0, 2: 500.0}


def life(number: int, masterid: int, at: float) -> dict[str, Any]:
    stop = STOPS[masterid]
    return {
        "incarnation": masterid,
        "first_seq": number,
        "workerid": 7,
        "masterid": masterid,
        "started_at": at,
        "ended_at": at + stop + 1,
        "outcome": "ok",
        "start_s": 1.0,
        "connect_s": 0.0,
        "up_s": 1.0,
        "stop_s": stop,
        "builds": 1,
        "data": {"phases": [{"state": "insubstantiating", "since": at, "until": at + stop + 1}]},
    }


def built(seq: int, masterid: int, at: float) -> dict[str, Any]:
    build = {"builder": f"of-{masterid}", "number": seq, "builderid": masterid}
    return {
        "incarnation": masterid,
        "seq": seq,
        "workerid": 7,
        "masterid": masterid,
        "kind": "build_started",
        "at": at,
        "episode": None,
        "data": {"build": build},
    }


@pytest.fixture(autouse=True)
def two(engine: sa.engine.Engine) -> None:
    """Worker 7 of masters 1 and 2; the second is by far the busier one."""
    with engine.begin() as conn:
        rows = [worker_row(7, 1), worker_row(7, 2), worker_row(8, 2)]
        conn.execute(schema.workers.insert(), [{**row, "name": "same"} for row in rows])
        quiet = [life(n, 1, NOW - 20 * HOUR + n) for n in range(3)]
        busy = [life(n, 2, NOW - 10 * HOUR + n) for n in range(2 * KEPT)]
        conn.execute(schema.episodes.insert(), [*quiet, *busy])
        builds = [built(1, 1, NOW - 20 * HOUR), *(built(n, 2, NOW - 10 * HOUR) for n in range(30))]
        conn.execute(schema.events.insert(), builds)


def reading(database: Database, work: Any) -> Any:
    async def run(pool: Any) -> Any:
        return await work(Reader(pool))

    return database.run(run)


@pytest.mark.parametrize("mine", [1, 2])
def test_the_last_episodes_are_a_row_for_each_master(database: Database, mine: int) -> None:
    async def work(reader: Reader) -> None:
        recent = Recent(Clock(), reader, mine)
        await recent.fill()
        rows = await recent.rows(RecentQuery(24))
        assert [(row.workerid, row.masterid, len(row.episodes)) for row in rows] == [
            (7, 1, 3),
            (7, 2, KEPT),
        ]
        for row in rows:
            assert {episode[4] for episode in row.episodes} == {STOPS[row.masterid]}
        (only,) = await recent.rows(RecentQuery(24, (7,), (2,)))
        assert only == rows[1]
        usual = [recent.usual_stop(7, masterid) for masterid in (1, 2, 3)]
        assert usual == [STOPS[1], STOPS[2], None]

    reading(database, work)


def test_limits_are_learnt_from_this_masters_own(database: Database) -> None:
    """Else the other's stops of minutes would let this one hang for as long."""
    learnt = []
    logbook: Any = SimpleNamespace(
        remember=lambda *said: learnt.append(said), rejudge_all=lambda: None
    )

    async def work(reader: Reader) -> None:
        learning = Learning(Clock(), reader, logbook, Settings, 1)
        await learning._read([SimpleNamespace(workerid=7, class_name="Odd")])  # type: ignore[list-item]

    reading(database, work)
    stops = [seconds for _, _, state, seconds in learnt if "INSUB" in state.name]
    assert stops == [STOPS[1]] * 6


def test_statistics_count_each_by_itself(database: Database) -> None:
    def ask(query: StatsQuery) -> Any:
        return reading(database, lambda reader: Statistics(Clock(), reader, Settings).ask(query))

    found = ask(StatsQuery(NOW - 24 * HOUR))
    rows = [(one.masterid, one.worker, one.count) for one in found.outcomes]
    assert rows == [(1, "same", 3), (2, "same", 2 * KEPT)]
    assert {(s.masterid, s.max) for s in found.stats if s.phase == "stop"} == set(STOPS.items())
    (only,) = ask(StatsQuery(NOW - 24 * HOUR, workerids=(7,), masterids=(1,))).outcomes
    assert only == found.outcomes[0]


def test_lanes_and_their_builds_are_of_one_master(database: Database) -> None:
    def ask(query: TimelineQuery) -> Any:
        return reading(database, lambda reader: Timeline(Clock(), reader).ask(query))

    both = ask(TimelineQuery(NOW - 24 * HOUR)).lanes
    assert [(lane.masterid, lane.worker, len(lane.episodes)) for lane in both] == [
        (1, "same", 3),
        (2, "same", 2 * KEPT),
    ]
    for lane in both:
        builders = {build[2] for episode in lane.episodes for build in episode.builds}
        assert builders == {f"of-{lane.masterid}"}
    assert ask(TimelineQuery(NOW - 24 * HOUR, workerids=(7,), masterids=(1,))).lanes == both[:1]
    assert ask(TimelineQuery(NOW - 24 * HOUR, masterids=(3,))).lanes == []


def test_a_build_that_ran_at_a_moment_is_found_however_busy_the_other_is(
    database: Database,
) -> None:
    async def work(reader: Reader) -> None:
        found = await reader.builds_at(NOW, None, [(7, 1)])
        assert [build.builder for build in found] == ["of-1"]

    reading(database, work)
