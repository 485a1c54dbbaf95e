"""When an episode begins and ends, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from buildbot_lifecycle.core.bounds import MAX_TEXT
from buildbot_lifecycle.core.events import Event, Kind, cut
from buildbot_lifecycle.core.facts import Call, Facts, Failure
from buildbot_lifecycle.core.fold import numbered
from buildbot_lifecycle.core.fold.phases import MAX_PHASES
from buildbot_lifecycle.core.instances import never_had_instance
from buildbot_lifecycle.core.states import State
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

# beginning and end


def test_an_episode_begins_with_substantiating_and_ends_at_rest() -> None:
    story = Story().up()
    assert story.facts.episode is not None
    assert story.facts.episode.started_at == NOW + 1
    story.go(STOPPING).call("stop_instance").stopped()
    assert story.facts.episode is None
    assert story.last.ended_at == story.now - 1
    assert story.outcomes == ["ok"]


def test_the_phases_follow_each_other_without_a_gap() -> None:
    phases = Story().stopping().stopped().last.phases
    assert [p.state for p in phases] == [SUB, STARTING, UP, STOPPING]
    assert [p.until for p in phases[:-1]] == [p.since for p in phases[1:]]
    assert phases[-1].until is not None


def test_a_lost_connection_ends_the_episode_when_the_next_one_begins() -> None:
    story = Story().up().event(Kind.DETACHED).asked(2).go(QUEUED)
    assert story.facts.episode is not None, "the lost instance is still being stopped"
    assert story.facts.queued_since == story.now - 1
    story.call("stop_instance").end("stop_instance").go(SUB)
    first, second = (story.episodes[seq] for seq in sorted(story.episodes))
    assert first.outcome == "lost"
    assert first.ended_at == second.started_at
    assert second.build == build(2)
    assert story.facts.episode == second
    assert story.facts.queued_since is None


def test_a_build_queued_behind_a_stop_opens_the_next_episode() -> None:
    story = Story().stopping().asked(2).go(QUEUED).end("stop_instance").go(SUB, STARTING)
    assert story.outcomes == ["ok", None]
    assert story.last.phases[0].state is SUB


def test_a_cancelled_queue_leaves_the_episode_as_it_was() -> None:
    story = Story().stopping().go(QUEUED, STOPPING).stopped()
    assert story.outcomes == ["ok"]
    assert [p.state for p in story.last.phases][-3:] == [STOPPING, QUEUED, STOPPING]


def test_substantiating_always_begins_a_new_episode_even_if_the_end_of_the_last_was_not_seen() -> (
    None
):
    story = Story().up()
    story.event(Kind.TRANSITION, **{"from": NOT.value, "to": SUB.value})
    assert story.outcomes == ["ok", None]


def test_an_instance_that_nobody_asked_for_is_an_episode_too() -> None:
    # a build that was stopped while its machine was starting
    story = Story().asked().go(SUB, STOPPING).gave(stopped=True).go(NOT, STARTING)
    assert story.outcomes == ["cancelled", None]
    assert story.last.phases[0].state is STARTING


def test_shutting_down_while_at_rest_opens_nothing() -> None:
    assert Story().go(DOWN).episodes == {}


def test_a_clock_that_is_set_back_makes_no_negative_phase() -> None:
    story = Story().up()
    story.now -= 3600
    episode = story.go(STOPPING, NOT).last
    assert episode.ended_at is not None
    assert episode.ended_at >= episode.started_at
    assert all(p.until is not None and p.until >= p.since for p in episode.phases)


def test_a_machine_that_loops_keeps_a_bounded_number_of_phases() -> None:
    story = Story().stopping()
    for _ in range(MAX_PHASES):
        story.go(QUEUED, STOPPING)
    assert len(story.last.phases) == MAX_PHASES
    assert story.last.phases[0].state is SUB
    assert story.last.phases[-1].until is None


# outcomes


def test_a_stop_that_raised_leaves_the_episode_failed() -> None:
    story = Story().stopping().stopped("raised", error="Boom: no", traceback="Traceback...")
    assert story.outcomes == ["stop_failed"]
    assert story.last.failure == Failure("stop_instance", "Boom: no", "Traceback...")


def test_a_stop_that_said_no_leaves_the_episode_failed() -> None:
    story = Story().stopping().stopped("false")
    assert story.outcomes == ["stop_failed"]
    assert story.last.failure == Failure("stop_instance", "said no (returned False)")


def test_a_stop_that_returned_none_is_a_stop() -> None:
    assert Story().stopping().stopped("other", value="None").outcomes == ["ok"]


@pytest.mark.parametrize("outcome", ["raised", "false"])
def test_a_start_that_failed_is_a_failed_start_even_after_a_good_stop(outcome: str) -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    story.end("start_instance", outcome, error="no capacity").go(STOPPING).call("stop_instance")
    story.stopped()
    assert story.outcomes == ["start_failed"]
    assert story.facts.failures_in_row == 1


def test_an_instance_that_crashed_before_it_connected_is_a_failed_start() -> None:
    story = Story().started().end("check_instance", "false", token=99, error="exited with 1")
    story.go(STOPPING).call("stop_instance").stopped()
    assert story.outcomes == ["start_failed"]
    assert story.last.failure == Failure("check_instance", "exited with 1")


def failed_start(error: str = "quota", **data: Any) -> Story:
    """The start raised, and Buildbot's stop of it is pending."""
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    story.end("start_instance", "raised", error=error, **data)
    return story.go(STOPPING).call("stop_instance")


