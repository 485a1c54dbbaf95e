"""The list of workers costs what has changed: views, rows and turns are counted, not seconds."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from buildbot.worker.latent import States
from twisted.internet import defer

from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.host import pauses
from buildbot_lifecycle.master import views
from buildbot_lifecycle.service import roll
from buildbot_lifecycle.www import reads
from tests.benchmarks.fleet import Fleet

MANY = 60


class Made:
    """Counts the views that are made, and the looks at live objects for a stop."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.workers: list[int] = []
        live = views.live

        def counted(known: Any, *args: Any) -> Any:
            self.workers.append(known.workerid)
            return live(known, *args)

        monkeypatch.setattr(roll.views, "live", counted)

    def of(self, fleet: Fleet, query: str = "") -> tuple[dict[str, Any], list[int]]:
        """An answer, and the workers whose views were made for it."""
        self.workers.clear()
        return json.loads(fleet.ask(reads.workers, query)), sorted(self.workers)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    return Made(monkeypatch)


@pytest.fixture
def fleet() -> Fleet:
    return Fleet(MANY)


def turn_stuck(fleet: Fleet, place: int) -> None:
    """A worker's start has taken longer than its limit."""
    watched = fleet.watched[place]
    watched.worker.__dict__["state"] = States.SUBSTANTIATING
    data = {"from": "not_substantiated", "to": "substantiating", "expected": True}
    fleet.desk.logbook.observe(watched, Kind.TRANSITION, data)
    fleet.clock.advance(2000)


def test_the_views_of_workers_that_have_not_changed_are_not_made_again(
    fleet: Fleet, made: Made
) -> None:
    first, views_made = made.of(fleet)
    assert len(views_made) == MANY
    fleet.clock.advance(3600)
    second, views_made = made.of(fleet)
    assert views_made == []
    at = fleet.clock.seconds()
    assert second["workers"] == [{**row, "updated_at": at} for row in first["workers"]]


def test_the_view_of_a_worker_that_has_changed_is_made_anew_and_no_other(
    fleet: Fleet, made: Made
) -> None:
    made.of(fleet)
    fleet.desk.logbook.observe(fleet.watched[7], Kind.PAUSED, {"paused": True, "reason": "disk"})
    answer, views_made = made.of(fleet)
    assert views_made == [107]
    assert [row["name"] for row in answer["workers"] if row["paused"]] == ["ec2-00107"]


def test_what_is_read_off_live_objects_is_read_again(fleet: Fleet, made: Made) -> None:
    made.of(fleet)
    fleet.watched[3].worker.lastMessageReceived = fleet.clock.seconds() - 5
    answer, views_made = made.of(fleet)
    assert views_made == [103]
    assert answer["workers"][3]["last_sign"] == fleet.clock.seconds() - 5
    fleet.watched[4].refused.append(SimpleNamespace(delivered=False, closed=True, conn=None))  # type: ignore[arg-type]
    answer, views_made = made.of(fleet)
    assert views_made == [104]
    assert answer["workers"][4]["held"] == 1


def test_other_settings_make_every_view_anew(fleet: Fleet, made: Made) -> None:
    made.of(fleet)
    fleet.desk.settings = parse({"stuck_after": {"substantiating": 50}})[0]
    assert len(made.of(fleet)[1]) == MANY
    assert made.of(fleet)[1] == []


def test_a_wait_tells_its_age_in_each_answer(fleet: Fleet, made: Made) -> None:
    turn_stuck(fleet, 5)
    first, _ = made.of(fleet)
    fleet.clock.advance(1.0)
    second, views_made = made.of(fleet)
    assert views_made == [105]
    told = [answer["workers"][5]["verdict"]["reason"] for answer in (first, second)]
    assert "33 min 20 s" in told[0]
    assert "33 min 21 s" in told[1]


@pytest.mark.parametrize("query", ["level=stuck", "level=stuck&limit=50", "level__in=stuck"])
def test_a_filter_by_level_makes_no_view_of_others(fleet: Fleet, made: Made, query: str) -> None:
    turn_stuck(fleet, 5)
    answer, views_made = made.of(fleet, query)
    assert views_made == [105]
    assert [row["workerid"] for row in answer["workers"]] == [105]
    assert answer["meta"]["total"] == 1


