"""Lanes of episodes with their phases and builds, and the marks above them: for ``GET /timeline``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.internet import defer

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.core.events import Kind, cut
from buildbot_lifecycle.core.requests import TimelineQuery, takes
from buildbot_lifecycle.core.statistics import BuildEvent, Key, Life, Who
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.history import walk
from buildbot_lifecycle.history.shared import Shared
from buildbot_lifecycle.history.walk import chunks
from buildbot_lifecycle.host.pauses import Turns, breath
from buildbot_lifecycle.shapes.base import read
from buildbot_lifecycle.shapes.spans import Drawn, Lane, LaneBuild, LaneEpisode, Mark, TimelineMeta

#: Seconds that are looked back when nothing is said.
DEFAULT_WINDOW = 86400.0

#: Episodes whose details, and build events that, are read at once.
_SLICE = 400

#: Workers whose builds at one moment are read at once.
_WORKERS = 50

#: Marks of each kind at most, and the length (characters) of their texts.
_MARKS, _TEXT = 1000, 200


_Of = TypeVar("_Of", BuildEvent, Life)


class Timeline:
    """Answers one question after the other; see `history.shared`."""

    def __init__(self, clock: Any, reader: Reader) -> None:
        self._clock = clock
        self._reader = reader
        self._shared = Shared(self._answer)

    def ask(self, query: TimelineQuery) -> defer.Deferred[Drawn]:
        """The answer, which is shared with others who ask the same."""
        return self._shared.ask(query)

    async def _answer(self, query: TimelineQuery) -> Drawn:
        now = self._clock.seconds()
        until = now if query.until is None else query.until
        since = until - DEFAULT_WINDOW if query.since is None else query.since
        window = _Window(since, until, None if until >= now else until)
        everyone = await walk.everybody(self._reader)
        workers = sorted(who.key for who in everyone if takes(query, *who.key))
        wanted = workers if query.workerids or query.masterids else None
        lives, truncated = await self._lives(window, wanted, workers, query.limit)
        details = await self._details(lives)
        if truncated and lives:
            # Builds from before the oldest episode that is shown belong to none of them.
            window = dataclasses.replace(window, since=max(since, min(x.started_at for x in lives)))
        builds = await self._builds(window, lives, wanted, query.limit)
        marks = await self._marks(window, lives, details, query)
        lanes = await self._lanes(everyone, wanted or (), lives, details, builds)
        meta = TimelineMeta(since=since, until=until, truncated=truncated, total=len(lanes))
        return Drawn(lanes, marks, meta)

    async def _lives(
        self,
        window: _Window,
        wanted: Sequence[Key] | None,
        workers: Sequence[Key],
        limit: int,
    ) -> tuple[list[Life], bool]:
        since, until = window.since, window.until
        numbers, _ = await self._reader.borders(since, window.border)
        found: list[Life] = []
        truncated = False
        async for part in walk.walk(self._reader, numbers, wanted, limit):
            if part is None:
                truncated = True
                continue
            found.extend(life for life in part if since <= life.started_at <= until)
            await breath(self._clock)
        if not truncated or walk.is_one_by_one(wanted):
            _, below = (await self._reader.borders(since, since))[0]
            found.extend(await walk.open_at(self._reader, since, below, workers))
        found.sort(key=lambda life: life.started_at, reverse=True)
        return found[:limit], truncated or len(found) > limit

    async def _details(self, lives: Sequence[Life]) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for part in chunks(lives, _SLICE):
            found.update(await self._reader.details([life.id for life in part]))
        return found

    async def _builds(
        self, window: _Window, lives: Sequence[Life], wanted: Sequence[Key] | None, limit: int
    ) -> list[BuildEvent]:
        """Starts and ends of builds in the window, and the starts of those that ran at its begin."""
        early = [life for life in lives if life.started_at < window.since]
        before = sorted({(life.workerid, life.masterid) for life in early})
        events: set[BuildEvent] = set()
        _, (above, below) = await self._reader.borders(window.since, window.border)
        _, (_, border) = await self._reader.borders(window.since, window.since)
        for part in chunks(before, _WORKERS):
            events.update(await self._reader.builds_at(window.since, border, part))
        each: Sequence[Key | None] = (None,)
        if wanted is not None and walk.is_one_by_one(wanted):
            each = wanted
        for worker in each:
            for kind in (Kind.BUILD_STARTED, Kind.BUILD_FINISHED):
                events.update(await self._build_events(kind, above, below, worker, limit))
        # By number, which no two have in common.
        return sorted(events)

    async def _build_events(
        self, kind: Kind, above: int, below: int | None, worker: Key | None, limit: int
    ) -> list[BuildEvent]:
        found: list[BuildEvent] = []
        while len(found) < 2 * limit:
            part = await self._reader.builds(kind.value, above, below, _SLICE, worker)
            found.extend(part)
            if len(part) < _SLICE:
                break
            below = part[-1].id
        return found

    async def _lanes(
        self,
        everyone: Iterable[Who],
        wanted: Iterable[Key],
        lives: Iterable[Life],
        details: Mapping[int, Mapping[str, Any]],
        builds: Iterable[BuildEvent],
    ) -> list[Lane]:
        """A lane for each worker that has an episode here, or that was asked for."""
        turns = Turns(self._clock)
        names = {who.key: who.name for who in everyone}
        of_worker = _by_worker(lives)
        events = _by_worker(builds)
        keys = {*of_worker, *wanted}
        lanes = []
        for key in sorted(keys, key=lambda key: (names.get(key, ""), key)):
            own = of_worker.get(key, [])[::-1]  # oldest first
            paired = _paired(events.get(key, ()), own)
            lane = Lane(
                workerid=key[0],
                worker=names.get(key, str(key[0])),
                masterid=key[1],
                episodes=tuple(_episode(x, details, paired) for x in own),
            )
            lanes.append(lane)
            await turns()
        return lanes

    async def _marks(
        self,
        window: _Window,
        lives: Iterable[Life],
        details: Mapping[int, Mapping[str, Any]],
        query: TimelineQuery,
    ) -> list[tuple[Mark, str | None]]:
        found = await self._reader.marks(window.since, window.until, _MARKS)
        failures = [
            mark
            for life in lives
            for mark in _failure(life, details.get(life.id, {}).get("failure"))
            if window.since <= mark["at"] <= window.until
        ]
        marks = [*found, *failures[:_MARKS]]
        marks = [mark for mark in marks if takes(query, mark["workerid"], mark["masterid"])]
        marks.sort(key=lambda mark: float(mark["at"]))
        return [(read(Mark, mark), mark.get("summary")) for mark in marks]


@dataclasses.dataclass(frozen=True)
class _Window:
    """From when until when; ``border`` is None if that is now."""

    since: float
    until: float
    border: float | None


def _failure(life: Life, failure: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A failed episode's mark, at its end; of an open one there is none."""
    if failure is None or life.ended_at is None:
        return []
    text = cut(f"{failure['call']}: {failure['error']}", _TEXT)
    return [
        {
            "at": life.ended_at,
            "kind": "failure",
            "workerid": life.workerid,
            "masterid": life.masterid,
            "text": text,
            "summary": f"{failure['call']}: {summaries.error(str(failure['error']))}",
        }
    ]


