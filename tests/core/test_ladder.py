"""What a force disconnect would do, who is eligible, and what a person is told before."""

from __future__ import annotations

import copy
import dataclasses

import pytest

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.ladder import (
    Situation,
    Step,
    check_eligible,
    next_rung,
    plan,
    warnings,
)
from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.core.verdicts import judge
from tests.core.story import NOT, NOW, QUEUED, STARTING, STOPPING, SUB, UP, Story, build

NOTHING = Situation()
LIMITS = dict.fromkeys((NOT, SUB, STARTING, STOPPING, QUEUED), 100.0)


def steps(
    story: Story, situation: Situation = NOTHING, *, pause: bool = True, last: bool = False
) -> list[tuple[str, str]]:
    found = plan(story.facts, situation, pause=pause, last=last)
    return [(step.step, step.target) for step in found]


def refusal(
    story: Story, situation: Situation = NOTHING, *, now: float, override: bool = False
) -> Refusal | None:
    verdict = judge(story.facts, LIMITS, now)
    try:
        check_eligible(story.facts, situation, verdict, override=override, now=now)
    except Refusal as refused:
        return refused
    return None


# the order


def test_a_pending_stop_is_released_after_the_pause_and_leaves_an_orphan() -> None:
    assert steps(Story().stopping()) == [
        ("pause", "worker"),
        ("end_wait", "stop_instance"),
        ("open_orphan", "instance"),
    ]


def test_without_the_pause_the_rest_stays_the_same() -> None:
    assert steps(Story().stopping(), pause=False) == [
        ("end_wait", "stop_instance"),
        ("open_orphan", "instance"),
    ]


def test_a_build_queued_behind_the_stop_is_cancelled_before_the_wait_ends() -> None:
    assert steps(Story().stopping().go(QUEUED)) == [
        ("pause", "worker"),
        ("cancel_substantiation", "build"),
        ("end_wait", "stop_instance"),
        ("open_orphan", "instance"),
    ]


def test_a_build_queued_behind_the_stop_is_kept_if_the_worker_is_not_paused() -> None:
    assert steps(Story().stopping().go(QUEUED), pause=False)[0] == ("end_wait", "stop_instance")


def test_the_last_stop_cancels_the_queued_start_although_nothing_is_paused() -> None:
    assert steps(Story().stopping().go(QUEUED), pause=False, last=True) == [
        ("cancel_substantiation", "build"),
        ("end_wait", "stop_instance"),
        ("open_orphan", "instance"),
    ]


def test_a_connection_that_is_still_held_is_aborted_before_the_wait_ends() -> None:
    found = steps(Story().stopping(), Situation(connected=True, held=2))
    assert [step for step, _ in found] == [
        "pause",
        "abort_connection",
        "deliver_disconnection",
        "end_wait",
        "open_orphan",
    ]


def test_the_connection_of_a_worker_that_is_up_is_not_aborted_for_a_refused_one() -> None:
    assert ("abort_connection", "connection") not in steps(
        Story().up(), Situation(connected=True, held=1)
    )


def test_a_refused_connection_of_a_worker_at_rest_is_all_that_is_dropped() -> None:
    assert steps(Story().event(Kind.REFUSED), Situation(held=1)) == [
        ("pause", "worker"),
        ("deliver_disconnection", "refused connections"),
        ("open_orphan", "instance"),
    ]


def test_one_and_many_refused_connections_are_told_in_words() -> None:
    one, many = (plan(Story().facts, Situation(held=n), pause=False)[0].text for n in (1, 3))
    assert one == "Drop the refused connection and tell Buildbot that it has gone"
    assert many == "Drop the refused connections and tell Buildbot that they have gone"


CLOSED = Situation(connected=True, closed=True)


def test_of_a_connection_that_has_closed_buildbot_is_told_instead_of_aborting_it() -> None:
    assert steps(Story().stopping(), CLOSED)[1] == ("deliver_disconnection", "connection")
    waiting = Story().asked().go(SUB, STARTING).event(Kind.ATTACHING)
    assert steps(waiting, CLOSED)[1] == ("deliver_disconnection", "connection")


