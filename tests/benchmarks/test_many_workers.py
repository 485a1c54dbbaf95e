"""The reactor's part of a transition, commit and message included, at 10 to 5,000 workers; and the
longest turn when all of them become stuck in one moment.

    pytest tests/benchmarks/test_many_workers.py -m benchmark -s

The database is one that has written at once: its own time is not the reactor's. Buildbot's queue is the
real one, with a consumer of its own for each worker, as Buildbot has, and one page that is open.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from buildbot.mq.simple import SimpleMQ
from twisted.internet import defer, task

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import State, transition_data
from buildbot_lifecycle.db.entries import Committed
from buildbot_lifecycle.db.group import Group, Written
from buildbot_lifecycle.db.recorder import Recorder
from buildbot_lifecycle.diagnose.where import Locator
from buildbot_lifecycle.history.recent import Recent
from buildbot_lifecycle.host.clock import Clock
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.service.news import News
from buildbot_lifecycle.service.notes import WhereItHangs
from buildbot_lifecycle.service.recording import Recording
from buildbot_lifecycle.service.recording import Written as WhenWritten
from buildbot_lifecycle.watch.watched import Watched
from tests.benchmarks.rows import fastest, tell
from tests.probe.support import Driven, Plain

pytestmark = pytest.mark.benchmark

NUMBERS = (10, 50, 1000, 5000)

WAY = [
    State.NOT_SUBSTANTIATED,
    State.SUBSTANTIATING,
    State.SUBSTANTIATING_STARTING,
    State.SUBSTANTIATED,
    State.INSUBSTANTIATING,
    State.NOT_SUBSTANTIATED,
]


class AtOnce:
    """A database that has written at once."""

    def __init__(self) -> None:
        self.ids = 0

    def do(self, function: Any, /, *args: Any) -> Any:
        raise NotImplementedError

    def do_with_transaction(self, _: Any, /, *args: Any) -> Any:
        group: Group = args[0]
        committed, episodes = [], {}
        for entry in group.entries:
            self.ids += 1
            committed.append(Committed(entry.event, self.ids, None))
            episodes.update({each.first_seq: each.first_seq for each in entry.episodes})
        return defer.succeed(Written(committed, episodes))


class Master:
    """All between the probe and a page, with so many workers."""

    def __init__(self, many: int) -> None:
        self.clock = task.Clock()
        self.clock.advance(1.8e9)
        self.steady = Clock(self.clock, self.clock.seconds, self.clock.seconds)
        self.mq = SimpleMQ()
        for number in range(many):
            self.mq.startConsuming(lambda *_: None, ("control", "worker", str(number), None))
        self.heard = 0
        self.mq.startConsuming(self._hear, ("lifecycle", None, None))
        settings = Settings()
        self.logbook = Logbook(self.steady, lambda: settings)
        master = SimpleNamespace(mq=self.mq, masterid=1, reactor=self.steady)
        news, recent = News(master), Recent(self.steady, None, 1)  # type: ignore[arg-type]
        recorder = Recorder(
            AtOnce(),
            self.steady,
            1,
            WhenWritten(self.logbook, recent, news).events,
            next_seq=self.logbook.next_seq,
            on_verdicts=news.verdicts,
        )
        self.logbook.write_to(Recording(self.steady, self.logbook, recorder, recent))
        self.logbook.on_verdict(WhereItHangs(self.logbook, Locator(None)).judged)
        recorder.start(1)
        plain = Plain()
        plain.reactor = self.steady
        self.workers = [self._new(plain, number + 1) for number in range(many)]
        Plain.made.clear()
        self.turn_all()

    def _hear(self, _key: Any, _message: Any) -> None:
        self.heard += 1

    def _new(self, master: Any, workerid: int) -> Watched:
        worker: Any = Driven(f"w{workerid}")
        worker.parent, worker.workerid = master, workerid
        watched = Watched(worker)
        self.logbook.baseline(watched)
        return watched

    def episode(self, watched: Watched) -> float:
        """Microseconds of one transition, of five, with all that comes of each."""
        spent = 0.0
        for before, after in itertools.pairwise(WAY):
            data = transition_data(before, after)
            begun = time.perf_counter()
            self.logbook.observe(watched, Kind.TRANSITION, data)
            self.turn_all()
            spent += time.perf_counter() - begun
        return spent / 5 * 1e6

    def some_episodes(self) -> float:
        """The same of ten workers."""
        return sum(map(self.episode, self.workers[:10])) / 10

    def turn_all(self) -> None:
        """What is due now, until there is nothing left."""
        for _ in self.turns():
            pass

    def turns(self) -> Iterator[float]:
        """Each turn of the reactor until nothing is due, in seconds of CPU."""
        while self.clock.calls and self.clock.calls[0].getTime() <= self.clock.seconds():
            now = self.clock.seconds()
            due = [call for call in self.clock.calls if call.getTime() <= now]
            self.clock.calls = [call for call in self.clock.calls if call.getTime() > now]
            begun = time.thread_time()
            for call in due:
                call.called = 1
                call.func(*call.args, **call.kw)
            yield time.thread_time() - begun


def test_a_transition_costs_the_reactor_the_same_whatever_the_number_of_workers() -> None:
    found = {}
    for many in NUMBERS:
        master = Master(many)
        found[many] = fastest(master.some_episodes, 40)
        assert not master.logbook.errors
        assert master.heard > 5 * 10 * 40
    told = ", ".join(f"{value:.0f} us" for value in found.values())
    ratio = found[NUMBERS[-1]] / found[NUMBERS[0]]
    tell("reactor CPU per transition at 10, 50, 1,000, 5,000", told, "its own at 10", ratio)
    assert ratio < 1.5


def test_thousands_that_become_stuck_in_one_moment_hold_no_turn_for_long() -> None:
    master = Master(5000)
    for watched in master.workers:
        data = transition_data(State.NOT_SUBSTANTIATED, State.SUBSTANTIATING)
        master.logbook.observe(watched, Kind.TRANSITION, data)
        watched.worker.__dict__["state"] = None
    master.turn_all()
    # to slow, and to stuck
    for seconds in (700.0, 700.0):
        master.clock.rightNow += seconds
        turns = sorted(master.turns())
    levels = {known.verdict.level for known in master.logbook.known()}
    assert levels == {"stuck"}
    tell(
        "5,000 workers turning stuck in one moment: longest turn",
        f"{turns[-1] * 1e3:.1f} ms",
        f"all of it {sum(turns):.2f} s, in {len(turns)} turns",
    )
    assert len(turns) > 100
