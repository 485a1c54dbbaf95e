"""What is told when: once for each episode and cause, several in one message, again after some hours."""

from __future__ import annotations

import base64
import dataclasses
import zlib
from typing import Any

import pytest

from buildbot_lifecycle.reporting import told
from buildbot_lifecycle.reporting.memory import MOST, Memory, packed, unpacked
from buildbot_lifecycle.reporting.seen import Look, SeenAction, SeenEntry, SeenStay
from buildbot_lifecycle.reporting.told import Rules, Telling

NOW = 1_700_000_000.0
HOUR = 3600.0
RULES = Rules(gather=60.0, repeat=24 * HOUR, orphan_after=12 * HOUR)


def stuck(code: str = "stop_pending", episode: int | None = 7, name: str = "w") -> SeenStay:
    return SeenStay(name, "stuck", code, episode, NOW - 700)


class Receiver:
    """Who looks whenever it is due, and takes what it is told."""

    def __init__(self, memory: Memory | None = None, rules: Rules = RULES) -> None:
        self.memory, self.rules, self.now = memory or Memory(), rules, NOW
        self.got: list[Telling] = []

    def look(self, **things: Any) -> None:
        self.things = Look(**things)
        self.see()

    def see(self) -> None:
        self.memory = told.see(self.memory, self.things, self.rules, self.now)
        said = told.telling(self.memory, self.rules, self.now)
        if said is not None:
            self.got.append(said)
            self.memory = told.told(self.memory, said, self.now)

    def wait(self, seconds: float) -> None:
        """Look whenever something is due within these seconds."""
        until = self.now + seconds
        while (due := told.due(self.memory, self.rules, self.now)) is not None and due <= until:
            assert due > self.now or told.telling(self.memory, self.rules, self.now) is None
            self.now = max(due, self.now)
            before = self.memory
            self.see()
            assert self.memory != before, "what is due must change something, or it is due for ever"
        self.now = until

    def restart(self) -> None:
        """All that is left is what was stored."""
        self.memory = unpacked(packed(self.memory))


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


def test_a_stuck_worker_is_told_once_and_then_that_it_is_resolved(receiver: Receiver) -> None:
    receiver.look(stays={1: stuck()})
    receiver.wait(59)
    assert receiver.got == []
    receiver.wait(1)
    assert [set(each.stuck) for each in receiver.got] == [{1}]
    receiver.wait(HOUR)
    assert len(receiver.got) == 1
    receiver.look(stays={})
    receiver.wait(60)
    assert [set(each.resolved) for each in receiver.got[1:]] == [{1}]
    receiver.wait(100 * HOUR)
    assert len(receiver.got) == 2
    assert receiver.memory.stays == {}


def test_200_that_get_stuck_within_the_minute_are_one_message(receiver: Receiver) -> None:
    stays = {}
    for number in range(200):
        stays[number] = stuck(name=f"w{number}")
        receiver.look(stays=dict(stays))
        receiver.wait(0.25)
    receiver.wait(60)
    assert [len(each.stuck) for each in receiver.got] == [200]


def test_nothing_is_told_twice_or_forgotten_over_a_restart(receiver: Receiver) -> None:
    receiver.look(stays={1: stuck()})
    receiver.wait(60)
    receiver.look(stays={1: stuck(), 2: stuck(name="late")})
    receiver.wait(10)
    receiver.restart()
    # 2 was noted and not told; after the restart neither is stuck any more
    receiver.look(stays={})
    receiver.wait(HOUR)
    assert [set(each.stuck) for each in receiver.got] == [{1}, set()]
    assert set(receiver.got[1].resolved) == {1, 2}
    assert receiver.got[1].resolved[2].told_at is None


def test_one_that_is_stuck_after_the_restart_as_before_is_not_told_again(
    receiver: Receiver,
) -> None:
    receiver.look(stays={1: stuck()})
    receiver.wait(60)
    receiver.restart()
    receiver.look(stays={1: stuck()})
    receiver.wait(HOUR)
    assert len(receiver.got) == 1


def test_another_cause_is_told_and_one_that_comes_back_is_not(receiver: Receiver) -> None:
    receiver.look(stays={1: stuck()})
    receiver.wait(60)
    receiver.look(stays={1: stuck("half_insubstantiated")})
    receiver.wait(60)
    receiver.look(stays={1: stuck()})
    receiver.wait(HOUR)
    assert [each.stuck[1].code for each in receiver.got] == ["stop_pending", "half_insubstantiated"]


