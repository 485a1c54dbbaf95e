"""Reading: the workers as they stand, the incarnations, and the fold of the log that proves them.

Functions of a connection, for ``pool.do``; they answer shapes of the REST contract. What the owning
master alone knows of a worker is null or false in it, and the service says whether that master is up.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Episode, Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.core.states import RESTING, State
from buildbot_lifecycle.core.verdicts.verdict import UNREADABLE
from buildbot_lifecycle.db import codec, damage, schema
from buildbot_lifecycle.db.dismissals import NOT_DISMISSED
from buildbot_lifecycle.db.filters import MAX_NUMBER
from buildbot_lifecycle.db.history import history, one
from buildbot_lifecycle.shapes.base import read
from buildbot_lifecycle.shapes.parts import Building, Pending, Verdict, buildings
from buildbot_lifecycle.shapes.workers import Worker

__all__ = ["facts", "history", "incarnations", "named", "one", "rebuild", "workers"]

_W = schema.workers.c
_RESTING = [state.value for state in RESTING]

# A removed worker is shown for as long as something of it is not over.
_SHOWN = sa.and_(
    sa.or_(_W.removed == sa.false(), _W.state.not_in(_RESTING), _W.pending_call.is_not(None)),
    NOT_DISMISSED,
)

# ``data`` is left out: it repeats the columns and is by far the longest.
_COLUMNS = [column for column in schema.workers.c if column.name != "data"]


#: Workerids that are named in one query: SQLite takes no more than a thousand in its older versions.
_IN_A_QUERY = 500


def _select() -> Any:
    of_master = schema.incarnations.c.id == _W.incarnation
    joined = schema.workers.outerjoin(schema.incarnations, of_master)
    return sa.select(*_COLUMNS, schema.incarnations.c.master).select_from(joined)


def _orphans(conn: sa.engine.Connection) -> dict[tuple[int, int], int]:
    """How many open entries of the ledger each worker has, by workerid and masterid."""
    table = schema.orphans.c
    query = sa.select(table.workerid, table.masterid, sa.func.count()).where(
        table.closed_at.is_(None)
    )
    rows = conn.execute(query.group_by(table.workerid, table.masterid))
    return {(workerid, masterid): count for workerid, masterid, count in rows}


def _worker(row: Any, orphans: Mapping[tuple[int, int], int]) -> Worker:
    pending = None
    if row.pending_call is not None:
        pending = Pending(call=row.pending_call, since=row.pending_since)
    verdict = Verdict.of(UNREADABLE)
    building: tuple[Building, ...] = ()
    try:
        verdict = read(Verdict, row.verdict)
        building = buildings(row.building)
    except Exception:  # noqa: BLE001  # whatever stands there
        damage.note("workers", row.workerid)
    return Worker(
        workerid=row.workerid,
        name=row.name,
        masterid=row.masterid,
        master=row.master or str(row.masterid),
        class_=row._mapping["class"],
        state=row.state,
        state_since=row.state_since,
        connected=row.connected,
        building=building,
        paused=row.paused,
        pause_reason=row.pause_reason,
        episode=row.episode,
        instance=row.instance,
        pending=pending,
        abandoned=None,
        refused=row.refused,
        held=row.held,
        refused_open=None,
        orphans=orphans.get((row.workerid, row.masterid), 0),
        verdict=verdict,
        to_do=None,
        quarantined_until=None,
        last_sign=None,
        forceable=False,
        live=False,
        updated_at=row.updated_at,
    )


def workers(conn: sa.engine.Connection, *, but: int | None = None) -> list[Worker]:
    """Every latent worker of every master, or of all but one; by workerid and masterid."""
    query = _select().where(_SHOWN).order_by(_W.workerid, _W.masterid)
    if but is not None:
        query = query.where(_W.masterid != but)
    orphans = _orphans(conn)
    return [_worker(row, orphans) for row in conn.execute(query)]


def named(
    conn: sa.engine.Connection, id_or_name: int | str, *, but: int | None = None
) -> list[Worker]:
    """The workers of this workerid or name, one of each master that has it, or of all but one."""
    query = _select().where(_SHOWN).order_by(_W.masterid)
    if but is not None:
        query = query.where(_W.masterid != but)
    number = _number(id_or_name)
    found: list[Any] = []
    if number is not None:
        found = list(conn.execute(query.where(_W.workerid == number)))
    if not found and isinstance(id_or_name, str):
        found = list(conn.execute(query.where(_W.name == id_or_name)))
        # MySQL takes texts for equal that differ in spaces at the end.
        found = [row for row in found if row.name == id_or_name]
    orphans = _orphans(conn) if found else {}
    return [_worker(row, orphans) for row in found]


def _number(text: int | str) -> int | None:
    """A workerid, or None for what no database could hold or Python would not even read."""
    if isinstance(text, str) and not re.fullmatch("[0-9]{1,19}", text):
        return None
    return int(text) if abs(int(text)) <= MAX_NUMBER else None


def facts(conn: sa.engine.Connection, masterid: int) -> dict[int, Facts]:
    """What the database knows of each worker of a master, by workerid."""
    query = sa.select(_W.workerid, _W.data).where(_W.masterid == masterid)
    found = {}
    for row in conn.execute(query):
        try:
            found[row.workerid] = codec.facts_from(row.data)
        except Exception:  # noqa: BLE001  # whatever stands there
            damage.note("workers", row.workerid)
            found[row.workerid] = Facts(row.workerid, State.UNKNOWN)
    return found


def last_episodes(
    conn: sa.engine.Connection, masterid: int, workerids: Collection[int]
) -> dict[int, int]:
    """The numbers of the last episodes of these workers of a master, by workerid."""
    table, wanted, found = schema.episodes.c, sorted(set(workerids)), {}
    newest = sa.select(table.workerid, sa.func.max(table.id)).where(table.masterid == masterid)
    for start in range(0, len(wanted), _IN_A_QUERY):
        query = newest.where(table.workerid.in_(wanted[start : start + _IN_A_QUERY]))
        for row in conn.execute(query.group_by(table.workerid)):
            found[row[0]] = row[1]
    return found


def incarnations(
    conn: sa.engine.Connection, masterid: int | None = None, *, running: bool = False
) -> list[dict[str, Any]]:
    """The incarnations, newest first: all columns; with `running`, only those without an end."""
    table = schema.incarnations
    query = sa.select(table).order_by(table.c.id.desc())
    if masterid is not None:
        query = query.where(table.c.masterid == masterid)
    if running:
        query = query.where(table.c.ended_at.is_(None))
    return [dict(row._mapping) for row in conn.execute(query)]


def open_orphans(conn: sa.engine.Connection) -> int:
    """How many entries of the ledger are open; an index knows, however long the ledger is."""
    count = sa.select(sa.func.count()).select_from(schema.orphans)
    return int(conn.execute(count.where(schema.orphans.c.closed_at.is_(None))).scalar_one())


def newest_incarnations(conn: sa.engine.Connection) -> list[dict[str, Any]]:
    """The newest incarnation of each master."""
    table = schema.incarnations
    newest = sa.select(sa.func.max(table.c.id)).group_by(table.c.masterid)
    query = sa.select(table).where(table.c.id.in_(newest)).order_by(table.c.masterid)
    return [dict(row._mapping) for row in conn.execute(query)]


#: Events of one incarnation that tell of the end of another one.
_ENDS = (Kind.MASTER_DIED.value, Kind.RECORDING_ENDED.value)


def rebuild(
    conn: sa.engine.Connection, incarnation: int, workerid: int
) -> tuple[Facts, list[Episode]]:
    """Facts and episodes of a worker in one incarnation, folded from the log alone.

    What was open at its end is closed by an event in another incarnation's log, which names this one.
    Numbers that the database gave (``Episode.id``) are not in the log.
    """
    table = schema.events
    base = sa.select(table).where(table.c.workerid == workerid)
    own = conn.execute(base.where(table.c.incarnation == incarnation).order_by(table.c.seq)).all()
    died = conn.execute(
        base.where(table.c.kind.in_(_ENDS), table.c.incarnation != incarnation).order_by(table.c.id)
    ).all()
    mine = [row for row in own if _of(row, incarnation) == incarnation]
    ends = [row for row in died if _of(row, row.incarnation) == incarnation]
    return _fold(workerid, [*mine, *ends])


def _of(row: Any, own: int) -> Any:
    """The incarnation that an event tells of."""
    return row.data.get("incarnation", own) if row.kind in _ENDS else own


def _fold(workerid: int, log: Iterable[Any]) -> tuple[Facts, list[Episode]]:
    known = Facts(workerid)
    episodes: dict[int, Episode] = {}
    for row in log:
        event = Event(row.seq, row.at, workerid, Kind(row.kind), row.data)
        step = apply(known, event)
        known = step.facts
        episodes.update((episode.first_seq, episode) for episode in step.episodes)
    plain = [dataclasses.replace(episode, id=None) for episode in episodes.values()]
    return known, sorted(plain, key=lambda episode: episode.first_seq)
