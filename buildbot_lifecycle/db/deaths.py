"""Closing what a master's earlier incarnations left open.

A process that was killed wrote no end: its workers stand in the database as they stood at its last
write. The next one of the same master closes them, honestly, as unknown, with an event in its own log
for each; and what may still run is an orphan from then on. Where several masters share the database,
any that sees another one dead does the same for it at once. Whoever it is claims the dead incarnation by
its end, in the same transaction: so it is done once, however many see it.

Not every end with something open is a death. A clean stop may have released a call that its driver never
ended: the release has said all that there is to say. And where a reconfiguration removed the service, the
master went on without us: nothing is known of what it did then, also not that an instance was left.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Episode, Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.core.states import RESTING, State
from buildbot_lifecycle.core.verdicts.verdict import DIED, UNRECORDED
from buildbot_lifecycle.db import codec, damage, rows, schema
from buildbot_lifecycle.db.upsert import insert_or_ignore, upsert


@dataclasses.dataclass(frozen=True)
class Left:
    """A worker as an earlier incarnation left it; ``at`` is the last sign of life of that one.

    ``how`` is how it ended: ``died``, ``clean`` (the master was stopped) or ``removed`` (by a reconfig).
    """

    incarnation: int
    how: str
    workerid: int
    at: float
    facts: Facts
    episode: int | None


@dataclasses.dataclass(frozen=True)
class Dead:
    """The dead incarnations without an end (number, last sign of life), and the open workers.

    ``silent`` is the one that another master saw silent, with its last heartbeat; None: these are the
    earlier ones of the own master.
    """

    masterid: int
    ended: Sequence[tuple[int, float]]
    workers: Sequence[Left]
    silent: tuple[int, float] | None = None


@dataclasses.dataclass(frozen=True)
class Death:
    """A worker to be closed by the event of number ``seq`` in the current incarnation."""

    left: Left
    seq: int


@dataclasses.dataclass(frozen=True)
class ClosedWorker:
    """A worker that was closed: how its incarnation ended, its event, its facts since, and numbers.

    The numbers are its episode's and its orphan's.

    ``orphan`` is None where nothing can be running, or where an orphan was open already.
    """

    workerid: int
    how: str
    event: Event
    event_id: int
    facts: Facts
    episode: int | None
    orphan: int | None


def find(
    conn: sa.engine.Connection, masterid: int, current: int, now: float, spare: frozenset[int]
) -> Dead:
    """What earlier incarnations of the master left open; reads only."""
    table = schema.incarnations.c
    query = _ENDS.where(table.masterid == masterid, table.id < current)
    older = [row for row in conn.execute(query) if row.id not in spare]
    return _left(conn, masterid, older, sa.column("incarnation") < current, now)


def find_silent(
    conn: sa.engine.Connection, masterid: int, incarnation: int, heartbeat: float
) -> Dead:
    """What another master's incarnation left open, if it has shown no sign of life since; reads only.

    Its times are its own: this master's clock may be another one.
    """
    table = schema.incarnations.c
    query = _ENDS.where(table.id == incarnation, table.ended_at.is_(None), _no_later(heartbeat))
    found = list(conn.execute(query))
    dead = _left(conn, masterid, found, sa.column("incarnation") == incarnation, math.inf)
    return dataclasses.replace(dead, silent=(incarnation, heartbeat))


_ENDS = sa.select(
    schema.incarnations.c.id,
    schema.incarnations.c.heartbeat_at,
    schema.incarnations.c.ended_at,
    schema.incarnations.c.ended_how,
)


def _no_later(heartbeat: float) -> sa.ColumnElement[bool]:
    """No sign of life after this one; a database may round a double."""
    return schema.incarnations.c.heartbeat_at <= heartbeat + 0.001


def _left(
    conn: sa.engine.Connection,
    masterid: int,
    older: Sequence[Any],
    which: sa.ColumnElement[bool],
    now: float,
) -> Dead:
    open_workers = _open_workers(conn, masterid, which)
    open_episodes = _open_episodes(conn, masterid, which)
    signs: dict[int, float] = {}
    hows = {row.id: _how(row.ended_how) for row in older}
    for row in older:
        if row.ended_at is not None:
            signs[row.id] = row.ended_at
        else:
            signs[row.id] = _last_sign(conn, row.id, row.heartbeat_at)
    left = [
        Left(number, hows[number], workerid, min(now, signs[number]), facts, episode)
        for (number, workerid), (facts, episode) in {**open_episodes, **open_workers}.items()
        if number in signs
    ]
    ended = [(row.id, signs[row.id]) for row in older if row.ended_at is None]
    return Dead(masterid, ended, sorted(left, key=lambda each: (each.incarnation, each.workerid)))


def _how(ended_how: str | None) -> str:
    """How an incarnation ended, as `Left` says it: what is no end in order is a death."""
    return ended_how if ended_how in ("clean", "removed") else "died"


_Open = dict[tuple[int, int], tuple[Facts, "int | None"]]


def _open_workers(
    conn: sa.engine.Connection, masterid: int, which: sa.ColumnElement[bool]
) -> _Open:
    """Workers whose current state is of such an incarnation and does not rest."""
    table = schema.workers.c
    query = sa.select(table.incarnation, table.workerid, table.episode, table.data).where(
        table.masterid == masterid, which
    )
    found: _Open = {}
    for row in conn.execute(query):
        try:
            facts = codec.facts_from(row.data)
        except Exception:  # noqa: BLE001  # whatever stands there: the others are closed
            damage.note("workers", row.workerid)
            continue
        if facts.state not in RESTING or facts.calls or facts.abandoned:
            found[row.incarnation, row.workerid] = (facts, row.episode)
    return found


def _open_episodes(
    conn: sa.engine.Connection, masterid: int, which: sa.ColumnElement[bool]
) -> _Open:
    """Open episodes of such incarnations, also of workers that have gone on since."""
    table = schema.episodes.c
    query = (
        sa.select(table.id, table.incarnation, table.workerid, table.data)
        .where(table.ended_at.is_(None), table.masterid == masterid, which)
        .order_by(table.id)
    )
    found: _Open = {}
    for row in conn.execute(query):
        try:
            episode = codec.episode_from(row.data)
            facts = Facts(row.workerid, episode.phases[-1].state, episode=episode)
        except Exception:  # noqa: BLE001  # the same
            damage.note("episodes", row.id)
            continue
        found[row.incarnation, row.workerid] = (facts, row.id)
    return found


def _last_sign(conn: sa.engine.Connection, incarnation: int, heartbeat: float) -> float:
    """When the incarnation was last known to live: its heartbeat or its last event."""
    table = schema.events.c
    query = (
        sa.select(table.at)
        .where(table.incarnation == incarnation)
        .order_by(table.seq.desc())
        .limit(1)
    )
    last = conn.execute(query).scalar()
    return heartbeat if last is None else max(heartbeat, float(last))


def close(
    conn: sa.engine.Connection, dead: Dead, current: int, deaths: Sequence[Death]
) -> list[ClosedWorker]:
    """Write the ends; the caller commits. Writes the same when run again.

    What another master has closed meanwhile is left as that one has written it.
    """
    others = {number for number, at in dead.ended if not _claim(conn, dead, current, number, at)}
    return [
        _close_worker(conn, dead.masterid, current, death)
        for death in deaths
        if death.left.incarnation not in others
    ]


def close_silent(
    conn: sa.engine.Connection, dead: Dead, current: int, deaths: Sequence[Death]
) -> list[ClosedWorker] | None:
    """The same for one that another master saw silent; None if it is somebody else's, or lives."""
    ((number, at),) = dead.ended
    if not _claim(conn, dead, current, number, at):
        return None
    return [_close_worker(conn, dead.masterid, current, death) for death in deaths]


