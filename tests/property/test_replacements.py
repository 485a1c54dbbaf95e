"""Workers come, go, and are replaced under their names at random, while the others build.

What is kept of one worker never reaches another: not its successor of the same name, not the others.
`LIFECYCLE_PROPERTY_EXAMPLES` asks for a longer run, as in `test_interleavings`.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.watch.probe import PROBE
from tests.property.test_interleavings import LONG, profile
from tests.property.world import Desk, House, Link, Worker, World, automatic, housed

NAMES = ("a", "b", "c", "d")
NAME = st.sampled_from(NAMES)
TIMEOUTS = st.sampled_from([0, 10, -1])


class Sibling(Worker):
    """A worker of another class."""


KIND = st.sampled_from([Worker, Sibling])

#: What was reached, over all examples of a run.
REACHED: collections.Counter[str] = collections.Counter()


class Watched(Link):
    """A connection that tells of the master's aborting it."""

    aborted = False

    def abortConnection(self) -> None:  # noqa: N802 - Buildbot's name
        self.aborted = self.aborted or not self.disconnected
        super().abortConnection()


class One(World):
    """One worker of the fleet, whose driver is well, unless it is told to hang when it is removed."""

    def __init__(self, kind: type[Worker], *args: Any, **kwargs: Any) -> None:
        self.worker_class = kind
        self.kind = kind
        super().__init__(*args, **kwargs)

    def link(self) -> Link:
        return Watched(silent=False)

    @property
    def is_removed(self) -> bool:
        return bool(self.stopped)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with housed(str(tmp_path_factory.mktemp("house")), *NAMES) as it:
        yield it


