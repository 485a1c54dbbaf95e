"""Where a driver call hangs: the functions that wait for one another, outermost first, innermost last.

From the Deferred that the driver returned the way leads down: to the generator or coroutine that will
fire it, to the Deferred that this one waits for, and so on to the last; if a pool thread will fire that
one, the thread's stack follows. A call that shows no frame at all (a driver that returned a bare
Deferred) is told by the driver's own method, at its first line.

What cannot be seen: a Deferred that somebody keeps and fires by hand does not know who that is. The way
ends above it.

Taken only when somebody asks, or when a verdict turns to stuck. File, line and name are copied; no frame
and no local variable is kept. Nothing in here raises.
"""

from __future__ import annotations

import concurrent.futures
import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, NamedTuple

from twisted.internet import defer

from buildbot_lifecycle.core.texts import clean
from buildbot_lifecycle.host import awaited
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.process import thread_pool
from buildbot_lifecycle.master.logbook import Known
from buildbot_lifecycle.watch.calls import Call

#: Steps from one Deferred or future to the next, at most.
MAX_STEPS = 100

#: Frames told of one call. Of more, the outermost `KEPT_OUTER` and the innermost are kept.
MAX_FRAMES, KEPT_OUTER = 30, 8

#: Longest file and function name (characters) told; a longer file loses its beginning.
MAX_NAME = 120

#: Frames of these files only carry the wait from one function to the next.
_PLUMBING = (
    "twisted/internet/defer.py",
    "twisted/python/context.py",
    "twisted/python/threadpool.py",
)


class Frame(NamedTuple):
    """One function that waits: its file (relative to where Python found it), line and name."""

    file: str
    line: int
    function: str

    def as_json(self) -> dict[str, Any]:
        return self._asdict()


class Locator:
    """Tells where calls hang, if this Twisted can be read; else nothing, and says so once."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._usable: bool | None = None
        self._has_failed = False

    def of(self, known: Known) -> list[dict[str, Any]]:
        """`where` for the call that a worker has pending; empty without one."""
        pending = known.facts.pending
        call = None if pending is None else known.watched.calls.get(pending.token)
        return [] if call is None else self.where(call, known.watched.worker)

    def where(self, call: Call, worker: Any) -> list[dict[str, Any]]:
        """The frames of a pending call, outermost first, as JSON; empty when nothing can be told."""
        try:
            if call.inner is None or call.ended or not self._is_usable():
                return []
            frames = follow(call.inner, thread_pool(self._reactor))
            return as_json(frames or _method(worker, call.name))
        except Exception:
            if not self._has_failed:
                self._has_failed = True
                log_error(None, "lifecycle: while looking where a call hangs (told only once)")
            return []

    def _is_usable(self) -> bool:
        if self._usable is None:
            lost = awaited.unusable()
            self._usable = not lost
            if lost:
                log_lines([f"where a call hangs cannot be told: there is no {', '.join(lost)}"])
        return self._usable


def follow(start: Any, pool: Any = None) -> list[Frame]:
    """The frames below a Deferred or future; ``pool`` is the reactor's, for what it has queued."""
    return _walk(start, pool)[0]


def last_of(start: Any) -> Any:
    """The last Deferred or future that one waits for: what a thread or a peer will fire."""
    return _walk(start, None)[1]


def _walk(start: Any, pool: Any) -> tuple[list[Frame], Any]:
    frames: list[Frame] = []
    seen: set[int] = set()
    now = last = start
    while now is not None and id(now) not in seen and len(seen) < MAX_STEPS:
        seen.add(id(now))
        last = now
        if isinstance(now, defer.Deferred):
            now = _below_deferred(now, frames, pool)
        elif awaited.is_future(now):
            frames += _suspended(awaited.coroutine_of(now))
            now = awaited.below_future(now)
        elif isinstance(now, concurrent.futures.Future):
            frames += _in_thread(now)
            now = None
        else:
            now = None
    return frames, last


def _below_deferred(deferred: Any, frames: list[Frame], pool: Any) -> Any | None:
    """Add what is seen of one Deferred; the answer is what it waits for."""
    if deferred.called:
        return awaited.chained_to(deferred)
    status = awaited.status_of(deferred)
    if status is not None:
        frames += _suspended(awaited.generator_of(status))
        return status.waitingOn
    below = awaited.unfired_of(deferred) or awaited.future_of(deferred)
    if below is None:
        frames += _in_thread(deferred) or _queued(deferred, pool)
    return below


def _suspended(generator: Any) -> list[Frame]:
    return [_frame(f.f_code, f.f_lineno) for f in awaited.frames_of(generator)]


def _in_thread(waited_for: Any) -> list[Frame]:
    with awaited.held_frames() as threads:
        return stack(awaited.thread_for(waited_for, threads))


def _queued(deferred: Any, pool: Any) -> list[Frame]:
    function = awaited.queued_for(pool, deferred)
    code = _code_of(function)
    if code is None:
        return []
    frame = _frame(code, code.co_firstlineno)
    return [frame._replace(function=f"{frame.function} (waits for a free thread of the pool)")]


def _method(worker: Any, name: str) -> list[Frame]:
    """The driver's own method, at its first line."""
    code = _code_of(getattr(type(worker), name, None))
    return [] if code is None else [_frame(code, code.co_firstlineno)]


def _code_of(function: Any) -> CodeType | None:
    while type(function) is functools.partial:
        function = function.func
    # no other callable is asked: it may answer by a request to its server
    is_plain = issubclass(type(function), (FunctionType, MethodType))
    code = getattr(inspect.unwrap(function), "__code__", None) if is_plain else None
    return code if isinstance(code, CodeType) else None


def stack(
    innermost: FrameType | None, begins: Callable[[FrameType], bool] = awaited.is_pool_frame
) -> list[Frame]:
    """A thread's stack from below the frame that ``begins`` says yes to, outermost first.

    Without what only carries it.
    """
    found: list[Frame] = []
    for frame in awaited.outwards(innermost):
        if begins(frame):
            break
        found.append(_frame(frame.f_code, frame.f_lineno))
    found.reverse()
    return [f for f in found if not f.file.endswith(_PLUMBING)]


def as_json(frames: Iterable[Frame]) -> list[dict[str, Any]]:
    """At most `MAX_FRAMES` frames; how many were left out stands in their place."""
    told = list(frames)
    if len(told) > MAX_FRAMES:
        left_out = len(told) - MAX_FRAMES + 1
        gap = Frame("...", 0, f"({left_out} frames left out)")
        told = [*told[:KEPT_OUTER], gap, *told[KEPT_OUTER + left_out :]]
    return [frame.as_json() for frame in told]


def _frame(code: CodeType, line: int | None) -> Frame:
    name: str = getattr(code, "co_qualname", code.co_name)  # 3.11 has the better one
    return Frame(shown(code.co_filename), line or 0, clean(name)[:MAX_NAME])


@functools.lru_cache(maxsize=2000)
def shown(path: str) -> str:
    """A file as it is imported: below its site-packages, standard library or working directory."""
    roots = {root.rstrip("/") + "/" for root in (*sys.path, str(Path.cwd())) if len(root) > 1}
    inside = [len(root) for root in roots if path.startswith(root)]
    short = clean(path[max(inside, default=0) :])
    return short if len(short) <= MAX_NAME else f"...{short[3 - MAX_NAME :]}"