def test_where_only_a_closed_connection_is_left_no_instance_is_suspected() -> None:
    assert steps(Story(), CLOSED) == [("pause", "worker"), ("deliver_disconnection", "connection")]
    assert ("open_orphan", "instance") in steps(Story(), Situation(connected=True))


def test_a_worker_whose_connection_has_closed_does_not_build() -> None:
    busy = Story().up().event(Kind.BUILD_STARTED, build=build())
    refused = refusal(busy, Situation(connected=True), now=NOW, override=True)
    assert refused is not None
    assert "building" in refused.text
    assert refusal(busy, CLOSED, now=NOW, override=True) is None


@pytest.mark.parametrize(
    ("step", "rung"),
    [
        (("abort_connection", "connection"), ("deliver_disconnection", "connection")),
        (("abort_connection", "old connection"), ("deliver_disconnection", "old connection")),
        (("end_wait", "stop_instance"), ("end_wait", "found")),
        (("cancel_substantiation", "start"), ("end_wait", "found")),
        (("deliver_disconnection", "connection"), None),
        (("end_wait", "found"), None),
        # its end may wait for the database, and not for the driver
        (("end_wait", "check_instance"), None),
        (("pause", "worker"), None),
    ],
)
def test_where_a_step_had_no_effect_the_next_rung_is_tried(
    step: tuple[str, str], rung: tuple[str, str] | None
) -> None:
    found = next_rung(Step(*step, "a step"), Situation(locked=True))
    assert (found and (found.step, found.target)) == rung


def test_what_buildbot_waits_on_is_looked_for_only_while_it_holds_its_lock() -> None:
    assert next_rung(Step("end_wait", "stop_instance", "a step"), Situation()) is None


def test_a_stop_that_broke_off_half_way_puts_the_worker_to_rest() -> None:
    assert steps(Story().stopping(), Situation(half=True))[1] == ("end_wait", "state")
    # the stop has failed, and opened an orphan: no second one for the same instance
    broken = Story().stopping().end("stop_instance", "raised", error="x", base=True)
    assert ("open_orphan", "instance") not in steps(broken, Situation(half=True))


@pytest.mark.parametrize("may_connect", [False, True])
def test_a_connection_of_an_earlier_instance_is_aborted_in_a_start_that_is_cancelled(
    may_connect: bool,
) -> None:
    # a worker that may come by itself too: had it come for this start, the start would be over
    waiting = Story().event(Kind.CONFIGURED, may_connect=may_connect).asked().go(SUB, STARTING)
    assert steps(waiting, Situation(connected=True)) == [
        ("pause", "worker"),
        ("abort_connection", "connection"),
        ("cancel_substantiation", "start"),
        ("open_orphan", "instance"),
    ]


def test_a_build_that_buildbot_has_forgotten_is_told_and_no_instance_is_suspected() -> None:
    assert steps(Story(), Situation(forgotten=True)) == [
        ("pause", "worker"),
        ("cancel_substantiation", "forgotten build"),
    ]
    assert steps(Story(), Situation(forgotten=True), pause=False) == [
        ("cancel_substantiation", "forgotten build"),
    ]


def test_a_forgotten_build_is_told_also_when_the_worker_came_back_and_was_refused() -> None:
    assert steps(Story(), Situation(forgotten=True, held=1)) == [
        ("pause", "worker"),
        ("deliver_disconnection", "refused connections"),
        ("cancel_substantiation", "forgotten build"),
        ("open_orphan", "instance"),
    ]


def test_a_lost_build_is_ended_although_the_worker_builds_and_no_instance_is_suspected() -> None:
    story = Story().up().event(Kind.BUILD_STARTED, build=build())
    situation = Situation(connected=True, lost=1)
    assert steps(story, situation) == [("pause", "worker"), ("finish_build", "lost build")]
    story.event(Kind.BUILD_LOST, build=build(), error="no space")
    verdict = judge(story.facts, {}, story.now)
    check_eligible(story.facts, situation, verdict, override=False, now=story.now)
    with pytest.raises(Refusal):
        check_eligible(
            story.facts, Situation(connected=True), verdict, override=False, now=story.now
        )