def _claim(conn: sa.engine.Connection, dead: Dead, current: int, number: int, at: float) -> bool:
    """Write the end of an incarnation, unless somebody else has, or it lives; whether it is ours."""
    table = schema.incarnations
    still_open = [table.c.id == number, table.c.ended_at.is_(None)]
    how = "died"
    if dead.silent is not None:
        still_open.append(_no_later(dead.silent[1]))
        how = f"{TOLD_BY}{current}"
    changes = {"ended_at": at, "ended_how": how}
    if conn.execute(table.update().where(*still_open).values(changes)).rowcount:
        return True
    # run again after a commit whose answer was lost, it is ours
    query = sa.select(table.c.ended_how).where(table.c.id == number)
    return bool(conn.execute(query).scalar() == how)


#: How an incarnation ended that another one told dead: before the number of that one.
TOLD_BY = "died:"


def _close_worker(
    conn: sa.engine.Connection, masterid: int, current: int, death: Death
) -> ClosedWorker:
    left = death.left
    event = _event(death)
    step = apply(left.facts, event)
    for episode in step.episodes:
        _end_episode(conn, masterid, left.incarnation, episode)
    row = rows.event_row(event, current, masterid, left.episode)
    insert_or_ignore(conn, schema.events, [row], ("incarnation", "seq"))
    table = schema.events.c
    query = sa.select(table.id).where(table.incarnation == current, table.seq == event.seq)
    event_id = int(conn.execute(query).scalar_one())
    _turn_unknown(conn, masterid, left, step.facts)
    orphan = _open_orphan(conn, masterid, left)
    return ClosedWorker(left.workerid, left.how, event, event_id, step.facts, left.episode, orphan)


