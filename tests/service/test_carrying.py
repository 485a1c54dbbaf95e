"""Two services on one database, on a clock that the test moves: each request is done once or never."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool
from twisted.internet import defer, task

from buildbot_lifecycle.core import carried
from buildbot_lifecycle.core.requests import Actor, ForceRequest, Refusal
from buildbot_lifecycle.db import requests, schema
from buildbot_lifecycle.service.carrying import Act, Answered, Carrying, Owner
from buildbot_lifecycle.service.news import News
from buildbot_lifecycle.shapes.carried import ForceArguments, ResolveArguments

ANN = Actor("user", "ann")
B = Owner(2, "b", 7)
NOTE = ResolveArguments(orphan=3, note="seen in the console")
ACTION = {
    "token": "t1",
    "workerid": 7,
    "worker": "w",
    "episode": None,
    "what": "force-disconnect",
    "at": 1.0,
    "status": "asked",
    "outcome": None,
    "finished_at": None,
    "actor": "ann",
}


class Gate:
    """The database, in this thread."""

    def __init__(self, engine: sa.engine.Engine) -> None:
        self._engine = engine
        self.asked: list[str] = []

    def do(self, function: Any, /, *args: Any) -> defer.Deferred[Any]:
        self.asked.append(function.__name__)
        with self._engine.begin() as conn:
            return defer.succeed(function(conn, *args))

    do_with_transaction = do


class Mq:
    """Buildbot's mq: shared by masters that have the same one."""

    def __init__(self) -> None:
        self.consumers: list[tuple[Any, tuple[Any, ...]]] = []
        self.sent: list[tuple[Any, Any]] = []

    def startConsuming(self, heard: Any, key: Any) -> defer.Deferred[Any]:  # noqa: N802 - Buildbot's
        self.consumers.append((heard, key))
        consumer = type("Consumer", (), {"stopConsuming": lambda _: None})()
        return defer.succeed(consumer)

    def produce(self, key: Any, message: Any) -> None:
        self.sent.append((key, message))
        for heard, wanted in list(self.consumers):
            if wanted[2] == key[2]:
                heard(key, message)


class Clock(task.Clock):
    def wall_now(self) -> float:
        return float(self.seconds())


class Master:
    def __init__(self, number: int, clock: task.Clock, mq: Mq) -> None:
        self.masterid, self.reactor, self.mq, self.name = number, clock, mq, f"m{number}"


class Side:
    """One master's carrying; what it did, in ``did``."""

    def __init__(
        self, number: int, clock: task.Clock, mq: Mq, gate: Gate, run: str | None = None
    ) -> None:
        master = Master(number, clock, mq)
        self.did: list[tuple[Any, Actor]] = []
        self.waits: defer.Deferred[Mapping[str, Any]] | None = None
        self.refuses: Exception | None = None
        self.gate = gate
        self.carrying = Carrying(
            master, clock, gate, News(master), run or f"run{number}", lambda v: v
        )
        self.carrying.offer("resolve", Act(ResolveArguments, self._do))

    async def _do(self, asked: Any, arguments: Any, actor: Actor) -> Mapping[str, Any]:
        self.did.append((arguments, actor))
        if self.refuses is not None:
            raise self.refuses
        return {"said": asked.workerid} if self.waits is None else await self.waits

    def ask(self, **more: Any) -> defer.Deferred[Answered]:
        return defer.ensureDeferred(self.carrying.ask("resolve", NOTE, ANN, B, **more))


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.engine = sa.create_engine("sqlite://", poolclass=StaticPool)
        schema.metadata.create_all(self.engine)
        monkeypatch.setattr(requests, "_now", lambda _: sa.literal(self.clock.seconds()))
        with self.engine.begin() as conn:
            for number in (1, 2):
                row = {"masterid": number, "token": f"i{number}", "master": "m", "pid": 1}
                times = {"host": "h", "started_at": 1.0, "heartbeat_at": 1000.0}
                conn.execute(schema.incarnations.insert().values(**row, **times))

    def side(self, number: int, mq: Mq | None = None, run: str | None = None) -> Side:
        return Side(number, self.clock, mq or Mq(), Gate(self.engine), run)

    def pass_(self, seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)

    def action(self) -> Any:
        with self.engine.begin() as conn:
            return conn.execute(sa.select(schema.actions)).one()


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def result(asked: defer.Deferred[Any]) -> Any:
    got: list[Any] = []
    asked.addBoth(got.append)
    assert got, "no answer"
    return got[0]


def refusal(asked: defer.Deferred[Any]) -> Refusal:
    failure = result(asked)
    assert failure.check(Refusal)
    found: Refusal = failure.value
    return found


def test_without_a_shared_mq_the_owner_takes_it_within_two_seconds(world: World) -> None:
    a, b = world.side(1), world.side(2)
    b.carrying.start()
    asked = a.ask()
    world.pass_(2.0)
    assert b.did == [(NOTE, ANN)]
    assert result(asked) == Answered({"said": 7}, None)


def test_with_a_shared_mq_it_is_taken_and_answered_at_once(world: World) -> None:
    mq = Mq()
    a, b = world.side(1, mq), world.side(2, mq)
    a.carrying.start()
    b.carrying.start()
    asked = a.ask()
    assert b.did == [(NOTE, ANN)]
    assert result(asked).answer == {"said": 7}
    # anybody can hear it: numbers only
    assert {key[2] for key, _ in mq.sent} == {"carried", "answered"}
    assert all(set(each) == {"workerid", "masterid", "id", "to"} for _, each in mq.sent)


