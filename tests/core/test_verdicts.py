"""What is said of a worker, at which moment, and in which words."""

from __future__ import annotations

import dataclasses
import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.facts import Call, Facts, Failure
from buildbot_lifecycle.core.learned import Adaptive, Memory
from buildbot_lifecycle.core.limits import Default, for_starts
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts import held_by_silence, judge, wait_ends_at
from buildbot_lifecycle.core.verdicts.verdict import (
    DEFAULT_STUCK_AFTER,
    DIED,
    HEALTHY,
    LEVELS,
    SLOW_SHARE,
    Verdict,
)
from tests.core.story import (
    DOWN,
    NOT,
    NOW,
    QUEUED,
    STARTING,
    STOPPING,
    SUB,
    UP,
    WORKER,
    Story,
    build,
)

LIMITS = {state: None if limit is None else 100.0 for state, limit in DEFAULT_STUCK_AFTER.items()}


def told(story: Story, now: float) -> Verdict:
    return judge(story.facts, LIMITS, now)


def levels(story: Story, since: float) -> list[str]:
    """The levels just before and at half of the limit of 100 s, and just before and at all of it."""
    moments = [since + 49.999, since + 50, since + 99.999, since + 100]
    return [told(story, moment).level for moment in moments]


GRADED = ["ok", "slow", "slow", "stuck"]


# one situation after the other


def test_a_worker_at_rest_is_healthy_and_nothing_is_due() -> None:
    assert told(Story(), NOW + 1e9) == HEALTHY
    assert told(Story().go(DOWN), NOW + 1e9) == HEALTHY


def test_a_worker_that_is_up_may_stay_up_for_ever() -> None:
    assert told(Story().up(), NOW + 1e9) == HEALTHY


def test_a_stop_that_does_not_end_is_slow_at_half_of_its_limit_and_stuck_at_it() -> None:
    story = Story().stopping()
    since = story.now - 1
    assert levels(story, since) == GRADED
    verdict = told(story, since + 100)
    assert (verdict.code, verdict.since, verdict.threshold_s) == ("stop_pending", since, 100.0)
    assert verdict.reason == (
        "stop_instance has not ended for 1 min 40 s, longer than its limit of 1 min 40 s"
    )
    assert verdict.stuck_at == since + 100
    assert told(story, since + 50).reason == (
        "stop_instance has not ended for 50 s; stuck after 1 min 40 s"
    )


def test_a_start_that_does_not_end() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    assert levels(story, story.now - 1) == GRADED
    assert told(story, story.now).code == "start_pending"


def test_a_check_that_does_not_end() -> None:
    story = Story().started().call("check_instance")
    assert levels(story, story.now - 1) == GRADED
    assert told(story, story.now).code == "check_pending"


def test_a_check_that_is_still_pending_when_the_worker_is_up_has_the_limit_of_starting() -> None:
    story = Story().started().call("check_instance").go(UP)
    verdict = told(story, story.now + 1000)
    assert (verdict.level, verdict.code) == ("stuck", "check_pending")


def test_a_build_that_waits_behind_a_stop_is_told_as_such_and_since_the_stop_began() -> None:
    story = Story().stopping()
    since = story.now - 1
    story.wait(30).go(QUEUED)
    assert levels(story, since) == GRADED
    verdict = told(story, since + 60)
    assert verdict.code == "substantiation_queued"
    assert verdict.reason.startswith("a build waits behind stop_instance, which has not ended")


def test_a_worker_that_was_started_and_does_not_connect() -> None:
    story = Story().started()
    assert levels(story, story.facts.state_since or 0) == GRADED
    verdict = told(story, story.now + 1000)
    assert verdict.code == "never_connected"
    assert verdict.reason.startswith("started, and the worker has not connected for")


def test_a_start_that_failed_without_buildbots_notice_is_told_while_its_worker_is_awaited() -> None:
    """A driver's asyncio.CancelledError passes Buildbot's `except Exception`: it waits on."""
    story = Story().asked().go(SUB).go(STARTING).call("start_instance")
    story.end("start_instance", "raised", error="CancelledError", base=True)
    verdict = told(story, story.now + 1000)
    assert verdict.code == "never_connected"
    assert verdict.reason.startswith(
        "start_instance failed (CancelledError), which Buildbot takes no notice of; the worker has not"
        " connected for"
    )


def test_a_worker_frozen_while_it_attaches() -> None:
    story = Story().started().event(Kind.ATTACHING)
    verdict = judge(story.facts, LIMITS, story.now + 1000)
    assert verdict.code == "frozen_attach"
    assert verdict.reason.startswith("connected, and silent before it was attached for")


