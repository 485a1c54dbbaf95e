"""The clock that ages, limits and timers of ours go by: `core.steady`, and timers on it.

Twisted's timers follow the wall clock (``twisted.python.runtime.seconds`` is ``time.time``): set back
by an hour, they come an hour late. Of ours only the next one is with the reactor at any time. A thread
looks twice a second at both clocks, and when the wall clock was set, or the process was stopped, the
reactor is told to set that one anew. Nothing of this touches Buildbot's own timers.

The cost, measured: see docs/architecture, Time.
"""

from __future__ import annotations

import functools
import math
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

from twisted.internet.base import DelayedCall
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from buildbot_lifecycle.core.steady import Gap, Jump, Reckoning, Steady
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pulse import Pulse
from buildbot_lifecycle.host.timers import Timers

#: Seconds between two looks at both clocks.
LOOK_SECONDS = 0.5

#: Seconds that may lie between the readings of two clocks that are compared.
_AT_ONCE = 0.01

Heard = Callable[["Jump | Gap"], None]


def _monotonic() -> Callable[[], float]:
    """A clock that nobody sets, in seconds.

    CLOCK_BOOTTIME, where there is one (Linux): it goes on while the machine is suspended, so that this is
    a gap as a stopped process is. CLOCK_MONOTONIC stands still then: workers would have their time all
    the same, but the resume would look like a wall clock that somebody has set, and be told as that.
    """
    boottime: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    if boottime is None:
        return time.monotonic
    return functools.partial(time.clock_gettime, boottime)


#: Read for each event: a function of ours around it would cost as much again.
monotonic = _monotonic()