def _event(death: Death) -> Event:
    left = death.left
    data: dict[str, Any] = {"incarnation": left.incarnation}
    kind = Kind.MASTER_DIED
    if left.how != "died":
        kind = Kind.RECORDING_ENDED
        calls = [call.call for call in (*left.facts.calls, *left.facts.abandoned)]
        data.update(how=left.how, state=left.facts.state.value, calls=calls, text=_said(left))
    return Event(death.seq, left.at, left.workerid, kind, data)


def _said(left: Left) -> str:
    """What is known of a worker that was open when recording ended in order."""
    state = left.facts.state.value
    if left.how == "removed":
        return f"recording was switched off while the worker was {state}"
    if left.facts.state in RESTING:
        open_calls = sorted({call.call for call in (*left.facts.calls, *left.facts.abandoned)})
        return f"the master was stopped; {' and '.join(open_calls)} had been given up and had not ended"
    return f"the master was stopped while the worker was {state}"


def _end_episode(
    conn: sa.engine.Connection, masterid: int, incarnation: int, episode: Episode
) -> None:
    table = schema.episodes
    conn.execute(
        table.update()
        .where(table.c.incarnation == incarnation, table.c.first_seq == episode.first_seq)
        .values(rows.episode_row(episode, incarnation, masterid))
    )


def _turn_unknown(conn: sa.engine.Connection, masterid: int, left: Left, facts: Facts) -> None:
    """Let the worker's row say unknown, unless a later incarnation has written to it."""
    table = schema.workers
    changes: dict[str, Any] = {**rows.facts_columns(facts, None), "updated_at": left.at}
    if facts.state is State.UNKNOWN:
        changes["verdict"] = (DIED if left.how == "died" else UNRECORDED).as_json()
    conn.execute(
        table.update()
        .where(
            table.c.workerid == left.workerid,
            table.c.masterid == masterid,
            table.c.incarnation == left.incarnation,
        )
        .values(changes)
    )