def test_a_worker_that_waits_for_its_machine() -> None:
    story = Story().asked().go(SUB)
    assert levels(story, story.now - 1) == GRADED
    assert told(story, story.now + 1000).reason.startswith("in the state substantiating for")


def test_a_stop_that_was_under_way_before_the_recording_is_judged_by_its_state() -> None:
    story = Story().event(Kind.BASELINE, state=STOPPING.value)
    assert levels(story, NOW) == GRADED
    assert told(story, NOW + 100).code == "state_overdue"


def test_a_worker_that_came_back_after_its_stop_is_a_rejected_loop() -> None:
    story = Story().event(Kind.REFUSED)
    assert levels(story, NOW) == GRADED
    assert told(story, NOW + 60).code == "rejected_loop"
    assert told(story, NOW + 60).reason == (
        "the worker came back after it was stopped and was refused once, for 1 min;"
        " stuck after 1 min 40 s"
    )
    story.event(Kind.REFUSED)
    assert "refused 2 times, for" in told(story, NOW + 60).reason


def test_a_rejected_loop_tells_of_the_stop_that_failed_before_it() -> None:
    story = Story().go(SUB, STARTING, UP, STOPPING).call("stop_instance")
    story.end("stop_instance", "raised", error="quota").go(NOT)
    story.event(Kind.REFUSED)
    stuck = told(story, story.now + 1000)
    assert (stuck.level, stuck.code) == ("stuck", "rejected_loop")
    assert stuck.reason.endswith("; stop_instance had failed: quota")


def test_a_single_refusal_whose_connection_has_closed_is_no_loop() -> None:
    story = Story().event(Kind.REFUSED).event(Kind.REFUSED_CLOSED, delivered=False)
    assert story.facts.held == 1
    for later in (0, 60, 99, 150, 1e6):  # within the limit of a loop, too
        assert told(story, NOW + later) == HEALTHY
    # told to Buildbot later, it is not closed twice: the next one is open
    story.event(Kind.REFUSED).event(Kind.REFUSED_CLOSED, delivered=True, closed=True)
    assert story.facts.refused_open == 1


def test_a_loop_whose_worker_stays_away_is_over_by_itself() -> None:
    story = Story()
    for _ in range(3):  # at 0, 80 and 160 s
        story.event(Kind.REFUSED).event(Kind.REFUSED_CLOSED, delivered=False).wait(78)
    assert told(story, NOW + 165).level == "stuck"
    over = NOW + 160 + 3 * 80
    assert told(story, NOW + 165).due == over
    assert told(story, over - 0.001).code == "rejected_loop"
    assert told(story, over) == HEALTHY


def test_a_failed_stop_is_told_before_the_loop_that_came_of_it() -> None:
    story = Story().stopping().stopped("raised", error="Boom")
    for _ in range(2):
        story.event(Kind.REFUSED, held=False).event(Kind.REFUSED_CLOSED, delivered=True)
    assert told(story, story.now + 101).code == "stop_failed"


def test_a_worker_that_is_refused_while_its_stop_is_busy_is_no_loop() -> None:
    story = Story().stopping().event(Kind.REFUSED).stopped()
    assert told(story, NOW + 1e6) == HEALTHY


def test_a_refused_worker_that_is_started_anew_is_judged_by_its_start() -> None:
    story = Story().event(Kind.REFUSED).asked().go(SUB)
    assert told(story, story.now).code == "state_overdue"


def test_a_failed_stop_is_told_until_a_stop_went_well() -> None:
    story = Story().stopping().stopped("raised", error="Boom")
    verdict = told(story, NOW + 1e6)
    assert (verdict.level, verdict.code, verdict.due) == ("failed", "stop_failed", None)
    assert verdict.reason == "stop_instance failed (Boom): the instance may still run"
    assert told(story.up(), story.now).code == "stop_failed"
    assert told(story.go(STOPPING).call("stop_instance").stopped(), story.now) == HEALTHY


def test_a_failed_start_is_told_with_the_number_of_failures_in_a_row() -> None:
    story = Story()
    for _ in range(2):
        story.asked().go(SUB, STARTING).call("start_instance")
        story.end("start_instance", "raised", error="no capacity").go(STOPPING, NOT)
    verdict = told(story, story.now)
    assert (verdict.level, verdict.code) == ("failed", "start_failed")
    assert verdict.reason == "start_instance failed: no capacity (2 starts in a row)"


