"""An instance is ended once, written down first, and is gone when the cloud says so."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from twisted.internet import defer, task
from twisted.python.failure import Failure

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.ends import Ends
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.open_ends import ANSWER_SECONDS, FOLLOW_EVERY, OpenEnds
from buildbot_lifecycle.act.proof import Proof
from buildbot_lifecycle.clouds.values import Can, Gone, NotKnown, Why
from buildbot_lifecycle.core import ends
from buildbot_lifecycle.core.ends import Target
from buildbot_lifecycle.core.requests import Actor, EndRequest, Refusal
from buildbot_lifecycle.core.verdicts.verdict import HEALTHY, Verdict
from buildbot_lifecycle.master.logbook import Known
from tests.core.story import STARTING, SUB, UP, WORKER, Story
from tests.probe.support import Driven

TARGET = Target("i-1", WORKER, "w", orphan=3)
TIMEOUT = NotKnown(Why.TIMEOUT, "no answer in 8 s")
NOT_FOUND = NotKnown(Why.FAILED, "404: no such instance")
FORBIDDEN = NotKnown(Why.REFUSED, "403")


class Cloud:
    """Says of an instance what it is told to; what is asked is written down."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.is_gone: Gone = False
        self.ends: list[bool | NotKnown | defer.Deferred[Any]] = []
        self.able = frozenset({Can.GONE, Can.END})
        self.is_at: str | NotKnown = "here"

    def can(self, worker: Any) -> frozenset[Can]:
        return self.able

    def name(self, worker: Any) -> str | None:
        return None

    def mark(self, worker: Any) -> str | None:
        return None

    def place(self, worker: Any, name: str | None) -> defer.Deferred[str | NotKnown]:
        return defer.succeed(self.is_at)

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]:
        self.order.append(f"gone {name}")
        return defer.succeed(self.is_gone)

    def end(self, worker: Any, name: str) -> defer.Deferred[bool | NotKnown]:
        self.order.append(f"end {name}")
        answer = self.ends.pop(0) if self.ends else True
        return answer if isinstance(answer, defer.Deferred) else defer.succeed(answer)

    @property
    def ended(self) -> int:
        return self.order.count("end i-1")


