"""A group of events: one transaction, the same when written twice, and true to the log."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.facts import Episode
from buildbot_lifecycle.core.requests import HistoryQuery
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.texts import clean
from buildbot_lifecycle.core.verdicts.verdict import Verdict
from buildbot_lifecycle.db import codec, schema, upsert
from buildbot_lifecycle.db.group import Group, Written, write
from buildbot_lifecycle.db.recorder import Entry
from tests.db import answered as queries
from tests.db.play import NASTY, Seq, Worker

S = State
STUCK = Verdict("stuck", "stop_pending", "stop_instance has not ended", 10.0, 600.0)


def write_group(
    engine: sa.engine.Engine,
    entries: Sequence[Entry],
    verdicts: dict[int, Verdict] | None = None,
    incarnation: int = 1,
) -> Written:
    with engine.begin() as conn:
        return write(conn, Group(incarnation, 1, entries, verdicts or {}))


def dump(engine: sa.engine.Engine) -> dict[str, list[Any]]:
    """Every row of every table."""
    with engine.connect() as conn:
        return {
            name: [
                tuple(row) for row in conn.execute(sa.select(table).order_by(*table.primary_key))
            ]
            for name, table in schema.metadata.tables.items()
        }


def rows(engine: sa.engine.Engine, what: str, **more: Any) -> list[dict[str, Any]]:
    with engine.connect() as conn:
        return [dict(row) for row in queries.history(conn, HistoryQuery(what, **more)).rows]


def test_a_group_that_is_written_twice_is_written_once(engine: sa.engine.Engine) -> None:
    worker = Worker(7, Seq())
    entries = [*worker.life(), *worker.begin()]
    first = write_group(engine, entries, {7: STUCK})
    before = dump(engine)
    assert write_group(engine, entries, {7: STUCK}) == first
    assert dump(engine) == before


def test_a_group_that_overlaps_what_is_written_adds_only_the_rest(
    engine: sa.engine.Engine,
) -> None:
    entries = Worker(7, Seq()).life()
    write_group(engine, entries[:6])
    write_group(engine, entries[3:])
    found = rows(engine, "events", limit=100)
    assert [row["at"] for row in reversed(found)] == [entry.event.at for entry in entries]


def test_a_group_that_is_rolled_back_leaves_nothing(engine: sa.engine.Engine) -> None:
    before = dump(engine)
    with engine.connect() as conn:
        transaction = conn.begin()
        write(conn, Group(1, 1, Worker(7, Seq()).life(), {7: STUCK}))
        transaction.rollback()
    assert dump(engine) == before


def test_numbers_rise_in_the_order_of_the_events(engine: sa.engine.Engine) -> None:
    seq = Seq()
    workers = [Worker(number, seq) for number in range(20)]
    entries = [entry for worker in workers for entry in worker.life()]
    written = write_group(engine, entries)
    ids = [each.id for each in written.committed]
    assert ids == sorted(ids)
    assert [each.event for each in written.committed] == [entry.event for entry in entries]


def test_the_numbers_told_are_those_of_the_rows(engine: sa.engine.Engine) -> None:
    entries = [*Worker(7, Seq()).life()]
    written = write_group(engine, entries)
    by_id = {row["id"]: row for row in rows(engine, "events", limit=100)}
    for each in written.committed:
        assert by_id[each.id]["at"] == each.event.at
        assert by_id[each.id]["episode"] == each.episode


def test_the_closing_transition_belongs_to_the_episode_that_it_closes(
    engine: sa.engine.Engine,
) -> None:
    entries = Worker(7, Seq()).life()
    written = write_group(engine, entries)
    (number,) = written.episodes.values()
    assert {each.episode for each in written.committed} == {number}


def test_the_transition_that_opens_the_next_episode_belongs_to_the_new_one(
    engine: sa.engine.Engine,
) -> None:
    worker = Worker(7, Seq())
    entries = [
        *worker.begin(),
        worker.to(S.INSUBSTANTIATING),
        worker.to(S.INSUBSTANTIATING_SUBSTANTIATING),
        worker.to(S.SUBSTANTIATING),
    ]
    written = write_group(engine, entries)
    old, new = sorted(written.episodes.values())
    assert [each.episode for each in written.committed[-2:]] == [old, new]
    newest, older = rows(engine, "episodes")
    assert (newest["id"], newest["ended_at"]) == (new, None)
    assert (older["id"], older["ended_at"]) == (old, worker.now)


def test_events_of_an_episode_find_it_across_groups(engine: sa.engine.Engine) -> None:
    worker = Worker(7, Seq())
    first = write_group(engine, worker.begin())
    last = write_group(engine, worker.end())
    assert {each.episode for each in last.committed} == set(first.episodes.values())
    assert [row["outcome"] for row in rows(engine, "episodes")] == ["ok"]


def test_an_event_at_rest_belongs_to_no_episode(engine: sa.engine.Engine) -> None:
    worker = Worker(7, Seq())
    written = write_group(engine, [worker.to(S.SHUT_DOWN)])
    assert [each.episode for each in written.committed] == [None]


def test_an_episode_whose_first_events_are_missing_is_written_all_the_same(
    engine: sa.engine.Engine,
) -> None:
    worker = Worker(7, Seq())
    opening = worker.begin()
    calm = dataclasses.replace(opening[2], episodes=())
    written = write_group(engine, [calm])
    assert written.committed[0].episode == rows(engine, "episodes")[0]["id"]


def test_a_verdict_changes_the_verdict_only_and_a_state_all_but_the_verdict(
    engine: sa.engine.Engine,
) -> None:
    worker = Worker(7, Seq())
    write_group(engine, worker.begin())
    write_group(engine, [], {7: STUCK})
    with engine.connect() as conn:
        row = queries.worker(conn, 7)
    assert row is not None
    assert (row["state"], row["verdict"]) == ("substantiated", STUCK.as_json())
    write_group(engine, [worker.to(S.INSUBSTANTIATING)])
    with engine.connect() as conn:
        row = queries.worker(conn, 7)
    assert row is not None
    assert (row["state"], row["verdict"]) == ("insubstantiating", STUCK.as_json())


def test_a_worker_never_judged_is_healthy(engine: sa.engine.Engine) -> None:
    write_group(engine, Worker(7, Seq()).begin())
    with engine.connect() as conn:
        (row,) = queries.workers(conn)
    assert row["verdict"]["code"] == "healthy"


def test_the_durations_of_a_phase_stand_in_columns(engine: sa.engine.Engine) -> None:
    worker = Worker(7, Seq())
    write_group(engine, worker.life())
    with engine.connect() as conn:
        row = conn.execute(sa.select(schema.episodes)).one()
    # `play` takes an eighth of a second for each event.
    assert (row.start_s, row.connect_s, row.up_s, row.stop_s) == (0.125, 0.125, 0.125, 0.125)


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_texts_come_back_from_every_column(engine: sa.engine.Engine, text: str) -> None:
    text = clean(text)
    worker = Worker(7, Seq(), name=text or "empty")
    token = worker._seq()
    entries = [
        *worker.begin(),
        worker.event(Kind.PAUSED, reason=text),
        worker.event(Kind.CALL_STARTED, call="stop_instance", token=token),
        worker.event(
            Kind.CALL_ENDED,
            call="stop_instance",
            token=token,
            outcome="raised",
            error=text,
            traceback=text,
            instance=text,
        ),
    ]
    write_group(engine, entries, {7: dataclasses.replace(STUCK, reason=text)})
    with engine.connect() as conn:
        row = queries.worker(conn, worker.identity.name)
        known = queries.facts(conn, 1)[7]
    assert row is not None
    assert row["name"] == worker.identity.name
    assert (row["pause_reason"], row["instance"]) == (text, text)
    assert row["verdict"]["reason"] == text
    assert rows(engine, "events")[0]["data"]["traceback"] == text
    failure = rows(engine, "episodes")[0]["failure"]
    assert failure["traceback"] == text
    assert known == worker.facts


def test_names_that_differ_in_case_or_width_are_two(engine: sa.engine.Engine) -> None:
    seq = Seq()
    names = ["worker", "Worker", "w\u00f6rker", "worker "]
    for number, name in enumerate(names):
        write_group(engine, Worker(number, seq, name=name).begin())
    with engine.connect() as conn:
        for number, name in enumerate(names):
            found = queries.worker(conn, name)
            assert found is not None
            assert found["workerid"] == number


def test_times_come_back_to_the_last_bit(engine: sa.engine.Engine) -> None:
    at = 1_795_515_395.123_456_7
    worker = Worker(7, Seq(), at=at)
    (entry,) = [worker.to(S.SUBSTANTIATING)]
    write_group(engine, [entry])
    assert rows(engine, "events")[0]["at"] == entry.event.at
    assert rows(engine, "episodes")[0]["started_at"] == entry.event.at


@pytest.mark.parametrize("seed", range(6))
def test_episodes_and_state_folded_from_the_log_are_those_that_are_stored(
    engine: sa.engine.Engine, seed: int
) -> None:
    dice = random.Random(seed)
    seq = Seq()
    workers = [Worker(number, seq) for number in (7, 8, 9)]
    entries = [dice.choice(workers).anything(dice) for _ in range(300)]
    while entries:
        size = dice.randint(1, 60)
        group, entries = entries[:size], entries[size:]
        write_group(engine, group)
        if dice.random() < 0.3:
            write_group(engine, group)
    with engine.connect() as conn:
        stored = queries.facts(conn, 1)
        for worker in workers:
            number = worker.identity.workerid
            known, episodes = queries.rebuild(conn, 1, number)
            assert known == stored[number] == worker.facts
            assert episodes == stored_episodes(conn, number)


def stored_episodes(conn: sa.engine.Connection, workerid: int) -> list[Episode]:
    table = schema.episodes
    query = sa.select(table).where(table.c.workerid == workerid).order_by(table.c.first_seq)
    found = []
    for row in conn.execute(query):
        episode = codec.episode_from(row.data)
        assert (row.started_at, row.ended_at) == (episode.started_at, episode.ended_at)
        assert (row.outcome, row.builds) == (episode.outcome, episode.builds)
        found.append(dataclasses.replace(episode, id=None))
    return found


def test_a_statement_is_made_once_for_all_groups(engine: sa.engine.Engine) -> None:
    """To make one takes longer than to run it: it was half of what an event cost."""
    worker = Worker(7, Seq())
    write_group(engine, worker.begin())
    made = upsert._updating.cache_info().misses, upsert._ignoring.cache_info().misses
    write_group(engine, worker.end())
    assert made == (upsert._updating.cache_info().misses, upsert._ignoring.cache_info().misses)


def _statements(engine: sa.engine.Engine, entries: Sequence[Entry]) -> list[str]:
    """What is said to the database for a group."""
    said: list[str] = []

    def hear(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement.split(maxsplit=1)[0])

    sa.event.listen(engine, "before_cursor_execute", hear)
    try:
        write_group(engine, entries)
    finally:
        sa.event.remove(engine, "before_cursor_execute", hear)
    return said


def test_of_an_episode_whose_number_is_known_it_is_not_asked_again(
    engine: sa.engine.Engine,
) -> None:
    worker = Worker(7, Seq())
    first, second = worker.to(S.SUBSTANTIATING), worker.to(S.SUBSTANTIATING_STARTING)
    assert _statements(engine, [first]).count("SELECT") == 2
    (number,) = {each.id for each in _episode_rows(engine)}
    known = dataclasses.replace(second.episodes[0], id=number)
    facts = dataclasses.replace(second.facts, episode=known)
    entry = dataclasses.replace(second, facts=facts, episodes=(known,))
    assert _statements(engine, [entry]) == ["INSERT", "INSERT", "INSERT", "SELECT"]
    assert {row["episode"] for row in rows(engine, "events")} == {number}


def _episode_rows(engine: sa.engine.Engine) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(sa.select(schema.episodes.c.id)))
