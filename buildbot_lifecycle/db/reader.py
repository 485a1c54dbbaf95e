"""Reading episodes for statistics and for the timeline: by key, in slices that are short.

SQLite has one database thread for the whole of Buildbot, so no function here does work that grows
with the history: each reads a bounded slice and answers where the next one begins. Episodes and
events are numbered in the order in which they were written, which is that of their times but for
clocks of several masters and for an outage of the database; `SLACK_SECONDS` is what is allowed for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from twisted.internet import defer

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.sketch import Rollup
from buildbot_lifecycle.core.statistics import BuildEvent, Key, Life, Who
from buildbot_lifecycle.db import damage, marks, rollups, schema
from buildbot_lifecycle.db.numbers import SLACK_SECONDS, first
from buildbot_lifecycle.db.recorder import Pool

_E = schema.episodes.c
_V = schema.events.c
_W = schema.workers.c

_LIFE = [_E[name] for name in Life._fields]
_BUILD_KINDS = (Kind.BUILD_STARTED.value, Kind.BUILD_FINISHED.value)


class Reader:
    """Slices of what was recorded, each a short piece of work on ``master.db.pool``."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def who(self, after: int, limit: int) -> defer.Deferred[list[Who]]:
        """Every worker that was ever recorded, by workerid, above `after`."""
        return self._pool.do(_who, after, limit)

    def borders(
        self, since: float, until: float | None
    ) -> defer.Deferred[tuple[tuple[int, int | None], tuple[int, int | None]]]:
        """For episodes and for events: the numbers between which those of a time are.

        All of `since` or later are above the first; all of `until` or earlier are below the second,
        which is None for the newest.
        """
        return self._pool.do(_borders, since, until)

    def lives(
        self, above: int, below: int | None, limit: int, worker: Key | None = None
    ) -> defer.Deferred[list[Life]]:
        """Episodes numbered between the two, newest first."""
        return self._pool.do(_lives, above, below, limit, worker)

    def lives_at(
        self, moment: float, below: int | None, workers: Sequence[Key]
    ) -> defer.Deferred[list[Life]]:
        """Of each worker the episode that was open at `moment`, begun before it."""
        return self._pool.do(_lives_at, moment, below, workers)

    def details(self, ids: Sequence[int]) -> defer.Deferred[dict[int, dict[str, Any]]]:
        """Of episodes by number: ``phases`` as [state, since, until], and the ``failure``."""
        return self._pool.do(_details, ids)

    def builds(
        self, kind: str, above: int, below: int | None, limit: int, worker: Key | None = None
    ) -> defer.Deferred[list[BuildEvent]]:
        """Events of builds that were started or finished, newest first."""
        return self._pool.do(_builds, kind, above, below, limit, worker)

    def builds_at(
        self, moment: float, below: int | None, workers: Sequence[Key]
    ) -> defer.Deferred[list[BuildEvent]]:
        """The build_started events of the builds that ran at `moment`."""
        return self._pool.do(_builds_at, moment, below, workers)

    def marks(self, since: float, until: float, limit: int) -> defer.Deferred[list[dict[str, Any]]]:
        """What happened to masters, and what was asked for."""
        return self._pool.do(marks.marks, since, until, limit)

    def counted(
        self, workerids: Sequence[int] | None, first: int, until: int
    ) -> defer.Deferred[dict[tuple[int, int, str], Rollup]]:
        """What was counted of some days; see `db.rollups`."""
        return self._pool.do(rollups.total, workerids, first, until)

    def uncounted(self) -> defer.Deferred[bool]:
        """Whether there are episodes that are over and in no rollup yet."""
        return self._pool.do(rollups.uncounted)

    def newest(
        self, workers: Sequence[Key], per_worker: int
    ) -> defer.Deferred[dict[Key, list[Life]]]:
        """Of each worker the newest episodes that are over, newest last."""
        return self._pool.do(_newest, workers, per_worker)


def _who(conn: sa.engine.Connection, after: int, limit: int) -> list[Who]:
    query = sa.select(_W.workerid, _W.masterid, _W.name, _W["class"]).where(_W.workerid > after)
    rows = conn.execute(query.order_by(_W.workerid, _W.masterid).limit(limit))
    return [Who(*row) for row in rows]


# numbers by time


def _borders(
    conn: sa.engine.Connection, since: float, until: float | None
) -> tuple[tuple[int, int | None], tuple[int, int | None]]:
    def of(column: Any, at: Any) -> tuple[int, int | None]:
        above = first(conn, column, at, since - SLACK_SECONDS) - 1
        if until is None:
            return above, None
        return above, first(conn, column, at, until + SLACK_SECONDS)

    return of(_E.id, _E.started_at), of(_V.id, _V.at)


# episodes