def test_the_next_episode_is_told_though_no_look_came_between(receiver: Receiver) -> None:
    receiver.look(stays={1: stuck()})
    receiver.wait(60)
    receiver.look(stays={1: stuck(episode=8)})
    receiver.wait(60)
    assert [each.stuck[1].episode for each in receiver.got] == [7, 8]


def test_one_that_is_back_before_its_end_was_told_is_as_if_it_had_not_been_away(
    receiver: Receiver,
) -> None:
    receiver.look(stays={1: stuck()})
    receiver.wait(60)
    receiver.look(stays={})
    receiver.wait(30)
    receiver.look(stays={1: stuck()})
    receiver.wait(HOUR)
    assert len(receiver.got) == 1


def test_it_is_told_again_after_so_many_hours(receiver: Receiver) -> None:
    receiver.look(stays={1: stuck()})
    receiver.wait(60 + 49 * HOUR)
    assert [each.stuck[1].told_at is None for each in receiver.got] == [True, False, False]


def test_never_again_if_the_hours_are_none() -> None:
    receiver = Receiver(rules=dataclasses.replace(RULES, repeat=None, orphan_after=None))
    receiver.look(stays={1: stuck()}, entries={3: SeenEntry("w", 1, NOW)})
    receiver.wait(1000 * HOUR)
    assert len(receiver.got) == 1


def test_an_entry_is_told_when_it_opens_when_it_stays_and_when_it_is_closed(
    receiver: Receiver,
) -> None:
    receiver.look(entries={3: SeenEntry("w", 1, NOW)})
    receiver.wait(60 + 12 * HOUR)
    assert [each.opened[3].told_at is None for each in receiver.got] == [True, False]
    receiver.wait(25 * HOUR)
    assert len(receiver.got) == 3
    receiver.look(entries={})
    receiver.wait(HOUR)
    assert [set(each.closed) for each in receiver.got[3:]] == [{3}]


def test_an_old_entry_is_not_told_twice_in_a_row(receiver: Receiver) -> None:
    receiver.look(entries={3: SeenEntry("w", 1, NOW - 100 * HOUR)})
    receiver.wait(HOUR)
    assert len(receiver.got) == 1


def test_a_release_is_told_once_it_has_an_outcome_and_none_is_passed_over(
    receiver: Receiver,
) -> None:
    receiver.memory = Memory(done=10)
    asked, done = SeenAction(NOW, is_over=False), SeenAction(NOW, is_over=True)
    receiver.look(actions={11: asked, 12: done, 13: SeenAction(NOW, True, is_ours=False)})
    receiver.wait(60)
    assert [each.released for each in receiver.got] == [(12,)]
    assert receiver.memory.done == 10
    receiver.restart()
    receiver.look(actions={11: done, 12: done, 13: SeenAction(NOW, True, is_ours=False)})
    receiver.wait(60)
    assert [each.released for each in receiver.got] == [(12,), (11,)]
    receiver.look(actions={})
    assert (receiver.memory.done, receiver.memory.actions) == (13, {})


def test_a_release_without_an_outcome_is_told_as_one_after_an_hour(receiver: Receiver) -> None:
    receiver.look(actions={1: SeenAction(NOW, is_over=False)})
    receiver.wait(HOUR)
    receiver.see()
    receiver.wait(60)
    assert [each.released for each in receiver.got] == [(1,)]


def test_a_release_of_last_month_is_no_news_when_the_reporter_is_back(receiver: Receiver) -> None:
    old = SeenAction(NOW - 30 * 24 * HOUR, is_over=True)
    receiver.look(actions={1: old, 2: SeenAction(NOW - 48 * HOUR, is_over=True)})
    receiver.wait(60)
    assert [each.released for each in receiver.got] == [(2,)]


def test_what_happens_while_a_message_is_under_way_is_told_by_the_next_one() -> None:
    memory = told.see(Memory(), Look(stays={1: stuck()}), RULES, NOW)
    said = told.telling(memory, RULES, NOW + 60)
    assert said is not None
    # meanwhile another cause, and another worker
    look = Look(stays={1: stuck("half_insubstantiated"), 2: stuck()})
    memory = told.told(told.see(memory, look, RULES, NOW + 70), said, NOW + 80)
    said = told.telling(told.see(memory, look, RULES, NOW + 90), RULES, NOW + 140)
    assert said is not None
    assert {i: each.code for i, each in said.stuck.items()} == {
        1: "half_insubstantiated",
        2: "stop_pending",
    }


