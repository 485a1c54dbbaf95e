"""Whatever happens, in whatever order: the fold does not raise and its answers hang together."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.core.fold.phases import MAX_PHASES
from buildbot_lifecycle.core.states import RESTING, State
from tests.core.story import NOW, WORKER, Story, build

_CALLS = st.sampled_from(["start_instance", "stop_instance", "check_instance"])
_STATES = st.sampled_from([state.value for state in State])
_BUILDS = st.builds(build, st.integers(1, 3), st.sampled_from(["linux", "docs"]))
_TEXTS = st.one_of(st.none(), st.text(max_size=5))


def _optional(**keys: Any) -> Any:
    return st.fixed_dictionaries({}, optional=keys)


_DATA: dict[Kind, Any] = {
    Kind.TRANSITION: st.fixed_dictionaries({"from": _STATES, "to": _STATES}),
    Kind.BASELINE: st.fixed_dictionaries(
        {"state": _STATES},
        optional={"connected": st.booleans(), "building": st.lists(_BUILDS, max_size=2)},
    ),
    Kind.ASKED: _optional(build=_BUILDS),
    Kind.CALL_STARTED: st.fixed_dictionaries(
        {"call": _CALLS, "token": st.integers(1, 4)}, optional={"build": _BUILDS}
    ),
    Kind.CALL_ENDED: st.fixed_dictionaries(
        {
            "call": _CALLS,
            "token": st.integers(1, 4),
            "outcome": st.sampled_from(["true", "false", "other", "raised", "released"]),
        },
        optional={
            "error": _TEXTS,
            "late": st.booleans(),
            "instance": _TEXTS,
            "build_refused": st.booleans(),
            "unanswered": st.booleans(),
        },
    ),
    Kind.NOT_SUBSTANTIATED: _optional(
        how=st.sampled_from(["cancelled", "timeout", "build_refused", "failed"]),
        error=_TEXTS,
        stopped=st.booleans(),
        by=_TEXTS,
    ),
    Kind.LOGIN_FAILED: _optional(reason=_TEXTS, times=st.integers(1, 9)),
    Kind.ATTACHED: _optional(peer=_TEXTS, failed=st.booleans()),
    Kind.REFUSED: _optional(held=st.booleans()),
    Kind.REFUSED_CLOSED: _optional(
        delivered=st.booleans(), closed=st.booleans(), by_release=st.booleans()
    ),
    Kind.BUILD_STARTED: _optional(build=_BUILDS),
    Kind.BUILD_FINISHED: _optional(build=_BUILDS),
    Kind.DUPLICATE: _optional(rejected=st.booleans()),
    Kind.LOGIN_WAITS: _optional(since=st.floats(NOW - 9, NOW)),
    Kind.SEND_BLOCKED: _optional(since=st.floats(NOW - 9, NOW)),
    Kind.LEAVING: _optional(with_master=st.booleans()),
    Kind.ORPHAN_OPENED: st.fixed_dictionaries({"orphan": st.integers(1, 3)}),
    Kind.ORPHAN_CLOSED: st.fixed_dictionaries({"orphan": st.integers(1, 3)}),
    Kind.DETACHED: _optional(by_master=st.booleans()),
    Kind.BUILD_STOPPING: _optional(build=_BUILDS),
    Kind.BUILD_LOST: _optional(build=_BUILDS),
    Kind.PING_WAITS: _optional(builder=st.sampled_from(["linux", "docs"])),
    Kind.PING_ENDED: _optional(builder=st.sampled_from(["linux", "docs"])),
    Kind.SIGN_OF_LIFE: _optional(at=st.floats(NOW - 9, NOW)),
    Kind.SILENT: _optional(asked=st.floats(NOW - 9, NOW)),
    Kind.QUARANTINE_ENTERED: _optional(until=st.floats(NOW, NOW + 9)),
    Kind.CONFIGURED: _optional(
        may_connect=st.booleans(),
        build_wait_timeout=st.sampled_from([-1, 0, 600]),
        missing_timeout=st.sampled_from([None, 60, 3600]),
    ),
    Kind.PAUSED: _optional(reason=_TEXTS),
}

_HAPPENINGS = st.sampled_from(list(Kind)).flatmap(
    lambda kind: st.tuples(st.just(kind), _DATA.get(kind, st.just({})))
)


def _check(story: Story) -> None:
    facts = story.facts
    still_open = [e for e in story.episodes.values() if e.ended_at is None]
    assert still_open == ([facts.episode] if facts.episode else [])
    assert (facts.episode is None) or facts.state not in RESTING
    assert facts.held >= 0
    assert facts.refused >= 0
    assert facts.refused_open >= 0
    assert facts.failures_in_row >= 0
    for episode in story.episodes.values():
        assert (episode.ended_at is None) == (episode.outcome is None)
        assert episode.ended_at is None or episode.ended_at >= episode.started_at
        phases = episode.phases
        assert 0 < len(phases) <= MAX_PHASES
        assert phases[0].since == episode.started_at
        assert phases[-1].until == episode.ended_at
        assert all(a.until == b.since for a, b in itertools.pairwise(phases))
        assert all(p.until is None or p.until >= p.since for p in phases)
    ordered = [story.episodes[seq] for seq in sorted(story.episodes)]
    for one, following in itertools.pairwise(ordered):
        assert one.ended_at is not None
        assert one.outcome is not None
        assert following.first_seq > one.first_seq


@settings(max_examples=300, deadline=None)
@given(st.lists(_HAPPENINGS, max_size=40))
def test_any_sequence_of_events_leaves_whole_episodes(happenings: list[Any]) -> None:
    story = Story()
    for kind, data in happenings:
        story.event(kind, **data)
        _check(story)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(_HAPPENINGS, st.floats(-100, 100)), max_size=30))
def test_a_clock_that_jumps_breaks_no_episode(happenings: list[Any]) -> None:
    story = Story()
    for (kind, data), jump in happenings:
        story.wait(jump).event(kind, **data)
        for episode in story.episodes.values():
            assert episode.ended_at is None or episode.ended_at >= episode.started_at
            assert all(p.until is None or p.until >= p.since for p in episode.phases)


@settings(max_examples=100, deadline=None)
@given(st.lists(_HAPPENINGS, max_size=40))
def test_the_same_log_gives_the_same_again(happenings: list[Any]) -> None:
    events = [Event(i + 1, NOW + i, WORKER, k, d) for i, (k, d) in enumerate(happenings)]

    def fold() -> Any:
        facts, touched = Facts(workerid=WORKER), []
        for event in events:
            step = apply(facts, event)
            facts = step.facts
            touched.append(step.episodes)
        return facts, touched

    assert fold() == fold()


@settings(max_examples=100, deadline=None)
@given(st.lists(_HAPPENINGS, max_size=30), st.booleans())
def test_a_master_that_dies_leaves_nothing_open(happenings: list[Any], again: bool) -> None:
    story = Story()
    for kind, data in happenings:
        story.event(kind, **data)
    story.event(Kind.MASTER_DIED)
    if again:
        story.event(Kind.MASTER_DIED)
    _check(story)
    assert all(e.ended_at is not None for e in story.episodes.values())
    assert not story.facts.calls
    assert not story.facts.building
