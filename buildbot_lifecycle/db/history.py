"""History by pages: transitions, events, episodes, actions and orphans, newest first.

A page is asked for by key (rows with an id below ``before``), never by offset, so that the
thousandth costs what the first does. A filter that no index answers looks through the history in
parts, each of them short.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from buildbot_lifecycle.core import facts
from buildbot_lifecycle.core.bounds import MAX_PAGE
from buildbot_lifecycle.core.requests import (
    Filter,
    HistoryQuery,
    Page,
    Refusal,
    kind_of_actor,
    kind_of_closer,
)
from buildbot_lifecycle.db import codec, damage, schema
from buildbot_lifecycle.db.filters import MAX_NUMBER, condition
from buildbot_lifecycle.db.plans import Plan, plan
from buildbot_lifecycle.shapes.base import Shape, read
from buildbot_lifecycle.shapes.history import Action, Episode, Event, Orphan, Transition

_S = TypeVar("_S", bound=Shape)

#: Rows looked at in one go, some ten milliseconds: SQLite's one thread serves all of Buildbot.
WINDOW = 50_000

_WORKER = (schema.workers.c.name.label("worker"), schema.workers.c["class"].label("class_name"))


@dataclasses.dataclass(frozen=True)
class Source:
    """One kind of history: its table, the fields to filter by, and how a row is answered."""

    table: sa.Table
    fields: Mapping[str, Any]
    as_shape: Callable[[Any], Shape]
    named: bool = True
    where: tuple[Any, ...] = ()

    def select(self) -> Any:
        """Its rows, with the worker's name and class where REST tells it."""
        if not self.named:
            return sa.select(self.table).where(*self.where)
        of_worker = sa.and_(
            schema.workers.c.workerid == self.table.c.workerid,
            schema.workers.c.masterid == self.table.c.masterid,
        )
        joined = self.table.outerjoin(schema.workers, of_worker)
        return sa.select(self.table, *_WORKER).select_from(joined).where(*self.where)


def _transition(row: Any) -> Transition:
    return Transition(
        id=row.id,
        workerid=row.workerid,
        masterid=row.masterid,
        episode=row.episode,
        from_=row.from_state,
        to=row.to_state,
        at=row.at,
        expected=bool(row.expected),
    )


def _event(row: Any) -> Event:
    return Event(
        id=row.id,
        workerid=row.workerid,
        masterid=row.masterid,
        episode=row.episode,
        kind=row.kind,
        at=row.at,
        data={**row.data},
    )


def _checked(
    row: Any, shape: type[_S], values: Mapping[str, Any], unknown: Mapping[str, Any]
) -> _S:
    """The shape of `values`; a field of another type than it has stands as in `unknown`, and is noted."""
    try:
        return read(shape, values)
    except msgspec.ValidationError:
        damage.note(_TABLES[shape], row.id)
    found = {}
    for field in msgspec.structs.fields(shape):
        value = values[field.encode_name]
        try:
            value = msgspec.convert(value, field.type)
        except msgspec.ValidationError:
            value = unknown.get(field.encode_name, value)
        found[field.name] = value
    return shape(**found)


_TABLES: Mapping[type[Shape], str] = {Episode: "episodes", Action: "actions", Orphan: "orphans"}

_EPISODE: Mapping[str, Any] = {
    "failure": None,
    "instance": None,
    "build": None,
    "phases": (),
    "connected_at": None,
}


def _episode(row: Any) -> Episode:
    nothing = facts.Episode(0, row.workerid, row.started_at, ())
    episode = nothing if row.data == {} else codec.episode_from(row.data)
    kept = {
        "failure": None if episode.failure is None else episode.failure.as_json(),
        "instance": episode.instance,
        "build": episode.build,
        "phases": [phase.as_json() for phase in episode.phases],
        "connected_at": episode.connected_at,
    }
    names = ("id", "workerid", "masterid", "started_at", "ended_at", "outcome", "builds")
    fields = {
        name: getattr(row, name) for name in (*names, "start_s", "connect_s", "up_s", "stop_s")
    }
    return _checked(row, Episode, {**kept, **fields, "worker": _name(row)}, _EPISODE)