def test_delivered_twice_it_is_done_once(world: World) -> None:
    mq = Mq()
    a, b = world.side(1, mq), world.side(2, mq)
    twin = world.side(2, mq, run="run2")
    b.waits = twin.waits = defer.Deferred()
    b.carrying.start()
    twin.carrying.start()
    asked = a.ask()
    for key, message in list(mq.sent):
        mq.produce(key, message)
    assert len(b.did) + len(twin.did) == 1
    b.waits.callback({"said": "once"})
    world.pass_(1.0)
    assert result(asked).answer == {"said": "once"}


def test_a_claim_that_is_run_again_is_the_same_and_nobody_elses(world: World) -> None:
    a = world.side(1)
    a.ask()
    with world.engine.begin() as conn:
        assert requests.claim(conn, 1, "one")
        assert requests.claim(conn, 1, "one")
        assert not requests.claim(conn, 1, "two")
        assert not requests.expire(conn, 1, {}, {})


def test_a_refusal_of_the_owner_comes_back_as_it_is(world: World) -> None:
    a, b = world.side(1), world.side(2)
    b.refuses = Refusal("episode_changed", "look again", episode=9)
    b.carrying.start()
    asked = a.ask(action=ACTION)
    world.pass_(2.0)
    got = refusal(asked)
    assert (got.code, got.text) == ("episode_changed", "look again")
    assert got.details == {"episode": 9, "action": 1}
    row = world.action()
    assert (row.status, row.data["outcome"], row.masterid) == ("refused", "look again", 2)


def test_what_nobody_takes_expires_and_is_never_done(world: World) -> None:
    a, b = world.side(1), world.side(2)
    asked = a.ask(action=ACTION)
    world.pass_(carried.TAKE_SECONDS + 1)
    got = refusal(asked)
    assert got.code == "expired"
    assert "nothing was done" in got.text
    row = world.action()
    assert (row.status, row.data["outcome"]) == ("refused", got.text)
    b.carrying.start()
    world.pass_(5)
    assert b.did == []


def test_the_owner_itself_refuses_what_is_too_old(world: World) -> None:
    """The asker has gone meanwhile: nobody but the owner is left to say so."""
    a, b = world.side(1), world.side(2)
    a.ask(action=ACTION)
    a.carrying.closing()
    world.clock.advance(carried.TAKE_SECONDS + 1)
    b.carrying.start()
    assert b.did == []
    assert world.action().status == "refused"


def test_an_owner_that_is_slow_is_told_as_not_known_and_its_answer_is_not_lost(
    world: World,
) -> None:
    a, b = world.side(1), world.side(2)
    b.waits = defer.Deferred()
    b.carrying.start()
    asked = a.ask(action=ACTION)
    world.pass_(carried.ANSWER_SECONDS + 1)
    assert result(asked) == Answered(None, 1)
    assert world.action().status == "asked"
    b.waits.callback({"said": "late"})
    with world.engine.begin() as conn:
        found = requests.found(conn, 1)
    assert found is not None
    assert found.answer == {"refused": None, "answer": {"said": "late"}}


def test_an_owner_that_died_with_it_is_told_of_by_its_next_run(world: World) -> None:
    a, b = world.side(1), world.side(2)
    b.waits = defer.Deferred()
    b.carrying.start()
    a.ask(action=ACTION)
    world.pass_(2)
    b.carrying.closing()
    assert len(b.did) == 1
    again = world.side(2, run="next")
    again.carrying.start()
    row = world.action()
    assert row.status == "failed"
    assert "not known" in row.data["outcome"]
    assert again.did == []


def test_a_survivor_tells_of_it_where_the_owner_never_comes_back(world: World) -> None:
    a, b = world.side(1), world.side(2)
    b.waits = defer.Deferred()
    a.carrying.start()
    b.carrying.start()
    a.ask(action=ACTION)
    world.pass_(2)
    b.carrying.closing()
    world.pass_(carried.LOST_SECONDS - 5)
    assert world.action().status == "asked"
    world.pass_(10)
    assert world.action().status == "failed"


def test_an_error_of_the_owner_is_an_answer_too(world: World) -> None:
    a, b = world.side(1), world.side(2)
    b.refuses = ZeroDivisionError("inside")
    b.carrying.start()
    asked = a.ask(action=ACTION)
    world.pass_(2)
    assert refusal(asked).code == "internal"
    assert world.action().status == "failed"


def test_an_act_that_the_owner_does_not_know_is_refused(world: World) -> None:
    a, b = world.side(1), world.side(2)
    b.carrying.start()
    asked = defer.ensureDeferred(a.carrying.ask("dance", NOTE, ANN, B))
    world.pass_(2)
    assert refusal(asked).code == "other_master"


def looks(side: Side) -> int:
    return side.gate.asked.count("waiting")


def test_one_master_alone_looks_for_nothing(world: World) -> None:
    with world.engine.begin() as conn:
        conn.execute(schema.incarnations.delete().where(schema.incarnations.c.masterid == 1))
    b = world.side(2)
    b.carrying.start()
    world.pass_(1)
    begun = looks(b)
    world.pass_(60)
    assert looks(b) == begun
    assert len(b.gate.asked) - begun < 10


def test_with_another_one_there_is_one_look_a_second(world: World) -> None:
    b = world.side(2)
    b.carrying.start()
    world.pass_(30)
    assert 25 <= looks(b) <= 35


def test_a_request_that_is_carried_is_the_same_on_the_other_side() -> None:
    asked = ForceRequest(5, "w1", "it hangs", pause=False, dry_run=True, override=True)
    arguments = msgspec.convert(asked, ForceArguments, from_attributes=True)
    written = msgspec.json.decode(msgspec.json.encode(arguments), type=ForceArguments)
    assert ForceRequest(**msgspec.structs.asdict(written)) == asked
    assert {field.name for field in dataclasses.fields(asked)} == {*written.__struct_fields__}
