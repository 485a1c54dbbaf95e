"""Direct writes: once per token, whatever happens to the answer."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.requests import DRIVER, Actor, Filter, HistoryQuery
from buildbot_lifecycle.core.texts import clean
from buildbot_lifecycle.db.store import Store
from tests.db import answered as queries
from tests.db.conftest import Database
from tests.db.play import NASTY

ANN = Actor("user", "ann")

ACTION = {
    "workerid": 7,
    "worker": "worker-7",
    "masterid": 1,
    "episode": None,
    "what": "force-disconnect",
    "actor": "j\u00f8rg \U0001f600 <j@example.org>",
    "actor_kind": "user",
    "reason": "hangs\x00since noon",
    "at": 100.5,
    "status": "asked",
    "verdict": {
        "level": "stuck",
        "code": "stop_pending",
        "reason": "it hangs",
        "since": 50.0,
        "threshold_s": 40.0,
    },
    "pause": True,
    "override": False,
    "instance": "i-1",
    "orphan": 3,
}
ORPHAN = {
    "workerid": 7,
    "masterid": 1,
    "episode": 3,
    "opened_at": 50.0,
    "instance": "i-\x001",
    "why": "released",
    "cause": "release",
    "class": "demo.Worker",
    "worker": "worker-7",
}


class Twice:
    """The real pool, which runs every transaction twice."""

    def __init__(self, pool: Any) -> None:
        self.pool = pool

    def do(self, function: Any, /, *args: Any) -> Any:
        return self.pool.do(function, *args)

    @defer.inlineCallbacks
    def do_with_transaction(self, function: Any, /, *args: Any) -> Any:
        first = yield self.pool.do_with_transaction(function, *args)
        second = yield self.pool.do_with_transaction(function, *args)
        assert first == second
        return second


def test_an_incarnation_is_opened_once_per_token(database: Database) -> None:
    async def work(pool: Any) -> None:
        store = Store(Twice(pool))
        first = await store.open_incarnation(1, "one", 42, "host", 10.0, master="m:/a")
        again = await store.open_incarnation(1, "one", 42, "host", 10.0)
        other = await store.open_incarnation(1, "two", 43, "host", 20.0)
        assert first == again
        assert other > first
        rows = await pool.do(queries.incarnations)
        assert [row["id"] for row in rows] == [other, first]
        assert (rows[1]["master"], rows[0]["master"]) == ("m:/a", "host")
        elsewhere = await store.open_incarnation(2, "three", 44, "host", 30.0)
        newest = await pool.do(queries.newest_incarnations)
        assert [row["id"] for row in newest] == [other, elsewhere]

    database.run(work)


def test_a_heartbeat_moves_and_an_end_stands(database: Database) -> None:
    async def work(pool: Any) -> None:
        store = Store(Twice(pool))
        number = await store.open_incarnation(1, "one", 42, "host", 10.0)
        await store.heartbeat(number, 15.0)
        (row,) = await pool.do(queries.incarnations, 1)
        assert (row["heartbeat_at"], row["ended_at"], row["ended_how"]) == (15.0, None, None)
        await store.close_incarnation(number, 20.0, "stopped")
        await store.close_incarnation(number, 30.0, "again")
        (row,) = await pool.do(queries.incarnations, 1)
        assert (row["ended_at"], row["ended_how"]) == (20.0, "stopped")
        assert await pool.do(lambda conn: queries.incarnations(conn, 1, running=True)) == []

    database.run(work)


def test_an_action_is_written_once_per_token_and_comes_back_as_in_rest(database: Database) -> None:
    async def work(pool: Any) -> None:
        store = Store(Twice(pool))
        number = await store.insert_action("t", ACTION)
        assert await store.insert_action("t", ACTION) == number
        row = await pool.do(queries.one, "actions", number)
        nothing_yet = {"id": number, "finished_at": None, "steps": [], "outcome": None}
        assert row == {**ACTION, **nothing_yet}

    database.run(work)


def test_an_update_changes_what_it_names_and_nothing_else(database: Database) -> None:
    async def work(pool: Any) -> None:
        store = Store(Twice(pool))
        number = await store.insert_action("t", ACTION)
        steps = [{"step": "pause", "target": "7", "text": "paused", "done": True, "detail": None}]
        await store.update_action(number, {"steps": steps})
        changes = {"status": "done", "finished_at": 101.0, "outcome": "freed"}
        await store.update_action(number, changes)
        row = await pool.do(queries.one, "actions", number)
        assert row == {**ACTION, "id": number, "steps": steps, **changes}

    database.run(work)


def test_a_user_who_is_called_like_the_policy_is_not_the_policy(database: Database) -> None:
    async def work(pool: Any) -> None:
        store = Store(pool)
        name = "policy:auto_release"
        for kind in ("user", "policy"):
            number = await store.insert_action(kind, {**ACTION, "actor": name, "actor_kind": kind})
            row = await pool.do(queries.one, "actions", number)
            assert (row["actor"], row["actor_kind"]) == (name, kind)
        orphan = await store.open_orphan("t", ORPHAN)
        await store.close_orphan(orphan, 60.0, Actor("user", "driver"), "n")
        row = await pool.do(queries.one, "orphans", orphan)
        assert (row["closed_by"], row["closed_by_kind"]) == ("driver", "user")

    database.run(work)


def test_rows_from_before_there_were_kinds_say_what_their_names_say(database: Database) -> None:
    before = {name: value for name, value in ACTION.items() if name != "actor_kind"}
    old = (
        ("force-disconnect", "ann", "user"),
        ("force-disconnect", "shutdown", "user"),
        ("force-disconnect", "anonymous", "anonymous"),
        ("force-disconnect", "policy:auto_release", "policy"),
        ("shutdown-release", "shutdown", "shutdown"),
        ("shutdown-release", "reconfig", "reconfig"),
    )

    async def work(pool: Any) -> None:
        store = Store(pool)
        for what, name, kind in old:
            row = {**before, "what": what, "actor": name}
            number = await store.insert_action(f"{what} {name}", row)
            assert (await pool.do(queries.one, "actions", number))["actor_kind"] == kind
        for name, kind in (("driver", "driver"), ("late end", "late_end"), ("ann", "user")):
            row = {**ORPHAN, "closed_at": 5.0, "closed_by": name}
            number = await store.open_orphan(f"closed by {name}", row)
            assert (await pool.do(queries.one, "orphans", number))["closed_by_kind"] == kind

    database.run(work)


def test_an_update_of_no_action_does_nothing(database: Database) -> None:
    async def work(pool: Any) -> None:
        await Store(pool).update_action(12345, {"status": "done"})
        assert await pool.do(queries.one, "actions", 12345) is None

    database.run(work)


def test_an_orphan_that_is_told_again_stays_one_until_it_is_closed(database: Database) -> None:
    async def work(pool: Any) -> None:
        store = Store(Twice(pool))
        number = await store.open_orphan("t", ORPHAN)
        assert await store.repeat_orphan(number, 2) is True
        assert (await pool.do(queries.one, "orphans", number))["times"] == 2
        await store.close_orphan(number, 60.0, ANN, "gone")
        assert await store.repeat_orphan(number, 3) is False
        assert await store.repeat_orphan(number + 1, 2) is False
        assert (await pool.do(queries.one, "orphans", number))["times"] == 2

    database.run(work)


def test_an_orphan_is_opened_once_and_closed_once(database: Database) -> None:
    async def work(pool: Any) -> None:
        store = Store(Twice(pool))
        number = await store.open_orphan("t", ORPHAN)
        assert await store.open_orphan("t", ORPHAN) == number
        still_open = HistoryQuery("orphans", filters=(Filter("open", "eq", ("true",)),))
        page = await pool.do(queries.history, still_open)
        nobody = {
            "closed_at": None,
            "closed_by": None,
            "closed_by_kind": None,
            "note": None,
            "proof": None,
            "times": 1,
            "place": None,
        }
        assert [*page.rows] == [{**ORPHAN, "id": number, **nobody}]
        assert await store.close_orphan(number, 60.0, ANN, "terminated it") is True
        assert await store.close_orphan(number, 70.0, DRIVER, "me too") is False
        assert [*(await pool.do(queries.history, still_open)).rows] == []
        row = await pool.do(queries.one, "orphans", number)
        closed = {
            "closed_at": 60.0,
            "closed_by": "ann",
            "closed_by_kind": "user",
            "note": "terminated it",
            "proof": None,
        }
        assert row == {**ORPHAN, "id": number, "times": 1, "place": None, **closed}

    database.run(work)


def test_an_orphan_that_is_not_there_cannot_be_closed(database: Database) -> None:
    async def work(pool: Any) -> None:
        assert await Store(pool).close_orphan(12345, 1.0, ANN, "n") is False

    database.run(work)


def test_nasty_texts_come_back_from_actions(database: Database) -> None:
    async def work(pool: Any) -> None:
        store = Store(pool)
        for index, text in enumerate(map(clean, NASTY)):
            row = {**ACTION, "actor": text, "reason": text, "worker": text}
            number = await store.insert_action(f"t{index}", row)
            found = await pool.do(queries.one, "actions", number)
            assert (found["actor"], found["reason"]) == (text, text)
            assert found["worker"] == (text or "7")

    database.run(work)
