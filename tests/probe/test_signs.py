"""Signs of life are looked for when it is time: what came by itself first, then by one question."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import defer, error, task
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.diagnose.signs import Signs
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch.watched import Watched
from tests.probe.support import Conn, Driven, Plain

NOW = 1_800_000_000.0
BUILD = {"buildid": 1, "builderid": 1, "builder": "linux", "number": 1}
OTHER = {"buildid": 2, "builderid": 2, "builder": "docs", "number": 1}


class Transport:
    offset = 0

    def __init__(self) -> None:
        self.dataBuffer = b""


class Asked(Conn):
    """A connection whose questions the test answers."""

    def __init__(self) -> None:
        super().__init__()
        self.questions: list[defer.Deferred[Any]] = []
        self.transport = Transport()
        self.mind = self
        self.broker = self
        self.raises: Exception | None = None

    def remotePrint(self, message: str) -> defer.Deferred[Any]:  # noqa: N802
        assert message
        if self.raises is not None:
            raise self.raises
        self.questions.append(defer.Deferred())
        return self.questions[-1]


class Desk:
    """A logbook whose one worker is up and builds, and what looks for its signs of life."""

    def __init__(self) -> None:
        self.clock = task.Clock()
        self.clock.advance(NOW)
        self.settings: Settings = parse({"stuck_after": {"frozen_worker": 100}})[0]
        self.logbook = Logbook(self.clock, lambda: self.settings, self)
        self.signs = Signs(self.clock, self.logbook, self.logbook.thresholds)
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.levels: list[str] = []
        self.worker: Any = Driven("w")
        self.worker.parent = Plain()
        Plain.made.clear()
        self.worker.workerid = 7
        self.worker.build_wait_timeout = 600
        self.conn = self.worker.conn = Asked()
        self.watched = Watched(self.worker)
        up = {"from": "substantiating_starting", "to": "substantiated", "expected": True}
        self.see(Kind.TRANSITION, up)
        self.see(Kind.BUILD_STARTED, {"build": BUILD})

    def see(self, kind: Kind, data: dict[str, Any]) -> None:
        self.logbook.observe(self.watched, kind, data)

    def record(self, known: Known, event: Any, episodes: Any) -> None:
        if event.kind in (Kind.SIGN_OF_LIFE, Kind.SILENT):
            self.told.append((event.kind.value, dict(event.data)))
        self.signs.see(known)

    def record_verdict(self, known: Known) -> None:
        self.levels.append(known.verdict.level)

    def stop_build(self, build: dict[str, Any] = BUILD) -> None:
        self.see(Kind.BUILD_STOPPING, {"build": build})

    def wait(self, seconds: float) -> None:
        """In small steps, as time goes."""
        until = self.clock.seconds() + seconds
        while self.clock.seconds() < until:
            self.clock.advance(min(0.5, until - self.clock.seconds()))

    @property
    def said(self) -> tuple[str, str]:
        known = self.logbook.get(7)
        assert known is not None
        verdict = self.logbook.verdict_now(known)
        assert (known.verdict.level, known.verdict.code) == (verdict.level, verdict.code)
        return verdict.level, verdict.code

    @property
    def reason(self) -> str:
        known = self.logbook.get(7)
        assert known is not None
        return self.logbook.verdict_now(known).reason


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_nobody_is_asked_while_nothing_is_waited_for(desk: Desk) -> None:
    desk.wait(1000)
    assert desk.conn.questions == []
    assert desk.told == []


def test_a_worker_that_does_not_answer_is_stuck_when_its_limit_is_over(desk: Desk) -> None:
    desk.stop_build()
    desk.wait(39)
    assert desk.conn.questions == []
    desk.wait(2)
    assert len(desk.conn.questions) == 1
    desk.wait(58)
    assert desk.said == ("slow", "frozen_worker")
    desk.wait(2)
    assert desk.said == ("stuck", "frozen_worker")
    assert desk.reason == (
        "asked to stop its build, and silent for 1 min 41 s, longer than its limit of 1 min 40 s;"
        " asked whether it lives 1 min ago, it has not answered"
    )
    desk.wait(1000)
    assert len(desk.conn.questions) == 1, "one question at a time"
    assert [kind for kind, _ in desk.told] == ["silent"]
    # thawed, it answers at last
    desk.conn.questions[0].callback(None)
    assert desk.said == ("ok", "frozen_worker")


def test_a_worker_that_answers_is_never_stuck_however_long_its_build_takes_to_stop(
    desk: Desk,
) -> None:
    desk.stop_build()
    for _ in range(20):
        desk.wait(41)
        desk.conn.questions[-1].callback(None)
        assert desk.said == ("ok", "frozen_worker")
    assert len(desk.conn.questions) == 20
    assert desk.reason == (
        "asked to stop its build, and silent for 0 s;"
        " it has been awaited for 13 min 40 s, and was heard meanwhile"
    )


def test_an_error_that_the_worker_tells_is_an_answer(desk: Desk) -> None:
    desk.stop_build()
    desk.wait(41)
    desk.conn.questions[0].errback(Failure(pb.RemoteError("ValueError", "x", "")))
    assert desk.told[-1][0] == "sign_of_life"


@pytest.mark.parametrize("lost", [pb.PBConnectionLost("x"), error.ConnectionLost("x")])
def test_a_connection_that_is_lost_is_no_answer(desk: Desk, lost: Exception) -> None:
    desk.stop_build()
    desk.wait(41)
    desk.conn.questions[0].errback(Failure(lost))
    desk.wait(60)
    assert desk.said == ("stuck", "frozen_worker")


def test_a_connection_that_cannot_be_asked_any_more_does_not_answer(desk: Desk) -> None:
    desk.conn.raises = AttributeError("'NoneType' object has no attribute 'callRemote'")
    desk.stop_build()
    desk.wait(101)
    assert desk.said == ("stuck", "frozen_worker")
    assert desk.logbook.errors == 0


def test_what_buildbot_hears_by_itself_is_enough(desk: Desk) -> None:
    desk.stop_build()
    for _ in range(20):
        desk.wait(20)
        desk.worker.lastMessageReceived = desk.clock.seconds()
    assert desk.conn.questions == []
    assert desk.told[-1][1]["of"] == "message"
    assert desk.said == ("ok", "frozen_worker")


def test_data_that_is_taken_slowly_is_a_sign_of_life(desk: Desk) -> None:
    desk.see(Kind.SEND_BLOCKED, {"since": desk.clock.seconds()})
    for left in range(20, 0, -1):
        desk.conn.transport.dataBuffer = b"x" * left * 1000
        desk.wait(41)
    assert desk.said[0] != "stuck"
    assert "data" in [data.get("of") for _, data in desk.told]


def test_the_end_of_another_build_does_not_end_the_wait(desk: Desk) -> None:
    desk.see(Kind.BUILD_STARTED, {"build": OTHER})
    desk.stop_build()
    desk.wait(50)
    desk.see(Kind.BUILD_FINISHED, {"build": OTHER})
    desk.wait(51)
    assert desk.said == ("stuck", "frozen_worker")
    desk.see(Kind.BUILD_FINISHED, {"build": BUILD})
    assert desk.said == ("ok", "healthy")


def test_a_master_that_stood_still_asks_before_it_judges(desk: Desk) -> None:
    desk.stop_build()
    desk.clock.advance(500)
    assert desk.said == ("slow", "frozen_worker")
    assert (
        desk.reason == "asked to stop its build, and silent for 8 min 20 s; asked whether it lives"
    )
    desk.wait(11)
    assert desk.said == ("stuck", "frozen_worker")


def test_without_a_limit_nobody_is_asked_and_a_new_limit_counts_at_once(desk: Desk) -> None:
    desk.settings = parse({"stuck_after": {"frozen_worker": None}})[0]
    desk.stop_build()
    desk.wait(500)
    assert desk.conn.questions == []
    desk.settings = parse({"stuck_after": {"frozen_worker": 10}})[0]
    desk.signs.see_all()
    desk.wait(1)
    assert len(desk.conn.questions) == 1


def test_a_build_that_waits_for_its_ping(desk: Desk) -> None:
    desk.see(Kind.PING_WAITS, {"builder": "linux", "since": desk.clock.seconds()})
    desk.wait(101)
    assert desk.said == ("stuck", "frozen_worker")
    assert desk.reason.startswith("a build waits for its answer to a ping, and it is silent for")
    desk.see(Kind.PING_ENDED, {"builder": "linux"})
    assert desk.said == ("ok", "healthy")


def test_nobody_is_looked_at_after_the_end(desk: Desk) -> None:
    desk.stop_build()
    desk.signs.stop()
    desk.logbook.close()
    desk.wait(500)
    assert desk.conn.questions == []


def test_an_answer_that_waits_to_be_read_while_the_master_stands_still_is_heard_first(
    desk: Desk,
) -> None:
    desk.stop_build()
    desk.wait(41)
    desk.clock.advance(500)
    assert desk.said == ("slow", "frozen_worker")
    desk.conn.questions[0].callback(None)
    desk.wait(1)
    assert desk.said == ("ok", "frozen_worker")


def test_a_worker_that_does_not_answer_after_the_master_stood_still_is_told_all_the_same(
    desk: Desk,
) -> None:
    desk.stop_build()
    desk.wait(41)
    desk.clock.advance(500)
    desk.wait(9)
    assert desk.said == ("slow", "frozen_worker")
    desk.wait(2)
    assert desk.said == ("stuck", "frozen_worker")


@pytest.mark.parametrize("at", [60, 75, 99])
def test_a_worker_that_speaks_and_does_not_answer_is_not_stuck_before_its_limit(
    desk: Desk, at: float
) -> None:
    desk.stop_build()
    desk.wait(at)
    desk.worker.lastMessageReceived = desk.clock.seconds()
    desk.wait(99)
    assert [kind for kind, _ in desk.told].count("sign_of_life") == 1
    assert "stuck" not in desk.levels
    desk.wait(2)
    assert desk.said == ("stuck", "frozen_worker")


def test_data_that_is_taken_before_the_first_look_is_a_sign_of_life(desk: Desk) -> None:
    desk.conn.transport.dataBuffer = b"x" * 1000
    desk.see(Kind.SEND_BLOCKED, {"since": desk.clock.seconds()})
    desk.wait(30)
    desk.conn.transport.dataBuffer = b"x"
    desk.wait(11)
    assert [data.get("of") for _, data in desk.told] == ["data"]
    assert desk.conn.questions == []


def test_that_another_connection_has_less_to_send_is_no_sign_of_life(desk: Desk) -> None:
    desk.conn.transport.dataBuffer = b"x" * 1000
    desk.stop_build()
    desk.wait(41)
    desk.worker.conn = Asked()
    desk.wait(10)
    assert desk.told == []


def test_one_question_for_all_that_is_waited_for_and_its_answer_counts_for_the_next_wait(
    desk: Desk,
) -> None:
    waits = {"builder": "linux", "since": desk.clock.seconds()}
    desk.see(Kind.PING_WAITS, waits)
    desk.wait(101)
    assert desk.said == ("stuck", "frozen_worker")
    desk.see(Kind.PING_ENDED, {"builder": "linux"})
    assert desk.said == ("ok", "healthy")
    desk.see(Kind.PING_WAITS, {**waits, "since": desk.clock.seconds()})
    desk.wait(101)
    assert desk.said == ("stuck", "frozen_worker")
    assert len(desk.conn.questions) == 1
    desk.conn.questions[0].callback(None)
    assert desk.said == ("ok", "frozen_worker")


def test_an_answer_counts_when_what_it_was_asked_for_is_over(desk: Desk) -> None:
    desk.stop_build()
    desk.wait(101)
    desk.see(Kind.BUILD_FINISHED, {"build": BUILD})
    desk.see(Kind.BUILD_STARTED, {"build": OTHER})
    desk.conn.questions[0].callback(None)
    assert desk.told[-1][0] == "sign_of_life"
    desk.stop_build(OTHER)
    desk.clock.advance(500)
    assert desk.said == ("slow", "frozen_worker")


def test_what_came_since_the_last_look_is_heard_before_something_is_done(desk: Desk) -> None:
    desk.stop_build()
    desk.wait(101)
    assert desk.said == ("stuck", "frozen_worker")
    desk.worker.lastMessageReceived = desk.clock.seconds()
    known = desk.logbook.get(7)
    assert known is not None
    desk.signs.hear(known)
    assert desk.said == ("ok", "frozen_worker")
    desk.signs.hear(known)
    assert [kind for kind, _ in desk.told] == ["silent", "sign_of_life"]


def test_of_a_worker_that_is_removed_no_timer_is_left(desk: Desk) -> None:
    desk.stop_build()
    desk.wait(41)
    assert desk.clock.getDelayedCalls() != []
    desk.see(Kind.REMOVED, {})
    assert desk.clock.getDelayedCalls() == []
    desk.conn.questions[0].callback(None)
    assert desk.clock.getDelayedCalls() == []
