"""A verdict as a value, the limits that it is measured against, and how one wait is graded by its age."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.facts import Time
from buildbot_lifecycle.core.limits import Default
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.values import replace

#: Part of a threshold after which a wait is called slow.
SLOW_SHARE = 0.5


#: How long (seconds) a state or the call pending in it may last before it is stuck; None: for ever.
#: The reasons are in docs/configuration.
DEFAULT_STUCK_AFTER: dict[str, float | None] = {
    State.NOT_SUBSTANTIATED: 60.0,
    # and never below the worker's own missing_timeout: see `limits.for_starts`
    State.SUBSTANTIATING: Default(1200.0),
    State.SUBSTANTIATING_STARTING: Default(1200.0),
    State.SUBSTANTIATED: None,
    State.INSUBSTANTIATING: 600.0,
    State.INSUBSTANTIATING_SUBSTANTIATING: 600.0,
    # situations that are shorter than the state they happen in; by their verdict's code
    "frozen_attach": 60.0,
    "frozen_worker": 120.0,
    "stale_connection": 60.0,
    "duplicate_arbitration": 60.0,
    "half_insubstantiated": 5.0,
    "unasked_instance": 300.0,
    "reconfig_frozen": 120.0,
}


Thresholds = Mapping[str, "float | None"]

#: As None is a limit: none.
_NOT_SET: Any = object()


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the rules say: a level, a code for programs, and a reason in words and numbers.

    ``since`` is when the judged wait began (epoch seconds), ``threshold_s`` its limit in seconds,
    ``due`` when the verdict would change by itself (None: never).
    """

    level: str
    code: str
    reason: str
    since: Time | None = None
    threshold_s: float | None = None
    due: Time | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "code": self.code,
            "reason": self.reason,
            "since": self.since,
            # a limit that nobody has set is a float of its own class, which no shape takes
            "threshold_s": None if self.threshold_s is None else float(self.threshold_s),
        }

    @property
    def stuck_at(self) -> float | None:
        """When the judged wait is (or becomes) stuck; None if it has no limit."""
        if self.since is None or self.threshold_s is None:
            return None
        return self.since + self.threshold_s


HEALTHY = Verdict("ok", "healthy", "nothing is waited for")


DIED = Verdict(
    "unknown",
    "master_died",
    "the master's process ended without stopping its workers; the instance may still run",
)


UNRECORDED = Verdict(
    "unknown",
    "recording_ended",
    "recording ended while the worker was active; what has become of it is not known",
)


UNREADABLE = Verdict(
    "unknown", "unreadable", "what is stored of this worker cannot be read; the log names it"
)


#: Levels, worst first: of several waits the worst is told, and of equals the one that turns (or, of
#: stuck ones, turned) first.
LEVELS = ("stuck", "attention", "failed", "unknown", "slow", "ok")


def graded(code: str, since: float, limit: float | None, now: float, text: str) -> Verdict:
    """A verdict on one wait by its age: ok, then slow, then stuck.

    ``text`` is the reason up to the numbers, as in "stop_instance has not ended".
    """
    age = max(0.0, now - since)
    if limit is None:
        return Verdict(
            "ok", code, f"{text} for {in_words(age)} (no limit is set)", since, None, None
        )
    if now >= since + limit:
        reason = f"{text} for {in_words(age)}, longer than its limit of {in_words(limit)}"
        compared = getattr(limit, "compared", None)
        if compared is not None:
            reason += f" ({compared(age)})"
        return Verdict("stuck", code, reason, since, float(limit), None)
    slow_at = since + limit * SLOW_SHARE
    if now >= slow_at:
        reason = f"{text} for {in_words(age)}; stuck after {in_words(limit)}"
        return Verdict("slow", code, reason, since, limit, since + limit)
    return Verdict("ok", code, f"{text} for {in_words(age)}", since, limit, slow_at)


def limit_of(thresholds: Thresholds, key: str) -> float | None:
    """The limit (seconds) of a state, or of a code that has one of its own; None: no limit."""
    limit: Any = thresholds.get(key, _NOT_SET)
    return DEFAULT_STUCK_AFTER.get(key) if limit is _NOT_SET else limit


def with_more(verdict: Verdict, said: str) -> Verdict:
    """The verdict with one more part of its reason."""
    return replace(verdict, reason=f"{verdict.reason}; {said}")
