"""Walks through the history in short slices, between which the master and its database go on.

Nothing is computed in a thread: the reactor's threads may all be taken by the drivers that hang,
and Python's lock would be held all the same. What is long is cut into pieces instead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TypeVar

from buildbot_lifecycle.core.statistics import Key, Life, Who
from buildbot_lifecycle.db.reader import Reader

_T = TypeVar("_T")

#: Rows in one slice of episodes.
SLICE = 2000

#: Workers in one slice.
WORKERS = 200

#: Workers up to which each is walked by itself; more are walked all together.
FEW = 100


def chunks(things: Sequence[_T], size: int) -> list[Sequence[_T]]:
    """`things` in parts of at most `size`."""
    return [things[start : start + size] for start in range(0, len(things), size)]


async def everybody(reader: Reader) -> list[Who]:
    """Every worker that was ever recorded."""
    found: list[Who] = []
    while True:
        after = found[-1].workerid if found else 0
        part = await reader.who(after, SLICE)
        if len(part) < SLICE:
            return [*found, *part]
        # The last worker may have more rows than fit: it is read again from its first.
        whole = [who for who in part if who.workerid != part[-1].workerid]
        if not whole:
            return [*found, *part]
        found.extend(whole)


async def walk(
    reader: Reader,
    window: tuple[int, int | None],
    workers: Sequence[Key] | None,
    limit: int,
) -> AsyncIterator[list[Life] | None]:
    """Slices of the episodes numbered between the two of `window`; None stands for all workers.

    Newest first, at most `limit` of them: of a few workers each has its share of it. None comes in
    the place of those that the limit left out.
    """
    if workers is None or not is_one_by_one(workers):
        wanted = None if workers is None else set(workers)
        async for part in _walk_one(reader, window, None, limit):
            if part is None or wanted is None:
                yield part
            else:
                yield [life for life in part if (life.workerid, life.masterid) in wanted]
        return
    for worker in workers:
        async for part in _walk_one(reader, window, worker, max(1, limit // len(workers))):
            yield part


async def _walk_one(
    reader: Reader, window: tuple[int, int | None], worker: Key | None, limit: int
) -> AsyncIterator[list[Life] | None]:
    above, below = window
    left = limit
    while left > 0:
        size = min(SLICE, left)
        part = await reader.lives(above, below, size, worker)
        if part:
            yield part
        if len(part) < size:
            return
        left -= size
        below = part[-1].id
    yield None


async def open_at(
    reader: Reader, moment: float, below: int | None, workers: Sequence[Key]
) -> list[Life]:
    """The episodes of these workers that were open at `moment` and had begun before it."""
    found: list[Life] = []
    for part in chunks(workers, WORKERS):
        found.extend(await reader.lives_at(moment, below, part))
    return found


def is_one_by_one(workers: Sequence[Key] | None) -> bool:
    """Whether `walk` walks each of these workers by itself."""
    return workers is not None and len(workers) <= FEW


def by_key(everyone: Sequence[Who]) -> Mapping[Key, Who]:
    """Who is which worker."""
    return {who.key: who for who in everyone}
