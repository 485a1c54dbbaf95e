"""Connections that were refused after a stop: when they are a loop, and when it is over.

One refusal is no loop: an instance that shuts down may let its worker come back once more before it is
gone. It is one if the refused connection stays open, or if the worker comes again; and it is over when
it has stayed away for much longer than it used to.
"""

from __future__ import annotations

from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.states import RESTING

#: A loop is over after so many times the usual time between two refusals.
STAYED_AWAY = 3.0


def is_loop(facts: Facts) -> bool:
    """Whether a worker came back after its stop had ended, and not for a single time.

    A refusal while the stop is still busy is the ordinary fate of every worker whose stop takes longer
    than its reconnection: it says nothing.
    """
    if facts.survived_stop is None or facts.state not in RESTING:
        return False
    return facts.refused > 1 or facts.refused_open > 0


def over_at(facts: Facts, limit: float | None) -> float | None:
    """When a loop is over if nothing more comes (epoch seconds); None: while a connection is open.

    Never sooner than ``limit`` (seconds) after the last refusal, so that a loop is told at all.
    """
    first, last = facts.refused_first, facts.refused_last
    if facts.refused_open or limit is None or first is None or last is None:
        return None
    usual = (last - first) / max(1, facts.refused - 1)
    return last + max(limit, STAYED_AWAY * usual)
