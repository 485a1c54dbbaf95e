"""The census of one master: asks each cloud once what it has, and joins it with what the master knows.

What it has found stays in memory; before the first one, the master's knowledge and the ledger are shown.
What nobody has is written into the ledger, so that a restart does not lose it. Nothing is ended here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet import defer

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.findings import Findings
from buildbot_lifecycle.act.holdings import TURN, Holdings, Named
from buildbot_lifecycle.clouds.values import Can, Gone, Instance, Listing, NotKnown
from buildbot_lifecycle.core.bounds import MAX_NAME
from buildbot_lifecycle.core.census import (
    LOOKS,
    Absence,
    Listed,
    Look,
    Picture,
    Row,
    Trace,
    absences,
    rows,
    same_mark,
    told_apart,
    traced,
)
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Known, Logbook

#: Seconds after the start of a master at which it takes its first census.
FIRST_AFTER = 10.0

#: Seconds after which a look is repeated that found something which two looks must find.
AGAIN_AFTER = 10.0

#: Seconds in which a census is not taken again.
LEAST_BETWEEN = 5.0

#: Places that are asked at a time.
AT_A_TIME = 8


class Asked(Named, Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def scope(self, worker: Any) -> defer.Deferred[Hashable | NotKnown]: ...

    def list(self, worker: Any) -> defer.Deferred[Listing | NotKnown]: ...

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]: ...

    def place(self, worker: Any, name: str | None = None) -> defer.Deferred[str | NotKnown]: ...

    def tells_masters(self, worker: Any) -> bool: ...

    def title(self, worker: Any, scope: Hashable) -> str: ...


@dataclasses.dataclass(frozen=True)
class PlaceAsked:
    """What came of asking one place, or why nobody was asked. Times in epoch seconds."""

    title: str
    class_name: str
    at: float | None = None
    took: float | None = None
    count: int | None = None
    trouble: NotKnown | None = None
    can_list: bool = True


class Census:
    """Takes the census: when asked to, at the start, and every so many seconds (``every``; None: never).

    ``others`` gives the names of the other masters, ``told`` is called with counts after each.
    """

    def __init__(
        self,
        clock: Any,
        logbook: Logbook,
        entries: Entries,
        clouds: Asked,
        findings: Findings,
        name: str,
        others: Callable[[], Awaitable[Collection[str]]],
        every: Callable[[], float | None],
        told: Callable[[Mapping[str, int]], None],
    ) -> None:
        self._clock = clock
        self._logbook = logbook
        self._clouds = clouds
        self._findings = findings
        self._name = name
        self._others = others
        self._every = every
        self._told = told
        self._holdings = Holdings(clock, logbook, entries, clouds)
        # by place
        self._looks: dict[Hashable, Look] = {}
        self._asked: dict[Hashable, PlaceAsked] = {}
        self._titles: dict[Hashable, str] = {}
        # by place and name; by workerid
        self._traces: dict[tuple[Hashable, str], Trace] = {}
        self._absent: dict[int, Absence] = {}
        self._places: dict[int, Hashable] = {}
        self._timer: Any = None
        self._off = True
        #: when the last census ended (epoch seconds); None: there was none
        self.taken: float | None = None
        #: whether one is under way
        self.taking = False

    # when

    def start(self) -> None:
        """The first census is taken soon."""
        self._off = False
        self._next(FIRST_AFTER)

    def stop(self) -> None:
        """Take no more."""
        self._off = True
        self._next(None)

    def changed(self) -> None:
        """Its interval may be another one now."""
        if not self._off and not self.taking and self.taken is not None:
            self._next(self._every())

    def refresh(self) -> None:
        """Take one now; joins the one that runs."""
        if self.taking or self._off or self._logbook.is_stopping():
            return
        if self.taken is not None and 0 <= self._clock.seconds() - self.taken < LEAST_BETWEEN:
            return  # whoever may read may ask for one, as often as they like
        self.taking = True
        self._next(None)
        taken = defer.ensureDeferred(self._take())
        taken.addErrback(lambda _: self._logbook.failed("taking a census"))
        taken.addBoth(self._ended)

    def _ended(self, again: object) -> None:
        self.taking = False
        if not self._off:
            self._next(AGAIN_AFTER if again is True else self._every())

    def _next(self, seconds: float | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if seconds is None else self._clock.callLater(seconds, self.refresh)

    # what is known

    async def rows(self) -> list[Row]:
        """All instances as of now."""
        picture = await self._holdings.picture(self._places)
        found, turns = [], Turns(self._clock, TURN)
        looks = list(self._looks.values())
        for row in rows(looks, picture, self._traces, self._absent, self._titles):
            if row is not None:
                found.append(row)
            await turns()
        return told_apart(found)

    async def find(self, ident: str, masterid: int) -> Row | None:
        """One instance by its id."""
        return next((row for row in await self.rows() if row.id(masterid) == ident), None)

    async def sole(self) -> Callable[[int], bool]:
        """Tells whether what a worker's cloud has by its names is this master's, and no other's."""
        others = await self._others()

        def is_sole(workerid: int) -> bool:
            known = self._logbook.get(workerid)
            if known is None:
                return False
            return self._is_sole(known.watched.worker, self._places.get(workerid), others)

        return is_sole

    def places(self) -> list[PlaceAsked]:
        """Each place, with what came of asking it."""
        return list(self._asked.values())

    # taking it

    async def _take(self) -> bool:
        """Ask all places. Whether it should be taken again soon, since something was seen once only."""
        others = await self._others()
        askers = await self._askers()
        self._forget(askers)
        before = await self._holdings.picture(self._places)
        # places of classes that answer themselves are many and small: looked at together
        own = [scope for scope in askers if _is_own(scope)]
        groups = [[scope] for scope in askers if not _is_own(scope)] + ([own] if own else [])
        turn = defer.DeferredSemaphore(AT_A_TIME)
        looked = [
            defer.ensureDeferred(self._look(group, askers, before, others, turn))
            for group in groups
        ]
        again = False
        for done, result in await defer.DeferredList(looked, consumeErrors=True):
            if done:
                again = again or result
            else:
                self._failed(result)
        self.taken = self._clock.seconds()
        self._told(await self._counts())
        return again

    def _failed(self, failure: Any) -> None:
        try:
            failure.raiseException()
        except Exception:
            self._logbook.failed("looking at a place")

    async def _askers(self) -> dict[Hashable, Known]:
        """For each place a worker whose configuration reaches it. Notes where nobody can be asked."""
        found: dict[Hashable, Known] = {}
        self._places = {}
        mute: dict[Hashable, PlaceAsked] = {}
        turns = Turns(self._clock, TURN)
        for known in self._logbook.known():
            worker = known.watched.worker
            if Can.LIST not in self._clouds.can(worker):
                cannot = PlaceAsked(known.class_name, known.class_name, can_list=False)
                mute.setdefault(("mute", known.class_name), cannot)
                continue
            scope = await self._clouds.scope(worker)
            if isinstance(scope, NotKnown):
                at = self._clock.seconds()
                unknown = PlaceAsked(known.class_name, known.class_name, at=at, trouble=scope)
                mute.setdefault(("unknown", known.class_name, scope.text), unknown)
                continue
            self._places[known.workerid] = scope
            if scope not in found:
                found[scope] = known
                self._titles[scope] = self._clouds.title(worker, scope)
            await turns()
        kept = {scope: asked for scope, asked in self._asked.items() if scope in found}
        self._asked = {**kept, **mute}
        return found

    def _forget(self, askers: Mapping[Hashable, Known]) -> None:
        """Places that no worker reaches any more."""
        for place in [place for place in self._looks if place not in askers]:
            del self._looks[place]
        self._titles = {place: of for place, of in self._titles.items() if place in askers}
        self._traces = {key: of for key, of in self._traces.items() if key[0] in askers}

    async def _look(
        self,
        group: Sequence[Hashable],
        askers: Mapping[Hashable, Known],
        before: Picture,
        others: Collection[str],
        turn: defer.DeferredSemaphore,
    ) -> bool:
        """Ask the places of a group, and look at what they have listed."""
        asked = [turn.run(self._ask, place, askers[place]) for place in group]
        answers = await defer.gatherResults(asked)
        now = await self._holdings.picture(self._places)
        again = False
        for place, answer in zip(group, answers):
            if isinstance(answer, NotKnown):
                continue  # no look: what was seen before stays, with its time
            asker = askers[place]
            sole = self._is_sole(asker.watched.worker, place, others)
            digest = await self._clouds.place(asker.watched.worker)
            look = Look(
                place=place,
                title=self._titles[place],
                at=self._clock.seconds(),
                found=await self._listed(answer.instances),
                before=before,
                sole=sole,
                asker=asker.workerid,
                digest=None if isinstance(digest, NotKnown) else digest,
            )
            again = await self._see(look, now) or again
        return again

    def _ask(self, place: Hashable, asker: Known) -> defer.Deferred[Listing | NotKnown]:
        began = self._clock.seconds()

        def answered(answer: Listing | NotKnown) -> Listing | NotKnown:
            listed = isinstance(answer, Listing)
            self._asked[place] = PlaceAsked(
                title=self._titles[place],
                class_name=asker.class_name,
                at=began,
                took=max(0.0, self._clock.seconds() - began),
                count=len(answer.instances) if isinstance(answer, Listing) else None,
                trouble=None if listed else answer,  # type: ignore[arg-type]
            )
            return answer

        return self._clouds.list(asker.watched.worker).addCallback(answered)

    async def _listed(self, instances: Sequence[Instance]) -> dict[str, Listed]:
        found, turns = {}, Turns(self._clock, TURN)
        for each in instances:
            name = cut(each.name, MAX_NAME) or ""
            found[name] = Listed(
                name=name,
                mark=each.mark,
                state="unknown" if each.state.value == "other" else each.state.value,
                born=each.born,
                kind=cut(each.kind, MAX_NAME),
                ours=each.ours,
            )
            await turns()
        return found

    def _is_sole(self, worker: Any, place: Hashable, others: Collection[str]) -> bool:
        """Whether a mark there is this master's alone."""
        if _is_own(place):
            return True  # the class lists what is its own master's
        if not self._clouds.tells_masters(worker):
            return not others
        return not same_mark(self._name, others)

    async def _see(self, look: Look, now: Picture) -> bool:
        """What this look makes of everything, and what follows."""
        turns = Turns(self._clock, TURN)
        earlier = {name: of for (place, name), of in self._traces.items() if place == look.place}
        traces: dict[str, Trace] = {}
        for name, trace in traced(look, now, earlier):
            traces[name] = trace
            await turns()
        absent = dict(absences(look, now, self._absent))
        there = {held.workerid for held in now.helds if held.place == look.place}
        rest = {key: of for key, of in self._traces.items() if key[0] != look.place}
        self._looks[look.place] = look
        self._traces = {**rest, **{(look.place, name): of for name, of in traces.items()}}
        self._absent = {w: of for w, of in self._absent.items() if w not in there} | absent
        await self._findings.write(look, now, traces)
        await self._ask_after(absent)
        once = any(0 < of.unexplained < LOOKS for of in traces.values())
        return once or any(of.looks < LOOKS for of in absent.values())

    async def _ask_after(self, absent: Mapping[int, Absence]) -> None:
        """A list that lacks it is no proof: the cloud is asked for this very one."""
        for workerid, absence in absent.items():
            known = self._logbook.get(workerid)
            if known is None or absence.looks < LOOKS or absence.gone:
                continue
            worker = known.watched.worker
            name = self._clouds.name(worker) or known.facts.instance
            if name is None or Can.GONE not in self._clouds.can(worker):
                continue
            if await self._clouds.gone(worker, name) is True:
                self._absent[workerid] = dataclasses.replace(absence, gone=True)

    async def _counts(self) -> dict[str, int]:
        counts: dict[str, int] = {"total": 0}
        for row in await self.rows():
            counts["total"] += 1
            counts[row.standing] = counts.get(row.standing, 0) + 1
        return counts


def _is_own(scope: Hashable) -> bool:
    return isinstance(scope, tuple) and scope[:1] == ("own",)
