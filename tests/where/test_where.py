"""Where a call hangs, told for every way in which a driver can wait. No reactor runs here."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import os
import subprocess
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import defer, threads
from twisted.python.threadpool import ThreadPool

from buildbot_lifecycle.diagnose import where
from buildbot_lifecycle.host import awaited
from buildbot_lifecycle.watch.calls import Call
from tests.harness.waiting import patient, wait_until

HERE = "tests/where/test_where.py"


def names(found: list[where.Frame]) -> list[str]:
    """The functions' own names, outermost first; all must be of this file."""
    assert {frame.file for frame in found} == {HERE}
    return [frame.function.rpartition(".")[2] for frame in found]


def source(frame: where.Frame) -> str:
    with open(__file__, encoding="utf-8") as text:  # noqa: PTH123
        return text.read().splitlines()[frame.line - 1].strip()


class Driver:
    """The ways to wait; each ends at `self.never`."""

    def __init__(self) -> None:
        self.never: defer.Deferred[Any] = defer.Deferred()

    async def coroutine(self) -> None:
        await self.inner_coroutine()

    async def inner_coroutine(self) -> None:
        await self.never  # here

    @defer.inlineCallbacks
    def generator(self) -> Iterator[Any]:
        yield self.inner_generator()

    @defer.inlineCallbacks
    def inner_generator(self) -> Iterator[Any]:
        yield self.never  # here

    @defer.inlineCallbacks
    def delegating(self) -> Iterator[Any]:
        yield from self.part()

    def part(self) -> Iterator[Any]:
        yield self.never  # here

    @defer.inlineCallbacks
    def generator_of_coroutine(self) -> Iterator[Any]:
        yield defer.ensureDeferred(self.coroutine())

    async def coroutine_of_generator(self) -> None:
        await self.generator()

    def chained(self) -> Any:
        return defer.succeed(None).addCallback(lambda _: self.generator())

    def chained_twice(self) -> Any:
        first = defer.succeed(None).addCallback(lambda _: self.never_later())
        return first.addCallback(lambda _: None)

    async def chained_and_awaited(self) -> None:
        await self.chained_twice()

    def never_later(self) -> Any:
        return defer.succeed(None).addCallback(lambda _: self.generator())

    async def several(self) -> None:
        await defer.gatherResults([defer.succeed(1), self.generator()])


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ("coroutine", ["coroutine", "inner_coroutine"]),
        ("generator", ["generator", "inner_generator"]),
        ("delegating", ["delegating", "part"]),
        (
            "generator_of_coroutine",
            ["generator_of_coroutine", "coroutine", "inner_coroutine"],
        ),
        (
            "coroutine_of_generator",
            ["coroutine_of_generator", "generator", "inner_generator"],
        ),
        ("chained", ["generator", "inner_generator"]),
        ("chained_twice", ["generator", "inner_generator"]),
        ("chained_and_awaited", ["chained_and_awaited", "generator", "inner_generator"]),
        ("several", ["several", "generator", "inner_generator"]),
    ],
)
def test_the_chain_is_told_outermost_first_with_the_line_that_waits(
    way: str, expected: list[str]
) -> None:
    driver = Driver()
    result = getattr(driver, way)()
    deferred = result if isinstance(result, defer.Deferred) else defer.ensureDeferred(result)
    found = where.follow(deferred)
    assert names(found) == expected
    assert source(found[-1]).endswith("# here")


def test_a_call_that_has_gone_on_is_told_where_it_waits_now() -> None:
    steps: list[defer.Deferred[None]] = [defer.Deferred(), defer.Deferred()]

    async def stop() -> None:
        await steps[0]
        await steps[1]  # second

    call = defer.ensureDeferred(stop())
    steps[0].callback(None)
    assert source(where.follow(call)[-1]) == "await steps[1]  # second"
    steps[1].callback(None)
    assert where.follow(call) == []


def test_a_cancelled_call_whose_driver_does_not_give_up_is_told() -> None:
    """A cancellation that the driver catches, to go on waiting for something else."""
    never: defer.Deferred[None] = defer.Deferred()

    @defer.inlineCallbacks
    def stubborn() -> Iterator[Any]:
        try:
            yield defer.Deferred()
        except defer.CancelledError:
            yield never  # here

    call = stubborn()
    call.cancel()
    assert source(where.follow(call)[-1]) == "yield never  # here"


def test_two_deferreds_that_wait_for_each_other_end_the_search() -> None:
    async def wait(other: list[Any]) -> None:
        await other[0]

    other: list[Any] = [defer.Deferred()]
    first = defer.ensureDeferred(wait(other))
    assert awaited.status_of(first) is not None
    awaited.status_of(first).waitingOn = first  # type: ignore[union-attr]
    assert len(where.follow(first)) <= 1


# threads


