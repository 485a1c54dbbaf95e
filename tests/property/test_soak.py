"""A healthy, busy master: two thousand episodes and more, and nothing is called stuck."""

from __future__ import annotations

import collections
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from buildbot.worker.latent import States
from twisted.internet import defer

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.master.probe import PROBE
from tests.property.world import Desk, House, World, housed

EPISODES = 2000
SEED = 8400


class Healthy(World):
    """A worker that does what it should, each at its own pace (seconds)."""

    def __init__(
        self,
        house: House,
        name: str,
        *,
        starts: float,
        comes: float,
        builds: float,
        stops: float,
        fails: float = 0.0,
        knocks: bool = False,
        **arguments: Any,
    ) -> None:
        self.starts, self.comes, self.builds, self.stops = starts, comes, builds, stops
        self.fails, self.knocks = fails, knocks
        self.chance = random.Random(f"{SEED} {name}")
        self.served = self.refusals = 0
        super().__init__(house, observed=False, name=name, **arguments)

    def some(self, seconds: float) -> float:
        return seconds * self.chance.uniform(0.5, 1.5)

    def called(self, call: str) -> Any:
        if call == "check_instance":
            return (True, "")
        fails = call == "start_instance" and self.chance.random() < self.fails
        seconds = self.some(self.starts if call == "start_instance" else self.stops)
        if call == "stop_instance" and self.knocks:
            self.clock.callLater(seconds / 2, self.knock)
        if seconds < 0.2:
            return not fails
        ended: defer.Deferred[Any] = defer.Deferred()
        self.clock.callLater(seconds, ended.callback, not fails)
        if call == "start_instance" and not fails:
            self.clock.callLater(seconds + self.some(self.comes), self.come)
        return ended

    def come(self) -> None:
        if self.worker.state is States.SUBSTANTIATING_STARTING and self.worker.conn is None:
            self.connect(False)

    def knock(self) -> None:
        """The instance is slow to go, and its worker comes back meanwhile: it is refused."""
        if self.worker.state in (States.INSUBSTANTIATING, States.INSUBSTANTIATING_SUBSTANTIATING):
            self.connect(False)
            self.refusals += 1

    def turn(self) -> None:
        """A queue of builds that never runs dry: begin, run, end."""
        self.lock.taken = 0
        for name in self.worker.workerforbuilders:
            job = self.jobs.get(name)
            if job is not None and job.runs:
                until = job.__dict__.setdefault(
                    "until", self.clock.seconds() + self.some(self.builds)
                )
                if self.clock.seconds() >= until:
                    job.finish()
                    self.served += 1
                    self.rest = self.clock.seconds() + self.some(1.0)
            elif (job is None or job.over) and self.clock.seconds() >= self.rest:
                self.begin_build(name)
        state = self.worker.state
        if state is States.SUBSTANTIATING_STARTING and self.starts < 0.2:
            self.come()

    rest = 0.0


#: name -> how it lives; builds wait behind stops where the pause is short
FLEET: dict[str, dict[str, Any]] = {
    "fast": {"starts": 0.1, "comes": 1, "builds": 3, "stops": 0.1, "build_wait_timeout": 0},
    "quick": {"starts": 1, "comes": 2, "builds": 3, "stops": 1, "build_wait_timeout": 0},
    "slow": {"starts": 120, "comes": 60, "builds": 300, "stops": 90, "build_wait_timeout": 0},
    "idle": {"starts": 2, "comes": 3, "builds": 5, "stops": 2, "build_wait_timeout": 10},
    "refused": {
        "starts": 2,
        "comes": 2,
        "builds": 4,
        "stops": 40,
        "knocks": True,
        "build_wait_timeout": 0,
    },
    "flaky": {
        "starts": 2,
        "comes": 2,
        "builds": 4,
        "stops": 2,
        "fails": 0.1,
        "build_wait_timeout": 0,
    },
    "kept": {"starts": 1, "comes": 1, "builds": 4, "stops": 1, "build_wait_timeout": -1},
}


class Master:
    """The plugin's desk over the whole fleet, as one service has it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.fleet: dict[str, Healthy] = {}
        self.desk = Desk(house.master, Settings(), watch=True)
        for watched in PROBE.subscribe(house.master, self.desk.logbook):
            self.desk.logbook.baseline(watched)
        for name, how in FLEET.items():
            self.fleet[name] = Healthy(house, name, missing_timeout=900, **how)

    @property
    def episodes(self) -> int:
        return sum(
            kept.event.kind is Kind.TRANSITION and kept.event.data["to"] == "substantiating"
            for kept in self.desk.log
        )

    def close(self) -> None:
        for worker in self.fleet.values():
            worker.close()
        self.desk.close()
        PROBE.unsubscribe(self.house.master)


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    with housed(str(tmp_path), *FLEET) as house:
        made = Master(house)
        yield made
        made.close()


def test_a_healthy_busy_master_is_never_called_stuck(
    master: Master, capsys: pytest.CaptureFixture[str]
) -> None:
    began, clock, desk = time.monotonic(), master.house.reactor, master.desk
    first = clock.seconds()
    steps = 0
    while steps % 500 or master.episodes < EPISODES:
        clock.advance(1.0)
        steps += 1
        for worker in master.fleet.values():
            worker.turn()
    seconds = time.monotonic() - began
    stuck = [(name, v.code, v.reason) for name, v in desk.verdicts if v.level == "stuck"]
    assert stuck == []
    assert (desk.logbook.errors, desk.logbook.last_error) == (0, None)
    assert desk.unexpected == []
    assert desk.actions == []
    for known in desk.logbook.known():
        assert desk.rebuilt(known.workerid) == known.facts
    served = {name: worker.served for name, worker in master.fleet.items()}
    assert all(served.values()), served
    kinds = collections.Counter(kept.event.kind.value for kept in desk.log)
    moves = {kept.event.data["to"] for kept in desk.log if kept.event.kind is Kind.TRANSITION}
    assert "insubstantiating_substantiating" in moves, "no build waited behind a stop"
    assert kinds["refused"] > 10
    assert any(v.code == "start_failed" for _, v in desk.verdicts)
    with capsys.disabled():
        levels = collections.Counter(v.level for _, v in desk.verdicts)
        print(  # noqa: T201 - the soak's figures
            f"\nsoak: {master.episodes} episodes, {len(desk.log)} events, {sum(served.values())}"
            f" builds, {(clock.seconds() - first) / 3600:.1f} hours of the clock, {seconds:.1f} s;"
            f" verdicts {json.dumps(levels)}; {json.dumps(kinds)}"
        )
