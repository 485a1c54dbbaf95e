"""Changes of the state: where an episode begins, goes on and ends; and where recording does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Call, Episode, Facts, Phase
from buildbot_lifecycle.core.fold.builds import builders
from buildbot_lifecycle.core.fold.ends import closed, left_open, not_before
from buildbot_lifecycle.core.fold.phases import next_phase
from buildbot_lifecycle.core.fold.steps import Step, with_last_failure
from buildbot_lifecycle.core.states import RESTING, STARTING, State
from buildbot_lifecycle.core.values import replace


def _open(event: Event, state: State, build: Mapping[str, Any] | None) -> Episode:
    return Episode(
        first_seq=event.seq,
        workerid=event.workerid,
        started_at=event.at,
        phases=(Phase(state, event.at),),
        build=build,
        started=state is State.SUBSTANTIATING_STARTING,
    )


#: What is forgotten by a new start.
_BEGUN = {
    **dict.fromkeys(("cut_off", "asked_build"), None),
    **dict.fromkeys(("refused_first", "refused_last", "survived_stop", "duplicate_first"), None),
    **dict.fromkeys(("refused", "duplicates"), 0),
}

#: What is forgotten of a worker that left, once it is stopped or started anew.
_NO_LONGER_UP = {"left": None, "left_asked": False, "asked_to_go": False}


def _on_transition(facts: Facts, event: Event) -> Step:
    after = State(event.data["to"])
    at_rest = after in RESTING
    before = episode = facts.episode
    begins = after is State.SUBSTANTIATING or (episode is None and not at_rest)
    changes = _of_state(facts, after, event.at)
    ended = None
    if episode is not None and (at_rest or begins):
        ended, episode = closed(episode, event.at), None
        # what the cloud says of it may come later
        is_lost = ended.outcome == "lost" and ended.last_words is None
        changes["lost"] = ended if is_lost else None
        changes["last_began"] = ended.started_at
    if begins:
        episode = _open(event, after, facts.asked_build)
        changes.update(_BEGUN)
        changes["unasked"] = after is State.SUBSTANTIATING_STARTING
    elif episode is not None:
        episode = _moved(facts, episode, after, event.at)
    changes["episode"] = episode
    changes["served"] = _served(facts, after, begins=begins)
    facts = replace(facts, **changes)
    if before is not None and ended is not None:
        facts = _count_failure(facts, ended, told=before.failure is not None)
    if ended is None:
        return Step(facts, () if episode is None else (episode,))
    return Step(facts, (ended,) if episode is None else (ended, episode))


def _of_state(facts: Facts, after: State, at: float) -> dict[str, Any]:
    """What a state itself changes, whatever becomes of the episode."""
    changes: dict[str, Any] = {
        "state": after,
        "state_since": at,
        "half": None,
        "found_locked": False,
        "forgotten": None,
        "queued_since": None,
    }
    if after is State.NOT_SUBSTANTIATED and facts.cut_off is not None:
        # at rest again, without having gone on to the start that this build waits for
        changes["forgotten"] = at
    if after is not State.SUBSTANTIATED:
        changes.update(_NO_LONGER_UP)
    if after in RESTING:
        changes["attaching"], changes["unasked"] = None, False
    if after is State.INSUBSTANTIATING_SUBSTANTIATING:
        changes["queued_since"], changes["cut_off"] = at, None
    elif after not in STARTING:
        changes["gives_up_at"] = None
    return changes


def _moved(facts: Facts, episode: Episode, after: State, at: float) -> Episode:
    """The open episode with its next phase."""
    up_at = episode.connected_at
    if after is State.SUBSTANTIATED and facts.connected and up_at is None:
        # a worker that stays connected between its builds: nobody attaches, and it is up
        up_at = at
    return replace(
        episode,
        phases=next_phase(episode.phases, after, not_before(episode, at)),
        started=episode.started or after is State.SUBSTANTIATING_STARTING,
        connected_at=up_at,
    )


def _count_failure(facts: Facts, ended: Episode, told: bool) -> Facts:
    """Count a start that failed. Its failure is the last one, unless a call has `told` it already."""
    if facts.ending:
        return facts
    if ended.outcome in ("start_failed", "never_connected"):
        if not told:
            facts = with_last_failure(facts, ended.failure, ended.ended_at)
        return replace(facts, failures_in_row=facts.failures_in_row + 1)
    if ended.outcome in ("ok", "lost") and facts.failures_in_row:  # the start went well
        return replace(facts, failures_in_row=0)
    return facts


def _served(facts: Facts, after: State, *, begins: bool) -> tuple[str, ...]:
    """Whose builds the instance is, or was, up for."""
    if after is State.SUBSTANTIATED:
        return builders(facts.building)
    return () if begins else facts.served


def _on_baseline(facts: Facts, event: Event) -> Step:
    """What the worker was found to be when recording of it began; what was open before is not known."""
    left = left_open(facts, event.at)
    state = State(event.data["state"])
    facts = Facts(
        workerid=facts.workerid,
        state=state,
        state_since=event.at,
        connected=bool(event.data.get("connected")),
        paused=bool(event.data.get("paused")),
        pause_reason=event.data.get("pause_reason"),
        building=tuple(event.data.get("building") or ()),
        held=int(event.data.get("held", facts.held)),
        may_connect=bool(event.data.get("may_connect")),
        build_wait_timeout=event.data.get("build_wait_timeout"),
        missing_timeout=event.data.get("missing_timeout"),
        gives_up_at=event.data.get("gives_up_at"),
        graceful=event.at if event.data.get("graceful") else None,
        quarantine_until=event.data.get("quarantine_until"),
        found_locked=bool(event.data.get("locked")),
        calls=tuple(Call(**call) for call in event.data.get("calls") or ()),
        abandoned=tuple(Call(**call) for call in event.data.get("abandoned") or ()),
        orphans=facts.orphans,
    )
    if state is State.SUBSTANTIATED:
        facts = replace(facts, served=builders(facts.building))
    if state in RESTING:
        return Step(facts, left)
    episode = _open(event, state, None)
    if facts.connected:
        episode = replace(episode, connected_at=event.at)
    return Step(replace(facts, episode=episode), (*left, episode))


def _on_master_died(facts: Facts, event: Event) -> Step:
    """The master's process ended without telling: what was open is closed, honestly, as unknown."""
    return _forgotten(facts, event)


def _on_recording_ended(facts: Facts, event: Event) -> Step:
    """Recording ended in order, with something open: at rest, only a call that had been released."""
    if facts.state in RESTING:
        return Step(replace(facts, calls=(), abandoned=()))
    return _forgotten(facts, event)


def _forgotten(facts: Facts, event: Event) -> Step:
    touched = left_open(facts, event.at)
    facts = replace(
        facts,
        state=State.UNKNOWN,
        state_since=event.at,
        connected=False,
        episode=None,
        calls=(),
        abandoned=(),
        building=(),
        served=(),
        held=0,
        refused_open=0,
        queued_since=None,
        attaching=None,
        login=None,
        stopping=(),
        pinging=(),
        send_blocked=None,
        unanswered=None,
        left=None,
        graceful=None,
        quarantine_until=None,
        leaving=None,
        half=None,
        found_locked=False,
    )
    return Step(facts, touched)


def _on_removed(facts: Facts, event: Event) -> Step:
    return Step(replace(facts, removed=True))


HANDLERS = {
    Kind.BASELINE: _on_baseline,
    Kind.TRANSITION: _on_transition,
    Kind.REMOVED: _on_removed,
    Kind.MASTER_DIED: _on_master_died,
    Kind.RECORDING_ENDED: _on_recording_ended,
}
