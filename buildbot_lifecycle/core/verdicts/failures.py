"""Verdicts on what went wrong and is over: a start, a stop, a master."""

from __future__ import annotations

from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.states import RESTING
from buildbot_lifecycle.core.verdicts.standing import in_quarantine
from buildbot_lifecycle.core.verdicts.verdict import Verdict

#: Starts that failed in a row, from which on it is told as a loop.
LOOP_FAILURES = 3


def of_failure(facts: Facts, now: float) -> Verdict | None:
    """The last thing that went wrong, until the same goes well."""
    failure = facts.last_failure
    if failure is None:
        return None
    if failure.call in ("stop_instance", "stop_machine"):
        what = failure.call.partition("_")[2]
        reason = f"{failure.call} failed ({failure.error}): the {what} may still run"
        return Verdict("failed", "stop_failed", reason, facts.last_failure_at)
    if facts.failures_in_row < 1 and facts.state not in RESTING:
        return None
    reason = f"{failure.call} failed: {failure.error}"
    code = "start_failed"
    if facts.failures_in_row > 1:
        reason += f" ({facts.failures_in_row} starts in a row)"
    if facts.failures_in_row >= LOOP_FAILURES:
        code = "start_failed_loop"
    if facts.quarantine_until is not None:
        reason += f"; {in_quarantine(facts, now)}"
    return Verdict("failed", code, reason, facts.last_failure_at)


def of_crash(facts: Facts) -> Verdict | None:
    """What a master that died may have left running."""
    crashed = [orphan for orphan in facts.orphans if orphan.cause == "crash"]
    if not crashed:
        return None
    reason = "the master died while an instance was up; it may still run"
    if facts.connected:
        # both log in with the worker's name and password, and Buildbot takes the first
        reason += f"; the worker that is connected may be of that one{_not_of(facts)}: not known"
    return Verdict("failed", "crash_open", reason, min(orphan.since for orphan in crashed))


def _not_of(facts: Facts) -> str:
    return f", and not of {facts.instance}" if facts.instance else ""
