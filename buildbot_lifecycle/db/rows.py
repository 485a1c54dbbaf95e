"""Values of the core as rows of our tables."""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.facts import Episode, Facts
from buildbot_lifecycle.core.statistics import durations
from buildbot_lifecycle.core.steady import SAME, Reckoning
from buildbot_lifecycle.db.entries import Identity
from buildbot_lifecycle.shapes.times import by_wall


def event_row(event: Event, incarnation: int, masterid: int, episode: int | None) -> dict[str, Any]:
    """The row of an event in the log."""
    data = event.data
    return {
        "incarnation": incarnation,
        "seq": int(event.seq),
        "workerid": int(event.workerid),
        "masterid": masterid,
        "episode": episode,
        "kind": event.kind.value,
        "at": float(event.at),
        "from_state": data.get("from"),
        "to_state": data.get("to"),
        "expected": data.get("expected"),
        "data": data,
    }


def episode_row(
    episode: Episode, incarnation: int, masterid: int, reckoning: Reckoning = SAME
) -> dict[str, Any]:
    """The row of an episode; its durations count the phases that are over, in steady seconds."""
    start, connect, up, stop = durations(episode)
    episode = by_wall(episode, reckoning)
    return {
        "incarnation": incarnation,
        "first_seq": int(episode.first_seq),
        "workerid": int(episode.workerid),
        "masterid": masterid,
        "started_at": float(episode.started_at),
        "ended_at": episode.ended_at,
        "outcome": episode.outcome,
        "start_s": start,
        "connect_s": connect,
        "up_s": up,
        "stop_s": stop,
        "builds": int(episode.builds),
        "data": episode,
    }


def facts_columns(facts: Facts, episode: int | None) -> dict[str, Any]:
    """The columns of a worker's row that its facts decide; `episode` is the open one's number."""
    pending = facts.pending
    return {
        "state": facts.state.value,
        "state_since": facts.state_since,
        "connected": bool(facts.connected),
        "building": facts.building,
        "paused": bool(facts.paused),
        "pause_reason": facts.pause_reason,
        "episode": episode,
        "instance": facts.instance,
        "pending_call": None if pending is None else pending.call,
        "pending_since": None if pending is None else pending.since,
        "refused": int(facts.refused),
        "held": int(facts.held),
        "removed": bool(facts.removed),
        "data": facts,
    }


def worker_row(
    identity: Identity,
    facts: Facts,
    *,
    incarnation: int,
    masterid: int,
    episode: int | None,
    at: float,
) -> dict[str, Any]:
    """The row of a worker's current state, as of an event at `at`; without its verdict."""
    return {
        "workerid": int(identity.workerid),
        "masterid": masterid,
        "incarnation": incarnation,
        "name": identity.name,
        "class": identity.class_name,
        **facts_columns(facts, episode),
        "updated_at": float(at),
    }
