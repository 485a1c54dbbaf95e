"""Signs of life: whether a worker that is waited for has gone silent. It is looked for, not inferred.

A build that goes on although somebody stopped it, a connection that is not let in, data that piles up:
each may come of a dead worker, and each comes of healthy ones too. So silence counts from the last sign
of life, and is told as stuck only after the worker was asked, and has not answered: `diagnose.signs`.
"""

from __future__ import annotations

import dataclasses

from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.states import RESTING, State

#: Part of a limit after which the worker is asked, before its silence is called slow.
LOOK_SHARE = 0.4

#: Part of a limit, and seconds at most, after which a question counts as not answered.
ANSWER_SHARE = 0.1
ANSWER_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class Wait:
    """What is waited for: the code of its verdict, since when (epoch seconds), and in words."""

    code: str
    since: float
    text: str


def wait(facts: Facts) -> Wait | None:
    """The oldest wait that only a worker that lives can end; None if there is none."""
    if not may_wait(facts):
        return None
    found = [*_of_builds(facts), *_of_attaching(facts), *_left_over(facts)]
    return min(found, key=lambda one: one.since, default=None)


def may_wait(facts: Facts) -> bool:
    """Whether there is any of what `wait` looks for: of nearly all events there is not."""
    if facts.connected:
        return facts.state in RESTING or facts.awaits_sign
    return facts.attaching is not None or facts.login is not None


def _of_builds(facts: Facts) -> list[Wait]:
    if not facts.building or not facts.connected or facts.state is not State.SUBSTANTIATED:
        return []
    found = [
        Wait("frozen_worker", since, "asked to stop its build, and silent")
        for _, since in facts.stopping
    ]
    found += [
        Wait("frozen_worker", since, "a build waits for its answer to a ping, and it is silent")
        for _, since in facts.pinging
    ]
    if facts.send_blocked is not None:
        text = "takes no data from the master while it builds"
        found.append(Wait("frozen_worker", facts.send_blocked, text))
    return found


def _of_attaching(facts: Facts) -> list[Wait]:
    if facts.connected or facts.duplicate_first is not None:
        return []
    if facts.attaching is not None:
        text = "connected, and silent before it was attached"
        return [Wait("frozen_attach", facts.attaching, text)]
    if facts.login is not None:
        text = "logged in, and has not answered the master's first question"
        return [Wait("frozen_attach", facts.login, text)]
    return []


def _left_over(facts: Facts) -> list[Wait]:
    since = facts.state_since
    if not facts.connected or facts.state not in RESTING or facts.may_connect or since is None:
        return []
    return [Wait("stale_connection", since, "not substantiated, and a connection is still held")]


def silent_since(facts: Facts, awaited: Wait) -> float:
    """Since when nothing has been heard: since the wait began, or since the last sign of life in it."""
    return awaited.since if facts.sign is None else max(awaited.since, facts.sign)


def look_at(facts: Facts, awaited: Wait, limit: float) -> float:
    """When the worker is to be asked whether it lives (epoch seconds)."""
    return silent_since(facts, awaited) + limit * LOOK_SHARE


def answer_seconds(limit: float) -> float:
    """For how long (seconds) an answer is waited for until the question counts as not answered."""
    return min(ANSWER_SECONDS, limit * ANSWER_SHARE)
