"""Verdicts on a state that lasts: a start without an answer, half a stop, an instance for nobody."""

from __future__ import annotations

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.states import RESTING, State
from buildbot_lifecycle.core.verdicts.calls import gives_up, with_obstacle
from buildbot_lifecycle.core.verdicts.verdict import Thresholds, Verdict, graded, limit_of


def of_state(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A state that lasts, with no call of the driver in it."""
    if facts.state in RESTING or facts.state_since is None or facts.pending is not None:
        return None
    if facts.half is not None:
        return None
    limit = limit_of(thresholds, facts.state)
    if facts.state is State.SUBSTANTIATED and limit is None:
        return None
    code, text = "state_overdue", f"in the state {facts.state.value}"
    if facts.found_locked:
        code = "pending_before_us"
        text = "a call was pending already when recording began, and has not ended"
    elif not (facts.attaching is facts.login is facts.duplicate_first is None):
        if not _lives(facts):
            return None  # it has come, or knocks: see of_kept_out and of_silence
        text = "a worker has come and lives, and is not attached"
    elif facts.state is State.SUBSTANTIATING_STARTING and not facts.connected:
        code, text = "never_connected", f"{_began(facts)} the worker has not connected"
    verdict = with_obstacle(graded(code, facts.state_since, limit, now, text), facts)
    return gives_up(verdict, facts, now)


def _began(facts: Facts) -> str:
    """How the start went on which a worker is awaited."""
    failure = None if facts.episode is None else facts.episode.failure
    if failure is None or failure.call != "start_instance":
        return "started, and"
    # a BaseException, such as asyncio's CancelledError: no `except Exception` of Buildbot's catches it
    return f"{failure.call} failed ({failure.error}), which Buildbot takes no notice of;"


def _lives(facts: Facts) -> bool:
    """Whether a worker that is not attached was heard of since its start, and is not silent by now."""
    if facts.duplicate_first is not None or facts.unanswered is not None:
        return False
    return (
        facts.sign is not None and facts.state_since is not None and facts.sign >= facts.state_since
    )


def of_half(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A stop that a BaseException has broken off."""
    if facts.half is None:
        return None
    text = "the stop broke off half way, and nothing of Buildbot's goes on with it"
    return graded(
        "half_insubstantiated",
        facts.half,
        limit_of(thresholds, "half_insubstantiated"),
        now,
        text,
    )


def of_lost(facts: Facts, now: float) -> Verdict | None:
    """A build that Buildbot has lost: it is certain at once, and nothing ends it by itself."""
    if not facts.lost_builds or facts.state in RESTING:
        return None
    builder, since = min(facts.lost_builds, key=lambda each: each[1])
    reason = (
        f"Buildbot broke off at an error of its own and has lost the build of {builder}"
        f" {in_words(max(0.0, now - since))} ago: it will never end, and the worker stays taken"
    )
    return Verdict("stuck", "build_lost", reason, since, 0.0, None)


def of_unwanted(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A build that waits for a start in vain, and a worker that is up for nobody."""
    since = facts.state_since
    if facts.forgotten is not None:
        text = "a build waits for a start of the worker that Buildbot has forgotten"
        limit = limit_of(thresholds, State.NOT_SUBSTANTIATED)
        return graded("build_forgotten", facts.forgotten, limit, now, text)
    idle = facts.state is State.SUBSTANTIATED and not facts.building
    if facts.unasked and idle and since is not None:
        text = "an instance is up that no build asked for any more"
        limit = limit_of(thresholds, "unasked_instance")
        return graded("unasked_instance", since, limit, now, text)
    return None
