"""Waiting, in Twisted's own ways: for a while, for others' turn, and longer with each attempt."""

from __future__ import annotations

import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.application.internet import backoffPolicy
from twisted.internet import defer, task

from buildbot_lifecycle.host.clock import of

_T = TypeVar("_T")

#: Seconds of work in the reactor's thread after which others have their turn, unless it is said. It is
#: less than half of the five milliseconds that a turn of the reactor may take because of us: a piece of
#: work may begin when another one's time is nearly over.
TURN = 0.002


def pause(clock: Any, seconds: float) -> defer.Deferred[None]:
    """Fires after so many seconds, whoever sets the wall clock. ``clock`` is the reactor, or a test's."""
    return task.deferLater(of(clock), seconds, lambda: None)


def breath(clock: Any) -> defer.Deferred[None]:
    """Let the reactor do what else there is to do.

    All who wait so stand in one line: twenty long answers together hold one turn of the reactor no
    longer than a single one does.
    """
    reactor = of(clock).reactor
    line = _LINES.get(reactor)
    if line is None:
        line = _LINES[reactor] = _Line(reactor)
    return line.join()


class _Line:
    """Those who wait for their turn, first come, first served, for `TURN` seconds in one iteration."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = weakref.ref(reactor)
        self._waiting: deque[defer.Deferred[None]] = deque()
        self._due: Any = None

    def join(self) -> defer.Deferred[None]:
        waiter: defer.Deferred[None] = defer.Deferred(self._leave)
        self._waiting.append(waiter)
        self._arm()
        return waiter

    def _leave(self, waiter: defer.Deferred[None]) -> None:
        if waiter in self._waiting:
            self._waiting.remove(waiter)

    def _arm(self) -> None:
        reactor = self._reactor()
        if self._due is None and reactor is not None:
            self._due = of(reactor).callLater(0, self._turn)

    def _turn(self) -> None:
        self._due = None
        until = time.perf_counter() + TURN
        # who joins meanwhile has the next turn
        for _ in range(len(self._waiting)):
            if not self._waiting:
                break
            self._waiting.popleft().callback(None)
            if time.perf_counter() >= until:
                break
        if self._waiting:
            self._arm()


#: One for a reactor: it is the reactor's time that is shared.
_LINES: weakref.WeakKeyDictionary[Any, _Line] = weakref.WeakKeyDictionary()


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
