"""How an episode ends: its outcome, from what was seen of it, and the first cause of a failure."""

from __future__ import annotations

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.core.facts import Episode, Facts, Failure
from buildbot_lifecycle.core.fold.phases import end_phase
from buildbot_lifecycle.core.states import STARTING
from buildbot_lifecycle.core.values import replace


def cause_of(episode: Episode) -> Failure | None:
    """What went wrong first in an episode, as far as it is known; None if nothing has.

    Buildbot takes the same way back from a build that was stopped, from a worker that did not come in
    time, and from a start that went wrong in a way that no call tells of.
    """
    if episode.failure is not None:
        return episode.failure
    if episode.connected_at is not None or episode.phases[0].state not in STARTING:
        return None
    if episode.timed_out:
        return _no_worker(episode)
    return None if episode.cancelled else episode.given


def _no_worker(episode: Episode) -> Failure:
    known = "" if episode.obstacle is None else f"; {episode.obstacle}"
    return Failure("connection", f"the worker did not connect in time{known}")


#: By the call that failed first; any other is a start that failed.
_OUTCOME_OF_FAILURE = {"stop_instance": "stop_failed", "connection": "never_connected"}


def _outcome(episode: Episode) -> str:
    """The outcome of an episode that rests now, from what was seen of it; the first cause counts."""
    if episode.released or episode.build_refused:
        return "released" if episode.released else "build_refused"
    if episode.lost:
        return "lost"  # and a stop that failed then is a consequence
    if episode.failure is not None:
        return _OUTCOME_OF_FAILURE.get(episode.failure.call, "start_failed")
    if episode.connected_at is not None:
        return "ok"
    if episode.phases[0].state not in STARTING:
        return "unknown"  # found when it was up or on its way out already: its start was not seen
    otherwise = "never_connected" if episode.started else "unknown"
    return "cancelled" if episode.cancelled else otherwise


def not_before(episode: Episode, at: float) -> float:
    """`at`, or the last known moment of the episode if the clock was set back behind it."""
    return max(at, episode.phases[-1].since)


def closed(episode: Episode, at: float) -> Episode:
    """The episode, ended at that moment, with its outcome and the first cause of a failure."""
    at = not_before(episode, at)
    phases = end_phase(episode.phases, at)
    ended = replace(episode, phases=phases, ended_at=at, failure=cause_of(episode))
    ended = replace(ended, outcome=_outcome(ended))
    if ended.outcome == "never_connected" and ended.failure is None:
        ended = replace(ended, failure=_no_worker(ended))
    return with_last_words(ended, ended.last_words) if ended.outcome == "lost" else ended


def with_last_words(episode: Episode, words: str | None) -> Episode:
    """A lost episode with what the cloud has said of its instance: that comes before a failed stop."""
    if words is None:
        return episode
    after = episode.failure
    error = words if after is None else f"{words}; then {after.call} failed: {after.error}"
    failure = Failure("instance", cut(error, MAX_LINE) or "", after.traceback if after else None)
    return replace(episode, last_words=words, failure=failure)


def left_open(facts: Facts, at: float) -> tuple[Episode, ...]:
    """The open episode, closed without anybody knowing how it ended; empty if there is none."""
    if facts.episode is None:
        return ()
    return (replace(closed(facts.episode, at), outcome="unknown"),)
