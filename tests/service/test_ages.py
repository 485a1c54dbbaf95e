"""The age of another master's worker is counted from that master's clock, which its heartbeats tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace
from twisted.internet import task

from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.service.answers import Answers
from buildbot_lifecycle.service.others import Others
from buildbot_lifecycle.shapes.parts import Building, Pending
from tests.www.double import NOW, worker

MINE, OTHER = 1, 2


class Two:
    """Master 1, which has watched master 2 for some heartbeats; its clock is so many seconds ahead."""

    def __init__(self, ahead: float) -> None:
        self.clock = task.Clock()
        self.clock.advance(NOW)
        pool = SimpleNamespace(engine=SimpleNamespace(dialect=SimpleNamespace(name="postgresql")))
        master: Any = SimpleNamespace(
            reactor=self.clock, masterid=MINE, name="mine", db=SimpleNamespace(pool=pool)
        )
        nothing: Any = None
        self.others = Others(master, nothing, nothing, nothing, lambda: None)
        self.beat = {"masterid": OTHER, "id": 7, "ended_at": None, "master": "other"}
        for _ in range(8):
            self.clock.advance(5.0)
            self.beat["heartbeat_at"] = self.clock.seconds() + ahead
            self.others.heard([self.beat])
        self.parts: Any = SimpleNamespace(others=self.others)
        self.answers = Answers(master, Settings(), self.parts, None)

    def told(self, **facts: Any) -> Any:
        """Its worker, as it wrote it down by its own clock, as this master tells it."""
        row = replace(worker(3, "far"), masterid=OTHER, master="other", **facts)
        (told,) = self.answers._stored(self.parts, [row], [self.beat])
        return told


@pytest.mark.parametrize("ahead", [-90.0, 60.0, 3600.0])
def test_each_time_of_a_worker_is_turned_into_this_masters(ahead: float) -> None:
    two = Two(ahead)
    there = two.clock.seconds() + ahead  # what its clock says now
    building = Building(buildid=1, builderid=2, builder="b", number=3, since=there - 40)
    told = two.told(
        state_since=there - 30,
        pending=Pending(call="stop_instance", since=there - 20),
        building=(building,),
        updated_at=there,
    )
    now = two.clock.seconds()
    ages = [told.state_since, told.pending.since, told.building[0].since, told.updated_at]
    assert [round(now - at) for at in ages] == [30, 20, 40, 0]
    assert two.others.differ() == abs(ahead)


@pytest.mark.parametrize("ahead", [0.0, 2.0, -4.0])
def test_a_difference_of_which_nobody_is_told_changes_no_time(ahead: float) -> None:
    """It is known to a second or two only, and a time that trembles would be news each second."""
    assert Two(ahead).told(state_since=5.0).state_since == 5.0


def test_of_a_master_that_has_died_since_the_difference_is_still_known() -> None:
    two = Two(-90.0)
    before = two.told(state_since=NOW).state_since
    for _ in range(10):
        two.clock.advance(4.0)
        two.others.heard([two.beat])
    assert two.others.live([two.beat]) == set()
    assert two.told(state_since=NOW).state_since == before
