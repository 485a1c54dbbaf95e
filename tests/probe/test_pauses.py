"""Waiting with a limit, trying again, and what Buildbot is given to wait for."""

from __future__ import annotations

import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.host.edge import as_deferred
from buildbot_lifecycle.host.pauses import at_most, backoff, breath, pause


def test_what_comes_in_time_is_the_answer_and_leaves_no_timer() -> None:
    clock, waiting = task.Clock(), defer.Deferred[bool]()
    came: list[bool] = []
    at_most(waiting, 5, clock, instead=False).addCallback(came.append)
    clock.advance(4)
    waiting.callback(True)
    assert came == [True]
    assert clock.getDelayedCalls() == []


def test_what_is_too_late_is_answered_instead_and_its_keeper_lets_go_of_it() -> None:
    clock = task.Clock()
    kept: list[defer.Deferred[bool]] = []
    waiting: defer.Deferred[bool] = defer.Deferred(kept.remove)
    kept.append(waiting)
    came: list[bool] = []
    at_most(waiting, 5, clock, instead=False).addCallback(came.append)
    clock.advance(5)
    assert (came, kept) == ([False], [])


def test_an_error_of_its_own_is_no_delay() -> None:
    clock, waiting = task.Clock(), defer.Deferred[bool]()
    answered = at_most(waiting, 5, clock, instead=False)
    waiting.errback(OSError("no space"))
    failures: list[object] = []
    answered.addErrback(lambda failure: failures.append(failure.type))
    assert failures == [OSError]


@pytest.mark.parametrize(
    ("failed", "seconds"), [(0, 0.5), (1, 1), (4, 8), (5, 15), (9, 15), (10**6, 15)]
)
def test_each_attempt_waits_twice_as_long_up_to_the_longest(failed: int, seconds: float) -> None:
    assert backoff(0.5, 15)(failed) == seconds


def test_a_breath_is_a_turn_of_the_reactor_and_a_pause_its_seconds() -> None:
    clock = task.Clock()
    came: list[str] = []
    breath(clock).addCallback(lambda _: came.append("breath"))
    pause(clock, 2).addCallback(lambda _: came.append("pause"))
    assert came == []
    clock.advance(0)
    assert came == ["breath"]
    clock.advance(2)
    assert came == ["breath", "pause"]


def test_what_buildbot_calls_begins_at_once_and_is_a_deferred() -> None:
    begun: list[int] = []
    later: defer.Deferred[str] = defer.Deferred()

    class Service:
        @as_deferred
        async def start(self, number: int) -> str:
            begun.append(number)
            return await later

    answered = Service().start(7)
    assert begun == [7]
    assert isinstance(answered, defer.Deferred)
    later.callback("up")
    came: list[str] = []
    answered.addCallback(came.append)
    assert came == ["up"]
