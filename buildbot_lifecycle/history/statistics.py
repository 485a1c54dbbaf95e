"""How long starts, connections, lives and stops took, per worker or class: for ``GET /stats``."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.requests import StatsQuery, takes
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.sketch import Rollup
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.statistics import PHASES, Key, Tally, Who, shares
from buildbot_lifecycle.db import rollups
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.history import walk
from buildbot_lifecycle.history.shared import Shared
from buildbot_lifecycle.history.walk import chunks
from buildbot_lifecycle.host.pauses import Turns, breath
from buildbot_lifecycle.shapes.base import read
from buildbot_lifecycle.shapes.spans import OutcomeStats, PhaseStats, Stats, StatsMeta

#: Seconds that are looked back when nothing is said.
DEFAULT_WINDOW = 30 * 86400.0

#: Episodes (about) that are counted one by one, each duration exactly. Of more, the days' rollups are
#: added up (`db.rollups`), from midnight UTC on, and percentiles are off by one percent at most.
EXACT = 10_000

#: Episodes that are counted one by one at most, the newest: more than `EXACT`, since numbers have gaps.
MAX_EPISODES = 200_000

#: Workers whose rollups are read at once.
_WORKERS = 50

#: Seconds for which an answer is given again.
CACHE_SECONDS = 30.0

#: Different questions whose answers are kept.
_KEPT = 16


class Statistics:
    """Answers questions one after the other, and each question once in `CACHE_SECONDS`."""

    def __init__(
        self,
        clock: Any,
        reader: Reader,
        settings: Callable[[], Settings],
        newest: Callable[[], defer.Deferred[None]] = lambda: defer.succeed(None),
    ) -> None:
        """``newest`` fires when what has just ended is counted too."""
        self._clock = clock
        self._reader = reader
        self._settings = settings
        self._newest = newest
        self._shared = Shared(self._answer)
        self._answers: OrderedDict[StatsQuery, tuple[float, Stats]] = OrderedDict()

    def ask(self, query: StatsQuery) -> defer.Deferred[Stats]:
        """The answer, which is shared with others who ask the same."""
        kept = self._answers.get(query)
        if kept is not None and 0 <= self._clock.seconds() - kept[0] < CACHE_SECONDS:
            return defer.succeed(kept[1])
        return self._shared.ask(query)

    async def _answer(self, query: StatsQuery) -> Stats:
        answer = await self._count(query, self._clock.seconds())
        self._answers[query] = (self._clock.seconds(), answer)
        self._answers.move_to_end(query)
        while len(self._answers) > _KEPT:
            self._answers.popitem(last=False)
        return answer

    async def _count(self, query: StatsQuery, now: float) -> Stats:
        since = now - DEFAULT_WINDOW if query.since is None else query.since
        everyone = walk.by_key(await walk.everybody(self._reader))
        window, _ = await self._reader.borders(since, None)
        newest = await self._reader.lives(window[0], None, 1)
        keep = self._settings().keep_days.episodes
        is_gone = keep is not None and since < now - keep * 86400.0
        if is_gone and await self._reader.lives(0, 2, 1):
            is_gone = False  # the very first is there: nothing was deleted yet
        if newest and (is_gone or newest[0].id - window[0] > EXACT):
            return await self._counted(query, since, now, everyone)
        return await self._one_by_one(query, since, now, everyone, window)

    async def _counted(
        self, query: StatsQuery, since: float, now: float, everyone: Mapping[Key, Who]
    ) -> Stats:
        """By what was counted of each day: as quick over a year as over a week."""
        await self._newest()
        first, until = rollups.day_of(since), rollups.day_of(now) + 1
        wanted = _wanted(query, everyone)
        found: dict[tuple[Key | None, str], Rollup] = {}
        if query.by == "class" and not query.workerids:
            for (_, _, name), rollup in (await self._reader.counted(None, first, until)).items():
                if not query.classes or name in query.classes:
                    found.setdefault((None, name), Rollup()).merge(rollup)
        else:
            keys = set(everyone if wanted is None else wanted)
            for part in chunks(sorted({workerid for workerid, _ in keys}), _WORKERS):
                of_part = await self._reader.counted(part, first, until)
                for (workerid, masterid, name), rollup in of_part.items():
                    if (workerid, masterid) in keys:
                        key = (workerid, masterid) if query.by == "worker" else None
                        found.setdefault((key, name), Rollup()).merge(rollup)
                await breath(self._clock)
        stats: list[PhaseStats] = []
        outcomes: list[OutcomeStats] = []
        turns, threshold = Turns(self._clock), _Thresholds(self._settings(), everyone)
        for group, rollup in _in_order(found, everyone):
            for phase, sketch in rollup.phases.items():
                limit = threshold(group, PHASES[phase])
                of_phase = {**group, "phase": phase, **sketch.summary(), "threshold_s": limit}
                stats.append(read(PhaseStats, of_phase))
            outcomes.append(read(OutcomeStats, {**group, **shares(Counter(rollup.outcomes))}))
            await turns()
        meta = StatsMeta(
            since=float(first * rollups.DAY),
            until=now,
            total=len(stats),
            episodes=sum(each.count for each in outcomes),
            truncated=await self._reader.uncounted(),
        )
        return Stats(stats=tuple(stats), outcomes=tuple(outcomes), meta=meta)

    async def _one_by_one(
        self,
        query: StatsQuery,
        since: float,
        now: float,
        everyone: Mapping[Key, Who],
        window: tuple[int, int | None],
    ) -> Stats:
        wanted = _wanted(query, everyone)
        tally = Tally(query.by, everyone)
        truncated = False
        async for lives in walk.walk(self._reader, window, wanted, MAX_EPISODES):
            if lives is None:
                truncated = True
                continue
            tally.add(life for life in lives if life.started_at >= since)
            await breath(self._clock)
        if not truncated or walk.is_one_by_one(wanted):
            workers = sorted(everyone) if wanted is None else wanted
            _, below = (await self._reader.borders(since, since))[0]
            tally.add(await walk.open_at(self._reader, since, below, workers))
        stats, outcomes = await self._results(tally, everyone)
        meta = StatsMeta(
            since=since,
            until=now,
            total=len(stats),
            episodes=tally.count,
            truncated=truncated,
        )
        return Stats(stats=tuple(stats), outcomes=tuple(outcomes), meta=meta)

    async def _results(
        self, tally: Tally, everyone: Mapping[Key, Who]
    ) -> tuple[list[PhaseStats], list[OutcomeStats]]:
        stats: list[PhaseStats] = []
        outcomes: list[OutcomeStats] = []
        turns = Turns(self._clock)
        for phases, outcome in tally.results(_Thresholds(self._settings(), everyone)):
            stats.extend(read(PhaseStats, phase) for phase in phases)
            outcomes.append(read(OutcomeStats, outcome))
            await turns()
        return stats, outcomes


def _in_order(
    found: Mapping[tuple[Key | None, str], Rollup], everyone: Mapping[Key, Who]
) -> Iterator[tuple[dict[str, Any], Rollup]]:
    """The groups by their names, each as REST tells it."""
    named = []
    for (key, class_name), rollup in found.items():
        workerid, masterid = (None, None) if key is None else key
        who = None if key is None else everyone.get(key)
        name = None if key is None else str(workerid) if who is None else who.name
        group = {"workerid": workerid, "worker": name, "masterid": masterid, "class": class_name}
        named.append((group, key or (0, 0), rollup))
    named.sort(key=lambda each: (each[0]["class"], each[0]["worker"] or "", each[1]))
    yield from ((group, rollup) for group, _, rollup in named)


class _Thresholds:
    """The seconds after which a state is stuck: of a worker, or of a class if they are the same."""

    def __init__(self, settings: Settings, everyone: Mapping[Key, Who]) -> None:
        self._settings = settings
        self._of_class: dict[str, list[str]] = {}
        for who in everyone.values():
            self._of_class.setdefault(who.class_name, []).append(who.name)

    def __call__(self, group: Mapping[str, Any], state: State) -> float | None:
        if group["worker"] is not None:
            return _plain(self._settings.of(group["worker"]).stuck_after.get(state))
        names = self._of_class.get(group["class"], [])
        if not self._settings.workers:
            names = names[:1]
        found = {self._settings.of(name).stuck_after.get(state) for name in names}
        return _plain(found.pop()) if len(found) == 1 else None


def _plain(limit: float | None) -> float | None:
    """A default limit is a number that knows it is one; what is answered is the number."""
    return None if limit is None else float(limit)


def _wanted(query: StatsQuery, everyone: Mapping[Key, Who]) -> list[Key] | None:
    """The workers that were asked for, or None for all."""
    if not query.workerids and not query.classes and not query.masterids:
        return None
    return sorted(
        who.key
        for who in everyone.values()
        if takes(query, who.workerid, who.masterid)
        and (not query.classes or who.class_name in query.classes)
    )
