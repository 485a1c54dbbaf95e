"""The census of one master: asks each cloud once what it has, and joins it with what the master knows.

What it has found stays in memory; before the first one, the master's knowledge and the ledger are shown.
What nobody has is written into the ledger, so that a restart does not lose it. Nothing is ended here.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.findings import Findings
from buildbot_lifecycle.act.holdings import TURN, Holdings
from buildbot_lifecycle.act.seen import Seen
from buildbot_lifecycle.act.survey import Asked, PlaceAsked, Survey, is_own
from buildbot_lifecycle.clouds.values import Can, Listing, NotKnown
from buildbot_lifecycle.core.census import LOOKS, Absence, Look, Picture, Row, ToldApart
from buildbot_lifecycle.host.pauses import Turns, breath
from buildbot_lifecycle.master.logbook import Known, Logbook

#: Seconds after the start of a master at which it takes its first census.
FIRST_AFTER = 10.0

#: Seconds after which a look is repeated that found something which two looks must find.
AGAIN_AFTER = 10.0

#: Seconds in which a census is not taken again.
LEAST_BETWEEN = 5.0

#: Places that are asked at a time.
AT_A_TIME = 8


@dataclasses.dataclass(frozen=True)
class Round:
    """What is the same for all looks of one census."""

    #: for each place a worker that reaches it
    askers: Mapping[Hashable, Known]
    #: what was known before anybody was asked
    before: Picture
    #: the names of other masters
    others: Collection[str]
    turns: Turns


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
        self._others = others
        self._every = every
        self._told = told
        self._holdings = Holdings(logbook, entries, clouds)
        self._seen = Seen()
        self._survey = Survey(clock, logbook, clouds, name)
        self._looking = defer.DeferredLock()
        self._timer: Any = None
        # whether it is to be told that something is another way now, and whether that is being done
        self._news = self._telling = False
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
        return await self._rows(Turns(self._clock, TURN))

    async def _rows(self, turns: Turns) -> list[Row]:
        picture = await self._holdings.picture(self._survey.places, turns)
        found = ToldApart()
        for row in self._seen.rows(picture, self._survey.titles):
            if row is not None:
                found.add(row)
            await turns()
        return found.rows

    async def sole(self) -> Callable[[int], bool]:
        """Tells whether what a worker's cloud has by its names is this master's, and no other's."""
        others = await self._others()

        def is_sole(workerid: int) -> bool:
            known = self._logbook.get(workerid)
            if known is None:
                return False
            return self._survey.is_sole(
                known.watched.worker, self._survey.places.get(known), others
            )

        return is_sole

    def places(self) -> list[PlaceAsked]:
        """Each place, with what came of asking it."""
        return list(self._survey.asked.values())

    def is_gone(self, workerid: int, name: str, digest: str | None) -> None:
        """An instance is proven to be gone: it is not waited for the next look to say so.

        ``digest`` is that of its place, as in an entry of the ledger.
        """
        if self._seen.is_gone(workerid, name, digest) and not self.taking:
            self._news = True
            if not self._telling:
                self._telling = True
                told = defer.ensureDeferred(self._tell_news())
                told.addErrback(lambda _: self._logbook.failed("telling of the census"))

    async def _tell_news(self) -> None:
        try:
            while self._news and not self._off:
                await breath(self._clock)  # of many that are gone it is told once
                self._news = False
                self._told(await self._counts(Turns(self._clock, TURN)))
        finally:
            self._telling = False

    # taking it

    async def _take(self) -> bool:
        """Ask all places. Whether it should be taken again soon, since something was seen once only."""
        # one for all of it: of each by itself, the ends of two would be one turn
        turns = Turns(self._clock, TURN)
        self._seen.begin()
        try:
            again = await self._look_everywhere(turns)
        finally:
            self._seen.end()
        self.taken = self._clock.seconds()
        self._told(await self._counts(turns))
        return again

    async def _look_everywhere(self, turns: Turns) -> bool:
        others = await self._others()
        askers = await self._survey.askers(turns)
        self._seen.keep(askers.keys())
        before = await self._holdings.picture(self._survey.places, turns)
        this = Round(askers, before, others, turns)
        # places of classes that answer themselves are many and small: looked at together
        groups: dict[Hashable, list[Hashable]] = {}
        for scope in askers:
            groups.setdefault(() if is_own(scope) else scope, []).append(scope)
            await turns()
        turn = defer.DeferredSemaphore(AT_A_TIME)
        looked = [defer.ensureDeferred(self._look(group, this, turn)) for group in groups.values()]
        again = False
        for done, result in await defer.DeferredList(looked, consumeErrors=True):
            if done:
                again = again or result
            else:
                self._failed(result)
        return again

    def _failed(self, failure: Any) -> None:
        try:
            failure.raiseException()
        except Exception:
            self._logbook.failed("looking at a place")

    async def _look(
        self, group: Sequence[Hashable], this: Round, turn: defer.DeferredSemaphore
    ) -> bool:
        """Ask the places of a group, and look at what they have listed."""
        asked = []
        for place in group:
            # who answers at once does so here
            asked.append(turn.run(self._survey.ask, place, this.askers[place]))
            await this.turns()
        answers = await defer.gatherResults(asked)
        came, again = self._clock.seconds(), False
        # one looks at a time: else each would take a turn as long as is allowed, one after the other
        async with self._looking:
            now = await self._holdings.picture(self._survey.places, this.turns)
            for place, answer in zip(group, answers):
                await this.turns()
                if isinstance(answer, Listing):  # else no look: what was seen before stays
                    look = await self._made(place, answer, this, came)
                    again = await self._see(look, now, this.turns) or again
        return again

    async def _made(self, place: Hashable, listing: Listing, this: Round, came: float) -> Look:
        asker = this.askers[place]
        digest = await self._clouds.place(asker.watched.worker)
        return Look(
            place=place,
            title=self._survey.titles[place],
            at=came,
            found=await self._survey.listed(listing.instances, this.turns),
            before=this.before,
            sole=self._survey.is_sole(asker.watched.worker, place, this.others),
            asker=asker.workerid,
            digest=None if isinstance(digest, NotKnown) else digest,
        )

    async def _see(self, look: Look, now: Picture, turns: Turns) -> bool:
        """What this look makes of everything, and what follows."""
        look, traces = await self._seen.take(look, now, turns)
        await self._findings.write(look, now, traces, turns)
        absent = self._seen.absent(look, now)
        await self._ask_after(absent, turns)
        return self._seen.is_undecided(traces, [of for _, of in absent])

    async def _ask_after(self, absent: Sequence[tuple[int, Absence]], turns: Turns) -> None:
        """A list that lacks it is no proof: the cloud is asked for this very one."""
        for workerid, absence in absent:
            await turns()
            known = self._logbook.get(workerid)
            if known is None or absence.looks < LOOKS or absence.gone:
                continue
            worker = known.watched.worker
            name = self._clouds.name(worker) or known.facts.instance
            if name is None or Can.GONE not in self._clouds.can(worker):
                continue
            if await self._clouds.gone(worker, name) is True:
                self._seen.is_missing(workerid)

    async def _counts(self, turns: Turns) -> dict[str, int]:
        found = await self._rows(turns)
        return {"total": len(found), **Counter(row.standing for row in found)}
