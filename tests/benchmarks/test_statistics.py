"""What statistics and the timeline cost Buildbot, at a million events and 200,000 episodes on SQLite.

    pytest tests/benchmarks/test_statistics.py -m benchmark -s

prints the figures: how long one slice holds the one database thread, how long a query of Buildbot's
waits beside it, and how long the reactor stands still. The bounds that are asserted are generous:
they hold on a machine that does other things too.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer, task

from buildbot_lifecycle.core.requests import StatsQuery, TimelineQuery
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.db import migrations, schema
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.history.recent import Recent
from buildbot_lifecycle.history.statistics import Statistics
from buildbot_lifecycle.history.timeline import Timeline
from tests.db.conftest import Database
from tests.db.test_statistics import worker_row
from tests.harness.spin import reactor

pytestmark = pytest.mark.benchmark

EPISODES, EVENTS, WORKERS = 200_000, 1_000_000, 1000

#: Seconds of work that one slice may be, and that Buildbot's query may wait as a rule.
SLICE, WAIT = 0.1, 0.2


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A month of 1,000 workers: five events to an episode, as long as real ones."""
    made = Database("sqlite:///state.sqlite", str(tmp_path_factory.mktemp("large")), None)
    engine = made.engine()
    migrations.migrate(engine)
    dice = random.Random(1)
    now = time.time()
    step = 30 * 86400 / EPISODES
    with engine.begin() as conn:
        workers = [{**worker_row(w, 1), "class": f"Class{w % 8}"} for w in range(1, WORKERS + 1)]
        conn.execute(schema.workers.insert(), workers)
        for first in range(0, EPISODES, 10_000):
            numbers = range(first, first + 10_000)
            conn.execute(schema.episodes.insert(), [episode(n, now, step, dice) for n in numbers])
            events = [e for n in numbers for e in events_of(n, now, step)]
            conn.execute(schema.events.insert(), events)
    engine.dispose()
    # The heap of a test run is not what is measured.
    gc.collect()
    gc.freeze()
    yield made
    gc.unfreeze()
    Path(made.basedir, "state.sqlite").unlink()


def episode(n: int, now: float, step: float, dice: random.Random) -> dict[str, Any]:
    started = now - (EPISODES - n) * step
    parts = [dice.lognormvariate(mu, 1) for mu in (3, 5, 2)]
    times = [started, started + parts[0], started + parts[0] + parts[1], started + sum(parts)]
    states = ("substantiating_starting", "substantiated", "insubstantiating")
    phases = [{"state": s, "since": a, "until": b} for s, a, b in zip(states, times, times[1:])]
    build = {"buildid": n, "builderid": 3, "builder": "linux-x86_64-release", "number": n}
    data = {
        "first_seq": n + 1,
        "workerid": 1 + n % WORKERS,
        "started_at": started,
        "phases": phases,
        "build": build,
        "instance": f"i-{n:017x}",
        "connected_at": times[1],
        "builds": 1,
        "outcome": "ok",
        "failure": None,
    }
    return {
        "incarnation": 1,
        "first_seq": n + 1,
        "workerid": 1 + n % WORKERS,
        "masterid": 1,
        "started_at": started,
        "ended_at": times[3],
        "outcome": "ok",
        "start_s": parts[0],
        "connect_s": parts[0],
        "up_s": parts[1],
        "stop_s": parts[2],
        "builds": 1,
        "data": data,
    }