@pytest.fixture
def pool() -> Iterator[ThreadPool]:
    made = ThreadPool(0, 1)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Opened at the end, so that no thread is left."""
    made = threading.Event()
    yield made
    made.set()


class Reactor:
    """What deferToThreadPool needs: results are dropped, since nobody waits for them here."""

    def callFromThread(self, function: Any, *args: Any) -> None:  # noqa: N802
        pass


def blocked(gate: threading.Event, entered: threading.Event) -> None:
    deeper(gate, entered)


def deeper(gate: threading.Event, entered: threading.Event) -> None:
    entered.set()
    gate.wait()  # blocked


def test_a_blocked_thread_is_told_by_its_own_stack(pool: ThreadPool, gate: threading.Event) -> None:
    async def stop() -> None:
        await threads.deferToThreadPool(Reactor(), pool, blocked, gate, entered)  # type: ignore[arg-type]

    entered = threading.Event()
    call = defer.ensureDeferred(stop())
    assert entered.wait(patient(5))
    found = where.follow(call)
    mine = [frame for frame in found if frame.file == HERE]
    assert names(mine) == ["stop", "blocked", "deeper"]
    assert source(mine[-1]) == "gate.wait()  # blocked"
    assert found[-1].file == "threading.py"


def test_of_two_blocked_threads_the_right_one_is_told(gate: threading.Event) -> None:
    entered = [threading.Event(), threading.Event()]
    pool = ThreadPool(0, 2)
    pool.start()
    try:
        run: Any = functools.partial(threads.deferToThreadPool, Reactor(), pool)  # type: ignore[arg-type]
        one, other = run(blocked, gate, entered[0]), run(deeper, gate, entered[1])
        assert entered[0].wait(patient(5))
        assert entered[1].wait(patient(5))
        for call, expected in ((one, ["blocked", "deeper"]), (other, ["deeper"])):
            assert names([f for f in where.follow(call) if f.file == HERE]) == expected
    finally:
        gate.set()
        pool.stop()


def test_a_call_that_waits_for_a_free_thread_says_so(
    pool: ThreadPool, gate: threading.Event
) -> None:
    entered = threading.Event()
    run = functools.partial(threads.deferToThreadPool, Reactor(), pool)
    run(blocked, gate, entered)
    assert entered.wait(patient(5))
    (frame,) = where.follow(run(deeper, gate, entered), pool)
    assert frame.function == "deeper (waits for a free thread of the pool)"
    assert source(frame).startswith("def deeper(")


#: Looks at a blocked thread while garbage waits to be collected. The thread is new each time: of one that
#: was looked at before, nothing is made that could begin a collection.
COLLECTS = """
import gc, threading
from concurrent.futures import Future
from buildbot_lifecycle.diagnose import where

class Local:
    def __init__(self, gate, thread):
        self.me, self.local = self, threading.local()
        self.local.mine = 1

class LetsTheThreadEnd:
    def __init__(self, gate, thread):
        self.me, self.gate, self.thread = self, gate, thread

    def __del__(self):
        self.gate.set()
        self.thread.join()

def blocked(depth, *more):
    local = [depth, more]
    if depth:
        blocked(depth - 1, local)
    else:
        entered.release()
        gate.wait()

for after in range(150):  # objects made until the next collection: one of these is inside the look
    gate, entered = threading.Event(), threading.Semaphore(0)
    thread = threading.Thread(target=blocked, args=(60,), daemon=True)
    thread.start()
    entered.acquire()
    gc.collect()
    gc.disable()
    GARBAGE(gate, thread)
    gc.set_threshold(gc.get_count()[0] + after)
    gc.enable()
    where._in_thread(Future())
    assert gc.isenabled()
    gc.set_threshold(700)
    gate.set()
    thread.join()
