"""Statistics, timeline and last episodes from the database, against a plain reading of all rows."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer

from buildbot_lifecycle.core.facts import Episode, Phase
from buildbot_lifecycle.core.requests import RecentQuery, StatsQuery, TimelineQuery
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.statistics import Life, until_up
from buildbot_lifecycle.db import schema
from buildbot_lifecycle.db.reader import SLACK_SECONDS, Reader
from buildbot_lifecycle.history import statistics, walk
from buildbot_lifecycle.history.recent import KEPT, Recent
from buildbot_lifecycle.history.statistics import Statistics
from buildbot_lifecycle.history.timeline import Timeline
from tests.db.conftest import Database
from tests.harness.spin import reactor

HOUR = 3600.0
#: The present of these tests.
NOW = 2_000_000_000.0
WORKERS = 5


class Clock:
    """The real reactor's, but for the time of day."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def seconds(self) -> float:
        return self.now

    def callLater(self, delay: float, *call: Any) -> Any:  # noqa: N802 - Twisted's
        return reactor.callLater(delay, *call)


def worker_row(workerid: int, masterid: int) -> dict[str, Any]:
    return {
        "workerid": workerid,
        "masterid": masterid,
        "incarnation": masterid,
        "name": f"w{workerid}",
        "class": "Even" if workerid % 2 == 0 else "Odd",
        "state": "not_substantiated",
        "connected": False,
        "building": [],
        "paused": False,
        "refused": 0,
        "held": 0,
        "removed": False,
        "verdict": {},
        "updated_at": 0.0,
        "data": {},
    }


def masterid_of(workerid: int) -> int:
    return 2 if workerid == WORKERS else 1


def episode_row(number: int, workerid: int, started: float, ended: float | None) -> dict[str, Any]:
    """An episode of three phases that share its time; every seventh stop failed."""
    span = (ended or NOW) - started
    failed = number % 7 == 0
    data = {
        "phases": [
            ["substantiating_starting", started, started + span / 4],
            ["substantiated", started + span / 4, started + span / 2],
            ["insubstantiating", started + span / 2, ended],
        ],
        "failure": {"call": "stop_instance", "error": "no", "traceback": None} if failed else None,
    }
    names = ("state", "since", "until")
    data["phases"] = [dict(zip(names, phase)) for phase in data["phases"]]
    return {
        "incarnation": masterid_of(workerid),
        "first_seq": number,
        "workerid": workerid,
        "masterid": masterid_of(workerid),
        "started_at": started,
        "ended_at": ended,
        "outcome": None if ended is None else "stop_failed" if failed else "ok",
        "start_s": span / 4,
        "connect_s": span / 4,
        "up_s": span / 4,
        "stop_s": None if ended is None else span / 2,
        "builds": 1,
        "data": data,
    }


def history(dice: random.Random, lives: int) -> list[dict[str, Any]]:
    """Some 40 h of episodes up to now: short and long ones, some open, written not quite in order."""
    rows = []
    for workerid in range(1, WORKERS + 1):
        at, written = NOW - 40 * HOUR, 0.0
        while at < NOW and len(rows) < lives * WORKERS:
            long = 8 * HOUR if dice.random() < 0.1 else 0.0
            end = at + dice.random() * 1200 + long
            # One worker's are written in order, those of two masters may wait for long.
            written = max(written, at + dice.random() * SLACK_SECONDS / 3)
            rows.append((written, workerid, at, min(end, NOW)))
            at = end + dice.random() * 600
    rows.sort()
    last = {workerid: max(r for r in rows if r[1] == workerid) for workerid in range(1, WORKERS)}
    return [
        episode_row(n, workerid, started, None if row == last.get(workerid) else ended)
        for n, row in enumerate(rows, 1)
        for _, workerid, started, ended in [row]
    ]


def build_rows(episodes: list[dict[str, Any]], ids: list[int]) -> list[dict[str, Any]]:
    """A build in each episode, taken shortly before it; of an open one it runs."""
    rows = []
    for episode, number in zip(episodes, ids):
        build = {"builder": f"b{episode['workerid']}", "number": number, "builderid": 3}
        common = {
            "incarnation": 1,
            "workerid": episode["workerid"],
            "masterid": episode["masterid"],
            "data": {"build": build},
        }
        started, ended = episode["started_at"], episode["ended_at"]
        rows.append({**common, "kind": "build_started", "at": started - 0.001, "episode": None})
        if ended is not None:
            rows.append({**common, "kind": "build_finished", "at": ended, "episode": number})
    rows.sort(key=lambda row: float(row["at"]))
    return [{**row, "seq": n} for n, row in enumerate(rows, 1)]


