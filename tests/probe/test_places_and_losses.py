"""Where an instance was made is known at its start; what became of a lost one is asked at once."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.act.losses import Losses
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.places import Places
from buildbot_lifecycle.clouds.values import OWN, Can, Gone, NotKnown, Why, place_of
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.shapes import events
from tests.core.story import NOT, NOW, QUEUED, STARTING, SUB, UP, WORKER, Story
from tests.probe.support import Driven

DEAD = NotKnown(Why.UNREACHABLE, "connection refused")


class Scene:
    """One worker, its story, and a cloud that answers as it is told: `story` and `cloud` in one."""

    def __init__(self) -> None:
        self.story = Story()
        self.worker = Known(WORKER, "w", "Driven", Driven("w"), self.story.facts)  # type: ignore[arg-type]
        self.worker.watched.worker = Driven("w")  # type: ignore[attr-defined]
        self.is_at: Any = "here"
        self.able = frozenset({Can.GONE, Can.LAST_WORDS})
        self.is_gone: Any = False
        self.words: Any = "exited, exit code 137\nthe end of its log"
        self.holds: str | None = "i-1"
        self.failures: list[str] = []
        self.noted: list[tuple[Kind, dict[str, Any]]] = []
        self.places, self.losses = Places(self, self), Losses(self, self)  # type: ignore[arg-type]

    # what of the logbook is used

    def note(self, known: Known, event: events.Data) -> None:
        self.noted.append((event.kind, event.written()))
        self.event(event.kind, **event.written())

    def failed(self, what: str) -> None:
        self.failures.append(what)

    # what of the clouds is used

    def can(self, worker: Any) -> frozenset[Can]:
        return self.able

    def name(self, worker: Any) -> str | None:
        return self.holds

    def place(self, worker: Any) -> defer.Deferred[str | NotKnown]:
        return _answer(self.is_at)

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]:
        return _answer(self.is_gone)

    def last_words(self, worker: Any, name: str) -> defer.Deferred[str | NotKnown]:
        return _answer(self.words)

    # what the test does

    def event(self, kind: Kind, **data: Any) -> None:
        at = self.story.now
        self.story.event(kind, **data)
        self.worker.facts = self.story.facts
        event = Event(99, at, WORKER, kind, data)
        if kind in (Kind.CALL_STARTED, Kind.CALL_ENDED, Kind.ATTACHED):
            self.places.see(self.worker, event)
        elif kind is Kind.DETACHED:
            self.losses.detached(self.worker, event)

    def start(self, token: int) -> None:
        self.event(Kind.CALL_STARTED, call="start_instance", token=token)

    def end(self, token: int, outcome: str = "true", **data: Any) -> None:
        self.event(Kind.CALL_ENDED, call="start_instance", token=token, outcome=outcome, **data)

    def up(self) -> None:
        """Up, and connected."""
        self.story.go(SUB, STARTING)
        self.start(1)
        self.end(1)
        self.event(Kind.ATTACHED, peer="p")
        self.story.go(UP)
        self.worker.facts = self.story.facts

    def leave(self) -> None:
        """The connection is gone, and Buildbot goes on with its stop."""
        self.event(Kind.DETACHED)
        self.go(QUEUED)

    def go(self, *states: Any) -> None:
        self.story.go(*states)
        self.worker.facts = self.story.facts

    @property
    def ended(self) -> Any:
        return next(each for each in self.story.episodes.values() if each.ended_at is not None)


def _answer(said: Any) -> defer.Deferred[Any]:
    return said if isinstance(said, defer.Deferred) else defer.succeed(said)


@pytest.fixture
def scene() -> Scene:
    return Scene()


# places


def test_the_place_is_noted_once_and_again_when_it_is_another(scene: Scene) -> None:
    scene.start(1)
    scene.end(1)
    scene.start(2)
    scene.is_at = "there"
    scene.end(2)  # reconfigured while it was up: it was made where its start was
    assert scene.story.facts.place == "here"
    scene.start(3)
    assert scene.noted == [(Kind.PLACE, {"place": "here"}), (Kind.PLACE, {"place": "there"})]


def test_a_driver_that_knows_the_place_when_it_has_made_the_instance_is_asked_then(
    scene: Scene,
) -> None:
    scene.is_at = NotKnown(Why.NOT_CONFIGURED, "docker_host depends on the build")
    scene.start(1)
    assert scene.story.facts.place is None
    scene.is_at = "here"
    scene.end(1)
    assert scene.story.facts.place == "here"


def test_as_long_as_nobody_has_said_where_it_is_not_where_the_last_one_was(scene: Scene) -> None:
    scene.start(1)
    scene.is_at = defer.Deferred()
    scene.start(2)
    assert scene.story.facts.place is None
    scene.is_at.callback("there")
    assert scene.story.facts.place == "there"


def test_an_answer_for_an_earlier_start_is_not_taken_for_the_last(scene: Scene) -> None:
    first = scene.is_at = defer.Deferred()
    scene.start(1)
    scene.is_at = "there"
    scene.start(2)
    first.callback("here")
    assert scene.story.facts.place == "there"


def test_a_start_that_was_given_up_made_its_instance_where_it_began(scene: Scene) -> None:
    scene.start(1)
    scene.end(1, "released")
    scene.is_at = "there"
    scene.start(2)
    scene.end(1, "other", late=True)
    assert scene.places.late(1) == "here"
    assert scene.places.late(1) is None
    assert scene.story.facts.place == "there"


@pytest.mark.parametrize("at", [OWN, DEAD])
def test_what_has_no_place_is_not_noted(scene: Scene, at: Any) -> None:
    scene.is_at = at
    scene.start(1)
    assert scene.noted == []


def test_the_place_of_a_worker_about_which_nobody_can_tell_is_not_asked(scene: Scene) -> None:
    scene.able = frozenset({Can.NAME})
    scene.start(1)
    assert scene.noted == []


def test_a_place_is_the_same_in_every_process_and_another_for_each_scope() -> None:
    scope = ("docker", "unix:///run/docker.sock", "-abc", 1, None)
    assert place_of(scope) == "7e3c6e893cef411c"
    assert place_of(scope) != place_of((*scope[:1], "unix:///run/other.sock", *scope[2:]))
    assert place_of(("own", object())) is None  # whose text is another one in the next process
    assert place_of(frozenset({"a", "b"})) is None


# losses


def test_what_the_cloud_says_is_the_failure_of_the_lost_episode(scene: Scene) -> None:
    scene.up()
    scene.leave()
    scene.go(SUB)  # Buildbot tries the build again
    assert scene.noted[1:] == [
        (Kind.LAST_WORDS, {"began": 1, "instance": "i-1", "gone": False, "text": scene.words})
    ]
    assert (scene.ended.outcome, scene.ended.failure.error) == ("lost", "exited, exit code 137")


def test_what_is_said_when_the_episode_is_over_is_told_of_it_and_of_no_other(scene: Scene) -> None:
    scene.words = defer.Deferred()
    scene.up()
    scene.leave()
    scene.go(SUB, STARTING)
    assert (scene.ended.outcome, scene.ended.failure) == ("lost", None)
    scene.words.callback("terminated; Server.SpotInstanceTermination: taken away\n")
    assert scene.ended.failure.error == "terminated; Server.SpotInstanceTermination: taken away"
    assert scene.story.facts.episode is not None
    assert scene.story.facts.episode.last_words is None
    assert scene.story.facts.lost is None


def test_gone_before_buildbot_stopped_it_is_told_and_gone_after_that_is_not(scene: Scene) -> None:
    scene.words, scene.is_gone = DEAD, True
    scene.up()
    scene.leave()
    scene.go(SUB)
    assert scene.ended.failure.error == "the instance was gone"

    late = Scene()
    late.words, late.is_gone = DEAD, defer.Deferred()
    late.up()
    late.leave()
    late.story.call("stop_instance")
    late.worker.facts = late.story.facts
    late.is_gone.callback(True)
    assert late.noted[-1][1] == {
        "began": 1,
        "instance": "i-1",
        "gone": None,
        "text": None,
        "why": "connection refused",
    }
    late.go(SUB)
    assert (late.ended.outcome, late.ended.failure) == ("lost", None)


def test_a_stop_that_fails_after_the_loss_is_told_behind_it(scene: Scene) -> None:
    scene.up()
    scene.leave()
    scene.story.call("stop_instance")
    scene.story.end("stop_instance", "raised", error="no such domain")
    scene.go(NOT)
    assert scene.ended.outcome == "lost"
    assert scene.ended.failure.error == (
        "exited, exit code 137; then stop_instance failed: no such domain"
    )
    assert scene.story.facts.last_failure is not None  # the instance may still run


@pytest.mark.parametrize("data", [{"by_master": True}, {}])
def test_what_buildbot_closed_and_what_was_asked_to_go_is_no_loss(
    scene: Scene, data: dict[str, Any]
) -> None:
    scene.up()
    if not data:
        scene.event(Kind.SHUTDOWN_ASKED)
    scene.event(Kind.DETACHED, **data)
    scene.go(QUEUED, SUB)
    assert Kind.LAST_WORDS not in [kind for kind, _ in scene.noted]
    assert scene.ended.outcome == "ok"


def test_a_worker_whose_driver_can_tell_nothing_is_not_asked(scene: Scene) -> None:
    scene.able = frozenset({Can.NAME})
    scene.up()
    scene.leave()
    scene.go(SUB)
    assert scene.noted == []
    assert (scene.ended.outcome, scene.ended.failure) == ("lost", None)


def test_an_error_of_ours_ends_there(scene: Scene) -> None:
    scene.words = defer.fail(RuntimeError("broken"))
    scene.up()
    scene.leave()
    assert scene.failures == ["asking what became of an instance"]
    assert scene.story.now > NOW


# what a stop that did not complain proves


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("outcome", "can_prove", "closes"),
    [("true", True, True), ("other", True, False), ("other", False, True)],
)
def test_a_stop_that_only_did_not_complain_closes_nothing_where_the_cloud_can_be_asked(
    scene: Scene, outcome: str, can_prove: bool, closes: bool, late: bool
) -> None:
    """Marathon's driver answers None whether its API said yes or 500."""
    closed: list[int] = []
    scene.open_orphan = lambda row: defer.succeed(5)  # type: ignore[attr-defined]
    scene.close_orphan = lambda orphan, *_: defer.succeed(closed.append(orphan))  # type: ignore[attr-defined, func-returns-value]
    orphans = Orphans(task.Clock(), scene, lambda _: can_prove)  # type: ignore[arg-type]
    scene.worker.watched.orphan_of, scene.worker.watched.late_ends = {}, {}
    scene.up()
    if late:
        scene.story.call("stop_instance")
        scene.worker.facts = scene.story.facts
    orphans.open(scene.worker, scene.worker.facts, "token", "why")
    data = {"call": "stop_instance", "token": scene.story.tokens, "outcome": outcome}
    data |= {"late": True} if late else {}
    orphans.call_ended(scene.worker, Event(99, NOW, WORKER, Kind.CALL_ENDED, data))
    assert closed == ([5] if closes else [])
