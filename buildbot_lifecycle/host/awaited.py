"""What a Deferred, a coroutine, a future or a pool thread waits for: one step down.

Nothing of this is public. The names are listed here (`REQUIRED_BY_WHERE`) and tried out before the first
use (`unusable`).

Sources, Twisted 22.10 to 26.10: internet/defer.py (a coroutine's or generator's Deferred has a canceller
which closes over a ``_CancellationStatus``; that one's ``waitingOn`` has our way back among its
callbacks, up to 23.8 as a closure, then as arguments of a function), internet/threads.py and
python/threadpool.py (``inContext`` closes over what the thread will fire), _threads/_team.py. Python 3.9
to 3.13: asyncio/futures.py, asyncio/tasks.py, concurrent/futures/thread.py.
"""

from __future__ import annotations

import concurrent.futures
import concurrent.futures.thread
import contextlib
import gc
import inspect
import sys
import threading
from collections.abc import Iterator, Mapping
from types import CodeType, CoroutineType, FrameType, FunctionType, GeneratorType
from typing import Any

from twisted.internet import defer
from twisted.python.threadpool import ThreadPool

#: What Twisted keeps of a generator or coroutine that it drives.
GENERATOR_STATUS: Any = getattr(defer, "_CancellationStatus", None)

#: Attributes of a Deferred without which nobody can tell where a call hangs; all else works then.
REQUIRED_BY_WHERE = ("called", "_canceller", "_chainedTo")

#: Callbacks of one Deferred that are looked at, from its first.
MAX_CALLBACKS = 50

#: Nested coroutines followed from one that is driven by a Deferred or a task.
MAX_NESTED = 200


def _code_within(function: Any, name: str) -> CodeType | None:
    """The code of a function that is defined inside another."""
    constants = getattr(getattr(function, "__code__", None), "co_consts", ())
    return next((c for c in constants if inspect.iscode(c) and c.co_name == name), None)


_IN_CONTEXT = _code_within(ThreadPool.callInThreadWithCallback, "inContext")
_RUN_ITEM = getattr(
    getattr(getattr(concurrent.futures.thread, "_WorkItem", None), "run", None), "__code__", None
)
_AWAIT_DEFERRED = getattr(getattr(defer.Deferred, "__await__", None), "__code__", None)


def missing_for_where() -> list[str]:
    """The names that this version of Twisted lacks; empty when `where` may be tried."""
    deferred: defer.Deferred[None] = defer.Deferred()
    lost = [name for name in REQUIRED_BY_WHERE if not hasattr(deferred, name)]
    if not hasattr(deferred, "_callbacks") and not hasattr(deferred, "callbacks"):
        lost.append("_callbacks")
    lost = [f"twisted.internet.defer.Deferred.{name}" for name in lost]
    if GENERATOR_STATUS is None:
        lost.append("twisted.internet.defer._CancellationStatus")
    return lost


def unusable() -> list[str]:
    """What is not as the functions here need it, in this Twisted; empty when they work.

    Beside the names, a coroutine that waits is made and must be found again.
    """
    lost = missing_for_where()
    if lost:
        return lost
    if _IN_CONTEXT is None:
        lost.append("twisted.python.threadpool.ThreadPool.callInThreadWithCallback.inContext")
    probe: defer.Deferred[None] = defer.Deferred()

    async def wait() -> None:
        await probe

    outer = defer.Deferred.fromCoroutine(wait())
    status = status_of(outer)
    found = status is not None and generator_of(status)
    if status is None or status.waitingOn is not probe or not inspect.iscoroutine(found):
        lost.append("twisted.internet.defer._CancellationStatus.waitingOn")
    probe.callback(None)
    return lost


# Deferreds


def entries_of(deferred: Any) -> Any:
    """The callbacks of a Deferred as it keeps them, first to last."""
    # asked in this order, since newer ones warn of the use of `callbacks`
    return deferred._callbacks if hasattr(deferred, "_callbacks") else deferred.callbacks


def chained_to(deferred: Any) -> Any | None:
    """The Deferred that a callback of this one returned, and whose result it waits for."""
    return deferred._chainedTo


def status_of(deferred: Any) -> Any | None:
    """The bookkeeping of the generator or coroutine that will fire this Deferred; None without one."""
    for value in _cells(deferred._canceller):
        if _is(value, GENERATOR_STATUS):
            return value
        for inner in _cells(value):
            if _is(inner, GENERATOR_STATUS):
                return inner
    return None


def generator_of(status: Any) -> Any | None:
    """The generator or coroutine of a bookkeeping, as long as it waits for a Deferred."""
    for function, arguments in _callbacks(status.waitingOn):
        near = [*arguments, *_cells(function)]
        if any(value is status for value in near):
            return next((v for v in near if _is(v, (CoroutineType, GeneratorType))), None)
    return None


def unfired_of(deferred: Any) -> Any | None:
    """Of a DeferredList (gatherResults) the first member that has not fired."""
    return next((d for d in getattr(deferred, "_deferredList", ()) if not d.called), None)


def future_of(deferred: Any) -> Any | None:
    """The asyncio future behind a Deferred made by `Deferred.fromFuture`."""
    return next((v for v in _cells(deferred._canceller) if is_future(v)), None)


