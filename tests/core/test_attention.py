"""What is released, or has failed, and is not over: level, reason, what is left to do, each exit."""

from __future__ import annotations

from typing import Any

import pytest

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.facts import Facts, Release
from buildbot_lifecycle.core.to_do import Pause, ToDo, to_do
from buildbot_lifecycle.core.verdicts import judge
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER, HEALTHY, Verdict
from tests.core.story import NOT, NOW, QUEUED, STARTING, STOPPING, SUB, UP, Story

ACTION: dict[str, Any] = {
    "action": 12,
    "what": "force-disconnect",
    "actor": "alice",
    "actor_kind": "user",
    "reason": "it hangs",
    "outcome": None,
}


def told(story: Story, later: float = 0.0) -> Verdict:
    return judge(story.facts, DEFAULT_STUCK_AFTER, story.now + later)


def act(story: Story, status: str, **data: Any) -> Story:
    return story.event(Kind.ACTION, **{**ACTION, "status": status, **data})


def paused(story: Story, reason: Any = "force disconnect, action 12") -> Story:
    return story.event(Kind.PAUSED, reason=reason)


def opened(story: Story, number: int = 4, cause: str = "release", **data: Any) -> Story:
    return story.event(Kind.ORPHAN_OPENED, orphan=number, cause=cause, **data)


def released() -> Story:
    """A stop hung, and alice released it: all that a release can leave is left."""
    story = act(Story().stopping(), "asked")
    paused(story).end("stop_instance", "released").event(Kind.DETACHED).go(NOT)
    return act(opened(story, instance="i-0123"), "done")


def test_after_a_release_the_reason_says_who_when_and_all_that_is_left() -> None:
    story = released()
    at = story.facts.release.at if story.facts.release else None
    assert at is not None
    verdict = judge(story.facts, DEFAULT_STUCK_AFTER, at + 720)
    assert (verdict.level, verdict.code, verdict.since) == ("attention", "not_over", at)
    assert verdict.threshold_s is None
    assert verdict.due is None
    assert verdict.reason == (
        "released by alice 12 min ago; its stop_instance still runs; i-0123 may still run; paused"
    )


def test_it_is_over_when_all_of_it_is_done_in_any_order() -> None:
    exits = {
        "unpaused": lambda story: story.event(Kind.UNPAUSED),
        "ended": lambda story: story.end("stop_instance", "true", late=True),
        "closed": lambda story: story.event(Kind.ORPHAN_CLOSED, orphan=4),
    }
    left = {"unpaused": "paused", "ended": "still runs", "closed": "may still run"}
    for first in exits:
        story = released()
        for name in (first, *(other for other in exits if other != first)):
            assert told(story).level == "attention", f"before {name}, from {first}"
            assert left[name] in told(story).reason
            exits[name](story)
            assert left[name] not in told(story).reason.replace("released", "")
        assert told(story) == HEALTHY
        assert not to_do(story.facts)


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("asked", "force disconnect by alice 10 s ago; paused"),
        ("failed", "force disconnect by alice 10 s ago; paused"),
        ("done", "released by alice 10 s ago; paused"),
    ],
)
def test_released_is_said_once_the_action_is_done(status: str, said: str) -> None:
    story = paused(act(Story(), status))
    assert judge(story.facts, DEFAULT_STUCK_AFTER, NOW + 10).reason == said


def test_a_force_disconnect_that_was_refused_was_none() -> None:
    story = act(act(Story(), "asked"), "refused")
    assert story.facts.release is None
    assert told(paused(story)).reason == "released; paused"


def test_the_last_force_disconnect_counts_however_late_an_earlier_ones_outcome_comes() -> None:
    story = act(act(Story(), "asked"), "asked", action=13, actor="bob")
    act(story, "done")
    assert story.facts.release == Release(13, "bob", "user", NOW + 1, "asked")
    act(story, "refused", action=11)
    assert story.facts.release is not None


def test_a_release_by_the_stop_of_the_master_is_one_too() -> None:
    """Else it is told under whoever has released the worker before."""
    story = act(Story(), "done")
    act(story, "done", action=21, what="shutdown-release", actor="shutdown", actor_kind="shutdown")
    assert story.facts.release is not None
    assert (story.facts.release.action, story.facts.release.by) == (21, "shutdown")


def test_a_release_of_an_earlier_life_is_not_named_with_what_a_later_one_has_left() -> None:
    story = released().event(Kind.ORPHAN_CLOSED, orphan=4).event(Kind.UNPAUSED)
    story.asked().go(SUB, STARTING, UP, STOPPING).go(NOT)
    opened(story, 5, "late_start", instance="i-9")
    left = to_do(story.facts)
    assert [orphan.id for orphan in left.instances] == [5]
    assert left.release is None