def fill(engine: sa.engine.Engine, episodes: list[dict[str, Any]]) -> list[Life]:
    """Write the history; all lives as a plain reading of the table finds them."""
    with engine.begin() as conn:
        workers = [worker_row(w, masterid_of(w)) for w in range(1, WORKERS + 1)]
        conn.execute(schema.workers.insert(), workers)
        conn.execute(schema.episodes.insert(), episodes)
        columns = [schema.episodes.c[name] for name in Life._fields]
        found = conn.execute(sa.select(*columns).order_by(schema.episodes.c.id))
        lives = [Life._make(row) for row in found]
        builds = build_rows(episodes, [life.id for life in lives])
        conn.execute(schema.events.insert(), builds)
    return lives


@pytest.fixture
def lives(engine: sa.engine.Engine) -> list[Life]:
    return fill(engine, history(random.Random(7), 60))


Ask = Callable[[Callable[[Reader], Any]], Any]


@pytest.fixture
def ask(database: Database, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Run something on a reader, on Buildbot's own pool, with slices of a few rows."""
    monkeypatch.setattr(walk, "SLICE", 11)
    monkeypatch.setattr("buildbot_lifecycle.history.timeline._SLICE", 13)
    monkeypatch.setattr("buildbot_lifecycle.history.timeline._WORKERS", 2)

    def run(work: Callable[[Reader], Any]) -> Any:
        async def with_reader(pool: Any) -> Any:
            return await work(Reader(pool))

        return database.run(with_reader)

    return run


def settings() -> Settings:
    return Settings()


def stats(ask: Ask, query: StatsQuery) -> Any:
    return ask(lambda reader: Statistics(Clock(), reader, settings).ask(query))


def overlapping(lives: list[Life], since: float, until: float = NOW) -> list[Life]:
    return [
        x for x in lives if x.started_at <= until and (x.ended_at is None or x.ended_at >= since)
    ]


@pytest.mark.parametrize("hours", [0.5, 3, 24, 24 * 365])
@pytest.mark.parametrize("by", ["worker", "class"])
def test_every_episode_that_ended_since_is_counted_once(
    ask: Ask, lives: list[Life], hours: float, by: str
) -> None:
    since = NOW - hours * HOUR
    found = stats(ask, StatsQuery(since, by))
    wanted = [x for x in overlapping(lives, since) if x.ended_at is not None]
    assert found.meta["episodes"] == len(wanted)
    assert not found.meta["truncated"]
    assert sum(o["count"] for o in found.outcomes) == len(wanted)
    for row in found.stats:
        names = {f"w{x.workerid}": x.workerid for x in lives}
        column = f"{row['phase']}_s"
        values = sorted(
            getattr(x, column)
            for x in wanted
            if (x.workerid == names[row["worker"]] if by == "worker" else row["class"] == odd(x))
        )
        assert row["count"] == len(values)
        assert row["p50"] == values[(len(values) + 1) // 2 - 1]
        assert row["max"] == values[-1]


def odd(life: Life) -> str:
    return "Even" if life.workerid % 2 == 0 else "Odd"


def test_only_the_workers_and_classes_that_were_asked_for_are_counted(
    ask: Ask, lives: list[Life]
) -> None:
    since = NOW - 20 * HOUR
    for query, wanted in (
        (StatsQuery(since, workerids=(2,)), {2}),
        (StatsQuery(since, workerids=(2, 5)), {2, 5}),
        (StatsQuery(since, classes=("Even",)), {2, 4}),
        (StatsQuery(since, workerids=(1, 2), classes=("Odd",)), {1}),
        (StatsQuery(since, workerids=(99,)), set()),
    ):
        found = stats(ask, query)
        ended = [x for x in overlapping(lives, since) if x.ended_at and x.workerid in wanted]
        assert found.meta["episodes"] == len(ended)
        assert {o["workerid"] for o in found.outcomes} == wanted


def test_more_workers_than_a_few_are_walked_all_together_with_the_same_result(
    ask: Ask, lives: list[Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    query = StatsQuery(NOW - 20 * HOUR, workerids=(1, 2, 5))
    one_by_one = stats(ask, query)
    monkeypatch.setattr(walk, "FEW", 2)
    assert stats(ask, query) == one_by_one


def test_the_newest_are_counted_and_it_says_that_there_were_more(
    ask: Ask, lives: list[Life], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "MAX_EPISODES", 25)
    found = stats(ask, StatsQuery(NOW - 24 * HOUR))
    newest = [x for x in lives[-25:] if x.ended_at is not None]
    assert found.meta["truncated"]
    assert found.meta["episodes"] == len(newest)


def test_a_question_is_answered_again_for_30_s_and_then_anew(ask: Ask, lives: list[Life]) -> None:
    clock = Clock()
    reads = []

    class Counting(Reader):
        def lives(self, *args: Any, **more: Any) -> Any:
            reads.append(args)
            return super().lives(*args, **more)

    async def work(reader: Reader) -> None:
        asked = Statistics(clock, Counting(reader._pool), settings)
        first, second = await defer.gatherResults([asked.ask(StatsQuery()) for _ in range(2)])
        assert first is second
        once = len(reads)
        clock.now += 29
        assert (await asked.ask(StatsQuery())) is first
        assert len(reads) == once
        assert (await asked.ask(StatsQuery(by="class"))) is not first
        clock.now += 2
        assert (await asked.ask(StatsQuery())) is not first

    ask(work)


@pytest.mark.parametrize("kind", ["timeline", "stats"])
def test_who_leaves_takes_the_question_along(ask: Ask, lives: list[Life], kind: str) -> None:
    """By counts: twelve who left cost no more reads than one slice each, the next one what it costs."""
    reads = []

    class Counting(Reader):
        def who(self, *args: Any) -> Any:
            reads.append("who")
            return super().who(*args)

        def lives(self, *args: Any, **more: Any) -> Any:
            reads.append("lives")
            return super().lives(*args, **more)

    async def work(reader: Reader) -> None:
        counting = Counting(reader._pool)

        def question(number: int) -> defer.Deferred[Any]:
            if kind == "stats":
                return stats_of.ask(StatsQuery(since=NOW - 500 * 86400 + number))
            return lanes_of.ask(TimelineQuery(since=float(number)))

        stats_of = Statistics(Clock(), counting, settings)
        lanes_of = Timeline(Clock(), counting)
        await question(0)
        once = len(reads)
        assert once > 3
        reads.clear()
        for left in [question(number) for number in range(1, 13)]:
            left.addErrback(lambda failure: failure.trap(defer.CancelledError) and None)
            left.cancel()
        await question(13)
        assert len(reads) <= 12 + once

    ask(work)


def test_an_empty_history_has_no_statistics_and_no_lanes(
    ask: Ask, engine: sa.engine.Engine
) -> None:
    found = stats(ask, StatsQuery())
    assert (found.stats, found.outcomes) == ((), ())
    assert timeline(ask, TimelineQuery()).lanes == []
    assert ask(lambda reader: Recent(Clock(), reader, 1).rows(RecentQuery())) == []


# the timeline


def timeline(ask: Ask, query: TimelineQuery) -> Any:
    return ask(lambda reader: Timeline(Clock(), reader).ask(query))


def shown(found: Any) -> set[int]:
    return {episode["id"] for lane in found.lanes for episode in lane["episodes"]}


@pytest.mark.parametrize(
    ("first", "last"), [(1, 0), (24, 0), (500, 0), (30, 29.9), (12, 6), (900, 800)]
)
@pytest.mark.parametrize("workerids", [(), (3,), (1, 5)])
def test_every_episode_that_overlaps_the_span_is_shown_once(
    ask: Ask, lives: list[Life], first: float, last: float, workerids: tuple[int, ...]
) -> None:
    since, until = NOW - first * HOUR, NOW - last * HOUR
    found = timeline(ask, TimelineQuery(since, until, workerids))
    wanted = overlapping(lives, since, until)
    assert shown(found) == {x.id for x in wanted if not workerids or x.workerid in workerids}
    assert not found.meta["truncated"]
    for lane in found.lanes:
        starts = [episode["phases"][0][1] for episode in lane["episodes"]]
        assert starts == sorted(starts)
        assert lane["masterid"] == masterid_of(lane["workerid"])
        assert lane["worker"] == f"w{lane['workerid']}"


@pytest.mark.parametrize("hours", [1, 24, 500])
@pytest.mark.parametrize("workerids", [(), (1, 5)])
def test_every_episode_has_its_build_from_its_begin(
    ask: Ask, lives: list[Life], hours: float, workerids: tuple[int, ...]
) -> None:
    by_id = {x.id: x for x in lives}
    found = timeline(ask, TimelineQuery(NOW - hours * HOUR, None, workerids))
    for lane in found.lanes:
        for episode in lane["episodes"]:
            life = by_id[episode["id"]]
            builder = f"b{life.workerid}"
            assert episode["builds"] == ((life.started_at, life.ended_at, builder, life.id, 3),)


def test_with_more_than_the_limit_the_oldest_are_missing_and_it_says_so(
    ask: Ask, lives: list[Life]
) -> None:
    found = timeline(ask, TimelineQuery(NOW - 24 * HOUR, limit=20))
    assert found.meta["truncated"]
    assert shown(found) == {x.id for x in lives[-20:]}
    assert all(len(e["builds"]) == 1 for lane in found.lanes for e in lane["episodes"])


def test_of_named_workers_each_has_its_share_of_the_limit(ask: Ask, lives: list[Life]) -> None:
    found = timeline(ask, TimelineQuery(NOW - 24 * HOUR, workerids=(1, 2), limit=10))
    assert found.meta["truncated"]
    assert all(5 <= len(lane["episodes"]) <= 6 for lane in found.lanes)


def test_a_worker_that_was_asked_for_has_a_lane_also_without_episodes(
    ask: Ask, engine: sa.engine.Engine
) -> None:
    fill(engine, [episode_row(1, 1, NOW - 10, NOW - 5)])
    found = timeline(ask, TimelineQuery(workerids=(1, 2, 77)))
    assert [(lane["workerid"], len(lane["episodes"])) for lane in found.lanes] == [
        (1, 1),
        (2, 0),
    ]


def test_marks_are_told_in_the_order_of_their_times(ask: Ask, engine: sa.engine.Engine) -> None:
    fill(engine, [episode_row(7, 1, NOW - 100, NOW - 50), episode_row(14, 2, NOW - 100, None)])
    with engine.begin() as conn:
        incarnation = {"masterid": 1, "master": "m", "pid": 1, "host": "h", "heartbeat_at": NOW}
        ends = [(NOW - 92, "clean"), (NOW - 72, "died"), (None, None)]
        for n, (ended, how) in enumerate(ends):
            values = {"started_at": NOW - 110 + 20 * n, "ended_at": ended, "ended_how": how}
            conn.execute(schema.incarnations.insert().values(token=str(n), **incarnation, **values))
        action = {"workerid": 1, "masterid": 1, "status": "done", "actor": "alice", "data": {}}
        for what, at in (("force-disconnect", NOW - 60), ("shutdown-release", NOW - 40)):
            conn.execute(schema.actions.insert().values(token=what, what=what, at=at, **action))
    query = TimelineQuery(NOW - 100, NOW)
    marks = [mark for mark, _ in timeline(ask, query).marks]
    assert [(mark["kind"], mark["workerid"], NOW - mark["at"]) for mark in marks] == [
        ("master_stop", None, 92),
        ("master_start", None, 90),
        ("master_died", None, 72),
        ("master_start", None, 70),
        ("force", 1, 60),
        ("failure", 1, 50),
        ("shutdown-release", 1, 40),
    ]
    assert marks[4]["text"] == "force-disconnect by alice: done"
    assert marks[5]["text"] == "stop_instance: no"
    of_two = [mark for mark, _ in timeline(ask, TimelineQuery(NOW - 100, NOW, (2,))).marks]
    assert {mark["workerid"] for mark in of_two} == {None}


# the last episodes


def test_the_last_episodes_of_each_worker_come_from_the_database_newest_last(
    ask: Ask, lives: list[Life]
) -> None:
    async def work(reader: Reader) -> Any:
        recent = Recent(Clock(), reader, 1)
        await recent.fill()
        return await recent.rows(RecentQuery(3)), await recent.rows(RecentQuery(3, (2, 4, 99)))

    found, some = ask(work)
    assert [row["workerid"] for row in found] == [1, 2, 3, 4, 5]
    assert some == [found[1], found[3]]
    for row in found:
        ended = [x for x in lives if x.workerid == row["workerid"] and x.ended_at is not None][-3:]
        assert row["episodes"] == tuple(
            (x.id, x.outcome, until_up(x.start_s, x.connect_s), x.up_s, x.stop_s, x.ended_at)
            for x in ended
        )


def test_a_commit_is_in_the_last_episodes_without_a_query(ask: Ask, lives: list[Life]) -> None:
    phases = (
        Phase(State.SUBSTANTIATED, NOW - 5, NOW - 2),
        Phase(State.INSUBSTANTIATING, NOW - 2, NOW),
    )
    new = Episode(900, 2, NOW - 5, phases, ended_at=NOW, outcome="ok", stop_s=2.0)

    async def work(reader: Reader) -> Any:
        recent = Recent(Clock(), reader, 1)
        await recent.fill()
        await recent.rows(RecentQuery(1))
        recent._reader = None  # type: ignore[assignment]  # any query fails from now on
        recent.ended([new])
        before = await recent.rows(RecentQuery(1))
        recent.committed({900: 12345})
        return before, await recent.rows(RecentQuery(24))

    before, after = ask(work)
    assert before[1]["episodes"][0][0] != 12345
    assert after[1]["episodes"][-1] == (12345, "ok", None, 3.0, 2.0, NOW)
    assert len(after[1]["episodes"]) == KEPT


def test_what_is_committed_while_the_database_is_read_is_there_once(
    ask: Ask, lives: list[Life]
) -> None:
    last = [x for x in lives if x.workerid == 1 and x.ended_at is not None][-1]
    phases = (Phase(State.SUBSTANTIATED, last.started_at, last.ended_at),)
    same = Episode(900, 1, last.started_at, phases, ended_at=last.ended_at, outcome="ok")

    async def work(reader: Reader) -> Any:
        recent = Recent(Clock(), reader, 1)
        recent.ended([same])
        recent.committed({900: last.id})
        await recent.fill()
        return await recent.rows(RecentQuery(24))

    ids = [episode[0] for episode in ask(work)[0]["episodes"]]
    assert ids == sorted(set(ids))
    assert ids[-1] == last.id


def test_other_masters_workers_are_read_again_after_a_while(
    ask: Ask, lives: list[Life], engine: sa.engine.Engine
) -> None:
    clock = Clock()

    async def work(reader: Reader) -> None:
        recent = Recent(clock, reader, 1)
        await recent.fill()
        first = (await recent.rows(RecentQuery(1)))[-1]["episodes"]
        with engine.begin() as conn:
            conn.execute(schema.episodes.insert(), [episode_row(9000, 5, NOW, NOW + 1)])
        assert (await recent.rows(RecentQuery(1)))[-1]["episodes"] == first
        clock.now += 31
        assert (await recent.rows(RecentQuery(1)))[-1]["episodes"][0][5] == NOW + 1

    ask(work)


def test_numbers_by_time_leave_nothing_out(database: Database, engine: sa.engine.Engine) -> None:
    """Also where numbers are missing, as after old rows were deleted."""
    rows = history(random.Random(3), 40)
    lives = fill(engine, rows)
    gone = {x.id for x in random.Random(4).sample(lives, len(lives) // 2)}
    with engine.begin() as conn:
        conn.execute(schema.episodes.delete().where(schema.episodes.c.id.in_(gone)))
    kept = [x for x in lives if x.id not in gone]

    async def work(pool: Any) -> None:
        for hours in (0, 0.1, 5, 11, 39, 41, 1000):
            moment = NOW - hours * HOUR
            (above, below), _ = await Reader(pool).borders(moment, moment)
            assert all(x.id > above for x in kept if x.started_at >= moment)
            assert below is not None
            assert all(x.id < below for x in kept if x.started_at <= moment)

    database.run(work)
