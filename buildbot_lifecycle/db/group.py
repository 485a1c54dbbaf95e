"""One group of events in one transaction: log, episodes and current state together.

Runs in a thread of Buildbot's database pool, perhaps twice for the same group: the unique keys
(incarnation and seq) make the second time do nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.facts import Episode
from buildbot_lifecycle.core.steady import SAME, Reckoning
from buildbot_lifecycle.core.verdicts.verdict import HEALTHY, Verdict
from buildbot_lifecycle.db import rows, schema
from buildbot_lifecycle.db.entries import Committed, Entry
from buildbot_lifecycle.db.upsert import insert_or_ignore, upsert
from buildbot_lifecycle.shapes.times import by_wall, event_by_wall

#: Keys in one IN list; SQLite before 3.32 takes 999 parameters.
_KEYS = 500


@dataclasses.dataclass(frozen=True)
class Group:
    """What is written together: events in their order, and each worker's latest verdict.

    Their times are steady; what is written has the wall clock's, by ``reckoning``.
    """

    incarnation: int
    masterid: int
    entries: Sequence[Entry]
    verdicts: Mapping[int, Verdict]
    reckoning: Reckoning = SAME


@dataclasses.dataclass(frozen=True)
class Written:
    """The numbers that the database gave: of the events, and of episodes by their first_seq."""

    committed: Sequence[Committed]
    episodes: Mapping[int, int]


def write(conn: sa.engine.Connection, group: Group) -> Written:
    """Write `group`; the caller commits. What is answered has the wall clock's times."""
    group = _by_wall(group)
    episodes = _write_episodes(conn, group)
    owners = {entry.event.seq: _number(_owner(entry), episodes) for entry in group.entries}
    events = [
        rows.event_row(entry.event, group.incarnation, group.masterid, owners[entry.event.seq])
        for entry in group.entries
    ]
    insert_or_ignore(conn, schema.events, events, ("incarnation", "seq"))
    _write_workers(conn, group, episodes)
    ids = _event_ids(conn, group)
    committed = [
        Committed(entry.event, ids[entry.event.seq], owners[entry.event.seq])
        for entry in group.entries
    ]
    return Written(committed, episodes)


def entry_by_wall(entry: Entry, by: Reckoning) -> Entry:
    """An entry that is kept elsewhere than in this process."""
    if by.is_identity:
        return entry
    return dataclasses.replace(
        entry,
        event=event_by_wall(entry.event, by),
        facts=by_wall(entry.facts, by),
        episodes=tuple(by_wall(each, by) for each in entry.episodes),
    )


def _by_wall(group: Group) -> Group:
    by = group.reckoning
    if by.is_identity:
        return group
    # episodes and facts are turned row by row, since durations are counted before it
    entries = [
        dataclasses.replace(entry, event=event_by_wall(entry.event, by)) for entry in group.entries
    ]
    verdicts = {worker: by_wall(verdict, by) for worker, verdict in group.verdicts.items()}
    return dataclasses.replace(group, entries=entries, verdicts=verdicts)


def _owner(entry: Entry) -> int | None:
    """The first_seq of the episode that an event belongs to: the one open after it, else the one
    that it closed."""
    if entry.facts.episode is not None:
        return entry.facts.episode.first_seq
    return entry.episodes[-1].first_seq if entry.episodes else None


def _number(first_seq: int | None, episodes: Mapping[int, int]) -> int | None:
    return None if first_seq is None else episodes[first_seq]