def _by_worker(things: Iterable[_Of]) -> dict[Key, list[_Of]]:
    """Events or episodes by their workers, in their order."""
    found: dict[Key, list[_Of]] = {}
    for thing in things:
        found.setdefault((thing.workerid, thing.masterid), []).append(thing)
    return found


def _paired(events: Iterable[BuildEvent], lives: Sequence[Life]) -> dict[int, list[LaneBuild]]:
    """The builds of one worker's episodes: [since, until, builder, number, builderid].

    Both come oldest first. Buildbot takes the worker for a build before it asks for its instance,
    often while the instance before it is on its way out: so the end of a build says to which
    episode it belongs.
    """
    by_number = {life.id: life for life in lives}
    found: dict[int, list[LaneBuild]] = {}
    for start, end in _spans(events):
        home = _unended(start, lives) if end is None else by_number.get(end.episode or 0)
        if home is not None:
            found.setdefault(home.id, []).append(_span(start, end, home))
    return found


def _spans(events: Iterable[BuildEvent]) -> list[tuple[BuildEvent, BuildEvent | None]]:
    """Each start of a build with its end, or with None; in the order of the starts."""
    ends: dict[int, BuildEvent] = {}
    starts: list[BuildEvent] = []
    running: dict[str, BuildEvent] = {}
    for event in events:
        if event.kind == Kind.BUILD_STARTED.value:
            running[event.builder] = event
            starts.append(event)
        elif event.builder in running:
            ends[running.pop(event.builder).id] = event
    return [(start, ends.get(start.id)) for start in starts]


def _unended(start: BuildEvent, lives: Sequence[Life]) -> Life | None:
    """The episode of a build without an end: the open one, else (the master died) the next."""
    if lives and lives[-1].ended_at is None:
        return lives[-1]
    return next((life for life in lives if (life.ended_at or 0) > start.at), None)


def _span(start: BuildEvent, end: BuildEvent | None, life: Life) -> LaneBuild:
    since = max(start.at, life.started_at)
    # What its end does not tell, it did not outlive its instance.
    until = life.ended_at if end is None else end.at
    # The number may be known only since the build was started.
    number, builderid = start.number, start.builderid
    if end is not None:
        number = end.number if number is None else number
        builderid = end.builderid if builderid is None else builderid
    return (since, until if until is None else max(since, until), start.builder, number, builderid)


def _episode(
    life: Life, details: Mapping[int, Mapping[str, Any]], builds: Mapping[int, list[LaneBuild]]
) -> LaneEpisode:
    return LaneEpisode(
        id=life.id,
        outcome=life.outcome,
        phases=tuple(details.get(life.id, {}).get("phases", ())),
        builds=tuple(builds.get(life.id, ())),
    )
