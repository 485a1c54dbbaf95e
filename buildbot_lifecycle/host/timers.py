"""Timers on a clock of ours: of all of them, only the first is with the reactor."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from typing import Any

from twisted.internet.base import DelayedCall

from buildbot_lifecycle.host.log import log_error

#: Seconds by which the reactor is asked to come later than a timer is due, so that it never comes before.
_LATE = 0.0002

#: Timers that are called in one turn of the reactor. Thousands of workers may be due in one moment.
IN_A_TURN = 20


class Timers:
    """A heap of them. ``seconds`` is the clock by which they are due."""

    def __init__(self, reactor: Any, seconds: Callable[[], float]) -> None:
        self._reactor = reactor
        self._seconds = seconds
        self._timers: list[tuple[float, int, DelayedCall]] = []
        self._numbers = itertools.count()
        self._alive = 0
        self._armed: Any = None
        self._armed_for = 0.0

    def add(
        self, delay: float, call: Callable[..., Any], args: tuple[Any, ...], kw: dict[str, Any]
    ) -> DelayedCall:
        """One more."""
        at = self._seconds() + max(0.0, delay)
        timer = DelayedCall(at, call, args, kw, self._cancelled, self._sooner, self._seconds)
        self._alive += 1
        self._put(timer)
        return timer

    def alive(self) -> list[DelayedCall]:
        """Those that have not fired."""
        return list({id(timer): timer for _, _, timer in self._timers if timer.active()}.values())

    def set_anew(self) -> None:
        """The clock and the reactor's time have parted: ask the reactor again."""
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        self._arm()

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
        delay = at - self._seconds()
        self._armed_for = at
        self._armed = self._reactor.callLater(delay + _LATE if delay > 0 else 0, self._fire)

    def _fire(self) -> None:
        self._armed = None
        try:
            for timer in self._due():
                if not timer.active():
                    continue
                if timer.delayed_time > 0:  # by one that came before it
                    timer.activate_delay()
                    heapq.heappush(self._timers, (timer.time, next(self._numbers), timer))
                    continue
                self._call(timer)
        finally:
            self._arm()

    def _due(self) -> list[DelayedCall]:
        """What is due now, or a turn's worth of it: others have their turn before the rest.

        What is asked for meanwhile has a later turn, as with the reactor's.
        """
        now, due = self._seconds(), list[DelayedCall]()
        while self._timers and self._timers[0][0] <= now and len(due) < IN_A_TURN:
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