def test_the_first_failure_of_an_episode_is_its_cause() -> None:
    story = failed_start("quota").stopped("raised", error="no such instance")
    assert story.outcomes == ["start_failed"]
    assert story.last.failure == Failure("start_instance", "quota")
    assert story.facts.failures_in_row == 1
    # nothing was made: the stop that failed has left nothing, and is no news
    assert story.facts.last_failure == Failure("start_instance", "quota")


def test_a_stop_that_fails_after_a_failed_start_tells_both_where_an_instance_may_be() -> None:
    story = failed_start("quota", instance="i-1").stopped("raised", error="500")
    assert story.outcomes == ["start_failed"]
    assert story.last.failure == Failure("start_instance", "quota")
    assert story.facts.last_failure == Failure(
        "stop_instance", "500; before it, start_instance failed: quota"
    )


def test_of_a_worker_that_never_came_and_whose_stop_failed_the_first_is_the_cause() -> None:
    story = Story().started().event(Kind.MISSING).go(STOPPING).call("stop_instance")
    story.stopped("raised", error="500")
    assert story.outcomes == ["never_connected"]
    assert story.facts.failures_in_row == 1
    assert story.facts.last_failure is not None
    assert story.facts.last_failure.call == "stop_instance"
    assert "the worker did not connect in time" in story.facts.last_failure.error


@pytest.mark.parametrize(
    ("story", "never"),
    [
        (failed_start, True),
        (
            lambda: (
                Story()
                .asked()
                .go(SUB, STARTING)
                .call("start_instance")
                .end("start_instance", "false")
            ),
            True,
        ),
        (lambda: failed_start(instance="i-1"), False),
        (lambda: failed_start(unanswered=True), False),
        (lambda: failed_start().event(Kind.ATTACHING, peer="p"), False),
        (lambda: failed_start().event(Kind.REFUSED, peer="p"), False),
        (lambda: failed_start().event(Kind.LOGIN_WAITS), False),
        (lambda: Story().started(), False),
        (lambda: Story().up(), False),
        (Story, False),
    ],
)
def test_whether_there_never_was_an_instance_is_known_and_not_guessed(
    story: Any, never: bool
) -> None:
    assert never_had_instance(story().facts) is never


def test_a_build_stopped_during_the_start_cancels_the_episode() -> None:
    story = Story().started().go(STOPPING).gave(stopped=True).call("stop_instance").stopped()
    assert story.outcomes == ["cancelled"]
    assert story.last.failure is None
    assert Story().asked().go(SUB, STOPPING).gave(stopped=True).go(NOT).outcomes == ["cancelled"]


def test_of_several_builds_one_that_was_stopped_is_enough() -> None:
    story = Story().started().go(STOPPING).gave().gave(stopped=True).gave()
    assert story.call("stop_instance").stopped().outcomes == ["cancelled"]


