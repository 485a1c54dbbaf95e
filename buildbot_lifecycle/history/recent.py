"""The last episodes of each worker, kept in memory, for the small charts of the table.

Filled from the database once, then from commits: a request asks nothing of the database, but for
workers of other masters, whose commits are not seen here; theirs are read again from time to time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from buildbot_lifecycle.core.facts import Episode
from buildbot_lifecycle.core.requests import RecentQuery, takes
from buildbot_lifecycle.core.statistics import Key, Life, durations, nearest_rank, until_up
from buildbot_lifecycle.core.steady import SAME, Reckoning
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.history import walk
from buildbot_lifecycle.history.walk import chunks
from buildbot_lifecycle.shapes.spans import Recent as RecentOfWorker
from buildbot_lifecycle.shapes.spans import RecentEpisode

#: Episodes kept of each worker.
KEPT = 24

#: Seconds after which those of other masters' workers are read again.
READ_AGAIN = 30.0

#: Workers whose episodes are read at once.
_WORKERS = 50

#: Episodes that may wait for their commit; more are those of an outage, and are left out.
_WAITING = 100_000

Row = RecentEpisode


class Recent:
    """Of each worker the newest episodes that are over, as rows of ``GET /recent``."""

    def __init__(self, clock: Any, reader: Reader, masterid: int) -> None:
        self._clock = clock
        self._reader = reader
        self._masterid = masterid
        # this master's by workerid, the others' by workerid and masterid
        self._rows: dict[int, deque[Row]] = {}
        self._others: dict[Key, list[Row]] = {}
        self._read_at: float | None = None
        # by first_seq, with its end by the wall clock
        self._ended: dict[int, tuple[Episode, float]] = {}

    async def fill(self) -> None:
        """Read what earlier runs recorded; what is committed meanwhile stays the newer."""
        mine, _ = await self._workers()
        for part in chunks(mine, _WORKERS):
            for (workerid, _), lives in (await self._reader.newest(part, KEPT)).items():
                rows = self._rows.get(workerid, ())
                fresh = {row[0] for row in rows}
                found = [_row(life) for life in lives if life.id not in fresh]
                self._rows[workerid] = deque([*found, *rows], KEPT)

    async def _workers(self) -> tuple[list[Key], list[Key]]:
        """The workers of this master, and those of others; some may have the same workerids."""
        keys = [who.key for who in await walk.everybody(self._reader)]
        mine = [key for key in keys if key[1] == self._masterid]
        return mine, [key for key in keys if key[1] != self._masterid]

    async def _read_others(self) -> None:
        _, others = await self._workers()
        for part in chunks(others, _WORKERS):
            for worker, lives in (await self._reader.newest(part, KEPT)).items():
                self._others[worker] = [_row(life) for life in lives]

    def ended(self, episodes: Iterable[Episode], by: Reckoning = SAME) -> None:
        """Episodes that an event touched; those that are over are kept until they are committed."""
        for episode in episodes:
            if episode.ended_at is not None and len(self._ended) < _WAITING:
                self._ended[episode.first_seq] = (episode, by(episode.ended_at))

    def committed(self, numbers: Mapping[int, int]) -> None:
        """Episodes are in the database: their numbers by first_seq."""
        for first_seq, number in numbers.items():
            ended = self._ended.pop(first_seq, None)
            if ended is not None:
                episode, ended_at = ended
                start, connect, up, stop = durations(episode)
                start = until_up(start, connect)
                row = (number, episode.outcome, start, up, stop, ended_at)
                self._rows.setdefault(episode.workerid, deque(maxlen=KEPT)).append(row)

    def usual_stop(self, workerid: int, masterid: int) -> float | None:
        """Seconds within which 95 % of a worker's last good stops ended; None where none is known."""
        mine = masterid == self._masterid
        kept = self._rows.get(workerid) if mine else self._others.get((workerid, masterid))
        stops = sorted(
            stop for _, outcome, _, _, stop, _ in kept or () if outcome == "ok" and stop is not None
        )
        return nearest_rank(stops, 95) if stops else None

    async def rows(self, query: RecentQuery) -> list[RecentOfWorker]:
        """``recent`` as in REST: of each worker that is asked for, newest last."""
        now = self._clock.seconds()
        if self._read_at is None or now - self._read_at > READ_AGAIN:
            self._read_at = now
            await self._read_others()
        mine = {(workerid, self._masterid): rows for workerid, rows in self._rows.items()}
        kept: dict[Key, Sequence[Row]] = {**self._others, **mine}
        return [
            RecentOfWorker(
                workerid=worker[0],
                masterid=worker[1],
                episodes=tuple(kept[worker])[-query.per_worker :],
            )
            for worker in sorted(kept)
            if kept[worker] and takes(query, *worker)
        ]


def _row(life: Life) -> Row:
    start = until_up(life.start_s, life.connect_s)
    return (life.id, life.outcome, start, life.up_s, life.stop_s, life.ended_at)
