"""The census as REST answers it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildbot_lifecycle.act.census import Census
from buildbot_lifecycle.act.survey import PlaceAsked
from buildbot_lifecycle.clouds.ask import Clouds
from buildbot_lifecycle.clouds.values import Can
from buildbot_lifecycle.core import money
from buildbot_lifecycle.core.census import Row, why_not_endable
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.shapes.instances import CensusMeta, Instance, Instances, Place, PlaceError


class Directory:
    """Instances of one master, as of now."""

    def __init__(
        self,
        master: Any,
        logbook: Logbook,
        census: Census,
        clouds: Clouds,
        settings: Callable[[], Settings],
    ) -> None:
        self._master = master
        self._logbook = logbook
        self._census = census
        self._clouds = clouds
        self._settings = settings
        self._clock = clocks.of(master.reactor)

    async def answer(self) -> Instances:
        """All of them, with the places that were asked."""
        turns, found = Turns(self._master.reactor), []
        for row in await self._census.rows():
            found.append(self._instance(row))
            await turns()
        places = tuple(map(self._place, self._census.places()))
        return Instances(instances=tuple(found), places=places, meta=self.meta(len(found)))

    def refresh(self) -> CensusMeta:
        """Take a census now, or join the one that runs."""
        self._census.refresh()
        return self.meta(0)

    async def find(self, ident: str) -> tuple[Row, Instance] | None:
        """The one of this id, as the census has it now."""
        turns = Turns(self._master.reactor)
        for row in await self._census.rows():
            if row.id(self._master.masterid) == ident:
                return row, self._instance(row)
            await turns()
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
            taken=self._wall(self._census.taken),
            taking=self._census.taking,
            now=self._clock.wall_now(),
        )

    def _instance(self, row: Row) -> Instance:
        known = self._logbook.get(row.asker) if row.asker is not None else None
        worker = known.watched.worker if known is not None else None
        can_end = worker is not None and Can.END in self._clouds.can(worker)
        why_not = why_not_endable(row, can_end)
        settings, now = self._settings(), self._clock.wall_now()
        link = money.address(settings.instance_url, row.name, row.worker, row.class_name)
        if link is None and worker is not None and row.name:
            link = self._clouds.link(worker, row.name)
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
            cost=money.cost(settings.prices, row.kind, row.class_name, row.born, now),
            link=link,
            orphan=row.orphan,
            episode=row.episode,
            seen=self._wall(row.seen),
            endable=why_not is None,
            why_not=why_not,
        )

    def _place(self, asked: PlaceAsked) -> Place:
        trouble = asked.trouble
        return Place(
            place=asked.title,
            class_=asked.class_name,
            asked=self._wall(asked.at),
            took_s=asked.took,
            count=asked.count,
            error=None if trouble is None else PlaceError(why=trouble.why.value, text=trouble.text),
            can_list=asked.can_list,
        )

    def _wall(self, at: float | None) -> float | None:
        """A time of the census, which is steady, for people."""
        return None if at is None else self._clock.wall(at)
