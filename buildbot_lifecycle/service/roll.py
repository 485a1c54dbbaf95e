"""The list of workers as it is answered: each one's view is made anew only when the worker changed.

A page that asks for thousands every few seconds, and twenty such pages at once, cost what has changed
between two looks. What can be read off the facts at a glance (state, level, name ...) is compared before
a view is made; where a page is short, no more views are made than stand on it.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from buildbot_lifecycle.core.states import STARTING
from buildbot_lifecycle.host import connections
from buildbot_lifecycle.host.clock import Steadily
from buildbot_lifecycle.host.pauses import Turns, breath
from buildbot_lifecycle.master import views
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes.encoded import Encoded
from buildbot_lifecycle.shapes.times import by_wall
from buildbot_lifecycle.shapes.workers import Roll, Worker

#: Seconds for which a view is shown again whose words tell an age, or that looks at a live object.
FRESH = 0.25

#: Workers that are looked at between two looks at the clock.
_SLICE = 100

#: Workers that are named for `Roll.first`.
_FIRST = 20

#: Whether a field's value is one of those that were asked for.
Passes = Callable[[Any], bool]

#: Fields that are read off a worker without making its view.
GLANCES: Mapping[str, Callable[[Known], Any]] = {
    "workerid": lambda known: known.workerid,
    "name": lambda known: known.name,
    "class": lambda known: known.class_name,
    "state": lambda known: known.facts.state.value,
    "level": lambda known: known.verdict.level,
    "connected": lambda known: known.facts.connected,
    "paused": lambda known: known.facts.paused,
}

#: The same of a row that another master wrote.
OF_ROW: Mapping[str, Callable[[Worker], Any]] = {
    **{field: operator.itemgetter(field) for field in GLANCES},
    "level": lambda row: row.verdict.level,
}


@dataclasses.dataclass(eq=False, slots=True)
class Kept:
    """A worker's row, and what it was made of."""

    row: Encoded
    facts: Any
    verdict: Any
    heard: float | None
    #: the settings and the reckoning of the clock, which make all views old at once
    by: Any
    #: until when it may be shown again (steady); None: until something of the worker changes
    until: float | None


class Rolls:
    """Makes rolls of one master's workers, and of others' as these wrote them down."""

    def __init__(
        self,
        logbook: Logbook,
        clock: Steadily,
        masterid: int,
        name: str,
        reactor: Any,
        means: views.Means = views.no_means,
    ) -> None:
        self._logbook = logbook
        self._clock = clock
        self._masterid = masterid
        self._name = name
        self._reactor = reactor
        self._means = means
        self._by: Any = None

    async def roll(
        self,
        others: Callable[[], Awaitable[Sequence[Worker]]],
        glances: Mapping[str, Passes],
        most: int | None,
    ) -> Roll:
        """The workers that pass; with ``most``, rows of so many of them at most."""
        await breath(self._reactor)
        self._look_at_all()
        turns = Turns(self._reactor)
        found = self._at_a_glance(glances)
        rows: list[Encoded] = []
        gone = 0
        for number, known in enumerate(found[:most], 1):
            # meanwhile it may have gone, or have been replaced under its number
            present = self._logbook.get(known.workerid)
            if present is None:
                gone += 1
            else:
                rows.append(self.row(present))
            if number % _SLICE == 0 or not self._is_kept:
                await turns()
        total = len(found) - gone
        elsewhere = await others()
        total += len(elsewhere)
        for worker in elsewhere if most is None else elsewhere[: max(0, most - len(rows))]:
            rows.append(Encoded(worker, is_now=False))
            await turns()
        at = self._clock.wall(self._clock.seconds())
        return Roll(rows=rows, total=total, at=at, first=self._first(elsewhere))

    def _at_a_glance(self, glances: Mapping[str, Passes]) -> list[Known]:
        levels = glances.get("level")
        is_few = levels is not None and not levels("ok")
        found = self._logbook.noted() if is_few else list(self._logbook.known())
        for field, passes in glances.items():
            of = GLANCES[field]
            found = [known for known in found if passes(of(known))]
        return found

    def _first(self, elsewhere: Iterable[Worker]) -> list[int]:
        """Some workers, stuck ones first: those that somebody wants to force."""
        noted = self._logbook.noted()
        stuck = [known.workerid for known in noted if known.verdict.level == "stuck"]
        some = [known.workerid for known in islice(self._logbook.known(), _FIRST)]
        more = [worker.workerid for worker in islice(elsewhere, _FIRST)]
        return list(dict.fromkeys([*stuck, *some, *more]))[:_FIRST]

    def _look_at_all(self) -> None:
        by = (self._logbook.settings, self._clock.reckoning())
        kept = self._logbook.shown_by
        same = kept is not None and kept[0] is by[0] and kept[1] == by[1]
        self._by = self._logbook.shown_by = kept if same else by

    _is_kept = False

    def row(self, known: Known) -> Encoded:
        """The row of a worker: the last one, if nothing of the worker has changed."""
        kept: Kept | None = known.shown
        watched = known.watched
        heard = connections.last_message(watched.worker)
        self._is_kept = (
            kept is not None
            and kept.facts is known.facts
            and kept.verdict is known.verdict
            and kept.heard == heard
            and kept.by is self._by
            and (kept.until is None or self._clock.seconds() < kept.until)
            and not watched.refused
        )
        if kept is not None and self._is_kept:
            return kept.row
        row = Encoded(self.view(known))
        known.shown = Kept(row, known.facts, known.verdict, heard, self._by, self._until(known))
        return row

    def _until(self, known: Known) -> float | None:
        facts = known.facts
        # a driver may have named its instance before the start has an answer
        names = facts.instance is None and facts.state in STARTING
        if known.verdict.code == "healthy" and known.verdict.due is None and not names:
            return None
        return self._clock.seconds() + FRESH

    def view(self, known: Known) -> Worker:
        """A worker as of now, with the wall clock's times."""
        verdict = self._logbook.verdict_now(known)
        seen = views.live(known, verdict, self._masterid, self._name, self._clock, self._means)
        return by_wall(seen, self._clock.reckoning())
