"""What is handed to the recorder, and what it tells back."""

from __future__ import annotations

import dataclasses

from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.facts import Episode, Facts


@dataclasses.dataclass(frozen=True)
class Identity:
    """Which worker: Buildbot's number, its name, and the name of its class."""

    workerid: int
    name: str
    class_name: str


@dataclasses.dataclass(frozen=True)
class Entry:
    """One event, what is known of its worker after it, and the episodes that it touched."""

    identity: Identity
    event: Event
    facts: Facts
    episodes: tuple[Episode, ...] = ()


@dataclasses.dataclass(frozen=True)
class Committed:
    """An event that is in the database: its row's number, and that of its episode (or None)."""

    event: Event
    id: int
    episode: int | None


@dataclasses.dataclass(frozen=True)
class RecorderStatus:
    """How the recording goes; times in epoch seconds.

    ``queued`` of at most ``bound`` events wait to be written, the oldest of them happened at
    ``oldest_unwritten_at``. ``dropped`` were lost, of which
    ``gaps`` events tell; ``errors`` attempts failed.
    """

    queued: int
    bound: int
    dropped: int
    written: int
    errors: int
    last_error: str | None
    last_write_at: float | None
    oldest_unwritten_at: float | None
    gaps: int = 0
