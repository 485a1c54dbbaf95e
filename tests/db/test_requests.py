"""Requests between masters, on each database: claimed by one, or expired, by the database's clock."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa

from buildbot_lifecycle.db import requests, schema
from buildbot_lifecycle.db.store import Store
from tests.db.test_store import ACTION

ROW = {"token": "t", "masterid": 2, "asker": 1, "workerid": 7, "kind": "force", "data": {"a": 1}}


def ask(engine: sa.engine.Engine, seconds: float = 60.0) -> tuple[int, int | None]:
    with engine.begin() as conn:
        return requests.ask(conn, Store.action_row("t", ACTION), ROW, seconds)


def test_asked_again_with_the_same_token_it_is_one_request(engine: sa.engine.Engine) -> None:
    first = ask(engine)
    assert ask(engine) == first
    with engine.begin() as conn:
        (row,) = requests.waiting(conn)
    assert (row.id, row.action) == first
    assert (row.data, row.answer, row.claimed_by, row.is_overdue) == ({"a": 1}, None, None, False)


@pytest.mark.parametrize("column", ["data", "answer"])
def test_a_damaged_request_takes_no_other_along(engine: sa.engine.Engine, column: str) -> None:
    number, _ = ask(engine)
    with engine.begin() as conn:
        whole, _ = requests.ask(conn, Store.action_row("u", ACTION), {**ROW, "token": "u"}, 60.0)
        change = f"update lifecycle_requests set {column} = :text where id = :id"
        conn.execute(sa.text(change), {"text": '{"a": 1', "id": number})
    with engine.begin() as conn:
        first, second = requests.waiting(conn)
    assert getattr(first, column) is None
    assert (second.id, second.data) == (whole, {"a": 1})


def test_of_many_who_claim_at_once_one_has_it(engine: sa.engine.Engine) -> None:
    number, _ = ask(engine)

    def claim(by: int) -> bool:
        with engine.begin() as conn:
            return requests.claim(conn, number, f"run.{by}")

    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(claim, range(12)))
    assert got.count(True) == 1
    with engine.begin() as conn:
        (row,) = requests.waiting(conn)
        assert row.claimed_by == f"run.{got.index(True)}"
        assert 0 <= row.held < 60
        # run again after a lost answer
        assert requests.claim(conn, number, row.claimed_by)
        assert not requests.expire(conn, number, {}, {})


def test_what_is_over_is_never_claimed(engine: sa.engine.Engine) -> None:
    number, action = ask(engine, seconds=-0.5)
    said: dict[str, Any] = {"refused": {"code": "expired"}, "answer": None}
    came = {"status": "refused", "outcome": "expired", "finished_at": 5.0}
    with engine.begin() as conn:
        assert not requests.claim(conn, number, "run.1")
        (row,) = requests.waiting(conn)
        assert row.is_overdue
        assert requests.expire(conn, number, said, came)
        assert not requests.expire(conn, number, said, came)
        assert not requests.claim(conn, number, "run.2")
        found = requests.found(conn, number)
        assert found is not None
        assert (found.is_answered, found.answer) == (True, said)
        status = sa.select(schema.actions.c.status).where(schema.actions.c.id == action)
        assert conn.execute(status).scalar() == "refused"


def test_only_who_has_claimed_it_answers_and_once(engine: sa.engine.Engine) -> None:
    number, _ = ask(engine)
    with engine.begin() as conn:
        requests.claim(conn, number, "one")
        requests.answer(conn, number, "two", {"answer": "wrong"})
        assert len(requests.waiting(conn)) == 1
        requests.answer(conn, number, "one", {"answer": "right"})
        requests.answer(conn, number, "one", {"answer": "again"})
        found = requests.found(conn, number)
        assert found is not None
        assert found.answer == {"answer": "right"}
        assert not requests.give_up(conn, number, "one", {}, {})
        assert requests.waiting(conn) == []


def test_what_has_an_outcome_is_not_given_up(engine: sa.engine.Engine) -> None:
    number, action = ask(engine)
    done = {"status": "done", "outcome": "the worker is out"}
    with engine.begin() as conn:
        requests.claim(conn, number, "one")
        requests.end_action(conn, action or 0, {**done, "finished_at": 3.0})
        lost = {"status": "failed", "outcome": "not known", "finished_at": 9.0}
        assert requests.give_up(conn, number, "one", {"answer": None}, lost)
        row = conn.execute(sa.select(schema.actions)).one()
    assert (row.status, row.data["outcome"], row.finished_at) == (*done.values(), 3.0)


def test_the_clock_is_the_databases(engine: sa.engine.Engine) -> None:
    """The servers of the tests are on this machine, so it is ours, too, to the second."""
    ask(engine)
    with engine.begin() as conn:
        (at,) = conn.execute(sa.select(schema.requests.c.asked_at)).one()
    assert at == pytest.approx(time.time(), abs=30)
