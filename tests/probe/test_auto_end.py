"""Ends without a person: when they are done, by which way, and all that keeps from them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from twisted.internet import defer

from buildbot_lifecycle.act.auto_end import ACTOR, AGAIN, CENSUS_EVERY, LOOK_EVERY, AutoEnds
from buildbot_lifecycle.act.census import AGAIN_AFTER, FIRST_AFTER
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.proof import ASK_EVERY, Asked
from buildbot_lifecycle.clouds.values import NotKnown, Why
from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.census import Row
from buildbot_lifecycle.core.ends import Target
from buildbot_lifecycle.core.requests import Actor, EndAnswer, EndRequest, Refusal
from buildbot_lifecycle.core.steady import SETTLE_SECONDS
from buildbot_lifecycle.service.service import LifecycleService
from tests.harness.two_clocks import TwoClocks
from tests.probe.support import Driven, Served

AFTER = 1000.0
HOUR = 3600.0

#: By when what is due is ended, if nothing keeps from it.
SOON = 2 * LOOK_EVERY


class Scene:
    """A ledger with one entry; logbook, proof, census and the act of ending are the test."""

    def __init__(self) -> None:
        self.machine, self.entries = TwoClocks(), Entries()
        self.set(auto_end={"after": AFTER})
        self.answers: dict[int, Any] = {}
        self.rows_: dict[int, Row] = {}
        self.censuses = 0
        self.stopping = self.behind = False
        self.is_sole = True
        self.refuses: Refusal | None = None
        self.ended: list[tuple[int, str]] = []
        self.failures: list[str] = []
        self.hanging: list[defer.Deferred[Any]] | None = None
        stub: Any = self
        self.policy = AutoEnds(
            self.machine.clock,
            stub,
            self.entries,
            stub,
            stub,
            stub,
            lambda: self.settings,
            lambda: self.behind,
        )
        self.policy.start()
        self.enter(3)

    def set(self, **arguments: Any) -> None:
        self.settings, problems = parse(arguments)
        assert problems == []

    def enter(self, number: int, worker: str = "w", standing: str = "in_ledger") -> None:
        name = f"i-{number}"
        entry = {"workerid": 7, "worker": worker, "instance": name, "opened_at": self.now}
        self.entries.opened(number, entry)
        self.answers[number] = False
        self.rows_[number] = Row(
            "here", name, "up", standing, worker=worker, orphan=number, asker=7
        )

    @property
    def now(self) -> float:
        now: float = self.machine.clock.seconds()
        return now

    @property
    def numbers(self) -> list[int]:
        return [number for number, _ in self.ended]

    # what of the logbook is used

    def is_stopping(self) -> bool:
        return self.stopping

    def failed(self, what: str) -> None:
        self.failures.append(what)

    # of the proof

    def last(self, orphan: int) -> Asked | None:
        answer = self.answers[orphan]
        return None if answer is None else Asked(self.now, answer, 2)

    # of the census

    async def rows(self) -> list[Row]:
        return [dataclasses.replace(row) for row in self.rows_.values()]

    async def sole(self) -> Any:
        return lambda _: self.is_sole

    def refresh(self) -> None:
        self.censuses += 1

    # of the act

    def target(self, row: Row) -> Target:
        return Target(row.name, 7, row.worker or "", row.orphan)

    async def end(self, target: Target, request: EndRequest, actor: Actor) -> EndAnswer:
        assert (actor, request.confirm, request.dry_run) == (ACTOR, target.name, False)
        assert target.orphan is not None
        self.ended.append((target.orphan, request.reason))
        if self.refuses is not None:
            raise self.refuses
        if self.hanging is not None:
            self.hanging.append(defer.Deferred())
            await self.hanging[-1]
        return EndAnswer(action={})


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_it_is_ended_once_its_time_is_over_and_the_reason_says_why(scene: Scene) -> None:
    scene.machine.run(AFTER - 2)
    assert scene.ended == []
    scene.machine.run(SOON)
    assert scene.ended == [(3, "i-3 is in the ledger for 16 min 40 s and more (entry 3)")]
    assert scene.failures == []


def test_what_was_tried_and_is_still_there_is_tried_again_an_hour_later(scene: Scene) -> None:
    scene.machine.run(AFTER + SOON)
    scene.machine.run(AGAIN - SOON)
    assert scene.numbers == [3]
    scene.machine.run(2 * SOON)
    assert scene.numbers == [3, 3]


def test_without_the_setting_nothing_is_even_looked_at(scene: Scene) -> None:
    scene.set()
    scene.rows_ = {}
    scene.rows = None  # type: ignore[assignment, method-assign]
    scene.machine.run(3 * AFTER)
    assert scene.ended == []
    assert scene.failures == []


@pytest.mark.parametrize("off", [None, False])
def test_a_worker_that_is_exempt_keeps_its_instances(scene: Scene, off: Any) -> None:
    scene.set(auto_end={"after": AFTER}, workers={"precious": {"auto_end": off}})
    scene.enter(4, "precious")
    scene.machine.run(3 * AFTER)
    assert scene.numbers == [3]


@pytest.mark.parametrize("off", [None, False])
def test_a_worker_for_which_alone_it_is_on_is_the_only_one(scene: Scene, off: Any) -> None:
    scene.set(auto_end=off, workers={"cheap-*": {"auto_end": {"after": AFTER}}})
    scene.enter(4, "cheap-1")
    scene.machine.run(3 * AFTER)
    assert scene.numbers == [4]


def test_so_many_an_hour_of_the_whole_master(scene: Scene) -> None:
    rule = {"after": AFTER, "per_hour": 2}
    scene.set(workers={"a-*": {"auto_end": rule}, "w": {"auto_end": rule}})
    for number in (4, 5, 6):
        scene.enter(number, f"a-{number}")
    scene.machine.run(AFTER + 10 * LOOK_EVERY)
    assert scene.numbers == [3, 4]
    for number in (3, 4):
        scene.entries.closed(number, 7)
    scene.machine.run(HOUR - 20 * LOOK_EVERY)
    assert scene.numbers == [3, 4]
    scene.machine.run(20 * LOOK_EVERY)
    assert scene.numbers == [3, 4, 5, 6]


@pytest.mark.parametrize(
    "answer", [None, True, NotKnown(Why.UNREACHABLE, "connection refused")], ids=str
)
def test_what_is_not_proven_to_be_there_is_left_alone(scene: Scene, answer: Any) -> None:
    scene.answers[3] = answer
    scene.machine.run(3 * AFTER)
    assert scene.ended == []
    scene.answers[3] = False
    scene.machine.run(SOON)
    assert scene.numbers == [3]


@pytest.mark.parametrize("standing", ["up", "starting", "stopping", "unknown", "missing"])
def test_what_a_worker_may_have_is_left_alone(scene: Scene, standing: str) -> None:
    scene.rows_[3] = dataclasses.replace(scene.rows_[3], standing=standing)
    scene.machine.run(3 * AFTER)
    assert scene.ended == []


def test_what_another_master_may_have_is_left_alone(scene: Scene) -> None:
    scene.is_sole = False
    scene.machine.run(3 * AFTER)
    assert scene.ended == []


def test_a_look_that_is_old_is_taken_anew_before_something_is_nobodys(scene: Scene) -> None:
    scene.enter(3, standing="nobodys")
    scene.machine.run(AFTER + SOON)
    assert scene.censuses == 1
    scene.machine.run(CENSUS_EVERY)
    assert scene.censuses == 2
    assert scene.ended == []
    scene.rows_[3] = dataclasses.replace(scene.rows_[3], seen=scene.now)
    scene.machine.run(SOON)
    assert scene.ended == [(3, "i-3 is nobody's for 16 min 40 s and more (entry 3)")]


@pytest.mark.parametrize("what", ["stopping", "behind"])
def test_nothing_is_ended_while_the_master_stops_or_recording_is_behind(
    scene: Scene, what: str
) -> None:
    setattr(scene, what, True)
    scene.machine.run(3 * AFTER)
    assert scene.ended == []
    setattr(scene, what, False)
    scene.machine.run(SOON)
    assert scene.numbers == [3]


@pytest.mark.parametrize("what", ["stopping", "behind"])
def test_what_comes_while_the_census_is_asked_counts_too(scene: Scene, what: str) -> None:
    waiting: defer.Deferred[None] = defer.Deferred()
    rows = list(scene.rows_.values())

    async def slowly() -> list[Row]:
        await waiting
        return rows

    scene.rows = slowly  # type: ignore[method-assign]
    scene.machine.run(AFTER + SOON)
    setattr(scene, what, True)
    waiting.callback(None)
    scene.machine.run(SOON)
    assert scene.ended == []


def test_an_entry_that_is_closed_meanwhile_is_let_be(scene: Scene) -> None:
    waiting: defer.Deferred[None] = defer.Deferred()
    rows = list(scene.rows_.values())

    async def slowly() -> list[Row]:
        await waiting
        return rows

    scene.rows = slowly  # type: ignore[method-assign]
    scene.machine.run(AFTER + SOON)
    scene.entries.closed(3, 7)
    waiting.callback(None)
    assert (scene.ended, scene.failures) == ([], [])


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_a_clock_that_is_set_makes_nothing_due(scene: Scene, jump: float) -> None:
    scene.machine.run(AFTER / 2)
    scene.machine.set(jump)
    scene.machine.run(AFTER / 2 - 5)
    assert scene.ended == []
    scene.machine.run(SOON + SETTLE_SECONDS)
    assert scene.numbers == [3]


def test_a_process_that_was_stopped_settles_and_has_a_full_look_more(scene: Scene) -> None:
    scene.machine.run(AFTER - 1)
    scene.machine.stop(HOUR)
    scene.machine.run(SETTLE_SECONDS + LOOK_EVERY - 1)
    assert scene.ended == []
    scene.machine.run(SOON)
    assert scene.numbers == [3]


def test_one_at_a_time(scene: Scene) -> None:
    scene.enter(4)
    scene.hanging = []
    scene.machine.run(AFTER + 5 * LOOK_EVERY)
    assert scene.numbers == [3]
    scene.hanging[0].callback(None)
    scene.machine.run(SOON)
    assert scene.numbers == [3, 4]


def test_what_is_refused_counts_for_no_limit_and_holds_up_no_other(scene: Scene) -> None:
    scene.set(auto_end={"after": AFTER, "per_hour": 1})
    scene.refuses = Refusal("healthy", "a worker uses it")
    scene.machine.run(AFTER + SOON)
    scene.refuses = None
    scene.enter(4)
    scene.machine.run(AFTER + SOON)
    assert scene.numbers == [3, 4]


class Engine(Driven):
    """A cloud of a class's own; `has` is what runs there."""

    has: Any = ()

    def lifecycle_instances(self) -> Any:
        return [{"name": name} for name in self.has]

    def lifecycle_is_gone(self, instance: str | None) -> bool:
        return instance not in self.has

    def lifecycle_end(self, instance: str) -> bool:
        self.has = [name for name in self.has if name != instance]
        return True


