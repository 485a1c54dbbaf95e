"""The orphan ledger: which events open an entry, and what is the same entry told again."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import defer

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.ledger import Ledger
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.host import machines
from buildbot_lifecycle.master.logbook import Known
from tests.core.story import NOW, STARTING, STOPPING, SUB, WORKER, Story
from tests.probe.support import Driven


class Audit:
    """Writes down what is to be opened."""

    def __init__(self) -> None:
        self.opened: list[dict[str, Any]] = []
        self.closed: list[int] = []

    def open_orphan(self, row: Any) -> defer.Deferred[int]:
        self.opened.append(dict(row))
        return defer.succeed(len(self.opened))

    def close_orphan(self, orphan: int, *_: Any) -> defer.Deferred[bool]:
        self.closed.append(orphan)
        return defer.succeed(True)


class Desk:
    """A ledger and one worker of it; `tell` a call's end, and see what was opened."""

    def __init__(self, story: Story) -> None:
        self.audit, self.story = Audit(), story
        # only start, stop and found look at the logbook
        self.entries = Entries()
        #: the entry of the release that has given up each start
        self.releases: dict[int, int] = {}
        self.ledger = Ledger(
            None,  # type: ignore[arg-type]
            self.audit,  # type: ignore[arg-type]
            "run",
            self.entries,
            release_of=self.releases.get,
        )
        self.known = Known(WORKER, "w", "Driven", Driven("w"), story.facts)  # type: ignore[arg-type]
        self.known.watched.worker = None  # type: ignore[assignment]

    def tell(self, call: str, outcome: str, **data: Any) -> list[str]:
        self.story.end(call, outcome, **data)
        self.known.facts = self.story.facts
        event = Event(99, NOW, WORKER, Kind.CALL_ENDED, {"call": call, "outcome": outcome, **data})
        self.ledger.see(self.known, event)
        return [row["cause"] for row in self.audit.opened]

    def open(self, number: int, **row: Any) -> None:
        self.entries.opened(number, {"workerid": WORKER, **row})
        self.story.event(Kind.ORPHAN_OPENED, orphan=number, cause=row["cause"])
        self.known.facts = self.story.facts

    def same(self, **row: Any) -> tuple[int, int] | None:
        return self.entries.same({"workerid": WORKER, **row})


def test_a_stop_that_failed_opens_an_entry_with_the_name_of_the_instance() -> None:
    desk = Desk(Story().stopping())
    assert desk.tell("stop_instance", "raised", error="500") == ["stop_failed"]
    assert desk.audit.opened[0]["instance"] == "i-1"


def failing_start(**data: Any) -> Story:
    story = Story().asked().go(SUB, STARTING).call("start_instance")
    story.end("start_instance", "raised", error="quota", **data)
    return story.go(STOPPING).call("stop_instance")


def test_the_failed_stop_of_what_never_was_opens_none() -> None:
    assert Desk(failing_start()).tell("stop_instance", "raised", error="404") == []


@pytest.mark.parametrize("data", [{"instance": "i-1"}, {"unanswered": True}])
def test_where_there_may_have_been_an_instance_an_entry_is_opened(data: dict[str, Any]) -> None:
    assert Desk(failing_start(**data)).tell("stop_instance", "raised") == ["stop_failed"]


@pytest.mark.parametrize("outcome", ["true", "other"])
def test_a_late_start_is_an_instance_whatever_the_driver_answers(outcome: str) -> None:
    desk = Desk(Story())
    assert desk.tell("start_instance", outcome, token=1, late=True) == ["late_start"]


@pytest.mark.parametrize("outcome", ["raised", "false"])
def test_a_late_start_that_failed_is_none(outcome: str) -> None:
    assert Desk(Story()).tell("start_instance", outcome, token=1, late=True) == []


def late_start(**entry: Any) -> list[int]:
    """A start that was released ends late with an instance: which entries are closed by that."""
    desk = Desk(Story())
    desk.open(4, cause="release", **entry)
    desk.releases[1] = 4
    assert desk.tell("start_instance", "other", token=1, late=True, instance="i-9") == [
        "late_start"
    ]
    return desk.audit.closed


def test_what_a_release_may_have_left_is_the_late_instance_and_not_another_one() -> None:
    assert late_start(instance=None) == [4]


