"""Timers on steady time: they come when they are due, whoever sets the wall clock."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from twisted.internet import reactor, task
from twisted.python import log

from buildbot_lifecycle.core.steady import Gap, Jump
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.clock import Clock
from buildbot_lifecycle.host.pulse import Pulse
from buildbot_lifecycle.host.timers import IN_A_TURN
from tests.harness.two_clocks import TwoClocks
from tests.harness.waiting import wait_until

HOUR = 3600.0


@pytest.fixture
def logged_errors():
    """How many errors of a class were logged."""
    events = []
    log.addObserver(events.append)
    yield lambda kind: sum(
        event.get("failure") is not None and event["failure"].check(kind) is not None
        for event in events
    )
    log.removeObserver(events.append)


def timers_of(reactor):
    return [call for call in reactor.getDelayedCalls() if call.active()]


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_timer_comes_in_time_whoever_sets_the_wall_clock(jump):
    machine = TwoClocks()
    fired = []
    machine.clock.callLater(10, lambda: fired.append(machine.raw))
    began = machine.raw
    machine.run(4)
    machine.set(jump)
    machine.run(5.5)
    assert not fired
    machine.run(1.5)
    assert fired == [pytest.approx(began + 10, abs=0.6)]


def test_the_reactors_own_timer_comes_an_hour_late_then():
    """What the clock is there for: seen on Twisted's own, so that the test above says something."""
    machine = TwoClocks()
    fired = []
    machine.reactor.callLater(10, fired.append, "late")
    machine.set(-HOUR)
    machine.run(60)
    assert not fired


def test_what_was_stopped_has_its_time_all_the_same():
    machine = TwoClocks()
    fired, told = [], []
    machine.clock.tell(told.append)
    machine.clock.callLater(10, fired.append, "now")
    machine.run(4)
    machine.stop(600)
    machine.run(5)
    assert not fired
    machine.run(2)
    assert fired == ["now"]
    [gap] = told
    assert isinstance(gap, Gap)
    assert gap.seconds == pytest.approx(600, abs=1)


def test_a_looping_call_goes_on_at_its_own_pace():
    machine = TwoClocks()
    beats = []
    loop = task.LoopingCall(lambda: beats.append(machine.raw))
    loop.clock = machine.clock
    loop.start(2.0)
    for jump in (HOUR, -2 * HOUR, HOUR):
        machine.run(6)
        machine.set(jump)
    machine.run(6)
    assert 12 <= len(beats) <= 14
    between = [b - a for a, b in itertools.pairwise(beats)]
    assert max(between) <= 3
    loop.stop()
    assert not timers_of(machine.reactor)


def test_those_who_ask_are_told_of_a_jump_once():
    machine = TwoClocks()
    told = []
    machine.clock.tell(told.append)
    machine.set(-HOUR)
    machine.run(2)
    [jump] = told
    assert isinstance(jump, Jump)
    assert jump.seconds == pytest.approx(-HOUR)
    machine.clock.tell_no_more(told.append)


def test_one_who_fails_when_told_holds_up_nobody(logged_errors):
    machine = TwoClocks()
    told = []
    machine.clock.tell(lambda _: 1 / 0)
    machine.clock.tell(told.append)
    machine.set(HOUR)
    machine.run(1)
    assert len(told) == 1
    assert logged_errors(ZeroDivisionError) == 1


def test_a_timer_that_fails_holds_up_no_other(logged_errors):
    machine = TwoClocks()
    fired = []
    machine.clock.callLater(1, lambda: 1 / 0)
    machine.clock.callLater(1, fired.append, 1)
    machine.run(2)
    assert fired == [1]
    assert logged_errors(ZeroDivisionError) == 1


def test_cancelled_timers_leave_nothing_behind():
    machine = TwoClocks()
    timers = [machine.clock.callLater(100 + i, lambda: None) for i in range(1000)]
    assert len(timers_of(machine.reactor)) == 1
    for timer in timers[:-1]:
        timer.cancel()
    assert machine.clock.getDelayedCalls() == timers[-1:]
    assert len(machine.clock._timers._timers) < 200
    timers[-1].cancel()
    assert not machine.clock.getDelayedCalls()
    assert not timers_of(machine.reactor)


def test_a_timer_can_be_put_off_and_brought_forward():
    machine = TwoClocks()
    fired = []
    later = machine.clock.callLater(2, fired.append, "later")
    sooner = machine.clock.callLater(100, fired.append, "sooner")
    later.delay(8)
    sooner.reset(4)
    machine.run(5)
    assert fired == ["sooner"]
    machine.run(6)
    assert fired == ["sooner", "later"]
    assert not timers_of(machine.reactor)


def test_what_a_timer_asks_for_at_once_has_the_next_turn():
    machine = TwoClocks()
    turns = []

    def again() -> None:
        turns.append(machine.raw)
        if len(turns) < 3:
            machine.clock.callLater(0, again)

    machine.clock.callLater(0, again)
    machine.run(2)
    assert len(turns) == 3


def test_a_reactor_that_is_not_the_processs_keeps_its_own_time():
    fake = task.Clock()
    fake.advance(5)
    plain = clocks.of(fake)
    assert plain.seconds() == 5
    assert plain.wall(3) == 3
    assert plain.reckoning().is_identity
    fired = []
    plain.callLater(1, fired.append, 1)
    fake.advance(1)
    assert fired == [1]
    assert clocks.of(plain) is plain


def test_the_processs_reactor_has_one_clock():
    found = clocks.of(reactor)
    assert isinstance(found, Clock)
    assert clocks.of(reactor) is found
    assert clocks.of(found) is found
    assert abs(found.wall(found.seconds()) - time.time()) < 1


def test_a_pulse_ends_when_it_is_told_to():
    beats = []
    pulse = Pulse("lifecycle-test", 0.01, lambda: beats.append(1))
    pulse.start()
    wait_until(lambda: len(beats) > 3, 10, "no beat")
    pulse.stop()
    pulse.stop()
    wait_until(
        lambda: not any(t.name == "lifecycle-test" for t in threading.enumerate()), 10, "it goes on"
    )


def test_of_thousands_of_timers_of_one_moment_some_are_called_in_each_turn():
    machine = TwoClocks()
    fired, turns = [], []
    for number in range(1000):
        machine.clock.callLater(10, fired.append, number)
    machine.run(9)
    machine.raw += 2
    machine.reactor.rightNow += 2
    while machine.reactor.calls:
        # one turn: `advance` would do what is begun meanwhile, too
        due, machine.reactor.calls = list(machine.reactor.calls), []
        before = len(fired)
        for call in due:
            call.called = 1
            call.func(*call.args, **call.kw)
        turns.append(len(fired) - before)
    assert fired == list(range(1000))
    assert max(turns) == IN_A_TURN


def test_a_timer_that_another_one_of_its_turn_puts_off_comes_when_it_is_due():
    machine = TwoClocks()
    fired = []
    later = []
    machine.clock.callLater(10, lambda: later[0].reset(5))
    later.append(machine.clock.callLater(10, lambda: fired.append(machine.raw)))
    began = machine.raw
    machine.run(14)
    assert not fired
    machine.run(2)
    assert fired == [pytest.approx(began + 15, abs=0.6)]
