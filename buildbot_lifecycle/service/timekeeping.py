"""What is done when somebody sets the wall clock, or when the process has not run for a while."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.states import RESTING
from buildbot_lifecycle.core.steady import Gap, Jump
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.masters import ClockMoved, ClockState


class Timekeeping:
    """Has both clocks looked at, from `start` until `stop`, and tells of what is found."""

    def __init__(self, clock: Any, logbook: Logbook) -> None:
        self._clock = clocks.of(clock)
        self._logbook = logbook
        self._holds = False
        self._jumps: list[Jump] = []
        self._gaps: list[Gap] = []
        self._counts = {Jump: 0, Gap: 0}

    def start(self) -> None:
        """Look at the clocks."""
        if not self._holds:
            self._holds = True
            self._clock.hold()
            self._clock.tell(self._heard)

    def stop(self) -> None:
        """Look no more."""
        if self._holds:
            self._holds = False
            self._clock.tell_no_more(self._heard)
            self._clock.release()

    def state(self) -> ClockState:
        """As in REST, in steady time."""
        return ClockState(
            jumps=self._counts[Jump],
            last_jump=_moved(self._jumps),
            gaps=self._counts[Gap],
            last_gap=_moved(self._gaps),
        )

    def _heard(self, news: Jump | Gap) -> None:
        self._counts[type(news)] += 1
        log_lines([said(news)])
        if isinstance(news, Jump):
            self._jumps = [news]
            what = "set"
        else:
            self._gaps = [news]
            what = "stopped"
        told = defer.ensureDeferred(self._tell(what, news.seconds))
        told.addErrback(lambda _: self._logbook.failed("telling workers of the clock"))

    async def _tell(self, what: str, seconds: float) -> None:
        concerned = [known for known in self._logbook.known() if _is_concerned(known)]
        turns = Turns(self._clock)
        for known in concerned:
            await turns()
            if not known.gone:
                self._logbook.note(known, _data(known, what, seconds))


def _is_concerned(known: Known) -> bool:
    facts = known.facts
    return facts.state not in RESTING or bool(facts.calls) or facts.quarantine_until is not None


def _data(known: Known, what: str, seconds: float) -> events.Clock:
    worker = known.watched.worker
    return events.Clock(
        what=what,
        seconds=round(seconds, 3),
        gives_up_at=_or_none(workers.missing_deadline, worker),
        quarantine_until=_or_none(workers.quarantine_until, worker),
    )


def _or_none(asked: Callable[[Any], float | None], worker: Any) -> float | None:
    try:
        return asked(worker)
    except Exception:  # a worker that was removed has no master
        return None


def _moved(last: list[Jump] | list[Gap]) -> ClockMoved | None:
    return ClockMoved(at=last[-1].at, seconds=round(last[-1].seconds, 3)) if last else None


def said(news: Jump | Gap) -> str:
    """For the log."""
    if isinstance(news, Gap):
        return (
            f"this process did not run for {in_words(news.seconds)}: workers and calls have that time,"
            " nothing is stuck because of it"
        )
    way = "put forward" if news.seconds > 0 else "put back"
    return (
        f"the clock of this machine was {way} by {in_words(abs(news.seconds))}: ages and limits of"
        " workers do not follow it, Buildbot's own timers do"
    )
