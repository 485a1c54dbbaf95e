"""A machine whose wall clock can be set, and whose process can be stopped: no real time passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import task

from buildbot_lifecycle.host.clock import LOOK_SECONDS, Clock

#: What both of its clocks say at first.
RAW, WALL = 1000.0, 1_700_000_000.0

#: Seconds between two turns of its reactor.
TURN = 0.1


class _Reactor(task.Clock):
    """Twisted's own timers, which follow the wall clock."""

    def callFromThread(self, call: Callable[..., Any], *args: Any) -> None:  # noqa: N802 - its name
        self.callLater(0, call, *args)


class TwoClocks:
    """``reactor`` follows the wall clock, ``clock`` is ours."""

    def __init__(self) -> None:
        self.raw = RAW
        self.reactor = _Reactor()
        self.reactor.rightNow = WALL
        self.clock = Clock(self.reactor, lambda: self.raw, lambda: self.reactor.rightNow)
        self.clock.hold()

    def run(self, seconds: float) -> None:
        """So long everything goes its way."""
        turns = round(seconds / TURN)
        looks = round(LOOK_SECONDS / TURN)
        for turn in range(turns):
            if turn % looks == 0:
                self.clock.look()
            self.raw += TURN
            self.reactor.advance(TURN)

    def stop(self, seconds: float) -> None:
        """SIGSTOP, and SIGCONT after so many seconds."""
        self.raw += seconds
        self.reactor.rightNow += seconds

    def set(self, seconds: float) -> None:
        """Somebody sets the wall clock."""
        self.reactor.rightNow += seconds