def test_a_worker_that_never_connects_is_a_failed_start() -> None:
    story = Story().started().event(Kind.MISSING).go(STOPPING).call("stop_instance").stopped()
    verdict = told(story, story.now)
    assert (verdict.level, verdict.code) == ("failed", "start_failed")
    assert verdict.reason == "connection failed: the worker did not connect in time"


def test_a_worker_that_connects_after_failed_starts_is_healthy_again() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    story.end("start_instance", "false").go(STOPPING, NOT).up()
    assert told(story, story.now) == HEALTHY


def test_what_a_dead_master_left_is_unknown() -> None:
    assert told(Story().stopping().event(Kind.MASTER_DIED), NOW + 1e6) == DIED


# limits


@pytest.mark.parametrize("state", sorted(k for k in DEFAULT_STUCK_AFTER if isinstance(k, State)))
def test_a_state_without_a_limit_is_never_stuck(state: State) -> None:
    story = Story().event(Kind.BASELINE, state=state.value)
    verdict = judge(story.facts, {state: None}, NOW + 1e9)
    assert verdict.level == "ok"
    assert verdict.due is None
    assert verdict.stuck_at is None


def test_a_stop_without_a_limit_says_that_it_has_none() -> None:
    story = Story().stopping()
    verdict = judge(story.facts, {STOPPING: None}, story.now - 1 + 3600)
    assert (verdict.level, verdict.code) == ("ok", "stop_pending")
    assert verdict.reason == "stop_instance has not ended for 1 h (no limit is set)"


def test_a_rejected_loop_without_a_limit_is_never_stuck() -> None:
    verdict = judge(Story().event(Kind.REFUSED).facts, {NOT: None}, NOW + 1e9)
    assert (verdict.level, verdict.due) == ("ok", None)


def test_a_limit_can_be_set_for_a_worker_that_is_up() -> None:
    verdict = judge(Story().up().facts, {UP: 100.0}, NOW + 1e6)
    assert (verdict.level, verdict.code) == ("stuck", "state_overdue")


def test_a_state_that_is_not_named_has_its_default() -> None:
    story = Story().stopping()
    since = story.now - 1
    assert judge(story.facts, {}, since + 599).level == "slow"
    assert judge(story.facts, {}, since + 600).level == "stuck"


def test_a_clock_that_was_set_back_makes_a_wait_young_not_negative() -> None:
    verdict = told(Story().stopping(), NOW - 1e6)
    assert (verdict.level, verdict.reason) == ("ok", "stop_instance has not ended for 0 s")


def test_a_start_of_21_minutes_is_not_stuck_while_buildbot_itself_waits_for_an_hour() -> None:
    story = Story().event(Kind.CONFIGURED, may_connect=False, missing_timeout=3600)
    story.event(Kind.ASKED, build=build(), gives_up_at=NOW + 3601).go(SUB, STARTING)
    since = story.facts.state_since
    assert since is not None
    limits = for_starts(DEFAULT_STUCK_AFTER, story.facts.missing_timeout)
    verdict = judge(story.facts, limits, since + 21 * 60)
    assert (verdict.level, verdict.code, verdict.threshold_s) == ("ok", "never_connected", 3600.0)
    assert verdict.reason == (
        "started, and the worker has not connected for 21 min; Buildbot gives up in 38 min 58 s"
    )
    assert judge(story.facts, limits, since + 3600).level == "stuck"
    story.call("start_instance")
    verdict = judge(story.facts, limits, story.now + 3600)
    assert verdict.reason.endswith("; Buildbot cannot give up before it has ended")


def test_a_limit_of_a_start_that_the_administrator_has_set_is_their_word() -> None:
    said = parse({"stuck_after": {"substantiating_starting": 300}})[0].stuck_after
    limits = for_starts(said, 3600)
    assert (limits[STARTING], limits[SUB], limits[STOPPING]) == (300.0, 3600.0, 600.0)
    # a shorter missing_timeout, or none, shortens nothing
    assert for_starts(DEFAULT_STUCK_AFTER, 60)[STARTING] == 1200.0
    assert for_starts(DEFAULT_STUCK_AFTER, None)[STARTING] == 1200.0


def test_what_a_learnt_limit_stands_on_is_raised_too() -> None:
    memory = Memory()
    for _ in range(30):
        memory.add(WORKER, "Cloud", STARTING, 30.0)
    floor = for_starts(DEFAULT_STUCK_AFTER, 3600)
    assert memory.limits(WORKER, "Cloud", floor, Adaptive())[STARTING] == 3600.0


# several things at once


