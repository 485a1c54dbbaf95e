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
from buildbot_lifecycle.core.signs import may_wait, wait
from buildbot_lifecycle.core.states import RESTING, State
from buildbot_lifecycle.core.verdicts import _found, _worst, judge
from buildbot_lifecycle.core.verdicts.attention import of_left_over
from buildbot_lifecycle.core.verdicts.calls import of_call
from buildbot_lifecycle.core.verdicts.connections import of_kept_out, of_refused, of_silence
from buildbot_lifecycle.core.verdicts.failures import of_crash, of_failure
from buildbot_lifecycle.core.verdicts.standing import (
    of_graceful,
    of_leaving,
    of_left,
    of_quarantine,
)
from buildbot_lifecycle.core.verdicts.states import of_half, of_lost, of_state, of_unwanted
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER, Verdict
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


def _by_all_rules(facts: Facts, now: float) -> list[Verdict]:
    limits = DEFAULT_STUCK_AFTER
    found = (
        of_call(facts, limits, now),
        of_state(facts, limits, now),
        of_lost(facts, now),
        of_half(facts, limits, now),
        of_kept_out(facts, limits, now),
        of_silence(facts, limits, now),
        of_unwanted(facts, limits, now),
        of_leaving(facts, limits, now),
        of_refused(facts, limits, now),
        of_failure(facts, now),
        of_left(facts, now),
        of_graceful(facts, now),
        of_quarantine(facts, now),
        of_crash(facts),
        of_left_over(facts, now),
    )
    return [each for each in found if each is not None]


@settings(max_examples=300, deadline=None)
@given(st.lists(_HAPPENINGS, max_size=40), st.sampled_from([0.0, 20.0, 61.0, 400.0, 2000.0]))
def test_a_rule_that_is_not_asked_would_have_had_nothing_to_say(
    happenings: list[Any], later: float
) -> None:
    story = Story()
    for kind, data in happenings:
        story.event(kind, **data)
        facts, now = story.facts, story.now + later
        told = [each for each in _found(facts, DEFAULT_STUCK_AFTER, now) if each is not None]
        assert told == _by_all_rules(facts, now)
        assert may_wait(facts) or wait(facts) is None


@settings(max_examples=300, deadline=None)
@given(st.lists(_HAPPENINGS, max_size=40), st.sampled_from([0.0, 20.0, 61.0, 400.0, 2000.0]))
def test_what_is_due_is_the_first_moment_at_which_something_else_is_said(
    happenings: list[Any], later: float
) -> None:
    story = Story()
    for kind, data in happenings:
        story.event(kind, **data)
        facts, now = story.facts, story.now + later
        verdict = judge(facts, DEFAULT_STUCK_AFTER, now)
        assert verdict.due == _looked_for(facts, now)


def _looked_for(facts: Facts, now: float) -> float | None:
    """By looking at each moment at which any rule says something else."""
    said, due = _worst(facts, DEFAULT_STUCK_AFTER, now)
    while due is not None:
        then, later = _worst(facts, DEFAULT_STUCK_AFTER, due)
        if (then.level, then.code) != (said.level, said.code):
            return due
        due = later if later is not None and later > due else None
    return None
