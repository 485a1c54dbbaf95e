"""When a stop releases what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildbot_lifecycle.act.stop import Stop
from buildbot_lifecycle.core import ladder
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import STARTING
from buildbot_lifecycle.host import process
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.situation import situation_of
from buildbot_lifecycle.watch.machines import MACHINE_CALLS

#: Seconds that Buildbot itself gives a build's worker before it closes the connection
#: (BotMaster.cleanShutdown); after that and the grace, a connection that is still there is aborted.
BUILDBOT_GRACE = 5.0


class Dues:
    """Says it of each worker of one master."""

    def __init__(
        self, master: Any, stop: Stop, logbook: Logbook, settings: Callable[[], Settings]
    ) -> None:
        self._master = master
        self._stop = stop
        self._logbook = logbook
        self._settings = settings

    def of(self, known: Known, now: float) -> float | None:
        """When what this worker waits for is (or would be) released by a stop; None: never.

        Stuck already: the grace after the stop was asked for. Not stuck yet: once it is.
        """
        situation = situation_of(known)
        if self._stop.hurried_at is not None and self._is_waited_for(known):
            return self._hurried(known, self._stop.hurried_at)
        asked = self._grace_since(known, now)
        if situation.half or situation.forgotten:
            return asked
        if situation.found_pending:
            return asked + self._settings().shutdown_grace
        facts, grace = known.facts, self._settings().shutdown_grace
        if self._stop.whole_master and facts.pending is None and facts.state in STARTING:
            # the master's stop holds the lock that every login needs: the worker cannot come any more
            return asked + grace
        ends = None if self._leaves_its_machine(known) else self._logbook.wait_ends_at(known)
        if ends is None:
            return self._silence_ends_at(known, self._stop.asked(known, now), now)
        return max(asked + grace, ends)

    def _leaves_its_machine(self, known: Known) -> bool:
        """Whether a worker that is removed alone waits for its machine only: Buildbot then does not.

        The machine's other workers do wait for it, and Buildbot itself, to stop it again.
        """
        alone = known.leaving_since is not None and self._stop.asked_at is None
        calls = known.facts.calls
        return alone and bool(calls) and all(call.call in MACHINE_CALLS for call in calls)

    def _hurried(self, known: Known, at: float) -> float:
        """When a second signal releases a wait: at once; a call that began later has the grace first."""
        pending = known.facts.pending
        if pending is None or pending.since <= at:
            return at
        return pending.since + self._settings().shutdown_grace

    def _is_waited_for(self, known: Known) -> bool:
        """Whether the stop waits for something of this worker that a release could end."""
        plan = ladder.plan(known.facts, situation_of(known), pause=False, last=True)
        return any(step.step != "open_orphan" for step in plan)

    def _silence_ends_at(self, known: Known, asked: float, now: float) -> float | None:
        """When a connection that may never end is released by a stop; None: there is none, or never.

        A clean stop waits for builds as long as they take: there only the limit counts.
        """
        verdict = self._logbook.held_by_silence(known, now)
        if verdict is None:
            return None
        grace = self._settings().shutdown_grace
        # a worker that was not asked yet, or that has answered, is not taken for silent
        silent_at = None if known.facts.unanswered is None else verdict.stuck_at
        dues = [] if silent_at is None else [max(asked + grace, silent_at)]
        if not self._stop.is_clean or known.leaving_since is not None:
            dues.append(asked + grace + BUILDBOT_GRACE)
        return min(dues, default=None)

    def _grace_since(self, known: Known, now: float) -> float:
        """Since when the grace of a call counts: for a removed worker, since the reconfiguration began.

        Else a reconfiguration that removes many stuck workers would wait that long for each.
        """
        began = process.reconfiguring_since(self._master)
        asked = self._stop.asked(known, now)
        return min(asked, began) if began and known.leaving_since is not None else asked

    def is_impatient(self, known: Known, now: float) -> bool:
        """Whether what was closed politely, or should have ended by itself, had all its time."""
        patience = self._settings().shutdown_grace + BUILDBOT_GRACE
        alone = known.leaving_since is not None
        return (self._stop.whole_master or alone) and now >= self._stop.asked(known, now) + patience
