"""What a look of the census has found for the ledger: instances that are nobody's, and names of entries.

Each is written before it is told. `proof` closes the entries when the cloud says that they are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet import defer
from twisted.python import log

from buildbot_lifecycle.act.audit import Desk
from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.census import (
    LOOKS,
    NOBODYS,
    Listed,
    Look,
    Open,
    Picture,
    Trace,
    stands,
)
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Logbook


class Book(Desk, Protocol):
    """Where the ledger is written."""

    def name_orphan(
        self, orphan: int, workerid: int, instance: str, place: str | None
    ) -> defer.Deferred[bool]:
        """Commit what the instance of an open entry is called; False if it was closed."""


class Findings:
    """Writes for one master. ``token`` names this incarnation."""

    def __init__(self, clock: Any, logbook: Logbook, desk: Book, token: str) -> None:
        self._clock = clock
        self._logbook = logbook
        self._desk = desk
        self._token = token
        self._written = 0

    async def write(
        self, look: Look, now: Picture, traces: Mapping[str, Trace], turns: Turns
    ) -> None:
        """Write what this look has found; what cannot be written is found again by the next one."""
        named: dict[int, list[Listed]] = {}
        for name, listed in look.found.items():
            await turns()
            trace = traces[name]
            if trace.unexplained >= LOOKS:
                await self._open(listed, look, now, trace)
            elif listed.mark is not None and now.nameless_of(listed.mark):
                said = stands(listed, look, now, trace)
                entry = now.entry(said.orphan) if said is not None else None
                if entry is not None and entry.instance is None:
                    named.setdefault(entry.id, []).append(listed)
        for number, candidates in named.items():
            entry = now.entry(number)
            if entry is not None and len(candidates) == 1:
                await self._name(entry, candidates[0], look)

    async def _open(self, listed: Listed, look: Look, now: Picture, trace: Trace) -> None:
        found = stands(listed, look, now, trace)
        if found is None or found.standing != NOBODYS or found.orphan is not None:
            return
        workerid = found.workerid if found.workerid is not None else look.asker
        held, asker = now.held(workerid), now.held(look.asker)
        if workerid is None or held is None or asker is None:
            return
        whose = "no worker of this master has it"
        if found.workerid is None:
            whose += f"; asked through {asker.name}"
        self._written += 1
        row = {
            "token": f"{NOBODYS}-{self._token}-{self._written}",
            "workerid": workerid,
            "worker": held.name,
            "class": held.class_name,
            "episode": None,
            "instance": listed.name,
            "place": look.digest,
            "opened_at": self._clock.seconds(),
            "cause": NOBODYS,
            "why": cut(f"{look.title} has listed it twice, and {whose}", MAX_LINE),
        }
        try:
            number = await self._desk.open_orphan(row)
        except Exception as error:
            log_error(error, "lifecycle: while writing an instance that is nobody's")
            return
        self._tell(f"{listed.name} at {look.title} is nobody's: {whose} (entry {number})")

    async def _name(self, entry: Open, listed: Listed, look: Look) -> None:
        """An entry of an instance without a name is about the one that its worker's mark is on."""
        try:
            if await self._desk.name_orphan(entry.id, entry.workerid, listed.name, look.digest):
                self._tell(f"entry {entry.id} of worker {entry.worker} is about {listed.name}")
        except Exception as error:
            log_error(error, "lifecycle: while naming the instance of an entry")

    def _tell(self, text: str) -> None:
        log.msg(self._logbook.redact({"text": f"lifecycle: census: {text}"})["text"])