def test_a_machine_whose_call_broke_off_is_put_to_rest_before_the_start_is_cancelled() -> None:
    waiting = Story().asked().go(SUB)
    assert steps(waiting, Situation(half_machine=True)) == [
        ("pause", "worker"),
        ("end_wait", "machine"),
        ("cancel_substantiation", "start"),
        ("open_orphan", "instance"),
    ]
    assert ("end_wait", "machine") in steps(Story(), Situation(half_machine=True))


def test_a_start_that_hangs_is_released() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    assert ("end_wait", "start_instance") in steps(story)


def test_every_pending_call_is_released_the_oldest_first() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance").call("stop_instance")
    waits = [target for step, target in steps(story) if step == "end_wait"]
    assert waits == ["start_instance", "stop_instance"]


@pytest.mark.parametrize("states", [(SUB,), (SUB, STARTING)])
def test_a_start_in_which_no_call_is_pending_is_cancelled_buildbots_own_way(states: tuple) -> None:  # type: ignore[type-arg]
    assert steps(Story().asked().go(*states)) == [
        ("pause", "worker"),
        ("cancel_substantiation", "start"),
        ("open_orphan", "instance"),
    ]


@pytest.mark.parametrize("story", [Story(), Story().up()])
def test_where_nothing_hangs_there_is_only_the_pause(story: Story) -> None:
    assert steps(story) == [("pause", "worker")]
    assert steps(story, pause=False) == []


def test_a_plan_says_of_no_step_that_it_was_done() -> None:
    assert all(step.done is None for step in plan(Story().stopping().facts, NOTHING, pause=True))


# who is eligible


def test_a_stuck_stop_is_eligible() -> None:
    story = Story().stopping()
    assert refusal(story, now=story.now + 100) is None


def test_a_stop_that_is_not_stuck_yet_is_refused_with_age_and_limit() -> None:
    story = Story().stopping()
    refused = refusal(story, now=story.now - 1 + 60)
    assert refused is not None
    assert refused.code == "not_eligible"
    assert (
        refused.text == "not stuck: stop_instance has not ended for 1 min; stuck after 1 min 40 s"
    )
    assert refused.details["state"] == "insubstantiating"
    assert refused.details["age_s"] == 60
    assert refused.details["threshold_s"] == 100
    assert refused.details["verdict"]["level"] == "slow"


def test_with_override_what_is_not_stuck_yet_is_eligible() -> None:
    story = Story().stopping()
    assert refusal(story, now=story.now, override=True) is None


@pytest.mark.parametrize("override", [False, True])
def test_a_worker_that_builds_is_never_eligible(override: bool) -> None:
    story = Story().up().event(Kind.BUILD_STARTED, build=build())
    refused = refusal(story, now=story.now + 1e6, override=override)
    assert refused is not None
    assert refused.code == "not_eligible"
    assert refused.text.startswith("the worker is building")


def frozen() -> Story:
    """It builds, somebody asked the build to stop, and it did not answer."""
    story = Story().up().event(Kind.BUILD_STARTED, build=build())
    story.event(Kind.BUILD_STOPPING, build=build())
    return story.event(Kind.SILENT, asked=story.now, code="frozen_worker")


def test_a_frozen_worker_in_a_build_can_be_released() -> None:
    story = frozen()
    assert refusal(story, Situation(connected=True), now=story.now + 1000) is None
    assert steps(story, Situation(connected=True)) == [
        ("pause", "worker"),
        ("abort_connection", "connection"),
        ("open_orphan", "instance"),
    ]


@pytest.mark.parametrize("override", [False, True])
def test_a_worker_whose_silence_in_a_build_is_not_yet_too_long_keeps_its_build(
    override: bool,
) -> None:
    story = frozen()
    refused = refusal(story, Situation(connected=True), now=story.now + 60, override=override)
    assert refused is not None
    assert refused.text.startswith("the worker is building")


