"""Ages and limits where somebody sets the wall clock, or stops the process: no real time passes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer

from buildbot_lifecycle.act.policy import LOOK_EVERY, Policy
from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.ladder import check_eligible
from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.steady import SETTLE_SECONDS
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.master.situation import situation_of
from buildbot_lifecycle.service.run import Run
from buildbot_lifecycle.service.timekeeping import Timekeeping
from buildbot_lifecycle.shapes.times import by_wall
from tests.harness.two_clocks import TwoClocks
from tests.probe.test_logbook import NOT, STOPPING, SUB, Desk

HOUR = 3600.0
LIMIT = 100.0

#: Seconds between two signs of life.
BEAT = 20.0

JUMPS = pytest.mark.parametrize("jump", [HOUR, -HOUR])


class Machine(Desk):
    """A logbook on a machine with both clocks, and a worker whose start has just begun."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = TwoClocks()
        self.settings = parse({"stuck_after": {SUB: LIMIT}, "auto_release": {"after": 10}})[0]
        self.logbook = Logbook(self.machine.clock, lambda: self.settings, self)
        self.keeping = Timekeeping(self.machine.clock, self.logbook)
        self.keeping.start()
        self.goes(NOT, SUB)

    @property
    def level(self) -> str:
        return self.known.verdict.level

    @property
    def is_eligible(self) -> bool:
        now, verdict = self.logbook.now, self.logbook.verdict_now(self.known)
        try:
            check_eligible(
                self.known.facts, situation_of(self.known), verdict, override=False, now=now
            )
        except Refusal:
            return False
        return True


@JUMPS
def test_a_start_is_stuck_when_it_has_been_waited_for(jump: float) -> None:
    worker = Machine()
    worker.machine.run(10)
    worker.machine.set(jump)
    worker.machine.run(LIMIT - 12)
    assert worker.level != "stuck"
    assert not worker.is_eligible
    worker.machine.run(4)
    assert worker.level == "stuck"
    assert worker.is_eligible
    assert "for 1 min" in worker.known.verdict.reason


def test_what_was_stopped_does_not_call_its_workers_stuck_and_settles_first() -> None:
    worker = Machine()
    worker.machine.run(LIMIT - 1)
    worker.machine.stop(HOUR)
    # the second that was left is over, but what came meanwhile may not be read yet
    worker.machine.run(SETTLE_SECONDS - 1)
    assert worker.level != "stuck"
    assert worker.logbook.verdict_now(worker.known).level != "stuck"
    assert not worker.is_eligible
    worker.machine.run(2)
    assert worker.level == "stuck"


class Releaser:
    """Notes when it was asked to force."""

    def __init__(self, machine: TwoClocks) -> None:
        self.machine = machine
        self.asked: list[float] = []

    async def force(self, *_: Any) -> None:
        self.asked.append(self.machine.raw)


def released_by_policy(worker: Machine) -> list[float]:
    releaser: Any = Releaser(worker.machine)
    policy = Policy(worker.machine.clock, worker.logbook, releaser, lambda: worker.settings)
    policy.start()
    asked: list[float] = releaser.asked
    return asked


@JUMPS
def test_automatic_release_comes_when_it_is_due(jump: float) -> None:
    worker = Machine()
    began = worker.machine.raw
    asked = released_by_policy(worker)
    worker.machine.run(50)
    worker.machine.set(jump)
    worker.machine.run(LIMIT)
    assert asked
    assert LIMIT + 10 <= asked[0] - began <= LIMIT + 10 + 2 * LOOK_EVERY


def test_automatic_release_waits_a_full_look_longer_after_a_stop() -> None:
    worker = Machine()
    asked = released_by_policy(worker)
    worker.machine.run(LIMIT + 9)
    worker.machine.stop(HOUR)
    woke = worker.machine.raw
    worker.machine.run(30)
    assert asked
    assert asked[0] - woke >= SETTLE_SECONDS + LOOK_EVERY


@JUMPS
def test_signs_of_life_go_on_and_have_the_wall_clocks_time(jump: float, tmp_path: Any) -> None:
    machine = TwoClocks()
    beats: list[tuple[float, float]] = []

    def heartbeat(_: int, at: float) -> Any:
        beats.append((machine.raw, at - machine.reactor.seconds()))
        return defer.succeed(True)

    store: Any = SimpleNamespace(heartbeat=heartbeat)
    logbook: Any = SimpleNamespace(over=lambda _: None, failed=lambda _: None)
    master: Any = SimpleNamespace(reactor=machine.clock, basedir=str(tmp_path))
    nothing: Any = None
    run = Run(master, nothing, store, logbook, "token", nothing, nothing, nothing)
    run.incarnation = 1
    run._heartbeat.start(BEAT)
    machine.run(5)
    machine.set(jump)
    machine.run(4 * BEAT)
    assert len(beats) >= 4
    assert max(abs(apart) for _, apart in beats) < 0.01
    run.stop()


@JUMPS
def test_what_is_told_has_the_wall_clocks_times_and_no_span_is_negative(jump: float) -> None:
    worker = Machine()
    worker.machine.run(10)
    worker.machine.set(jump)
    worker.machine.run(10)
    worker.goes(SUB, STOPPING)
    facts = by_wall(worker.known.facts, worker.machine.clock.reckoning())
    wall = worker.machine.reactor.seconds()
    assert facts.state_since == pytest.approx(wall, abs=0.2)
    assert facts.episode is not None
    assert facts.episode.started_at == pytest.approx(wall - 20, abs=0.3)
    assert facts.episode.phases[0].since == facts.episode.started_at
    assert worker.known.facts.episode.seconds_in(State.SUBSTANTIATING) == pytest.approx(20, abs=0.3)


@JUMPS
def test_a_jump_is_an_event_of_workers_that_are_not_at_rest_and_stands_in_health(
    jump: float,
) -> None:
    worker = Machine()
    worker.machine.set(jump)
    worker.machine.run(2)
    assert [kind for _, kind in worker.recorded].count("clock") == 1
    state = worker.keeping.state()
    assert state.jumps == 1
    assert state.last_jump is not None
    assert state.last_jump.seconds == pytest.approx(jump, abs=0.1)
    worker.keeping.stop()
