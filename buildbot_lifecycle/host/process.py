"""The master's process: whether it is on its way down, its threads, its end.

From master.py and process/botmaster.py of Buildbot 4.3.0; of Twisted,
internet/base.py and python/threadpool.py.
"""

from __future__ import annotations

import os
import pathlib
import threading
from typing import Any

from buildbot_lifecycle.host.log import log_lines

#: Seconds after the end of everything for which a blocked driver thread is still waited for.
THREAD_SECONDS = 2.0


def is_shutting_down(master: Any) -> bool:
    """Whether the master is on its way down, so that it closes connections by itself."""
    return bool(getattr(getattr(master, "botmaster", None), "shuttingDown", False))


def reconfiguring_since(master: Any) -> float | None:
    """When the reconfiguration began that is under way (epoch seconds); None: there is none."""
    return getattr(master, "reconfig_active", False) or None


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