def _between(query: Any, column: Any, above: int, below: int | None) -> Any:
    query = query.where(column > above)
    return query if below is None else query.where(column < below)


def _of(columns: Any, worker: Key) -> Any:
    """That a row is of this worker: its workerid alone may be that of several masters' workers."""
    workerid, masterid = worker
    return sa.and_(columns.workerid == workerid, columns.masterid == masterid)


def _lives(
    conn: sa.engine.Connection, above: int, below: int | None, limit: int, worker: Key | None
) -> list[Life]:
    query = _between(sa.select(*_LIFE), _E.id, above, below)
    if worker is not None:
        query = query.where(_of(_E, worker))
    rows = conn.execute(query.order_by(_E.id.desc()).limit(limit))
    return [Life._make(row) for row in rows]


def _lives_at(
    conn: sa.engine.Connection, moment: float, below: int | None, workers: Sequence[Key]
) -> list[Life]:
    # A worker's episodes follow one another: only the last that began before can be open then.
    other = schema.episodes.alias("other")
    last = sa.select(other.c.id).where(
        other.c.workerid == _W.workerid,
        other.c.masterid == _W.masterid,
        other.c.started_at < moment,
    )
    if below is not None:
        last = last.where(other.c.id < below)
    last = last.order_by(other.c.id.desc()).limit(1)
    query = sa.select(_W.workerid, _W.masterid, last.scalar_subquery())
    query = query.where(_W.workerid.in_({workerid for workerid, _ in workers}))
    wanted = set(workers)
    ids = [
        number
        for workerid, masterid, number in conn.execute(query)
        if number is not None and (workerid, masterid) in wanted
    ]
    still_open = sa.or_(_E.ended_at.is_(None), _E.ended_at >= moment)
    return [
        Life._make(row) for row in conn.execute(sa.select(*_LIFE).where(_E.id.in_(ids), still_open))
    ]


def _newest(
    conn: sa.engine.Connection, workers: Sequence[Key], per_worker: int
) -> dict[Key, list[Life]]:
    found = {}
    query = sa.select(*_LIFE).order_by(_E.id.desc())
    for worker in workers:
        # One more, since the newest may be open.
        rows = conn.execute(query.where(_of(_E, worker)).limit(per_worker + 1))
        lives = [Life._make(row) for row in rows]
        found[worker] = [life for life in lives if life.ended_at is not None][:per_worker][::-1]
    return found


def _details(conn: sa.engine.Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    found = {}
    for row in conn.execute(sa.select(_E.id, _E.data).where(_E.id.in_(ids))):
        data = damage.mapping(row.data)
        try:
            phases = [[p["state"], p["since"], p.get("until")] for p in data.get("phases") or ()]
        except (KeyError, TypeError):
            damage.note("episodes", row.id)
            phases = []
        failure = damage.mapping(data.get("failure"))
        found[row.id] = {"phases": phases, "failure": failure if "error" in failure else None}
    return found


# builds


_BUILD = (_V.id, _V.workerid, _V.masterid, _V.episode, _V.kind, _V.at, _V.data)


def _build(row: Any) -> BuildEvent:
    build = damage.mapping(damage.mapping(row.data).get("build"))
    named = (str(build.get("builder") or ""), build.get("number"), build.get("builderid"))
    return BuildEvent(row.id, row.workerid, row.masterid, row.episode, row.kind, row.at, *named)


def _builds(
    conn: sa.engine.Connection,
    kind: str,
    above: int,
    below: int | None,
    limit: int,
    worker: Key | None,
) -> list[BuildEvent]:
    query = _between(sa.select(*_BUILD).where(_V.kind == kind), _V.id, above, below)
    if worker is not None:
        query = query.where(_of(_V, worker))
    return [_build(row) for row in conn.execute(query.order_by(_V.id.desc()).limit(limit))]


#: How far back it is looked for the builds that ran at a moment: a worker runs few at a time.
_BACK = 8


def _builds_at(
    conn: sa.engine.Connection, moment: float, below: int | None, workers: Sequence[Key]
) -> list[BuildEvent]:
    found = []
    for worker in workers:
        events: list[BuildEvent] = []
        for kind in _BUILD_KINDS:
            query = sa.select(*_BUILD).where(_of(_V, worker), _V.kind == kind, _V.at < moment)
            if below is not None:
                query = query.where(_V.id < below)
            rows = conn.execute(query.order_by(_V.id.desc()).limit(_BACK))
            events.extend(_build(row) for row in rows)
        found.extend(_running(events))
    return found


def _running(events: Iterable[BuildEvent]) -> list[BuildEvent]:
    running: dict[Any, BuildEvent] = {}
    for event in sorted(events):
        key = (event.masterid, event.builder)
        running.pop(key, None)
        if event.kind == Kind.BUILD_STARTED.value:
            running[key] = event
    return list(running.values())
