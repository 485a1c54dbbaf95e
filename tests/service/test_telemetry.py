"""What the metrics are told of workers, builds and actions; the clock is the test's."""

from __future__ import annotations

import dataclasses
import re

import msgspec
import pytest
from twisted.internet import defer

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.db.entries import RecorderStatus
from buildbot_lifecycle.diagnose.stall import Stall
from buildbot_lifecycle.service.telemetry import Telemetry
from buildbot_lifecycle.shapes import events
from tests.probe.test_logbook import Desk

NOT = "not_substantiated"

BUILD = {"buildid": 1, "builderid": 1, "builder": "b", "number": 1}
STATUS = RecorderStatus(
    queued=3,
    bound=100,
    dropped=2,
    written=10,
    errors=0,
    last_error=None,
    last_write_at=None,
    oldest_unwritten_at=1_800_000_000.0 - 7,
    gaps=1,
)


class Recorder:
    """Only says how it goes."""

    def status(self) -> RecorderStatus:
        return STATUS


class Scene:
    """A logbook with one worker, and the metrics that hear of it."""

    def __init__(self, metrics_workers: tuple[str, ...] = ()) -> None:
        self.desk = Desk()
        self.entries = Entries()
        self.telemetry = Telemetry(
            self.desk.clock,
            self.desk.logbook,
            self.entries,
            Recorder(),  # type: ignore[arg-type]
            lambda: Settings(metrics_workers=metrics_workers),
            lambda: True,
        )
        self.telemetry.listen()

    def up(self) -> None:
        self.desk.goes("not_substantiated", "substantiating")
        self.desk.goes("substantiating", "substantiating_starting")
        self.desk.goes("substantiating_starting", "substantiated")

    def build(self, kind: Kind) -> None:
        self.desk.logbook.observe(self.desk.watched, kind, {"build": BUILD})

    def value(self, name: str, **labels: str) -> float | None:
        asked = defer.ensureDeferred(self.telemetry.text(""))
        found: list[bytes] = []
        asked.addCallback(lambda answer: found.append(answer[0]))
        while not found:
            self.desk.clock.advance(0)
        label = ",".join(f'{k}="{v}"' for k, v in sorted(labels.items()))
        series = re.escape(f"buildbot_lifecycle_{name}" + (f"{{{label}}}" if label else ""))
        line = re.search(rf"^{series} (\S+)$", found[0].decode(), re.MULTILINE)
        return None if line is None else float(line[1])


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_time_between_two_builds_is_idle(scene: Scene) -> None:
    scene.build(Kind.BUILD_STARTED)
    scene.up()
    scene.build(Kind.BUILD_FINISHED)
    scene.desk.clock.advance(90)
    assert scene.value("idle_seconds_sum", **{"class": "Driven"}, ended_by="build") is None
    scene.build(Kind.BUILD_STARTED)
    assert scene.value("idle_seconds_sum", **{"class": "Driven"}, ended_by="build") == 90.0


def test_the_time_from_the_last_build_to_the_stop_is_idle(scene: Scene) -> None:
    scene.build(Kind.BUILD_STARTED)
    scene.up()
    scene.build(Kind.BUILD_FINISHED)
    scene.desk.clock.advance(600)
    scene.desk.goes("substantiated", "insubstantiating")
    assert scene.value("idle_seconds_sum", **{"class": "Driven"}, ended_by="stop") == 600.0
    assert scene.value("idle_seconds_count", **{"class": "Driven"}, ended_by="build") is None


def test_a_build_is_not_idle_time(scene: Scene) -> None:
    scene.build(Kind.BUILD_STARTED)
    scene.up()
    scene.desk.clock.advance(300)
    scene.build(Kind.BUILD_FINISHED)
    scene.desk.goes("substantiated", "insubstantiating")
    assert scene.value("idle_seconds_sum", **{"class": "Driven"}, ended_by="stop") == 0.0


def test_an_episode_that_is_over_is_counted_once(scene: Scene) -> None:
    scene.up()
    scene.desk.clock.advance(50)
    scene.desk.goes("substantiated", "insubstantiating")
    assert scene.value("life_seconds_count", **{"class": "Driven"}, outcome="unknown") is None
    scene.desk.goes("insubstantiating", "not_substantiated")
    (episode,) = scene.desk.episodes
    assert episode
    lives = [
        scene.value("life_seconds_count", **{"class": "Driven"}, outcome=outcome)
        for outcome in ("ok", "never_connected", "start_failed", "unknown", "lost", "cancelled")
    ]
    assert sum(filter(None, lives)) == 1.0


