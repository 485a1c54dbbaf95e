"""An entry of the ledger is closed by the cloud's word, and by nothing that only sounds like it."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import defer, task
from twisted.python import log

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.proof import ASK_EVERY, Proof
from buildbot_lifecycle.clouds.values import OWN, Can, Gone, NotKnown, Why
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.requests import Actor
from buildbot_lifecycle.master.logbook import Known
from tests.core.story import WORKER, Story
from tests.probe.support import Driven


class Cloud:
    """Answers as it is told."""

    def __init__(self) -> None:
        self.answers: list[Gone | defer.Deferred[Gone]] = []
        self.asked: list[str | None] = []
        self.is_at: str | NotKnown = "here"
        self.able = frozenset({Can.GONE})

    def can(self, worker: Any) -> frozenset[Can]:
        return self.able

    def place(self, worker: Any, name: str | None = None) -> defer.Deferred[str | NotKnown]:
        return defer.succeed(self.is_at)

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]:
        self.asked.append(name)
        answer = self.answers.pop(0)
        return answer if isinstance(answer, defer.Deferred) else defer.succeed(answer)


class Scene:
    """One worker with open entries, and the clock that asks about them."""

    def __init__(self) -> None:
        self.clock, self.cloud, self.entries = task.Clock(), Cloud(), Entries()
        self.story = Story()
        self.worker = Known(WORKER, "w", "Driven", Driven("w"), self.story.facts)  # type: ignore[arg-type]
        self.worker.watched.worker = Driven("w")  # type: ignore[attr-defined]
        self.closed: list[tuple[int, str]] = []
        self.failures: list[str] = []
        self.proof = Proof(self.clock, self, self, self.entries, self.cloud)  # type: ignore[arg-type]
        self.proof.start()

    # what of the logbook and of the desk is used

    def known(self) -> list[Known]:
        return [self.worker]

    def failed(self, what: str) -> None:
        self.failures.append(what)

    def redact(self, data: Any) -> Any:
        return data

    def close_orphan(self, orphan: int, workerid: int, by: Actor, note: str) -> defer.Deferred[Any]:
        self.closed.append((orphan, by.kind))
        self.entries.closed(orphan, workerid)
        self.proof.forget(orphan)
        return defer.succeed(True)

    # what the test does

    def open(
        self,
        number: int,
        instance: str | None,
        class_name: str = "Driven",
        place: str | None = "here",
    ) -> None:
        row = {"workerid": WORKER, "instance": instance, "class": class_name, "cause": "release"}
        row["place"] = place  # type: ignore[assignment]
        self.entries.opened(number, row)
        self.story.event(Kind.ORPHAN_OPENED, orphan=number, cause="release")
        self.worker.facts = self.story.facts

    def turn(self, *answers: Gone | defer.Deferred[Gone]) -> list[tuple[int, str]]:
        self.cloud.answers += answers
        self.clock.advance(ASK_EVERY)
        return self.closed


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(log, "msg", lines.append)
    return lines


def test_the_entry_of_an_instance_that_is_gone_is_closed(scene: Scene) -> None:
    scene.open(3, "i-1")
    scene.open(4, None)
    assert scene.turn(True, False) == [(3, "driver")]
    assert scene.cloud.asked == ["i-1", None]
    assert scene.turn(True) == [(3, "driver"), (4, "driver")]


UNREACHABLE = NotKnown(Why.UNREACHABLE, "connection refused")


@pytest.mark.parametrize("answer", [False, UNREACHABLE])
def test_what_is_there_or_not_known_stays_open(scene: Scene, answer: Gone) -> None:
    scene.open(3, "i-1")
    assert scene.turn(answer) == []
    assert scene.turn(answer) == []
    assert scene.turn(True) == [(3, "driver")]
    assert scene.failures == []


def test_why_it_is_not_known_is_said_once(scene: Scene, said: list[str]) -> None:
    scene.open(3, "i-1")
    scene.turn(UNREACHABLE)
    scene.turn(UNREACHABLE)
    assert said == [
        "lifecycle: worker w: is its instance i-1 of entry 3 gone?"
        " not known (unreachable): connection refused"
    ]
    scene.turn(False)
    scene.turn(False)
    assert said[1:] == ["lifecycle: worker w: is its instance i-1 of entry 3 gone? it is there"]


def test_a_question_that_is_not_answered_is_not_asked_again(scene: Scene) -> None:
    scene.open(3, "i-1")
    late = defer.Deferred[Gone]()
    scene.turn(late)
    scene.turn()
    assert scene.cloud.asked == ["i-1"]
    late.callback(True)
    assert scene.closed == [(3, "driver")]


def test_an_entry_that_a_person_closed_meanwhile_is_not_closed_again(scene: Scene) -> None:
    scene.open(3, "i-1")
    late = defer.Deferred[Gone]()
    scene.turn(late)
    scene.entries.closed(3, WORKER)
    late.callback(True)
    assert scene.closed == []


def test_the_cloud_of_another_class_does_not_know_the_instance(
    scene: Scene, said: list[str]
) -> None:
    """A reconfiguration may give the name to a worker of another driver: i-1 is in no Docker engine."""
    scene.open(3, "i-1", class_name="EC2LatentWorker")
    assert scene.turn() == []
    assert scene.cloud.asked == []
    assert "no EC2LatentWorker any more" in said[0]


def test_another_place_does_not_know_the_instance(scene: Scene, said: list[str]) -> None:
    """Nor does the engine, region or account that a reconfiguration or a restart put in its place."""
    scene.open(3, "i-1")
    scene.cloud.is_at = "elsewhere"  # also where it was never asked before
    assert scene.turn() == []
    assert "configured for another place" in said[-1]
    scene.cloud.is_at = "here"
    assert scene.turn(True) == [(3, "driver")]


def test_a_place_that_is_not_known_is_said(scene: Scene, said: list[str]) -> None:
    scene.open(3, "i-1")
    scene.cloud.is_at = NotKnown(Why.NOT_CONFIGURED, "docker_host depends on the build")
    assert scene.turn() == []
    assert "docker_host depends on the build" in said[0]


def test_an_entry_that_does_not_say_where_its_instance_was_made_is_closed_by_no_cloud(
    scene: Scene, said: list[str]
) -> None:
    scene.open(3, "i-1", place=None)
    assert scene.turn() == []
    assert "it was not recorded in which cloud it was made" in said[-1]


def test_a_class_that_answers_itself_knows_its_places(scene: Scene) -> None:
    scene.cloud.is_at = OWN
    scene.open(3, "i-1", place=None)
    assert scene.turn(True) == [(3, "driver")]


def test_a_class_that_has_come_to_answer_itself_does_not_know_the_places_of_before(
    scene: Scene, said: list[str]
) -> None:
    scene.cloud.is_at = OWN
    scene.open(3, "i-1", place="here")
    assert scene.turn() == []
    assert "configured for another place" in said[-1]


def test_a_worker_about_which_nobody_can_tell_is_not_asked(scene: Scene) -> None:
    scene.open(3, "i-1")
    scene.cloud.able = frozenset({Can.NAME})
    assert scene.turn() == []
    assert scene.cloud.asked == []


def test_an_error_of_ours_ends_there(scene: Scene) -> None:
    scene.open(3, "i-1")
    scene.turn(defer.fail(RuntimeError("broken")))
    assert scene.failures == ["asking whether it is gone"]
    assert scene.turn(True) == [(3, "driver")]


def test_nothing_is_kept_of_an_entry_that_is_closed(scene: Scene) -> None:
    scene.open(3, "i-1")
    scene.turn(False)
    scene.turn(True)
    assert not scene.proof._last
