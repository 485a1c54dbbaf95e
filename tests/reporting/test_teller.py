"""A receiver that is down, slow or gone, on a clock that is ours."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.reporting import kept
from buildbot_lifecycle.reporting import teller as tellers
from buildbot_lifecycle.reporting.seen import Look, SeenStay
from buildbot_lifecycle.reporting.teller import SEND_SECONDS, Teller
from buildbot_lifecycle.reporting.told import Rules, Telling

STUCK = SeenStay("w", "stuck", "stop_pending", 7, 0.0)


class State:
    """Buildbot's `master.db.state`, in a dictionary."""

    def __init__(self) -> None:
        self.values: dict[Any, str] = {}
        self.hangs = False
        self.asked = 0

    def getObjectId(self, name: str, class_name: str) -> Any:  # noqa: N802 - its name
        return defer.succeed(1)

    def getState(self, of: int, name: str, default: Any) -> Any:  # noqa: N802 - its name
        return defer.succeed(self.values.get(name, default))

    def setState(self, of: int, name: str, value: str) -> Any:  # noqa: N802 - its name
        self.asked += 1
        if self.hangs:
            return defer.Deferred()
        self.values[name] = value
        return defer.succeed(None)


class Desk:
    def __init__(self) -> None:
        self.stays: dict[int, SeenStay] = {}
        self.refuses = False
        self.since: float | None = None
        self.looks = 0

    def behind_since(self) -> float | None:
        return self.since

    async def last_action(self) -> int:
        return 0

    async def look(self, levels: Any, memory: Any) -> Look:
        self.looks += 1
        if self.refuses:
            raise Refusal("not_ready", "not yet")
        return Look(stays=dict(self.stays), behind_since=self.since)

    async def said(self, telling: Telling, now: float) -> dict[str, Any]:
        said: dict[str, Any] = {
            "stuck": sorted(telling.stuck),
            "resolved": sorted(telling.resolved),
        }
        if telling.behind or telling.caught_up:
            said["lag"] = "behind" if telling.behind else "caught up"
        return said


class Reporter:
    name = "mail"
    running = True

    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.answer: Any = None

    def sendMessage(self, reports: Any) -> Any:  # noqa: N802 - its name
        self.sent += reports
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class House:
    """One master that may be started again: what stays is the database."""

    def __init__(self) -> None:
        self.state, self.desk, self.reporter = State(), Desk(), Reporter()
        self.lines: list[str] = []
        self.counted: list[bool] = []
        self.succeeded = 0
        self.start()

    def start(self) -> None:
        self.clock = task.Clock()
        master = SimpleNamespace(reactor=self.clock, name="m", db=SimpleNamespace(state=self.state))

        async def report(said: Any, at: float) -> Any:
            return said

        self.teller = Teller(
            master,
            self.reporter,
            "generator",
            Rules(gather=60.0),
            ("stuck",),
            desk=lambda: self.desk,
            report=report,
            is_meant=lambda: self.reporter.running,
            counted=self.counted.append,
            succeeded=self._succeed,
        )

    def _succeed(self) -> None:
        self.succeeded += 1

    @property
    def now(self) -> float:
        """By the wall clock, as the teller has it."""
        return self.teller._now()

    @property
    def lags(self) -> list[str]:
        """What was told of the master itself."""
        return [each["lag"] for each in self.reporter.sent if "lag" in each]

    def heard(self, level: str | None = "stuck") -> None:
        self.teller.heard(1, level)

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.clock.advance(1)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    new = House()
    monkeypatch.setattr(tellers, "log_error", lambda error, text: new.lines.append(text))
    monkeypatch.setattr(kept, "log_error", lambda error, text: new.lines.append(text))
    monkeypatch.setattr(tellers, "log_lines", new.lines.extend)
    return new


def test_several_are_one_message_and_each_is_told_once(house: House) -> None:
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(30)
    house.desk.stays = {1: STUCK, 2: STUCK}
    house.heard()
    house.wait(3600)
    assert house.reporter.sent == [{"stuck": [1, 2], "resolved": []}]
    house.desk.stays = {2: STUCK}
    house.heard("ok")
    house.wait(3600)
    assert house.reporter.sent[1:] == [{"stuck": [], "resolved": [1]}]


def test_verdicts_of_workers_that_are_well_cost_no_look(house: House) -> None:
    house.heard("ok")
    house.wait(3)
    assert house.desk.looks == 1  # the first one, to learn what there is
    for _ in range(100):
        house.heard("ok")
        house.wait(1)
    assert house.desk.looks == 1


def test_after_a_restart_what_was_noted_is_told_and_what_was_told_is_not(house: House) -> None:
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(3600)
    house.desk.stays = {1: STUCK, 2: STUCK}
    house.heard()
    house.wait(5)
    house.start()
    house.heard()
    house.wait(3600)
    assert [each["stuck"] for each in house.reporter.sent] == [[1], [2]]


def test_a_receiver_that_is_down_is_logged_once_and_gets_it_later(house: House) -> None:
    house.reporter.answer = ConnectionError("refused")
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(4000)
    tries = len(house.reporter.sent)
    assert 3 < tries < 10, "longer with each attempt"
    who = "generator of Reporter 'mail'"
    assert house.lines == [f"lifecycle: {who}: a message was not delivered; it is tried again"]
    assert house.counted == [False] * tries
    house.reporter.answer = None
    house.wait(7300)
    assert len(house.reporter.sent) == tries + 1
    assert house.lines[1:] == [f"{who}: messages are delivered again"]
    assert house.counted[tries:] == [True]


