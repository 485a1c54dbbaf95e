"""A master that another one has told dead, and that lives: its process or its network had stood still.

What was written in its name is taken back: its run goes on, its episodes are open, the entries that were
opened for its instances are closed. The log keeps that it was told dead.
"""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.core.requests import Actor
from buildbot_lifecycle.db.rows import episode_row
from buildbot_lifecycle.db.store import Store
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.shapes import events

_NOTE = "another master had not heard of this one and took it for dead; it lives"


class Revival:
    """Of one master; ``desk`` closes entries."""

    def __init__(self, master: Any, store: Store, logbook: Logbook, desk: Any) -> None:
        self._masterid = master.masterid
        self._clock = clocks.of(master.reactor)
        self._store = store
        self._logbook = logbook
        self._desk = desk

    async def __call__(self, incarnation: int, now: float) -> None:
        """Take back what was written. Raises what the database raises; may be repeated."""
        facts = [known.facts for known in self._logbook.known()]
        episodes = [each.episode for each in facts if each.episode is not None]
        reckoning = self._clock.reckoning()
        values = [episode_row(each, incarnation, self._masterid, reckoning) for each in episodes]
        opened = await self._store.revive(self._masterid, incarnation, now, values)
        for orphan, workerid in opened:
            await self._desk.close_orphan(orphan, workerid, Actor("driver", "the master"), _NOTE)
        # any event writes the worker's row anew, and its history says why
        for known in self._logbook.known():
            self._logbook.note(known, events.Step(step=_NOTE))
        log_lines([f"{_NOTE}; what was written in its name is taken back"])
