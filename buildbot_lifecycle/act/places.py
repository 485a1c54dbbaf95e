"""In which cloud an instance is made, written down at its start: only there can it be looked for.

A reconfiguration, or the restart after a crash, may give the worker another engine, region or account.
What is not found there need not be gone.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet import defer

from buildbot_lifecycle.clouds.values import OWN, Can, NotKnown
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events


class Asked(Protocol):
    """What of `clouds.ask.Clouds` is used here."""

    def can(self, worker: Any) -> frozenset[Can]: ...

    def place(self, worker: Any) -> defer.Deferred[str | NotKnown]: ...


class Places:
    """Notes the places of one master's workers."""

    def __init__(self, logbook: Logbook, clouds: Asked) -> None:
        self._logbook = logbook
        self._clouds = clouds
        # token of a start that was given up -> where it makes its instance
        self._given_up: dict[int, str | None] = {}

    def see(self, known: Known, event: Event) -> None:
        """A start begins, or has gone on far enough for the driver to know where it is."""
        if event.kind is Kind.ATTACHED:
            self._ask_again(known)
            return
        token = event.data["token"]
        if event.data["call"] != "start_instance" or event.data.get("late"):
            return
        if event.kind is Kind.CALL_STARTED:
            known.start = token
            self._ask(known)
            return
        self._ask_again(known)
        if event.data["outcome"] == "released":
            self._given_up[token] = known.facts.place

    def late(self, token: int) -> str | None:
        """Where a start has made its instance that was given up and has ended now."""
        return self._given_up.pop(token, None)

    def _ask_again(self, known: Known) -> None:
        if known.facts.place is None and known.start is not None:
            self._ask(known)

    def _ask(self, known: Known) -> None:
        worker = known.watched.worker
        if Can.GONE not in self._clouds.can(worker):
            return
        asked = self._clouds.place(worker)
        if not asked.called:
            self._note(known, None)  # not where the last one was, as long as nobody has said so
        asked.addCallback(self._said, known, known.start)
        asked.addErrback(lambda _: self._logbook.failed("asking where its instance is"))

    def _said(self, place: str | NotKnown, known: Known, start: int | None) -> None:
        if known.start == start and not known.gone:
            self._note(known, None if isinstance(place, NotKnown) or place == OWN else place)

    def _note(self, known: Known, place: str | None) -> None:
        if place != known.facts.place:
            self._logbook.note(known, events.Place(place=place))
