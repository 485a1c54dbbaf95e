"""What the probe costs: an assignment of `state` and a driver call, with it and without, in one run.

    pytest tests/benchmarks/test_probe_cost.py -m benchmark -s

prints the figures. Only generous bounds are asserted: a worker changes its state a few times in an
hour, so that what matters is that the cost is of microseconds and does not grow.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from buildbot.worker.latent import States
from twisted.internet import defer, task

from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.watch.probe import PROBE
from tests.probe.support import Driven, Plain

pytestmark = pytest.mark.benchmark

#: Repetitions of one measurement, of which the fastest counts.
REPEATS, NUMBER = 5, 2000


class Drain:
    """A sink, and a recording, that let everything go."""

    def observe(self, watched: Any, kind: Any, data: Any) -> None: ...

    def failed(self, what: str) -> None:
        pytest.fail(what)

    def record(self, known: Any, event: Any, episodes: Any) -> None: ...

    def record_verdict(self, known: Any) -> None: ...


def microseconds(function: Callable[[], None]) -> float:
    return min(timeit.repeat(function, number=NUMBER, repeat=REPEATS)) / NUMBER * 1e6


@pytest.fixture
def worker() -> Iterator[Any]:
    master = Plain()
    worker = Driven("w")
    worker.parent = master
    worker.workerid = 1
    worker.build_wait_timeout = 600
    worker.answers = {"stop_instance": defer.Deferred}
    master.workers.namedServices["w"] = worker
    yield worker
    PROBE.unsubscribe(master)
    Plain.made.clear()


def assigning(worker: Any) -> Callable[[], None]:
    def go() -> None:
        worker.state = States.SUBSTANTIATING
        worker.state = States.NOT_SUBSTANTIATED

    return go


def reading(worker: Any) -> Callable[[], None]:
    def go() -> None:
        worker.state  # noqa: B018 - to read it is what is measured

    return go


def calling(worker: Any) -> Callable[[], None]:
    def go() -> None:
        driver: defer.Deferred[bool] = defer.Deferred()
        worker.answers["stop_instance"] = lambda: driver
        worker.stop_instance().addBoth(lambda _: None)
        driver.callback(True)

    return go


@pytest.mark.parametrize(
    ("what", "doing", "changes", "bound_us"),
    [
        ("an assignment of state", assigning, 2, 200),
        ("a reading of state", reading, 1, 20),
        ("a driver call that is waited for", calling, 1, 500),
    ],
)
def test_the_probe_costs_microseconds(
    what: str, doing: Any, changes: int, bound_us: float, worker: Any, capsys: Any
) -> None:
    stock = microseconds(doing(worker)) / changes
    PROBE.subscribe(worker.master, Drain())
    probed = microseconds(doing(worker)) / changes
    PROBE.unsubscribe(worker.master)
    clock = task.Clock()
    clock.advance(1.8e9)
    PROBE.subscribe(worker.master, Logbook(clock, Settings, Drain()))
    recorded = microseconds(doing(worker)) / changes
    with capsys.disabled():
        print(  # noqa: T201 - figures are what this is for
            f"\n{what}: stock {stock:.2f} us, with the probe {probed:.2f} us"
            f" ({probed / stock:.0f} times), with the logbook {recorded:.1f} us"
        )
    assert probed - stock < bound_us
    assert recorded - stock < 10 * bound_us
    assert not worker.__dict__.get("failures")


def test_a_thousand_calls_leave_nothing_behind(worker: Any) -> None:
    PROBE.subscribe(worker.master, Drain())
    go = calling(worker)
    for _ in range(1000):
        go()
    watched = PROBE.watched_one(worker)
    assert watched is not None
    assert watched.calls == {}
