"""From the logbook to the database: what is to be written, and what is done once it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.facts import Episode
from buildbot_lifecycle.db.recorder import Committed, Entry, Identity, Recorder
from buildbot_lifecycle.history.recent import Recent
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.service.news import News


class Recording:
    """Implements `logbook.Recording` on the recorder."""

    def __init__(self, clock: Any, logbook: Logbook, recorder: Recorder, recent: Recent) -> None:
        self._clock = clocks.of(clock)
        self._logbook = logbook
        self._recorder = recorder
        self._recent = recent

    def record(self, known: Known, event: Event, episodes: Sequence[Episode]) -> None:
        # of a removed worker a late end is still told; the row of its number is its successor's by then
        shown = (self._logbook.get(known.workerid) or known) if known.gone else known
        if over := [episode for episode in episodes if episode.ended_at is not None]:
            reckoning = self._clock.reckoning()
            self._recent.ended(over, reckoning)
        self._recorder.put(Entry(_identity(shown), event, shown.facts, tuple(episodes)))

    def record_verdict(self, known: Known) -> None:
        self._recorder.put_verdict(_identity(known), known.verdict)


class Written:
    """What is done once events are in the database."""

    def __init__(self, logbook: Logbook, recent: Recent, news: News) -> None:
        self._logbook = logbook
        self._recent = recent
        self._news = news

    def events(self, committed: Sequence[Committed], episodes: Mapping[int, int]) -> None:
        """Episodes get their numbers, and others hear of it."""
        self._logbook.committed(episodes)
        self._recent.committed(episodes)
        self._news.events(committed)


def _identity(known: Known) -> Identity:
    return Identity(known.workerid, known.name, known.class_name)