class AutoEndServed(Served):
    @defer.inlineCallbacks
    def play_stray(self, **settings: Any) -> Any:
        self.service = LifecycleService(**settings)
        worker = Engine("w")
        worker.__dict__["has"] = ["i-9"]
        configuration = self.configuration(worker)
        yield self.setup_master({**configuration, "services": [self.service]})
        self.pass_seconds(FIRST_AFTER + AGAIN_AFTER + 3 * ASK_EVERY + 20)

    @defer.inlineCallbacks
    def test_what_is_nobodys_is_ended_as_by_an_operator_and_its_entry_is_closed_by_proof(
        self,
    ) -> Any:
        yield self.play_stray(workers={"w": {"auto_end": {"after": 30}}})
        assert self.worker().has == []
        action: Any = yield defer.ensureDeferred(self.service.answers.one("actions", 1))
        assert (action.what, action.actor, action.actor_kind) == ("end", ACTOR.name, "policy")
        assert (action.status, action.outcome) == ("done", "i-9 is gone")
        orphan: Any = yield defer.ensureDeferred(self.service.answers.one("orphans", 1))
        assert (orphan.cause, orphan.closed_by) == ("nobodys", "driver")
        assert self.service.answers.health().errors == 0
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_by_default_it_runs_on(self) -> Any:
        yield self.play_stray()
        assert self.worker().has == ["i-9"]
        yield self.shut_down()
