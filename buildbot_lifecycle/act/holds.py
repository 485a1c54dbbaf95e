"""Holds: a worker whose abandoned start has made an instance after all gets no second one meanwhile.

Held is Buildbot's own pause. It is ours while it has the reason that we gave it: one that a person has
made, or has taken away, is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.requests import DRIVER
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.master.logbook import Known


def pause(known: Known, reason: str) -> None:
    """Pause a worker, and start nothing for a build that has been taken already.

    Buildbot sends the reason to whoever listens, asked for rights or not: no words of an operator.
    """
    known.watched.worker.pause(reason)
    known.watched.hold = True


class Holds:
    """Holds workers of one master for entries of the ledger."""

    def __init__(self, entries: Entries, settings: Callable[[], Settings]) -> None:
        self._entries = entries
        self._settings = settings
        # entries of a late start; what was told before under the same name has another cause
        self._late: dict[int, set[int]] = {}

    def late(self, known: Known, orphan: int) -> None:
        """An abandoned start of this very worker has made an instance, and its entry is written.

        Who replaced it meanwhile, under its name and number, has started nothing and is left alone.
        """
        self._late.setdefault(known.workerid, set()).add(orphan)
        if known.gone or known.watched.worker.isPaused():
            return
        if self._settings().of(known.name).pause_after_release:
            pause(known, _reason(orphan))

    def closed(self, known: Known, event: Event) -> None:
        """An entry was closed. By a proof, the worker is free again, if it is we who hold it."""
        orphan = event.data["orphan"]
        late = self._late.get(known.workerid, set())
        late.discard(orphan)
        worker = known.watched.worker
        if not worker.isPaused() or workers.pause_reason(worker) != _reason(orphan):
            return
        if event.data["by_kind"] != DRIVER.kind:
            return  # who closes it by hand can unpause it as well, and may have a reason not to
        still = sorted(late & self._entries.of(known.workerid).keys())
        if still:
            pause(known, _reason(still[0]))
        elif workers.quarantine_until(worker) is not None:
            # Buildbot's unpause ends a quarantine too, which is not ours
            log_lines(
                [f"{known.name}: stays paused, since it is in quarantine: unpause it by hand"]
            )
        else:
            worker.unpause()


def _reason(orphan: int) -> str:
    return f"late start, entry {orphan}"