def test_a_start_that_is_called_off_with_its_worker_is_cancelled() -> None:
    story = Story().started().event(Kind.LEAVING, with_master=True).go(STOPPING).gave()
    assert story.call("stop_instance").stopped().outcomes == ["cancelled"]


def test_a_start_that_an_action_calls_off_is_released() -> None:
    story = Story().started().go(STOPPING).gave(by="action 7").call("stop_instance").stopped()
    assert story.outcomes == ["released"]


def test_a_start_that_nobody_stopped_and_no_call_tells_of_failed_with_what_the_build_got() -> None:
    story = Story().started().gave("failed", "latent worker crashed").go(STOPPING)
    assert story.facts.last_failure == Failure("substantiation", "latent worker crashed")
    story.call("stop_instance").stopped()
    assert story.outcomes == ["start_failed"]
    called_off = Story().started().go(STOPPING).gave().call("stop_instance").stopped()
    assert called_off.outcomes == ["start_failed"]
    assert called_off.facts.last_failure == Failure(
        "substantiation", "Buildbot called the start off"
    )
    assert called_off.facts.failures_in_row == 1


def test_a_start_whose_end_nobody_tells_of_is_no_build_that_was_stopped() -> None:
    story = Story().started().go(STOPPING).call("stop_instance").stopped()
    assert story.outcomes == ["never_connected"]
    assert story.last.failure == Failure("connection", "the worker did not connect in time")
    stopped = Story().started().go(STOPPING).gave(stopped=True).call("stop_instance").stopped()
    assert (stopped.outcomes, stopped.last.failure) == (["cancelled"], None)


def test_what_a_build_behind_the_stop_is_given_is_not_of_the_episode_that_stops() -> None:
    story = Story().stopping().asked(2).go(QUEUED, STOPPING).gave().stopped()
    assert story.outcomes == ["ok"]


def test_a_machine_that_does_not_start_fails_the_start() -> None:
    story = Story().asked().go(SUB).call("start_machine").end("start_machine", "false")
    story.go(STOPPING).gave().go(NOT)
    assert story.outcomes == ["start_failed"]
    assert story.last.failure == Failure("start_machine", "said no (returned False)")


def test_a_start_that_returned_none_is_told_as_that() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    story.end("start_instance", "false", value="None").go(STOPPING, NOT)
    assert story.last.failure == Failure("start_instance", "returned None")


def test_a_build_that_can_have_no_worker_is_the_builds_failure() -> None:
    story = failed_start("no arm64", build_refused=True).stopped("raised", error="nothing there")
    assert story.outcomes == ["build_refused"]
    assert story.last.failure == Failure("start_instance", "no arm64")
    assert (story.facts.last_failure, story.facts.failures_in_row) == (None, 0)


def test_what_stands_in_the_way_of_an_awaited_worker_is_kept_with_its_episode() -> None:
    story = Story().event(Kind.LOGIN_FAILED, reason="had a wrong password").started()
    assert story.last.obstacle is None, "nobody was awaited then"
    story.event(Kind.LOGIN_FAILED, reason="had a wrong password", times=3)
    assert story.last.obstacle == "a login as this worker had a wrong password (3 times)"
    story.event(Kind.REFUSED, reason="too old").event(Kind.MISSING).go(STOPPING, NOT)
    assert story.last.failure == Failure(
        "connection",
        "the worker did not connect in time; its connection was refused: too old",
    )


def test_a_worker_that_stays_connected_is_up_without_attaching_again() -> None:
    story = Story().event(Kind.ATTACHED, peer="p").started().go(UP)
    assert story.last.connected_at is not None
    assert story.go(STOPPING, NOT).outcomes == ["ok"]


# how long


def test_the_times_of_the_calls_are_their_own_and_the_wait_for_the_worker_follows() -> None:
    story = Story().asked().go(SUB).wait(100).go(STARTING).call("start_instance").wait(19)
    story.end("start_instance").wait(4).go(UP).event(Kind.ATTACHED, peer="p")
    story.wait(50).go(STOPPING).wait(7).call("stop_instance").wait(29).end("stop_instance").go(NOT)
    episode = story.last
    assert (episode.start_s, episode.connect_s, episode.stop_s) == (20, 6, 30)


