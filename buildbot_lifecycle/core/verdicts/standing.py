"""Verdicts on a worker's standing with its master: leaving, left, shut down gracefully, in quarantine."""

from __future__ import annotations

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts.verdict import Thresholds, Verdict, graded, limit_of


def of_leaving(facts: Facts, thresholds: Thresholds, now: float) -> Verdict | None:
    """A worker for which a reconfiguration waits."""
    if facts.leaving is None or facts.state is State.SHUT_DOWN:
        return None
    text = "a reconfiguration removes this worker and waits for it, so that no worker can log in,"
    return graded(
        "reconfig_frozen", facts.leaving, limit_of(thresholds, "reconfig_frozen"), now, text
    )


def of_left(facts: Facts, now: float) -> Verdict | None:
    """A worker whose connection is gone while it was idle, and that nobody has told to go."""
    idle = facts.state is State.SUBSTANTIATED and not facts.building and not facts.connected
    wait = facts.build_wait_timeout
    # without a wait, Buildbot stops it in the same moment; of one shut down gracefully it is told below
    if facts.left is None or not idle or wait == 0 or facts.graceful is not None:
        return None
    went = "was shut down from Buildbot's page" if facts.left_asked else "left by itself"
    ago = in_words(max(0.0, now - facts.left))
    reason = f"the worker {went} {ago} ago; its instance may still run. "
    if wait is not None and wait > 0:
        reason += f"Buildbot stops it {in_words(wait)} after its last build, or for the next build"
    else:
        reason += "Buildbot stops it only for the next build, and starts it anew then"
    return Verdict("failed", "worker_left", reason, facts.left)


def of_graceful(facts: Facts, now: float) -> Verdict | None:
    """A latent worker that was shut down gracefully: no build starts it, and nothing else would."""
    if facts.graceful is None or facts.state is State.SHUT_DOWN:
        return None
    ago = in_words(max(0.0, now - facts.graceful))
    reason = (
        f"asked to shut down gracefully {ago} ago: Buildbot starts no build on it any more,"
        " until the master is restarted, or the worker is taken out of the configuration and put back"
    )
    if facts.left is not None and facts.state is State.SUBSTANTIATED:
        reason += "; its worker has left, and its instance may still run"
    return Verdict("failed", "shut_down_gracefully", reason, facts.graceful)


def of_quarantine(facts: Facts, now: float) -> Verdict | None:
    """A worker that rests after a failure, by Buildbot's own rule."""
    if facts.quarantine_until is None:
        return None
    return Verdict("ok", "quarantined", in_quarantine(facts, now), None)


def in_quarantine(facts: Facts, now: float) -> str:
    """The same as a part of a reason."""
    left = max(0.0, (facts.quarantine_until or now) - now)
    return f"in quarantine: Buildbot starts no build on it for {in_words(left)}"
