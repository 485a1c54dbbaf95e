"""Verdicts: what the rules say of a worker, and when they could say something else.

`judge` is a function of facts, thresholds and ``now``. Its answer carries ``due``: the next moment at
which, with no further event, the verdict would change. The service sets one timer for that moment,
so that a verdict turns by itself without anything being polled.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.episodes import Call, Facts
from buildbot_lifecycle.core.states import RESTING, STOPPING, State

#: Part of a threshold after which a wait is called slow.
SLOW_SHARE = 0.5

#: How long (seconds) a state or the call pending in it may last before it is stuck; None: for ever.
#: The reasons are in docs/configuration.
DEFAULT_STUCK_AFTER: dict[State, float | None] = {
    State.NOT_SUBSTANTIATED: 60.0,
    State.SUBSTANTIATING: 1200.0,
    State.SUBSTANTIATING_STARTING: 1200.0,
    State.SUBSTANTIATED: None,
    State.INSUBSTANTIATING: 600.0,
    State.INSUBSTANTIATING_SUBSTANTIATING: 600.0,
}

Thresholds = Mapping[State, "float | None"]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the rules say: a level, a code for programs, and a reason in words and numbers.

    ``since`` is when the judged wait began (epoch seconds), ``threshold_s`` its limit in seconds,
    ``due`` when the verdict would change by itself (None: never).
    """

    level: str
    code: str
    reason: str
    since: float | None = None
    threshold_s: float | None = None
    due: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "level": self.level,
            "code": self.code,
            "reason": self.reason,
            "since": self.since,
            "threshold_s": self.threshold_s,
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

#: Levels, worst first: of several waits the worst is told, and of equals the one that turns (or, of
#: stuck ones, turned) first.
LEVELS = ("stuck", "failed", "unknown", "slow", "ok")

_CALL_CODES = {
    "start_instance": "start_pending",
    "stop_instance": "stop_pending",
    "check_instance": "check_pending",
}


def judge(facts: Facts, thresholds: Thresholds, now: float) -> Verdict:
    """The verdict of a worker at ``now`` (epoch seconds)."""
    worst, due = _worst(facts, thresholds, now)
    # the turn of a lesser wait changes nothing that is told: the first one that does is due
    while due is not None:
        then, later = _worst(facts, thresholds, due)
        if (then.level, then.code) != (worst.level, worst.code):
            break
        due = later
    return dataclasses.replace(worst, due=due)


def _worst(facts: Facts, thresholds: Thresholds, now: float) -> tuple[Verdict, float | None]:
    """The worst of what is found at `now`, and when the next of all waits turns."""
    if facts.state is State.UNKNOWN:
        return DIED, None
    found = [
        verdict
        for verdict in (
            _judge_call(facts, thresholds, now),
            _judge_state(facts, thresholds, now),
            _judge_refused(facts, thresholds, now),
            _judge_failure(facts),
        )
        if verdict is not None
    ]
    if not found:
        return HEALTHY, None
    dues = [verdict.due for verdict in found if verdict.due is not None]
    return min(found, key=_rank), min(dues, default=None)


def _rank(verdict: Verdict) -> tuple[int, float]:
    turn = verdict.stuck_at if verdict.due is None else verdict.due
    return LEVELS.index(verdict.level), math.inf if turn is None else turn


def _graded(code: str, since: float, limit: float | None, now: float, text: str) -> Verdict:
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
        return Verdict("stuck", code, reason, since, limit, None)
    slow_at = since + limit * SLOW_SHARE
    if now >= slow_at:
        reason = f"{text} for {in_words(age)}; stuck after {in_words(limit)}"
        return Verdict("slow", code, reason, since, limit, since + limit)
    return Verdict("ok", code, f"{text} for {in_words(age)}", since, limit, slow_at)


def _threshold(thresholds: Thresholds, state: State) -> float | None:
    return thresholds.get(state, DEFAULT_STUCK_AFTER.get(state))


def _judge_call(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    call = facts.pending
    if call is None:
        return None
    limit = _threshold(thresholds, _state_of_call(call, facts))
    code = _CALL_CODES.get(call.call, "call_pending")
    text = f"{call.call} has not ended"
    if facts.state is State.INSUBSTANTIATING_SUBSTANTIATING:
        text = f"a build waits behind {call.call}, which has not ended"
        code = "substantiation_queued"
    return _graded(code, call.since, limit, now, text)


def _state_of_call(call: Call, facts: Facts) -> State:
    """The state whose limit holds for a pending call: where Buildbot's code makes that call.

    A check_instance that is still pending when the worker has connected holds the lock all the same.
    """
    if call.call == "stop_instance":
        return facts.state if facts.state in STOPPING else State.INSUBSTANTIATING
    return State.SUBSTANTIATING_STARTING


def _judge_state(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    if facts.state in RESTING or facts.state_since is None or facts.pending is not None:
        return None
    limit = _threshold(thresholds, facts.state)
    if facts.state is State.SUBSTANTIATED and limit is None:
        return None
    code, text = "state_overdue", f"in the state {facts.state.value}"
    if facts.state is State.SUBSTANTIATING_STARTING:
        text = "started, and the worker has not connected"
        if facts.connected:
            text = "connected, and not yet attached"
    return _graded(code, facts.state_since, limit, now, text)


def _judge_refused(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A worker that came back after its stop had ended, and was refused.

    A refusal while the stop is still busy is the ordinary fate of every worker whose stop takes longer
    than its reconnection: it says nothing.
    """
    if facts.survived_stop is None or facts.state not in RESTING:
        return None
    limit = _threshold(thresholds, State.NOT_SUBSTANTIATED)
    times = "once" if facts.refused == 1 else f"{facts.refused} times"
    text = f"the worker came back after it was stopped and was refused {times}, first"
    verdict = _graded("rejected_loop", facts.survived_stop, limit, now, text)
    return dataclasses.replace(verdict, reason=verdict.reason.replace("first for", "for"))


def _judge_failure(facts: Facts) -> Verdict | None:
    failure = facts.last_failure
    if failure is None:
        return None
    if failure.call == "stop_instance":
        reason = f"stop_instance failed ({failure.error}): the instance may still run"
        return Verdict("failed", "stop_failed", reason, facts.last_failure_at)
    if facts.failures_in_row < 1 and facts.state not in RESTING:
        return None
    reason = f"{failure.call} failed: {failure.error}"
    if facts.failures_in_row > 1:
        reason += f" ({facts.failures_in_row} starts in a row)"
    return Verdict("failed", "start_failed", reason, facts.last_failure_at)