#: What a row's JSON does not say, since an older version wrote it or it cannot be read.
_ACTION: Mapping[str, Any] = {
    "reason": "",
    "steps": (),
    "outcome": None,
    "verdict": None,
    "pause": False,
    "override": False,
    "instance": None,
    "orphan": None,
}


def _action(row: Any) -> Action:
    names = ("id", "workerid", "masterid", "episode", "what", "actor", "at", "status")
    fields = {name: getattr(row, name) for name in (*names, "finished_at")}
    kind = {"actor_kind": kind_of_actor(row.what, row.actor)}
    values = {**_ACTION, **kind, **row.data, **fields, "worker": _name(row)}
    return _checked(row, Action, values, {**_ACTION, **kind})


_ORPHAN: Mapping[str, Any] = {
    "times": 1,
    "instance": None,
    "place": None,
    "cause": "release",
    "why": "",
    "closed_by": None,
    "note": None,
    "proof": None,
}


def _orphan(row: Any) -> Orphan:
    names = ("id", "workerid", "masterid", "episode", "opened_at", "closed_at")
    fields = {name: getattr(row, name) for name in names}
    class_name = row.data.get("class") or row.class_name or ""
    found = {**_ORPHAN, **row.data, **fields, "worker": _name(row), "class": class_name}
    if found["closed_by"] is not None:
        found.setdefault("closed_by_kind", kind_of_closer(found["closed_by"]))
    return _checked(row, Orphan, {"closed_by_kind": None, **found}, _ORPHAN)


class _WithoutData:
    """A row whose JSON cannot be read: its columns are known all the same."""

    data: Mapping[str, Any] = {}

    def __init__(self, row: Any) -> None:
        self._row = row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)


def _read(source: Source, row: Any) -> Shape:
    try:
        return source.as_shape(row)
    except Exception:  # noqa: BLE001  # whatever stands there: the others are answered
        damage.note(source.table.name.removeprefix("lifecycle_"), row.id)
        return source.as_shape(_WithoutData(row))


def _name(row: Any) -> str:
    """The worker's name: as it is now, else as it was noted with the row, else its number."""
    return str(row.worker or row.data.get("worker") or row.workerid)


def _columns(table: sa.Table, **more: Any) -> dict[str, Any]:
    """The fields to filter by: all columns but the JSON ones, and `more`."""
    columns = {c.name: c for c in table.c if not isinstance(c.type, schema.Json)}
    return {**columns, **more}


_E, _O = schema.events.c, schema.orphans.c
_TRANSITION_FIELDS = _columns(schema.events, **{"from": _E.from_state, "to": _E.to_state})
_ORPHAN_FIELDS = _columns(
    schema.orphans,
    worker=schema.workers.c.name,
    open=sa.type_coerce(_O.closed_at.is_(None), sa.Boolean),
)

SOURCES: Mapping[str, Source] = {
    "transitions": Source(
        schema.events, _TRANSITION_FIELDS, _transition, False, (_E.kind == "transition",)
    ),
    "events": Source(schema.events, _TRANSITION_FIELDS, _event, False),
    "episodes": Source(
        schema.episodes, _columns(schema.episodes, worker=schema.workers.c.name), _episode
    ),
    "actions": Source(
        schema.actions, _columns(schema.actions, worker=schema.workers.c.name), _action
    ),
    "orphans": Source(schema.orphans, _ORPHAN_FIELDS, _orphan),
}


@dataclasses.dataclass(frozen=True)
class Part:
    """What one short look found; ``resume`` is the id below which to look on, None at the end."""

    rows: list[Shape]
    resume: int | None


def part(conn: sa.engine.Connection, query: HistoryQuery, wanted: int) -> Part:
    """Up to `wanted` rows of `query`, from one look that is short however long the history is.

    With conditions that no index answers it looks at `WINDOW` rows only. Raises `Refusal` for
    a filter that makes no sense.
    """
    source = SOURCES[query.what]
    rows, floor = _look(conn, query, wanted, source.select())
    return Part([_read(source, row) for row in rows], None if len(rows) == wanted else floor)


