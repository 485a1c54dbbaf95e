"""The logbook: observations become numbered events, facts and verdicts, and turn by themselves."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from buildbot.worker.latent import States
from twisted.internet import defer, task

from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.watch.watched import Watched
from tests.probe.support import Conn, Driven, Plain

NOT, SUB, STOPPING = "not_substantiated", "substantiating", "insubstantiating"


class Desk:
    """A logbook with what it writes to, a clock that the test moves, and one worker."""

    def __init__(self, clock: task.Clock | None = None) -> None:
        self.clock = task.Clock() if clock is None else clock
        self.clock.advance(1_800_000_000 - self.clock.seconds())
        self.settings: Settings = parse({"stuck_after": {"substantiating": 100}})[0]
        self.logbook = Logbook(self.clock, lambda: self.settings, self)
        self.recorded: list[tuple[int, str]] = []
        self.verdicts: list[tuple[str, str]] = []
        self.episodes: set[int] = set()
        self.broken = False
        master = Plain()
        Plain.made.clear()
        self.watched = Watched(self.new_worker(master))

    @staticmethod
    def new_worker(master: Plain) -> Any:
        worker = Driven("w")
        worker.parent = master
        worker.workerid = 7
        worker.build_wait_timeout = 600
        return worker

    # `logbook.Recording`

    def record(self, known: Known, event: Any, episodes: Any) -> None:
        if self.broken:
            raise OSError("no space")
        self.recorded.append((event.seq, event.kind.value))
        self.episodes.update(episode.first_seq for episode in episodes)

    def record_verdict(self, known: Known) -> None:
        self.verdicts.append((known.verdict.level, known.verdict.code))

    # what happens

    def goes(self, before: str, after: str) -> None:
        self.watched.worker.__dict__["state"] = States[after.upper()]
        data = {"from": before, "to": after, "expected": True}
        self.logbook.observe(self.watched, Kind.TRANSITION, data)

    @property
    def known(self) -> Known:
        known = self.logbook.get(7)
        assert known is not None
        return known


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_worker_is_written_down_as_it_was_found_before_anything_else(desk: Desk) -> None:
    desk.logbook.observe(desk.watched, Kind.DETACHED, {})
    assert desk.recorded == [(1, "baseline"), (2, "detached")]
    assert desk.watched.introduced


def test_a_worker_heard_of_by_its_first_transition_was_found_in_the_state_before(
    desk: Desk,
) -> None:
    desk.goes(NOT, SUB)
    assert desk.recorded == [(1, "baseline"), (2, "transition")]
    episode = desk.known.facts.episode
    assert episode is not None
    assert episode.first_seq == 2
    assert desk.episodes == {2}, "there was no other one before it"
    assert [phase.state for phase in episode.phases] == [State.SUBSTANTIATING]


def test_a_baseline_is_written_once(desk: Desk) -> None:
    desk.logbook.baseline(desk.watched)
    desk.logbook.baseline(desk.watched)
    desk.logbook.observe(desk.watched, Kind.BASELINE, {})
    assert desk.recorded == [(1, "baseline")]


def test_what_the_baseline_tells_is_read_off_the_worker(desk: Desk) -> None:
    worker = desk.watched.worker
    worker.state = States.SUBSTANTIATED
    worker.conn = Conn()
    worker._paused, worker._pause_reason = True, "disk"
    desk.logbook.baseline(desk.watched)
    facts = desk.known.facts
    assert facts.state is State.SUBSTANTIATED
    assert (facts.connected, facts.paused, facts.pause_reason) == (True, True, "disk")


def test_a_new_object_under_the_same_id_is_another_worker(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    other = Watched(desk.new_worker(Plain()))
    desk.logbook.observe(other, Kind.DETACHED, {})
    assert desk.known.watched is other
    assert desk.known.facts.state is State.NOT_SUBSTANTIATED
    Plain.made.clear()


def test_a_worker_without_a_number_is_not_recorded_and_counted(desk: Desk) -> None:
    desk.watched.worker.workerid = None
    desk.goes(NOT, SUB)
    assert desk.recorded == []
    assert desk.logbook.errors == 1


def test_a_removed_worker_is_forgotten_and_its_timer_with_it(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    assert desk.clock.getDelayedCalls()
    desk.logbook.observe(desk.watched, Kind.REMOVED, {})
    assert desk.logbook.get(7) is None
    assert desk.clock.getDelayedCalls() == []


def test_a_verdict_turns_by_itself_and_is_told_at_each_turn_only(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    for _ in range(300):
        desk.clock.advance(1)
    assert [level for level, _ in desk.verdicts] == ["ok", "slow", "stuck"]
    assert desk.clock.getDelayedCalls() == []


def test_a_verdict_turns_at_its_moment_not_before(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    desk.clock.advance(49.9)
    assert desk.known.verdict.level == "ok"
    desk.clock.advance(0.2)
    assert desk.known.verdict.level == "slow"


def test_there_is_never_more_than_one_timer_for_a_worker(desk: Desk) -> None:
    for _ in range(20):
        desk.goes(NOT, SUB)
        desk.goes(SUB, STOPPING)
    assert len(desk.clock.getDelayedCalls()) == 1


def test_a_changed_limit_is_applied_to_what_is_waited_for_now(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    desk.clock.advance(60)
    desk.settings = parse({"stuck_after": {"substantiating": 10}})[0]
    desk.logbook.rejudge_all()
    assert desk.known.verdict.level == "stuck"
    desk.settings = parse({"stuck_after": {"substantiating": None}})[0]
    desk.logbook.rejudge_all()
    assert desk.known.verdict.level == "ok"
    assert desk.clock.getDelayedCalls() == []


def test_the_verdict_now_has_the_age_of_now(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    desk.clock.advance(10)
    assert "for 10 s" in desk.logbook.verdict_now(desk.known).reason


def test_the_databases_numbers_reach_the_open_episode(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    seq = desk.known.facts.episode.first_seq  # type: ignore[union-attr]
    desk.logbook.committed({seq + 5: 1})
    assert desk.known.facts.episode.id is None  # type: ignore[union-attr]
    desk.logbook.committed({seq: 17})
    assert desk.known.facts.episode.id == 17  # type: ignore[union-attr]


def test_an_error_of_ours_is_logged_once_for_each_kind_and_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr(
        "buildbot_lifecycle.master.logbook.log_error", lambda _, text: logged.append(text)
    )
    desk.logbook.baseline(desk.watched)
    desk.broken = True
    for _ in range(5):
        desk.logbook.note(desk.known, events.Connected())
    desk.logbook.failed("something else")
    assert len(logged) == 2
    assert desk.logbook.errors == 6
    assert desk.logbook.last_error == "while something else (1 times)"


def test_an_error_in_recording_does_not_stop_the_clock_of_a_wait(desk: Desk) -> None:
    desk.logbook.baseline(desk.watched)
    desk.broken = True
    with pytest.raises(OSError, match="no space"):
        desk.goes(NOT, SUB)
    desk.broken = False
    desk.clock.advance(51)
    assert desk.known.verdict.level == "slow"


# waiting


def test_waiting_for_what_holds_already_is_over_at_once(desk: Desk) -> None:
    desk.logbook.baseline(desk.watched)
    came: list[bool] = []
    desk.logbook.when(desk.known, lambda _: True, 5).addCallback(came.append)
    assert came == [True]


def test_waiting_for_a_worker_ends_with_its_removal_and_not_by_a_successor_of_its_name(
    desk: Desk,
) -> None:
    desk.logbook.baseline(desk.watched)
    former, came = desk.known, list[bool]()
    desk.logbook.when(former, lambda _: False, 5).addCallback(came.append)
    desk.logbook.observe(desk.watched, Kind.REMOVED, {})
    assert came == [True]
    desk.logbook.baseline(Watched(desk.new_worker(Plain())))
    Plain.made.clear()
    desk.logbook.when(former, lambda _: False, 5).addCallback(came.append)
    assert came == [True, True]
    desk.logbook.when(desk.known, lambda _: False, 5).addCallback(came.append)
    assert came == [True, True], "the successor is waited for by itself"


def test_a_successor_of_the_same_name_inherits_nothing(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    former = desk.known
    former.leaving_since, former.told_closed, former.told_where = 1.0, object(), 3
    former.releasing = True
    former.tried.add("a wait")
    former.auto_busy, former.auto_not_before = True, 4.0
    former.forcing.acquire()
    desk.logbook.observe(desk.watched, Kind.REMOVED, {})
    successor = Watched(desk.new_worker(Plain()))
    Plain.made.clear()
    desk.logbook.baseline(successor)
    assert former.gone
    assert not desk.known.gone
    blank = Known(7, "w", "Driven", successor, desk.known.facts)
    for field in dataclasses.fields(Known):
        own = getattr(desk.known, field.name)
        if isinstance(own, defer.DeferredLock):
            assert not own.locked, field.name
        elif field.name not in ("facts", "watched", "limits"):
            assert own == getattr(blank, field.name), field.name


def test_after_its_removal_only_a_late_end_of_what_was_released_is_recorded(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    desk.logbook.observe(desk.watched, Kind.REMOVED, {})
    recorded = len(desk.recorded)
    desk.logbook.observe(desk.watched, Kind.DETACHED, {})
    assert len(desk.recorded) == recorded
    ended = {"call": "stop_instance", "token": 1, "outcome": "true", "late": True}
    desk.logbook.observe(desk.watched, Kind.CALL_ENDED, ended)
    assert len(desk.recorded) == recorded + 1


def test_waiting_ends_when_it_holds_or_when_the_time_is_over(desk: Desk) -> None:
    desk.logbook.baseline(desk.watched)
    came: list[bool] = []

    def substantiating(known: Known) -> bool:
        return known.facts.state is State.SUBSTANTIATING

    desk.logbook.when(desk.known, substantiating, 5).addCallback(came.append)
    desk.logbook.when(desk.known, lambda _: False, 5).addCallback(came.append)
    desk.goes(NOT, SUB)
    assert came == [True]
    desk.clock.advance(5)
    assert came == [True, False]


def test_closing_ends_every_wait_and_every_timer(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    came: list[bool] = []
    desk.logbook.when(desk.known, lambda _: False, 5).addCallback(came.append)
    desk.logbook.close()
    assert came == [False]
    assert desk.clock.getDelayedCalls() == []


def test_seq_counts_from_one_without_a_gap(desk: Desk) -> None:
    desk.goes(NOT, SUB)
    assert desk.logbook.next_seq() == 3
    desk.goes(SUB, STOPPING)
    assert [seq for seq, _ in desk.recorded] == [1, 2, 4]


def test_what_ends_late_of_a_worker_that_is_gone_sets_no_timer_and_turns_no_verdict(
    desk: Desk,
) -> None:
    desk.goes(NOT, SUB)
    desk.logbook.observe(desk.watched, Kind.REMOVED, {})
    desk.clock.advance(99)
    told = list(desk.verdicts)
    ended = {"call": "stop_instance", "token": 1, "outcome": "true", "late": True}
    desk.logbook.observe(desk.watched, Kind.CALL_ENDED, ended)
    assert desk.recorded[-1][1] == "call_ended"
    assert desk.verdicts == told, "under its number there may be its successor"
    assert desk.clock.getDelayedCalls() == []


def test_what_is_not_as_documented_is_recorded_all_the_same_and_counted(desk: Desk) -> None:
    for kind, data in (
        (Kind.PAUSED, {"reason": 7}),
        (Kind.PAUSED, {}),
        (Kind.PAUSED, {"reason": "x", "of": "another version"}),
    ):
        before = desk.logbook.errors
        desk.logbook.observe(desk.watched, kind, data)
        assert desk.recorded[-1][1] == "paused"
        assert desk.logbook.errors == before + 1
    desk.logbook.observe(desk.watched, Kind.PAUSED, {"reason": None})
    desk.logbook.observe(desk.watched, Kind.STEP, {"step": "boot", "what a driver": ["adds"]})
    assert desk.logbook.errors == 3


def test_texts_of_an_event_are_clean(desk: Desk) -> None:
    desk.logbook.observe(desk.watched, Kind.PAUSED, {"reason": "half \ud83d"})
    assert desk.known.facts.pause_reason == "half \\ud83d"
