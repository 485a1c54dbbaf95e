"""A healthy, busy master: two thousand episodes and more, and nothing is called stuck.

Every worker of `FLEET` is slow at something else, each for more than half of the time that the default
limits allow, and none for longer. So a limit that were half of what it is would raise a false alarm here,
and the test shows that for each of them: it judges what was recorded once more, with that limit halved.
"""

from __future__ import annotations

import collections
import dataclasses
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
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.verdicts import judge
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER
from buildbot_lifecycle.watch.probe import PROBE
from tests.property.world import Desk, House, Link, World, housed

pytestmark = pytest.mark.soak

EPISODES = 2000
HOURS = 3
SEED = 8400

#: Limits that no healthy worker ever comes near: a stop that broke off half way is a fault.
NEVER_NEAR = {"half_insubstantiated"}


@dataclasses.dataclass(frozen=True)
class Ways:
    """How a worker lives: seconds on the average (from half of it to one and a half), and chances."""

    starts: float = 1.0
    comes: float = 2.0
    builds: float = 20.0
    stops: float = 1.0
    #: from the end of a build until the next one is there
    rests: float = 1.0
    checks: float = 0.0
    #: answers to the master's first question, and to its list of builders
    greets: float = 0.0
    attaches: float = 0.0
    #: until a connection that was to be closed is gone
    closes: float = 0.0
    machine_starts: float = 0.0
    machine_stops: float = 0.0
    fails: float = 0.0
    #: a build is called off so long after it was given to the worker that still starts
    cancels_after: float = 0.0
    #: a build that was asked to stop goes on for so long
    ends: float = 0.0
    #: takes no data for so long, in each build
    blocks: float = 0.0
    #: an idle connection is lost, and the worker back after so long
    drops: float = 0.0
    #: comes back once while it is being stopped, or twice after it was, each time so long later
    knocks: bool = False
    outlives: float = 0.0
    machine: str = "none"
    #: Buildbot's build_wait_timeout
    waits: float = 0


class Slow(Link):
    """A connection whose other side takes its time."""

    def __init__(self, worker: Healthy) -> None:
        super().__init__(silent=False)
        self._worker = worker

    def _in(self, seconds: float, answer: Any) -> Any:
        if self.disconnected or not seconds:
            return self._remote(answer)
        asked: defer.Deferred[Any] = defer.Deferred()
        self.asked.append(asked)
        self._worker.after(seconds, lambda: None if asked.called else asked.callback(answer))
        return asked

    def remotePrint(self, message: str) -> Any:  # noqa: N802
        return self._in(self._worker.ways.greets if message == "attached" else 0.0, None)

    def remoteSetBuilderList(self, builders: Any) -> Any:  # noqa: N802
        return self._in(self._worker.ways.attaches, [name for name, _ in builders])

    def loseConnection(self) -> None:  # noqa: N802
        if self._worker.ways.closes and not self.refused:
            self._worker.after(self._worker.ways.closes, self.end)
        else:
            self.end()