def test_a_worker_that_becomes_stuck_is_counted_by_its_verdict(scene: Scene) -> None:
    scene.desk.goes("not_substantiated", "substantiating")
    scene.desk.clock.advance(101)
    verdict = scene.desk.known.verdict
    assert verdict.level == "stuck"
    stuck = {"class": "Driven", "verdict": verdict.code}
    assert scene.value("stuck_total", **stuck) == 1.0
    scene.desk.clock.advance(100)
    assert scene.value("stuck_total", **stuck) == 1.0
    workers = {"class": "Driven", "level": "stuck", "state": "substantiating"}
    assert scene.value("workers", **workers) == 1.0
    assert scene.value("wait_seconds", **{"class": "Driven"}) == pytest.approx(201, abs=1)


def test_one_that_is_stuck_does_not_become_so_again_by_another_verdict(scene: Scene) -> None:
    """As in a release: its call has ended, and its state goes on in the next moment."""
    scene.desk.goes("not_substantiated", "substantiating")
    scene.desk.clock.advance(101)
    known = scene.desk.known
    first = known.verdict
    for code in ("never_connected", first.code):
        known.verdict = dataclasses.replace(first, code=code)
        scene.telemetry.judged(known)
    known.verdict = dataclasses.replace(first, level="ok", code="healthy")
    scene.telemetry.judged(known)
    known.verdict = first
    scene.telemetry.judged(known)
    stuck = {"class": "Driven"}
    assert scene.value("stuck_total", **stuck, verdict=first.code) == 2.0
    assert scene.value("stuck_total", **stuck, verdict="never_connected") is None


def test_an_action_counts_when_it_has_an_outcome(scene: Scene) -> None:
    scene.desk.logbook.baseline(scene.desk.watched)
    labels = {"action": "force-disconnect", "actor_kind": "user", "outcome": "done"}
    asked = events.Action(
        action=1,
        what="force-disconnect",
        actor="alice",
        actor_kind="user",
        reason="r",
        status="asked",
        outcome=None,
    )
    note = scene.desk.logbook.note
    note(scene.desk.known, asked)
    assert scene.value("actions_total", **labels) is None
    note(scene.desk.known, msgspec.structs.replace(asked, status="done", outcome="released"))
    assert scene.value("actions_total", **labels) == 1.0


def test_the_ledger_the_recorder_and_a_standing_reactor_are_told(scene: Scene) -> None:
    now = scene.desk.clock.seconds()
    scene.entries.opened(1, {"workerid": 7, "opened_at": now - 50, "cause": "stop_failed"})
    scene.telemetry.stalled(Stall(now, 2.5, [], None))
    assert scene.value("orphans_open") == 1
    assert scene.value("orphans_oldest_age_seconds") == 50
    assert scene.value("reactor_blocked_seconds_total") == 2.5
    assert scene.value("recorder_lag_seconds") == 7
    assert scene.value("recorder_gaps_total") == 1
    assert scene.value("recorder_behind") == 1


@pytest.mark.parametrize(("patterns", "is_there"), [((), False), (("x", "w*"), True)])
def test_a_single_worker_has_a_series_where_a_pattern_asks_for_it(
    patterns: tuple[str, ...], is_there: bool
) -> None:
    scene = Scene(patterns)
    scene.desk.logbook.baseline(scene.desk.watched)
    found = scene.value("worker_stuck", **{"class": "Driven"}, worker="w")
    assert found == (0.0 if is_there else None)


def test_a_scrape_of_many_workers_lets_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch, scene: Scene
) -> None:
    """Between any two workers, and any two parts of the text, the reactor may go on."""
    turns: list[object] = []

    def breath(clock: object) -> defer.Deferred[None]:
        turns.append(clock)
        return defer.succeed(None)

    monkeypatch.setattr("buildbot_lifecycle.service.telemetry.TURN", -1.0)
    monkeypatch.setattr("buildbot_lifecycle.host.pauses.breath", breath)
    scene.desk.logbook.baseline(scene.desk.watched)
    assert scene.value("workers", **{"class": "Driven", "level": "ok", "state": NOT}) == 1
    families = 12
    assert len(turns) > families