def test_a_worker_that_came_before_its_start_had_an_answer_was_not_waited_for() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance").go(UP)
    story.event(Kind.ATTACHED, peer="p").wait(9).end("start_instance")
    assert (story.last.start_s, story.last.connect_s) == (12, 0)


def test_a_call_that_was_released_took_until_its_release() -> None:
    story = Story().stopping().wait(99).end("stop_instance", "released", by="action 1").go(NOT)
    assert story.last.stop_s == 100
    story.wait(500).end("stop_instance", "true", token=2, late=True)
    assert story.last.stop_s == 100


def test_of_what_was_not_seen_there_is_no_time() -> None:
    story = Story().event(Kind.BASELINE, state=UP.value, connected=True).go(STOPPING, NOT)
    assert (story.last.start_s, story.last.connect_s, story.last.stop_s) == (None, None, None)


def test_a_worker_that_does_not_come_in_time_never_connected() -> None:
    story = Story().started().event(Kind.MISSING).go(STOPPING).call("stop_instance").stopped()
    assert story.outcomes == ["never_connected"]
    assert story.facts.failures_in_row == 1
    assert story.facts.last_failure == Failure("connection", "the worker did not connect in time")


def test_a_missing_report_that_comes_after_the_start_says_nothing_new() -> None:
    # Buildbot's own "missing" message follows any failed start
    story = Story().started().go(STOPPING).gave(stopped=True).event(Kind.MISSING)
    assert story.call("stop_instance").stopped().outcomes == ["cancelled"]
    assert Story().event(Kind.MISSING).facts == Facts(workerid=WORKER)


def test_a_worker_that_connected_and_could_not_be_attached_is_a_failed_start() -> None:
    story = Story().started().event(Kind.ATTACHED, peer="p", failed=True)
    assert story.facts.connected
    assert story.go(STOPPING).call("stop_instance").stopped().outcomes == ["start_failed"]


def test_a_release_is_the_outcome_whatever_else_went_wrong() -> None:
    story = Story().stopping().end("stop_instance", "released", by="action 1").go(NOT)
    assert story.outcomes == ["released"]
    assert story.facts.calls == ()
    assert [c.call for c in story.facts.abandoned] == ["stop_instance"]


def test_a_late_end_of_a_released_call_changes_no_episode_and_no_state() -> None:
    story = Story().stopping().end("stop_instance", "released", by="action 1").go(NOT)
    before = story.facts
    story.end("stop_instance", "raised", token=2, late=True, error="too late")
    assert story.facts.abandoned == ()
    assert story.touched == ()
    assert (story.facts.state, story.facts.last_failure) == (before.state, before.last_failure)


def test_a_late_end_during_the_next_episode_does_not_touch_that_one() -> None:
    story = Story().stopping().end("stop_instance", "released", by="action 1", token=2).go(NOT)
    story.up().end("stop_instance", "true", token=2, late=True)
    assert story.facts.episode is not None
    assert not story.facts.episode.released
    assert story.facts.instance == "i-1"


def test_a_master_that_died_leaves_the_episode_unknown() -> None:
    story = Story().stopping().event(Kind.MASTER_DIED)
    assert story.outcomes == ["unknown"]
    assert story.last.phases[-1].until == story.last.ended_at
    assert story.facts.state is State.UNKNOWN
    assert (story.facts.calls, story.facts.connected, story.facts.episode) == ((), False, None)


# what was found


@pytest.mark.parametrize("state", [s for s in State])  # noqa: C416 - reads as "any state"
def test_a_worker_is_found_in_any_state_and_an_episode_is_open_unless_it_rests(
    state: State,
) -> None:
    story = Story().event(Kind.BASELINE, state=state.value, connected=state is UP, class_="X")
    assert story.facts.state is state
    assert story.facts.state_since == NOW
    resting = state in (NOT, DOWN, State.UNKNOWN)
    assert (story.facts.episode is None) is resting
    if not resting:
        assert story.last.phases[0].state is state


