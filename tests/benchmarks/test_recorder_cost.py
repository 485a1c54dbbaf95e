"""What group commit is worth, and what a page of a long history costs.

    pytest tests/benchmarks/test_recorder_cost.py -m benchmark -rP

prints the figures, on SQLite, which is the slowest and has one thread for all of Buildbot. Asserted
are ratios only, with wide margins: they hold on any machine.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.requests import Filter, HistoryQuery
from buildbot_lifecycle.db import history, migrations, queries, schema
from buildbot_lifecycle.db.recorder import Recorder
from tests.db.conftest import Database, lite  # noqa: F401 - a fixture
from tests.db.play import Seq, Worker
from tests.harness.spin import reactor

pytestmark = pytest.mark.benchmark

#: Rows of the long history.
ROWS = 1_000_000


#: In SQLite's own words, since through Python it takes a minute.
FILL = f"""
INSERT INTO lifecycle_events (incarnation, seq, workerid, masterid, episode, kind, at,
                              from_state, to_state, expected, data)
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS - 1})
SELECT 1, i + 1, i % 500, 1, i / 11 + 1,
       CASE (i / 500) % 4 WHEN 1 THEN 'call_started' WHEN 3 THEN 'attached' ELSE 'transition' END,
       1e9 + i, 'substantiating', 'substantiated', 1, '{{"from":"a","to":"b","expected":true}}'
FROM n
"""


def tell(figures: str) -> None:
    sys.stdout.write(f"{figures}\n")


def rate(database: Database, group: int, lives: int) -> float:
    """Events per second that a recorder writes with groups of at most `group`."""

    async def work(pool: Any) -> float:
        seq = Seq()
        recording = Recorder(pool, reactor, 1, lambda *_: None, next_seq=seq, group=group)
        workers = [Worker(number, seq) for number in range(50)]
        entries = [e for index in range(lives) for e in workers[index % 50].life()]
        began = time.perf_counter()
        recording.start(group)  # any number that the other runs do not have
        for entry in entries:
            recording.put(entry)
        assert await recording.drained(80)
        return len(entries) / (time.perf_counter() - began)

    found: float = database.run(work)
    return found


def test_group_commit_is_many_times_faster_than_a_transaction_for_each_event(
    lite: Database,  # noqa: F811
) -> None:
    singly, together = rate(lite, 1, 20), rate(lite, 500, 1000)
    tell(f"{singly:,.0f} events/s one by one, {together:,.0f} events/s in groups of 500")
    # 20 to 90 times were seen.
    assert together > 4 * singly


def milliseconds(function: Callable[[], Any]) -> float:
    """The median of some runs."""
    taken = []
    for _ in range(15):
        began = time.perf_counter()
        function()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


@pytest.fixture(scope="module")
def long_history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.engine.Engine]:
    """A log of a million events of 500 workers."""
    database = Database("sqlite:///state.sqlite", str(tmp_path_factory.mktemp("long")), None)
    engine = database.engine()
    migrations.migrate(engine)
    with engine.begin() as conn:
        conn.exec_driver_sql(FILL)
    yield engine
    engine.dispose()


def naive(conn: sa.engine.Connection, workerid: int, offset: int) -> list[Any]:
    """The page that a plain loop over the log gives."""
    table = schema.events
    query = sa.select(table.c.id, table.c.kind, table.c.workerid).order_by(table.c.id.desc())
    found = []
    for row in conn.execute(query):
        if row.workerid == workerid and row.kind == "transition":
            found.append(row.id)
            if len(found) == offset + 50:
                break
    return found[offset:]


@pytest.mark.slow
def test_a_page_by_key_costs_the_same_at_any_depth_of_a_million_rows(
    long_history: sa.engine.Engine,
) -> None:
    with long_history.connect() as conn:

        def page(before: int | None) -> list[int]:
            query = HistoryQuery("transitions", workerid=7, before=before, limit=50)
            return [row["id"] for row in queries.history(conn, query).rows]

        middle = naive(conn, 7, 500)[0] + 1
        assert page(middle) == naive(conn, 7, 500)
        first, deep = milliseconds(lambda: page(None)), milliseconds(lambda: page(middle))
        began = time.perf_counter()
        naive(conn, 7, 500)
        loop = (time.perf_counter() - began) * 1000
    tell(
        f"page of 50 of {ROWS:,} rows: first {first:.2f} ms, deep {deep:.2f} ms, "
        f"by a plain loop {loop:.0f} ms"
    )
    assert deep < 10 * first
    assert loop > 10 * deep


@pytest.mark.slow
def test_a_filter_that_no_index_answers_holds_the_thread_for_a_part_of_the_time_only(
    long_history: sa.engine.Engine,
) -> None:
    rare = HistoryQuery("transitions", filters=(Filter("expected", "eq", (False,)),))
    with long_history.connect() as conn:
        one_part = milliseconds(lambda: history.part(conn, rare, 51))
        began = time.perf_counter()
        assert not queries.history(conn, rare).rows
        whole = (time.perf_counter() - began) * 1000
    tell(f"a filter that finds nothing: {whole:.0f} ms in parts of {one_part:.1f} ms")
    assert one_part < whole / 4
