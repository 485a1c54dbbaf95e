"""Long questions: one after the other, equal ones together, and no work for nobody."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import defer

from buildbot_lifecycle.history.shared import Shared


class Work:
    """Reads as many parts as a question says; each comes when the test says so."""

    def __init__(self) -> None:
        self.begun: list[Any] = []
        self.parts = 0
        self.waiting: defer.Deferred[None] | None = None

    async def __call__(self, question: Any) -> Any:
        self.begun.append(question)
        if question == "broken":
            raise OSError("no database")
        for _ in range(3):
            self.parts += 1
            self.waiting = defer.Deferred()
            await self.waiting
        return [question]

    def part(self) -> None:
        assert self.waiting is not None
        waiting, self.waiting = self.waiting, None
        waiting.callback(None)

    def finish(self) -> None:
        while self.waiting is not None:
            self.part()


def asked(shared: Shared, question: Any) -> tuple[defer.Deferred[Any], list[Any]]:
    came: list[Any] = []
    waiter = shared.ask(question)
    waiter.addBoth(came.append)
    return waiter, came


def test_one_is_answered_after_the_other() -> None:
    work = Work()
    shared = Shared(work)
    _, one = asked(shared, 1)
    _, two = asked(shared, 2)
    assert work.begun == [1]
    for _ in range(3):
        work.part()
    assert (one, two, work.begun) == ([[1]], [], [1, 2])
    work.finish()
    assert two == [[2]]
    assert len(shared) == 0


def test_equal_questions_are_answered_once() -> None:
    work = Work()
    shared = Shared(work)
    all_of_them = [asked(shared, "day")[1] for _ in range(50)]
    assert len(shared) == 1
    work.finish()
    assert work.begun == ["day"]
    assert all(came == [["day"]] for came in all_of_them)
    assert all(came[0] is all_of_them[0][0] for came in all_of_them)


def test_twelve_who_leave_cost_the_part_that_was_being_read_and_no_other() -> None:
    work = Work()
    shared = Shared(work)
    for waiter, came in [asked(shared, number) for number in range(12)][::-1]:
        waiter.cancel()
        assert came[0].check(defer.CancelledError)
    # those in the queue left before the one whose turn it was
    assert (work.begun, work.parts, len(shared)) == ([0], 1, 0)
    _, other = asked(shared, "somebody else")
    work.finish()
    assert other == [["somebody else"]]
    assert work.begun == [0, "somebody else"]


def test_each_whose_turn_it_is_when_he_leaves_costs_one_part() -> None:
    work = Work()
    shared = Shared(work)
    for waiter, _ in [asked(shared, number) for number in range(12)]:
        waiter.cancel()
    assert (work.parts, len(shared)) == (12, 0)


def test_the_work_goes_on_for_who_stays() -> None:
    work = Work()
    shared = Shared(work)
    leaver, _ = asked(shared, "day")
    _, stays = asked(shared, "day")
    leaver.cancel()
    work.finish()
    assert stays == [["day"]]
    assert work.begun == ["day"]


def test_who_asks_after_the_last_one_left_gets_an_answer_of_his_own() -> None:
    work = Work()
    shared = Shared(work)
    leaver, _ = asked(shared, "day")
    leaver.cancel()
    _, came = asked(shared, "day")
    work.finish()
    assert came == [["day"]]


def test_an_error_is_told_to_all_who_wait_and_the_next_has_its_turn() -> None:
    work = Work()
    shared = Shared(work)
    _, before = asked(shared, 1)
    _, first = asked(shared, "broken")
    _, second = asked(shared, "broken")
    _, after = asked(shared, 2)
    work.finish()
    assert before == [[1]]
    for came in (first, second):
        with pytest.raises(OSError, match="no database"):
            came[0].raiseException()
    assert after == [[2]]
