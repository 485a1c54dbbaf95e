"""The census of one master: asks each cloud once what it has, and joins it with what the master knows.

What it has found stays in memory. Before the first one, the master's knowledge and the ledger are shown.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping
from typing import Any, Protocol

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.clouds.values import Can
from buildbot_lifecycle.core.census import Absence, Held, Look, Open, Picture, Row, Trace, rows
from buildbot_lifecycle.host.pauses import breath
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch import instance

#: Seconds of work in the reactor's thread after which others have their turn.
TURN = 0.003


class Asked(Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def can(self, worker: Any) -> frozenset[Can]: ...

    def mark(self, worker: Any) -> str | None: ...

    def name(self, worker: Any) -> str | None: ...


class Census:
    """What is known of instances: by the last lists, by the master, by the ledger."""

    def __init__(self, clock: Any, logbook: Logbook, entries: Entries, clouds: Asked) -> None:
        self._clock = clock
        self._logbook = logbook
        self._entries = entries
        self._clouds = clouds
        # by place
        self._looks: dict[Hashable, Look] = {}
        self._traces: dict[tuple[Hashable, str], Trace] = {}
        self._absent: dict[int, Absence] = {}
        # of workers, by workerid, and their titles
        self._places: dict[int, Hashable] = {}
        self._titles: dict[Hashable, str] = {}
        #: when the last census ended (epoch seconds); None: there was none
        self.taken: float | None = None
        #: whether one is under way
        self.taking = False

    async def rows(self) -> list[Row]:
        """All instances as of now."""
        picture = await self.picture()
        found, since = [], time.perf_counter()
        joined = rows(self._looks.values(), picture, self._traces, self._absent, self._titles)
        for row in joined:
            if row is not None:
                found.append(row)
            if time.perf_counter() - since > TURN:
                await breath(self._clock)
                since = time.perf_counter()
        return found

    async def picture(self) -> Picture:
        """What the master knows of its workers now, and what is in the ledger."""
        picture, since = Picture(entries=self._open()), time.perf_counter()
        for known in self._logbook.known():
            if not known.gone:
                picture.add(self._held(known))
            if time.perf_counter() - since > TURN:
                await breath(self._clock)
                since = time.perf_counter()
        return picture

    def _held(self, known: Known) -> Held:
        facts, worker = known.facts, known.watched.worker
        episode = facts.episode
        names = [
            facts.instance,
            episode.instance if episode else None,
            instance.name_of(worker),
            self._clouds.name(worker),
        ]
        return Held(
            workerid=known.workerid,
            name=known.name,
            class_name=known.class_name,
            state=facts.state,
            token=id(known),
            names=tuple(dict.fromkeys(name for name in names if name)),
            mark=self._clouds.mark(worker) or known.name,
            life=episode.first_seq if episode else None,
            episode=episode.id if episode else None,
            loose=tuple(call.token for call in facts.abandoned),
            place=self._places.get(known.workerid),
            can_end=Can.END in self._clouds.can(worker),
        )

    def _open(self) -> list[Open]:
        return [_open(number, row) for number, row in self._entries.all()]


def _open(number: int, row: Mapping[str, Any]) -> Open:
    return Open(
        id=number,
        workerid=row["workerid"],
        worker=str(row.get("worker") or ""),
        class_name=row.get("class"),
        instance=row.get("instance"),
        episode=row.get("episode"),
        cause=str(row.get("cause") or ""),
    )
