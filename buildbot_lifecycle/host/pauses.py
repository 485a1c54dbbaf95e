"""Waiting, in Twisted's own ways: for a while, for others' turn, and longer with each attempt."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.application.internet import backoffPolicy
from twisted.internet import defer, task

from buildbot_lifecycle.host.clock import of

_T = TypeVar("_T")

#: Seconds of work in the reactor's thread after which others have their turn, unless it is said.
TURN = 0.005


def pause(clock: Any, seconds: float) -> defer.Deferred[None]:
    """Fires after so many seconds, whoever sets the wall clock. ``clock`` is the reactor, or a test's."""
    return task.deferLater(of(clock), seconds, lambda: None)


def breath(clock: Any) -> defer.Deferred[None]:
    """Let the reactor do what else there is to do."""
    return pause(clock, 0)


class Turns:
    """For long work in the reactor's thread: awaited often, it lets others have their turn.

    They have it after so many seconds of work.
    """

    def __init__(self, clock: Any, seconds: float | None = None) -> None:
        self._clock = clock
        self._seconds = TURN if seconds is None else seconds
        self._since = time.perf_counter()

    async def __call__(self) -> None:
        if time.perf_counter() - self._since > self._seconds:
            await breath(self._clock)
            self._since = time.perf_counter()


def at_most(
    waiting: defer.Deferred[_T], seconds: float, clock: Any, instead: _T
) -> defer.Deferred[_T]:
    """The same, which fires with ``instead`` when it has not fired after so many seconds.

    It is cancelled then: who keeps it is told by its canceller.
    """
    return waiting.addTimeout(seconds, of(clock), onTimeoutCancel=lambda *_: instead)


def backoff(first: float, longest: float) -> Callable[[int], float]:
    """Seconds before the next attempt, by how many have failed before the last one: doubled each time."""
    return backoffPolicy(first, longest, factor=2.0, jitter=lambda: 0.0)
