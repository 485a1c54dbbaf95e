"""What an observation costs, counted in calls of functions: the same on every machine.

The times are in docs/benchmarks. A bound is what was counted when it was written, and a tenth more.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from buildbot.worker.latent import States
from twisted.internet import task

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.learned import Adaptive
from buildbot_lifecycle.core.settings import Current, Settings
from buildbot_lifecycle.core.states import State, transition_data
from buildbot_lifecycle.master.logbook import IN_A_TURN, Known, Logbook
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.watch.probe import PROBE
from buildbot_lifecycle.watch.watched import Watched
from tests.harness.counted import calls
from tests.probe.support import Driven, Plain
from tests.probe.test_logbook import Desk

#: Calls of functions of Python for the five transitions of an episode, and with `adaptive`.
#: They were 735 and 804 before a rule was asked only where it has something to say.
OF_AN_EPISODE, WITH_ADAPTIVE = 385, 405


class Nowhere:
    def record(self, known: Any, event: Any, episodes: Any) -> None: ...

    def record_verdict(self, known: Any) -> None: ...


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
        self.logbook.note(self.known, events.Attached(peer="127.0.0.1"))
        self._to(States.SUBSTANTIATED, States.INSUBSTANTIATING)
        self.logbook.note(self.known, events.Detached(by_master=True))
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


def many(number: int) -> Desk:
    """A logbook with so many workers, each in its first episode."""
    desk = Desk()
    for workerid in range(100, 100 + number):
        worker = desk.new_worker(desk.watched.worker.parent)
        worker.workerid = workerid
        worker.__dict__["state"] = States.SUBSTANTIATING
        data = transition_data(State.NOT_SUBSTANTIATED, State.SUBSTANTIATING)
        desk.logbook.observe(Watched(worker), Kind.TRANSITION, data)
    return desk


def test_the_numbers_of_a_commit_cost_the_same_whatever_the_number_of_workers() -> None:
    counted = []
    for number in (10, 300):
        desk = many(number)
        known = desk.logbook.get(105)
        assert known is not None
        assert known.facts.episode is not None
        numbers = {known.facts.episode.first_seq: 17}
        counted.append(calls(functools.partial(desk.logbook.committed, numbers), built_in=True))
        assert known.facts.episode.id == 17
    assert counted[0] == counted[1]


def test_a_number_that_comes_when_the_episode_is_over_is_no_other_ones() -> None:
    desk = many(1)
    known = desk.logbook.get(100)
    assert known is not None
    assert known.facts.episode is not None
    first = known.facts.episode.first_seq
    to_rest = transition_data(State.SUBSTANTIATING, State.NOT_SUBSTANTIATED)
    desk.logbook.observe(known.watched, Kind.TRANSITION, to_rest)
    again = transition_data(State.NOT_SUBSTANTIATED, State.SUBSTANTIATING)
    desk.logbook.observe(known.watched, Kind.TRANSITION, again)
    desk.logbook.committed({first: 17})
    assert known.facts.episode.id is None
    desk.logbook.committed({known.facts.episode.first_seq: 18})
    assert known.facts.episode.id == 18


def test_when_limits_change_workers_are_judged_some_in_each_turn() -> None:
    desk = many(3 * IN_A_TURN)
    desk.settings = Settings(stuck_after={State.SUBSTANTIATING: 1e-9})
    turns, before = [], 0
    desk.clock.advance(1)
    desk.verdicts.clear()
    desk.logbook.rejudge_all()
    while True:
        turns.append(len(desk.verdicts) - before)
        before = len(desk.verdicts)
        left = [call for call in desk.clock.calls if call.func == desk.logbook._rejudge_some]
        if not left:
            break
        for call in left:
            desk.clock.calls.remove(call)
            call.func(*call.args)
    assert turns == [IN_A_TURN] * 3
    assert all(known.verdict.level == "stuck" for known in desk.logbook.known())