def test_a_wall_clock_that_is_set_back_by_a_day_delays_nothing(receiver: Receiver) -> None:
    receiver.look(stays={1: stuck()})
    receiver.now -= 24 * HOUR
    receiver.see()
    receiver.wait(60)
    assert len(receiver.got) == 1


def test_what_nobody_wants_to_hear_is_no_message() -> None:
    rules = dataclasses.replace(RULES, tell=frozenset({"released"}))
    memory = told.see(Memory(), Look(stays={1: stuck()}), rules, NOW)
    said = told.telling(memory, rules, NOW + 60)
    assert said is not None
    assert not told.only(said, rules)


def test_more_than_can_be_kept_are_told_when_there_is_room(receiver: Receiver) -> None:
    many = {i: stuck(name=f"worker-{i}", episode=i) for i in range(MOST + 5)}
    receiver.look(stays=many)
    receiver.wait(60)
    assert len(receiver.got[0].stuck) == MOST
    # what MySQL takes in a row
    assert len(packed(receiver.memory)) < 60_000
    left = {i: many[i] for i in range(10, MOST + 5)}
    receiver.look(stays=left)
    receiver.wait(60)
    receiver.look(stays=left)
    receiver.wait(60)
    assert {i for each in receiver.got for i in each.stuck} == set(many)


@pytest.mark.parametrize("text", ["", "?", "eyJh", packed(Memory())[:-8]])
def test_a_memory_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(ValueError, match="nothing that was stored"):
        unpacked(text)


def test_a_master_that_is_behind_is_told_once_and_again_after_some_hours() -> None:
    it = Receiver()
    it.look(behind_since=NOW - 59)
    it.wait(3600)
    assert it.got == []
    it.look(behind_since=NOW - 59)
    it.wait(23 * HOUR)
    assert [(each.behind is not None, each.caught_up) for each in it.got] == [(True, None)]
    it.wait(2 * HOUR)
    assert len(it.got) == 2
    assert it.got[1].behind is not None
    assert it.got[1].behind.told_at is not None
    it.restart()
    it.look()
    it.wait(HOUR)
    assert it.got[2].caught_up is not None
    assert it.memory.lag is None
    it.wait(100 * HOUR)
    assert len(it.got) == 3


def test_behind_and_stuck_are_one_message() -> None:
    it = Receiver()
    it.look(behind_since=NOW - 60, stays={1: stuck()})
    it.wait(HOUR)
    (said,) = it.got
    assert said.behind is not None
    assert set(said.stuck) == {1}


def test_one_that_has_caught_up_before_it_was_told_is_told_as_that() -> None:
    it = Receiver()
    it.look(behind_since=NOW - 60)
    it.wait(10)
    it.look()
    it.wait(HOUR)
    (said,) = it.got
    assert said.behind is None
    assert said.caught_up is not None
    assert said.caught_up.told_at is None


def test_one_that_is_behind_again_before_its_end_was_told_was_not_away() -> None:
    it = Receiver()
    it.look(behind_since=NOW - 60)
    it.wait(HOUR)
    it.look()
    it.wait(10)
    it.look(behind_since=it.now - 60)
    it.wait(HOUR)
    assert len(it.got) == 1
    it.look()
    it.wait(HOUR)
    assert it.got[1].caught_up is not None
    assert it.got[1].caught_up.since == NOW - 60


def test_who_does_not_want_to_hear_of_the_master_does_not() -> None:
    rules = dataclasses.replace(RULES, tell=frozenset({"stuck"}))
    it = Receiver(rules=rules)
    it.look(behind_since=NOW - 60)
    it.wait(HOUR)
    assert [bool(told.only(each, rules)) for each in it.got] == [False]


def test_what_was_stored_before_there_was_a_word_of_the_master_is_read() -> None:
    old = base64.b64encode(zlib.compress(b'{"stays":{},"entries":{},"actions":{},"done":7}'))
    assert unpacked(old.decode()) == Memory(done=7)