def test_a_release_that_has_named_its_instance_stays_open_beside_the_late_start_of_another() -> (
    None
):
    assert late_start(instance="i-1") == []


def test_one_instance_is_one_entry_whatever_is_told_of_it() -> None:
    desk = Desk(Story())
    desk.open(4, instance="i-1", cause="stop_failed")
    assert desk.same(instance="i-2", cause="stop_failed") is None
    assert desk.same(instance=None, cause="stop_failed") is None
    assert desk.same(instance="i-1", cause="release") == (4, 2)
    assert desk.same(instance="i-1", cause="late_start") == (4, 3)


@pytest.mark.parametrize("elsewhere", [{"place": "there"}, {"class": "Another"}])
def test_the_same_name_in_another_cloud_is_another_instance(elsewhere: dict[str, Any]) -> None:
    """A reconfiguration gives the worker another engine, where its driver uses the name again."""
    desk = Desk(failing_start())
    here = {"workerid": WORKER, "instance": "i-1", "place": "here", "class": "Driven"}
    desk.entries.opened(4, {**here, "cause": "release"})
    assert desk.same(**{**here, **elsewhere}, cause="stop_failed") is None
    assert desk.same(**{**here, "place": None}, cause="stop_failed") == (4, 2), "it may be the same"


def test_instances_without_a_name_are_together_only_where_stops_failed_again_and_again() -> None:
    desk = Desk(Story())
    desk.open(4, instance=None, cause="release")
    assert desk.same(instance=None, cause="release") is None
    assert desk.same(instance=None, cause="stop_failed") is None
    desk.open(5, instance=None, cause="stop_failed", times=3)
    assert desk.same(instance=None, cause="stop_failed") == (5, 4)


def test_a_closed_entry_takes_nothing_more() -> None:
    desk = Desk(Story())
    desk.open(4, instance="i-1", cause="stop_failed")
    desk.entries.closed(4, WORKER)
    assert desk.same(instance="i-1", cause="stop_failed") is None


def test_a_machine_that_says_no_to_its_stop_is_one_entry_however_many_workers_it_has() -> None:
    desk = Desk(Story().asked().go(SUB))
    assert desk.tell("stop_machine", "false", token=9, machine="box") == ["stop_failed"]
    assert desk.audit.opened[0]["instance"] == "box"
    assert desk.audit.opened[0]["why"] == "stop_machine failed: it said no"
    assert desk.tell("stop_machine", "false", token=9, machine="box") == ["stop_failed"]
    assert desk.tell("stop_machine", "raised", token=10, machine="box", error="ssh") == [
        "stop_failed",
        "stop_failed",
    ]


def test_a_later_stop_of_the_machine_closes_it_and_no_other_entry() -> None:
    desk = Desk(Story().asked().go(SUB))
    desk.open(4, cause="stop_failed", instance="box")
    desk.open(5, cause="stop_failed", instance="i-1")
    desk.open(6, cause="release", instance="box")
    desk.open(7, cause="crash", instance="box")
    desk.open(8, cause="late_start", instance="box")
    desk.tell("stop_machine", "other", token=9, machine="box")
    assert desk.audit.closed == []
    desk.tell("stop_machine", "true", token=10, machine="box")
    assert desk.audit.closed == [4, 7, 8]


@pytest.mark.parametrize(("outcome", "wanted"), [("true", True), ("false", False)])
def test_a_machine_that_is_used_again_or_did_not_start_late_is_no_entry(
    outcome: str, wanted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(Story().asked().go(SUB))
    monkeypatch.setattr(machines, "latent_machine", lambda _: desk)
    monkeypatch.setattr(machines, "is_wanted", lambda _: wanted)
    assert desk.tell("start_machine", outcome, token=9, machine="box", late=True) == []


def test_a_machine_that_starts_late_is_one_entry_however_many_workers_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(Story().asked().go(SUB))
    monkeypatch.setattr(machines, "latent_machine", lambda _: desk)
    monkeypatch.setattr(machines, "is_wanted", lambda _: False)
    for _ in range(2):
        told = desk.tell("start_machine", "true", token=9, machine="box", late=True)
        assert told == ["late_start"]
    assert desk.audit.opened[0]["instance"] == "box"
    assert desk.tell("start_machine", "true", token=10, machine="box") == ["late_start"]