class Healthy(World):
    """A worker that does what it should, each at its own pace. ``counts`` is what happened to it."""

    def __init__(self, house: House, name: str, ways: Ways, desk: Desk) -> None:
        self.ways, self.overseer = ways, desk
        self.chance = random.Random(f"{SEED} {name}")
        self.counts: collections.Counter[str] = collections.Counter()
        self.rest = 0.0
        super().__init__(
            house,
            observed=False,
            name=name,
            machine=ways.machine,
            build_wait_timeout=ways.waits,
            missing_timeout=1200,
        )

    def some(self, seconds: float) -> float:
        return seconds * self.chance.uniform(0.5, 1.5)

    def after(self, seconds: float, what: Any) -> None:
        self.clock.callLater(self.some(seconds), what)

    def link(self) -> Link:
        return Slow(self)

    # the driver

    def called(self, call: str) -> Any:
        ways = self.ways
        mean = {
            "start_instance": ways.starts,
            "stop_instance": ways.stops,
            "check_instance": ways.checks,
            "start_machine": ways.machine_starts,
            "stop_machine": ways.machine_stops,
        }[call]
        fails = call == "start_instance" and self.chance.random() < ways.fails
        answer: Any = (True, "") if call == "check_instance" else not fails
        seconds = self.some(mean)
        self.counts[call] += 1
        if fails:
            self.counts["failed starts"] += 1
            # Buildbot's quarantine: no next build for ten seconds
            self.rest = self.clock.seconds() + seconds + 10.0
        if call == "stop_instance":
            if ways.knocks:
                self.clock.callLater(seconds / 2, self.knock, "refused during the stop")
            if ways.outlives:
                # once is no loop
                for times in (1, 2):
                    self.after(times * ways.outlives, lambda: self.knock("refused after the stop"))
        if call == "start_instance" and not fails:
            self.clock.callLater(seconds + self.some(ways.comes), self.come)
        if seconds < 0.2:
            return answer
        ended: defer.Deferred[Any] = defer.Deferred()
        self.pending.append((call, ended))
        self.clock.callLater(seconds, ended.callback, answer)
        return ended

    def come(self) -> None:
        """The worker logs in; while an older connection of it is closing, again a little later."""
        if self.worker.state is not States.SUBSTANTIATING_STARTING:
            return
        self.connect(False)
        if self.links[-1].refused:
            self.counts["kept out by an older connection"] += 1
            self.clock.callLater(5.0, self.come)

    def knock(self, how: str) -> None:
        """The instance is slow to go, and its worker comes back meanwhile: it is refused."""
        resting = self.worker.state is States.NOT_SUBSTANTIATED
        if resting or self.worker.state in STOPPING:
            self.connect(False)
            self.counts[how] += 1

    def come_back(self) -> None:
        if self.worker.conn is None and self.worker.state is States.SUBSTANTIATED:
            self.connect(False)
            self.counts["came back by itself"] += 1

    # its builds

    def turn(self) -> None:
        """A queue of builds that never runs dry: begin, run, end."""
        self.turns.taken = 0
        if self.stopped is not None:
            return
        for name in self.worker.workerforbuilders:
            job = self.jobs.get(name)
            if job is None or job.over:
                if self.clock.seconds() >= self.rest:
                    self._begin(name)
            elif job.runs:
                self._go_on(job)
            elif self.ways.cancels_after and self.clock.seconds() >= self.until:
                self.until = float("inf")
                self.counts["called off while starting"] += 1
                job.stop()
                self._over()

    def _begin(self, name: str) -> None:
        if self.worker.state is States.SUBSTANTIATED and self.worker.conn is None:
            return  # stock Buildbot would forget this build: see test_interleavings
        before = self.jobs.get(name)
        waits_behind = self.worker.state is States.INSUBSTANTIATING
        self.begin_build(name)
        if self.jobs.get(name) is before:
            return
        self.counts["waited behind a stop"] += waits_behind
        called_off = self.chance.random() < 0.5
        self.until = self.clock.seconds() + self.some(self.ways.cancels_after)
        self.until = self.until if called_off else float("inf")
        self.ends_at = 0.0

    until = ends_at = float("inf")
    served_at = 0.0

    def _go_on(self, job: Any) -> None:
        now = self.clock.seconds()
        if not self.ends_at:
            self.ends_at = now + self.some(self.ways.builds)
            if self.ways.ends and self.chance.random() < 0.5:
                self.ends_at = now + self.some(self.ways.ends)
                self.counts["asked to stop its build"] += 1
                build = {"builder": self.worker.name, "buildid": None, "number": None}
                self.hear(Kind.BUILD_STOPPING, {"build": build})
            if self.ways.blocks:
                self.counts["took no data"] += 1
                self.hear(Kind.SEND_BLOCKED, {"since": now})
                self.after(self.ways.blocks, lambda: self.hear(Kind.SEND_RESUMED, {}))
        if now >= self.ends_at:
            job.finish()
            self.counts["served"] += 1
            self.served_at = now
            self._over()

    def _over(self) -> None:
        self.rest = self.clock.seconds() + self.some(self.ways.rests)
        if self.ways.drops:
            self.lose()
            self.after(self.ways.drops, self.come_back)

    def hear(self, kind: Kind, data: dict[str, Any]) -> None:
        """What the service hears from elsewhere than from the probe."""
        known = self.overseer.logbook.named(self.worker.name)
        if known is not None:
            self.overseer.logbook.observe(known.watched, kind, data)


