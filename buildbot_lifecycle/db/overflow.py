"""What is kept of events that had to be dropped: how many, and how their workers stand now.

The details are lost, the current state is not: once there is room again, one ``gap`` event for each
worker says what is missing and carries the latest facts and episodes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Episode
from buildbot_lifecycle.db.entries import Entry

#: Episodes kept of one worker while its events are dropped: the first, which may be open in the
#: database, and the latest ones.
MAX_EPISODES = 20


@dataclasses.dataclass
class _Lost:
    """The dropped events of one worker."""

    entry: Entry
    first_at: float
    count: int = 0
    episodes: dict[int, Episode] = dataclasses.field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self.entry = entry
        self.count += 1
        for episode in entry.episodes:
            self.episodes[episode.first_seq] = episode
        while len(self.episodes) > MAX_EPISODES:
            del self.episodes[list(self.episodes)[1]]

    def as_gap(self, seq: int) -> Entry:
        at = self.entry.event.at
        data = {"dropped": self.count, "since": self.first_at, "until": at}
        event = Event(seq, at, self.entry.event.workerid, Kind.GAP, data)
        return Entry(self.entry.identity, event, self.entry.facts, tuple(self.episodes.values()))


class Overflow:
    """Counts dropped events by worker; its size is bounded by the number of workers."""

    def __init__(self, next_seq: Callable[[], int]) -> None:
        self._next_seq = next_seq
        self._lost: dict[int, _Lost] = {}

    def __bool__(self) -> bool:
        return bool(self._lost)

    def add(self, entry: Entry) -> None:
        """Note that `entry` is dropped."""
        workerid = entry.identity.workerid
        if workerid not in self._lost:
            self._lost[workerid] = _Lost(entry, entry.event.at)
        self._lost[workerid].add(entry)

    def gaps(self) -> list[Entry]:
        """The gap events that are due, with new seqs; forgets what they tell."""
        lost, self._lost = self._lost, {}
        return [each.as_gap(self._next_seq()) for each in lost.values()]
