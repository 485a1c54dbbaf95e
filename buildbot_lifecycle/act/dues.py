"""When a stop releases what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildbot_lifecycle.act.stop import Stop
from buildbot_lifecycle.core import ladder, stops
from buildbot_lifecycle.core.ladder import Situation
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
        self,
        master: Any,
        stop: Stop,
        logbook: Logbook,
        settings: Callable[[], Settings],
        database_since: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._master = master
        self._stop = stop
        self._logbook = logbook
        self._settings = settings
        self._database_since = database_since

    def bound(self, now: float) -> stops.Bound:
        """The bound of the stop of the whole master; if none was asked for, of one asked for now."""
        settings, asked = self._settings(), self._stop.whole_since
        return stops.bound(
            now if asked is None else asked,
            settings.shutdown_limit,
            settings.shutdown_grace,
            self._database_since(),
        )

    def of(self, known: Known, now: float, situation: Situation | None = None) -> float | None:
        """When what this worker waits for is (or would be) released by a stop; None: there is nothing.

        Stuck already when the stop was asked for: at once. Not stuck yet: once it is, or at the limit of
        the whole stop.
        """
        if situation is None:
            situation = situation_of(known)
        if self._stop.hurried_at is not None and _is_waited_for(known, situation):
            due = self._hurried(known, self._stop.hurried_at)
            return due if self._stop.at_limit else min(due, self.bound(now).release_at)
        own = self._by_itself(known, situation, now)
        limit = self._limit_of(known, situation, own, now)
        dues = [due for due in (own, limit) if due is not None]
        return min(dues, default=None)

    def _limit_of(
        self, known: Known, situation: Situation, own: float | None, now: float
    ) -> float | None:
        """When the limit of the stop releases what this worker waits for; None: it does not.

        A clean stop waits for builds as long as they take, and so for starts; only what would never be
        released (``own`` is None) has the limit there, each call for itself.
        """
        facts, asked = known.facts, self._stop.asked_at
        if not _is_waited_for(known, situation):
            return None
        if self._stop.whole_master or (asked is None and known.leaving_since is None):
            return self.bound(now).release_at
        since = facts.state_since if facts.pending is None else facts.pending.since
        waits = facts.pending is not None or facts.state in STARTING
        if asked is None or own is not None or since is None or not waits:
            return None
        return max(asked, since) + self._settings().shutdown_limit

    def _by_itself(self, known: Known, situation: Situation, now: float) -> float | None:
        """When it is released without the limit; None: never."""
        asked = self._grace_since(known, now)
        if situation.half or situation.forgotten or situation.lost or situation.found_pending:
            return asked + (self._settings().shutdown_grace if situation.found_pending else 0.0)
        facts, grace = known.facts, self._settings().shutdown_grace
        ends = None if self._leaves_its_machine(known) else self._logbook.wait_ends_at(known)
        if self._stop.whole_master and facts.pending is None and facts.state in STARTING:
            # the master's stop holds the lock that every login needs: the worker cannot come any more
            return asked if ends is not None and ends <= asked else asked + grace
        if ends is None:
            return self._silence_ends_at(known, self._stop.asked(known, now), now)
        alone = known.leaving_since is not None
        if ends <= asked and not alone:
            return asked
        due = max(asked + grace, ends)
        if facts.pending is not None and not alone and _follows(known, facts.pending.since):
            # its driver did not answer just now: this shows whether it does again
            due = min(due, facts.pending.since + grace / 2)
        return due

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
        grace = self._settings().shutdown_grace
        return pending.since + (min(grace, stops.AFTER_LIMIT) if self._stop.at_limit else grace)

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
        if silent_at is not None and silent_at <= asked and known.leaving_since is None:
            dues = [asked]
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


def _is_waited_for(known: Known, situation: Situation) -> bool:
    """Whether the stop waits for something of this worker that a release could end."""
    plan = ladder.plan(known.facts, situation, pause=False, last=True)
    return any(step.step != "open_orphan" for step in plan)


def _follows(known: Known, since: float) -> bool:
    """Whether a call began after a stop has ended the wait for another call of the same worker."""
    return known.released_at is not None and since >= known.released_at