def test_of_several_waits_the_worst_is_told() -> None:
    story = Story().stopping().stopped("raised", error="x").asked().go(SUB, STARTING)
    story.call("start_instance")
    since = story.now - 1
    assert told(story, since + 50).code == "stop_failed"
    assert told(story, since + 100).code == "start_pending"


def test_a_turn_that_does_not_show_is_not_due() -> None:
    # ok turns to slow behind a failed stop: the next thing to be seen is stuck
    story = Story().stopping().stopped("raised", error="x").asked().go(SUB)
    assert told(story, story.now).due == story.facts.state_since + 100  # type: ignore[operator]


def test_of_equals_the_one_that_is_due_first_is_told() -> None:
    facts = Facts(
        WORKER,
        state_since=NOW,
        calls=(Call("start_instance", 1, NOW),),
        survived_stop=NOW + 5,
        refused=1,
        refused_open=1,
    )
    verdict = judge(facts, {STARTING: 1000.0, NOT: 10.0}, NOW + 6)
    assert (verdict.level, verdict.code, verdict.due) == ("ok", "rejected_loop", NOW + 10)


def test_levels_are_ordered_worst_first() -> None:
    assert LEVELS == ("stuck", "attention", "failed", "unknown", "slow", "ok")


def test_a_verdict_in_rest_has_no_due() -> None:
    assert set(HEALTHY.as_json()) == {"level", "code", "reason", "since", "threshold_s"}


# the promise of `due`

_LIMIT = st.one_of(st.none(), st.floats(0.5, 5000))
_TIME = st.floats(NOW - 3000, NOW)
_MAYBE = st.one_of(st.none(), _TIME)
_FACTS = st.builds(
    Facts,
    workerid=st.just(WORKER),
    state=st.sampled_from(State),
    state_since=st.one_of(st.none(), _TIME),
    connected=st.booleans(),
    calls=st.lists(
        st.builds(
            Call,
            st.sampled_from(["start_instance", "stop_instance", "check_instance"]),
            st.integers(1, 9),
            _TIME,
        ),
        max_size=2,
    ).map(tuple),
    refused=st.integers(0, 3),
    refused_first=_MAYBE,
    refused_last=_MAYBE,
    refused_open=st.integers(0, 2),
    held=st.integers(0, 2),
    survived_stop=_MAYBE,
    attaching=_MAYBE,
    login=_MAYBE,
    duplicate_first=_MAYBE,
    stopping=st.lists(st.tuples(st.sampled_from(["linux", "docs"]), _TIME), max_size=2).map(tuple),
    pinging=st.lists(st.tuples(st.just("linux"), _TIME), max_size=1).map(tuple),
    sign=_MAYBE,
    unanswered=_MAYBE,
    send_blocked=_MAYBE,
    leaving=_MAYBE,
    half=_MAYBE,
    found_locked=st.booleans(),
    unasked=st.booleans(),
    may_connect=st.booleans(),
    building=st.sampled_from([(), (build(),)]),
    last_failure=st.one_of(
        st.none(),
        st.builds(Failure, st.sampled_from(["start_instance", "stop_instance"]), st.just("x")),
    ),
    failures_in_row=st.integers(0, 2),
)
_THRESHOLDS = st.dictionaries(st.sampled_from(list(DEFAULT_STUCK_AFTER)), _LIMIT)


#: Nothing was refused that is still held, and the last failure is a start: both read *failed*.
_TWO_FAILURES = Facts(
    workerid=WORKER,
    state_since=NOW - 100,
    survived_stop=NOW,
    last_failure=Failure("start_instance", "x"),
    last_failure_at=NOW - 50,
)


@example(_TWO_FAILURES, {}, 0.0, 0.0)
@example(dataclasses.replace(_TWO_FAILURES, refused=2), {}, 0.0, 0.5)
@settings(max_examples=500, deadline=None)
@given(_FACTS, _THRESHOLDS, st.floats(0, 6000), st.floats(0, 1, exclude_max=True))
def test_a_verdict_holds_until_it_is_due_and_turns_then(
    facts: Facts, thresholds: dict[State, float | None], after: float, share: float
) -> None:
    now = NOW + after
    verdict = judge(facts, thresholds, now)
    said = (verdict.level, verdict.code)
    due = verdict.due
    if due is None:
        later = judge(facts, thresholds, now + 1e7)
        assert (later.level, later.code) == said
        return
    assert due > now
    between = min(now + (due - now) * share, math.nextafter(due, 0))
    at_between = judge(facts, thresholds, between)
    assert (at_between.level, at_between.code) == said
    assert at_between.due == due
    turned = judge(facts, thresholds, due)
    assert (turned.level, turned.code) != said
    # it gets worse, or another wait of the same level turns sooner; unless it was a loop, and the
    # worker has stayed away since
    better = LEVELS.index(turned.level) > LEVELS.index(verdict.level)
    assert not better or verdict.code == "rejected_loop"


