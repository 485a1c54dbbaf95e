"""Builds on a worker: whose instance it is, and what they wait for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold.steps import Step, changed
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.values import replace


def same_build(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether both tell of one build."""
    # The build's number may become known only after it was started; its builder never changes, and
    # a worker runs one build per builder at a time (one WorkerForBuilder).
    return bool(one.get("builder") == other.get("builder"))


def builders(building: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The names of their builders."""
    return tuple(str(build.get("builder")) for build in building)


def _on_build_started(facts: Facts, event: Event) -> Step:
    build = dict(event.data.get("build") or {})
    build.setdefault("since", event.at)
    building = (*facts.building, build)
    served = facts.served
    if facts.state is State.SUBSTANTIATED:
        served = (*served, *builders([build]))
    return Step(replace(facts, building=building, served=served))


def _on_build_finished(facts: Facts, event: Event) -> Step:
    build = event.data.get("build") or {}
    rest = [b for b in facts.building if not same_build(b, build)]
    is_served = str(build.get("builder")) in facts.served
    served = tuple(b for b in facts.served if b != str(build.get("builder")))
    facts = replace(facts, served=served)
    gone = str(build.get("builder"))
    facts = replace(
        facts,
        building=tuple(rest),
        stopping=_without(facts.stopping, gone) if rest else (),
        pinging=_without(facts.pinging, gone) if rest else (),
        lost_builds=_without(facts.lost_builds, gone) if rest else (),
        unasked=False,
    )
    if not facts.awaits_sign:
        facts = replace(facts, unanswered=None)
    if facts.cut_off is not None and same_build(facts.cut_off, build):
        facts = replace(facts, cut_off=None, forgotten=None)
    if facts.episode is None or not is_served:
        # its start failed, or it waited behind the stop: no instance of this episode was up for it
        return Step(facts)
    return changed(facts, builds=facts.episode.builds + 1)


def _without(of_builds: tuple[tuple[str, float], ...], builder: str) -> Any:
    return tuple(one for one in of_builds if one[0] != builder)


def _on_build_stopping(facts: Facts, event: Event) -> Step:
    """Somebody asked for a build to be stopped. Asked again, the first time counts."""
    builder = str((event.data.get("build") or {}).get("builder"))
    if any(name == builder for name, _ in facts.stopping):
        return Step(facts)
    return Step(replace(facts, stopping=(*facts.stopping, (builder, event.at))))


def _on_build_lost(facts: Facts, event: Event) -> Step:
    """Buildbot has broken off at an error, and will never end the build. The first time counts."""
    builder = str((event.data.get("build") or {}).get("builder"))
    if any(name == builder for name, _ in facts.lost_builds):
        return Step(facts)
    lost = (*facts.lost_builds, (builder, event.at))
    return Step(replace(facts, lost_builds=lost))


def _on_ping_waits(facts: Facts, event: Event) -> Step:
    builder = str(event.data.get("builder"))
    waiting = (builder, event.data.get("since", event.at))
    return Step(replace(facts, pinging=(*_without(facts.pinging, builder), waiting)))


def _on_ping_ended(facts: Facts, event: Event) -> Step:
    rest = _without(facts.pinging, str(event.data.get("builder")))
    return Step(replace(facts, pinging=rest))


HANDLERS = {
    Kind.BUILD_STOPPING: _on_build_stopping,
    Kind.BUILD_LOST: _on_build_lost,
    Kind.PING_WAITS: _on_ping_waits,
    Kind.PING_ENDED: _on_ping_ended,
    Kind.BUILD_STARTED: _on_build_started,
    Kind.BUILD_FINISHED: _on_build_finished,
}
