"""Which other masters live: told by heartbeats that are seen to change, never by comparing two clocks.

Each master writes a sign of life every few seconds, with the time of its own clock. Who watches looks
at it every few seconds too, and counts by a steady clock of its own for how long it has not changed. So
it is of no account what the other's clock says, or whether it was set.

Only looks that had an answer count, and none for more than the time between two looks: a watcher that was
stopped, or that could not read, has not seen that another was silent.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

#: Seconds between two heartbeats, and between two looks at those of others.
BEAT_SECONDS, LOOK_SECONDS = 5.0, 2.0

#: The same where no second master can be expected (SQLite): each heartbeat is a write to the disk.
LONE_BEAT_SECONDS, LONE_LOOK_SECONDS = 20.0, 8.0

#: So many heartbeats have to be missed.
MISSED = 3

#: How many of the last heartbeats the difference of two clocks is taken from.
_SAMPLES = 12

#: Seconds of difference between two clocks that people are told of.
TOLD_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class Pace:
    """How often a master shows that it lives, and how often others look."""

    beat: float = BEAT_SECONDS
    look: float = LOOK_SECONDS

    @property
    def silence(self) -> float:
        """Seconds without a heartbeat after which a master is dead."""
        return MISSED * self.beat


#: For a database that several masters can share, and for SQLite.
SHARED, LONE = Pace(), Pace(LONE_BEAT_SECONDS, LONE_LOOK_SECONDS)


@dataclasses.dataclass(frozen=True)
class Beat:
    """The newest incarnation of a master, as a look has found it."""

    masterid: int
    incarnation: int
    heartbeat: float
    ended: bool


@dataclasses.dataclass(frozen=True)
class Pulse:
    """What is known of one incarnation: ``silent`` seconds were seen without a change.

    ``behind`` are the last differences between the own clock and a heartbeat that had just changed, the
    newest last: what the other's clock is behind, and for how long the heartbeat had been there already.
    """

    beat: Beat
    silent: float = 0.0
    behind: tuple[float, ...] = ()

    @property
    def ahead_s(self) -> float | None:
        """How far the other's clock is ahead of the own one; None: not known yet."""
        return -min(self.behind) if self.behind else None


def see(
    pulses: Iterable[Pulse], beats: Iterable[Beat], since_last: float, wall: float, pace: Pace
) -> tuple[Pulse, ...]:
    """What is known after a look that found ``beats``.

    ``since_last`` are the steady seconds since the look before it, ``wall`` is the own wall clock.
    """
    known = {pulse.beat.masterid: pulse for pulse in pulses}
    return tuple(
        _seen(known.get(beat.masterid), beat, since_last, wall, pace)
        for beat in sorted(beats, key=lambda beat: beat.masterid)
    )


def _seen(known: Pulse | None, beat: Beat, since_last: float, wall: float, pace: Pace) -> Pulse:
    if known is None or known.beat.incarnation != beat.incarnation:
        return Pulse(beat)
    if known.beat.heartbeat == beat.heartbeat:
        silent = known.silent + min(max(0.0, since_last), 2 * pace.look)
        return dataclasses.replace(known, beat=beat, silent=silent)
    # the look before has not seen it: it is no older than that look
    newest, age = wall - beat.heartbeat, max(since_last, pace.look)
    behind = known.behind
    if behind and newest - min(behind) > age + TOLD_SECONDS / 2:
        behind = ()  # one of the two clocks was set
    return Pulse(beat, behind=(*behind, newest)[-_SAMPLES:])


def is_dead(pulse: Pulse, pace: Pace) -> bool:
    """Whether it was silent for too long, without having said that it ends."""
    return not pulse.beat.ended and pulse.silent >= pace.silence


def is_live(pulse: Pulse, pace: Pace) -> bool:
    """Whether what it wrote down can be taken for current. One just met has the benefit of the doubt."""
    return not pulse.beat.ended and not is_dead(pulse, pace)
