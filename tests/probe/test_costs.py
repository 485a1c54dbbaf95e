"""What an observation costs, counted in calls of functions: the same on every machine.

The times are in docs/benchmarks. A bound is what was counted when it was written, and a tenth more.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from buildbot.worker.latent import States
from twisted.internet import task

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.learned import Adaptive
from buildbot_lifecycle.core.settings import Current, Settings
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch.probe import PROBE
from tests.probe.support import Driven, Plain

#: Calls of functions of Python for the five transitions of an episode, and with `adaptive`.
#: They were 735 and 804 before a rule was asked only where it has something to say.
OF_AN_EPISODE, WITH_ADAPTIVE = 385, 405


class Nowhere:
    def record(self, known: Any, event: Any, episodes: Any) -> None: ...

    def record_verdict(self, known: Any) -> None: ...


def calls(doing: Callable[[], None]) -> int:
    """How many functions of Python are called."""
    counted = 0

    def count(_frame: Any, what: str, _arg: Any) -> None:
        nonlocal counted
        counted += what == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        doing()
    finally:
        sys.setprofile(before)
    return counted


class Book:
    """A logbook with one worker."""

    def __init__(self) -> None:
        self.settings = Current()
        clock = task.Clock()
        clock.advance(1.8e9)
        self.logbook = Logbook(clock, self.settings, Nowhere())
        self.worker: Any = Driven("w")
        self.worker.parent, self.worker.workerid = Plain(), 1
        self.worker.parent.workers.namedServices["w"] = self.worker
        (watched,) = PROBE.subscribe(self.worker.master, self.logbook)
        self.logbook.baseline(watched)

    @property
    def known(self) -> Known:
        known = self.logbook.get(1)
        assert known is not None
        return known

    def episode(self) -> int:
        """One life of an instance; how many calls its five transitions were."""
        self.counted = 0
        self._to(States.SUBSTANTIATING, States.SUBSTANTIATING_STARTING)
        self.logbook.note(self.known, Kind.ATTACHED, {"peer": "127.0.0.1"})
        self._to(States.SUBSTANTIATED, States.INSUBSTANTIATING)
        self.logbook.note(self.known, Kind.DETACHED, {"by_master": True})
        self._to(States.NOT_SUBSTANTIATED)
        return self.counted

    def _to(self, *states: Any) -> None:
        for state in states:
            self.counted += calls(functools.partial(setattr, self.worker, "state", state))


@pytest.fixture
def book() -> Iterator[Book]:
    made = Book()
    yield made
    PROBE.unsubscribe(made.worker.parent)
    Plain.made.clear()


def test_a_transition_is_observed_by_so_many_calls(book: Book) -> None:
    book.episode()
    assert book.episode() <= OF_AN_EPISODE
    assert not book.logbook.errors


def test_what_was_learnt_costs_little_more(book: Book) -> None:
    for state in State:
        for seconds in range(200):
            book.logbook.remember(1, "Driven", state, seconds)
    book.settings.settings = Settings(adaptive=Adaptive())
    book.episode()
    assert book.episode() <= WITH_ADAPTIVE
    assert not book.logbook.errors


def test_no_timer_is_made_anew_while_a_worker_starts(book: Book) -> None:
    book.worker.state = States.SUBSTANTIATING
    timer = book.known.timer
    book.worker.state = States.SUBSTANTIATING_STARTING
    assert book.known.timer is timer
    assert timer.getTime() == pytest.approx(book.known.verdict.due, abs=0.01)
    book.worker.state = States.SUBSTANTIATED
    assert book.known.timer is None
    assert not timer.active()
