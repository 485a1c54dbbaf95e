"""The comparison of `test_interleavings` can fail: a probe that disturbs Buildbot is seen by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from twisted.internet import defer

from buildbot_lifecycle.master import calls, internals, probe
from tests.property.test_interleavings import Compared, profile
from tests.property.world import House, housed

PATCH = pytest.MonkeyPatch


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with housed(str(tmp_path_factory.mktemp("house"))) as it:
        yield it


def swallow_refusals(patch: PATCH, _: House) -> None:
    def attached(self: Any, *args: Any) -> Any:
        return probe.Probe._attached(self, *args).addErrback(lambda _: None)

    patch.setitem(probe._AROUND, "attached", attached)


def eat_the_missing_timer(patch: PATCH, _: House) -> None:
    patch.setitem(probe._AROUND, internals.MISSING_TIMER, lambda *_: None)


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
    told = probe.Probe._state_changed

    def changed(self: probe.Probe, worker: Any, before: Any, after: Any) -> None:
        if after.name != "NOT_SUBSTANTIATED":
            told(self, worker, before, after)

    patch.setattr(probe.Probe, "_state_changed", changed)


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
    quick = settings(profile(150), phases=(Phase.generate,))
    with pytest.raises(AssertionError):
        run_state_machine_as_test(lambda: Compared(house), settings=quick)