def ids(
    conn: sa.engine.Connection, query: HistoryQuery, wanted: int
) -> tuple[list[int], int | None]:
    """The ids only of what `part` would find, and where to look on."""
    source = SOURCES[query.what]
    select = source.select().with_only_columns(source.table.c.id)
    rows, floor = _look(conn, query, wanted, select)
    return [row.id for row in rows], None if len(rows) == wanted else floor


def _look(
    conn: sa.engine.Connection, query: HistoryQuery, wanted: int, found: Any
) -> tuple[Sequence[Any], int | None]:
    source = SOURCES[query.what]
    conditions = {each: condition(conn, source.fields, each) for each in query.filters}
    how = plan(conn, source.table, query)
    if how.is_empty:
        return [], None
    for each in how.filters:
        if each is not how.apart:
            known = conditions.get(each)
            found = found.where(condition(conn, source.fields, each) if known is None else known)
    before = MAX_NUMBER if query.before is None else min(query.before, MAX_NUMBER)
    if query.workerid is not None:
        if abs(query.workerid) > MAX_NUMBER:
            return [], None
        found = found.where(source.table.c.workerid == query.workerid)
    number = source.table.c.id
    before, floor = _window(conn, how, number, before)
    found = found.where(number < max(before, -MAX_NUMBER))
    if how.above is not None:
        found = found.where(number > how.above)
    if floor is not None:
        found = found.where(number >= floor)
    found = found.order_by(number.desc()).limit(wanted)
    if how.apart is None:
        return conn.execute(found).all(), floor
    # each value's rows are in order, those of several together would have to be sorted
    rows = [
        row
        for value in dict.fromkeys(how.apart.values)
        for row in conn.execute(found.where(_one_of(conn, source, how.apart, value)))
    ]
    rows.sort(key=lambda row: -row.id)
    return rows[:wanted], floor


def _window(
    conn: sa.engine.Connection, how: Plan, number: Any, before: int
) -> tuple[int, int | None]:
    """Below which number is looked, and from which on; None: to the end, since an index serves it."""
    if how.below is not None:
        before = min(before, how.below)
    if how.is_served:
        return before, None
    # Two queries: for both in one SQLite reads the whole table.
    newest = conn.execute(sa.select(sa.func.max(number))).scalar()
    oldest = conn.execute(sa.select(sa.func.min(number))).scalar()
    before = min(before, (newest or 0) + 1)
    end = max(oldest or 0, how.above or 0)
    return before, before - WINDOW if before - WINDOW > end else None


def _one_of(conn: sa.engine.Connection, source: Source, several: Filter, value: Any) -> Any:
    return condition(conn, source.fields, dataclasses.replace(several, op="eq", values=(value,)))


def size(query: HistoryQuery) -> int:
    """The rows on a page of `query`."""
    return max(1, min(query.limit, MAX_PAGE))


def history(conn: sa.engine.Connection, query: HistoryQuery) -> Page:
    """One page of history as in REST, in one go; see `pages.page` for the reactor's thread."""
    rows: list[Shape] = []
    # One more than asked for tells whether there is a next page.
    wanted = size(query) + 1
    looking: HistoryQuery | None = query
    while looking is not None:
        found = part(conn, looking, wanted - len(rows))
        rows += found.rows
        looking = following(looking, found)
    return Page(rows[: size(query)], len(rows) > size(query))


def following(query: HistoryQuery, found: Part) -> HistoryQuery | None:
    """What is to be looked for after `found`; None when that was all."""
    return None if found.resume is None else dataclasses.replace(query, before=found.resume)


def one(conn: sa.engine.Connection, what: str, number: int) -> Shape | None:
    """One row of history by its id, as in REST; None if there is none."""
    source = SOURCES.get(what)
    if source is None:
        raise Refusal("not_found", f"there are no {what}")
    if abs(number) > MAX_NUMBER:
        return None
    row = conn.execute(source.select().where(source.table.c.id == number)).first()
    return None if row is None else _read(source, row)