def test_a_worker_found_up_and_connected_ends_well() -> None:
    story = Story().event(Kind.BASELINE, state=UP.value, connected=True).go(STOPPING)
    assert story.call("stop_instance").stopped().outcomes == ["ok"]


@pytest.mark.parametrize("state", [UP, STOPPING, QUEUED])
def test_of_a_worker_found_on_its_way_out_nobody_knows_how_it_had_started(state: State) -> None:
    story = Story().event(Kind.BASELINE, state=state.value, connected=False)
    assert story.go(*([STOPPING] if state is not STOPPING else []), NOT).outcomes == ["unknown"]


def test_a_second_look_closes_what_the_first_had_open() -> None:
    story = Story().up().event(Kind.BASELINE, state=NOT.value)
    assert story.outcomes == ["unknown"]
    assert Story().up().event(Kind.BASELINE, state=UP.value).outcomes == ["unknown", None]


def test_the_pause_and_the_builds_are_part_of_what_is_found() -> None:
    data = {"state": UP.value, "paused": True, "pause_reason": "disk", "building": [build()]}
    facts = Story().event(Kind.BASELINE, **data).facts
    assert (facts.paused, facts.pause_reason) == (True, "disk")
    assert facts.building == (build(),)


# calls


def test_the_oldest_call_is_the_pending_one() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance").call("stop_instance")
    assert story.facts.pending is not None
    assert story.facts.pending.call == "start_instance"
    story.end("start_instance", token=1)
    assert story.facts.pending.call == "stop_instance"


def test_calls_are_told_apart_by_their_token_not_their_name() -> None:
    story = Story().up().call("check_instance").call("check_instance")
    story.end("check_instance", token=2)
    assert [c.token for c in story.facts.calls] == [3]


def test_the_end_of_a_call_that_nobody_saw_begin_is_taken_as_it_comes() -> None:
    assert Story().up().end("check_instance", token=42).facts.calls == ()


def test_the_instances_name_is_kept_until_it_was_stopped() -> None:
    story = Story().stopping()
    assert story.facts.instance == "i-1"
    assert story.last.instance == "i-1"
    assert story.stopped().facts.instance is None


def test_a_start_is_not_told_with_the_name_that_a_failed_stop_has_left() -> None:
    """What is released then has no name: its entry is not closed since the old one is gone."""
    story = Story().up().go(STOPPING).call("stop_instance", instance="i-1")
    story.end("stop_instance", "raised", error="500", instance="i-1").go(NOT)
    assert story.facts.instance == "i-1"
    story.asked(2).go(SUB, STARTING).call("start_instance")
    assert story.facts.instance is None


@pytest.mark.parametrize("first", ["start_machine", "start_instance"])
def test_the_name_that_a_start_gives_stays_with_it(first: str) -> None:
    story = Story().asked().go(SUB).call(first, instance="box")
    if first == "start_machine":
        story.end(first, instance="box").go(STARTING).call("start_instance")
    assert story.facts.instance == "box"


def test_the_instances_name_is_kept_when_its_stop_failed() -> None:
    assert Story().stopping().stopped("raised", error="x").facts.instance == "i-1"


def test_a_failure_of_a_stop_is_forgotten_after_a_good_stop_only() -> None:
    story = Story().stopping().stopped("raised", error="x").up()
    assert story.facts.last_failure is not None
    story.go(STOPPING).call("stop_instance").stopped()
    assert story.facts.last_failure is None


def test_a_failure_of_a_start_is_forgotten_once_the_worker_connects() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    story.end("start_instance", "raised", error="x").go(STOPPING, NOT).up()
    assert story.facts.last_failure is None


def test_starts_that_fail_in_a_row_are_counted_until_one_ends_well() -> None:
    story = Story()
    for _ in range(3):
        story.asked().go(SUB, STARTING).call("start_instance")
        story.end("start_instance", "false").go(STOPPING, NOT)
    assert story.facts.failures_in_row == 3
    assert story.stopping().stopped().facts.failures_in_row == 0


def test_a_cancelled_start_neither_counts_as_a_failure_nor_clears_them() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    story.end("start_instance", "false").go(STOPPING, NOT)
    story.asked().go(SUB, STOPPING).gave(stopped=True).go(NOT)
    assert story.facts.failures_in_row == 1


