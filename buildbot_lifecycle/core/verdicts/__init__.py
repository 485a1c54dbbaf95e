"""Verdicts: what the rules say of a worker, and when they could say something else.

`judge` is a function of facts, thresholds and ``now``. Its answer carries ``due``: the next moment at
which, with no further event, the verdict would change. The service sets one timer for that moment,
so that a verdict turns by itself without anything being polled.
"""

from __future__ import annotations

import dataclasses
import math

from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.states import STARTING, State
from buildbot_lifecycle.core.verdicts.calls import of_call, state_of_call
from buildbot_lifecycle.core.verdicts.connections import of_kept_out, of_refused, of_silence
from buildbot_lifecycle.core.verdicts.failures import of_crash, of_failure
from buildbot_lifecycle.core.verdicts.standing import (
    of_graceful,
    of_leaving,
    of_left,
    of_quarantine,
)
from buildbot_lifecycle.core.verdicts.states import of_half, of_lost, of_state, of_unwanted
from buildbot_lifecycle.core.verdicts.verdict import (
    DIED,
    HEALTHY,
    LEVELS,
    Thresholds,
    Verdict,
    limit_of,
)

#: Seconds before a turn for what was said before it.
_MOMENT = 0.001


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


def settling(
    facts: Facts, thresholds: Thresholds, verdict: Verdict, before: Verdict, until: float
) -> Verdict:
    """What is said instead of a verdict that has become stuck while the master comes back to itself.

    What the worker sent meanwhile may not be read yet. So it is what was said just before it turned, or
    ``before``, and turns at ``until`` if nothing has come by then.
    """
    if verdict.stuck_at is not None:
        earlier = _worst(facts, thresholds, verdict.stuck_at - _MOMENT)[0]
        if earlier.level != "stuck":
            return dataclasses.replace(earlier, due=until)
    return dataclasses.replace(before, due=until)


def wait_ends_at(facts: Facts, thresholds: Thresholds) -> float | None:
    """When what Buildbot waits for is too old: the pending call, else a start that nothing answers.

    None if nothing is waited for, or if it has no limit. A stop of the master waits until then.
    """
    call = facts.pending
    if call is not None:
        limit, since = limit_of(thresholds, state_of_call(call, facts)), call.since
    elif facts.state in STARTING and facts.state_since is not None:
        limit, since = limit_of(thresholds, facts.state), facts.state_since
    else:
        return None
    return None if limit is None else since + limit


def held_by_silence(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """The verdict on a connection that may never end, for which a stop would wait; None: there is none.

    A silent worker's, or one that is left over. A call that is pending is waited for first.
    """
    if facts.pending is not None:
        return None
    verdict = of_silence(facts, thresholds, now)
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
            of_call(facts, thresholds, now),
            of_state(facts, thresholds, now),
            of_lost(facts, now),
            of_half(facts, thresholds, now),
            of_kept_out(facts, thresholds, now),
            of_silence(facts, thresholds, now),
            of_unwanted(facts, thresholds, now),
            of_leaving(facts, thresholds, now),
            of_refused(facts, thresholds, now),
            of_failure(facts, now),
            of_left(facts, now),
            of_graceful(facts, now),
            of_quarantine(facts, now),
            of_crash(facts),
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
