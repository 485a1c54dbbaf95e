"""What is noted beside Buildbot's events: where a stuck call hangs, and that the reactor stood still."""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.diagnose.stall import Stall, lines
from buildbot_lifecycle.diagnose.where import Locator
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.base import UNSET
from buildbot_lifecycle.shapes.parts import frames
from buildbot_lifecycle.watch import instance
from buildbot_lifecycle.watch.probe import PROBE


class WhereItHangs:
    """Notes where a call hung when its worker became stuck; once for each call."""

    def __init__(self, logbook: Logbook, locator: Locator) -> None:
        self._logbook = logbook
        self._locator = locator

    def judged(self, known: Known) -> None:
        """A verdict of the worker is another one now."""
        pending = known.facts.pending
        if known.verdict.level != "stuck" or pending is None or known.told_where == pending.token:
            return
        known.told_where = pending.token
        named = instance.seen(known.facts, known.watched.worker)
        data = events.Where(
            call=pending.call,
            token=pending.token,
            where=frames(self._locator.of(known)),
            instance=UNSET if named is None or known.facts.instance is not None else named,
        )
        self._logbook.note(known, data)


class Stalls:
    """Notes that the reactor of a master stood still, with the worker whose driver it was."""

    def __init__(self, master: Any, logbook: Logbook) -> None:
        self._master = master
        self._logbook = logbook

    def owner(self, thing: Any) -> int | None:
        """The workerid of a worker of this master. Asked in another thread, so it only looks."""
        watched = PROBE.watched_one(thing)
        if watched is None or watched.worker.master is not self._master:
            return None
        workerid: int | None = watched.worker.workerid
        return workerid

    def note(self, stall: Stall) -> None:
        known = None if stall.workerid is None else self._logbook.get(stall.workerid)
        whose = f" for worker {known.name}" if known is not None else ""
        text = f"the reactor stood still for {stall.seconds:.1f} s{whose}"
        log_lines(lines(text, stall.where))
        if known is not None:
            data = events.ReactorBlocked(
                since=stall.at, seconds=stall.seconds, where=frames(stall.where)
            )
            self._logbook.note(known, data)
