"""Verdicts: what the rules say of a worker, and when they could say something else.

`judge` is a function of facts, thresholds and ``now``. Its answer carries ``due``: the next moment at
which, with no further event, the verdict would change. The service sets one timer for that moment,
so that a verdict turns by itself without anything being polled.
"""

from __future__ import annotations

import math

from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.signs import may_wait
from buildbot_lifecycle.core.states import RESTING, STARTING, State
from buildbot_lifecycle.core.values import replace
from buildbot_lifecycle.core.verdicts.attention import of_left_over
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

#: Verdicts that may say the same at the time at which they are due, or nothing: silence is stuck only
#: once the worker was asked, and a loop is over then.
_MAY_STAY = frozenset({"frozen_worker", "frozen_attach", "stale_connection", "rejected_loop"})

#: Seconds before a turn for what was said before it.
_MOMENT = 0.001


def judge(facts: Facts, thresholds: Thresholds, now: float) -> Verdict:
    """The verdict of a worker at ``now`` (epoch seconds)."""
    worst, due = _worst(facts, thresholds, now)
    if due is not None and worst.due == due and worst.code not in _MAY_STAY:
        return worst  # it becomes worse then, so that it still is the worst, and another one
    # the turn of a lesser wait changes nothing that is told: the first one that does is due
    while due is not None:
        then, later = _worst(facts, thresholds, due)
        if (then.level, then.code) != (worst.level, worst.code):
            break
        # a rule that is due at its own moment again must not hold the reactor
        due = later if later is not None and later > due else None
    return worst if worst.due == due else replace(worst, due=due)


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
            return replace(earlier, due=until)
    return replace(before, due=until)


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
    found = [verdict for verdict in _found(facts, thresholds, now) if verdict is not None]
    if not found:
        return HEALTHY, None
    if len(found) == 1:
        return found[0], found[0].due
    dues = [verdict.due for verdict in found if verdict.due is not None]
    return min(found, key=_rank), min(dues, default=None)


def _found(facts: Facts, thresholds: Thresholds, now: float) -> list[Verdict | None]:
    """What each rule says, in the order in which they count where two are alike.

    Of each event of a worker most rules have nothing to say: they are asked only where there is what
    they are on. A test holds that this leaves nothing out.
    """
    found: list[Verdict | None] = []
    if facts.calls:
        found.append(of_call(facts, thresholds, now))
    elif facts.state not in RESTING:
        found.append(of_state(facts, thresholds, now))
    if facts.lost_builds:
        found.append(of_lost(facts, now))
    if facts.half is not None:
        found.append(of_half(facts, thresholds, now))
    if facts.duplicate_first is not None:
        found.append(of_kept_out(facts, thresholds, now))
    if may_wait(facts):
        found.append(of_silence(facts, thresholds, now))
    if facts.unasked or facts.forgotten is not None:
        found.append(of_unwanted(facts, thresholds, now))
    _find_standing(found, facts, thresholds, now)
    return found


def _find_standing(
    found: list[Verdict | None], facts: Facts, thresholds: Thresholds, now: float
) -> None:
    """The same of what is not waited for: how it stands with its master, and what went wrong."""
    if facts.leaving is not None:
        found.append(of_leaving(facts, thresholds, now))
    if facts.survived_stop is not None:
        found.append(of_refused(facts, thresholds, now))
    if facts.last_failure is not None:
        found.append(of_failure(facts, now))
    if facts.left is not None:
        found.append(of_left(facts, now))
    if facts.graceful is not None:
        found.append(of_graceful(facts, now))
    if facts.quarantine_until is not None:
        found.append(of_quarantine(facts, now))
    if facts.orphans:
        found.append(of_crash(facts))
    if facts.orphans or facts.abandoned or facts.paused:
        found.append(of_left_over(facts, now))


def _rank(verdict: Verdict) -> tuple[int, bool, float]:
    turn = verdict.stuck_at if verdict.due is None else verdict.due
    # of two things that failed, the one with an error says more than the one that came of it
    behind = verdict.level == "failed" and verdict.code == "rejected_loop"
    return LEVELS.index(verdict.level), behind, math.inf if turn is None else turn