class Replaced(RuleBasedStateMachine):
    """A reconfiguration removes first and adds then, so a name is free once its worker is gone."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self.house = house
        self.fleet: dict[str, One] = {}
        self.past: list[One] = []
        self.wanted: dict[str, tuple[type[Worker], float]] = {}
        self.hung: set[Any] = set()

    @initialize()
    def begin(self) -> None:
        self.desk = Desk(self.house.master, automatic(2, 1000), watch=True)
        for watched in PROBE.subscribe(self.house.master, self.desk.logbook):
            self.desk.logbook.baseline(watched)
        for name in NAMES[:3]:
            self.wanted[name] = (Worker, 10)
        self.fill()

    # one thing after another

    def fill(self) -> None:
        """What a reconfiguration adds, once what it removes is gone."""
        for name, (kind, timeout) in list(self.wanted.items()):
            before = self.fleet.get(name)
            if before is not None and not before.is_removed:
                continue
            if before is not None:
                self.past.append(before)
                REACHED["another class" if before.kind is not kind else "the same class"] += 1
            del self.wanted[name]
            self.fleet[name] = One(
                kind,
                self.house,
                observed=False,
                name=name,
                build_wait_timeout=timeout,
                missing_timeout=100,
                check_instance_interval=10,
            )
            self.fleet[name].act("advance", 0)

    def act(self, name: str, *act: Any) -> None:
        for world in self.fleet.values():
            world.turns.taken = 0
        world = self.fleet.get(name)
        if world is not None and world.stopped is None:
            world.act(*act)
        self.fill()
        self.check()

    @rule(name=NAME)
    def build(self, name: str) -> None:
        self.act(name, "begin_build", name)
        self.act(name, "connect", False)

    @rule(name=NAME)
    def end(self, name: str) -> None:
        world = self.fleet.get(name)
        REACHED["served"] += bool(world and name in world.jobs and world.jobs[name].runs)
        self.act(name, "end_build", name)

    @rule(name=NAME)
    def lose(self, name: str) -> None:
        self.act(name, "lose")

    @rule(seconds=st.sampled_from([0.125, 1, 11, 60]))
    def advance(self, seconds: float) -> None:
        for _ in range(max(1, int(seconds * 2))):
            for world in self.fleet.values():
                world.turns.taken = 0
            self.house.reactor.advance(min(seconds, 0.5))
            self.fill()
        self.check()

    @rule(name=NAME, kind=KIND, timeout=TIMEOUTS, hangs=st.booleans())
    def replace(self, name: str, kind: type[Worker], timeout: float, hangs: bool) -> None:
        self.wanted[name] = (kind, timeout)
        self.remove(name, hangs)

    @rule(name=NAME, hangs=st.booleans())
    def remove(self, name: str, hangs: bool) -> None:
        world = self.fleet.get(name)
        if world is not None and world.stopped is None:
            if hangs:
                world.act("answer", "stop_instance", "hangs")
                self.hung.add(world)
            for job in list(world.jobs.values()):
                job.stop()
        self.act(name, "remove")

    @rule(name=NAME, kind=KIND, other=NAME, hangs=st.booleans())
    def replace_while_others_build(
        self, name: str, kind: type[Worker], other: str, hangs: bool
    ) -> None:
        """The ordinary way, so that the rest of it is reached often."""
        self.build(name)
        self.build(other)
        self.replace(name, kind, 10, hangs)
        self.advance(11)
        self.come_late(name)
        self.end(other)

    @rule(old=NAME, new=NAME, kind=KIND, hangs=st.booleans())
    def rename(self, old: str, new: str, kind: type[Worker], hangs: bool) -> None:
        if old != new and (new not in self.fleet or self.fleet[new].is_removed):
            self.wanted[new] = (kind, 10)
            REACHED["renamed"] += 1
        self.remove(old, hangs)

    @rule(name=NAME)
    def come_late(self, name: str) -> None:
        """A call of a worker that was removed long ago ends after all."""
        for world in [w for w in self.past if w.worker.name == name]:
            REACHED["a late end"] += any(not d.called for _, d in world.pending)
            world.end_call(0, "yes")
        self.fill()
        self.check()

    # what must hold

    def living(self) -> dict[str, One]:
        return {n: w for n, w in self.fleet.items() if w.stopped is None}

    def known(self, name: str) -> Known:
        known = self.desk.logbook.named(name)
        assert known is not None, name
        return known

    def check(self) -> None:
        desk = self.desk
        assert (desk.logbook.errors, desk.logbook.last_error) == (0, None)
        assert desk.unexpected == []
        known = {each.name: each for each in desk.logbook.known()}
        assert len(known) == len(list(desk.logbook.known()))
        for name, world in self.living().items():
            one = known[name]
            assert one.watched.worker is world.worker
            assert one.class_name == type(world.worker).__name__
            assert one.facts.state.value == world.worker.state.name.lower()
            assert one.facts.connected == (world.worker.conn is not None)
            assert (one.gone, one.leaving_since, one.facts.leaving) == (False, None, None)
            assert not desk.watch._stop.ends(one), "nobody asked for its stop"
            assert (one.tried, one.releasing, one.told_closed) == (set(), False, None)
            # a worker that nobody removes is not cut off; a refused one may be dropped
            cut = [link for link in world.links if getattr(link, "aborted", False)]
            assert all(link.refused for link in cut), (name, world.seen())
            assert desk.rebuilt(one.workerid) == one.facts
        for name, world in self.fleet.items():
            if world.is_removed:
                assert name not in known
        assert len(desk.actions) <= len(self.hung) * 3, "more was released than hung"

    def teardown(self) -> None:
        if not hasattr(self, "desk"):
            return
        try:
            self.wanted.clear()
            self.check()
            self.stop()
        finally:
            self.close()

    def stop(self) -> None:
        """The whole master: it ends, and releases nothing of a healthy worker."""
        self.advance(11)
        before = len(self.desk.actions)
        self.desk.watch._stop_asked()
        for world in self.fleet.values():
            for job in list(world.jobs.values()):
                job.stop()
            world.act("stop")
        for _ in range(120):
            for world in self.fleet.values():
                world.turns.taken = 0
            self.house.reactor.advance(0.5)
        for name, world in self.fleet.items():
            assert world.stopped == [None], (name, "its stop does not end", world.seen())
        hung = {w.worker.name for w in self.hung if w in self.fleet.values()}
        assert {a["worker"] for a in self.desk.actions[before:]} <= hung

    def close(self) -> None:
        self.desk.close()
        for world in [*self.past, *self.fleet.values()]:
            world.close()
        PROBE.unsubscribe(self.house.master)


KINDS = {"another class", "the same class", "renamed", "served", "a late end"}


def test_workers_that_are_replaced_inherit_nothing_and_others_are_not_disturbed(
    house: House,
) -> None:
    REACHED.clear()
    run_state_machine_as_test(lambda: Replaced(house), settings=profile(40))
    assert set(REACHED) <= KINDS
    assert REACHED.total(), "nothing was replaced in any walk"
    if LONG:
        # in forty walks each is met some ten times, or by chance hardly ever
        assert set(REACHED) == KINDS
        assert min(REACHED.values()) >= 5, REACHED
