"""Verdicts on a call that Buildbot waits for, and on the start that it belongs to."""

from __future__ import annotations

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.facts import Call, Facts
from buildbot_lifecycle.core.states import STARTING, STOPPING, State
from buildbot_lifecycle.core.verdicts.verdict import (
    Thresholds,
    Verdict,
    graded,
    limit_of,
    with_more,
)

_CALL_CODES = {
    "start_instance": "start_pending",
    "stop_instance": "stop_pending",
    "check_instance": "check_pending",
    "start_machine": "machine_pending",
    "stop_machine": "machine_pending",
}


def of_call(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """The oldest call that Buildbot waits for."""
    call = facts.pending
    if call is None:
        return None
    limit = limit_of(thresholds, state_of_call(call, facts))
    code = _CALL_CODES.get(call.call, "call_pending")
    text = f"{call.call} has not ended"
    if facts.state is State.INSUBSTANTIATING_SUBSTANTIATING:
        text = f"a build waits behind {call.call}, which has not ended"
        code = "substantiation_queued"
    verdict = with_obstacle(graded(code, call.since, limit, now, text), facts)
    if call.call == "start_machine":
        return gives_up(verdict, facts, now)
    if call.call in ("start_instance", "check_instance") and verdict.level != "ok":
        return with_more(verdict, "Buildbot cannot give up before it has ended")
    return verdict


def gives_up(verdict: Verdict, facts: Facts, now: float) -> Verdict:
    """The verdict on a start that Buildbot itself ends at some time, with that time."""
    if facts.gives_up_at is None or facts.state not in STARTING:
        return verdict
    left = facts.gives_up_at - now
    return with_more(verdict, f"Buildbot gives up in {in_words(left)}") if left > 0 else verdict


def with_obstacle(verdict: Verdict, facts: Facts) -> Verdict:
    """A wait for the worker, with what is known of why it does not come."""
    episode = facts.episode
    if episode is None or episode.obstacle is None or facts.state not in STARTING:
        return verdict
    return with_more(verdict, episode.obstacle)


def state_of_call(call: Call, facts: Facts) -> State:
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