def test_a_worker_that_builds_while_a_check_holds_its_lock_is_eligible() -> None:
    story = Story().started().call("check_instance").go(UP).event(Kind.BUILD_STARTED, build=build())
    assert refusal(story, now=story.now + 1000) is None


@pytest.mark.parametrize("override", [False, True])
def test_where_there_is_nothing_to_release_override_does_not_help(override: bool) -> None:
    refused = refusal(Story(), now=NOW, override=override)
    assert refused is not None
    assert refused.code == "nothing_to_release"
    assert "the worker is not_substantiated" in refused.text


def test_a_failed_stop_leaves_nothing_to_release() -> None:
    refused = refusal(Story().stopping().stopped("raised", error="x"), now=NOW + 1e6)
    assert refused is not None
    assert refused.code == "nothing_to_release"


def test_a_rejected_loop_is_eligible_once_it_is_stuck() -> None:
    story = Story().event(Kind.REFUSED)
    assert refusal(story, Situation(held=1), now=NOW + 100) is None
    assert refusal(story, Situation(held=1), now=NOW + 99).code == "not_eligible"  # type: ignore[union-attr]


def test_a_start_is_eligible_although_no_call_is_pending() -> None:
    story = Story().started()
    assert refusal(story, now=story.now + 1000) is None


def test_a_stop_found_under_way_is_eligible_only_if_something_can_be_done() -> None:
    story = Story().event(Kind.BASELINE, state=STOPPING.value)
    assert refusal(story, now=NOW + 100).code == "nothing_to_release"  # type: ignore[union-attr]
    assert refusal(story, Situation(half=True), now=NOW + 100) is None
    assert refusal(story, Situation(connected=True), now=NOW + 100) is None


@pytest.mark.parametrize("pause", [True, False])
@pytest.mark.parametrize("held", [0, 1])
@pytest.mark.parametrize("half", [True, False])
@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize(
    "story", [Story(), Story().asked().go(SUB), Story().started(), Story().up(), Story().stopping()]
)
def test_a_plan_does_something_exactly_when_there_is_something_to_release(
    story: Story, connected: bool, half: bool, held: int, pause: bool
) -> None:
    situation = Situation(connected=connected, held=held, half=half)
    does = [s for s in plan(story.facts, situation, pause=pause) if s.step != "pause"]
    refused = refusal(story, situation, now=NOW + 1e9, override=True)
    assert bool(does) == (refused is None)
    if does:
        assert does[-1].step == "open_orphan"


# what a person must know


def test_it_is_always_said_that_the_instance_is_not_stopped() -> None:
    assert warnings(Story().facts, pause=True)[0].startswith("The instance is not stopped by this")


def test_without_the_pause_a_late_stop_may_hit_the_next_instance() -> None:
    said = warnings(Story().stopping().facts, pause=False)
    assert any("next instance" in text for text in said)
    assert not any("next instance" in t for t in warnings(Story().stopping().facts, pause=True))


def test_an_abandoned_start_may_still_succeed() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    assert any("may still succeed" in text for text in warnings(story.facts, pause=True))


def test_what_becomes_of_the_build_that_waits_behind_the_stop() -> None:
    facts = Story().stopping().go(QUEUED).facts
    assert "It is cancelled here and retried." in warnings(facts, pause=True)[-1]
    assert "It starts a new instance at once." in warnings(facts, pause=False)[-1]


def test_what_becomes_of_the_build_that_waits_on_the_worker() -> None:
    story = Story().asked().go(SUB).event(Kind.BUILD_STARTED, build=build())
    assert "A build waits on this worker" in warnings(story.facts, pause=True)[-1]


def test_a_step_as_json_is_that_of_rest() -> None:
    step = dataclasses.replace(plan(Story().stopping().facts, NOTHING, pause=True)[0], done=True)
    assert step.as_json() == {
        "step": "pause",
        "target": "worker",
        "text": "Pause the worker, so that no build starts on it until unpaused",
        "done": True,
        "detail": None,
    }


