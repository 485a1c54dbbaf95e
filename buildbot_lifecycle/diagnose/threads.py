"""Whether the reactor's pool of threads is taken up: drivers that block leave none for Buildbot.

Buildbot reads master.cfg in such a thread, so a reconfiguration waits, and with it every login of a
worker. All threads in calls are nothing yet; others that wait for one are.
"""

from __future__ import annotations

from types import FrameType
from typing import Any

from twisted.internet import task

from buildbot_lifecycle.diagnose import where
from buildbot_lifecycle.host import awaited, process
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.master.logbook import Known, Logbook

#: Seconds between two looks, and for how long it must be so before it is told.
LOOK_SECONDS, FULL_SECONDS = 1.0, 3.0


class ThreadWatch:
    """Looks at the pool of one reactor, from `start` until `stop`."""

    def __init__(self, reactor: Any, logbook: Logbook) -> None:
        self._reactor = reactor
        self._clock = clocks.of(reactor)
        self._logbook = logbook
        self._loop = task.LoopingCall(self._look)
        self._loop.clock = self._clock
        self._since: float | None = None
        self._told = False

    def start(self) -> None:
        self._loop.start(LOOK_SECONDS, now=False).addErrback(
            log_error, "lifecycle: pool of threads"
        )

    def stop(self) -> None:
        if self._loop.running:
            self._loop.stop()

    @property
    def full_since(self) -> float | None:
        """Since when all threads have been taken while calls wait; None: it is not so, or just now."""
        since, now = self._since, self._clock.seconds()
        return since if since is not None and now - since >= FULL_SECONDS else None

    def as_json(self) -> dict[str, Any] | None:
        """The pool as in REST (`shapes.masters.Threads`); None while there is none."""
        pool = process.thread_pool(self._reactor)
        if pool is None:
            return None
        queued = len(awaited.queued_calls(pool))
        full = self.full_since
        return {
            "busy": process.busy_threads(self._reactor),
            "most": pool.max,
            "queued": queued,
            "full_since": full,
            "calls": [] if full is None else self._calls(pool),
        }

    def _look(self) -> None:
        try:
            self._see(process.pool_is_full(self._reactor))
        except Exception:
            self._logbook.failed("looking at the pool of threads")

    def _see(self, waiting: int) -> None:
        if not waiting:
            if self._told:
                log_lines(["the reactor's pool has a free thread again"])
            self._since, self._told = None, False
            return
        if self._since is None:
            self._since = self._clock.seconds()
        if self.full_since is not None and not self._told:
            self._told = True
            log_lines(self._said(waiting))

    def _said(self, waiting: int) -> list[str]:
        """Log lines: in what the threads are."""
        pool = process.thread_pool(self._reactor)
        many = "1 call waits" if waiting == 1 else f"{waiting} calls wait"
        lines = [
            f"all {pool.max if pool else 0} threads of the reactor's pool are in calls; {many} for one."
            " A reconfiguration would wait, too:"
        ]
        for call in self._calls(pool):
            whose = "" if call["worker"] is None else f"{call['worker']}: {call['call']}, "
            at = " ... ".join(dict.fromkeys(f["function"] for f in _ends(call["where"])))
            lines.append(f"  {call['thread']}: {whose}{at}")
        return lines

    def _calls(self, pool: Any) -> list[dict[str, Any]]:
        owners = self._owners()
        found = []
        with awaited.held_frames() as threads:
            for thread in list(pool.threads):
                innermost = threads.get(thread.ident)
                if not any(awaited.is_pool_frame(frame) for frame in awaited.outwards(innermost)):
                    continue  # it waits for work
                known, call = _owner(innermost, owners)
                found.append(
                    {
                        "thread": thread.name,
                        "workerid": None if known is None else known.workerid,
                        "worker": None if known is None else known.name,
                        "call": call,
                        "where": where.as_json(where.stack(innermost)),
                    }
                )
        return found

    def _owners(self) -> list[tuple[Any, Known, str]]:
        """What the driver of each call waits for at last, with its worker and the call's name."""
        found = []
        for known in self._logbook.known():
            for call in known.watched.calls.values():
                if not call.ended and call.inner is not None:
                    found.append((where.last_of(call.inner), known, call.name))
        return found


def _ends(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The driver's own function, and the innermost in which it waits."""
    return [*frames[:1], *frames[-1:]]


def _owner(
    innermost: FrameType | None, owners: list[tuple[Any, Known, str]]
) -> tuple[Known | None, str | None]:
    """Whose call a thread is in: that which waits for its end."""
    for waited_for, known, name in owners:
        if waited_for is not None and awaited.fires(innermost, waited_for):
            return known, name
    return None, None
