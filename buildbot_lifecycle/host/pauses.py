"""Waiting, in Twisted's own ways: for a while, for others' turn, and longer with each attempt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.application.internet import backoffPolicy
from twisted.internet import defer, task

from buildbot_lifecycle.host.clock import of

_T = TypeVar("_T")


def pause(clock: Any, seconds: float) -> defer.Deferred[None]:
    """Fires after so many seconds, whoever sets the wall clock. ``clock`` is the reactor, or a test's."""
    return task.deferLater(of(clock), seconds, lambda: None)


def breath(clock: Any) -> defer.Deferred[None]:
    """Let the reactor do what else there is to do."""
    return pause(clock, 0)


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
