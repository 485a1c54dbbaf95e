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
from buildbot_lifecycle.core.facts import Call, Facts
from buildbot_lifecycle.core.limits import Default
from buildbot_lifecycle.core.refusals import is_loop, over_at
from buildbot_lifecycle.core.signs import silent_since, wait
from buildbot_lifecycle.core.states import RESTING, STARTING, STOPPING, State

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

#: Starts that failed in a row, from which on it is told as a loop.
LOOP_FAILURES = 3

Thresholds = Mapping[str, "float | None"]


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
LEVELS = ("stuck", "failed", "unknown", "slow", "ok")

_CALL_CODES = {
    "start_instance": "start_pending",
    "stop_instance": "stop_pending",
    "check_instance": "check_pending",
    "start_machine": "machine_pending",
    "stop_machine": "machine_pending",
}


def judge(facts: Facts, thresholds: Thresholds, now: float) -> Verdict:
    """The verdict of a worker at ``now`` (epoch seconds)."""
    worst, due = _worst(facts, thresholds, now)
    # the turn of a lesser wait changes nothing that is told: the first one that does is due
    while due is not None:
        then, later = _worst(facts, thresholds, due)
        if (then.level, then.code) != (worst.level, worst.code):
            break
        # a rule that is due at its own moment again must not hold the reactor
        due = later if later is not None and later > due else None
    return dataclasses.replace(worst, due=due)


def wait_ends_at(facts: Facts, thresholds: Thresholds) -> float | None:
    """When what Buildbot waits for is too old: the pending call, else a start that nothing answers.

    None if nothing is waited for, or if it has no limit. A stop of the master waits until then.
    """
    call = facts.pending
    if call is not None:
        limit, since = _threshold(thresholds, _state_of_call(call, facts)), call.since
    elif facts.state in STARTING and facts.state_since is not None:
        limit, since = _threshold(thresholds, facts.state), facts.state_since
    else:
        return None
    return None if limit is None else since + limit


