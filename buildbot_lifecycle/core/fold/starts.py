"""The start as the builds see it that wait for it: who asked, and what they got in its place."""

from __future__ import annotations

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import Event, Kind, cut
from buildbot_lifecycle.core.facts import Episode, Facts, Failure
from buildbot_lifecycle.core.fold.builds import same_build
from buildbot_lifecycle.core.fold.steps import Step, changed, obstructed, with_last_failure
from buildbot_lifecycle.core.states import STARTING, STOPPING, State
from buildbot_lifecycle.core.values import replace


def _on_asked(facts: Facts, event: Event) -> Step:
    """A build asked for the worker. It belongs to the episode under way, or to the one it opens."""
    build = event.data.get("build") or {}
    building = tuple(
        {**b, **build, "since": b.get("since", event.at)} if same_build(b, build) else b
        for b in facts.building
    )
    facts = replace(facts, building=building)
    if event.data.get("gives_up_at") is not None:
        facts = replace(facts, gives_up_at=event.data["gives_up_at"])
    if facts.state is State.SUBSTANTIATED and not facts.connected:
        served = tuple(b for b in facts.served if b != build.get("builder"))
        facts = replace(facts, cut_off=build, served=served)
    if facts.episode is not None and facts.state in STARTING:
        return changed(facts, build=facts.episode.build or build)
    return Step(replace(facts, asked_build=build))


def _on_not_substantiated(facts: Facts, event: Event) -> Step:
    """What Buildbot gave a build in place of the worker: it tells why, where no call does."""
    episode, how = facts.episode, event.data.get("how")
    if episode is None or not _gives_up(facts, episode):
        return Step(facts)
    for changes, so in (
        ({"released": True}, event.data.get("by")),
        ({"timed_out": True}, how == "timeout"),
        # of several builds the one that was stopped may be told after the others
        ({"cancelled": True}, event.data.get("stopped")),
    ):
        if so:
            return changed(facts, **changes)
    given = episode.given or _given(facts, event)
    if how == "cancelled" or episode.failure is not None:
        return changed(facts, given=given)
    if how == "build_refused":
        return changed(facts, given=given, build_refused=True, failure=given)
    return changed(with_last_failure(facts, given, event.at), given=given, failure=given)


def _given(facts: Facts, event: Event) -> Failure:
    if event.data.get("how") == "cancelled":
        return Failure("substantiation", "Buildbot called the start off")
    call = "attached" if facts.attaching is not None else "substantiation"
    return Failure(call, cut(str(event.data.get("error", "")), MAX_LINE) or "")


def _gives_up(facts: Facts, episode: Episode) -> bool:
    """Whether builds are told of this episode's start, not of one that is queued behind its stop."""
    if facts.state in STARTING:
        return True
    before = [phase.state for phase in episode.phases[-2:-1]]
    return facts.state in STOPPING and bool(before) and before[0] in STARTING


def _on_missing(facts: Facts, event: Event) -> Step:
    """The worker has not come in time. Told without a start under way, it says nothing new."""
    if facts.state not in STARTING:
        return Step(facts)
    return changed(facts, timed_out=True)


def _on_login_failed(facts: Facts, event: Event) -> Step:
    times = int(event.data.get("times", 1))
    often = "" if times < 2 else f" ({times} times)"
    return obstructed(facts, f"a login as this worker {event.data.get('reason', 'failed')}{often}")


HANDLERS = {
    Kind.ASKED: _on_asked,
    Kind.MISSING: _on_missing,
    Kind.LOGIN_FAILED: _on_login_failed,
    Kind.NOT_SUBSTANTIATED: _on_not_substantiated,
}
