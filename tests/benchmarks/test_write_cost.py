"""What it costs to write: one episode of a quiet master, a burst, and how many bytes they are.

    pytest tests/benchmarks/test_write_cost.py -m benchmark -s

On SQLite; CPU of the process, since the disk's part is everybody's.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.db import migrations, rows, schema
from buildbot_lifecycle.db.entries import Entry
from buildbot_lifecycle.db.group import Group, Written, write
from buildbot_lifecycle.db.recorder import AT_ONCE
from tests.benchmarks.rows import tell
from tests.db.conftest import Database
from tests.db.play import Seq, Worker

pytestmark = pytest.mark.benchmark

LIVES = 2000


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[sa.engine.Engine]:
    database = Database("sqlite:///state.sqlite", str(tmp_path), None)
    engine = database.engine()
    migrations.migrate(engine)
    yield engine
    engine.dispose()


def cpu(doing: Callable[[], Any]) -> float:
    """Seconds of CPU; the least of three."""
    found = []
    for _ in range(3):
        begun = time.process_time()
        doing()
        found.append(time.process_time() - begun)
    return min(found)


def gathered(entries: list[Entry]) -> list[list[Entry]]:
    """As the recorder of a quiet master makes groups of an episode."""
    groups: list[list[Entry]] = [[]]
    for entry in entries:
        groups[-1].append(entry)
        if entry.event.kind in AT_ONCE or entry.facts.episode is None:
            groups.append([])
    return [group for group in groups if group]


class Play:
    """Lives of fifty workers, whose episodes get their numbers as in a master."""

    def __init__(self, conn: sa.engine.Connection, incarnation: int) -> None:
        self.conn, self.incarnation, self.seq = conn, incarnation, Seq()
        self.workers = [Worker(number, self.seq) for number in range(50)]

    def commit(self, entries: list[Entry]) -> Written:
        with self.conn.begin():
            return write(self.conn, Group(self.incarnation, 1, entries, {}))

    def quiet(self, lives: int) -> int:
        """One life after the other, each group committed before the next event; how many events."""
        written = 0
        for number in range(lives):
            worker = self.workers[number % 50]
            ids: dict[int, int] = {}
            for group in gathered(worker.life()):
                known = [_numbered(each, ids) for each in group]
                ids.update(self.commit(known).episodes)
                written += len(group)
        return written


def _numbered(entry: Entry, ids: dict[int, int]) -> Entry:
    """The entry as it is where the database has told the number of its episode."""
    episodes = tuple(dataclasses.replace(e, id=ids.get(e.first_seq)) for e in entry.episodes)
    facts, episode = entry.facts, entry.facts.episode
    if episode is not None:
        number = ids.get(episode.first_seq)
        facts = dataclasses.replace(facts, episode=dataclasses.replace(episode, id=number))
    return dataclasses.replace(entry, facts=facts, episodes=episodes)


def bare(conn: sa.engine.Connection, incarnation: int, many: int) -> None:
    """The least that anybody would do for each event: one row, one commit."""
    insert = sa.insert(schema.events)
    entry = Worker(1, Seq()).begin()[0]
    row = rows.event_row(entry.event, incarnation, 1, None)
    for number in range(many):
        with conn.begin():
            conn.execute(insert, {**row, "seq": number + 1})


def test_an_event_of_a_quiet_master_costs_little_more_than_a_bare_insert(
    engine: sa.engine.Engine,
) -> None:
    with engine.connect() as conn:
        numbers = iter(range(1, 100))
        events = Play(conn, next(numbers)).quiet(100)
        ours = cpu(lambda: Play(conn, next(numbers)).quiet(100)) / events
        theirs = cpu(lambda: bare(conn, next(numbers), events)) / events
    tell(
        "an event of a quiet master until committed, CPU",
        f"{ours * 1e6:.0f} us",
        f"one bare insert and commit {theirs * 1e6:.0f} us",
        ours / theirs,
    )
    assert ours / theirs < 3


def test_a_burst_is_nearly_as_fast_as_the_same_rows_by_executemany(
    engine: sa.engine.Engine,
) -> None:
    with engine.connect() as conn:
        play = Play(conn, 1)
        entries = [e for n in range(LIVES) for e in play.workers[n % 50].life()]
        groups = [entries[at : at + 500] for at in range(0, len(entries), 500)]
        begun = time.process_time()
        for group in groups:
            play.commit(group)
        ours = time.process_time() - begun
        plain = _plain_rows(groups)
        begun = time.process_time()
        for of_events, of_episodes, of_workers in plain:
            with conn.begin():
                conn.execute(sa.insert(schema.events), of_events)
                conn.execute(sa.insert(schema.episodes).prefix_with("OR REPLACE"), of_episodes)
                conn.execute(sa.insert(schema.workers).prefix_with("OR REPLACE"), of_workers)
        theirs = time.process_time() - begun
        size = _bytes(conn)
    many = len(entries)
    tell(
        f"a burst of {many:,} events, CPU",
        f"{many / ours:,.0f} a second",
        f"the same rows by executemany, groups of 500: {many / theirs:,.0f} a second",
        theirs / ours,
    )
    tell("bytes an episode, its events and all indexes included", f"{size:,.0f}", "-")
    assert theirs / ours > 0.4


def _plain_rows(groups: list[list[Entry]]) -> list[Any]:
    """The rows of those groups, made before, as of another run."""
    made = []
    for group in groups:
        touched = {each.first_seq: each for entry in group for each in entry.episodes}
        last = {entry.identity.workerid: entry for entry in group}
        made.append(
            (
                [rows.event_row(entry.event, 2, 1, 1) for entry in group],
                [rows.episode_row(each, 2, 1) for each in touched.values()],
                [
                    {
                        **rows.worker_row(
                            each.identity, each.facts, incarnation=2, masterid=2, episode=1, at=1.0
                        ),
                        "verdict": {},
                    }
                    for each in last.values()
                ],
            )
        )
    return made


def _bytes(conn: sa.engine.Connection) -> float:
    """Of the pages of our tables and their indexes, for each of the episodes of both runs."""
    pages = conn.exec_driver_sql("PRAGMA page_count").scalar_one()
    page = conn.exec_driver_sql("PRAGMA page_size").scalar_one()
    return float(pages * page) / (2 * LIVES)
