"""The master's process: whether it is on its way down, its threads, its end.

From master.py and process/botmaster.py of Buildbot 4.3.0; of Twisted,
internet/base.py and python/threadpool.py.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from buildbot_lifecycle.host import clock
from buildbot_lifecycle.host.awaited import queued_calls
from buildbot_lifecycle.host.log import log_lines

#: Seconds after the end of everything for which a blocked driver thread is still waited for.
THREAD_SECONDS = 2.0


def is_shutting_down(master: Any) -> bool:
    """Whether the master is on its way down, so that it closes connections by itself."""
    return bool(getattr(getattr(master, "botmaster", None), "shuttingDown", False))


def reconfiguring_since(master: Any) -> float | None:
    """When the reconfiguration began that is under way (steady); None: there is none."""
    began = getattr(master, "reconfig_active", False)
    return float(clock.of(master.reactor).before(began)) if began else None


def thread_pool(reactor: Any) -> Any | None:
    """The reactor's pool of threads; None while it has none."""
    return getattr(reactor, "threadpool", None)


def busy_threads(reactor: Any) -> int:
    """Threads of the reactor's pool that are in a call now; they would keep the process from ending."""
    pool = thread_pool(reactor)
    if pool is None:
        return 0
    try:
        return len(pool.working)
    except Exception:
        return 0


def pool_is_full(reactor: Any) -> int:
    """Calls that wait for a thread of the reactor's pool while all of its threads are in a call."""
    pool = thread_pool(reactor)
    if pool is None or busy_threads(reactor) < pool.max:
        return 0
    return len(queued_calls(pool))


def make_room(reactor: Any, most: int) -> int:
    """Give the reactor's pool a thread for each call that waits while all are taken; how many it got.

    At most ``most`` threads in all. What Buildbot itself waits for (a reconfiguration reads master.cfg in
    such a thread) then goes on, whatever blocks the others.
    """
    waiting = pool_is_full(reactor)
    pool = thread_pool(reactor)
    if not waiting or pool is None:
        return 0
    more = min(waiting, most - int(pool.max))
    if more <= 0:
        return 0
    # the least, too: only then threads are begun at once for what waits already
    pool.adjustPoolsize(minthreads=pool.max + more, maxthreads=pool.max + more)
    return more


class LastExit:
    """Ends the process at a moment that may be moved, from its own thread: whatever blocks the reactor.

    ``last`` is called in that thread before; it must not wait for the reactor.
    """

    def __init__(self, reactor: Any, basedir: str, last: Callable[[], None]) -> None:
        self._reactor = reactor
        self._basedir = basedir
        self._last = last
        self._at = 0.0
        self._called_off = threading.Event()
        self._thread: threading.Thread | None = None

    def within(self, seconds: float) -> None:
        """The process is to be gone after so many seconds from now."""
        if not is_masters_process(self._reactor):
            return
        self._at = time.monotonic() + seconds
        if self._thread is None:
            self._thread = threading.Thread(target=self._watch, name="lifecycle-limit", daemon=True)
            self._thread.start()

    def call_off(self) -> None:
        """The stop was none, or is not ours to end any more."""
        self._called_off.set()

    def _watch(self) -> None:
        while (left := self._at - time.monotonic()) > 0:
            if self._called_off.wait(min(left, 0.5)):
                return
        try:
            log_lines(["the limit of the stop is over and the master does not end; leaving it"])
            self._last()
        finally:
            leave_process(self._basedir)


def when_reactor_ends(reactor: Any, call: Callable[[], None]) -> Callable[[], None]:
    """Call it when the reactor ends, after all that its end waits for; call the answer to have it not.

    It delays nothing. Buildbot takes the master out of what that end waits for as soon as a SIGTERM has
    come (master.py), and a clean stop that was asked for before stops the reactor once no build runs.
    """
    if not is_masters_process(reactor):
        return lambda: None
    trigger: Any = reactor.addSystemEventTrigger("during", "shutdown", call)

    def not_any_more() -> None:
        nonlocal trigger
        ours, trigger = trigger, None
        if ours is not None:
            with contextlib.suppress(ValueError, KeyError):  # it is being called, or was
                reactor.removeSystemEventTrigger(ours)

    return not_any_more


def is_masters_process(reactor: Any) -> bool:
    """Whether this process is the master's own: not where a test gives it a clock for a reactor."""
    return sys.modules.get("twisted.internet.reactor") is reactor


def leave_process(basedir: str) -> None:
    """End the process at once, although a thread is blocked; its pid file goes with it."""
    pidfile = pathlib.Path(basedir) / "twistd.pid"
    try:
        if pidfile.read_text().strip() == str(os.getpid()):
            pidfile.unlink()
    except (OSError, ValueError):
        pass
    os._exit(0)


def outlive_threads(reactor: Any, basedir: str) -> None:
    """End the process although a released driver call still blocks a thread of the reactor's pool.

    The reactor joins its threads before it ends, so nothing that runs on it could do this; a daemon
    thread does not keep a process that can end by itself.
    """

    def watch() -> None:
        done = threading.Event()
        if not done.wait(THREAD_SECONDS) and busy_threads(reactor):
            log_lines(["a driver thread does not end; leaving without it"])
            leave_process(basedir)

    threading.Thread(target=watch, name="lifecycle-end", daemon=True).start()
