"""No turn of the reactor is long in a census, however much there is: counted in lines, not by a clock.

What takes its turns by time (`host.pauses.Turns`) gets a time here that goes on with each line of ours
that is run. So the bound is the same on every machine, and work that never asks for its turn is seen.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from twisted.internet import defer

import buildbot_lifecycle
from buildbot_lifecycle.act.census import FIRST_AFTER
from buildbot_lifecycle.clouds.values import Can, Instance, Listing, State, place_of
from buildbot_lifecycle.core.states import State as WorkerState
from buildbot_lifecycle.host import pauses
from buildbot_lifecycle.master.logbook import Known
from tests.core.story import WORKER
from tests.probe.support import Driven
from tests.probe.test_census import PLACE, Scene

OURS = str(Path(buildbot_lifecycle.__file__).parent)

#: About the seconds that one line takes.
LINE = 0.2e-6

#: The longest turn, in seconds: what `Turns` gives, and one thing more. The law is 5 ms.
LONGEST = 0.003

MANY = 600


class Work:
    """Counts the lines of ours that are run, and the most of them in one turn."""

    def __init__(self) -> None:
        self.lines = 0
        self.turns: list[int] = []

    def perf_counter(self) -> float:
        return self.lines * LINE

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(OURS) else None

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        self.lines += 1
        return self._line

    def turn(self, call: Callable[[], None]) -> None:
        began, before = self.lines, sys.gettrace()
        sys.settrace(self.trace)
        try:
            call()
        finally:
            sys.settrace(before)
            self.turns.append(self.lines - began)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    made = Work()
    monkeypatch.setattr(pauses, "time", made)
    yield made
    assert len(made.turns) > 4, "it has taken turns"
    assert max(made.turns) * LINE <= LONGEST


class Fleet(Scene):
    """Many workers: each with its own instance, in one place or in places of their own."""

    def __init__(self, work: Work, *, own: bool = False, names: bool = True) -> None:
        super().__init__()
        self.work, self.own, self.listed = work, own, Listing(PLACE, ())
        self.clock.callLater = self.measured(self.clock.callLater)  # type: ignore[method-assign]
        facts = dataclasses.replace(self.story.up().facts, state=WorkerState.SUBSTANTIATED)
        self.fleet: dict[int, Known] = {}
        for number in range(MANY):
            named = {"instance": f"c-{number}"} if names else {"instance": None, "episode": None}
            mine = dataclasses.replace(facts, workerid=number, **named)  # type: ignore[arg-type]
            known = Known(number, f"w{number}", "Driven", Driven(f"w{number}"), mine)  # type: ignore[arg-type]
            known.watched.worker = number  # type: ignore[attr-defined]
            self.fleet[number] = known
        self.answer = Listing(PLACE, tuple(map(self.one, range(MANY))))

    def measured(self, later: Any) -> Any:
        def call_later(delay: float, call: Any, *args: Any, **kw: Any) -> Any:
            return later(delay, self.work.turn, lambda: call(*args, **kw))

        return call_later

    @staticmethod
    def one(number: int) -> Instance:
        return Instance(f"c-{number}", f"m-{number}", State.UP, "running", 1.0, "t3", ours=True)

    def known(self) -> Any:
        return list(self.fleet.values())

    def get(self, workerid: int) -> Known | None:
        return self.fleet.get(workerid)

    def mark(self, worker: Any) -> str:
        return f"m-{worker}"

    def name(self, worker: Any) -> str | None:
        return None

    def scope(self, worker: Any) -> defer.Deferred[Any]:
        return defer.succeed(("own", worker) if self.own else PLACE)

    def place(self, worker: Any, name: str | None = None) -> defer.Deferred[Any]:
        return defer.succeed("own" if self.own else place_of(PLACE))

    def list(self, worker: Any) -> defer.Deferred[Any]:
        if not self.own:
            return super().list(worker)
        return defer.succeed(Listing(("own", worker), (self.one(worker),)))

    def taken(self) -> None:
        """Two censuses, and each answer."""
        self.census.start()
        for _ in range(2):
            self.wait(FIRST_AFTER)
            self.census.refresh()
            self.wait(FIRST_AFTER)
        assert self.failures == []


def standings(scene: Fleet) -> dict[str, int]:
    return {k: n for k, n in scene.told[-1].items() if k != "total"}


@pytest.mark.parametrize("own", [False, True])
def test_of_many_workers_with_an_instance_each(work: Work, own: bool) -> None:
    scene = Fleet(work, own=own)
    scene.taken()
    assert standings(scene) == {"up": MANY}
    scene.census.is_gone(7, "c-7", "own" if own else place_of(PLACE))
    scene.wait(1)
    assert [row.seen for row in scene.rows() if row.workerid == 7] == [None]


def test_of_many_instances_that_are_nobodys_and_then_in_the_ledger(work: Work) -> None:
    scene = Fleet(work)
    scene.fleet = {WORKER: scene.fleet[WORKER]}
    scene.taken()
    assert standings(scene) == {"up": 1, "nobodys": MANY - 1}
    assert len(scene.opened) == MANY - 1


def test_of_many_that_the_master_believes_in_and_no_list_has(work: Work) -> None:
    scene = Fleet(work)
    scene.answer, scene.is_gone = Listing(PLACE, ()), True
    scene.taken()
    assert standings(scene) == {"missing": MANY}


def test_of_many_starts_without_a_name_and_instances_without_a_mark(work: Work) -> None:
    scene = Fleet(work, names=False)
    found = (Instance(f"c-{number}", None, State.UP, "running") for number in range(MANY))
    scene.answer = Listing(PLACE, tuple(found))
    scene.taken()
    assert standings(scene) == {"up": MANY, "unknown": MANY}


def test_of_many_that_cannot_list(work: Work) -> None:
    scene = Fleet(work)
    scene.able = frozenset({Can.GONE})
    scene.taken()
    assert standings(scene) == {"up": MANY}