@settings(max_examples=200, deadline=None)
@given(_FACTS, _THRESHOLDS)
def test_a_verdict_comes_to_rest_after_a_few_turns(
    facts: Facts, thresholds: dict[State, float | None]
) -> None:
    now, turns = NOW, 0
    while True:
        due = judge(facts, thresholds, now).due
        if due is None:
            break
        now, turns = due, turns + 1
        assert turns <= 20


def test_slow_is_half_of_the_limit() -> None:
    assert SLOW_SHARE == 0.5


# the other situations of the catalogue

BUILD = {"buildid": 1, "builderid": 1, "builder": "linux", "number": 1}


def test_a_login_that_is_not_answered_is_a_frozen_attach() -> None:
    story = Story().started().event(Kind.LOGIN_WAITS, since=NOW + 5)
    assert told(story, NOW + 5 + 1000).code == "frozen_attach"
    story.event(Kind.LOGIN_ENDED)
    assert told(story, NOW + 1080).code == "never_connected"


def test_an_older_connection_that_keeps_the_worker_out_is_told_with_its_count() -> None:
    story = Story().started().event(Kind.DUPLICATE, rejected=True)
    story.event(Kind.DUPLICATE, rejected=True)
    verdict = told(story, story.now + 1000)
    assert (verdict.level, verdict.code) == ("stuck", "duplicate_arbitration")
    assert "(2 rejected as duplicate)" in verdict.reason
    story.event(Kind.DUPLICATE, rejected=False)
    assert told(story, story.now).code == "never_connected"


def test_a_connection_held_without_an_instance_is_stale_unless_the_worker_may() -> None:
    story = Story().stopping().end("stop_instance").go(NOT)
    assert told(story, story.now + 1000).code == "stale_connection"
    story.event(Kind.CONFIGURED, may_connect=True, build_wait_timeout=-1)
    assert told(story, story.now + 1000) == HEALTHY


def test_a_stop_waits_for_a_connection_that_is_left_over_or_silent_but_for_a_call_first() -> None:
    assert held_by_silence(Story().up().facts, LIMITS, NOW) is None
    story = Story().up().event(Kind.BUILD_STARTED, build=BUILD)
    assert held_by_silence(story.facts, LIMITS, story.now) is None
    story.event(Kind.BUILD_STOPPING, build=BUILD)
    silent = held_by_silence(story.facts, LIMITS, story.now)
    assert silent is not None
    assert (silent.code, silent.stuck_at) == ("frozen_worker", story.now - 1 + 100)
    story = Story().stopping()
    assert held_by_silence(story.facts, LIMITS, story.now) is None
    story.end("stop_instance").go(NOT)
    left_over = held_by_silence(story.facts, LIMITS, story.now)
    assert left_over is not None
    assert left_over.code == "stale_connection"


@pytest.mark.parametrize("limit", [100.0, None])
def test_silence_is_not_judged_while_a_call_is_pending_also_if_the_call_has_no_limit(
    limit: float | None,
) -> None:
    limits = {**LIMITS, STARTING: limit}
    story = Story().started().call("check_instance").go(UP).event(Kind.ATTACHED)
    story.event(Kind.BUILD_STARTED, build=BUILD).event(Kind.BUILD_STOPPING, build=BUILD)
    story.event(Kind.SILENT, asked=story.now, code="frozen_worker")
    assert held_by_silence(story.facts, limits, story.now + 1000) is None
    assert wait_ends_at(story.facts, limits) == (limit and story.facts.calls[0].since + limit)
    silent = held_by_silence(story.end("check_instance").facts, limits, story.now + 1000)
    assert silent is not None
    assert (silent.level, silent.code) == ("stuck", "frozen_worker")


def test_a_clock_that_is_set_back_after_the_worker_was_asked_leaves_a_verdict() -> None:
    story = Story().up().event(Kind.BUILD_STARTED, build=BUILD)
    story.event(Kind.BUILD_STOPPING, build=BUILD)
    story.event(Kind.SILENT, asked=story.now + 2000, code="frozen_worker")
    verdict = told(story, story.now + 1000)
    assert (verdict.level, verdict.code) == ("stuck", "frozen_worker")
    assert "asked whether it lives 0 s ago" in verdict.reason


