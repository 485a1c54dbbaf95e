"""A worker that went away by itself: its cloud is asked at once what became of the instance.

Buildbot stops and removes the instance in the same moment, and is not held up for it. What is answered
after that may be Buildbot's own work, and is not taken for what happened before.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet import defer

from buildbot_lifecycle.clouds.values import Can, Gone, NotKnown
from buildbot_lifecycle.core.events import Event, cut
from buildbot_lifecycle.core.facts import Episode
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.base import UNSET


class Asked(Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def can(self, worker: Any) -> frozenset[Can]: ...

    def name(self, worker: Any) -> str | None: ...

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]: ...

    def last_words(self, worker: Any, name: str) -> defer.Deferred[str | NotKnown]: ...


class Losses:
    """Asks about the lost instances of one master's workers."""

    def __init__(self, logbook: Logbook, clouds: Asked) -> None:
        self._logbook = logbook
        self._clouds = clouds

    def detached(self, known: Known, event: Event) -> None:
        """A connection is gone: where the worker was lost, ask."""
        facts, worker = known.facts, known.watched.worker
        episode = facts.episode
        if episode is None or not episode.lost or facts.left != event.at:
            return
        can = self._clouds.can(worker)
        if not can & {Can.GONE, Can.LAST_WORDS}:
            return
        name = self._clouds.name(worker) or facts.instance or episode.instance
        asked = defer.ensureDeferred(self._ask(known, episode, can, name))
        asked.addErrback(lambda _: self._logbook.failed("asking what became of an instance"))

    async def _ask(
        self, known: Known, episode: Episode, can: frozenset[Can], name: str | None
    ) -> None:
        worker = known.watched.worker
        text: str | None = None
        gone: bool | None = None
        why: str | None = None
        # both at once: Buildbot is about to remove it
        words = self._clouds.last_words(worker, name) if name and Can.LAST_WORDS in can else None
        asked = self._clouds.gone(worker, name) if Can.GONE in can else None
        if asked is not None:
            answer = await asked
            if isinstance(answer, NotKnown):
                why = answer.text
            elif not (answer and self._may_be_buildbots_work(known, episode)):
                gone = answer
        if words is not None:
            said = await words
            if isinstance(said, NotKnown):
                why = said.text
            else:
                text = cut(said)
        no_answer = text is None and gone is None
        data = events.LastWords(
            began=episode.first_seq,
            instance=name,
            gone=gone,
            text=text,
            why=why if no_answer and why is not None else UNSET,
        )
        self._logbook.note(known, data)

    def _may_be_buildbots_work(self, known: Known, episode: Episode) -> bool:
        """Whether Buildbot has called the driver's stop meanwhile."""
        now = known.facts.episode
        if now is None or now.first_seq != episode.first_seq:
            return True
        return known.facts.pending is not None or now.stop_s is not None
