"""The clock that ages, limits and timers of ours go by: `core.steady`, and timers on it.

Twisted's timers follow the wall clock (``twisted.python.runtime.seconds`` is ``time.time``): set back
by an hour, they come an hour late. Of ours only the next one is with the reactor at any time. A thread
looks twice a second at both clocks, and when the wall clock was set, or the process was stopped, the
reactor is told to set that one anew. Nothing of this touches Buildbot's own timers.

The cost, measured: see docs/architecture, Time.
"""

from __future__ import annotations

import functools
import heapq
import itertools
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

#: Seconds between two looks at both clocks.
LOOK_SECONDS = 0.5

#: Seconds by which the reactor is asked to come later than a timer is due, so that it never comes before.
_LATE = 0.0002

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
        self._timers: list[tuple[float, int, DelayedCall]] = []
        self._numbers = itertools.count()
        self._alive = 0
        self._armed: Any = None
        self._armed_for = 0.0

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
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        self._arm()
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
        at = self.seconds() + max(0.0, delay)
        timer = DelayedCall(at, call, args, kw, self._cancelled, self._sooner, self.seconds)
        self._alive += 1
        self._put(timer)
        return timer

    def getDelayedCalls(self) -> list[DelayedCall]:
        """The timers that have not fired."""
        return list({id(timer): timer for _, _, timer in self._timers if timer.active()}.values())

    def _put(self, timer: DelayedCall) -> None:
        heapq.heappush(self._timers, (timer.time, next(self._numbers), timer))
        self._arm()

    def _cancelled(self, timer: DelayedCall) -> None:
        """Called before the timer knows of it. Its place is left; many such places are cleared."""
        self._alive -= 1
        if not self._alive:
            self._timers.clear()
            self._arm()
        elif len(self._timers) > 2 * self._alive + 50:
            left = [entry for entry in self._timers if entry[2].active() and entry[2] is not timer]
            self._timers = left
            heapq.heapify(self._timers)

    def _sooner(self, timer: DelayedCall) -> None:
        # where it stood it is passed over, since it will have been called
        self._put(timer)

    def _arm(self) -> None:
        """Let the reactor call when the first timer is due."""
        while self._timers and not self._timers[0][2].active():
            heapq.heappop(self._timers)
        if not self._timers:
            if self._armed is not None:
                self._armed.cancel()
                self._armed = None
            return
        at = self._timers[0][0]
        if self._armed is not None:
            if self._armed_for <= at:
                return  # too soon does no harm
            self._armed.cancel()
        delay = at - self.seconds()
        self._armed_for = at
        self._armed = self.reactor.callLater(delay + _LATE if delay > 0 else 0, self._fire)

    def _fire(self) -> None:
        self._armed = None
        try:
            for timer in self._due():
                if timer.active():
                    self._call(timer)
        finally:
            self._arm()

    def _due(self) -> list[DelayedCall]:
        """What is due now; what is asked for meanwhile has the next turn, as with the reactor's."""
        now, due = self.seconds(), []
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if not timer.active():
                continue
            if timer.delayed_time > 0:
                timer.activate_delay()
            if timer.time > now:
                heapq.heappush(self._timers, (timer.time, next(self._numbers), timer))
            else:
                due.append(timer)
        return due

    def _call(self, timer: DelayedCall) -> None:
        self._alive -= 1
        timer.called = 1
        try:
            timer.func(*timer.args, **timer.kw)
        except Exception:
            log_error(None, "lifecycle: a timer has failed")


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