@implementer(IReactorTime)
class Clock:
    """Steady time for one reactor. Give it wherever a ``clock`` is asked for.

    ``seconds`` is steady time and not the wall clock's: what leaves this process goes through `wall`,
    what comes in through `ahead` or `before`.
    """

    def __init__(
        self,
        reactor: Any,
        raw: Callable[[], float] = monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.reactor = reactor
        self._raw, self._wall = raw, wall
        # its holder reads a clock and tells `Steady` before anybody else does
        self._lock = threading.Lock()
        self._steady = Steady(raw(), wall())
        self._told_changes = 0
        self._pulse = Pulse("lifecycle-clock", LOOK_SECONDS, self.look)
        self._holders = 0
        self._heard: list[Heard] = []
        self._timers = Timers(reactor, self.seconds)

    # the time

    def seconds(self) -> float:
        """The present, in steady time."""
        with self._lock:
            raw = self._raw()
            if not self._holders:
                self._steady.resume(raw)
            return self._steady.now(raw)

    def wall(self, at: float) -> float:
        """A steady time by the wall clock as it goes now (epoch seconds)."""
        return self.reckoning()(at)

    def wall_now(self) -> float:
        """The present by the wall clock."""
        return self._wall()

    @property
    def by_wall(self) -> ByWall:
        """For what compares the present with times of the database."""
        return ByWall(self)

    def reckoning(self) -> Reckoning:
        """The same as `wall` for many times, and in any thread."""
        self.look()
        return self._steady.reckoning

    def ahead(self, wall: float) -> float:
        """A time to come of the wall clock, such as that of a timer of Twisted's, in steady time."""
        self.look()
        return self._steady.ahead(wall)

    def before(self, wall: float) -> float:
        """A past time of the wall clock in steady time."""
        self.look()
        return self._steady.before(wall)

    @property
    def settles_until(self) -> float:
        """Until when (steady) nothing is called stuck, since the process has just gone on."""
        return self._steady.settles_until

    # both clocks

    def hold(self) -> None:
        """Look at both clocks from now on; to be paired with `release`."""
        self._holders += 1
        if self._holders == 1:
            with self._lock:
                self._steady.resume(self._raw())
            if _is_running(self.reactor):
                self._pulse.start()

    def release(self) -> None:
        """Look no more, if nobody else holds it."""
        self._holders -= 1
        if not self._holders:
            self._pulse.stop()

    def tell(self, heard: Heard) -> None:
        """Call this, in the reactor's thread, with each jump and gap."""
        self._heard.append(heard)

    def tell_no_more(self, heard: Heard) -> None:
        """It was enough."""
        if heard in self._heard:
            self._heard.remove(heard)

    def look(self) -> None:
        """Compare both clocks. From any thread."""
        with self._lock:
            raw = self._raw()
            wall = self._wall()
            if not self._holders:
                self._steady.resume(raw)
            if self._raw() - raw <= _AT_ONCE:
                self._steady.compare(raw, wall)
            else:
                self._steady.now(raw)
            news, self._steady.news = self._steady.news, []
            changed = self._told_changes != self._steady.changes
            self._told_changes = self._steady.changes
        if changed:
            self.reactor.callFromThread(self._changed, news)

    def _changed(self, news: list[Jump | Gap]) -> None:
        self._timers.set_anew()
        for each in news:
            for heard in list(self._heard):
                try:
                    heard(each)
                except Exception:
                    log_error(None, "lifecycle: while telling of the clock")

    def callFromThread(self, call: Callable[..., Any], *args: Any, **kw: Any) -> None:
        """As the reactor's."""
        self.reactor.callFromThread(call, *args, **kw)

    # timers

    def callLater(
        self, delay: float, call: Callable[..., Any], *args: Any, **kw: Any
    ) -> DelayedCall:
        """As the reactor's, in steady time."""
        return self._timers.add(delay, call, args, kw)

    def getDelayedCalls(self) -> list[DelayedCall]:
        """The timers that have not fired."""
        return self._timers.alive()


class Plain:
    """The same of a reactor that is no real one, as in tests: its time is nobody's wall clock."""

    settles_until = -math.inf

    def __init__(self, reactor: Any) -> None:
        self.reactor = reactor

    def seconds(self) -> float:
        return float(self.reactor.seconds())

    def callLater(self, delay: float, call: Callable[..., Any], *args: Any, **kw: Any) -> Any:
        return self.reactor.callLater(delay, call, *args, **kw)

    def callFromThread(self, call: Callable[..., Any], *args: Any, **kw: Any) -> None:
        self.reactor.callFromThread(call, *args, **kw)

    @property
    def by_wall(self) -> ByWall:
        return ByWall(self)

    def wall(self, at: float) -> float:
        return at

    def wall_now(self) -> float:
        return float(self.reactor.seconds())

    def reckoning(self) -> Reckoning:
        return Reckoning()

    def ahead(self, wall: float) -> float:
        return wall

    def before(self, wall: float) -> float:
        return wall

    def hold(self) -> None:
        """Nothing to look at."""

    def release(self) -> None:
        """Nothing to look at."""

    def tell(self, heard: Heard) -> None:
        """Nobody sets it."""

    def tell_no_more(self, heard: Heard) -> None:
        """Nobody sets it."""


Steadily = Clock | Plain


class ByWall:
    """The wall clock's present, and timers that do not follow it."""

    def __init__(self, clock: Steadily) -> None:
        self.seconds = clock.wall_now
        self.callLater = clock.callLater


#: One for a process: what is kept of a worker outlives the service that recorded it.
_CLOCKS: weakref.WeakKeyDictionary[Any, Clock] = weakref.WeakKeyDictionary()


def of(reactor: Any) -> Any:
    """The clock (`Steadily`) that ages go by: of the process's reactor always the same one.

    Any to the type checker, which does not know that it is what Twisted takes as a ``clock``.
    """
    if isinstance(reactor, (Clock, Plain)):
        return reactor
    if not _is_running(reactor):
        return Plain(reactor)
    found = _CLOCKS.get(reactor)
    if found is None:
        found = _CLOCKS[reactor] = Clock(reactor)
    return found


def _is_running(reactor: Any) -> bool:
    """Whether it is the process's own, with the world's time."""
    return sys.modules.get("twisted.internet.reactor") is reactor
