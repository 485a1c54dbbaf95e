"""The rows of the census: all instances that are listed, believed in, or in the ledger."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Hashable, Iterable, Iterator, Mapping

from buildbot_lifecycle.core.census.picture import Held, Listed, Look, Open, Picture
from buildbot_lifecycle.core.census.standing import Absence, Standing, Trace, of_state, stands
from buildbot_lifecycle.core.census.words import LOOKS, OWNED, STATES
from buildbot_lifecycle.core.states import State


@dataclasses.dataclass(frozen=True)
class Row:
    """One instance, joined. ``name`` is empty where nobody knows it; ``seen`` when it was listed last."""

    place: str
    name: str
    state: str
    standing: str
    why: str | None = None
    workerid: int | None = None
    worker: str | None = None
    class_name: str | None = None
    born: float | None = None
    kind: str | None = None
    orphan: int | None = None
    episode: int | None = None
    seen: float | None = None
    asker: int | None = None
    #: of its place, as in an entry of the ledger; None: it is not known
    digest: str | None = None
    #: another place has an instance of this name
    shared: bool = False

    def id(self, masterid: int) -> str:
        """The same in every answer, before and after a cloud was asked; safe in an address."""
        what = self.name or f"\0{self.workerid}\0{self.orphan}"
        # what a place is called is known only once it was asked, so the name alone must do where it can
        place = self.place if self.shared else ""
        known = hashlib.sha256(f"{place}\0{what}".encode()).hexdigest()
        return f"{masterid}-{known[:16]}"


class ToldApart:
    """All rows of a census, of which those with the same name have ids that tell their places apart."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        # where the first of each name stands
        self._first: dict[str, int] = {}

    def add(self, row: Row) -> None:
        """One more."""
        first = self._first.setdefault(row.name, len(self.rows)) if row.name else len(self.rows)
        if first < len(self.rows):
            self.rows[first] = dataclasses.replace(self.rows[first], shared=True)
            row = dataclasses.replace(row, shared=True)
        self.rows.append(row)


def why_not_endable(row: Row, can_end: bool) -> str | None:
    """A word for why its end cannot be asked for; None if it can."""
    by_standing = {"up": "healthy", "starting": "starting", "stopping": "stopping"}
    if row.standing in OWNED:
        return by_standing[row.standing]
    if row.standing == "missing":
        return "gone"
    if row.standing == "unknown" and row.why != "call_runs_on":
        return row.why or "unknown"
    if not row.name:
        return "no_name"
    return None if can_end else "not_offered"


def rows(
    looks: Iterable[Look],
    picture: Picture,
    traces: Mapping[Hashable, Mapping[str, Trace]],
    absent: Mapping[int, Absence],
    titles: Mapping[Hashable, str],
) -> Iterator[Row | None]:
    """All instances that are listed, believed in, or in the ledger; None now and then, to take a breath.

    ``titles`` are the places of workers for people, by place; so are ``traces``, and then by name.
    """
    workers: set[int | None] = set()
    entries: set[int | None] = set()
    believed: set[tuple[str, str]] = set()
    for look in looks:
        for row in _of_look(look, picture, traces.get(look.place, {})):
            yield row
            if row is not None:
                entries.add(row.orphan)
                workers.add(row.workerid if row.standing in OWNED else None)
    for held in picture.helds:
        row = None
        if held.busy and held.workerid not in workers:
            row = _believed_row(held, absent.get(held.workerid), picture, titles)
            entries.add(row.orphan)
            # workers of one machine have one instance
            row = None if row.name and (row.place, row.name) in believed else row
            believed.add((row.place, row.name) if row is not None else ("", ""))
        yield row
    for entry in picture.entries:
        known = entry.id in entries
        yield None if known else _entry_row(entry, picture.held(entry.workerid), titles)


def _of_look(look: Look, picture: Picture, traces: Mapping[str, Trace]) -> Iterator[Row | None]:
    for listed in look.found.values():
        trace = traces.get(listed.name, Trace())
        found = stands(listed, look, picture, trace)
        if found is None:
            yield None
            continue
        yield _listed_row(listed, look, found, picture)


def _listed_row(listed: Listed, look: Look, found: Standing, picture: Picture) -> Row:
    held, entry = picture.held(found.workerid), picture.entry(found.orphan)
    asker = picture.held(look.asker)
    owned = found.standing in OWNED
    return Row(
        place=look.title,
        name=listed.name,
        state=listed.state if listed.state in STATES else "unknown",
        standing=found.standing,
        why=found.why,
        workerid=found.workerid,
        worker=held.name if held else entry.worker if entry else None,
        class_name=next((of.class_name for of in (held, entry, asker) if of is not None), None),
        born=listed.born,
        kind=listed.kind,
        orphan=found.orphan,
        episode=held.episode if held and owned else entry.episode if entry else None,
        seen=look.at,
        asker=look.asker,
        digest=look.digest,
    )


def _believed_row(
    held: Held, absence: Absence | None, picture: Picture, titles: Mapping[Hashable, str]
) -> Row:
    """An instance that the master believes in, and no list has."""
    entry = picture.entry_of(*held.names)
    standing = of_state(held.state)
    if (
        absence is not None
        and absence.life == held.life
        and absence.looks >= LOOKS
        and absence.gone
    ):
        standing = "missing" if held.state is State.SUBSTANTIATED else standing
    return Row(
        place=titles.get(held.place, held.class_name),
        name=held.names[0] if held.names else "",
        state="unknown",
        standing=standing,
        workerid=held.workerid,
        worker=held.name,
        class_name=held.class_name,
        orphan=entry.id if entry else None,
        episode=held.episode,
        asker=held.workerid,
    )


def _entry_row(entry: Open, held: Held | None, titles: Mapping[Hashable, str]) -> Row:
    place = titles.get(held.place) if held is not None else None
    return Row(
        place=place or entry.class_name or "",
        name=entry.instance or "",
        state="unknown",
        standing=entry.standing,
        workerid=entry.workerid,
        worker=entry.worker,
        class_name=entry.class_name,
        orphan=entry.id,
        episode=entry.episode,
        asker=entry.workerid if held is not None else None,
    )