def test_a_worker_that_does_not_stop_its_build_is_frozen() -> None:
    story = Story().up().event(Kind.BUILD_STARTED, build=BUILD)
    story.event(Kind.BUILD_STOPPING, build=BUILD)
    assert told(story, story.now + 1000).level == "slow", "nobody has looked yet"
    story.event(Kind.SILENT, asked=story.now, code="frozen_worker")
    assert told(story, story.now + 1000).level == "stuck"
    story.event(Kind.SIGN_OF_LIFE, of="answer", at=story.now)
    assert told(story, story.now + 10).level == "ok"
    story.event(Kind.BUILD_FINISHED, build=BUILD)
    assert told(story, story.now + 1e6) == HEALTHY


def test_of_two_builds_that_are_stopped_each_is_waited_for() -> None:
    story = Story().up()
    for builder in ("linux", "docs"):
        story.event(Kind.BUILD_STARTED, build=build(builder=builder))
    first = story.now
    story.event(Kind.BUILD_STOPPING, build=build(builder="docs")).wait(30)
    second = story.now
    story.event(Kind.BUILD_STOPPING, build=build(builder="linux"))
    story.event(Kind.BUILD_STOPPING, build=build(builder="linux"))
    assert told(story, story.now).since == first
    story.event(Kind.BUILD_FINISHED, build=build(builder="docs"))
    assert told(story, story.now).since == second


def test_a_worker_that_answers_while_it_is_not_attached_is_judged_by_its_start() -> None:
    story = Story().started().event(Kind.ATTACHING)
    story.event(Kind.SIGN_OF_LIFE, of="answer", at=story.now)
    verdict = told(story, story.now + 99)
    assert (verdict.level, verdict.code) == ("stuck", "state_overdue")
    assert verdict.reason.startswith("a worker has come and lives, and is not attached for")


def test_a_worker_that_was_heard_once_and_then_no_more_is_not_told_as_living() -> None:
    story = Story().started().event(Kind.ATTACHING)
    story.event(Kind.SIGN_OF_LIFE, of="message", at=story.now)
    story.event(Kind.SILENT, asked=story.now, code="frozen_attach")
    verdict = told(story, story.now + 99)
    assert (verdict.level, verdict.code) == ("stuck", "frozen_attach")


@pytest.mark.parametrize("next_one", [Kind.LOGIN_WAITS, Kind.ATTACHING])
def test_a_question_that_was_not_answered_is_not_held_against_the_next_connection(
    next_one: Kind,
) -> None:
    story = Story().started().event(Kind.LOGIN_WAITS, since=NOW)
    story.event(Kind.SILENT, asked=story.now, code="frozen_attach").event(Kind.LOGIN_ENDED)
    story.event(next_one)
    verdict = told(story, story.now + 1000)
    assert (verdict.level, verdict.code) == ("slow", "frozen_attach"), "it was not asked"


def test_a_worker_that_lives_and_is_kept_out_is_told_as_kept_out() -> None:
    story = Story().started()
    story.event(Kind.SIGN_OF_LIFE, of="answer", at=story.now)
    story.event(Kind.DUPLICATE, rejected=True)
    assert told(story, story.now + 99).code == "duplicate_arbitration"


def test_a_worker_that_takes_no_data_while_it_builds_is_frozen() -> None:
    story = Story().up().event(Kind.BUILD_STARTED, build=BUILD)
    story.event(Kind.SEND_BLOCKED, since=story.now)
    assert told(story, story.now + 1000).code == "frozen_worker"
    assert told(story.event(Kind.SEND_RESUMED), story.now + 1000) == HEALTHY


def test_a_build_that_was_cut_off_from_its_start_is_stuck_once_the_worker_has_rested_too_long() -> (
    None
):
    story = Story().up().event(Kind.DETACHED).event(Kind.BUILD_STARTED, build=BUILD)
    story.event(Kind.ASKED, build=BUILD).go(STOPPING, NOT)
    assert levels(story, story.now - 1) == GRADED
    assert told(story, story.now + 99).code == "build_forgotten"


def test_a_stop_that_broke_off_half_way_is_told_soon() -> None:
    story = Story().stopping().end("stop_instance", "raised", error="CancelledError", base=True)
    verdict = told(story, story.now + 1000)
    assert (verdict.level, verdict.code) == ("stuck", "half_insubstantiated")


def test_a_worker_that_a_reconfiguration_waits_for_is_told_so() -> None:
    story = Story().stopping().event(Kind.LEAVING)
    assert judge(story.facts, {STOPPING: None}, story.now + 1000).code == "reconfig_frozen"
    with_master = Story().stopping().event(Kind.LEAVING, with_master=True)
    assert judge(with_master.facts, {STOPPING: None}, with_master.now + 1000).level == "ok"


