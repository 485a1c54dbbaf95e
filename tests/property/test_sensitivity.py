"""The comparison of `test_interleavings` can fail: a probe that disturbs Buildbot is seen by it."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from buildbot.test.fake import reactor as fake_reactor
from buildbot.worker.latent import States
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from twisted.internet import defer

from buildbot_lifecycle.host import workers
from buildbot_lifecycle.watch import calls
from buildbot_lifecycle.watch.probe import PROBE, Probe
from tests.property.test_interleavings import Compared, profile
from tests.property.world import House, World, housed

pytestmark = pytest.mark.sensitivity

PATCH = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with housed(str(tmp_path_factory.mktemp("house"))) as it:
        yield it


def swallow_refusals(patch: PATCH, _: House) -> None:
    told = PROBE.around["attached"]

    def attached(*args: Any) -> Any:
        return told(*args).addErrback(lambda _: None)

    patch.setitem(PROBE.around, "attached", attached)


def eat_the_missing_timer(patch: PATCH, _: House) -> None:
    patch.setitem(PROBE.around, workers.MISSING_TIMER, lambda *_: None)


def answer_a_stop_late(patch: PATCH, house: House) -> None:
    begin = calls.Call.begin

    def late(self: calls.Call, *args: Any) -> Any:
        result = begin(self, *args)
        if self.name != "stop_instance" or isinstance(result, defer.Deferred):
            return result
        waits: defer.Deferred[Any] = defer.Deferred()
        house.reactor.callLater(0.25, waits.callback, result)
        return waits

    patch.setattr(calls.Call, "begin", late)


def soften_every_exception(patch: PATCH, _: House) -> None:
    def breaks_off(_: Any, error: Any) -> bool:
        return not isinstance(error, Exception)

    patch.setattr(calls.Call, "_breaks_off", breaks_off)


def miss_a_transition(patch: PATCH, _: House) -> None:
    told = Probe._state_changed

    def changed(self: Probe, worker: Any, before: Any, after: Any) -> None:
        if after.name != "NOT_SUBSTANTIATED":
            told(self, worker, before, after)

    patch.setattr(Probe, "_state_changed", changed)


class Seen(BaseException):
    """A difference was seen. Hypothesis lets it through at once: it neither looks for a second one, nor
    plays the first again, which takes a minute and another length on each machine."""


class Watched(Compared):
    """Ends the search with the first difference."""

    def teardown(self) -> None:
        try:
            super().teardown()
        except AssertionError as difference:
            raise Seen(str(difference)) from difference


@pytest.mark.parametrize(
    "disturb",
    [
        swallow_refusals,
        eat_the_missing_timer,
        answer_a_stop_late,
        soften_every_exception,
        miss_a_transition,
    ],
)
def test_a_probe_that_disturbs_is_seen(
    disturb: Callable[[PATCH, House], None], house: House, monkeypatch: PATCH
) -> None:
    disturb(monkeypatch, house)
    # the rarest is in one walk of twenty: so many walks miss it in none of 10^20 runs
    many = settings(profile(1), max_examples=1000, phases=(Phase.generate,))
    with pytest.raises(Seen):
        run_state_machine_as_test(lambda: Watched(house), settings=many)


@pytest.mark.parametrize("loop", ["of timers", "of states", "of locks"])
def test_a_loop_that_never_leaves_the_moment_is_broken_off_and_told(
    house: House, loop: str
) -> None:
    world = World(house, observed=False)

    def again(*_: Any) -> None:
        if loop == "of timers":
            house.reactor.callLater(0, again)
            return
        while True:
            if loop == "of states":
                world.worker.state = States.NOT_SUBSTANTIATED
            else:
                world.worker._start_stop_lock.acquire().addBoth(lambda lock: lock.release())

    try:
        house.reactor.callLater(5, lambda: defer.maybeDeferred(again))
        world.act("advance", 6)
        assert world.spun
    finally:
        world.close()


def test_a_closed_house_ends_no_generator_but_its_own(tmp_path: Path) -> None:
    def others() -> Iterator[int]:
        yield 1
        yield 2

    other = others()
    assert next(other) == 1
    reactor = fake_reactor.reactor
    with housed(str(tmp_path)) as house:
        World(house, observed=False).close()
    assert [*other] == [2], "it was ended, as pytest's own would be"
    assert fake_reactor.reactor is reactor


def test_a_closed_house_leaves_nothing_behind_that_goes_on_in_another_test(tmp_path: Path) -> None:
    with housed(str(tmp_path)) as house:
        world = World(house, observed=False)
        world.act("answer", "stop_instance", "hangs")
        world.act("begin_build", "one")
        world.act("connect", False)
        world.act("end_build", "one")
        world.act("insubstantiate", False)
        world.act("stop")
        world.close()
    left = [
        found
        for found in gc.get_objects()
        if inspect.isgenerator(found)
        and inspect.getgeneratorstate(found) == inspect.GEN_SUSPENDED
        and found.gi_frame.f_locals.get("self") is world.worker
    ]
    assert left == []
