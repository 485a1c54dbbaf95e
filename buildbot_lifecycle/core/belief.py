"""Whether the wall clock may be believed where rows are deleted by their age.

What was deleted does not come back, and a clock that is months ahead makes everything old. No clock
shows by itself that it is wrong. But it goes on from where it was: a master that looks each hour finds it
a little later than the last time, also after a restart or some days of rest. When it is much later, the
master was down for long, or somebody has set the clock. Both look alike, so neither is guessed: nothing
is deleted until the clock has gone on for a day. That costs a day's rows if it is right, and gives
whoever runs the machine a day to mend it if it is not.

A clock that is behind is believed: by it less is old.
"""

from __future__ import annotations

import dataclasses

DAY = 86400.0

#: Seconds by which the clock may be later than when it was last believed: a long weekend with the master
#: down. As many days too early, at most, something is deleted by a clock that is wrong by less.
AHEAD = 7 * DAY

#: Seconds for which the clock has to go on, once doubted, until it is believed.
CONFIRMED = DAY


@dataclasses.dataclass(frozen=True)
class Belief:
    """Of one master: wall-clock times at which its clock was last believed, and since when it is not."""

    believed_at: float
    doubted_at: float | None = None

    @property
    def goes_on_at(self) -> float | None:
        """When it is believed if nobody sets it; None: it is."""
        return None if self.doubted_at is None else self.doubted_at + CONFIRMED


def look(before: Belief, now: float, was_set: bool = False) -> Belief:
    """What is believed when the clock says ``now``; ``was_set``: somebody set it since the last look."""
    if now - before.believed_at <= AHEAD:
        return Belief(now)
    since = before.doubted_at
    if since is None or was_set or not 0 <= now - since <= AHEAD:
        return Belief(before.believed_at, now)
    if now - since < CONFIRMED:
        return before
    return Belief(now)