def _write_episodes(conn: sa.engine.Connection, group: Group) -> dict[int, int]:
    """Write the touched episodes as they are at the end of the group; answer all numbers needed."""
    touched: dict[int, Episode] = {}
    wanted: dict[int, Episode] = {}
    for entry in group.entries:
        touched.update((episode.first_seq, episode) for episode in entry.episodes)
        if entry.facts.episode is not None:
            wanted[entry.facts.episode.first_seq] = entry.facts.episode
    _upsert_episodes(conn, group, touched.values())
    # of one that was written before, the number is known
    ids = {
        first_seq: each.id
        for first_seq, each in {**wanted, **touched}.items()
        if each.id is not None
    }
    ids.update(_episode_ids(conn, group.incarnation, {*touched, *wanted} - ids.keys()))
    # An open episode of which we have no row: its first events were dropped while the database was
    # away for too long.
    missing = [episode for first_seq, episode in wanted.items() if first_seq not in ids]
    if missing:
        _upsert_episodes(conn, group, missing)
        ids.update(_episode_ids(conn, group.incarnation, {e.first_seq for e in missing}))
    return ids


def _upsert_episodes(conn: sa.engine.Connection, group: Group, episodes: Iterable[Episode]) -> None:
    values = [
        rows.episode_row(each, group.incarnation, group.masterid, group.reckoning)
        for each in episodes
    ]
    upsert(conn, schema.episodes, values, ("incarnation", "first_seq"))


# As in `upsert`: made once, since to make a statement takes longer than to run it.
_EPISODE_IDS = sa.select(schema.episodes.c.first_seq, schema.episodes.c.id).where(
    schema.episodes.c.incarnation == sa.bindparam("of_incarnation"),
    schema.episodes.c.first_seq.in_(sa.bindparam("wanted", expanding=True)),
)
_EVENT_IDS = sa.select(schema.events.c.seq, schema.events.c.id).where(
    schema.events.c.incarnation == sa.bindparam("of_incarnation"),
    schema.events.c.seq.between(sa.bindparam("first"), sa.bindparam("last")),
)
_VERDICT = (
    schema.workers.update()
    .where(
        schema.workers.c.workerid == sa.bindparam("of_worker"),
        schema.workers.c.masterid == sa.bindparam("of_master"),
    )
    .values(verdict=sa.bindparam("said"))
)


def _episode_ids(conn: sa.engine.Connection, incarnation: int, keys: set[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    ordered = sorted(keys)
    for start in range(0, len(ordered), _KEYS):
        values = {"of_incarnation": incarnation, "wanted": ordered[start : start + _KEYS]}
        found.update((row.first_seq, row.id) for row in conn.execute(_EPISODE_IDS, values))
    return found


def _event_ids(conn: sa.engine.Connection, group: Group) -> dict[int, int]:
    if not group.entries:
        return {}
    seqs = [entry.event.seq for entry in group.entries]
    values = {"of_incarnation": group.incarnation, "first": min(seqs), "last": max(seqs)}
    return {row.seq: row.id for row in conn.execute(_EVENT_IDS, values)}


def _write_workers(conn: sa.engine.Connection, group: Group, episodes: Mapping[int, int]) -> None:
    last = {entry.identity.workerid: entry for entry in group.entries}
    values = []
    # In one order for all masters, so that two of them never wait for each other's rows.
    for workerid in sorted(last):
        entry = last[workerid]
        is_open = entry.facts.episode
        number = None if is_open is None else episodes[is_open.first_seq]
        row = rows.worker_row(
            entry.identity,
            by_wall(entry.facts, group.reckoning),
            incarnation=group.incarnation,
            masterid=group.masterid,
            episode=number,
            at=entry.event.at,
        )
        values.append({**row, "verdict": HEALTHY.as_json()})
    upsert(conn, schema.workers, values, ("workerid", "masterid"), keep=("verdict",))
    begun = {e.identity.workerid for e in group.entries if e.event.kind is Kind.BASELINE}
    # of what stood in the row before, nothing is said of the worker that is found now
    _write_verdicts(conn, group, {**dict.fromkeys(begun, HEALTHY), **group.verdicts})


def _write_verdicts(
    conn: sa.engine.Connection, group: Group, verdicts: Mapping[int, Verdict]
) -> None:
    if not verdicts:
        return
    values: list[dict[str, Any]] = [
        {
            "of_worker": workerid,
            "of_master": group.masterid,
            "said": verdicts[workerid].as_json(),
        }
        for workerid in sorted(verdicts)
    ]
    conn.execute(_VERDICT, values)
