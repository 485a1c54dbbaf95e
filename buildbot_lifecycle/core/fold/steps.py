"""What a step of the fold answers, and the changes that several kinds of events make."""

from __future__ import annotations

import dataclasses
from typing import Any

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import Event, cut
from buildbot_lifecycle.core.facts import Episode, Facts, Failure
from buildbot_lifecycle.core.states import STARTING
from buildbot_lifecycle.core.values import replace

#: Calls that end what may cost money: of the instance, and of the machine that it is on.
STOPS = ("stop_instance", "stop_machine")


@dataclasses.dataclass(frozen=True)
class Step:
    """The answer of `apply`: the new facts, and the episodes that the event opened, changed or ended."""

    facts: Facts
    episodes: tuple[Episode, ...] = ()


def changed(facts: Facts, **episode_changes: Any) -> Step:
    """`facts` with their open episode changed; without one, just the facts."""
    if facts.episode is None:
        return Step(facts)
    episode = replace(facts.episode, **episode_changes)
    return Step(replace(facts, episode=episode), (episode,))


def with_last_failure(facts: Facts, failure: Failure | None, at: float | None) -> Facts:
    """The facts with the last failure; of a service that stops, only a failed stop is one."""
    if facts.ending and (failure is None or failure.call not in STOPS):
        return facts
    return replace(facts, last_failure=failure, last_failure_at=at)


def forget_failure(facts: Facts, *, of_stop: str | None) -> Facts:
    """Drop the last failure once the same thing went well: the stop of that name, else a connection."""
    failure = facts.last_failure
    if failure is None or (failure.call if failure.call in STOPS else None) != of_stop:
        return facts
    return replace(facts, last_failure=None, last_failure_at=None)


def obstructed(facts: Facts, obstacle: str) -> Step:
    """Something stands in the way of a worker that is awaited; otherwise it says nothing."""
    if facts.episode is None or facts.state not in STARTING:
        return Step(facts)
    return changed(facts, obstacle=cut(obstacle, MAX_LINE))


def with_name(facts: Facts, event: Event) -> Facts:
    """What the driver calls its instance, seen while its start had not ended."""
    named = event.data.get("instance")
    if named is None or facts.instance is not None:
        return facts
    return replace(facts, instance=named)