print("went on")
"""


@pytest.mark.process
@pytest.mark.parametrize("garbage", ["Local", "LetsTheThreadEnd"])
def test_a_collection_of_garbage_can_do_no_harm_while_threads_are_looked_at(garbage: str) -> None:
    """Up to Python 3.11 it locks the interpreter, or damages its memory: the whole master would go."""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", COLLECTS.replace("GARBAGE", garbage)],
        capture_output=True,
        timeout=patient(60),
        check=False,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert done.stdout.decode().strip() == "went on", done.stderr.decode()


# asyncio


def test_a_task_behind_fromfuture_is_told_with_what_it_awaits() -> None:
    async def outer() -> None:
        await asyncio.gather(asyncio.sleep(0), inner())

    async def inner() -> None:
        await asyncio.sleep(60)  # sleeps

    async def main() -> list[where.Frame]:
        task = asyncio.ensure_future(outer())
        for _ in range(5):  # gather's first child must be done
            await asyncio.sleep(0)
        call = defer.Deferred.fromFuture(task)
        found = where.follow(call)
        call.addErrback(lambda _: None)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        return found

    found = asyncio.run(main())
    assert names([f for f in found if f.file == HERE]) == ["outer", "inner"]
    assert [f for f in found if f.function == "sleep"]


def test_a_thread_behind_asyncio_is_told(gate: threading.Event) -> None:
    async def main() -> list[where.Frame]:
        entered = threading.Event()
        loop = asyncio.get_running_loop()

        async def stop() -> None:
            await loop.run_in_executor(None, blocked, gate, entered)

        task = asyncio.ensure_future(stop())
        while not entered.is_set():
            await asyncio.sleep(0.01)
        found = where.follow(defer.Deferred.fromFuture(task))
        gate.set()
        await task
        return found

    found = asyncio.run(main())
    assert names([f for f in found if f.file == HERE]) == ["stop", "blocked", "deeper"]


# the locator


class BareWorker:
    """A driver that hands out a Deferred of its own making."""

    def __init__(self) -> None:
        self.deferred: defer.Deferred[Any] = defer.Deferred()

    def stop_instance(self, fast: bool = False) -> Any:
        return self.deferred


def begun(worker: Any) -> Call:
    call = Call("stop_instance", 1, lambda _call, _outcome: None)
    call.begin(worker.stop_instance, (), {})
    return call


def test_a_bare_deferred_is_told_by_the_drivers_own_method() -> None:
    worker = BareWorker()
    (frame,) = where.Locator(None).where(begun(worker), worker)
    assert frame["file"] == HERE
    assert frame["function"].endswith("stop_instance")
    assert source(where.Frame(**frame)) == "def stop_instance(self, fast: bool = False) -> Any:"


def test_a_call_that_has_ended_hangs_nowhere() -> None:
    worker = BareWorker()
    call = begun(worker)
    worker.deferred.callback(True)
    assert where.Locator(None).where(call, worker) == []


def test_a_twisted_without_the_names_is_told_once_and_answers_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []
    monkeypatch.setattr(where, "log_lines", told.extend)
    monkeypatch.setattr(awaited, "REQUIRED_BY_WHERE", ("called", "_renamed"))
    worker = BareWorker()
    locator = where.Locator(None)
    for _ in range(3):
        assert locator.where(begun(worker), worker) == []
    assert told == [
        "where a call hangs cannot be told: there is no twisted.internet.defer.Deferred._renamed"
    ]


def test_an_error_while_looking_is_logged_once_and_answers_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[str] = []

    def fails(*_: Any) -> None:
        raise KeyError("strange")

    monkeypatch.setattr(where, "log_error", lambda _problem, text: told.append(text))
    monkeypatch.setattr(awaited, "status_of", fails)
    monkeypatch.setattr(awaited, "unusable", list)
    worker = BareWorker()
    locator = where.Locator(None)
    assert locator.where(begun(worker), worker) == []
    assert locator.where(begun(worker), worker) == []
    assert len(told) == 1


def test_this_twisted_is_usable() -> None:
    assert awaited.unusable() == []


def test_a_twisted_that_keeps_its_status_elsewhere_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names alone would not do: the way through them is tried."""
    monkeypatch.setattr(awaited, "GENERATOR_STATUS", types.SimpleNamespace)
    assert awaited.unusable() == ["twisted.internet.defer._CancellationStatus.waitingOn"]


def test_nothing_is_kept_of_what_was_looked_at(pool: ThreadPool, gate: threading.Event) -> None:
    class Marked:
        pass

    entered = threading.Event()

    def hold(marked: Marked) -> None:
        entered.set()
        gate.wait()

    marked = Marked()
    kept = weakref.ref(marked)
    call = threads.deferToThreadPool(Reactor(), pool, hold, marked)  # type: ignore[arg-type]
    del marked
    assert entered.wait(patient(5))
    gc.disable()
    try:
        assert where.follow(call)
        assert kept() is not None
        gate.set()
        wait_until(lambda: kept() is None, 5, "the thread's locals are gone, with no collection")
    finally:
        gc.enable()


def recursing(depth: int, then: Callable[[], Any]) -> Any:
    return then() if depth == 0 else recursing(depth - 1, then)


def test_a_deep_stack_is_cut_in_the_middle_and_says_by_how_much() -> None:
    async def deep(depth: int) -> None:
        if depth:
            await deep(depth - 1)
        else:
            await defer.Deferred()

    frames = where.follow(defer.ensureDeferred(deep(99)))
    assert len(frames) == 100
    told = where.as_json(frames)
    assert len(told) == where.MAX_FRAMES
    gap = told[where.KEPT_OUTER]
    assert gap == {"file": "...", "line": 0, "function": "(71 frames left out)"}
    assert told[-1] == frames[-1].as_json()
    assert told[: where.KEPT_OUTER] == [f.as_json() for f in frames[: where.KEPT_OUTER]]


def test_a_long_path_loses_its_beginning() -> None:
    shown = where.shown("/" + "deep/" * 100 + "driver.py")
    assert len(shown) == where.MAX_NAME
    assert shown.startswith("...")
    assert shown.endswith("/driver.py")