def held_by_silence(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """The verdict on a connection that may never end, for which a stop would wait; None: there is none.

    A silent worker's, or one that is left over. A call that is pending is waited for first.
    """
    if facts.pending is not None:
        return None
    verdict = _judge_silence(facts, thresholds, now)
    if verdict is not None and verdict.code in ("stale_connection", "frozen_worker"):
        return verdict
    return None


def _worst(facts: Facts, thresholds: Thresholds, now: float) -> tuple[Verdict, float | None]:
    """The worst of what is found at `now`, and when the next of all waits turns."""
    if facts.state is State.UNKNOWN:
        return DIED, None
    found = [
        verdict
        for verdict in (
            _judge_call(facts, thresholds, now),
            _judge_state(facts, thresholds, now),
            _judge_half(facts, thresholds, now),
            _judge_connection(facts, thresholds, now),
            _judge_silence(facts, thresholds, now),
            _judge_unwanted(facts, thresholds, now),
            _judge_leaving(facts, thresholds, now),
            _judge_refused(facts, thresholds, now),
            _judge_failure(facts, now),
            _judge_left(facts, now),
            _judge_graceful(facts, now),
            _judge_quarantine(facts, now),
            _judge_crash(facts),
        )
        if verdict is not None
    ]
    if not found:
        return HEALTHY, None
    dues = [verdict.due for verdict in found if verdict.due is not None]
    return min(found, key=_rank), min(dues, default=None)


def _rank(verdict: Verdict) -> tuple[int, bool, float]:
    turn = verdict.stuck_at if verdict.due is None else verdict.due
    # of two things that failed, the one with an error says more than the one that came of it
    behind = verdict.level == "failed" and verdict.code == "rejected_loop"
    return LEVELS.index(verdict.level), behind, math.inf if turn is None else turn


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
        compared = getattr(limit, "compared", None)
        if compared is not None:
            reason += f" ({compared(age)})"
        return Verdict("stuck", code, reason, since, float(limit), None)
    slow_at = since + limit * SLOW_SHARE
    if now >= slow_at:
        reason = f"{text} for {in_words(age)}; stuck after {in_words(limit)}"
        return Verdict("slow", code, reason, since, limit, since + limit)
    return Verdict("ok", code, f"{text} for {in_words(age)}", since, limit, slow_at)


def _threshold(thresholds: Thresholds, key: str) -> float | None:
    return thresholds.get(key, DEFAULT_STUCK_AFTER.get(key))


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
    verdict = _with_obstacle(_graded(code, call.since, limit, now, text), facts)
    if call.call == "start_machine":
        return _gives_up(verdict, facts, now)
    if call.call in ("start_instance", "check_instance") and verdict.level != "ok":
        return _add(verdict, "Buildbot cannot give up before it has ended")
    return verdict


def _add(verdict: Verdict, said: str) -> Verdict:
    return dataclasses.replace(verdict, reason=f"{verdict.reason}; {said}")


def _gives_up(verdict: Verdict, facts: Facts, now: float) -> Verdict:
    """The verdict on a start that Buildbot itself ends at some time, with that time."""
    if facts.gives_up_at is None or facts.state not in STARTING:
        return verdict
    left = facts.gives_up_at - now
    return _add(verdict, f"Buildbot gives up in {in_words(left)}") if left > 0 else verdict


def _with_obstacle(verdict: Verdict, facts: Facts) -> Verdict:
    """A wait for the worker, with what is known of why it does not come."""
    episode = facts.episode
    if episode is None or episode.obstacle is None or facts.state not in STARTING:
        return verdict
    return _add(verdict, episode.obstacle)


def _state_of_call(call: Call, facts: Facts) -> State:
    """The state whose limit holds for a pending call: where Buildbot's code makes that call.

    A check_instance that is still pending when the worker has connected holds the lock all the same.
    """
    if call.call == "stop_instance":
        return facts.state if facts.state in STOPPING else State.INSUBSTANTIATING
    if call.call == "stop_machine":
        return State.INSUBSTANTIATING
    if call.call == "start_machine":
        return State.SUBSTANTIATING
    return State.SUBSTANTIATING_STARTING


def _judge_state(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    if facts.state in RESTING or facts.state_since is None or facts.pending is not None:
        return None
    if facts.half is not None:
        return None
    limit = _threshold(thresholds, facts.state)
    if facts.state is State.SUBSTANTIATED and limit is None:
        return None
    code, text = "state_overdue", f"in the state {facts.state.value}"
    if facts.found_locked:
        code = "pending_before_us"
        text = "a call was pending already when recording began, and has not ended"
    elif not (facts.attaching is facts.login is facts.duplicate_first is None):
        if not _lives(facts):
            return None  # it has come, or knocks: see _judge_connection and _judge_silence
        text = "a worker has come and lives, and is not attached"
    elif facts.state is State.SUBSTANTIATING_STARTING and not facts.connected:
        code, text = "never_connected", "started, and the worker has not connected"
    verdict = _with_obstacle(_graded(code, facts.state_since, limit, now, text), facts)
    return _gives_up(verdict, facts, now)


def _lives(facts: Facts) -> bool:
    """Whether a worker that is not attached was heard of since its start, and is not silent by now."""
    if facts.duplicate_first is not None or facts.unanswered is not None:
        return False
    return (
        facts.sign is not None and facts.state_since is not None and facts.sign >= facts.state_since
    )


def _judge_half(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    if facts.half is None:
        return None
    text = "the stop broke off half way, and nothing of Buildbot's goes on with it"
    return _graded(
        "half_insubstantiated",
        facts.half,
        _threshold(thresholds, "half_insubstantiated"),
        now,
        text,
    )


def _judge_connection(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A worker that is kept out by an older connection."""
    if facts.duplicate_first is not None and not facts.connected:
        text = (
            f"an older connection keeps the worker out ({facts.duplicates} rejected as duplicate)"
        )
        limit = _threshold(thresholds, "duplicate_arbitration")
        return _graded("duplicate_arbitration", facts.duplicate_first, limit, now, text)
    return None


def _judge_silence(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A worker that is waited for and not heard. Stuck only if it was asked, and has not answered."""
    awaited = wait(facts)
    if awaited is None:
        return None
    since, limit = silent_since(facts, awaited), _threshold(thresholds, awaited.code)
    verdict = _graded(awaited.code, since, limit, now, awaited.text)
    if verdict.level == "stuck" and facts.unanswered is None:
        reason = f"{awaited.text} for {in_words(now - since)}; asked whether it lives"
        verdict = dataclasses.replace(verdict, level="slow", reason=reason)
    elif verdict.level == "stuck" and facts.unanswered is not None:
        asked = in_words(now - facts.unanswered)
        verdict = _add(verdict, f"asked whether it lives {asked} ago, it has not answered")
    if since > awaited.since:
        # as long as it is heard, how long a build takes to stop is the build's business
        whole = in_words(max(0.0, now - awaited.since))
        verdict = _add(verdict, f"it has been waited for for {whole}, and it lives")
    return verdict


def _judge_unwanted(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A build that waits for a start in vain, and a worker that is up for nobody."""
    since = facts.state_since
    if facts.forgotten is not None:
        text = "a build waits for a start of the worker that Buildbot has forgotten"
        limit = _threshold(thresholds, State.NOT_SUBSTANTIATED)
        return _graded("build_forgotten", facts.forgotten, limit, now, text)
    idle = facts.state is State.SUBSTANTIATED and not facts.building
    if facts.unasked and idle and since is not None:
        text = "an instance is up that no build asked for any more"
        limit = _threshold(thresholds, "unasked_instance")
        return _graded("unasked_instance", since, limit, now, text)
    return None


def _judge_leaving(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    if facts.leaving is None or facts.state is State.SHUT_DOWN:
        return None
    text = "a reconfiguration removes this worker and waits for it, so that no worker can log in,"
    return _graded(
        "reconfig_frozen", facts.leaving, _threshold(thresholds, "reconfig_frozen"), now, text
    )


def _judge_left(facts: Facts, now: float) -> Verdict | None:
    """A worker whose connection is gone while it was idle, and that nobody has told to go."""
    idle = facts.state is State.SUBSTANTIATED and not facts.building and not facts.connected
    wait = facts.build_wait_timeout
    # without a wait, Buildbot stops it in the same moment; of one shut down gracefully it is told below
    if facts.left is None or not idle or wait == 0 or facts.graceful is not None:
        return None
    went = "was shut down from Buildbot's page" if facts.left_asked else "left by itself"
    ago = in_words(max(0.0, now - facts.left))
    reason = f"the worker {went} {ago} ago; its instance may still run. "
    if wait is not None and wait > 0:
        reason += f"Buildbot stops it {in_words(wait)} after its last build, or for the next build"
    else:
        reason += "Buildbot stops it only for the next build, and starts it anew then"
    return Verdict("failed", "worker_left", reason, facts.left)


def _judge_graceful(facts: Facts, now: float) -> Verdict | None:
    """A latent worker that was shut down gracefully: no build starts it, and nothing else would."""
    if facts.graceful is None or facts.state is State.SHUT_DOWN:
        return None
    ago = in_words(max(0.0, now - facts.graceful))
    reason = (
        f"asked to shut down gracefully {ago} ago: Buildbot starts no build on it any more,"
        " until the master is restarted, or the worker is taken out of the configuration and put back"
    )
    if facts.left is not None and facts.state is State.SUBSTANTIATED:
        reason += "; its worker has left, and its instance may still run"
    return Verdict("failed", "shut_down_gracefully", reason, facts.graceful)


def _judge_quarantine(facts: Facts, now: float) -> Verdict | None:
    if facts.quarantine_until is None:
        return None
    return Verdict("ok", "quarantined", _in_quarantine(facts, now), None)


def _in_quarantine(facts: Facts, now: float) -> str:
    left = max(0.0, (facts.quarantine_until or now) - now)
    return f"in quarantine: Buildbot starts no build on it for {in_words(left)}"


def _judge_crash(facts: Facts) -> Verdict | None:
    crashed = [orphan for orphan in facts.orphans if orphan.cause == "crash"]
    if not crashed:
        return None
    reason = "the master died while an instance was up; it may still run"
    return Verdict("failed", "crash_open", reason, min(orphan.since for orphan in crashed))


def _judge_refused(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A worker that came back after its stop had ended, and was refused, until it stays away."""
    if not is_loop(facts) or facts.survived_stop is None:
        return None
    limit = _threshold(thresholds, State.NOT_SUBSTANTIATED)
    over = over_at(facts, limit)
    if over is not None and now >= over:
        return None
    times = "once" if facts.refused == 1 else f"{facts.refused} times"
    text = f"the worker came back after it was stopped and was refused {times}, first"
    verdict = _graded("rejected_loop", facts.survived_stop, limit, now, text)
    if verdict.level == "stuck" and not facts.held:
        # nothing of it holds the master, and there is nothing to release; but it still runs somewhere
        verdict = dataclasses.replace(verdict, level="failed")
    due = min((at for at in (verdict.due, over) if at is not None), default=None)
    return dataclasses.replace(verdict, reason=verdict.reason.replace("first for", "for"), due=due)


def _judge_failure(facts: Facts, now: float) -> Verdict | None:
    failure = facts.last_failure
    if failure is None:
        return None
    if failure.call == "stop_instance":
        reason = f"stop_instance failed ({failure.error}): the instance may still run"
        return Verdict("failed", "stop_failed", reason, facts.last_failure_at)
    if facts.failures_in_row < 1 and facts.state not in RESTING:
        return None
    reason = f"{failure.call} failed: {failure.error}"
    code = "start_failed"
    if facts.failures_in_row > 1:
        reason += f" ({facts.failures_in_row} starts in a row)"
    if facts.failures_in_row >= LOOP_FAILURES:
        code = "start_failed_loop"
    if facts.quarantine_until is not None:
        reason += f"; {_in_quarantine(facts, now)}"
    return Verdict("failed", code, reason, facts.last_failure_at)
