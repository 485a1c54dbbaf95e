"""Proof: entries of the ledger are closed when the cloud itself says that the instance is gone.

Asked are the worker's own `lifecycle_is_gone`, or the adapter of its driver (`clouds`). What is not known
stays open, and the log says why, once for each reason.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet import defer, task
from twisted.python import log

from buildbot_lifecycle.act.audit import Desk
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.clouds.values import OWN, Can, Gone, NotKnown, Why
from buildbot_lifecycle.core.requests import DRIVER
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.master.logbook import Known, Logbook

#: Seconds between two questions about the instance of an open entry.
ASK_EVERY = 30.0


@dataclasses.dataclass(frozen=True)
class Asked:
    """What was answered last about an entry, when, and how often the same was answered in a row."""

    at: float
    answer: Gone
    times: int = 1

    def as_json(self) -> dict[str, Any]:
        """As in REST: ``there``, or ``not_known`` with why."""
        why = text = None
        answer = "gone" if self.answer is True else "there"
        if isinstance(self.answer, NotKnown):
            answer, why, text = "not_known", self.answer.why.value, self.answer.text
        return {"asked": self.at, "answer": answer, "why": why, "text": text}


class Cloud(Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def can(self, worker: Any) -> frozenset[Can]: ...

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]: ...

    def place(self, worker: Any, name: str | None) -> defer.Deferred[str | NotKnown]: ...


class Proof:
    """Asks about the open entries of one master's workers."""

    def __init__(
        self, clock: Any, logbook: Logbook, desk: Desk, entries: Entries, clouds: Cloud
    ) -> None:
        self._clock = clock
        self._logbook = logbook
        self._desk = desk
        self._entries = entries
        self._clouds = clouds
        self._asking: set[int] = set()
        # by the number of the entry: what was answered last
        self._last: dict[int, Asked] = {}
        self._loop = task.LoopingCall(self.ask)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin to ask from time to time."""
        self._loop.start(ASK_EVERY, now=False).addErrback(log_error, "lifecycle: asking clouds")

    def stop(self) -> None:
        """Ask no more."""
        if self._loop.running:
            self._loop.stop()

    def forget(self, orphan: int) -> None:
        """An entry was closed."""
        self._last.pop(orphan, None)

    def ask(self) -> None:
        """Ask about each open entry of which somebody can tell."""
        for known in self._logbook.known():
            if not known.facts.orphans or Can.GONE not in self._clouds.can(known.watched.worker):
                continue
            for orphan in known.facts.orphans:
                if orphan.id not in self._asking:
                    self._asking.add(orphan.id)
                    asked = defer.ensureDeferred(self._ask_one(known, orphan.id))
                    asked.addErrback(lambda _: self._logbook.failed("asking whether it is gone"))
                    asked.addBoth(self._asked, orphan.id)

    def _asked(self, _: object, orphan: int) -> None:
        self._asking.discard(orphan)

    async def _ask_one(self, known: Known, orphan: int) -> None:
        entry = self._entries.of(known.workerid).get(orphan)
        if entry is None:
            return
        answer = await self._answer(known, entry)
        if orphan not in self._entries.of(known.workerid):
            return  # closed meanwhile
        if answer is True:
            note = "the driver says that the instance is gone"
            await self._desk.close_orphan(orphan, known.workerid, DRIVER, note)
            return
        self._tell(known, orphan, entry.get("instance"), answer)

    def last(self, orphan: int) -> Asked | None:
        """What was answered last about an open entry; None: it was not asked yet, or nobody can tell."""
        return self._last.get(orphan)

    async def _answer(self, known: Known, entry: Mapping[str, Any]) -> Gone:
        out_of_reach = await self.out_of_reach(known, entry)
        if out_of_reach is not None:
            return out_of_reach
        return await self._clouds.gone(known.watched.worker, entry.get("instance"))

    async def out_of_reach(self, known: Known, entry: Mapping[str, Any]) -> NotKnown | None:
        """Why the worker is not to be asked about an entry; None if it reaches its cloud.

        Only the cloud in which the instance was made can say that it is gone.
        """
        worker, instance, made = known.watched.worker, entry.get("instance"), entry.get("place")
        class_name = entry.get("class")
        if class_name not in (None, known.class_name):
            return NotKnown(Why.NOT_CONFIGURED, f"the worker is no {class_name} any more")
        place = await self._clouds.place(worker, instance)
        if isinstance(place, NotKnown):
            return place
        if made is None and place != OWN:
            return NotKnown(Why.UNDECIDED, "it was not recorded in which cloud it was made")
        if (made or OWN) != place:
            return NotKnown(Why.NOT_CONFIGURED, "the worker is configured for another place now")
        return None

    def _tell(self, known: Known, orphan: int, instance: str | None, answer: Gone) -> None:
        now, last = self._clock.seconds(), self._last.get(orphan)
        if last is not None and last.answer == answer:
            self._last[orphan] = Asked(now, answer, last.times + 1)
            return
        self._last[orphan] = Asked(now, answer)
        said = "it is there"
        if isinstance(answer, NotKnown):
            said = f"not known ({answer.why.value}): {answer.text}"
        what = f"its instance {instance}" if instance else "its instance, whose name is not known,"
        text = f"lifecycle: worker {known.name}: is {what} of entry {orphan} gone? {said}"
        log.msg(self._logbook.redact({"text": text})["text"])