def test_texts_of_drivers_are_cut() -> None:
    story = Story().stopping().stopped("raised", error="e" * 5000, traceback="t" * 50_000)
    failure = story.last.failure
    assert failure is not None
    assert failure.traceback is not None
    assert len(failure.error) < 1100
    assert len(failure.traceback) < MAX_TEXT + 100
    assert failure.traceback.endswith("(40000 more characters)")


def test_a_text_within_the_limit_is_left_alone() -> None:
    assert cut("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert cut(None) is None


# connections


def test_the_first_connection_of_an_episode_is_the_one_that_counts() -> None:
    story = Story().up()
    connected = story.last.connected_at
    story.event(Kind.DETACHED).event(Kind.ATTACHED, peer="again")
    assert story.last.connected_at == connected


def test_a_detached_worker_is_not_connected() -> None:
    assert not Story().up().event(Kind.DETACHED).facts.connected


def test_refusals_are_counted_with_the_first_and_the_last_moment() -> None:
    story = Story()
    story.event(Kind.REFUSED, peer="p", held=True).wait(9).event(Kind.REFUSED, peer="p", held=True)
    facts = story.facts
    assert (facts.refused, facts.held) == (2, 2)
    assert (facts.refused_first, facts.refused_last) == (NOW, NOW + 10)
    assert facts.survived_stop == NOW


def test_a_refusal_while_the_stop_is_busy_is_no_survival() -> None:
    assert Story().stopping().event(Kind.REFUSED).facts.survived_stop is None


def test_a_refused_connection_is_held_until_its_end_is_delivered() -> None:
    story = Story().event(Kind.REFUSED, held=True)
    assert story.event(Kind.REFUSED_CLOSED, delivered=False).facts.held == 1
    story.event(Kind.REFUSED_CLOSED, delivered=True)
    assert (story.facts.held, story.facts.refused) == (0, 1)
    assert story.event(Kind.REFUSED_CLOSED, delivered=True).facts.held == 0


def test_a_release_of_refused_connections_clears_their_count() -> None:
    story = Story().event(Kind.REFUSED).event(Kind.REFUSED_CLOSED, delivered=True, by_release=True)
    assert (story.facts.refused, story.facts.survived_stop, story.facts.held) == (0, None, 0)


def test_the_next_episode_counts_refusals_anew_but_still_knows_what_is_held() -> None:
    story = Story().event(Kind.REFUSED).asked().go(SUB)
    assert (story.facts.refused, story.facts.survived_stop, story.facts.held) == (0, None, 1)


# builds


def test_builds_finished_in_an_episode_are_counted() -> None:
    story = Story().up()
    for number in (1, 2):
        story.event(Kind.BUILD_STARTED, build=build(number))
        story.event(Kind.BUILD_FINISHED, build=build(number))
    assert story.last.builds == 2
    assert story.facts.building == ()


def queued_behind_the_stop() -> Story:
    """A build has run and ended, its stop hangs, and the next build waits behind it."""
    story = Story().asked(1).event(Kind.BUILD_STARTED, build=build(1)).up()
    story.event(Kind.BUILD_FINISHED, build=build(1)).go(STOPPING).call("stop_instance")
    return story.event(Kind.BUILD_STARTED, build=build(2)).asked(2).go(QUEUED)


def test_a_build_that_waited_behind_the_stop_is_none_of_the_episode() -> None:
    story = queued_behind_the_stop().go(STOPPING)
    story.event(Kind.BUILD_FINISHED, build=build(2))
    assert story.last.builds == 1, "it was cancelled, and Buildbot tries it again"


def test_a_build_that_waited_behind_the_stop_counts_in_the_next_episode() -> None:
    story = queued_behind_the_stop().end("stop_instance").go(SUB, STARTING)
    story.go(UP).event(Kind.ATTACHED, peer="p").event(Kind.BUILD_FINISHED, build=build(2))
    assert [episode.builds for episode in story.episodes.values()] == [1, 1]


def test_a_build_whose_start_failed_did_not_finish_in_the_episode() -> None:
    story = Story().event(Kind.BUILD_STARTED, build=build()).asked().go(SUB, STARTING)
    story.call("start_instance").end("start_instance", "raised", error="quota").go(STOPPING)
    story.event(Kind.BUILD_FINISHED, build=build()).go(NOT)
    assert (story.last.outcome, story.last.builds) == ("start_failed", 0)


def test_a_build_that_came_to_a_dead_connection_counts_where_it_ran() -> None:
    story = Story().up().event(Kind.DETACHED).event(Kind.BUILD_STARTED, build=build(2)).asked(2)
    story.go(STOPPING).event(Kind.BUILD_FINISHED, build=build(2))
    assert story.last.builds == 0


def test_a_build_that_was_found_running_is_counted() -> None:
    story = Story().event(Kind.BASELINE, state="substantiated", building=[build()])
    assert story.event(Kind.BUILD_FINISHED, build=build()).last.builds == 1


def test_the_number_that_a_build_gets_later_is_filled_in() -> None:
    story = Story().event(Kind.BUILD_STARTED, build={**build(), "buildid": None, "number": None})
    story.asked(12)
    assert story.facts.building == ({**build(12), "since": NOW},)


def test_builds_of_two_builders_are_kept_apart() -> None:
    story = Story().up().event(Kind.BUILD_STARTED, build=build(1, "linux"))
    story.event(Kind.BUILD_STARTED, build=build(2, "docs"))
    story.event(Kind.BUILD_FINISHED, build=build(1, "linux"))
    assert [b["builder"] for b in story.facts.building] == ["docs"]


def test_the_build_that_asked_is_the_episodes_own_and_later_ones_are_not() -> None:
    story = Story().up().asked(2)
    assert story.last.build == build(1)


def test_a_build_that_asks_while_the_worker_starts_does_not_take_the_episode_over() -> None:
    assert Story().started().asked(2).last.build == build(1)


def test_the_build_given_to_start_instance_is_the_one_that_counts() -> None:
    story = Story().asked(1).go(SUB, STARTING).call("start_instance", build=build(2))
    assert story.last.build == build(2)


# the rest


def test_pause_and_unpause() -> None:
    story = Story().event(Kind.PAUSED, reason="disk full")
    assert (story.facts.paused, story.facts.pause_reason) == (True, "disk full")
    assert not story.event(Kind.UNPAUSED).facts.paused
    assert story.facts.pause_reason is None


@pytest.mark.parametrize("kind", [Kind.CONNECTED, Kind.DISCONNECTED, Kind.ACTION, Kind.GAP])
def test_what_is_only_for_the_record_changes_no_facts(kind: Kind) -> None:
    story = Story().up()
    before = story.facts
    assert story.event(kind).facts == before
    assert story.touched == ()


def test_calls_that_were_under_way_when_recording_began_again_are_known_with_their_age() -> None:
    call = {"call": "stop_instance", "token": 3, "since": 900.0}
    abandoned = {"call": "start_machine", "token": 2, "since": 800.0}
    story = Story().event(
        Kind.BASELINE, state="insubstantiating", calls=[call], abandoned=[abandoned]
    )
    assert story.facts.pending == Call("stop_instance", 3, 900.0)
    assert story.facts.abandoned == (Call("start_machine", 2, 800.0),)
    story.event(Kind.CALL_ENDED, call="stop_instance", token=3, outcome="true")
    assert story.facts.calls == ()


def test_when_recording_ends_in_order_a_worker_at_rest_stays_so_and_another_is_unknown() -> None:
    resting = Story().event(Kind.RECORDING_ENDED).facts
    assert (resting.state, resting.calls) == (State.NOT_SUBSTANTIATED, ())
    up = Story().stopping().event(Kind.RECORDING_ENDED).facts
    assert (up.state, up.episode) == (State.UNKNOWN, None)


def test_a_removed_worker_is_marked() -> None:
    assert Story().event(Kind.REMOVED).facts.removed


def test_the_databases_number_is_put_on_the_episode_that_it_belongs_to_only() -> None:
    story = Story().up()
    seq = story.last.first_seq
    assert numbered(story.facts, seq, 17).episode.id == 17  # type: ignore[union-attr]
    assert numbered(story.facts, seq + 1, 17) == story.facts
    assert numbered(Facts(workerid=WORKER), seq, 17).episode is None


def test_seconds_in_a_phase_are_counted_once_it_is_over() -> None:
    story = Story().started().wait(60).go(UP)
    assert story.last.seconds_in(STARTING) == 63
    assert story.last.seconds_in(SUB, STARTING) == 64
    assert story.last.seconds_in(UP) is None
    assert story.last.seconds_in(DOWN) is None


def test_events_are_numbered_from_one() -> None:
    with pytest.raises(ValueError, match="seq must be 1 or more, not 0"):
        Event(0, NOW, WORKER, Kind.GAP)


def test_values_as_json_are_those_of_rest() -> None:
    episode = Story().up().last
    assert episode.phases[0].as_json() == {
        "state": "substantiating",
        "since": NOW + 1,
        "until": NOW + 2,
    }
    assert Failure("stop_instance", "x").as_json() == {
        "call": "stop_instance",
        "error": "x",
        "traceback": None,
    }


# a build that Buildbot cuts off from its start: it asks a worker that is up and has lost its connection


def cut_off(builder: str = "linux") -> Story:
    """The instance is up for one builder, its connection is gone, and a build asks for it."""
    story = Story().up().event(Kind.DETACHED)
    return story.event(Kind.BUILD_STARTED, build=build(2, builder)).event(
        Kind.ASKED, build=build(2, builder)
    )


def test_a_build_that_was_cut_off_from_its_start_is_forgotten_once_the_worker_rests() -> None:
    story = cut_off()
    assert story.facts.cut_off == build(2)
    assert story.facts.forgotten is None, "the stop that is to come may still take it along"
    story.go(STOPPING)
    assert story.facts.forgotten is None
    since = story.now
    story.go(NOT)
    assert story.facts.forgotten == since


def test_no_instance_was_up_for_a_build_that_was_cut_off_from_its_start() -> None:
    story = cut_off()
    assert "linux" not in story.facts.served
    story.event(Kind.BUILD_FINISHED, build=build(2))
    assert story.facts.episode is not None
    assert story.facts.episode.builds == 0


def test_a_build_that_asks_a_worker_that_is_connected_is_not_cut_off() -> None:
    story = Story().up().event(Kind.BUILD_STARTED, build=build()).event(Kind.ASKED, build=build())
    assert (story.facts.cut_off, story.facts.served) == (None, ("linux",))
    assert story.go(STOPPING, NOT).facts.forgotten is None


@pytest.mark.parametrize(
    "saved",
    [
        lambda story: story.event(Kind.ATTACHED),
        lambda story: story.event(Kind.ATTACHED, failed=True),
        lambda story: story.event(Kind.BUILD_FINISHED, build=build(2)),
        lambda story: story.go(QUEUED),
        lambda story: story.go(STOPPING, QUEUED),
    ],
    ids=["it comes back", "it comes, and fails", "its build ends", "it queues", "it queues late"],
)
def test_a_build_that_was_cut_off_and_got_on_is_not_forgotten(saved: Any) -> None:
    story = saved(cut_off())
    assert story.facts.cut_off is None
    assert story.go(STOPPING, NOT).facts.forgotten is None


def test_the_end_of_another_build_leaves_the_one_that_was_cut_off() -> None:
    story = cut_off().event(Kind.BUILD_FINISHED, build=build(3, "docs"))
    assert story.facts.cut_off == build(2)


@pytest.mark.parametrize(
    "started_again",
    [
        lambda story: story.go(SUB),
        lambda story: story.event(Kind.BUILD_FINISHED, build=build(2)),
        lambda story: story.event(Kind.ATTACHED),
    ],
    ids=["a start", "its end", "a worker"],
)
def test_a_forgotten_build_is_told_until_something_is_done_for_it(started_again: Any) -> None:
    story = cut_off().go(STOPPING, NOT)
    assert story.facts.forgotten is not None
    assert started_again(story).facts.forgotten is None
    assert story.go(SUB, NOT).facts.forgotten is None, "it is no longer that build's start"
