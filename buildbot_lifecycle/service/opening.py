"""What an earlier run of this master left open, read as soon as the database is ready."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from twisted.internet import defer

from buildbot_lifecycle.act.ledger import Ledger
from buildbot_lifecycle.act.open_ends import OpenEnds
from buildbot_lifecycle.core.requests import Filter, HistoryQuery
from buildbot_lifecycle.db import pages
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.db.queries import last_episodes
from buildbot_lifecycle.history.recent import Recent
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.service.carrying import Carrying


class Opening:
    """Reads it once, and hands each thing to the part that goes on with it."""

    def __init__(
        self,
        masterid: int,
        clock: Any,
        gate: Gate,
        logbook: Logbook,
        recent: Recent,
        ledger: Ledger,
        carrying: Carrying,
        open_ends: OpenEnds,
    ) -> None:
        self._masterid = masterid
        self._clock = clock
        self._gate = gate
        self._logbook = logbook
        self._recent = recent
        self._ledger = ledger
        self._carrying = carrying
        self._open_ends = open_ends

    async def read(self) -> None:
        """The last episodes, open entries of the ledger, and actions that have no outcome."""
        filled = defer.ensureDeferred(self._recent.fill())
        filled.addErrback(lambda _: self._logbook.failed("reading the last episodes"))
        found = await pages.every(self._gate, _open_orphans(self._masterid))
        last = await self._last_episodes([entry.workerid for entry in found])
        entries = [self._steady(entry) for entry in msgspec.to_builtins(found)]
        for entry in entries:
            # one without a number may be of the last one
            entry["earlier"] = (entry["episode"] or math.inf) < last.get(entry["workerid"], 0)
        await self._ledger.found(self._clock, entries)
        left = await pages.every(self._gate, _open_actions(self._masterid))
        rows = await self._carrying.not_waiting(msgspec.to_builtins(left))
        await self._open_ends.found([{**row, "at": self._clock.before(row["at"])} for row in rows])

    async def _last_episodes(self, workerids: Sequence[int]) -> Mapping[int, int]:
        """The number of each worker's last episode."""
        if not workerids:
            return {}
        found: Mapping[int, int] = await self._gate.do(last_episodes, self._masterid, workerids)
        return found

    def _steady(self, entry: dict[str, Any]) -> dict[str, Any]:
        """An entry of an earlier run: its clock is believed to have been this one."""
        return {**entry, "opened_at": self._clock.before(entry["opened_at"])}


def _open_orphans(masterid: int) -> HistoryQuery:
    """The open entries of a master's ledger."""
    mine = (Filter("open", "eq", (True,)), Filter("masterid", "eq", (masterid,)))
    return HistoryQuery("orphans", filters=mine)


def _open_actions(masterid: int) -> HistoryQuery:
    """A master's actions that have no outcome."""
    mine = (Filter("status", "eq", ("asked",)), Filter("masterid", "eq", (masterid,)))
    return HistoryQuery("actions", filters=mine)
