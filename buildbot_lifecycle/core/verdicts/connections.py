"""Verdicts on connections: kept out, silent, refused."""

from __future__ import annotations

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold.steps import STOPS
from buildbot_lifecycle.core.refusals import is_loop, over_at
from buildbot_lifecycle.core.signs import silent_since, wait
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.values import replace
from buildbot_lifecycle.core.verdicts.verdict import (
    Thresholds,
    Verdict,
    graded,
    limit_of,
    with_more,
)


def of_kept_out(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A worker that is kept out by an older connection."""
    if facts.duplicate_first is not None and not facts.connected:
        text = (
            f"an older connection keeps the worker out ({facts.duplicates} rejected as duplicate)"
        )
        limit = limit_of(thresholds, "duplicate_arbitration")
        return graded("duplicate_arbitration", facts.duplicate_first, limit, now, text)
    return None


def of_silence(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A worker that is waited for and not heard. Stuck only if it was asked, and has not answered."""
    awaited = wait(facts)
    if awaited is None:
        return None
    since, limit = silent_since(facts, awaited), limit_of(thresholds, awaited.code)
    verdict = graded(awaited.code, since, limit, now, awaited.text)
    if verdict.level == "stuck" and facts.unanswered is None:
        reason = f"{awaited.text} for {in_words(now - since)}; asked whether it lives"
        verdict = replace(verdict, level="slow", reason=reason)
    elif verdict.level == "stuck" and facts.unanswered is not None:
        asked = in_words(max(0.0, now - facts.unanswered))
        verdict = with_more(verdict, f"asked whether it lives {asked} ago, it has not answered")
    if since > awaited.since:
        # as long as it is heard, how long a build takes to stop is the build's business
        whole = in_words(max(0.0, now - awaited.since))
        verdict = with_more(verdict, f"it has been awaited for {whole}, and was heard meanwhile")
    return verdict


def of_refused(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A worker that came back after its stop had ended, and was refused, until it stays away."""
    if not is_loop(facts) or facts.survived_stop is None:
        return None
    limit = limit_of(thresholds, State.NOT_SUBSTANTIATED)
    over = over_at(facts, limit)
    if over is not None and now >= over:
        return None
    times = "once" if facts.refused == 1 else f"{facts.refused} times"
    text = f"the worker came back after it was stopped and was refused {times}, first"
    verdict = graded("rejected_loop", facts.survived_stop, limit, now, text)
    if verdict.level == "stuck" and not facts.held:
        # nothing of it holds the master, and there is nothing to release; but it still runs somewhere
        verdict = replace(verdict, level="failed")
    failed = facts.last_failure
    if failed is not None and failed.call in STOPS:
        # told here, since this verdict may stand before that of the failure
        verdict = with_more(verdict, f"{failed.call} had failed: {failed.error}")
    due = min((at for at in (verdict.due, over) if at is not None), default=None)
    return replace(verdict, reason=verdict.reason.replace("first for", "for"), due=due)