def test_those_that_are_ok_are_found_among_all(fleet: Fleet, made: Made) -> None:
    turn_stuck(fleet, 5)
    answer, _ = made.of(fleet, "level__ne=stuck&limit=2")
    assert answer["meta"]["total"] == MANY - 1


@pytest.mark.parametrize(
    ("query", "views_wanted", "rows", "total"),
    [
        ("limit=7", 7, 7, MANY),
        ("limit=7&offset=3", 10, 7, MANY),
        ("name=ec2-00110", 1, 1, 1),
        ("name__contains=0011", 10, 10, 10),
        ("state=substantiated", 0, 0, 0),
        ("workerid__lt=105&limit=2", 2, 2, 5),
        ("workerid=101&workerid=102", 2, 2, 2),
        ("limit=0", 0, 0, MANY),
    ],
)
def test_no_more_views_are_made_than_are_looked_at(
    fleet: Fleet, made: Made, query: str, views_wanted: int, rows: int, total: int
) -> None:
    answer, views_made = made.of(fleet, query)
    assert len(views_made) == views_wanted
    assert len(answer["workers"]) == rows
    assert answer["meta"]["total"] == total


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("order=-workerid&limit=2", {"workerid": 159}),
        ("order=-updated_at&limit=2&field=workerid&field=updated_at", {"workerid": 100}),
        ("masterid=1&limit=2", {"masterid": 1}),
        ("orphans__gt=0", None),
    ],
)
def test_what_takes_a_closer_look_is_answered_the_same(
    fleet: Fleet, query: str, first: dict[str, Any] | None
) -> None:
    rows = json.loads(fleet.ask(reads.workers, query))["workers"]
    assert (rows[0] if rows else None) == (None if first is None else {**rows[0], **first})
    assert all(row.get("updated_at", 0) == fleet.clock.seconds() for row in rows)


def test_a_list_is_the_json_of_its_workers(fleet: Fleet) -> None:
    (worker,) = [row for row in ask_all(fleet) if row.workerid == 120]
    rows = json.loads(fleet.ask(reads.workers))["workers"]
    assert rows[20] == json.loads(msgspec.json.encode(worker))


def ask_all(fleet: Fleet) -> Any:
    asked = defer.ensureDeferred(fleet.answers.workers())
    while not asked.called:
        fleet.clock.iterate()
    return asked.result


def test_twenty_clients_together_hold_a_turn_no_longer_than_one(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no time for a turn, each turn does one piece of work of one client, however many wait."""
    monkeypatch.setattr(pauses, "TURN", 0.0)
    monkeypatch.setattr(roll, "_SLICE", 1)
    pieces: list[int] = []
    row, done = roll.Rolls.row, [0]

    def counted(self: Any, known: Any) -> Any:
        done[0] += 1
        return row(self, known)

    monkeypatch.setattr(roll.Rolls, "row", counted)
    asked = [fleet.begin(reads.workers) for _ in range(20)]
    while not all(each.called for each in asked):
        done[0] = 0
        fleet.clock.iterate()
        pieces.append(done[0])
    assert sum(pieces) == 20 * MANY
    assert max(pieces) == 1, "with a line for each client it is 20"
    assert len(fleet.finish(*asked)) == 20


def test_a_stop_looks_at_busy_workers_only(fleet: Fleet) -> None:
    logbook = fleet.desk.logbook
    assert logbook.busy() == []
    turn_stuck(fleet, 5)
    assert [known.workerid for known in logbook.busy()] == [105]
    watched = fleet.watched[5]
    data = {"from": "substantiating", "to": "not_substantiated", "expected": True}
    logbook.observe(watched, Kind.TRANSITION, data)
    assert logbook.busy() == []
    # of one that is at rest, and whose connection nobody took
    fleet.watched[6].worker.conn = object()
    logbook.observe(fleet.watched[6], Kind.ATTACHED, {})
    assert [known.workerid for known in logbook.busy()] == [106]
    logbook.observe(fleet.watched[6], Kind.REMOVED, {})
    assert logbook.busy() == logbook.noted() == []