STOPPING = (States.INSUBSTANTIATING, States.INSUBSTANTIATING_SUBSTANTIATING)

FLEET: dict[str, Ways] = {
    # most of the episodes
    "fast": Ways(starts=0.1, comes=1, stops=0.1),
    "quick": Ways(),
    "flaky": Ways(fails=0.1),
    "idle": Ways(rests=20, waits=10),
    "kept": Ways(waits=-1, rests=10),
    "kept-drops": Ways(waits=-1, rests=40, drops=15),
    "called-off": Ways(starts=20, cancels_after=10),
    "refused": Ways(stops=40, knocks=True),
    # more than half of a limit, and not all of it: seconds are for the average, up to half as much more
    "slow-start": Ways(starts=640, comes=120),
    "slow-connect": Ways(comes=750),
    "slow-check": Ways(comes=120, checks=20),
    "slow-stop": Ways(stops=380, rests=700),
    "slow-stop-queued": Ways(stops=380),
    "slow-machine": Ways(machine="plain", machine_starts=650, machine_stops=60, stops=5),
    "slow-machine-end": Ways(machine="plain", machine_starts=5, machine_stops=380, rests=700),
    "machine-brings": Ways(machine="brings", machine_starts=40, waits=-1, machine_stops=10),
    "up-for-nobody": Ways(machine="plain", machine_starts=60, cancels_after=20, rests=200),
    "slow-login": Ways(greets=38),
    "slow-attach": Ways(attaches=38),
    "slow-to-end-a-build": Ways(ends=78),
    "takes-no-data": Ways(blocks=78, builds=120),
    "slow-close": Ways(closes=38, rests=90),
    "slow-close-queued": Ways(closes=38, comes=1, rests=1),
    "outlives-its-stop": Ways(outlives=4, rests=38),
    **{f"leaves-{number}": Ways(builds=600, stops=78, rests=150) for number in range(9)},
}


