"""What is not told of an earlier life of a worker: which of our pauses it has, and its last release.

Buildbot hands a pause on, over a restart or a reconfiguration, and not its reason, which it loses for
good when the worker attaches. The actions have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from twisted.internet import defer

from buildbot_lifecycle.act import holds
from buildbot_lifecycle.act.audit import event_of
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.requests import FORCE_DISCONNECT, RELEASES, Filter, HistoryQuery
from buildbot_lifecycle.db import pages
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.master.logbook import Known, Logbook

#: The reason that each kind of action gives Buildbot for its pause: `act.steps`, `act.pausing`.
_REASONS = {FORCE_DISCONNECT: "force disconnect", "pause": "pause", "unpause": ""}

#: What the actions are called that tell of a pause, or of a release.
_TELL = tuple({*_REASONS, *RELEASES})

#: Of a worker's last actions, so many are looked at.
_LAST = 20

Row = dict[str, Any]


class HandedOn:
    """Looks for it in the actions of one master's workers."""

    def __init__(
        self, masterid: int, clock: Any, gate: Gate, logbook: Logbook, entries: Entries
    ) -> None:
        self._masterid = masterid
        self._clock = clock
        self._gate = gate
        self._logbook = logbook
        self._entries = entries
        self._ready = False

    def start(self) -> None:
        """The ledger is known: look at the workers that are there, and from now on at those that come."""
        self._ready = True
        for known in self._logbook.known():
            self.came(known)

    def came(self, known: Known, _: Event | None = None) -> None:
        """A worker is known now."""
        if self._ready and (holds.is_nameless(known) or self._entries.of(known.workerid)):
            looked = defer.ensureDeferred(self._look(known))
            looked.addErrback(lambda _: self._logbook.failed("looking for what was handed on"))

    async def _look(self, known: Known) -> None:
        rows = await self._last_actions(known)
        released = next((row for row in rows if _is_release(row)), None)
        paused = next((row for row in rows if _has_paused(row) is not None), None)
        reason = None
        if holds.is_nameless(known) and paused is not None and _has_paused(paused):
            reason = f"{_REASONS[paused['what']]}, action {paused['id']}"
            if not await self._is_last(known, reason):
                reason = None
        if known.gone:
            return
        if released is not None and known.facts.release is None:
            self._tell(known, released)
        # a person may have had it otherwise meanwhile
        if reason is not None and holds.is_nameless(known):
            holds.pause(known, reason)

    async def _last_actions(self, known: Known) -> Sequence[Row]:
        """What was done to the worker by actions that concern its pause, the newest first."""
        query = self._newest("actions", known, Filter("what", "eq", _TELL), _LAST)
        rows: list[Row] = msgspec.to_builtins((await pages.page(self._gate, query)).rows)
        return rows

    async def _is_last(self, known: Known, reason: str) -> bool:
        """Whether no other pause, and no unpause, is known after it. Events are kept for a while only."""
        if await workers.stored_pause_reason(known.watched.worker) not in (None, reason):
            return False
        kinds = Filter("kind", "eq", (Kind.PAUSED.value, Kind.UNPAUSED.value))
        query = self._newest("events", known, kinds, 1)
        found = msgspec.to_builtins((await pages.page(self._gate, query)).rows)
        return not found or found[0]["data"].get("reason") == reason

    def _newest(self, what: str, known: Known, which: Filter, limit: int) -> HistoryQuery:
        filters = (
            Filter("workerid", "eq", (known.workerid,)),
            Filter("masterid", "eq", (self._masterid,)),
            which,
        )
        return HistoryQuery(what, filters=filters, limit=limit)

    def _tell(self, known: Known, row: Row) -> None:
        data = event_of(row["id"], row, since=self._clock.before(row["at"]), found=True)
        self._logbook.note(known, data)


def _is_release(row: Row) -> bool:
    return bool(row["what"] in RELEASES and row["status"] != "refused")


def _has_paused(row: Row) -> bool | None:
    """Whether the action has paused the worker, or ended its pause (false); None: neither."""
    if row["what"] not in _REASONS:
        return None
    done = [step["step"] for step in row["steps"] if step["done"]]
    return True if "pause" in done else False if "unpause" in done else None
