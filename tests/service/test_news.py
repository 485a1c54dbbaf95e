"""What is told on mq: in order, and some at a time."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet import task

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.verdicts.verdict import Verdict
from buildbot_lifecycle.db.entries import Committed
from buildbot_lifecycle.service.news import IN_A_TURN, News
from tests.db.play import Seq, Worker

MANY = 5000
STUCK = Verdict("stuck", "stop_pending", "stop_instance has not ended", 10.0, 600.0)


class Mq:
    def __init__(self) -> None:
        self.sent: list[tuple[Any, Any]] = []
        self.breaks_at: int | None = None

    def produce(self, key: Any, message: Any) -> None:
        self.sent.append((key, message))
        if len(self.sent) == self.breaks_at:
            raise RuntimeError("no mq")

    @property
    def workers(self) -> list[int]:
        return [int(key[1]) for key, _ in self.sent]


class Desk:
    def __init__(self) -> None:
        self.clock, self.mq = task.Clock(), Mq()
        self.news = News(SimpleNamespace(reactor=self.clock, mq=self.mq, masterid=1))

    def turn(self) -> None:
        """One turn of the reactor."""
        due, self.clock.calls = list(self.clock.calls), []
        for call in due:
            call.func(*call.args, **call.kw)


def test_thousands_of_verdicts_of_one_moment_are_sent_some_in_each_turn() -> None:
    desk = Desk()
    desk.news.verdicts(dict.fromkeys(range(MANY), STUCK))
    sizes = [len(desk.mq.sent)]
    while desk.clock.calls:
        before = len(desk.mq.sent)
        desk.turn()
        sizes.append(len(desk.mq.sent) - before)
    assert max(sizes) == IN_A_TURN
    assert sum(sizes) == MANY
    assert desk.mq.workers == list(range(MANY))


def test_what_is_told_meanwhile_comes_after_it() -> None:
    desk = Desk()
    desk.news.verdicts(dict.fromkeys(range(30), STUCK))
    desk.news.tell(99, "action", {"id": 1})
    desk.news.census({"total": 3})
    assert len(desk.mq.sent) == IN_A_TURN
    while desk.clock.calls:
        desk.turn()
    assert [key[2] for key, _ in desk.mq.sent[-3:]] == ["verdict", "action", "census"]


def test_at_the_end_what_waits_is_sent_and_nothing_more() -> None:
    desk = Desk()
    desk.news.verdicts(dict.fromkeys(range(100), STUCK))
    desk.news.close()
    assert desk.mq.workers == list(range(100))
    desk.news.tell(99, "action", {"id": 1})
    desk.turn()
    assert len(desk.mq.sent) == 100
    assert not desk.clock.calls


def test_a_message_that_cannot_be_sent_keeps_no_other_back() -> None:
    desk = Desk()
    desk.mq.breaks_at = 3
    desk.news.verdicts(dict.fromkeys(range(10), STUCK))
    assert desk.mq.workers == list(range(10))


def test_of_a_commit_each_transition_is_told_and_else_the_newest_event_of_a_worker() -> None:
    desk, seq = Desk(), Seq()
    life = Worker(1, seq).begin()
    other = [Worker(2, seq).event(Kind.PAUSED, reason="r"), Worker(2, seq).event(Kind.UNPAUSED)]
    entries = [*life, *other]
    desk.news.events([Committed(each.event, each.event.seq, None) for each in entries])
    assert [(key[1], key[2]) for key, _ in desk.mq.sent] == [
        *[("1", "transition")] * 3,
        ("2", "event"),
    ]
    assert desk.mq.sent[-1][1]["kind"] == "unpaused"
