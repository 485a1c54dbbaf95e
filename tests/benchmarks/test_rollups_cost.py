"""`/stats` over 30 days beside the exact window-function query, and what counting and deleting cost.

200,000 episodes (a million transitions); with ``BENCH=full`` 2 million (10 million). CPU time, one run.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.requests import StatsQuery
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.db import migrations, rollups, schema, tidy
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.history.statistics import Statistics
from tests.db.conftest import Database
from tests.db.test_statistics import worker_row
from tests.harness.spin import reactor

pytestmark = pytest.mark.benchmark

EPISODES = 2_000_000 if os.environ.get("BENCH") == "full" else 200_000
WORKERS, CLASSES, DAYS = 1000, 8, 30

EXACT = """
SELECT class, count(*), max(CASE WHEN place <= 0.50 * total THEN {phase} END),
       max(CASE WHEN place <= 0.99 * total THEN {phase} END)
FROM (SELECT w.class AS class, e.{phase} AS {phase},
             row_number() OVER (PARTITION BY w.class ORDER BY e.{phase}) AS place,
             count(*) OVER (PARTITION BY w.class) AS total
      FROM lifecycle_episodes e JOIN lifecycle_workers w ON w.workerid = e.workerid
      WHERE e.ended_at >= {since} AND e.{phase} IS NOT NULL) AS ranked
GROUP BY class ORDER BY class
"""

PHASES = ("start_s", "connect_s", "up_s", "stop_s")


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def cost(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it answers, and its seconds of CPU, those of the database's thread included."""
    begun = time.process_time()
    found = work()
    return found, time.process_time() - begun


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, float]]:
    """A month of episodes, and its end."""
    made = Database("sqlite:///state.sqlite", str(tmp_path_factory.mktemp("month")), None)
    engine = made.engine()
    migrations.migrate(engine)
    now, dice = time.time(), random.Random(1)
    names = (
        "incarnation",
        "first_seq",
        "workerid",
        "masterid",
        "started_at",
        "ended_at",
        "outcome",
    )
    columns = (*names, *PHASES, "builds", "data")
    marks = ", ".join("?" * len(columns))
    insert = f"INSERT INTO lifecycle_episodes ({', '.join(columns)}) VALUES ({marks})"
    with engine.begin() as conn:
        workers = [
            {**worker_row(w, 1), "class": f"Class{w % CLASSES}"} for w in range(1, WORKERS + 1)
        ]
        conn.execute(schema.workers.insert(), workers)
        for first in range(0, EPISODES, 10_000):
            conn.exec_driver_sql(insert, [_row(n, now, dice) for n in range(first, first + 10_000)])
    engine.dispose()
    yield made, now
    Path(made.basedir, "state.sqlite").unlink()


def _row(n: int, now: float, dice: random.Random) -> tuple[Any, ...]:
    started = now - DAYS * 86400 * (1 - n / EPISODES)
    parts = [dice.lognormvariate(mu, 1) for mu in (3, 1, 5, 2)]
    ended = min(now, started + sum(parts))
    return (1, n + 1, 1 + n % WORKERS, 1, started, ended, "ok", *parts, 1, "{}")


def test_statistics_of_a_month_beside_the_exact_query(month: tuple[Database, float]) -> None:
    database, now = month
    engine = database.engine()
    slices: list[float] = []

    def count_all() -> None:
        while True:
            begun = time.thread_time()
            with engine.begin() as conn:
                some = rollups.count(conn)
            slices.append(time.thread_time() - begun)
            if not some:
                return

    _, counting = cost(count_all)
    median = sorted(slices)[len(slices) // 2]
    tell(f"counting {EPISODES:,} episodes once: {counting / EPISODES * 1e6:.0f} us each")
    tell(f"a slice of {rollups.SLICE}: {median * 1e3:.1f} ms, longest {max(slices) * 1e3:.1f} ms")
    begin = rollups.day_of(now - DAYS * 86400) * rollups.DAY

    def exactly() -> dict[str, Any]:
        with engine.connect() as conn:
            texts = {phase: EXACT.format(phase=phase, since=begin) for phase in PHASES}
            return {phase: conn.exec_driver_sql(text).all() for phase, text in texts.items()}

    exact, dear = cost(exactly)
    for by in ("class", "worker"):

        async def ask(pool: Any, by: str = by) -> Any:
            statistics = Statistics(reactor, Reader(pool), Settings)
            begun = time.process_time()
            answer = await statistics.ask(StatsQuery(now - DAYS * 86400, by))
            return answer, time.process_time() - begun

        answer, seconds = database.run(ask)
        tell(
            f"/stats of {DAYS} days, by {by}: {seconds * 1e3:.1f} ms; the exact query {dear:.2f} s: "
            f"{dear / seconds:.0f} x"
        )
        assert not answer.meta.truncated
        assert answer.meta.episodes == EPISODES
        if by == "class":
            assert dear / seconds > 2
            off = [
                abs(told / true - 1)
                for phase in PHASES
                for (name, _, p50, p99) in exact[phase]
                for row in answer.stats
                if (row.class_, f"{row.phase}_s") == (name, phase)
                for told, true in ((row.p50, p50), (row.p99, p99))
            ]
            tell(f"p50 and p99 off by {max(off) * 100:.2f} % at most, of {len(off)}")
            assert max(off) < 0.02
    with engine.connect() as conn:
        many = conn.execute(sa.select(sa.func.count()).select_from(schema.rollups)).scalar()
        size = conn.exec_driver_sql("SELECT sum(length(data)) FROM lifecycle_rollups").scalar()
    tell(f"rollups: {many:,} rows, {size / many:.0f} bytes each")
    with engine.begin() as conn:
        _, seconds = cost(lambda: tidy.old_episodes(conn, now - 10 * 86400, 500))
    tell(f"deleting 500 old episodes: {seconds * 1e3:.1f} ms")
