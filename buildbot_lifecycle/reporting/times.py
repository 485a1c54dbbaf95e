"""Times of what is told; all are seconds by the wall clock."""

from __future__ import annotations


def past(at: float | None, now: float) -> float | None:
    """A time that has been: the wall clock may have been set back since."""
    return None if at is None else min(at, now)


def is_due(since: float | None, wait: float | None, now: float) -> bool:
    """Whether what has lasted ``since`` then has lasted for so long; None: it never is."""
    return since is not None and wait is not None and now >= since + wait
