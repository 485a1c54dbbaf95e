"""What it costs to tell where a call hangs, and to watch the reactor. Figures are printed (pytest -rP).

CPU time is measured, not the clock: it is the same on a busy machine. The bounds are ten times what was
seen, to be broken by a wrong way of doing it and not by a slow machine.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet import defer, threads
from twisted.python.threadpool import ThreadPool

from buildbot_lifecycle.diagnose import where
from buildbot_lifecycle.watch.calls import Call

pytestmark = pytest.mark.benchmark

#: Seconds of CPU that one look may take: a tenth of a frame of the page, for the worst of the cases.
LOOK_BOUND = 0.010

#: Share of one core that the watch may take while nothing happens.
IDLE_BOUND = 0.01


class Driver:
    def __init__(self, wait: Callable[[], Any]) -> None:
        self.wait = wait

    def stop_instance(self, fast: bool = False) -> Any:
        return self.level(6)

    @defer.inlineCallbacks
    def level(self, n: int) -> Iterator[Any]:
        yield self.level(n - 1) if n else self.wait()


def tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def cost(wait: Callable[[], Any]) -> tuple[float, int]:
    """Seconds of CPU for one look, the mean of many; and the frames told."""
    driver = Driver(wait)
    call = Call("stop_instance", 1, lambda _call, _outcome: None)
    call.begin(driver.stop_instance, (), {})
    locator = where.Locator(None)
    frames = locator.where(call, driver)
    rounds = 200
    begin = time.thread_time()
    for _ in range(rounds):
        locator.where(call, driver)
    return (time.thread_time() - begin) / rounds, len(frames)


class Reactor:
    def callFromThread(self, function: Any, *args: Any) -> None:  # noqa: N802
        pass


def recursing(depth: int, gate: threading.Event, entered: threading.Semaphore) -> None:
    if depth:
        recursing(depth - 1, gate, entered)
    else:
        entered.release()
        gate.wait()


@pytest.fixture
def busy_pool() -> Iterator[Callable[[], Any]]:
    """Forty blocked threads, each with a stack of 60; the answer waits for one more, begun last."""
    gate, entered = threading.Event(), threading.Semaphore(0)
    pool = ThreadPool(0, 41)
    pool.start()

    def begin() -> Any:
        deferred = threads.deferToThreadPool(Reactor(), pool, recursing, 60, gate, entered)  # type: ignore[arg-type]
        entered.acquire()
        return deferred

    kept = [begin() for _ in range(40)]
    yield begin
    gate.set()
    pool.stop()
    kept.clear()


def test_a_look_at_nested_generators_costs_less_than_a_page_notices() -> None:
    never: defer.Deferred[None] = defer.Deferred()
    seconds, frames = cost(lambda: never)
    tell(f"7 generators: {seconds * 1e6:.0f} us, {frames} frames")
    assert frames == 7
    assert seconds < LOOK_BOUND


def test_a_look_at_a_deep_coroutine_is_bounded() -> None:
    never: defer.Deferred[None] = defer.Deferred()

    async def nested(depth: int) -> None:
        await (nested(depth - 1) if depth else never)

    seconds, frames = cost(lambda: defer.ensureDeferred(nested(500)))
    tell(f"7 generators and 500 coroutines: {seconds * 1e6:.0f} us, {frames} frames told")
    assert frames == where.MAX_FRAMES
    assert seconds < LOOK_BOUND


def test_a_look_among_forty_blocked_threads_is_bounded(busy_pool: Callable[[], Any]) -> None:
    seconds, frames = cost(busy_pool)
    tell(f"7 generators and a thread among 41: {seconds * 1e6:.0f} us, {frames} frames told")
    assert frames == where.MAX_FRAMES
    assert seconds < LOOK_BOUND


#: Prints the seconds of CPU that a reactor takes in ten seconds in which nothing happens.
IDLE = """
import resource, sys
from twisted.internet import reactor
from buildbot_lifecycle.diagnose import stall

watch = stall.StallWatch(reactor, print, lambda thing: None)
def used():
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
def begin():
    if sys.argv[1] == "watched":
        watch.start()
    reactor.callLater(10, end, used())
def end(before):
    print(used() - before)
    reactor.stop()
reactor.callWhenRunning(begin)
reactor.run()
"""


def test_the_watch_over_an_idle_reactor_costs_next_to_nothing() -> None:
    def start(how: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", IDLE, how], stdout=subprocess.PIPE)

    both = {how: start(how) for how in ("watched", "alone")}
    seconds = {how: float(p.communicate(timeout=60)[0]) for how, p in both.items()}
    share = (seconds["watched"] - seconds["alone"]) / 10
    tell(f"idle: {seconds}, share of a core {share:.3%}")
    assert share < IDLE_BOUND
