"""Asks the service what there is to tell, and what there is to say about it.

Of this master only: each master tells of its own workers.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from typing import Any

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.requests import RELEASES, Actor, Filter, HistoryQuery, Refusal
from buildbot_lifecycle.reporting.memory import Entry, Lag, Memory, Stay
from buildbot_lifecycle.reporting.seen import Look, SeenAction, SeenEntry, SeenStay
from buildbot_lifecycle.reporting.told import Telling

#: Rows that are read at once.
PAGE = 200

#: Things of one kind of which a message tells all that is known; of the others it tells the reason.
WITH_DETAILS = 20

NEXT = {
    "force": "Open the worker's page. Force disconnect shows first what it would do. It does not stop the"
    " instance.",
    "look": "Open the worker's page: it says what Buildbot waits for. There is nothing to release now.",
    "orphan": "Look in the cloud whether the instance still runs. End it there, or on the page Instances;"
    " then resolve the entry with a note.",
    "behind": "Look at the database and at the log of the master. What waits is written when the database"
    " answers again. Until then nothing may be told of workers.",
}

_CLOSED = "closed, and by whom is not known"


class Desk:
    """What a generator asks of one master. Its methods raise `Refusal` while nothing can be asked."""

    def __init__(self, master: Any, answers: Any, is_meant: Callable[[str], bool]) -> None:
        self._answers = answers
        self._masterid = master.masterid
        self._url = master.config.buildbotURL
        self._is_meant = is_meant

    async def last_action(self) -> int:
        """The number of the newest action; 0 if there is none."""
        page = await self._answers.history(HistoryQuery("actions", limit=1))
        return page.rows[0].id if page.rows else 0

    async def look(self, levels: Sequence[str], memory: Memory) -> Look:
        """What there is now, and which actions came after those that were told."""
        actions = await self._actions(memory.done)
        return Look(
            stays=await self._stays(levels),
            actions={
                row.id: SeenAction(
                    row.at,
                    is_over=row.status != "asked" or not self._is_ours(row),
                    is_ours=self._is_ours(row),
                )
                for row in actions
            },
            entries={
                row.id: SeenEntry(row.worker, row.workerid, row.opened_at)
                for row in await self._open_entries()
                if self._is_meant(row.worker)
            },
            behind_since=self.behind_since(),
        )

    def behind_since(self) -> float | None:
        """Since when the oldest event waits to be written; None: none does. Always answered at once."""
        since: float | None = self._answers.meta().behind.since
        return since

    async def _stays(self, levels: Sequence[str]) -> dict[int, SeenStay]:
        roll = await self._answers.roll({"level": lambda level: level in levels}, None)
        found = {}
        for row in (each.value for each in roll.rows):
            if row.masterid == self._masterid and self._is_meant(row.name):
                said = row.verdict
                since = said.since or row.state_since or roll.at
                found[row.workerid] = SeenStay(row.name, said.level, said.code, row.episode, since)
        return found

    def _is_ours(self, row: Any) -> bool:
        is_release = row.what in RELEASES and row.status != "refused"
        return is_release and row.masterid == self._masterid and self._is_meant(row.worker)

    async def _actions(self, after: int) -> Sequence[Any]:
        return await self._all("actions", Filter("id", "gt", (str(after),)))

    async def _open_entries(self) -> Sequence[Any]:
        mine = Filter("masterid", "eq", (str(self._masterid),))
        return await self._all("orphans", mine, Filter("open", "eq", ("true",)))

    async def _all(self, what: str, *filters: Filter) -> Sequence[Any]:
        """All rows: one that is left out would count as told, or as closed."""
        found: list[Any] = []
        before: int | None = None
        while True:
            page = await self._answers.history(
                HistoryQuery(what, before=before, limit=PAGE, filters=filters)
            )
            found += page.rows
            if not page.more or not page.rows:
                return found
            before = page.rows[-1].id

    # What there is to say.

    async def said(self, telling: Telling, now: float) -> dict[str, list[dict[str, Any]]]:
        """A telling in words: what a template is given."""
        return {
            "stuck": [
                await self._of_stuck(workerid, stay, now, is_first=number < WITH_DETAILS)
                for number, (workerid, stay) in enumerate(telling.stuck.items())
            ],
            "resolved": [
                await self._of_resolved(workerid, stay, is_first=number < WITH_DETAILS)
                for number, (workerid, stay) in enumerate(telling.resolved.items())
            ],
            "released": _there([await self._of_release(number) for number in telling.released]),
            "orphans": _there(
                [await self._of_entry(number, e, now) for number, e in telling.opened.items()]
            ),
            "closed": _there(
                [await self._of_entry(number, e, now) for number, e in telling.closed.items()]
            ),
            "behind": [] if telling.behind is None else [self._of_lag(telling.behind, now)],
            "caught_up": []
            if telling.caught_up is None
            else [self._of_lag(telling.caught_up, now)],
        }

    def _of_lag(self, lag: Lag, now: float) -> dict[str, Any]:
        health = self._answers.health()
        return {
            "since": lag.since,
            "lasted": in_words(max(0.0, (lag.over_at or now) - lag.since)),
            "again": lag.told_at is not None,
            "was_told": lag.told_at is not None,
            "error": health.last_error,
            "queued": health.queued,
            "dropped": health.dropped,
            "url": f"{self._url}plugins/lifecycle/api/v1/health",
            "next": NEXT["behind"],
        }

    async def _now(self, workerid: int) -> Any:
        """The worker as it is now; None if this master has it no more."""
        try:
            rows = await self._answers.named(workerid)
        except Refusal:
            return None
        return next((row for row in rows if row.masterid == self._masterid), None)

    async def _of_stuck(
        self, workerid: int, stay: Stay, now: float, *, is_first: bool
    ) -> dict[str, Any]:
        row = await self._now(workerid) if is_first else None
        lasts = in_words(max(0.0, now - stay.since))
        code = stay.code.replace("_", " ")
        pending = None if row is None else row.pending
        return {
            **self._of_worker(workerid, stay.name),
            "level": stay.level,
            "code": stay.code,
            "since": stay.since,
            "again": stay.told_at is not None,
            "reason": f"{code} for {lasts}" if row is None else row.verdict.reason,
            "instance": None if row is None else row.instance,
            "call": None if pending is None else pending.call,
            "where": [] if pending is None else [_frame(frame) for frame in pending.where],
            "next": NEXT["look" if row is not None and not row.forceable else "force"],
        }

    async def _of_resolved(self, workerid: int, stay: Stay, *, is_first: bool) -> dict[str, Any]:
        row = await self._now(workerid) if is_first else None
        over_at = stay.since if stay.over_at is None else stay.over_at
        return {
            **self._of_worker(workerid, stay.name),
            "level": stay.level,
            "code": stay.code,
            "was_told": stay.told_at is not None,
            "lasted": in_words(max(0.0, over_at - stay.since)),
            "reason": stay.code.replace("_", " "),
            "state": None if row is None else row.state.replace("_", " "),
            "now": None if row is None else row.verdict.reason,
        }

    async def _of_release(self, number: int) -> dict[str, Any] | None:
        row = await self._one("actions", number)
        if row is None:
            return None
        status = row.status if row.status != "asked" else "without an outcome so far"
        return {
            **self._of_worker(row.workerid, row.worker),
            "action": number,
            "by": Actor(row.actor_kind, row.actor).words,
            "why": row.reason,
            "status": status,
            "outcome": row.outcome,
            "instance": row.instance,
            "at": row.at,
        }

    async def _one(self, what: str, number: int) -> Any:
        """One row; None if it was deleted since, which must not hold up the others."""
        try:
            return await self._answers.one(what, number)
        except Refusal as refusal:
            if not refusal.code.startswith("no_such"):
                raise
            return None

    async def _of_entry(self, number: int, entry: Entry, now: float) -> dict[str, Any] | None:
        row = await self._one("orphans", number)
        if row is None:
            return None
        by = row.closed_by and Actor(row.closed_by_kind or "user", row.closed_by).words
        return {
            **self._of_worker(entry.workerid, entry.worker),
            "entry": number,
            "instance": row.instance,
            "why": row.why,
            "opened_at": row.opened_at,
            "open_for": in_words(max(0.0, (row.closed_at or now) - row.opened_at)),
            "again": entry.told_at is not None,
            "closed_by": by or _CLOSED,
            "note": row.note,
            "url": f"{self._url}#/lifecycle/orphans?workerid={entry.workerid}"
            f"&masterid={self._masterid}",
            "next": NEXT["orphan"],
        }

    def _of_worker(self, workerid: int, name: str) -> dict[str, Any]:
        url = f"{self._url}#/lifecycle/workers/{workerid}?masterid={self._masterid}"
        return {"workerid": workerid, "worker": name, "url": url}


def _there(found: Sequence[dict[str, Any] | None]) -> list[dict[str, Any]]:
    return [each for each in found if each is not None]


def _frame(frame: Any) -> str:
    return f"{frame.function} ({frame.file}:{frame.line})"


def meant(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Whether a worker of this name is one of those that are told; without patterns all are."""
    return lambda name: not patterns or any(fnmatch.fnmatchcase(name, p) for p in patterns)
