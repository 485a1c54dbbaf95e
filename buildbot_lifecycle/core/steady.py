"""Steady time: what this process has waited for, whatever becomes of the wall clock.

Steady time is the wall clock of the moment in which the counting began, plus the seconds since then in
which the process ran. It leaves out two things that a wall clock has: what somebody added to that clock
or took from it (a *jump*), and the time in which the process did not run and so could look at nothing (a
*gap*: SIGSTOP, a suspended machine). So an age is the time for which somebody has looked.

`Steady` reads no clock: it is told what two clocks say. While there was no jump and no gap, steady time
and the wall clock are the same number.
"""

from __future__ import annotations

import dataclasses
import math
from bisect import bisect_left
from collections.abc import Sequence

#: Seconds by which the wall clock may differ from what was counted; more is taken over.
DRIFT_SECONDS = 0.05

#: Seconds of a jump that is told to people. Less is what a daemon that sets the clock does at times.
JUMP_SECONDS = 3.0

#: Seconds for which nobody looked that are a gap. Less is a busy machine's everyday.
GAP_SECONDS = 3.0

#: Seconds after a gap, or a jump forward that may have been a suspended machine, in which nothing is
#: called stuck: what the others have sent meanwhile is still to be read.
SETTLE_SECONDS = 5.0

#: Seconds by which what comes first after a gap is later than what was last before it.
_AFTER = 0.001

#: Gaps and jumps that are remembered, to turn old times into the wall clock's.
_KEPT = 1000


@dataclasses.dataclass(frozen=True)
class Jump:
    """The wall clock was set: by so many seconds, back if negative. ``at`` is steady."""

    at: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class Gap:
    """The process did not run for so many seconds. ``at`` is steady: it stood still meanwhile."""

    at: float
    seconds: float


class Steady:
    """Counts from ``raw`` (a monotonic clock) and ``wall`` (epoch seconds) of one moment. Not locked."""

    def __init__(self, raw: float, wall: float) -> None:
        self._zero = wall - raw
        self._seen = raw
        self._lost = 0.0
        self._offset = 0.0
        # each gap: when it was, and what all up to it have lost
        self._gaps: list[tuple[float, float]] = []
        # each step of the wall clock: when it was seen (counted without gaps), and the offset before it
        self._steps: list[tuple[float, float]] = []
        #: until when nothing is called stuck (steady)
        self.settles_until = -math.inf
        #: how often either of these has changed
        self.changes = 0
        #: what people are to be told of, and were not yet
        self.news: list[Jump | Gap] = []

    def now(self, raw: float) -> float:
        """The present. ``raw`` is never less than in the call before."""
        if raw - self._seen > GAP_SECONDS:
            self._missed(raw)
        self._seen = raw
        return raw + self._zero - self._lost

    def resume(self, raw: float) -> None:
        """Nobody has looked, and the process ran all the same: nobody was asked to."""
        self._seen = raw

    def _missed(self, raw: float) -> None:
        gap, at = raw - self._seen, self._seen + self._zero - self._lost
        self._lost += gap - _AFTER
        self.changes += 1
        self._gaps = [*self._gaps[1 - _KEPT :], (at, self._lost)]
        self.settles_until = at + SETTLE_SECONDS
        self.news.append(Gap(at, gap))

    def compare(self, raw: float, wall: float) -> None:
        """Take over what the wall clock says, if it was set."""
        at, counted = self.now(raw), raw + self._zero
        seconds = wall - counted - self._offset
        if abs(seconds) <= DRIFT_SECONDS:
            return
        self._steps = [*self._steps[1 - _KEPT :], (counted, self._offset)]
        self._offset += seconds
        self.changes += 1
        if abs(seconds) > JUMP_SECONDS:
            self.news.append(Jump(at, seconds))
            if seconds > 0:
                self.settles_until = at + SETTLE_SECONDS

    @property
    def reckoning(self) -> Reckoning:
        """For turning times into the wall clock's, as of now; it does not change, in any thread."""
        return Reckoning(self._offset, self._gaps)

    def ahead(self, wall: float) -> float:
        """When the wall clock says so, if nobody sets it: of a time that is still to come."""
        return wall - self._offset - self._lost

    def before(self, wall: float) -> float:
        """When the wall clock has said so: of a time that is past."""
        end = self._seen + self._zero
        counted = wall - self._offset
        for at, offset in reversed(self._steps):
            if at <= counted <= end:
                break
            counted, end = wall - offset, at
        counted, latest = min(counted, self._seen + self._zero), math.inf
        for at, lost in reversed(self._gaps):
            if counted - lost > at:
                return min(counted - lost, latest)
            latest = at
        return min(counted, latest)


@dataclasses.dataclass(frozen=True)
class Reckoning:
    """Turns steady times into the wall clock's."""

    offset: float = 0.0
    gaps: Sequence[tuple[float, float]] = ()

    @property
    def is_identity(self) -> bool:
        """Whether steady time and the wall clock are the same number, as they mostly are."""
        return not self.gaps and not self.offset

    def __call__(self, at: float) -> float:
        place = bisect_left(self.gaps, (at,))
        return at + self.offset + (self.gaps[place - 1][1] if place else 0.0)


#: For what has the wall clock's times already.
SAME = Reckoning()
