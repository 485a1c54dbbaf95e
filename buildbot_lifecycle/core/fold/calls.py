"""Calls of the driver: what they say of the instance, and how they fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import Event, Kind, cut
from buildbot_lifecycle.core.facts import Call, Episode, Facts, Failure
from buildbot_lifecycle.core.fold.ends import cause_of
from buildbot_lifecycle.core.fold.steps import (
    STOPS,
    Step,
    changed,
    forget_failure,
    with_last_failure,
    with_name,
)
from buildbot_lifecycle.core.instances import never_had_instance
from buildbot_lifecycle.core.states import STOPPING
from buildbot_lifecycle.core.values import replace


def _on_call_started(facts: Facts, event: Event) -> Step:
    call = Call(event.data["call"], event.data["token"], event.at)
    facts = replace(_without_earlier(facts, call), calls=(*facts.calls, call))
    build, instance = event.data.get("build"), event.data.get("instance")
    changes: dict[str, Any] = {} if build is None else {"build": build}
    if instance is not None:
        # of a start: its name is known before it is there, and the episode gets it when that has ended
        facts = replace(facts, instance=instance)
    if instance is not None and call.call == "stop_instance":
        changes.update(instance=instance, stop_named=True)
    return changed(facts, **changes) if changes else Step(facts)


def _without_earlier(facts: Facts, call: Call) -> Facts:
    """A start makes another instance than the one that a failed stop has left, which has an entry."""
    if call.call not in ("start_machine", "start_instance") or facts.instance is None:
        return facts
    is_this_ones = facts.episode is not None and facts.episode.instance == facts.instance
    return facts if is_this_ones else replace(facts, instance=None)


def _on_call_ended(facts: Facts, event: Event) -> Step:
    token, call, outcome = event.data["token"], event.data["call"], event.data["outcome"]
    ended = [c for c in facts.calls if c.token == token]
    facts = replace(
        facts,
        calls=tuple(c for c in facts.calls if c.token != token),
        abandoned=tuple(c for c in facts.abandoned if c.token != token),
    )
    if event.data.get("late"):
        return Step(facts)
    if "instance" in event.data:
        facts = replace(facts, instance=event.data["instance"])
    changes = _timed(facts.episode, event, ended)
    if facts.instance is not None:
        changes["instance"] = facts.instance
    if outcome == "released":
        facts = replace(facts, abandoned=(*facts.abandoned, *ended))
        changes["released"] = True
    if event.data.get("base") and call == "stop_instance" and facts.state in STOPPING:
        # no `except Exception` of Buildbot's catches it: nothing is left that would walk back
        facts = replace(facts, half=event.at)
    if call == "start_instance":
        changes.update(_answer_of_start(event))
    facts, failed = _failed_or_fine(facts, event)
    changes.update(failed)
    return changed(facts, **changes) if changes else Step(facts)


def _failed_or_fine(facts: Facts, event: Event) -> tuple[Facts, dict[str, Any]]:
    """The facts after a call as it ended, and what of it changes the open episode."""
    call = event.data["call"]
    failure = _failure(event)
    if failure is not None and call == "stop_machine":
        # nothing of the episode: its own is over, and the next may wait for the machine already
        return with_last_failure(facts, failure, event.at), {}
    if failure is not None:
        facts, first = _with_failure(facts, event, failure)
        return facts, {"failure": first}
    if call in STOPS:
        if call == "stop_instance":
            facts = replace(facts, instance=None)
        if event.data["outcome"] != "released":
            facts = forget_failure(facts, of_stop=call)
    return facts, {}


def _on_where(facts: Facts, event: Event) -> Step:
    """Where a call hangs says nothing to the rules; the instance's name may be told with it."""
    return Step(with_name(facts, event))


def _answer_of_start(event: Event) -> dict[str, Any]:
    outcome = event.data["outcome"]
    no = outcome in ("false", "raised") and not event.data.get("unanswered")
    changes = {"start_answered": outcome in ("true", "other"), "nothing_made": no}
    if event.data.get("build_refused"):
        changes["build_refused"] = True
    return changes


def _timed(episode: Episode | None, event: Event, ended: Sequence[Call]) -> dict[str, Any]:
    """How long Buildbot has waited for start_instance or stop_instance, with what it had before."""
    spent = sum(max(0.0, event.at - each.since) for each in ended)
    call = event.data["call"]
    if episode is None or not ended:
        return {}
    if call == "start_instance":
        return {"start_s": (episode.start_s or 0.0) + spent, "start_ended_at": event.at}
    if call == "stop_instance":
        return {"stop_s": (episode.stop_s or 0.0) + spent}
    return {}


def _with_failure(facts: Facts, event: Event, failure: Failure) -> tuple[Facts, Failure]:
    """The facts after a call that failed, and the failure of its episode: the first is the cause."""
    cause = None if facts.episode is None else cause_of(facts.episode)
    told = failure
    if cause is not None and failure.call == "stop_instance" and cause.call != "stop_instance":
        if never_had_instance(facts):
            told = cause
        else:
            before = f"{failure.error}; before it, {cause.call} failed: {cause.error}"
            told = Failure(failure.call, cut(before, MAX_LINE) or "", failure.traceback)
    if event.data.get("build_refused") or (told is cause and _is_refused(facts.episode)):
        return facts, cause or failure  # the build's failure: nothing is wrong with the worker
    return with_last_failure(facts, told, event.at), cause or failure


def _is_refused(episode: Episode | None) -> bool:
    return episode is not None and episode.build_refused


def _failure(event: Event) -> Failure | None:
    """The failure that a call_ended event tells, or None: raised anything, or said False."""
    call, outcome = event.data["call"], event.data["outcome"]
    if outcome == "raised":
        error = cut(str(event.data.get("error", "")), MAX_LINE) or ""
        return Failure(call, error, cut(event.data.get("traceback")))
    said = event.data.get("error")
    if outcome == "other" and call == "check_instance" and said:
        return Failure(call, cut(str(said), MAX_LINE) or "", None)  # Buildbot cannot read it
    if outcome == "false" and call in _FAILING:
        if not said:
            value = event.data.get("value")
            said = f"returned {value}" if value else "said no (returned False)"
        return Failure(call, cut(str(said), MAX_LINE) or "", None)
    return None


#: Calls that fail by saying False, though of the answer of stop_machine Buildbot takes no notice.
_FAILING = ("start_instance", "stop_instance", "check_instance", "start_machine", "stop_machine")


HANDLERS = {
    Kind.CALL_STARTED: _on_call_started,
    Kind.CALL_ENDED: _on_call_ended,
    Kind.WHERE: _on_where,
}
