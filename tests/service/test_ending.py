"""The end of an instance of another master: looked up, written down, and done by its owner."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer

from buildbot_lifecycle.act.ends import Ends
from buildbot_lifecycle.core.census import Row
from buildbot_lifecycle.core.requests import Actor, EndAnswer, EndRequest, Refusal
from buildbot_lifecycle.core.verdicts.verdict import HEALTHY
from buildbot_lifecycle.db import schema
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.service.ending import Ending
from buildbot_lifecycle.shapes.instances import Instance
from tests.core.story import Story
from tests.probe.support import Driven
from tests.service.test_carrying import World, result, world

__all__ = ["world"]

ANN = Actor("user", "ann")
ROW = Row("Docker", "c-9", "up", "nobodys", orphan=5, seen=1.0, asker=7, digest="here")
ASKED = EndRequest("c-9", "it costs money")


class There:
    """What `Ending` uses of one master; its answers to an end are the test's."""

    def __init__(self, world: World, number: int, *rows: Row) -> None:
        self.side, self.rows_, self.number, stub = world.side(number), rows, number, Any
        self.tokens: list[str | None] = []
        self.refuses: Refusal | None = None
        self.waits: defer.Deferred[Any] | None = None
        self.alive = {1, 2}
        stub = self
        self.ending = Ending(
            self.side.carrying._master, stub, stub, stub, stub, stub, stub, stub, stub,
            self.side.carrying,
        )  # fmt: skip
        self.side.carrying.start()

    # of the directory

    async def find(self, ident: str) -> tuple[Row, Instance] | None:
        row = next((row for row in self.rows_ if row.id(self.number) == ident), None)
        return None if row is None else (row, self.shown(row))

    def shown(self, row: Row) -> Instance:
        more = dict.fromkeys(("worker", "class_", "born", "kind", "cost", "link", "episode"))
        return Instance(
            id=row.id(self.number),
            name=row.name,
            masterid=self.number,
            workerid=row.workerid,
            place=row.place,
            state=row.state,
            standing=row.standing,
            why=row.why,
            orphan=row.orphan,
            seen=row.seen,
            endable=True,
            why_not=None,
            **more,  # type: ignore[arg-type]
        )

    # of the ends

    def target(self, row: Row) -> Any:
        return Ends.target(self, row)  # type: ignore[arg-type]

    async def end(self, target: Any, request: Any, actor: Any, token: str | None) -> EndAnswer:
        self.tokens.append(token)
        if self.refuses is not None:
            raise self.refuses
        if request.dry_run:
            plan = {"eligible": True, "why_not": None, "code": None, "steps": [], "warnings": []}
            return EndAnswer(dry_run=plan)
        if self.waits is not None:
            await self.waits
        row = {**self.action, "status": "done", "outcome": f"{target.name} is gone"}
        return EndAnswer(action=row, is_over=True)

    @property
    def action(self) -> dict[str, Any]:
        more = {"steps": [], "verdict": HEALTHY.as_json(), "pause": False, "override": False}
        when = {"at": 1.0, "finished_at": 2.0, "episode": None, "orphan": 5}
        who = {"workerid": 7, "worker": "w", "actor": "ann", "actor_kind": "user"}
        return {"id": 1, "what": "end", "reason": "so", "instance": "c-9", **who, **when, **more}

    # of all the others

    @property
    def _logbook(self) -> There:
        return self

    def get(self, workerid: int) -> Known:
        return Known(7, "w", "Driven", Driven("w"), Story().facts)  # type: ignore[arg-type]

    def verdict_now(self, known: Known) -> Any:
        return HEALTHY

    def redacted(self, row: Any) -> Any:
        return row

    def caught_up(self, seconds: float) -> defer.Deferred[None]:
        return defer.succeed(None)

    def tell(self, *_: Any) -> None: ...

    async def rows(self) -> tuple[None, list[dict[str, Any]]]:
        return None, [{"masterid": number, "master": f"m{number}"} for number in (1, 2)]

    def live(self, _: Any) -> set[int]:
        return self.alive


class Pair:
    def __init__(self, world: World) -> None:
        self.world = world
        self.a, self.b = There(world, 1), There(world, 2, ROW)

    def find(self, ident: str = ROW.id(2)) -> Any:
        found = defer.ensureDeferred(self.a.ending.find(ident, ANN))
        self.world.pass_(3)
        return result(found)

    def end(self, request: EndRequest = ASKED, seconds: float = 3) -> Any:
        ended = defer.ensureDeferred(self.a.ending.end(self.find(), request, ANN))
        self.world.pass_(seconds)
        return result(ended)

    def actions(self) -> list[Any]:
        with self.world.engine.begin() as conn:
            return list(conn.execute(sa.select(schema.actions)))


@pytest.fixture
def pair(world: World) -> Pair:
    return Pair(world)


def test_it_is_looked_up_first_written_and_done_by_its_owner_under_one_token(pair: Pair) -> None:
    found = pair.find()
    assert (found.instance.name, found.instance.masterid) == ("c-9", 2)
    assert pair.actions() == [], "to look changes nothing"
    ended = pair.end()
    assert (ended.action.status, ended.action.masterid, ended.is_over) == ("done", 2, True)
    (row,) = pair.actions()
    assert (row.what, row.workerid, row.masterid, row.actor) == ("end", 7, 2, "ann")
    assert (row.data["instance"], row.data["orphan"]) == ("c-9", 5)
    assert pair.b.tokens == [row.token]


def test_a_dry_run_is_the_owners_and_is_not_written(pair: Pair) -> None:
    ended = pair.end(EndRequest("", "", dry_run=True))
    assert ended.dry_run.eligible
    assert ended.dry_run.instance.name == "c-9"
    assert (pair.actions(), pair.b.tokens) == ([], [None])


def test_an_owner_that_says_no_is_heard_and_its_word_is_the_outcome(pair: Pair) -> None:
    pair.b.refuses = Refusal("healthy", "w uses it")
    failure = pair.end()
    assert (failure.value.code, failure.value.text) == ("healthy", "w uses it")
    (row,) = pair.actions()
    assert row.status == "refused"


def test_an_owner_that_is_not_done_yet_gives_the_action_and_no_outcome(pair: Pair) -> None:
    pair.b.waits = defer.Deferred()
    ended = pair.end(seconds=16)
    (row,) = pair.actions()
    assert (ended.is_over, ended.action.id, ended.action.status) == (False, row.id, "asked")
    pair.b.waits.callback(None)


def test_whose_it_is_may_not_change_between_the_rights_and_the_end(pair: Pair) -> None:
    found = pair.find()
    pair.b.rows_ = (Row("Docker", "c-9", "up", "in_ledger", workerid=8, seen=1.0, asker=7),)
    ended = defer.ensureDeferred(pair.a.ending.end(found, ASKED, ANN))
    pair.world.pass_(3)
    assert result(ended).value.code == "not_sure"
    assert pair.b.tokens == []


@pytest.mark.parametrize(
    ("ident", "code"),
    [("2-nothing", "no_such_instance"), ("3-it", "no_such_instance"), ("x", "no_such_instance")],
)
def test_what_nobody_has_is_not_there(pair: Pair, ident: str, code: str) -> None:
    assert pair.find(ident).value.code == code
    assert pair.actions() == []


def test_a_master_that_is_not_up_is_not_asked(pair: Pair) -> None:
    pair.a.alive = {1}
    refusal = pair.find().value
    assert (refusal.code, "nothing was done" in refusal.text) == ("other_master", True)
    with pair.world.engine.begin() as conn:
        assert list(conn.execute(sa.select(schema.requests))) == []
