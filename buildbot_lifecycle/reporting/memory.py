"""What has been told to one receiver, as it is kept over a restart of the master."""

from __future__ import annotations

import base64
import dataclasses
import zlib
from collections.abc import Mapping

import msgspec

#: Workers and entries that are kept at once. What is more waits until there is room: the value must fit
#: into one row of Buildbot's, of which MySQL takes 64 KiB.
MOST = 800


@dataclasses.dataclass(frozen=True)
class Stay:
    """A worker's stay in a level that is told, as it was last seen.

    ``noted_at``: since when there is something to tell; None: it has been told, at ``told_at``.
    ``over_at``: when it was first seen that the worker is in the level no more. ``causes`` are the codes
    that were told in this episode.
    """

    name: str
    level: str
    code: str
    episode: int | None
    since: float
    noted_at: float | None
    told_at: float | None = None
    over_at: float | None = None
    causes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Entry:
    """An open entry of the ledger; the times as in `Stay`. ``is_long``: that it stays open was told."""

    worker: str
    workerid: int
    opened_at: float
    noted_at: float | None
    told_at: float | None = None
    over_at: float | None = None
    is_long: bool = False


@dataclasses.dataclass(frozen=True)
class Lag:
    """A time in which the master's events did not reach the database; the times as in `Stay`."""

    since: float
    noted_at: float | None
    told_at: float | None = None
    over_at: float | None = None


@dataclasses.dataclass(frozen=True)
class Memory:
    """Workers by workerid, entries by number, actions, and whether the master is behind.

    All actions up to ``done`` are told or of no interest. Of later ones ``actions`` has when each was
    noted; None: it has been told.
    """

    stays: Mapping[int, Stay] = dataclasses.field(default_factory=dict)
    entries: Mapping[int, Entry] = dataclasses.field(default_factory=dict)
    actions: Mapping[int, float | None] = dataclasses.field(default_factory=dict)
    done: int = 0
    lag: Lag | None = None


def packed(memory: Memory) -> str:
    """As it is stored."""
    return base64.b64encode(zlib.compress(msgspec.json.encode(memory))).decode("ascii")


def unpacked(text: str) -> Memory:
    """As it was stored. Raises ValueError if it is something else."""
    try:
        return msgspec.json.decode(zlib.decompress(base64.b64decode(text)), type=Memory)
    except (TypeError, ValueError, zlib.error, msgspec.MsgspecError) as error:
        raise ValueError(f"this is nothing that was stored here: {error}") from error
