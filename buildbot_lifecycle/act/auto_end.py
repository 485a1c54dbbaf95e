"""Ends by itself what nobody uses: off by default, per worker pattern, bounded, audited as any other.

What is ended goes the way of an operator's end: written first, refused where a worker may use it, and
over when the cloud says that it is gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.act.census import Census
from buildbot_lifecycle.act.ends import Ends
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.proof import Proof
from buildbot_lifecycle.core import auto_ends
from buildbot_lifecycle.core.auto_ends import OLD_LOOK, Proven
from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.census import Row
from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.requests import Actor, EndRequest, Refusal
from buildbot_lifecycle.core.settings import AutoEnd, Settings
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.master.logbook import Logbook

#: Seconds between two looks at what is due; one instance is ended in each.
LOOK_EVERY = 10.0

#: Who did it, in the audit.
ACTOR = Actor("policy", "policy:auto_end")

HOUR = 3600.0

#: Seconds after which an entry that was tried is tried again: its end had no effect, or was refused.
AGAIN = HOUR

#: Seconds between two censuses that are taken since the last one is too old.
CENSUS_EVERY = 60.0


class AutoEnds:
    """Ends instances of one master's ledger, where the configuration says so."""

    def __init__(
        self,
        clock: Any,
        logbook: Logbook,
        entries: Entries,
        proof: Proof,
        census: Census,
        ends: Ends,
        settings: Callable[[], Settings],
        is_behind: Callable[[], bool],
    ) -> None:
        self._clock = clocks.of(clock)
        self._logbook = logbook
        self._entries = entries
        self._proof = proof
        self._census = census
        self._ends = ends
        self._settings = settings
        self._is_behind = is_behind
        # of the whole master, whatever the pattern
        self._done: deque[float] = deque(maxlen=1000)
        # entry -> when it was tried
        self._tried: dict[int, float] = {}
        self._looked_at: float | None = None
        self._told = False
        self._busy = False
        self._loop = task.LoopingCall(self.look)
        self._loop.clock = self._clock

    def start(self) -> None:
        """Begin to look."""
        self._loop.start(LOOK_EVERY, now=False).addErrback(log_error, "lifecycle: auto_end")

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def forget(self, orphan: int) -> None:
        """An entry was closed."""
        self._tried.pop(orphan, None)

    def look(self) -> None:
        """End one instance that is due."""
        if self._busy or not self._may():
            return
        self._busy = True
        looked = defer.ensureDeferred(self._look())
        looked.addErrback(lambda _: self._logbook.failed("looking what is to be ended"))
        looked.addBoth(self._looked)

    def _looked(self, _: object) -> None:
        self._busy = False

    def _may(self) -> bool:
        """A process that was stopped settles first; what cannot be recorded is not done."""
        now = self._clock.seconds()
        settled = now >= self._clock.settles_until + LOOK_EVERY
        return settled and not self._logbook.is_stopping() and not self._is_behind()

    def _rule(self, orphan: int, workerid: int) -> AutoEnd | None:
        """By what an entry is due now; None if it is not."""
        entry = self._entries.of(workerid).get(orphan)
        rule = None if entry is None else self._settings().of(_worker(entry)).auto_end
        if entry is None or rule is None:
            return None
        now, tried = self._clock.seconds(), self._tried.get(orphan)
        if auto_ends.is_young(entry["opened_at"], rule, now):
            return None
        return rule if tried is None or now >= tried + AGAIN else None

    async def _look(self) -> None:
        if not self._settings().ends_by_itself:
            return
        due = [
            (orphan, entry["workerid"])
            for orphan, entry in self._entries.all()
            if self._rule(orphan, entry["workerid"]) is not None
        ]
        if not due:
            return  # the census is not asked for nothing
        is_sole = await self._census.sole()
        rows = auto_ends.by_entry(await self._census.rows())
        is_old = False
        for orphan, workerid in due:
            row = rows.get(orphan)
            if row is None:
                continue
            named = self._entries.of(workerid).get(orphan, {}).get("instance")
            now = self._clock.seconds()
            why = auto_ends.why_not(row, named, self._proven(orphan), now)
            is_old = is_old or why == OLD_LOOK
            if why is None and is_sole(workerid) and await self._consider(row, orphan, workerid):
                return
        if is_old:
            self._look_again()

    def _proven(self, orphan: int) -> Proven:
        last = self._proof.last(orphan)
        if last is None or last.answer is not False:
            return Proven()
        return Proven(last.times, last.at)

    def _look_again(self) -> None:
        """What was nobody's is looked at anew before it is ended."""
        now = self._clock.seconds()
        if self._looked_at is None or now >= self._looked_at + CENSUS_EVERY:
            self._looked_at = now
            self._census.refresh()

    async def _consider(self, row: Row, orphan: int, workerid: int) -> bool:
        """Whether it was tried."""
        # time has passed since it was looked at
        rule = self._rule(orphan, workerid)
        if rule is None or not self._may():
            return False
        now = self._clock.seconds()
        while self._done and self._done[0] <= now - HOUR:
            self._done.popleft()
        if len(self._done) >= rule.per_hour:
            if not self._told:
                log_lines([f"auto_end has ended {len(self._done)} in this hour, and waits"])
            self._told = True
            return False
        self._told = False
        self._tried[orphan] = now
        # before it: an end whose outcome is not known counts
        self._done.append(now)
        try:
            target = self._ends.target(row)
            said = "is nobody's" if row.standing == "nobodys" else "is in the ledger"
            reason = f"{target.name} {said} for {in_words(rule.after)} and more (entry {orphan})"
            request = EndRequest(confirm=target.name, reason=reason[:MAX_LINE])
            await self._ends.end(target, request, ACTOR)
        except Refusal as refusal:
            self._done.pop()
            log_lines([f"auto_end of entry {orphan} was refused: {refusal.text}"])
        return True


def _worker(entry: Mapping[str, Any]) -> str:
    return str(entry.get("worker") or "")