@pytest.mark.parametrize(
    ("story", "said"),
    [
        (
            Story().asked().go(SUB, STARTING).call("start_instance"),
            "2 builds wait on this worker; they",
        ),
        (Story().up(), "2 builds run on this worker; Buildbot retries them."),
        (Story().stopping().go(QUEUED), "2 builds wait for this worker. They are cancelled"),
    ],
)
def test_all_builds_that_are_disturbed_are_counted(story: Story, said: str) -> None:
    story = copy.deepcopy(story)
    for number, builder in ((1, "linux"), (2, "docs")):
        story.event(Kind.BUILD_STARTED, build=build(number, builder))
    assert said in warnings(story.facts, pause=True)[-1]


# each step in its words


def texts(story: Story, situation: Situation = NOTHING) -> list[tuple[str, str, str]]:
    found = plan(story.facts, situation, pause=False)
    return [(step.step, step.target, step.text) for step in found]


ORPHAN = ("open_orphan", "instance", "Write down that the instance may still be running")
REST = "Put the worker to rest: the stop broke off and nothing of Buildbot's is left to do so"
RETRIED = "Abort the connection of the silent worker; Buildbot retries its build"
BOTH_RETRIED = "Abort the connection of the silent worker; Buildbot retries its builds"
MACHINE = "Put the worker's machine to rest: its start or stop broke off, and is waited for"
BEFORE_US = "Make Buildbot stop waiting for the call that was pending before recording began"
CANCELLED = "Cancel the start; Buildbot then calls stop_instance and ends or retries the build"
QUEUED_START = "Cancel the substantiation that waits behind the stop; Buildbot retries its build"


def two_builds() -> Story:
    return frozen().event(Kind.BUILD_STARTED, build=build(2, "docs"))


@pytest.mark.parametrize(
    ("story", "situation", "said"),
    [
        (
            Story().up(),
            Situation(logins=1),
            [
                (
                    "abort_connection",
                    "login",
                    "Abort the connection that logged in and does not answer",
                ),
                ORPHAN,
            ],
        ),
        (
            Story().up(),
            Situation(old_connection=True),
            [
                (
                    "abort_connection",
                    "old connection",
                    "Drop the older connection that keeps the worker out",
                ),
                ORPHAN,
            ],
        ),
        (
            Story().stopping(),
            Situation(connected=True),
            [
                ("abort_connection", "connection", "Abort the connection that is still held"),
                ("end_wait", "stop_instance", "Make Buildbot stop waiting for stop_instance"),
                ORPHAN,
            ],
        ),
        (
            frozen(),
            Situation(connected=True),
            [("abort_connection", "connection", RETRIED), ORPHAN],
        ),
        (
            two_builds(),
            Situation(connected=True),
            [("abort_connection", "connection", BOTH_RETRIED), ORPHAN],
        ),
        (
            Story().stopping().event(Kind.BUILD_STARTED, build=build()),
            Situation(connected=True),
            [
                ("abort_connection", "connection", "Abort the connection that is still held"),
                ("end_wait", "stop_instance", "Make Buildbot stop waiting for stop_instance"),
                ORPHAN,
            ],
        ),
        (
            Story().go(STOPPING),
            Situation(found_pending=True),
            [("end_wait", "found", BEFORE_US), ORPHAN],
        ),
        (Story().asked().go(SUB), NOTHING, [("cancel_substantiation", "start", CANCELLED), ORPHAN]),
        (Story().stopping(), Situation(half=True), [("end_wait", "state", REST), ORPHAN]),
        (Story(), Situation(half_machine=True), [("end_wait", "machine", MACHINE), ORPHAN]),
        (
            Story(),
            Situation(forgotten=True),
            [
                (
                    "cancel_substantiation",
                    "forgotten build",
                    "Cancel the start that Buildbot has forgotten; it retries the build",
                )
            ],
        ),
        (
            Story(Facts(workerid=7, state=UP, unasked=True)),
            NOTHING,
            [
                (
                    "cancel_substantiation",
                    "instance",
                    "Stop the instance that nobody asked for, as after a build",
                )
            ],
        ),
        (
            Story(),
            CLOSED,
            [
                (
                    "deliver_disconnection",
                    "connection",
                    "Tell Buildbot that the connection has gone: it closed, and nobody told",
                )
            ],
        ),
    ],
)
def test_each_step_says_what_it_does(
    story: Story, situation: Situation, said: list[tuple[str, str, str]]
) -> None:
    assert texts(story, situation) == said
    refused = refusal(story, situation, now=NOW + 1e9, override=True)
    assert refused is None, "what has a plan can be done"


