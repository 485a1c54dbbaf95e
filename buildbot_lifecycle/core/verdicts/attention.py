"""The verdict on what is released, or has failed, and is not over: something is left for a person."""

from __future__ import annotations

from collections.abc import Iterator

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.facts import Facts, Release
from buildbot_lifecycle.core.requests import Actor
from buildbot_lifecycle.core.to_do import ToDo, to_do
from buildbot_lifecycle.core.values import replace
from buildbot_lifecycle.core.verdicts.failures import of_crash, of_failure
from buildbot_lifecycle.core.verdicts.verdict import Verdict

LEVEL = "attention"


def of_left_over(facts: Facts, now: float) -> Verdict | None:
    """A worker of which something is left to do; its reason says what.

    What a stop or a crash has left keeps its code, and gets the level: it has its own words.
    """
    left = to_do(facts)
    if not left:
        return None
    parts = "; ".join(_parts(left))
    if left.is_of_release:
        return Verdict(LEVEL, "not_over", _begin(left.release, now) + parts, _since(left))
    told = _failed(facts, left, now)
    if told is None:
        return Verdict(LEVEL, "not_over", parts, _since(left))
    return replace(told, level=LEVEL)


def _failed(facts: Facts, left: ToDo, now: float) -> Verdict | None:
    """What is said of the failed stop, or of the crash, that has left all of it."""
    failure = of_failure(facts, now)
    if failure is not None and failure.code == "stop_failed":
        return failure
    return of_crash(facts) if any(each.cause == "crash" for each in left.instances) else None


def _begin(release: Release | None, now: float) -> str:
    if release is None:
        return "released; "  # by whom was not seen in this run
    by = Actor(release.by_kind, release.by).words
    how = "released" if release.status == "done" else "force disconnect"
    return f"{how} by {by} {in_words(max(0.0, now - release.at))} ago; "


def _parts(left: ToDo) -> Iterator[str]:
    for call in left.calls:
        yield f"its {call.call} still runs"
    for orphan in left.instances:
        yield f"{orphan.instance or f'its instance (entry {orphan.id})'} may still run"
    if left.pause is not None:
        yield "paused"


def _since(left: ToDo) -> float | None:
    """When it was released; else since when the oldest part is known."""
    if left.release is not None:
        return left.release.at
    began = [call.since for call in left.calls]
    return min(began + [orphan.since for orphan in left.instances], default=None)
