"""Ends of instances that have no outcome yet: asked of the cloud, and over only when it says "gone".

An end that was taken and is not seen to be gone is followed, also by the next run of the master, which
finds its row again. So no action stays without an outcome in words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from twisted.internet import defer, task

from buildbot_lifecycle.act.audit import Audit, Desk
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.owners import Names, Owners
from buildbot_lifecycle.act.proof import Proof
from buildbot_lifecycle.clouds.values import Can, Gone, NotKnown, Why
from buildbot_lifecycle.core import ends
from buildbot_lifecycle.core.ends import Target
from buildbot_lifecycle.core.ladder import Step
from buildbot_lifecycle.core.requests import DRIVER, Refusal
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import pause
from buildbot_lifecycle.master.logbook import Known, Logbook

#: Seconds for which an answer waits for the cloud to say that it is gone.
ANSWER_SECONDS = 20.0

#: Seconds between two questions in that time, and after it.
LOOK_EVERY, FOLLOW_EVERY = 2.0, 15.0

#: The cloud may have taken it all the same, or can be asked again.
_MAYBE = (Why.TIMEOUT, Why.UNREACHABLE, Why.BUSY, Why.UNDECIDED)


class Cloud(Names, Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def can(self, worker: Any) -> frozenset[Can]: ...

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]: ...

    def end(self, worker: Any, name: str) -> defer.Deferred[bool | NotKnown]: ...

    def place(self, worker: Any, name: str | None) -> defer.Deferred[str | NotKnown]: ...


@dataclasses.dataclass
class OpenEnd:
    """An end without an outcome: the number of its action, and what of it was done."""

    number: int
    target: Target
    asked_at: float
    #: as the worker's history is told of it
    told: Mapping[str, Any]
    steps: list[Step]
    #: its entry of the ledger, as it was then
    entry: Mapping[str, Any] | None = None
    tries: int = 0
    #: the cloud has taken it
    taken: bool = False
    #: the cloud has said no
    refused: bool = False
    #: of an earlier run of the master, which does not ask again what it does not know to be asked
    found: bool = False
    busy: bool = False
    over: bool = False
    #: fires with the action's last row, when there is an outcome
    outcome: defer.Deferred[dict[str, Any]] = dataclasses.field(default_factory=defer.Deferred)
    row: dict[str, Any] = dataclasses.field(default_factory=dict)

    def step(self, name: str, *, done: bool | None, detail: str | None) -> None:
        self.steps = [
            dataclasses.replace(step, done=done, detail=detail) if step.step == name else step
            for step in self.steps
        ]


class OpenEnds:
    """Carries out the ends of one master, and follows them."""

    def __init__(
        self,
        clock: Any,
        logbook: Logbook,
        audit: Audit,
        desk: Desk,
        entries: Entries,
        proof: Proof,
        clouds: Cloud,
        told_gone: Callable[[int, str, str | None], None] = lambda *_: None,
    ) -> None:
        self._clock = clock
        self._logbook = logbook
        self._audit = audit
        self._desk = desk
        self._entries = entries
        self._proof = proof
        self._clouds = clouds
        # the census, of what has no entry as well
        self._told_gone = told_gone
        #: who may use what is to be ended
        self.owners = Owners(clock, logbook, clouds)
        self._open: dict[tuple[int, str], OpenEnd] = {}
        self._loop = task.LoopingCall(self.follow)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin to ask about ends that have no outcome."""
        self._loop.start(FOLLOW_EVERY, now=False).addErrback(log_error, "lifecycle: following ends")

    def stop(self) -> None:
        """Ask no more; the next run finds them again."""
        if self._loop.running:
            self._loop.stop()

    def of(self, target: Target) -> OpenEnd | None:
        """The one of this instance."""
        return self._open.get(target.key)

    def new(
        self, number: int, target: Target, row: Mapping[str, Any], steps: list[Step]
    ) -> OpenEnd:
        """One whose action is written: its number, and its row."""
        entries = self._entries.of(target.workerid)
        entry = None if target.orphan is None else entries.get(target.orphan)
        return OpenEnd(number, target, row["at"], row, steps, row=dict(row), entry=entry)

    async def take(self, begun: OpenEnd) -> None:
        """It is written down, and is carried out now."""
        former = self._open.get(begun.target.key)
        if former is not None:
            text = f"not seen to be gone; it was asked for again by action {begun.number}"
            await self.finish(former, "failed", text)
        self._open[begun.target.key] = begun

    # what is done

    async def carry_out(self, begun: OpenEnd) -> None:
        """Ask the cloud to end it, and look for a while whether it is gone."""
        begun.busy = True
        try:
            await self._ask_to_end(begun)
            until = begun.asked_at + ANSWER_SECONDS
            while not begun.over:
                await self._look(begun)
                if begun.over or self._clock.seconds() + LOOK_EVERY > until:
                    break
                await pause(self._clock, LOOK_EVERY)
            if not begun.over and not begun.taken:
                await self._tell(begun)
        finally:
            begun.busy = False

    async def _ask_to_end(self, begun: OpenEnd) -> None:
        known = self._logbook.get(begun.target.workerid)
        if known is None:
            return
        begun.tries += 1
        out_of_reach = await self._out_of_reach(known, begun)
        said: Any = out_of_reach
        if said is None:
            said = await self._clouds.end(known.watched.worker, begun.target.name)
        if isinstance(said, NotKnown):
            detail = f"{said.why.value}: {said.text}"
            begun.step("end_instance", done=False, detail=detail)
            if out_of_reach is not None or said.why not in _MAYBE:
                # what is gone already is refused too: so the cloud is asked before it is said
                begun.refused = True
                await self._look(begun)
                if not begun.over:
                    outcome = f"the cloud did not take it ({said.why.value})"
                    await self.finish(begun, "failed", outcome)
        else:
            begun.taken = True
            attempt = None if begun.tries == 1 else f"taken at attempt {begun.tries}"
            begun.step("end_instance", done=True, detail=attempt)
            # now: a master that is killed before the proof knows it afterwards
            await self._tell(begun)

    async def _out_of_reach(self, known: Known, begun: OpenEnd) -> NotKnown | None:
        """Why the worker's configuration does not reach the cloud in which the instance was made."""
        target, entry = begun.target, begun.entry
        if target.listed or entry is None:
            # it may be asked much later than it was listed, of who has the name and the number now
            entry = {"instance": target.name, "place": target.place}
        return await self._proof.out_of_reach(known, entry)

    async def _look(self, begun: OpenEnd) -> None:
        """Ask whether it is gone; if it is, the action is over."""
        known = self._logbook.get(begun.target.workerid)
        if known is None or Can.GONE not in self._clouds.can(known.watched.worker):
            return
        answer: Any = await self._out_of_reach(known, begun)
        if answer is None:
            answer = await self._clouds.gone(known.watched.worker, begun.target.name)
        if begun.over:
            return
        if answer is True:
            begun.step("verify_gone", done=True, detail=None)
            await self._close(begun)
            await self._forget(known, begun.target.name)
            await self.finish(begun, "done", self._gone_in_words(begun))
        elif answer is False:
            begun.step("verify_gone", done=False, detail="it is there")
            await self._is_there(begun)
        else:
            begun.step("verify_gone", done=False, detail=f"{answer.why.value}: {answer.text}")

    @staticmethod
    def _gone_in_words(begun: OpenEnd) -> str:
        gone = f"{begun.target.name} is gone"
        if begun.found:
            return f"{gone}; the master's process ended before this was seen"
        return gone if begun.taken else f"{gone}; whether by this action is not known"

    async def _is_there(self, begun: OpenEnd) -> None:
        """The cloud has it still. Who was not heard is asked once more; after a while it is given up."""
        age = self._clock.seconds() - begun.asked_at
        if begun.taken or begun.refused:
            return
        if begun.found:
            text = (
                "it is there: the master's process ended before the cloud was known to have taken it;"
                " end it again"
            )
            await self.finish(begun, "failed", text)
        elif begun.tries and ends.tries_again(begun.tries, age):
            try:
                known = self._logbook.get(begun.target.workerid)
                if known is not None:
                    ends.check(begun.target, await self.owners.of(begun.target, known))
            except Refusal as refusal:
                await self.finish(begun, "failed", f"not asked for again: {refusal.text}")
                return
            await self._ask_to_end(begun)
        else:
            text = f"it is there: the cloud was asked {begun.tries} times, and did not answer"
            await self.finish(begun, "failed", text)

    async def _close(self, begun: OpenEnd) -> None:
        """Close the entries of the ledger that are of this instance."""
        target = begun.target
        note = f"ended by action {begun.number}; the driver says that the instance is gone"
        for number, entry in list(self._entries.of(target.workerid).items()):
            named = entry.get("instance")
            if named == target.name or (named is None and number == target.orphan):
                try:
                    await self._desk.close_orphan(number, target.workerid, DRIVER, note)
                except Exception as error:
                    # the proof closes it by itself, later
                    log_error(error, "lifecycle: while closing an orphan")
        begun.step("close_orphan", done=True, detail=None)

    async def _forget(self, known: Known, name: str) -> None:
        place = await self._clouds.place(known.watched.worker, name)
        if not isinstance(place, NotKnown):
            self._told_gone(known.workerid, name, place)

    async def _tell(self, begun: OpenEnd) -> None:
        """Not over yet: write how far it is."""
        text = "taken by the cloud, and not seen to be gone yet"
        if not begun.taken:
            text = "the cloud has not answered; whether it has taken it is not known"
        await self._write(begun, "asked", text)

    async def finish(self, begun: OpenEnd, status: str, outcome: str) -> None:
        begun.over = True
        key = (begun.target.workerid, begun.target.name)
        if self._open.get(key) is begun:
            del self._open[key]
        await self._write(begun, status, outcome)
        if not begun.outcome.called:
            begun.outcome.callback(begun.row)

    async def _write(self, begun: OpenEnd, status: str, outcome: str) -> None:
        changes = await self._audit.came(begun.number, status, outcome, begun.steps)
        begun.row = {**begun.row, **changes}
        known = self._logbook.get(begun.target.workerid)
        if known is not None:
            self._audit.tell(known, begun.number, {**begun.told, **changes})

    # what is followed

    def follow(self) -> None:
        """Ask about each end that has no outcome."""
        for begun in list(self._open.values()):
            if not begun.busy:
                begun.busy = True
                looked = defer.ensureDeferred(self._follow(begun))
                looked.addErrback(
                    lambda _: self._logbook.failed("following the end of an instance")
                )
                looked.addBoth(self._followed, begun)

    def _followed(self, _: object, begun: OpenEnd) -> None:
        begun.busy = False

    async def _follow(self, begun: OpenEnd) -> None:
        await self._look(begun)
        if not begun.over and self._clock.seconds() > begun.asked_at + ends.GIVEN_UP:
            text = "not seen to be gone within a day; look at the cloud's console"
            await self.finish(begun, "failed", text)

    async def found(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Actions of earlier runs that have no outcome, from the database."""
        for row in rows:
            if row["id"] in self._audit.own:
                continue
            if row["what"] == ends.WHAT and row.get("instance"):
                self._found_end(row)
            else:
                text = "the master's process ended before the outcome was seen"
                await self._audit.came(row["id"], "failed", text, _steps(row))

    def _found_end(self, row: Mapping[str, Any]) -> None:
        name, workerid = str(row["instance"]), row["workerid"]
        orphan = next(
            (n for n, each in self._entries.of(workerid).items() if each.get("instance") == name),
            row.get("orphan"),
        )
        target = Target(name, workerid, row["worker"], orphan, row.get("episode"))
        begun = self.new(row["id"], target, row, _steps(row) or ends.plan(target))
        begun.taken = any(step.step == "end_instance" and step.done for step in begun.steps)
        begun.found = True
        self._open.setdefault(target.key, begun)


def _steps(row: Mapping[str, Any]) -> list[Step]:
    return [Step(**step) for step in row.get("steps") or ()]
