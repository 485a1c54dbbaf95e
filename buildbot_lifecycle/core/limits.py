"""Limits that depend on the worker: a start is not stuck while Buildbot itself still waits for it.

What the administrator has set is their word, also where it is shorter than the worker's own
``missing_timeout``. A default is nobody's word: for a start it is never below that time.
"""

from __future__ import annotations

from collections.abc import Mapping

from buildbot_lifecycle.core.states import STARTING


class Default(float):
    """A limit in seconds that nobody has set."""


def for_starts(
    limits: Mapping[str, float | None], missing_timeout: float | None
) -> Mapping[str, float | None]:
    """The limits, those of a start raised to ``missing_timeout`` (seconds) where nobody has set them."""
    raised: dict[str, float | None] = {
        state: Default(missing_timeout)
        for state in STARTING
        if missing_timeout is not None
        and isinstance(limit := limits.get(state), Default)
        and limit < missing_timeout
    }
    return {**limits, **raised} if raised else limits