def test_an_instance_that_no_build_asked_for_is_told() -> None:
    story = Story().go(STARTING, UP).event(Kind.ATTACHED)
    assert told(story, story.now + 1000).code == "unasked_instance"


def test_a_call_that_was_pending_before_us_is_told_as_such() -> None:
    story = Story().event(Kind.BASELINE, state=STOPPING.value, locked=True)
    assert told(story, NOW + 100).code == "pending_before_us"


def test_starts_that_fail_again_and_again_are_a_loop() -> None:
    story = Story()
    for _ in range(3):
        story.asked().go(SUB, STARTING).call("start_instance")
        story.end("start_instance", "raised", error="quota").go(STOPPING, NOT)
    verdict = told(story, story.now)
    assert (verdict.level, verdict.code) == ("failed", "start_failed_loop")
    assert "(3 starts in a row)" in verdict.reason


def test_a_crash_is_told_until_its_orphan_is_closed() -> None:
    story = Story().event(Kind.ORPHAN_OPENED, orphan=4, cause="crash")
    assert told(story, NOW + 1e6).code == "crash_open"
    assert told(story.event(Kind.ORPHAN_CLOSED, orphan=4), NOW + 1e6) == HEALTHY


def test_after_a_crash_it_is_not_known_of_which_instance_the_connected_worker_is() -> None:
    """Both have the worker's name and password: of EC2 the old one was shown under the new one's name."""
    story = Story().event(Kind.ORPHAN_OPENED, orphan=4, cause="crash")
    story.asked().go(SUB, STARTING).call("start_instance").end("start_instance", instance="i-new")
    assert "not known" not in told(story, story.now).reason
    verdict = told(story.go(UP).event(Kind.ATTACHED), story.now)
    assert verdict.code == "crash_open"
    assert verdict.reason.endswith(
        "the worker that is connected may be of that one, and not of i-new: not known"
    )
    assert told(story.event(Kind.ORPHAN_CLOSED, orphan=4), story.now) == HEALTHY


def test_a_machine_that_does_not_stop_may_still_run_until_its_stop_succeeds() -> None:
    story = Story().asked().go(SUB).call("stop_machine").end("stop_machine", "false")
    assert story.last.failure is None  # of the build that waits for the machine's next start
    verdict = told(story, story.now)
    assert (verdict.level, verdict.code) == ("failed", "stop_failed")
    assert verdict.reason == (
        "stop_machine failed (said no (returned False)): the machine may still run"
    )
    story.call("stop_instance").end("stop_instance", "true")
    assert told(story, story.now).code == "stop_failed"
    story.call("stop_machine").end("stop_machine", "true")
    assert story.facts.last_failure is None


def test_a_machine_that_does_not_start_is_told_for_its_workers() -> None:
    story = Story().asked().go(SUB).call("start_machine")
    verdict = told(story, story.now + 1e6)
    assert (verdict.level, verdict.code) == ("stuck", "machine_pending")


def test_a_rule_that_is_due_at_its_own_moment_again_does_not_turn_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    endless = (Verdict("ok", "x", "x"), NOW + 1)
    monkeypatch.setattr("buildbot_lifecycle.core.verdicts._worst", lambda *_: endless)
    assert told(Story(), NOW).due is None


def test_a_worker_that_left_by_itself_while_idle_is_told_with_what_happens_next() -> None:
    story = Story().event(Kind.CONFIGURED, build_wait_timeout=600).up().event(Kind.DETACHED)
    verdict = told(story, story.now + 59)
    assert (verdict.level, verdict.code) == ("failed", "worker_left")
    assert verdict.reason == (
        "the worker left by itself 1 min ago; its instance may still run."
        " Buildbot stops it 10 min after its last build, or for the next build"
    )
    story.event(Kind.CONFIGURED, build_wait_timeout=-1, may_connect=True)
    assert told(story, story.now).reason.endswith(
        "only for the next build, and starts it anew then"
    )
    # it may come back by itself, and was not lost then
    assert told(story.event(Kind.ATTACHED), story.now) == HEALTHY
    assert story.go(STOPPING, NOT).last.outcome == "ok"


def test_a_worker_that_leaves_while_it_builds_is_told_once_its_build_is_over() -> None:
    story = Story().event(Kind.CONFIGURED, build_wait_timeout=600).up()
    story.event(Kind.BUILD_STARTED, build=BUILD).event(Kind.DETACHED)
    assert told(story, story.now) == HEALTHY
    assert told(story.event(Kind.BUILD_FINISHED, build=BUILD), story.now).code == "worker_left"
    assert story.go(STOPPING, NOT).last.outcome == "lost"
    assert told(story, story.now) == HEALTHY