def _open_orphan(conn: sa.engine.Connection, masterid: int, left: Left) -> int | None:
    """An orphan for an instance that the dead process had, or may have had.

    None if recording was switched off, since the master went on with the worker. At the end of a stop
    only for one that was up: what was released has its entry.
    """
    facts, episode = left.facts, left.facts.episode
    if left.how == "removed" or (left.how == "clean" and facts.state in RESTING):
        return None
    started = episode is not None and (episode.started or episode.connected_at is not None)
    if not (started or facts.instance or facts.calls or facts.abandoned):
        return None
    # with its time: one that was taken for dead, and lived, may die later; that is another death
    token = f"{_token(left.incarnation)}{left.workerid}:{left.at:.3f}"
    table = schema.orphans
    others = sa.select(table.c.id).where(
        table.c.workerid == left.workerid,
        table.c.masterid == masterid,
        table.c.closed_at.is_(None),
        table.c.token != token,
    )
    if left.episode is not None:
        others = others.where(table.c.episode == left.episode)
    if conn.execute(others).first() is not None:
        return None
    instance = facts.instance or (episode.instance if episode is not None else None)
    # without an episode it may be of an earlier start than the last
    place = facts.place if episode is not None else None
    if instance is None:
        instance = _machine(conn, left)
        if instance is not None:
            if _is_told(conn, masterid, left, instance):
                return None
            place = None
    row = {
        "token": token,
        "workerid": left.workerid,
        "masterid": masterid,
        "episode": left.episode,
        "opened_at": left.at,
        "data": {
            "instance": instance,
            "place": place,
            # a stop that did not wait for the worker any more has let go of it, as a release does
            "cause": "crash" if left.how == "died" else "release",
            "why": f"the master's process ended while the worker was {facts.state.value}"
            if left.how == "died"
            else _said(left),
        },
    }
    insert_or_ignore(conn, table, [row], ("token",))
    return int(conn.execute(sa.select(table.c.id).where(table.c.token == token)).scalar_one())


#: The last ends of calls among which that of a machine is looked for.
_LAST_CALLS = 10


def _machine(conn: sa.engine.Connection, left: Left) -> str | None:
    """The machine that the dead process had under the worker: by the last call of it that ended."""
    table = schema.events.c
    query = (
        sa.select(table.data)
        .where(
            table.workerid == left.workerid,
            table.kind == Kind.CALL_ENDED.value,
            table.incarnation == left.incarnation,
        )
        .order_by(table.id.desc())
        .limit(_LAST_CALLS)
    )
    return next((row.data["machine"] for row in conn.execute(query) if "machine" in row.data), None)


def _is_told(conn: sa.engine.Connection, masterid: int, left: Left, machine: str) -> bool:
    """Whether an entry of this death tells of the machine: it has one, and not each of its workers."""
    table = schema.orphans.c
    query = sa.select(table.data, table.workerid).where(
        table.masterid == masterid,
        table.closed_at.is_(None),
        table.token.like(f"{_token(left.incarnation)}%"),
    )
    return any(
        row.data.get("instance") == machine and row.workerid != left.workerid
        for row in conn.execute(query)
    )


def _token(incarnation: int) -> str:
    """How the tokens of the entries begin that were opened for its death."""
    return f"died:{incarnation}:"


def revive(
    conn: sa.engine.Connection,
    masterid: int,
    incarnation: int,
    now: float,
    episodes: Sequence[Mapping[str, Any]],
) -> list[tuple[int, int]]:
    """Let an incarnation that was told dead go on, with its open episodes (rows); the caller commits.

    The entries that were opened for it and are still open: their numbers and workerids.
    """
    table = schema.incarnations
    told = sa.and_(table.c.id == incarnation, table.c.ended_how.like(f"{TOLD_BY}%"))
    lives = {"heartbeat_at": now, "ended_at": None, "ended_how": None}
    conn.execute(table.update().where(told).values(lives))
    if episodes:
        upsert(conn, schema.episodes, list(episodes), ("incarnation", "first_seq"))
    orphans = schema.orphans.c
    query = sa.select(orphans.id, orphans.workerid).where(
        orphans.masterid == masterid,
        orphans.closed_at.is_(None),
        orphans.token.like(f"{_token(incarnation)}%"),
    )
    return [(row.id, row.workerid) for row in conn.execute(query)]