def _callbacks(deferred: Any) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    if deferred is None:
        return
    for (function, arguments, _), _errback in entries_of(deferred)[:MAX_CALLBACKS]:
        yield function, tuple(arguments or ())


def _is(value: Any, kinds: Any) -> bool:
    """`isinstance` for anybody's object: that would ask a lazy one for its ``__class__``."""
    return issubclass(type(value), kinds)


def is_future(value: Any) -> bool:
    """Whether it is a future of asyncio's, or of something that behaves so; asks its class only."""
    return hasattr(type(value), "_asyncio_future_blocking")


def _cells(function: Any) -> Iterator[Any]:
    """What a function closes over; nothing if it is none."""
    if not _is(function, FunctionType):
        return
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            continue  # not filled yet


# coroutines and generators


def frames_of(generator: Any) -> Iterator[FrameType]:
    """The frames of a suspended generator or coroutine and of those that it awaits, outermost first."""
    for _ in range(MAX_NESTED):
        frame = getattr(generator, "cr_frame", None) or getattr(generator, "gi_frame", None)
        if frame is None or frame.f_code is _AWAIT_DEFERRED:
            return
        yield frame
        below = getattr(generator, "cr_await", None) or getattr(generator, "gi_yieldfrom", None)
        if below is None:
            return
        generator = below


# asyncio


def coroutine_of(future: Any) -> Any | None:
    """The coroutine that a task runs; None for a plain future."""
    get = getattr(future, "get_coro", None)
    return get() if get is not None else None


def below_future(future: Any) -> Any | None:
    """What a future waits for: a future, a Deferred (`Deferred.asFuture`), or a thread pool's future."""
    waiter = getattr(future, "_fut_waiter", None)
    if waiter is not None:
        return waiter
    for child in getattr(future, "_children", ()):  # asyncio.gather
        if not child.done():
            return child
    for entry in (getattr(future, "_callbacks", None) or ())[:MAX_CALLBACKS]:
        function = entry[0] if isinstance(entry, tuple) else entry
        for value in _cells(function):
            if _is(value, (concurrent.futures.Future, defer.Deferred)):
                return value
    return None


# threads

_ONE_AT_A_TIME = threading.Lock()


@contextlib.contextmanager
def held_frames() -> Iterator[dict[int, FrameType]]:
    """The innermost frame of each thread, by its ident, for as long as the block looks at them.

    The garbage collector is kept out all the while. A step from a frame to its caller may make an object,
    and so begin a collection; what that ends may give the interpreter lock away in the middle of the
    step. The other thread then leaves the very frame that is being wrapped: up to Python 3.11 that
    damages the memory of the process, and ended a master with a segmentation fault. There, a collection
    within ``sys._current_frames`` that ends thread-local data waits for a lock that its own thread holds,
    and the interpreter with it, for ever (python/cpython issue 106883).
    """
    # one at a time, else one thread would find it off, and the other turn it on too early
    with _ONE_AT_A_TIME:
        collects = gc.isenabled()
        gc.disable()
        frames: dict[int, FrameType] = {}
        try:
            frames.update(sys._current_frames())
            yield frames
        finally:
            frames.clear()
            if collects:
                gc.enable()


def thread_for(awaited: Any, threads: Mapping[int, FrameType]) -> FrameType | None:
    """The innermost frame of the pool thread whose end will fire a Deferred or a pool's future.

    ``threads`` are `held_frames`. The frames of other code are walked, and only those of the two pools
    are looked into.
    """
    for ident, innermost in threads.items():
        if ident != threading.get_ident() and fires(innermost, awaited):
            return innermost
    return None


def fires(innermost: FrameType | None, awaited: Any) -> bool:
    """Whether the end of what a pool thread is in will fire a Deferred or a pool's future."""
    return any(_fires(frame, awaited) for frame in outwards(innermost))


def outwards(frame: FrameType | None, limit: int = 500) -> Iterator[FrameType]:
    """A frame and those that called it, innermost first, at most ``limit``."""
    for _ in range(limit):
        if frame is None:
            return
        yield frame
        frame = frame.f_back


def is_pool_frame(frame: FrameType) -> bool:
    """Whether this is where a thread pool begins somebody else's work."""
    return frame.f_code is _IN_CONTEXT or frame.f_code is _RUN_ITEM


def _fires(frame: FrameType, awaited: Any) -> bool:
    if frame.f_code is _IN_CONTEXT:
        return _job_fires(frame.f_locals.get("inContext"), awaited)
    if frame.f_code is _RUN_ITEM:
        return getattr(frame.f_locals.get("self"), "future", None) is awaited
    return False


def _job_fires(job: Any, awaited: Any) -> bool:
    return any(value is awaited for value in _cells(getattr(job, "onResult", None)))


def queued_calls(pool: Any) -> list[Any]:
    """What waits for a free thread of the pool."""
    team = getattr(pool, "_team", None)
    return list(getattr(team, "_pending", ()) or ())


def queued_for(pool: Any, deferred: Any) -> Any | None:
    """The function with which a Deferred waits for a free thread of the pool; None if it does not."""
    for job in queued_calls(pool):
        if _job_fires(job, deferred):
            work = getattr(job, "theWork", None)
            names = getattr(getattr(work, "__code__", None), "co_freevars", ())
            return dict(zip(names, _cells(work))).get("func")
    return None
