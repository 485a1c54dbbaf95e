"""What the facts say of an instance: whether there ever was one, and whether a stop has ended it."""

from __future__ import annotations

from buildbot_lifecycle.core.facts import Facts


def stop_is_believed(facts: Facts, outcome: str) -> bool:
    """Whether a stop_instance with this outcome has stopped the instance of the open episode.

    Drivers answer nothing (None) when their work is done, as they do when they know of nothing to stop.
    So None is believed if there was something: the start had said yes, or the driver had a name for it.
    True is believed without, but for a start that still runs by itself: that may make one later.
    """
    episode = facts.episode
    if episode is None or outcome not in ("true", "other"):
        return False
    if episode.start_answered or episode.stop_named:
        return True
    start_runs = any(call.call == "start_instance" for call in facts.abandoned)
    return outcome == "true" and not start_runs


def never_had_instance(facts: Facts) -> bool:
    """Whether the open episode is known to have no instance, so that a stop has nothing to leave.

    Its start raised, or said no, and the driver names no instance, and nobody has connected. A start
    without an answer (a time-out, a lost connection) may have made one: then it is not known.
    """
    episode = facts.episode
    if episode is None or not episode.nothing_made or episode.connected_at is not None:
        return False
    named = facts.instance or episode.instance
    came = facts.connected or facts.refused or facts.duplicates or episode.obstacle is not None
    knocks = facts.attaching is not None or facts.login is not None
    return not (named or came or knocks)
