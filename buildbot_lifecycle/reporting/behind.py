"""When it is told that the master is behind with its recording, and that it has caught up.

Nothing of it is looked up in the database, which may be what does not answer.
"""

from __future__ import annotations

import dataclasses

from buildbot_lifecycle.reporting.memory import Lag
from buildbot_lifecycle.reporting.times import is_due, past


def see(
    lag: Lag | None, since: float | None, wait: float | None, repeat: float | None, now: float
) -> Lag | None:
    """What there is to tell after a look: the oldest event has waited ``since``; None: none waits.

    ``wait`` are the seconds for which it must have waited, ``repeat`` those until it is told again; None:
    never.
    """
    if since is None:
        return lag and dataclasses.replace(lag, over_at=past(lag.over_at, now) or now)
    if lag is None:
        return Lag(since, noted_at=now) if is_due(since, wait, now) else None
    lag = dataclasses.replace(
        lag,
        since=min(lag.since, since),
        over_at=None,
        noted_at=past(lag.noted_at, now),
        told_at=past(lag.told_at, now),
    )
    if lag.noted_at is None and is_due(lag.told_at, repeat, now):
        return dataclasses.replace(lag, noted_at=now)
    return lag


def told(lag: Lag | None, is_over: bool, now: float) -> Lag | None:
    """The same after it was delivered that it lasts, or that it ``is_over``."""
    if lag is None or not is_over:
        return lag and dataclasses.replace(lag, noted_at=None, told_at=now)
    # behind again since, or not
    return None if lag.over_at is not None else Lag(now, noted_at=now)