class Scene:
    """One worker at rest with an open entry; logbook and desk are the test."""

    def __init__(self) -> None:
        self.clock, self.cloud, self.entries = task.Clock(), Cloud(), Entries()
        self.rows: dict[int, dict[str, Any]] = {}
        self.closed: list[tuple[int, str, str]] = []
        self.writes = True
        self.numbers = itertools.count(1)
        self.worker: Known | None = self.known_as(Story())
        self.verdict = HEALTHY
        self.run()
        row = {"workerid": WORKER, "instance": "i-1", "class": "Driven", "place": "here"}
        self.entries.opened(3, row)

    def run(self) -> None:
        """A run of the master begins: nothing is known but what is written."""
        clock, cloud, entries = self.clock, self.cloud, self.entries
        stub: Any = self
        proof = Proof(clock, stub, stub, entries, cloud)
        audit = Audit(clock, stub, stub)
        self.open = OpenEnds(clock, stub, audit, stub, entries, proof, cloud)
        self.ends = Ends(clock, stub, audit, self.open, cloud)
        self.open.start()

    def known_as(self, story: Story) -> Known:
        known = Known(WORKER, "w", "Driven", Driven("w"), story.facts)  # type: ignore[arg-type]
        known.watched.worker = Driven("w")  # type: ignore[attr-defined]
        return known

    # what of the logbook is used

    def known(self) -> list[Known]:
        return [] if self.worker is None else [self.worker]

    def get(self, workerid: int) -> Known | None:
        return self.worker

    def verdict_now(self, known: Known) -> Verdict:
        return self.verdict

    def failed(self, what: str) -> None:
        raise AssertionError(what)

    def note(self, *_: Any) -> None: ...

    # what of the desk is used

    def insert_action(self, row: Any) -> defer.Deferred[int]:
        if not self.writes:
            return defer.fail(OSError("no space"))
        number = next(self.numbers)
        self.rows[number] = {**row, "id": number}
        self.cloud.order.append("written")
        return defer.succeed(number)

    def update_action(self, number: int, changes: Any) -> defer.Deferred[None]:
        self.rows[number].update(changes)
        return defer.succeed(None)

    def close_orphan(self, orphan: int, workerid: int, by: Actor, note: str) -> defer.Deferred[Any]:
        self.closed.append((orphan, by.kind, note))
        self.entries.closed(orphan, workerid)
        return defer.succeed(True)

    # what the test does

    def end(self, target: Target = TARGET, **changes: Any) -> list[Any]:
        came: list[Any] = []
        asked = EndRequest(**{"confirm": target.name, "reason": "it costs money", **changes})
        ended = self.ends.end(target, asked, Actor("user", "ann"))
        defer.ensureDeferred(ended).addBoth(came.append)
        return came

    def refusal(self, came: list[Any]) -> str:
        (failed,) = came
        assert isinstance(failed, Failure)
        assert isinstance(failed.value, Refusal)
        return failed.value.code

    def outcome(self, number: int = 1) -> tuple[str, str]:
        row = self.rows[number]
        return row["status"], row["outcome"]

    def steps(self, number: int = 1) -> dict[str, bool | None]:
        return {step["step"]: step["done"] for step in self.rows[number]["steps"]}

    def pass_seconds(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.advance(1)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_it_is_written_first_then_ended_then_looked_at_and_its_entry_is_closed_by_proof(
    scene: Scene,
) -> None:
    scene.cloud.is_gone = True
    (answer,) = scene.end()
    assert scene.cloud.order == ["written", "end i-1", "gone i-1"]
    assert answer.is_over
    assert scene.outcome() == ("done", "i-1 is gone")
    assert set(scene.steps().values()) == {True}
    assert scene.closed == [
        (3, "driver", "ended by action 1; the driver says that the instance is gone")
    ]
    assert answer.action["outcome"] == "i-1 is gone"
    assert (answer.action["instance"], answer.action["orphan"]) == ("i-1", 3)


def test_that_the_cloud_has_taken_it_closes_nothing(scene: Scene) -> None:
    came = scene.end()
    assert not came
    scene.pass_seconds(ANSWER_SECONDS + 1)
    (answer,) = came
    assert not answer.is_over
    assert scene.closed == []
    assert scene.outcome() == ("asked", "taken by the cloud, and not seen to be gone yet")
    assert answer.action["finished_at"] is None
    scene.cloud.is_gone = True
    scene.pass_seconds(FOLLOW_EVERY)
    assert scene.outcome() == ("done", "i-1 is gone")
    assert [each[0] for each in scene.closed] == [3]
    assert scene.cloud.ended == 1


def test_a_dry_run_and_a_wrong_name_do_nothing(scene: Scene) -> None:
    (answer,) = scene.end(dry_run=True, confirm="", reason="")
    assert answer.dry_run["eligible"]
    assert [step["step"] for step in answer.dry_run["steps"]] == [
        "end_instance",
        "verify_gone",
        "close_orphan",
    ]
    assert scene.refusal(scene.end(confirm="w")) == "wrong_confirmation"
    assert (scene.cloud.order, scene.rows) == ([], {})


def test_nothing_is_done_that_could_not_be_written_down(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.writes = False
    assert scene.refusal(scene.end()) == "behind"
    assert scene.cloud.order == []


def test_asked_twice_it_is_ended_once(scene: Scene) -> None:
    scene.cloud.ends = [defer.Deferred()]
    scene.end()
    assert scene.refusal(scene.end()) == "being_ended"
    scene.pass_seconds(ANSWER_SECONDS + 1)
    assert scene.refusal(scene.end()) == "being_ended"
    assert scene.cloud.ended == 1
    assert len(scene.rows) == 1


def test_what_was_not_seen_to_be_gone_for_long_can_be_asked_for_anew(scene: Scene) -> None:
    scene.end()
    scene.pass_seconds(ends.AGAIN)
    scene.end()
    assert scene.outcome(1) == (
        "failed",
        "not seen to be gone; it was asked for again by action 2",
    )
    assert scene.cloud.ended == 2


def test_a_worker_that_uses_it_refuses_and_one_that_begins_meanwhile_too(scene: Scene) -> None:
    life = Story().asked().go(SUB, STARTING).call("start_instance")
    life.end("start_instance", "true", instance="i-1").go(UP)
    at_rest, scene.worker = scene.worker, scene.known_as(life)
    assert scene.refusal(scene.end()) == "healthy"
    assert scene.rows == {}

    scene.worker = at_rest
    writing: defer.Deferred[int] = defer.Deferred()
    insert, scene.insert_action = scene.insert_action, lambda _: writing  # type: ignore[method-assign]
    came = scene.end()
    scene.worker = scene.known_as(life)
    insert({"status": "asked"}).addCallback(writing.callback)
    assert scene.refusal(came) == "healthy"
    assert scene.outcome()[0] == "refused"
    assert scene.cloud.ended == 0


@pytest.mark.parametrize("why", ["no driver", "no worker"])
def test_what_cannot_be_ended_is_refused_with_why(scene: Scene, why: str) -> None:
    if why == "no driver":
        scene.cloud.able = frozenset({Can.GONE})
    else:
        scene.worker = None
    assert scene.refusal(scene.end()) == "not_offered"
    assert scene.cloud.order == []


def test_a_cloud_that_says_no_is_a_failure_with_its_word(scene: Scene) -> None:
    scene.cloud.ends = [FORBIDDEN]
    scene.end()
    assert scene.outcome() == ("failed", "the cloud did not take it (refused)")
    assert scene.cloud.ended == 1
    assert scene.closed == []


def test_what_was_gone_already_is_done_though_the_cloud_finds_nothing_to_end(scene: Scene) -> None:
    scene.cloud.ends, scene.cloud.is_gone = [NOT_FOUND], True
    scene.end()
    assert scene.outcome() == ("done", "i-1 is gone; whether by this action is not known")
    assert [each[0] for each in scene.closed] == [3]


def test_a_silent_cloud_is_not_believed_either_way_and_asked_again_when_it_speaks(
    scene: Scene,
) -> None:
    scene.cloud.ends, scene.cloud.is_gone = [TIMEOUT, True], TIMEOUT
    came = scene.end()
    scene.pass_seconds(ANSWER_SECONDS + 1)
    assert not came[0].is_over
    assert scene.outcome() == (
        "asked",
        "the cloud has not answered; whether it has taken it is not known",
    )
    scene.cloud.is_gone = False
    scene.pass_seconds(FOLLOW_EVERY)
    assert scene.cloud.ended == 2
    scene.cloud.is_gone = True
    scene.pass_seconds(FOLLOW_EVERY)
    assert scene.outcome() == ("done", "i-1 is gone")


def test_a_silent_cloud_is_not_asked_for_ever(scene: Scene) -> None:
    scene.cloud.ends = [TIMEOUT] * 9
    scene.end()
    scene.pass_seconds(10 * FOLLOW_EVERY)
    assert scene.cloud.ended == ends.MOST_TRIES
    assert scene.outcome()[0] == "failed"


def test_it_is_not_asked_for_again_once_a_worker_uses_that_name(scene: Scene) -> None:
    scene.cloud.ends, scene.cloud.is_gone = [TIMEOUT], TIMEOUT
    scene.end()
    scene.pass_seconds(ANSWER_SECONDS)
    life = Story().asked().go(SUB, STARTING).call("start_instance", instance="i-1")
    life.end("start_instance", "true", instance="i-1").go(UP)
    scene.worker, scene.cloud.is_gone = scene.known_as(life), False
    scene.pass_seconds(FOLLOW_EVERY)
    assert scene.cloud.ended == 1
    assert scene.outcome()[0] == "failed"
    assert "healthy" in scene.outcome()[1]


def test_a_worker_configured_for_another_place_is_not_asked(scene: Scene) -> None:
    scene.cloud.is_at, scene.cloud.is_gone = "elsewhere", True
    scene.end()
    assert scene.cloud.order == ["written"]
    assert scene.closed == []
    assert scene.outcome() == ("failed", "the cloud did not take it (not_configured)")
    # but what this very worker's cloud lists is there
    scene.end(Target("i-1", WORKER, "w", orphan=3, listed=True, place="elsewhere"))
    assert scene.cloud.ended == 1


@pytest.mark.parametrize("orphan", [3, None])
def test_what_was_listed_in_another_place_than_the_workers_is_not_ended_where_it_is_now(
    scene: Scene, orphan: int | None
) -> None:
    """A reconfiguration since the census: the same name may be somebody's there."""
    scene.cloud.is_at = "elsewhere"
    scene.end(Target("i-1", WORKER, "w", orphan=orphan, listed=True, place="here"))
    assert scene.cloud.order == ["written"]
    assert scene.outcome() == ("failed", "the cloud did not take it (not_configured)")


def test_of_what_was_not_listed_and_has_no_entry_another_place_proves_nothing(scene: Scene) -> None:
    scene.cloud.is_gone = True
    scene.end(Target("i-1", WORKER, "w"))
    assert scene.cloud.order == ["written"]
    assert scene.outcome()[0] == "failed"


def again(scene: Scene) -> None:
    """The master is killed, and starts anew."""
    scene.open.stop()
    scene.run()
    rows = [row for row in scene.rows.values() if row["status"] == "asked"]
    defer.ensureDeferred(scene.open.found(rows))


def test_after_a_crash_an_end_that_was_taken_gets_its_outcome(scene: Scene) -> None:
    scene.end()
    again(scene)
    scene.cloud.is_gone = True
    scene.pass_seconds(FOLLOW_EVERY)
    assert scene.outcome() == (
        "done",
        "i-1 is gone; the master's process ended before this was seen",
    )
    assert [each[0] for each in scene.closed] == [3]
    assert scene.cloud.ended == 1


def test_after_a_crash_an_end_that_may_not_have_been_asked_is_not_asked_by_itself(
    scene: Scene,
) -> None:
    scene.cloud.ends = [defer.Deferred()]
    scene.end()
    again(scene)
    scene.pass_seconds(FOLLOW_EVERY)
    assert scene.cloud.ended == 1
    assert scene.outcome()[0] == "failed"
    assert "end it again" in scene.outcome()[1]


def test_after_a_crash_any_other_action_has_an_outcome_in_words(scene: Scene) -> None:
    scene.rows[1] = {"id": 1, "what": "force-disconnect", "status": "asked", "workerid": WORKER}
    again(scene)
    assert scene.outcome() == ("failed", "the master's process ended before the outcome was seen")


def test_after_a_day_it_is_given_up_in_words(scene: Scene) -> None:
    scene.end()
    scene.pass_seconds(ANSWER_SECONDS)
    scene.clock.advance(ends.GIVEN_UP)
    scene.pass_seconds(FOLLOW_EVERY)
    assert scene.outcome()[0] == "failed"
    assert "within a day" in scene.outcome()[1]
