"""The census as REST answers it."""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.act.census import Census
from buildbot_lifecycle.clouds.ask import Clouds
from buildbot_lifecycle.clouds.values import Can
from buildbot_lifecycle.core.census import Row, why_not_endable
from buildbot_lifecycle.history.walk import Turns
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.shapes.instances import CensusMeta, Instance, Instances


class Directory:
    """Instances of one master, as of now."""

    def __init__(self, master: Any, logbook: Logbook, census: Census, clouds: Clouds) -> None:
        self._master = master
        self._logbook = logbook
        self._census = census
        self._clouds = clouds

    async def answer(self) -> Instances:
        """All of them, with the places that were asked."""
        turns, found = Turns(self._master.reactor), []
        for row in await self._census.rows():
            found.append(self._instance(row))
            await turns()
        return Instances(instances=tuple(found), places=(), meta=self.meta(len(found)))

    async def find(self, ident: str) -> tuple[Row, Instance] | None:
        """The one of this id, as the census has it now."""
        for row in await self._census.rows():
            if row.id(self._master.masterid) == ident:
                return row, self._instance(row)
        return None

    async def of_entry(self, orphan: int) -> Instance | None:
        """The one of an open entry of the ledger."""
        for row in await self._census.rows():
            if row.orphan == orphan:
                return self._instance(row)
        return None

    def meta(self, total: int) -> CensusMeta:
        """When the census was taken, and whether one is under way."""
        return CensusMeta(
            total=total,
            taken=self._census.taken,
            taking=self._census.taking,
            now=self._master.reactor.seconds(),
        )

    def _instance(self, row: Row) -> Instance:
        known = self._logbook.get(row.asker) if row.asker is not None else None
        worker = known.watched.worker if known is not None else None
        can_end = worker is not None and Can.END in self._clouds.can(worker)
        why_not = why_not_endable(row, can_end)
        link = self._clouds.link(worker, row.name) if worker is not None and row.name else None
        return Instance(
            id=row.id(self._master.masterid),
            name=row.name,
            masterid=self._master.masterid,
            workerid=row.workerid,
            worker=row.worker,
            class_=row.class_name,
            place=row.place,
            state=row.state,
            standing=row.standing,
            why=row.why,
            born=row.born,
            kind=row.kind,
            cost=None,
            link=link,
            orphan=row.orphan,
            episode=row.episode,
            seen=row.seen,
            endable=why_not is None,
            why_not=why_not,
        )
