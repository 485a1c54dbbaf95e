"""What the master knows of its workers' instances, and the ledger, as values that the census joins."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Protocol

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.clouds.values import Can
from buildbot_lifecycle.core.census import Held, Open, Picture
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch import instance

#: Seconds of work in the reactor's thread after which others have their turn.
TURN = 0.002


class Named(Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def can(self, worker: Any) -> frozenset[Can]: ...

    def mark(self, worker: Any) -> str | None: ...

    def name(self, worker: Any) -> str | None: ...


class Holdings:
    """Draws pictures of one master."""

    def __init__(self, logbook: Logbook, entries: Entries, clouds: Named) -> None:
        self._logbook = logbook
        self._entries = entries
        self._clouds = clouds

    async def picture(self, places: Mapping[Known, Hashable], turns: Turns) -> Picture:
        """As of now. ``places`` are those of worker objects."""
        picture = Picture()
        for number, row in self._entries.all():
            picture.enter(_open(number, row))
            await turns()
        for known in self._logbook.known():
            # meanwhile it may have gone
            if not known.gone:
                picture.add(self._held(known, places.get(known)))
            await turns()
        return picture

    def _held(self, known: Known, place: Hashable) -> Held:
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
            place=place,
        )


def _open(number: int, row: Mapping[str, Any]) -> Open:
    return Open(
        id=number,
        workerid=row["workerid"],
        worker=str(row.get("worker") or ""),
        class_name=row.get("class"),
        instance=row.get("instance"),
        episode=row.get("episode"),
        cause=str(row.get("cause") or ""),
        place=row.get("place"),
    )
