"""Our way to Buildbot's database threads: at most two, and seen when they do not come back."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from twisted.internet import defer
from twisted.internet.task import Clock

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.db.gate import HANG_SECONDS, MOST_WAITING, READ_SECONDS, Gate


class Pool:
    """Buildbot's pool, of which each call ends when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[tuple[defer.Deferred[Any], Any, tuple[Any, ...]]] = []

    def do(self, function: Any, *args: Any) -> defer.Deferred[Any]:
        waiter: defer.Deferred[Any] = defer.Deferred()
        self.waiting.append((waiter, function, args))
        return waiter

    do_with_engine = do

    def answer(self) -> None:
        """End the oldest call: its function is called with no connection."""
        waiter, function, args = self.waiting.pop(0)
        waiter.callback(function(None, *args))


class House:
    def __init__(self) -> None:
        self.clock, self.pool = Clock(), Pool()
        self.gate = Gate(self.pool, self.clock)
        self.came: list[Any] = []
        self.failed: list[Any] = []

    def read(self, what: Any = "read") -> defer.Deferred[Any]:
        asked = self.gate.asked.do(lambda _conn: what)
        asked.addCallbacks(self.came.append, lambda failure: self.failed.append(failure.value))
        return asked


@pytest.fixture
def house() -> House:
    return House()


def test_of_many_who_read_and_write_two_are_in_buildbots_threads(house: House) -> None:
    for number in range(24):
        house.read(number)
        house.gate.do_with_engine(lambda _: None)
    assert len(house.pool.waiting) == 2
    while house.pool.waiting:
        house.pool.answer()
    assert house.came == list(range(24))


def test_a_call_that_does_not_come_back_is_trouble_within_five_seconds(house: House) -> None:
    assert HANG_SECONDS < 5 - 1
    house.read()
    house.clock.advance(HANG_SECONDS - 0.1)
    assert house.gate.trouble_since is None
    house.clock.advance(0.1)
    assert house.gate.trouble_since == 0.0
    house.pool.answer()
    assert house.gate.trouble_since is None


def test_who_asks_while_the_database_is_known_to_hang_is_refused_at_once(house: House) -> None:
    house.read()
    house.clock.advance(HANG_SECONDS)
    house.read()
    (refusal,) = house.failed
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.details["retry_after_s"]) == ("behind", 5)


def test_every_read_has_a_limit_in_time_also_in_the_queue(house: House) -> None:
    house.read(1)
    house.read(2)
    house.clock.advance(READ_SECONDS)
    assert [error.code for error in house.failed] == ["behind", "behind"]
    house.pool.answer()
    assert house.pool.waiting == []  # the second was never begun
    house.read(3)
    house.pool.answer()
    assert house.came == [3]


def test_who_hangs_up_frees_its_place(house: House) -> None:
    house.read(1)
    second = house.read(2)
    second.cancel()
    house.read(3)
    house.pool.answer()
    house.pool.answer()
    assert house.came == [1, 3]
    assert house.pool.waiting == []


def test_who_hangs_up_while_it_is_read_does_not_free_the_thread(house: House) -> None:
    house.read(1).cancel()
    house.read(2)
    assert len(house.pool.waiting) == 1
    house.pool.answer()
    house.pool.answer()
    assert house.came == [2]


def test_the_queue_has_an_end(house: House) -> None:
    for _ in range(MOST_WAITING + 1):
        house.read()
    assert house.failed == []
    house.read()
    assert [error.code for error in house.failed] == ["behind"]


def raises(_conn: Any) -> Any:
    raise sa.exc.OperationalError("SELECT secret", {}, Exception("server closed the connection"))


def test_an_error_is_given_to_who_asked_and_nothing_is_tried_again_in_the_thread(
    house: House,
) -> None:
    """Buildbot's pool would try for a day, with one of its threads; for SQLite that is the only one."""
    written = house.gate.do_with_transaction(raises)
    errors: list[Any] = []
    written.addErrback(lambda failure: errors.append(failure.value))
    _, function, args = house.pool.waiting[0]
    given = function(None, *args)  # nothing is raised to the pool
    house.pool.waiting[0][0].callback(given)
    assert [type(error) for error in errors] == [AttributeError]  # None is no connection


def test_a_database_that_refuses_is_trouble_until_it_takes_something(house: House) -> None:
    house.clock.advance(7)
    asked = house.gate.asked.do(raises)
    asked.addErrback(lambda failure: house.failed.append(failure.value))
    house.pool.answer()
    assert house.gate.trouble_since == 7.0
    (refusal,) = house.failed
    assert refusal.code == "behind"
    assert "secret" not in refusal.text
    house.read()
    house.pool.answer()
    assert (house.gate.trouble_since, house.gate.error) == (None, None)