def test_what_else_is_asked_for_releases_nothing() -> None:
    assert act(Story(), "done", what="pause").facts == Story().facts


def test_who_released_is_said_as_elsewhere() -> None:
    story = paused(act(Story(), "done", actor="policy:auto", actor_kind="policy"))
    assert told(story).reason.startswith("released by the policy auto ")


@pytest.mark.parametrize(
    ("reason", "pause"),
    [
        ("force disconnect, action 12", Pause(action=12)),
        ("late start, entry 4", Pause(entry=4)),
        ("on holiday", None),
        ("pause, action 12", None),
        ("see force disconnect, action 12", None),
        ("force disconnect, action 12 and more", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_only_a_pause_by_a_release_is_left_to_do(reason: Any, pause: Pause | None) -> None:
    story = paused(Story(), reason)
    assert to_do(story.facts) == ToDo(pause=pause)
    assert told(story).level == ("ok" if pause is None else "attention")
    assert told(story.event(Kind.UNPAUSED)) == HEALTHY


def test_a_person_who_pauses_it_anew_takes_the_pause_over() -> None:
    story = paused(Story())
    assert told(story).level == "attention"
    assert told(paused(story, "pause, action 13")) == HEALTHY


def test_an_abandoned_call_is_left_until_it_has_ended() -> None:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    began = story.now - 1
    story.end("start_instance", "released").go(NOT)
    assert [(each.call, each.since) for each in to_do(story.facts).calls] == [
        ("start_instance", began)
    ]
    verdict = told(story)
    assert (verdict.level, verdict.since) == ("attention", began)
    assert verdict.reason == "released; its start_instance still runs"
    assert told(story.end("start_instance", "false", late=True)) == HEALTHY


@pytest.mark.parametrize("cause", ["release", "late_start", "nobodys"])
def test_an_open_entry_is_left_until_it_is_closed(cause: str) -> None:
    story = opened(Story(), cause=cause, instance="i-9")
    verdict = told(story)
    assert (verdict.level, verdict.code, verdict.since) == ("attention", "not_over", NOW)
    assert verdict.reason.endswith("i-9 may still run")
    assert told(story.event(Kind.ORPHAN_CLOSED, orphan=4)) == HEALTHY


def test_an_instance_without_a_name_is_told_by_its_entry() -> None:
    assert told(opened(Story())).reason == "released; its instance (entry 4) may still run"


def test_what_a_failed_stop_has_left_keeps_its_words_and_gets_the_level() -> None:
    story = Story().stopping().stopped("raised", error="Boom")
    assert (told(story).level, told(story).code) == ("failed", "stop_failed")
    opened(story, cause="stop_failed", instance="i-1")
    verdict = told(story)
    assert (verdict.level, verdict.code) == ("attention", "stop_failed")
    assert verdict.reason == "stop_instance failed (Boom): the instance may still run"
    assert told(story.event(Kind.ORPHAN_CLOSED, orphan=4)) == HEALTHY


def test_what_a_crash_has_left_keeps_its_words_and_gets_the_level() -> None:
    story = opened(Story(), cause="crash", instance="i-1", found=True, since=NOW - 90)
    verdict = told(story)
    assert (verdict.level, verdict.code, verdict.since) == ("attention", "crash_open", NOW - 90)
    assert told(story.event(Kind.ORPHAN_CLOSED, orphan=4)) == HEALTHY


def test_who_released_is_not_said_of_what_only_a_failed_stop_has_left() -> None:
    story = act(Story(), "done").stopping().stopped("raised", error="Boom")
    opened(story, cause="stop_failed")
    assert to_do(story.facts).release is None
    assert "alice" not in told(story).reason


# of which life an entry is


def life(story: Story) -> Story:
    return story.stopping().stopped()


def test_an_entry_counts_in_its_own_life_and_until_the_next_one_has_ended() -> None:
    story = opened(life(Story()))
    assert told(story).level == "attention"
    story.up()
    assert told(story).level == "attention", "it is of the last life, while the next one lasts"
    story.go(STOPPING).call("stop_instance").stopped()
    assert told(story) == HEALTHY, "the last life is another one now"
    assert story.facts.orphans, "and it stands in the ledger all the same"


def test_an_entry_of_the_life_that_lasts_counts() -> None:
    story = opened(life(Story()).up())
    assert told(story).level == "attention"


def test_a_life_that_another_follows_at_once_has_ended() -> None:
    story = Story().stopping()
    began = story.facts.episode.started_at if story.facts.episode else None
    story.go(QUEUED).end("stop_instance", "true").go(SUB)
    assert story.facts.last_began == began


def test_of_entries_that_an_earlier_run_left_only_those_of_the_last_life_count() -> None:
    story = opened(Story(), found=True, since=NOW - 1e6, earlier=True)
    assert told(story) == HEALTHY
    more = [
        {"orphan": 2, "since": NOW - 1e6, "cause": "release", "earlier": True},
        {"orphan": 3, "since": NOW - 90, "cause": "release", "instance": "i-3"},
    ]
    story = opened(Story(), found=True, since=NOW - 1e6, earlier=True, more=more)
    assert [each.id for each in to_do(story.facts).instances] == [3]
    assert told(story).reason == "released; i-3 may still run"


def test_a_crash_of_an_earlier_life_is_failed_and_no_more() -> None:
    story = opened(Story(), cause="crash", found=True, since=NOW - 1e6, earlier=True)
    assert (told(story).level, told(story).code) == ("failed", "crash_open")


def test_entries_are_told_the_oldest_first() -> None:
    story = opened(opened(Story(), 5, since=NOW + 5), 4, since=NOW + 2)
    assert [each.id for each in to_do(story.facts).instances] == [4, 5]


# among other verdicts


def test_a_stuck_call_comes_before_it_and_a_failed_start_behind() -> None:
    story = paused(Story().stopping())
    verdict = told(story)
    assert (verdict.level, verdict.code) == ("attention", "not_over")
    assert verdict.due is not None, "it turns when the stop is stuck"
    then = judge(story.facts, DEFAULT_STUCK_AFTER, verdict.due)
    assert (then.level, then.code) == ("stuck", "stop_pending")
    failed = Story().asked().go(SUB, STARTING).call("start_instance")
    failed.end("start_instance", "raised", error="quota").go(NOT)
    assert told(failed).level == "failed"
    assert told(paused(failed)).level == "attention"


def test_a_worker_that_is_up_again_needs_attention_as_long_as_something_is_left() -> None:
    story = released().event(Kind.UNPAUSED).asked().go(SUB, STARTING, UP)
    assert told(story).level == "attention"


def test_a_master_that_died_is_told_as_unknown_by_those_that_live() -> None:
    assert told(released().event(Kind.MASTER_DIED)).level == "unknown"


# who sees no details

LEFT = {
    "released": {"action": 12, "by": "alice", "by_kind": "user", "at": 40.0},
    "instances": [
        {
            "orphan": 4,
            "name": "i-1",
            "cause": "release",
            "since": 41.0,
            "link": "https://c/i-1",
            "endable": True,
        },
        {
            "orphan": 5,
            "name": None,
            "cause": "late_start",
            "since": 42.0,
            "link": None,
            "endable": False,
        },
    ],
    "pause": {"action": 12, "orphan": None},
    "calls": [{"call": "stop_instance", "since": 30.0}],
}
ROW = {
    "pending": None,
    "verdict": {
        "level": "attention",
        "code": "not_over",
        "reason": "released by alice 1 min ago; a word of the driver's",
        "since": 40.0,
        "threshold_s": None,
    },
    "updated_at": 100.0,
    "to_do": LEFT,
}


def test_who_sees_no_details_sees_what_is_left_and_not_who_released_nor_the_console() -> None:
    short = summaries.worker(ROW)
    assert short["verdict"]["reason"] == (
        "force disconnect by a user 1 min ago; its stop_instance still runs; i-1 may still run;"
        " its instance may still run; paused"
    )
    assert short["to_do"]["released"]["by"] == "a user"
    assert [each["link"] for each in short["to_do"]["instances"]] == [None, None]
    assert [each["name"] for each in short["to_do"]["instances"]] == ["i-1", None]
    assert short["to_do"]["pause"] == LEFT["pause"]
    assert short["to_do"]["calls"] == LEFT["calls"]
    assert ROW["to_do"]["released"]["by"] == "alice", "the row itself is as it was"  # type: ignore[index]


def test_a_summary_of_what_is_left_hides_a_word_of_a_driver() -> None:
    calls = [{"call": "stop_instance of s3cret!", "since": 30.0}]
    short = summaries.worker({**ROW, "to_do": {**LEFT, "calls": calls}})
    assert "s3cret" not in str(short)


def test_nothing_is_left_of_a_worker_of_which_nothing_is_known() -> None:
    assert not to_do(Facts(workerid=1))