class Master:
    """The plugin's desk over the whole fleet, as one service has it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.fleet: dict[str, Healthy] = {}
        self.desk = Desk(house.master, Settings(), watch=True)
        for watched in PROBE.subscribe(house.master, self.desk.logbook):
            self.desk.logbook.baseline(watched)
        for name, ways in FLEET.items():
            self.fleet[name] = Healthy(house, name, ways, self.desk)

    @property
    def episodes(self) -> int:
        return sum(
            kept.event.kind is Kind.TRANSITION and kept.event.data["to"] == "substantiating"
            for kept in self.desk.log
        )

    def run(self, seconds: int) -> None:
        for _ in range(seconds):
            self.house.reactor.advance(1.0)
            for worker in self.fleet.values():
                worker.turn()

    def waits(self) -> Iterator[tuple[Facts, float]]:
        """What was known of a worker, and until when that was all."""
        facts: dict[int, Facts] = {}
        for kept in self.desk.log:
            event = kept.event
            before = facts.get(event.workerid)
            if before is not None and before.state_since != event.at:
                yield before, event.at
            facts[event.workerid] = apply(before or Facts(workerid=event.workerid), event).facts

    def close(self) -> None:
        self.desk.close()
        for worker in self.fleet.values():
            worker.close()
        PROBE.unsubscribe(self.house.master)


@pytest.fixture
def master(tmp_path: Path) -> Iterator[Master]:
    with housed(str(tmp_path), *FLEET) as house:
        made = Master(house)
        yield made
        made.close()


def alarms(waits: list[tuple[Facts, float]], limits: dict[str, float | None]) -> set[Any]:
    """The waits that would have been called stuck with these limits.

    A silent one is asked first: that it would have been asked is enough here, as nobody did.
    """
    found = ((facts.workerid, judge(facts, limits, until)) for facts, until in waits)
    return {
        (worker, v.code, v.since)
        for worker, v in found
        if v.level == "stuck" or "asked whether it lives" in v.reason
    }


def test_a_healthy_busy_master_is_never_called_stuck(
    master: Master, capsys: pytest.CaptureFixture[str]
) -> None:
    began, clock, desk = time.monotonic(), master.house.reactor, master.desk
    first = clock.seconds()
    master.run(HOURS * 3600)
    idle = {name: clock.seconds() - worker.served_at for name, worker in master.fleet.items()}
    assert [name for name, ago in idle.items() if ago > 3600] == [], "no build for an hour"
    for name, worker in master.fleet.items():
        if name.startswith("leaves"):
            worker.remove()
    master.run(600)
    seconds = time.monotonic() - began

    stuck = [(known, v.code, v.reason) for known, v in desk.verdicts if v.level == "stuck"]
    assert stuck == []
    assert (desk.logbook.errors, desk.logbook.last_error) == (0, None)
    assert desk.unexpected == []
    assert desk.actions == []
    for known in desk.logbook.known():
        assert desk.rebuilt(known.workerid) == known.facts

    # what was really seen
    counts = {name: dict(worker.counts) for name, worker in master.fleet.items()}
    total = sum((worker.counts for worker in master.fleet.values()), collections.Counter())
    assert master.episodes >= EPISODES
    unserved = [name for name, worker in master.fleet.items() if worker.counts["served"] < 5]
    assert unserved == [], counts
    few = [kind for kind in KINDS if total[kind] < 10]
    assert few == [], counts
    leaving = [worker.stopped for name, worker in master.fleet.items() if "leaves" in name]
    assert leaving == [[None]] * 9

    # with any of the limits at its half, something of it is a false alarm
    waits = list(master.waits())
    halved = {key: None if s is None else s / 2 for key, s in DEFAULT_STUCK_AFTER.items()}
    near = [wait for wait in waits if alarms([wait], halved)]
    assert alarms(near, dict(DEFAULT_STUCK_AFTER)) == set()
    seen = {
        str.__str__(key): len(alarms(near, {**DEFAULT_STUCK_AFTER, key: half}))
        for key, half in halved.items()
        if half is not None
    }
    assert {key for key, number in seen.items() if number < 3} == NEVER_NEAR, seen
    with capsys.disabled():
        kinds = collections.Counter(kept.event.kind.value for kept in desk.log)
        levels = collections.Counter(v.level for _, v in desk.verdicts)
        print(  # noqa: T201 - the soak's figures
            f"\nsoak: {master.episodes} episodes, {len(desk.log)} events, {total['served']} builds,"
            f" {(clock.seconds() - first) / 3600:.1f} hours of the clock, {seconds:.1f} s"
            f" and {time.monotonic() - began - seconds:.1f} s of judging; verdicts {json.dumps(levels)};"
            f" {json.dumps(kinds)}; {json.dumps(total)};"
            f" waits over half of a limit: {json.dumps(seen)}"
        )


#: What must have happened, each kind of it ten times or more.
KINDS = (
    "start_instance",
    "stop_instance",
    "check_instance",
    "start_machine",
    "stop_machine",
    "failed starts",
    "refused during the stop",
    "refused after the stop",
    "came back by itself",
    "waited behind a stop",
    "called off while starting",
    "asked to stop its build",
    "took no data",
    "kept out by an older connection",
)