def test_a_queued_start_that_is_cancelled_says_so() -> None:
    found = plan(Story().stopping().go(QUEUED).facts, NOTHING, pause=True)
    assert [step.text for step in found[:2]] == [
        "Pause the worker, so that no build starts on it until unpaused",
        QUEUED_START,
    ]


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (
            ("abort_connection", "connection"),
            "Tell Buildbot that the connection has gone: no abort ends it",
        ),
        (
            ("abort_connection", "old connection"),
            "Tell Buildbot that the older connection has gone: no abort ends it",
        ),
        (
            ("end_wait", "start_instance"),
            "Look for what Buildbot itself waits on, and end that wait",
        ),
    ],
)
def test_the_next_rung_says_what_it_does(step: tuple[str, str], text: str) -> None:
    found = next_rung(Step(*step, "a step"), Situation(locked=True))
    assert found is not None
    assert (found.text, found.done, found.detail) == (text, None, None)


# each warning in its words


INSTANCE = "The instance is not stopped by this. It may run on, and cost money; check it by hand."


def building(story: Story, *builders: str) -> Story:
    for number, builder in enumerate(builders):
        story.event(Kind.BUILD_STARTED, build=build(number, builder))
    return story


@pytest.mark.parametrize(
    ("story", "pause", "said"),
    [
        (Story(), True, []),
        (building(Story(), "linux"), True, []),
        (Story().up(), True, []),
        (
            building(Story().up(), "linux"),
            True,
            ["A build runs on this worker; Buildbot retries it."],
        ),
        (
            building(Story().stopping().go(QUEUED), "linux"),
            True,
            ["A build waits for this worker. It is cancelled here and retried."],
        ),
        (
            building(Story().stopping().go(QUEUED), "linux", "docs"),
            False,
            [
                "Without the pause, the abandoned stop may end late and stop the worker's next instance.",
                "2 builds wait for this worker. They start a new instance at once.",
            ],
        ),
        (
            # the instance that is being stopped was up for the first
            building(Story().up(), "linux")
            .go(STOPPING, QUEUED)
            .event(Kind.BUILD_STARTED, build=build(2, "docs")),
            True,
            ["A build waits for this worker. It is cancelled here and retried."],
        ),
        (
            building(Story().asked().go(SUB, STARTING).call("start_instance"), "linux"),
            True,
            [
                "The abandoned start may still succeed later: then an instance runs unasked.",
                "A build waits on this worker; it fails to start and Buildbot may retry it.",
            ],
        ),
    ],
)
def test_each_warning_is_said_in_its_case_and_in_no_other(
    story: Story, pause: bool, said: list[str]
) -> None:
    assert warnings(story.facts, pause=pause) == [INSTANCE, *said]


@pytest.mark.parametrize("story", [Story(), building(Story().up(), "linux")])
def test_a_refusal_carries_the_state_and_the_verdict(story: Story) -> None:
    refused = refusal(story, now=story.now + 5)
    assert refused is not None
    assert refused.details["state"] == story.facts.state.value
    assert refused.details["verdict"] == judge(story.facts, LIMITS, story.now + 5).as_json()
    assert set(refused.details) == {"state", "age_s", "threshold_s", "verdict"}


def test_the_age_of_a_refusal_is_never_below_nothing() -> None:
    story = Story().stopping()
    for now, age in ((story.now - 1, 0.0), (story.now - 500, 0.0), (story.now - 0.5, 0.5)):
        refused = refusal(story, now=now)
        assert refused is not None
        assert refused.details["age_s"] == age
