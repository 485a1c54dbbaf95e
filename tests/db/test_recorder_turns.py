"""The recorder turn by turn: a fake clock, and a pool that answers when the test says so."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts.verdict import HEALTHY, Verdict
from buildbot_lifecycle.db.entries import Committed, Entry
from buildbot_lifecycle.db.group import Group, Written
from buildbot_lifecycle.db.recorder import AT_ONCE, MAX_REFUSALS, Recorder
from tests.db.play import Seq, Worker

STUCK = Verdict("stuck", "stop_pending", "stop_instance has not ended", 10.0, 600.0)
SLOW = Verdict("slow", "stop_pending", "stop_instance has not ended", 10.0, 600.0)


class Desk:
    """A recorder of one worker; `asked` are the groups that it wants to write, the last one pending."""

    def __init__(self, *, group: int = 500, gather: float = 0.0) -> None:
        self.clock = task.Clock()
        self.asked: list[Group] = []
        self.waiting: list[defer.Deferred[Written]] = []
        self.told: list[int] = []
        self.verdicts: list[Any] = []
        self.seq = Seq()
        self.worker = Worker(7, self.seq)
        self.recorder = Recorder(
            self,
            self.clock,
            1,
            lambda committed, _: self.told.extend(each.event.seq for each in committed),
            next_seq=self.seq,
            on_verdicts=self.verdicts.append,
            group=group,
            gather=gather,
            log=lambda _: None,
        )
        self.recorder.start(1)

    def do(self, function: Any, /, *args: Any) -> Any:
        raise NotImplementedError

    def do_with_transaction(self, function: Any, /, *args: Any) -> Any:
        self.asked.append(args[0])
        self.waiting.append(defer.Deferred())
        return self.waiting[-1]

    def put(self, *entries: Entry) -> list[int]:
        for entry in entries:
            self.recorder.put(entry)
        return [entry.event.seq for entry in entries]

    def write(self) -> None:
        """The group that is being written is committed."""
        entries = self.asked[-1].entries
        committed = [Committed(each.event, each.event.seq, None) for each in entries]
        self.waiting.pop().callback(Written(committed, {}))

    def fail(self, error: Exception) -> None:
        self.waiting.pop().errback(error)

    @property
    def sizes(self) -> list[int]:
        return [len(group.entries) for group in self.asked]


def test_a_verdict_put_while_an_older_one_is_written_is_written_next() -> None:
    desk = Desk()
    desk.recorder.put_verdict(desk.worker.identity, SLOW)
    desk.recorder.put_verdict(desk.worker.identity, STUCK)
    desk.write()
    assert [dict(group.verdicts) for group in desk.asked] == [{7: SLOW}, {7: STUCK}]
    desk.write()
    assert desk.verdicts == [{7: SLOW}, {7: STUCK}]
    assert desk.recorder.drained(1).result is True


def test_of_the_verdicts_put_while_one_is_written_the_latest_counts() -> None:
    desk = Desk()
    for verdict in (HEALTHY, SLOW, STUCK):
        desk.recorder.put_verdict(desk.worker.identity, verdict)
    desk.write()
    desk.write()
    assert desk.verdicts == [{7: HEALTHY}, {7: STUCK}]


def test_a_verdict_that_is_being_written_when_its_worker_is_found_anew_is_not_written_again() -> (
    None
):
    desk = Desk()
    desk.recorder.put_verdict(desk.worker.identity, STUCK)
    desk.put(desk.worker.event(Kind.BASELINE, state="not_substantiated"))
    desk.write()
    assert [dict(group.verdicts) for group in desk.asked] == [{7: STUCK}, {}]


def refusal() -> Exception:
    return ValueError("this value cannot be written")


def test_a_group_that_is_refused_is_tried_again_one_by_one_and_at_once() -> None:
    desk = Desk()
    first = desk.worker.event(Kind.PAUSED, reason="the first is written alone")
    rest = desk.worker.begin()
    seqs = desk.put(first, *rest)
    desk.write()
    assert desk.sizes == [1, len(rest)]
    desk.fail(refusal())
    assert desk.sizes == [1, len(rest), 1], "the same group again would be refused for ever"
    for _ in rest:
        desk.write()
    assert desk.sizes == [1, len(rest), *[1] * len(rest)]
    assert desk.told == seqs
    assert desk.recorder.status().dropped == 0


def test_after_a_group_that_was_refused_what_comes_is_written_together_again() -> None:
    desk = Desk()
    desk.put(desk.worker.event(Kind.PAUSED, reason="alone"), *desk.worker.begin())
    desk.write()
    desk.fail(refusal())
    later = desk.put(*desk.worker.end())
    for _ in range(6):
        desk.write()
    assert desk.sizes[-1] == len(later)


def test_after_an_event_that_was_set_aside_what_comes_is_written_together_again() -> None:
    desk = Desk()
    desk.put(*desk.worker.begin()[:2])
    desk.fail(refusal())  # one entry: it is tried again as it is
    for _ in range(MAX_REFUSALS - 1):
        desk.clock.advance(60)
        desk.fail(refusal())
    desk.write()
    desk.put(desk.worker.event(Kind.PAUSED, reason="alone"), *desk.worker.end())
    while desk.waiting:
        assert len(desk.asked) < 40
        desk.write()
    assert desk.sizes[-1] > 1


def test_a_group_whose_last_event_is_set_aside_does_not_slow_the_next_one() -> None:
    desk = Desk()
    poison = desk.worker.event(Kind.PAUSED, reason="poison")
    desk.put(*desk.worker.begin()[:2], poison)
    desk.write()
    desk.fail(refusal())  # the group of the last two
    desk.write()  # the first of them
    for _ in range(MAX_REFUSALS):
        assert [*desk.asked[-1].entries] == [poison]
        later = desk.put(desk.worker.event(Kind.UNPAUSED))
        desk.fail(refusal())
        desk.clock.advance(60)
    assert len(later) == 1
    assert desk.sizes[-1] == MAX_REFUSALS + 1, "what came meanwhile, and the gap"


def test_an_event_that_is_refused_to_the_end_is_set_aside_and_no_other() -> None:
    desk = Desk()
    poison = desk.worker.event(Kind.PAUSED, reason="poison")
    entries = desk.worker.begin()
    seqs = desk.put(entries[0], entries[1], poison, *entries[2:])
    desk.write()
    desk.fail(refusal())  # the group
    desk.write()  # the second entry, alone
    for attempt in range(MAX_REFUSALS):
        assert [*desk.asked[-1].entries] == [poison]
        desk.fail(refusal())
        if attempt + 1 < MAX_REFUSALS:
            desk.clock.advance(60)
    while desk.waiting:
        assert len(desk.asked) < 40
        desk.write()
    *written, gap = desk.told
    assert written == [seq for seq in seqs if seq != poison.event.seq]
    assert desk.asked[-1].entries[-1].event.kind is Kind.GAP
    assert desk.asked[-1].entries[-1].event.seq == gap
    assert desk.recorder.status().dropped == 1


def test_a_database_that_is_away_is_asked_for_the_whole_group_after_a_pause() -> None:
    desk = Desk()
    desk.put(*desk.worker.begin())
    desk.fail(OSError("connection refused"))
    assert len(desk.asked) == 1
    desk.clock.advance(60)
    assert desk.sizes == [1, 6]


def test_thousands_of_verdicts_are_written_a_group_at_a_time() -> None:
    desk = Desk(group=100)
    desk.recorder.put_verdict(desk.worker.identity, SLOW)
    for number in range(1000):
        desk.recorder.put_verdict(Worker(number + 100, desk.seq).identity, STUCK)
    while desk.waiting:
        desk.write()
    sizes = [len(group.verdicts) for group in desk.asked]
    assert sizes == [1, *[100] * 10]
    assert sorted(w for told in desk.verdicts for w in told) == [7, *range(100, 1100)]


def test_what_comes_of_one_cause_is_one_group() -> None:
    desk = Desk(gather=0.1)
    put = desk.put(desk.worker.to(State.SUBSTANTIATED), desk.worker.event(Kind.ATTACHED))
    desk.recorder.put_verdict(desk.worker.identity, SLOW)
    desk.clock.advance(0.09)
    put += desk.put(desk.worker.event(Kind.CONNECTED))
    assert not desk.asked
    desk.clock.advance(0.02)
    assert desk.sizes == [3]
    desk.write()
    assert desk.told == put
    assert desk.verdicts == [{7: SLOW}]
    assert not desk.clock.calls


@pytest.mark.parametrize("kind", sorted(AT_ONCE))
def test_what_tells_of_an_instance_is_written_at_once_with_all_before_it(kind: Kind) -> None:
    desk = Desk(gather=0.1)
    desk.put(desk.worker.to(State.SUBSTANTIATING))
    assert not desk.asked
    call = {"call": "start_instance", "token": 1, "outcome": "true"}
    desk.put(desk.worker.event(kind, **call))
    assert desk.sizes == [2]
    # also while another one is written
    desk.put(desk.worker.event(kind, **call))
    desk.write()
    assert desk.sizes == [2, 1]


def test_the_end_of_an_episode_is_written_at_once() -> None:
    desk = Desk(gather=0.1)
    desk.put(desk.worker.to(State.SUBSTANTIATING), desk.worker.to(State.SUBSTANTIATED))
    desk.put(desk.worker.to(State.INSUBSTANTIATING))
    assert not desk.asked
    desk.put(desk.worker.to(State.NOT_SUBSTANTIATED))
    assert desk.sizes == [4]


def test_who_waits_is_not_kept_waiting() -> None:
    for wait in ("drained", "caught_up", "stop"):
        desk = Desk(gather=0.1)
        desk.put(desk.worker.to(State.SUBSTANTIATED))
        waiter = getattr(desk.recorder, wait)(5)
        assert desk.sizes == [1], wait
        desk.write()
        assert waiter.called


def test_who_reads_finds_what_has_gathered() -> None:
    desk = Desk(gather=0.1)
    desk.recorder.hurry()
    desk.put(desk.worker.to(State.SUBSTANTIATED))
    assert not desk.asked, "nothing had gathered when it was read"
    desk.recorder.hurry()
    assert desk.sizes == [1]


def test_who_begins_to_wait_while_a_group_is_written_has_the_next_at_once() -> None:
    desk = Desk(gather=0.1)
    desk.put(desk.worker.event(Kind.CALL_STARTED, call="start_instance", token=1))
    desk.put(desk.worker.to(State.SUBSTANTIATED))
    waiter = desk.recorder.caught_up(5)
    desk.write()
    assert desk.sizes == [1, 1]
    desk.write()
    assert waiter.called


def test_a_burst_does_not_gather() -> None:
    desk = Desk(gather=0.1, group=10)
    desk.put(*[desk.worker.event(Kind.CONNECTED) for _ in range(25)])
    desk.write()
    desk.write()
    assert desk.sizes == [10, 10]
    desk.clock.advance(0.11)
    assert desk.sizes == [10, 10, 5]


def test_what_is_taken_away_while_it_gathers_is_not_written() -> None:
    desk = Desk(gather=0.1)
    put = desk.put(desk.worker.event(Kind.CONNECTED))
    assert [each.event.seq for each in desk.recorder.unwritten()] == put
    desk.clock.advance(1)
    assert not desk.asked
    refusing = Desk(gather=0.1)
    refusing.put(refusing.worker.event(Kind.CONNECTED))
    refusing.recorder.refuse("newer tables")
    refusing.clock.advance(1)
    assert not refusing.asked
