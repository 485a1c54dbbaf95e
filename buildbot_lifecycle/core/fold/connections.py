"""Connections and signs of life."""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import Event, Kind, cut
from buildbot_lifecycle.core.facts import Facts, Failure
from buildbot_lifecycle.core.fold.ends import with_last_words
from buildbot_lifecycle.core.fold.steps import (
    Step,
    changed,
    forget_failure,
    obstructed,
    with_last_failure,
    with_name,
)
from buildbot_lifecycle.core.states import RESTING, State
from buildbot_lifecycle.core.values import replace


def _on_attaching(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, attaching=event.at, unanswered=None))


def _on_login_waits(facts: Facts, event: Event) -> Step:
    since = event.data.get("since", event.at)
    return Step(replace(facts, login=since, unanswered=None))


def _on_login_ended(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, login=None, unanswered=None))


def _on_duplicate(facts: Facts, event: Event) -> Step:
    if not event.data.get("rejected"):
        return Step(replace(facts, duplicates=0, duplicate_first=None))
    first = facts.duplicate_first if facts.duplicate_first is not None else event.at
    return Step(replace(facts, duplicates=facts.duplicates + 1, duplicate_first=first))


def _on_attached(facts: Facts, event: Event) -> Step:
    facts = replace(
        with_name(facts, event),
        attaching=None,
        unanswered=None,
        left=None,
        left_asked=False,
        asked_to_go=False,
        graceful=None,
        duplicates=0,
        duplicate_first=None,
        cut_off=None,
        forgotten=None,
    )
    if event.data.get("failed"):
        facts = replace(facts, connected=True)
        failure = Failure("attached", "the worker connected, and could not be attached")
        episode = facts.episode
        if episode is None or episode.failure is not None or episode.cancelled:
            return Step(facts)
        return changed(with_last_failure(facts, failure, event.at), failure=failure)
    facts = forget_failure(replace(facts, connected=True), of_stop=None)
    if facts.episode is None:
        return Step(facts)
    if facts.episode.connected_at is not None:
        # it came back: it was not lost
        return changed(facts, lost=False) if facts.episode.lost else Step(facts)
    return changed(facts, connected_at=event.at)


def _on_detached(facts: Facts, event: Event) -> Step:
    """Its connection is gone. Where nobody has closed it, its worker or its instance has left."""
    step = _without_connection(facts)
    by_itself = facts.connected and not event.data.get("by_master")
    if facts.state is not State.SUBSTANTIATED or not by_itself:
        return step
    facts = replace(step.facts, left=event.at, left_asked=facts.asked_to_go)
    return Step(facts) if facts.left_asked else changed(facts, lost=True)


def _without_connection(facts: Facts) -> Step:
    return Step(
        replace(
            facts, connected=False, attaching=None, send_blocked=None, pinging=(), unanswered=None
        )
    )


def _on_last_words(facts: Facts, event: Event) -> Step:
    """What the cloud says of the instance of a worker that was lost, mostly when its episode is over."""
    words, began = _line(event), event.data.get("began")
    if words is None:
        return Step(facts)
    if facts.episode is not None and facts.episode.first_seq == began:
        return changed(facts, last_words=words)
    if facts.lost is None or facts.lost.first_seq != began:
        return Step(facts)
    told = with_last_words(facts.lost, words)
    return Step(replace(facts, lost=None), (told,))


def _line(event: Event) -> str | None:
    said = str(event.data.get("text") or "").strip()
    words = said.splitlines()[0] if said else None
    if event.data.get("gone") is True:
        words = "the instance was gone" if words is None else f"the instance was gone ({words})"
    return cut(words, MAX_LINE)


def _on_refused(facts: Facts, event: Event) -> Step:
    survived = facts.survived_stop
    if survived is None and facts.state in RESTING:
        survived = event.at
    facts = replace(
        facts,
        attaching=None,
        refused=facts.refused + 1,
        refused_first=facts.refused_first or event.at,
        refused_last=event.at,
        survived_stop=survived,
        refused_open=facts.refused_open + 1,
        held=facts.held + (1 if event.data.get("held", True) else 0),
    )
    return obstructed(facts, f"its connection was refused: {event.data.get('reason', '')}")


def _on_refused_closed(facts: Facts, event: Event) -> Step:
    if not event.data.get("closed"):  # told of it before, when its transport closed
        facts = replace(facts, refused_open=max(0, facts.refused_open - 1))
    if not event.data.get("delivered"):
        return Step(facts)
    held = max(0, facts.held - 1)
    cleared: dict[str, Any] = {}
    if event.data.get("by_release"):
        cleared = {"survived_stop": None, "refused": 0, "refused_first": None, "refused_last": None}
    return Step(replace(facts, held=held, **cleared))


def _on_shutdown_asked(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, asked_to_go=True))


def _on_sign_of_life(facts: Facts, event: Event) -> Step:
    """The worker was heard: by itself, or as an answer to our question."""
    at = event.data.get("at", event.at)
    sign = at if facts.sign is None else max(facts.sign, at)
    return Step(replace(facts, sign=sign, unanswered=None))


def _on_silent(facts: Facts, event: Event) -> Step:
    """The worker was asked whether it lives, and has not answered in time."""
    return Step(replace(facts, unanswered=event.data.get("asked", event.at)))


def _on_send_blocked(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, send_blocked=event.data.get("since", event.at)))


def _on_send_resumed(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, send_blocked=None))


HANDLERS = {
    Kind.ATTACHING: _on_attaching,
    Kind.ATTACHED: _on_attached,
    Kind.LOGIN_WAITS: _on_login_waits,
    Kind.LOGIN_ENDED: _on_login_ended,
    Kind.DUPLICATE: _on_duplicate,
    Kind.SIGN_OF_LIFE: _on_sign_of_life,
    Kind.SILENT: _on_silent,
    Kind.SEND_BLOCKED: _on_send_blocked,
    Kind.SEND_RESUMED: _on_send_resumed,
    Kind.DETACHED: _on_detached,
    Kind.LAST_WORDS: _on_last_words,
    Kind.REFUSED: _on_refused,
    Kind.REFUSED_CLOSED: _on_refused_closed,
    Kind.SHUTDOWN_ASKED: _on_shutdown_asked,
}
