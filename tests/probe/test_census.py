"""Taking the census: who is asked, when, and what is written of what was found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.act.census import AGAIN_AFTER, FIRST_AFTER, LEAST_BETWEEN, Census
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.findings import Findings
from buildbot_lifecycle.clouds.values import (
    OWN,
    Can,
    Gone,
    Instance,
    Listing,
    NotKnown,
    State,
    Why,
    place_of,
)
from buildbot_lifecycle.core.census import Row
from buildbot_lifecycle.master.logbook import Known
from tests.core.story import WORKER, Story
from tests.probe.support import Driven

PLACE = ("docker", "here", "-abc123")
STRAY = Instance("c-9", "buildbot-w-abc123", State.UP, "running", ours=True)
MINE = Instance("c-1", "buildbot-w-abc123", State.UP, "running", ours=True)
DEAD = NotKnown(Why.UNREACHABLE, "connection refused")


class Scene:
    """A master with one worker, its cloud, its desk and its clock, in one."""

    def __init__(self) -> None:
        self.clock, self.entries, self.story = task.Clock(), Entries(), Story()
        self.worker = Known(WORKER, "w", "Driven", Driven("w"), self.story.facts)  # type: ignore[arg-type]
        self.worker.watched.worker = Driven("w")  # type: ignore[attr-defined]
        self.answer: Any = Listing(PLACE, (STRAY,))
        self.able = frozenset({Can.LIST, Can.GONE, Can.END})
        self.is_gone: Gone = False
        self.asked = 0
        self.every: float | None = None
        self.others: list[str] = []
        self.tells = True
        self.stopping = False
        self.failures: list[str] = []
        self.opened: list[Mapping[str, Any]] = []
        self.named: list[tuple[int, str]] = []
        self.told: list[Mapping[str, int]] = []
        findings = Findings(self.clock, self, self, "token")  # type: ignore[arg-type]
        self.census = Census(
            self.clock,
            self,  # type: ignore[arg-type]
            self.entries,
            self,
            findings,
            name="here",
            others=lambda: defer.succeed(self.others),
            every=lambda: self.every,
            told=self.told.append,
        )

    # what of the logbook is used

    def known(self) -> list[Known]:
        self.worker.facts = self.story.facts
        return [self.worker]

    def get(self, workerid: int) -> Known | None:
        return self.worker if workerid == WORKER else None

    def failed(self, what: str) -> None:
        self.failures.append(what)

    def is_stopping(self) -> bool:
        return self.stopping

    def redact(self, data: Any) -> Any:
        return data

    # what of the clouds is used

    def can(self, worker: Any) -> frozenset[Can]:
        return self.able

    def mark(self, worker: Any) -> str:
        return "buildbot-w-abc123"

    def name(self, worker: Any) -> str | None:
        return None

    def scope(self, worker: Any) -> defer.Deferred[Any]:
        return defer.succeed(PLACE)

    def place(self, worker: Any, name: str | None = None) -> defer.Deferred[Any]:
        return defer.succeed(place_of(PLACE))

    def list(self, worker: Any) -> defer.Deferred[Any]:
        self.asked += 1
        found = self.answer
        return found if isinstance(found, defer.Deferred) else defer.succeed(found)

    def gone(self, worker: Any, name: str | None) -> defer.Deferred[Gone]:
        return defer.succeed(self.is_gone)

    def tells_masters(self, worker: Any) -> bool:
        return self.tells

    def title(self, worker: Any, scope: Any) -> str:
        return "Docker at here"

    # what of the desk is used

    def open_orphan(self, row: Mapping[str, Any]) -> defer.Deferred[int]:
        self.opened.append(row)
        self.entries.opened(len(self.opened), row)
        return defer.succeed(len(self.opened))

    def name_orphan(
        self, orphan: int, workerid: int, instance: str, place: str | None
    ) -> defer.Deferred[bool]:
        self.named.append((orphan, instance))
        self.entries.named(orphan, workerid, instance, place)
        return defer.succeed(True)

    # what the test does

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.settle()

    def settle(self) -> None:
        """On a busy machine work has more turns: all that are due have theirs."""
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def rows(self) -> list[Row]:
        found: list[Any] = []
        defer.ensureDeferred(self.census.rows()).addBoth(found.append)
        while not found:
            self.clock.advance(0)
        assert isinstance(found[0], list), found[0]
        return found[0]

    def said(self) -> list[tuple[str, str]]:
        return [(row.name, row.standing) for row in self.rows()]


@pytest.fixture
def scene() -> Scene:
    made = Scene()
    made.census.start()
    return made


def test_before_any_census_the_masters_knowledge_and_the_ledger_are_shown(scene: Scene) -> None:
    scene.entries.opened(
        3, {"workerid": WORKER, "worker": "w", "instance": "c-8", "class": "Driven"}
    )
    scene.story.up()
    assert [standing for _, standing in scene.said()] == ["up", "in_ledger"]
    assert scene.census.taken is None


def test_a_start_of_the_master_takes_one_and_what_it_sees_once_is_looked_at_again(
    scene: Scene,
) -> None:
    assert scene.asked == 0, "the start is not delayed"
    scene.wait(FIRST_AFTER)
    assert (scene.asked, scene.said(), scene.opened) == (1, [("c-9", "unknown")], [])
    scene.wait(AGAIN_AFTER)
    assert (scene.asked, scene.said()) == (2, [("c-9", "nobodys")])
    (row,) = scene.opened
    assert (row["cause"], row["instance"], row["workerid"]) == ("nobodys", "c-9", WORKER)
    assert row["place"] == place_of(PLACE)
    assert row["why"] == "Docker at here has listed it twice, and no worker of this master has it"
    scene.wait(1000)
    assert scene.asked == 2, "then nobody is asked until somebody wants it"
    assert scene.told[-1] == {"total": 1, "nobodys": 1}
    assert scene.failures == []


def test_what_is_in_the_ledger_already_is_not_written_again(scene: Scene) -> None:
    for _ in range(4):
        scene.census.refresh()
        scene.wait(AGAIN_AFTER)
    assert len(scene.opened) == 1
    assert scene.rows()[0].orphan == 1


def test_it_is_taken_every_so_often_where_configured_and_from_a_reconfig_on(scene: Scene) -> None:
    scene.answer = Listing(PLACE, ())
    scene.wait(FIRST_AFTER)
    scene.wait(1000)
    assert scene.asked == 1
    scene.every = 60
    scene.census.changed()
    scene.wait(60)
    scene.wait(60)
    assert scene.asked == 3
    scene.every = None
    scene.census.changed()
    scene.wait(1000)
    assert scene.asked == 3


def test_one_runs_at_a_time_and_who_asks_meanwhile_joins_it(scene: Scene) -> None:
    scene.answer = waiting = defer.Deferred()
    scene.census.refresh()
    scene.census.refresh()
    scene.wait(1)
    assert (scene.asked, scene.census.taking) == (1, True)
    waiting.callback(Listing(PLACE, ()))
    scene.wait(0)
    assert not scene.census.taking
    scene.answer = Listing(PLACE, ())
    scene.census.refresh()
    assert scene.asked == 1, "not as often as somebody likes"
    scene.wait(LEAST_BETWEEN)
    scene.census.refresh()
    scene.wait(0)
    assert scene.asked == 2


def test_a_cloud_that_does_not_answer_counts_as_no_look(scene: Scene) -> None:
    scene.wait(FIRST_AFTER)
    scene.answer = DEAD
    scene.wait(AGAIN_AFTER)
    assert (scene.said(), scene.opened) == ([("c-9", "unknown")], [])
    (place,) = scene.census.places()
    assert (place.trouble, place.count) == (DEAD, None)


def test_while_the_master_stops_no_census_is_taken(scene: Scene) -> None:
    scene.stopping = True
    scene.wait(FIRST_AFTER)
    assert scene.asked == 0
    scene.stopping = False
    scene.census.stop()
    scene.census.refresh()
    assert scene.asked == 0


@pytest.mark.parametrize(
    ("others", "tells", "standing"),
    [
        ([], False, "nobodys"),
        (["there"], False, "unknown"),
        (["there"], True, "nobodys"),
    ],
)
def test_where_the_mark_cannot_tell_masters_apart_others_are_thought_of(
    scene: Scene, others: list[str], tells: bool, standing: str
) -> None:
    scene.others, scene.tells = others, tells
    scene.wait(FIRST_AFTER)
    scene.wait(AGAIN_AFTER)
    assert scene.said() == [("c-9", standing)]
    assert len(scene.opened) == (standing == "nobodys")


def test_an_entry_without_a_name_gets_the_one_of_the_list(scene: Scene) -> None:
    scene.entries.opened(
        7, {"workerid": WORKER, "worker": "w", "instance": None, "class": "Driven"}
    )
    scene.wait(FIRST_AFTER)
    assert scene.named == [(7, "c-9")]
    assert [(row.orphan, row.standing) for row in scene.rows()] == [(7, "in_ledger")]


def test_of_two_that_an_entry_without_a_name_may_be_about_neither_gives_its_name(
    scene: Scene,
) -> None:
    scene.entries.opened(
        7, {"workerid": WORKER, "worker": "w", "instance": None, "class": "Driven"}
    )
    scene.answer = Listing(PLACE, (STRAY, MINE))
    scene.wait(FIRST_AFTER)
    assert scene.named == []


def test_what_the_master_believes_up_is_missing_when_the_cloud_says_of_this_one_that_it_is_gone(
    scene: Scene,
) -> None:
    scene.story.up()
    scene.answer = Listing(PLACE, ())
    scene.wait(FIRST_AFTER)
    scene.wait(AGAIN_AFTER)
    assert scene.said() == [("i-1", "up")], "a list that lacks it is no proof"
    scene.is_gone = True
    scene.wait(LEAST_BETWEEN)
    scene.census.refresh()
    scene.wait(0)
    assert scene.said() == [("i-1", "missing")]
    assert scene.told[-1] == {"total": 1, "missing": 1}


def test_what_is_gone_is_forgotten_and_told_of_once(scene: Scene) -> None:
    scene.answer = Listing(PLACE, tuple(Instance(f"c-{n}", None, State.UP, "up") for n in range(9)))
    scene.wait(FIRST_AFTER)
    told = len(scene.told)
    for n in range(8):
        scene.census.is_gone(WORKER, f"c-{n}", place_of(PLACE))
    scene.wait(0)
    assert [row.name for row in scene.rows()] == ["c-8"]
    assert [each["total"] for each in scene.told[told:]] == [1]


def test_what_is_gone_at_one_place_is_not_forgotten_at_another(scene: Scene) -> None:
    scene.wait(FIRST_AFTER)
    for digest in (place_of(("docker", "there", "-abc123")), OWN, None):
        scene.census.is_gone(WORKER, "c-9", digest)
    assert [name for name, _ in scene.said()] == ["c-9"]
    scene.census.is_gone(WORKER, "buildbot-w-abc123", place_of(PLACE))
    assert scene.said() == [], "an entry may have the name that the driver gave it"


def test_a_list_that_is_under_way_while_it_is_gone_is_not_believed_in_it(scene: Scene) -> None:
    scene.answer = waiting = defer.Deferred()
    scene.wait(FIRST_AFTER)
    scene.census.is_gone(WORKER, "c-9", place_of(PLACE))
    waiting.callback(Listing(PLACE, (STRAY,)))
    scene.wait(0)
    assert scene.said() == []
    scene.answer = Listing(PLACE, (STRAY,))
    scene.wait(LEAST_BETWEEN)
    scene.census.refresh()
    scene.wait(0)
    scene.wait(AGAIN_AFTER)
    assert scene.said() == [("c-9", "nobodys")], "there it is: the next looks see it"


def test_a_driver_that_cannot_list_is_told_as_such(scene: Scene) -> None:
    scene.able = frozenset()
    scene.wait(FIRST_AFTER)
    (place,) = scene.census.places()
    assert (place.class_name, place.can_list, place.at) == ("Driven", False, None)
    assert scene.census.taken is not None