def test_a_receiver_that_is_slow_holds_up_neither_looks_nor_what_is_kept(house: House) -> None:
    waiting: defer.Deferred[None] = defer.Deferred()
    house.reporter.answer = waiting
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(70)
    before = house.state.values["generator"]
    house.desk.stays = {1: STUCK, 2: STUCK}
    house.heard()
    house.wait(200)
    assert len(house.reporter.sent) == 1
    assert house.state.values["generator"] != before
    house.reporter.answer = None
    waiting.callback(None)
    house.wait(70)
    assert [each["stuck"] for each in house.reporter.sent] == [[1], [2]]


def test_one_that_never_answers_is_given_up_and_told_again(house: House) -> None:
    house.reporter.answer = defer.Deferred()
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(70)
    house.reporter.answer = None
    house.wait(SEND_SECONDS + 70)
    assert [each["stuck"] for each in house.reporter.sent] == [[1], [1]]
    assert len(house.lines) == 2


def test_a_service_that_is_not_ready_is_asked_again(house: House) -> None:
    house.desk.refuses = True
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(20)
    assert house.reporter.sent == []
    house.desk.refuses = False
    house.wait(70)
    assert [each["stuck"] for each in house.reporter.sent] == [[1]]
    assert house.lines == []


def test_a_reporter_that_was_replaced_is_not_used_any_more(house: House) -> None:
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(10)
    house.reporter.running = False
    house.wait(3600)
    assert house.reporter.sent == []
    assert house.clock.getDelayedCalls() == []
    assert house.succeeded == 1, "whoever took its place is told to begin"


def test_a_memory_that_cannot_be_read_is_said_and_told_anew(house: House) -> None:
    house.state.values["generator"] = "?"
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(70)
    assert [each["stuck"] for each in house.reporter.sent] == [[1]]
    who = "generator of Reporter 'mail'"
    assert house.lines[0] == f"lifecycle: {who}: what was told is not known any more"


def test_that_the_database_is_away_is_told_without_it_and_once(house: House) -> None:
    house.heard("ok")
    house.wait(5)
    asked = house.state.asked
    house.desk.refuses, house.state.hangs = True, True
    house.desk.since = house.now
    house.wait(50)
    assert house.reporter.sent == []
    house.wait(3600)
    assert house.lags == ["behind"]
    assert house.state.asked == asked, "one thread of Buildbot's would hang there"
    house.desk.refuses, house.state.hangs, house.desk.since = False, False, None
    house.wait(70)
    assert house.lags == ["behind", "caught up"]
    house.start()
    house.heard("ok")
    house.wait(3600)
    assert house.lags == ["behind", "caught up"]


def test_a_database_that_hangs_while_it_is_written_down_holds_up_one_thread(house: House) -> None:
    """As a lock does: reads are answered, and what is written is not."""
    house.heard("ok")
    house.wait(5)
    house.state.hangs, house.desk.since = True, house.now
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(3600)
    assert house.lags == ["behind"]
    assert house.state.asked == 1
    assert [each["stuck"] for each in house.reporter.sent if each["stuck"]] == []


def test_a_restart_between_behind_and_caught_up_forgets_neither(house: House) -> None:
    house.heard("ok")
    house.wait(5)
    house.desk.since = house.now
    house.wait(300)
    house.start()
    house.desk.since = None
    house.heard("ok")
    house.wait(100)
    assert house.lags == ["behind", "caught up"]


def test_a_master_that_is_behind_for_a_moment_is_no_news(house: House) -> None:
    house.heard("ok")
    for _ in range(20):
        house.desk.since = house.now
        house.wait(30)
        house.desk.since = None
        house.wait(7)
    assert house.reporter.sent == []


def test_what_cannot_be_looked_up_is_no_receiver_that_is_down(house: House) -> None:
    refuse = True
    said = house.desk.said

    async def looked_up(telling: Telling, now: float) -> Any:
        if refuse:
            raise Refusal("behind", "the database does not answer")
        return await said(telling, now)

    house.desk.said = looked_up  # type: ignore[method-assign]
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(120)
    assert (house.lines, house.counted) == ([], [])
    refuse = False
    house.wait(10)
    assert [each["stuck"] for each in house.reporter.sent] == [[1]]


def test_a_message_that_is_under_way_at_a_reconfiguration_is_told_once(house: House) -> None:
    """Red before: the generator that took over told it again, as it was not yet written down as told."""
    waiting: defer.Deferred[None] = defer.Deferred()
    house.reporter.answer = waiting
    house.desk.stays = {1: STUCK}
    house.heard()
    house.wait(70)
    first = house.clock
    house.start()
    house.heard()
    house.wait(200)
    assert len(house.reporter.sent) == 1
    house.reporter.answer = None
    waiting.callback(None)
    first.advance(1)
    house.desk.stays = {1: STUCK, 2: STUCK}
    house.wait(200)
    assert [each["stuck"] for each in house.reporter.sent] == [[1], [2]]