def events_of(n: int, now: float, step: float) -> Iterator[dict[str, Any]]:
    started = now - (EPISODES - n) * step
    build = {"buildid": n, "builderid": 3, "builder": "linux-x86_64-release", "number": n}
    kinds = ("build_started", "transition", "call_started", "transition", "build_finished")
    for place, kind in enumerate(kinds[: EVENTS // EPISODES]):
        yield {
            "incarnation": 1,
            "seq": 5 * n + place + 1,
            "workerid": 1 + n % WORKERS,
            "masterid": 1,
            "episode": n + 1,
            "kind": kind,
            "at": started + place,
            "data": {"build": build} if kind.startswith("build") else {"from": "a", "to": "b"},
        }


class Watched:
    """Buildbot's pool, with the time that each of our pieces holds its thread."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.held: list[float] = []
        self.worked: list[float] = []

    def do(self, function: Any, *args: Any) -> Any:
        def timed(conn: Any) -> Any:
            started, cpu = time.perf_counter(), time.thread_time()
            try:
                return function(conn, *args)
            finally:
                self.held.append(time.perf_counter() - started)
                self.worked.append(time.thread_time() - cpu)

        return self._pool.do(timed)


class Collections:
    """How long Python's own collector of garbage stops everything: not ours, and in the figures."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._since = 0.0

    def __call__(self, phase: str, _info: Any) -> None:
        if phase == "start":
            self._since = time.perf_counter()
        else:
            self.longest = max(self.longest, time.perf_counter() - self._since)


class Beside:
    """What else goes on: a query as Buildbot makes them, again and again, and the reactor's beat."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.waits: list[float] = []
        self.beats: list[float] = []
        self._beat = time.perf_counter()
        self._loops = [task.LoopingCall(self._ask), task.LoopingCall(self._tick)]

    def start(self) -> None:
        self._beat = time.perf_counter()
        self._loops[0].start(0.02)
        self._loops[1].start(0.002)

    def stop(self) -> None:
        for loop in self._loops:
            loop.stop()

    def _tick(self) -> None:
        now = time.perf_counter()
        self.beats.append(now - self._beat)
        self._beat = now

    @defer.inlineCallbacks
    def _ask(self) -> Any:
        started = time.perf_counter()
        yield self._pool.do(
            lambda conn: conn.execute(sa.text("select max(id) from lifecycle_actions")).scalar()
        )
        self.waits.append(time.perf_counter() - started)


Work = Callable[[Reader], Awaitable[Any]]


def everything(reader: Reader) -> Awaitable[Any]:
    return Statistics(reactor, reader, Settings).ask(StatsQuery())


def by_class(reader: Reader) -> Awaitable[Any]:
    return Statistics(reactor, reader, Settings).ask(StatsQuery(by="class"))


def one_worker(reader: Reader) -> Awaitable[Any]:
    return Statistics(reactor, reader, Settings).ask(StatsQuery(workerids=(7,)))


def a_day(reader: Reader) -> Awaitable[Any]:
    return Timeline(reactor, reader).ask(TimelineQuery())


def a_month(reader: Reader) -> Awaitable[Any]:
    return Timeline(reactor, reader).ask(TimelineQuery(since=time.time() - 30 * 86400))


def an_old_day(reader: Reader) -> Awaitable[Any]:
    now = time.time()
    return Timeline(reactor, reader).ask(TimelineQuery(now - 20 * 86400, now - 19 * 86400))


def a_worker(reader: Reader) -> Awaitable[Any]:
    return Timeline(reactor, reader).ask(TimelineQuery(time.time() - 30 * 86400, workerids=(7,)))


def filling(reader: Reader) -> Awaitable[Any]:
    return Recent(reactor, reader, 1).fill()


WORKS = [everything, by_class, one_worker, a_day, a_month, an_old_day, a_worker, filling]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.__name__)
def test_no_slice_holds_the_database_for_long_and_nobody_waits(
    large: Database, work: Work, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(pool: Any) -> Any:
        watched, beside = Watched(pool), Beside(pool)
        beside.start()
        started = time.perf_counter()
        await work(Reader(watched))  # type: ignore[arg-type]
        took = time.perf_counter() - started
        beside.stop()
        return took, watched, beside

    collections = Collections()
    gc.callbacks.append(collections)
    took, watched, beside = large.run(run)
    gc.callbacks.remove(collections)
    held, worked = sorted(watched.held), sorted(watched.worked)
    waits, beats = sorted(beside.waits), sorted(beside.beats)
    with capsys.disabled():
        print(  # noqa: T201 - a benchmark prints
            f"\n{work.__name__:>12}: {took:6.2f} s in {len(held):4} slices,"
            f" each {held[len(held) // 2] * 1e3:3.0f} ms, at most {held[-1] * 1e3:4.0f} ms"
            f" ({worked[-1] * 1e3:4.0f} ms of work);"
            f" Buildbot's query waits {waits[len(waits) // 2] * 1e3:4.0f} ms,"
            f" at most {waits[-1] * 1e3:4.0f} ms; the reactor stands {beats[-1] * 1e3:4.0f} ms"
            f" (garbage collection {collections.longest * 1e3:4.0f} ms)"
        )
    assert worked[-1] < SLICE
    assert waits[len(waits) // 2] < WAIT
