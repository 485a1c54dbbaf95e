"""Holds: a worker whose abandoned start has made an instance after all gets no second one meanwhile.

Held is Buildbot's own pause. It is ours while it has the reason that we gave it: one that a person has
made, or has taken away, is left as it is. Buildbot hands the pause on, and not its reason, to the worker
that has the name next, after a reconfiguration or a restart; then it is taken up here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.proof import Proof
from buildbot_lifecycle.clouds.values import Why
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.requests import DRIVER
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.master.logbook import Known, Logbook


def is_nameless(known: Known) -> bool:
    """Whether it is paused, and nobody says why."""
    worker: Any = known.watched.worker
    return bool(worker.isPaused()) and workers.pause_reason(worker) is None


def pause(known: Known, reason: str) -> None:
    """Pause a worker, and start nothing for a build that has been taken already.

    Buildbot sends the reason to whoever listens, asked for rights or not: no words of an operator.
    """
    known.watched.worker.pause(reason)
    known.watched.hold = True


class Holds:
    """Holds workers of one master for entries of the ledger."""

    def __init__(
        self,
        logbook: Logbook,
        entries: Entries,
        proof: Proof,
        settings: Callable[[], Settings],
    ) -> None:
        self._logbook = logbook
        self._entries = entries
        self._proof = proof
        self._settings = settings
        # entries of a late start; what was told before under the same name has another cause
        self._late: dict[int, set[int]] = {}
        self._ready = False

    def start(self) -> None:
        """The ledger is known: look at the workers that are there, and from now on at those that come."""
        self._ready = True
        for known in self._logbook.known():
            self.came(known)

    def came(self, known: Known, _: Event | None = None) -> None:
        """A worker is known now. It may have the pause of another one of its name."""
        if self._ready and is_nameless(known) and self._entries.of(known.workerid):
            taken = defer.ensureDeferred(self._take_up(known))
            taken.addErrback(lambda _: self._logbook.failed("looking at a pause"))

    async def _take_up(self, known: Known) -> None:
        """Hold it on if the instance is where it makes its own; else the pause is none of its own."""
        worker: Any = known.watched.worker
        reason = await workers.stored_pause_reason(worker)
        entries = self._entries.of(known.workerid).items()
        entry = next((of for orphan, of in entries if _reason(orphan) == reason), None)
        if reason is None or entry is None:
            return  # a person's, or of an entry that a person has closed
        out_of_reach = await self._proof.out_of_reach(known, entry)
        if known.gone or not worker.isPaused() or workers.pause_reason(worker) is not None:
            return
        if out_of_reach is None or out_of_reach.why is not Why.NOT_CONFIGURED:
            pause(known, reason)
        elif self._may_free(known):
            worker.unpause()

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
        entries = self._entries.of(known.workerid)
        # those of an earlier run are told by their cause only
        still = sorted(
            n for n, of in entries.items() if n in late or of.get("cause") == "late_start"
        )
        if still:
            pause(known, _reason(still[0]))
        elif self._may_free(known):
            worker.unpause()

    @staticmethod
    def _may_free(known: Known) -> bool:
        """Buildbot's unpause ends a quarantine too, which is not ours."""
        if workers.quarantine_until(known.watched.worker) is None:
            return True
        log_lines([f"{known.name}: stays paused, since it is in quarantine: unpause it by hand"])
        return False


def _reason(orphan: int) -> str:
    return f"late start, entry {orphan}"
