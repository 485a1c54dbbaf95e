"""Where actions and orphans are written: the rows, and who is told of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.core.requests import DRIVER, LATE_END, STOP, Actor
from buildbot_lifecycle.core.statistics import Key
from buildbot_lifecycle.db import replay
from buildbot_lifecycle.db.store import Store
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.service.keep import Keep
from buildbot_lifecycle.service.news import News
from buildbot_lifecycle.service.run import Run
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.base import UNSET
from buildbot_lifecycle.shapes.times import row_by_wall

#: What of a row is a time; its verdict's is turned with it.
_TIMES = ("at", "finished_at", "opened_at", "verdict.since")


class DatabaseDesk:
    """Implements `audit.Desk` on the database, for one master. Nothing of it holds a secret."""

    def __init__(
        self,
        master: Any,
        store: Store,
        logbook: Logbook,
        entries: Entries,
        news: News,
        run: Run,
        keep: Keep,
    ) -> None:
        self._clock = clocks.of(master.reactor)
        self._masterid = master.masterid
        self._store = store
        self._logbook = logbook
        self._entries = entries
        self._news = news
        self._run = run
        self._keep = keep
        self._closed: list[Callable[[int], None]] = []
        self._gone: list[Callable[[int, str, str | None], None]] = []

    def on_closed(self, told: Callable[[int], None]) -> None:
        """Call this with the number of each entry that was closed."""
        self._closed.append(told)

    def on_gone(self, told: Callable[[int, str, str | None], None]) -> None:
        """Call this with worker, instance and place of each entry that a proof or a stop has closed."""
        self._gone.append(told)

    def _own(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row as it is stored: the wall clock's times, this master's number, no token, no secrets."""
        told = row_by_wall(row, self._clock.reckoning(), *_TIMES)
        stored = {**self._logbook.redact(told), "masterid": self._masterid}
        del stored["token"]
        stored.pop("first_seq", None)  # of an episode that has no number yet; see `replay`
        return stored

    # what is kept until it is written

    def keep_action(self, row: Mapping[str, Any], changes: Mapping[str, Any] | None) -> None:
        changed = None
        if changes is not None:
            told = row_by_wall(changes, self._clock.reckoning(), *_TIMES)
            changed = self._logbook.redact(told)
        record = replay.action(row["token"], self._own(row), changed)
        self._keep.put(f"action {row['token']}", record)

    def keep_orphan(
        self, row: Mapping[str, Any] | None, token: str, closing: tuple[Actor, str] | None
    ) -> None:
        name = f"orphan {token}"
        if row is None:
            self._keep.drop(name)
            return
        closed = None
        if closing is not None:
            closed = Store.closing(self._clock.wall_now(), *closing)
        first_seq = row.get("first_seq")
        self._keep.put(name, replay.orphan(token, self._own(row), first_seq, closed))

    # actions

    def insert_action(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        if self._run.incarnation is None:
            return defer.fail(RuntimeError("the database is not ready"))
        inserted = self._store.insert_action(row["token"], self._own(row))

        def tell(number: int) -> int:
            self._keep.drop(f"action {row['token']}")
            self._news.tell(row["workerid"], "action", {"id": number, "status": row["status"]})
            return number

        return inserted.addCallback(tell)

    def update_action(self, action_id: int, changes: Mapping[str, Any]) -> defer.Deferred[Any]:
        changed = self._logbook.redact(row_by_wall(changes, self._clock.reckoning(), *_TIMES))
        written = self._store.update_action(action_id, changed)
        return self._keep.during(
            f"changes {action_id}", replay.changes(action_id, changed), written
        )

    # orphans

    def open_orphan(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        known = self._logbook.get(row["workerid"])
        row = {"place": None if known is None else known.facts.place, **row}
        self.keep_orphan(row, row["token"], None)
        opened = self._open(row) if known is None else self._joined(known, row)

        def written(number: int) -> int:
            self.keep_orphan(None, row["token"], None)
            return number

        return opened.addCallback(written)

    def _joined(self, known: Known, row: Mapping[str, Any]) -> defer.Deferred[int]:
        return defer.ensureDeferred(self._open_or_join(known, row))

    async def _open_or_join(self, known: Known, row: Mapping[str, Any]) -> int:
        """One entry for one instance, however often it is told that it may still run."""
        async with known.opening:
            same = self._entries.same(row)
            if same is not None and await self._store.repeat_orphan(*same):
                self._news.tell(known.workerid, "orphan", {"id": same[0]})
                return same[0]
            return await self._open(row)

    def _open(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        opened = self._store.open_orphan(row["token"], self._own(row))

        def tell(number: int) -> int:
            self._entries.opened(number, row)
            data = events.OrphanOpened(
                orphan=number,
                cause=row["cause"],
                why=row["why"],
                instance=row.get("instance") or UNSET,
            )
            self._note(row["workerid"], data)
            self._news.tell(row["workerid"], "orphan", {"id": number})
            return number

        return opened.addCallback(tell)

    def name_orphan(
        self, orphan: int, workerid: int, instance: str, place: str | None
    ) -> defer.Deferred[bool]:
        # as all that is stored: no secrets
        name = self._logbook.redact({"instance": instance})["instance"]
        named = self._store.name_orphan(orphan, name, place)

        def tell(was_open: bool) -> bool:
            if was_open:
                self._entries.named(orphan, workerid, name, place)
                self._news.tell(workerid, "orphan", {"id": orphan})
            return was_open

        return named.addCallback(tell)

    def close_orphan(self, orphan: int, workerid: int, by: Actor, note: str) -> defer.Deferred[Any]:
        now = self._clock.wall_now()
        record = replay.closed(orphan, now, by, note)
        closed = self._store.close_orphan(orphan, now, by, note)
        self._keep.during(f"closed {orphan}", record, closed)

        def tell(was_open: bool) -> bool:
            entry = self._entries.of(workerid).get(orphan)
            self._entries.closed(orphan, workerid)
            for told in self._closed:
                told(orphan)
            if entry is not None and entry.get("instance") and by in (DRIVER, LATE_END, STOP):
                for gone in self._gone:
                    gone(workerid, entry["instance"], entry.get("place"))
            if was_open:
                data = events.OrphanClosed(orphan=orphan, by=by.name, by_kind=by.kind)
                self._note(workerid, data)
            self._news.tell(workerid, "orphan", {"id": orphan})
            return was_open

        return closed.addCallback(tell)

    def close_elsewhere(
        self, orphan: int, which: Key, by: Actor, note: str
    ) -> defer.Deferred[bool]:
        """The same for an entry of another master's worker: a namesake here hears nothing."""
        now = self._clock.wall_now()
        closed = self._store.close_orphan(orphan, now, by, note)
        self._keep.during(f"closed {orphan}", replay.closed(orphan, now, by, note), closed)
        workerid, masterid = which

        def tell(was_open: bool) -> bool:
            self._news.tell(workerid, "orphan", {"id": orphan, "masterid": masterid})
            return was_open

        return closed.addCallback(tell)

    def _note(self, workerid: int, data: events.Data) -> None:
        known = self._logbook.get(workerid)
        if known is not None:
            self._logbook.note(known, data)