def test_a_worker_that_buildbot_or_a_person_sends_away_is_not_lost() -> None:
    story = Story().up().event(Kind.DETACHED, by_master=True)
    assert told(story, story.now) == HEALTHY
    assert story.go(STOPPING, NOT).last.outcome == "ok"
    story.up().event(Kind.SHUTDOWN_ASKED).event(Kind.DETACHED)
    assert "was shut down from Buildbot's page" in told(story, story.now).reason
    assert story.go(STOPPING, NOT).last.outcome == "ok"


def test_a_latent_worker_that_was_shut_down_gracefully_never_builds_again() -> None:
    story = Story().event(Kind.GRACEFUL)
    verdict = told(story, story.now + 1e6)
    assert (verdict.level, verdict.code) == ("failed", "shut_down_gracefully")
    assert "until the master is restarted" in verdict.reason
    assert told(story.event(Kind.ATTACHED), story.now).code != "shut_down_gracefully"


def test_of_an_idle_worker_that_was_shut_down_gracefully_no_next_build_is_promised() -> None:
    story = Story().event(Kind.CONFIGURED, build_wait_timeout=600).up()
    story.event(Kind.SHUTDOWN_ASKED).event(Kind.GRACEFUL).event(Kind.DETACHED)
    verdict = told(story, story.now)
    assert verdict.code == "shut_down_gracefully"
    assert verdict.reason.endswith("its worker has left, and its instance may still run")


def test_a_quarantine_is_told_with_the_failure_that_led_to_it_and_by_itself() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    story.end("start_instance", "raised", error="quota").go(STOPPING, NOT)
    story.event(Kind.QUARANTINE_ENTERED, until=story.now + 41, seconds=41)
    assert told(story, story.now).reason == (
        "start_instance failed: quota; in quarantine: Buildbot starts no build on it for 40 s"
    )
    alone = Story().event(Kind.QUARANTINE_ENTERED, until=NOW + 60)
    assert (told(alone, NOW).level, told(alone, NOW).code) == ("ok", "quarantined")
    assert told(alone.event(Kind.QUARANTINE_LEFT), NOW) == HEALTHY


@pytest.mark.parametrize("ends", ["raises", "is not attached", "never comes"])
def test_a_start_that_the_masters_own_stop_ends_is_no_failure_of_the_worker(ends: str) -> None:
    levels = {}
    for stops in (False, True):
        story = Story().asked().go(SUB, STARTING)
        story.call("start_instance")
        if stops:
            story.event(Kind.LEAVING, with_master=True)
        if ends == "raises":
            story.end("start_instance", "raised", error="RuntimeError: cut off")
        else:
            story.end("start_instance", "true")
        if ends == "is not attached":
            story.event(Kind.ATTACHED, peer="p", failed=True)
        if ends == "never comes":
            story.event(Kind.MISSING)
        story.go(STOPPING, NOT)
        levels[stops] = judge(story.facts, LIMITS, NOW).level
    assert levels == {False: "failed", True: "ok"}


def test_a_stop_that_fails_while_the_master_stops_is_told_all_the_same() -> None:
    story = Story().up().event(Kind.LEAVING, with_master=True).stopping()
    story.end("stop_instance", "raised", error="RuntimeError: no")
    assert judge(story.go(NOT).facts, LIMITS, NOW).code == "stop_failed"


def test_a_build_that_buildbot_has_lost_is_stuck_at_once_and_until_it_is_ended() -> None:
    story = Story().up().event(Kind.BUILD_STARTED, build=BUILD)
    assert told(story, story.now).code != "build_lost"
    story.event(Kind.BUILD_LOST, build=BUILD, error="OperationalError")
    verdict = told(story, story.now + 5)
    assert (verdict.level, verdict.code) == ("stuck", "build_lost")
    assert verdict.since is not None
    assert "the build of linux" in verdict.reason
    story.event(Kind.BUILD_FINISHED, build=BUILD)
    assert told(story, story.now).code != "build_lost"


def test_a_limit_that_nobody_has_set_is_told_as_a_plain_number() -> None:
    """Read back as a shape, `limits.Default` was refused: an end that was done was answered with 500."""
    told = Verdict("ok", "starting", "it starts", threshold_s=Default(600.0)).as_json()
    assert type(told["threshold_s"]) is float
