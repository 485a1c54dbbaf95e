"""The other masters on this database: which of them live, and what is done about a dead one.

What is told of them comes from the looks of `service.elsewhere`. The rules are `core.liveness`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core import liveness
from buildbot_lifecycle.core.liveness import Beat, Pace, Pulse
from buildbot_lifecycle.core.steady import Reckoning
from buildbot_lifecycle.db.store import Store
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.service.news import News

_CLOSING = "closing what a dead master left open"


def pace_of(pool: Any) -> Pace:
    """How often masters on this database show that they live: one on SQLite is alone there."""
    engine = getattr(pool, "engine", None)
    alone = engine is None or engine.dialect.name == "sqlite"
    return liveness.LONE if alone else liveness.SHARED


class Others:
    """Of one master. ``incarnation`` says its own number, None while it does not write."""

    def __init__(
        self,
        master: Any,
        store: Store,
        logbook: Logbook,
        news: News,
        incarnation: Callable[[], int | None],
    ) -> None:
        self._clock = clocks.of(master.reactor)
        self._masterid = master.masterid
        self._store = store
        self._logbook = logbook
        self._news = news
        self._incarnation = incarnation
        self.pace = pace_of(master.db.pool)
        self._pulses: tuple[Pulse, ...] = ()
        self._looked: float | None = None
        self._closing: set[int] = set()

    def heard(self, incarnations: Sequence[Mapping[str, Any]]) -> None:
        """A look has found these; the newest of each master."""
        now = self._clock.seconds()
        passed = 0.0 if self._looked is None else now - self._looked
        self._looked = now
        beats = [_beat(each) for each in incarnations if each["masterid"] != self._masterid]
        self._pulses = liveness.see(self._pulses, beats, passed, self._clock.wall_now(), self.pace)
        for pulse in self._pulses:
            if liveness.is_dead(pulse, self.pace):
                self._close(pulse)

    def live(self, incarnations: Sequence[Mapping[str, Any]]) -> set[int]:
        """The numbers of the masters that live. Of one that was not watched yet its own word counts."""
        pulses = {pulse.beat.incarnation: pulse for pulse in self._pulses}
        return {
            each["masterid"]
            for each in incarnations
            if liveness.is_live(pulses.get(each["id"]) or Pulse(_beat(each)), self.pace)
        }

    def ahead(self) -> dict[int, float]:
        """How many seconds each living master's clock is ahead of this one's, where that is known."""
        return {
            pulse.beat.masterid: round(pulse.ahead_s, 1)
            for pulse in self._pulses
            if pulse.ahead_s is not None and liveness.is_live(pulse, self.pace)
        }

    def differ(self) -> float | None:
        """The largest difference of these clocks from this one's, in seconds; None: none is known."""
        return max(map(abs, self.ahead().values()), default=None)

    def reckonings(self) -> dict[int, Reckoning]:
        """What turns a master's times into this one's, of those whose clock differs; dead ones too."""
        return {
            pulse.beat.masterid: Reckoning(-pulse.ahead_s)
            for pulse in self._pulses
            if pulse.ahead_s is not None and abs(pulse.ahead_s) > liveness.TOLD_SECONDS
        }

    def _close(self, pulse: Pulse) -> None:
        current, dead = self._incarnation(), pulse.beat.incarnation
        if current is None or dead in self._closing:
            return
        self._closing.add(dead)
        closed = defer.ensureDeferred(self._close_dead(pulse.beat, current))
        closed.addErrback(lambda _: self._logbook.failed(_CLOSING))
        # where it failed it is tried at the next look; where it is done the next look finds an end
        closed.addBoth(lambda _: self._closing.discard(dead))

    async def _close_dead(self, beat: Beat, current: int) -> None:
        closed = await self._store.close_silent(
            beat.masterid,
            beat.incarnation,
            beat.heartbeat,
            current,
            next_seq=self._logbook.next_seq,
        )
        if closed is None:
            return
        log_lines(
            [
                f"master {beat.masterid} shows no sign of life any more;"
                f" workers that were active there, now unknown: {len(closed)}"
            ]
        )
        for one in closed:
            told = {"masterid": beat.masterid, "kind": one.event.kind.value, "at": one.event.at}
            self._news.tell(one.workerid, "event", {**told, "id": one.event_id})


def _beat(incarnation: Mapping[str, Any]) -> Beat:
    return Beat(
        incarnation["masterid"],
        incarnation["id"],
        incarnation["heartbeat_at"],
        ended=incarnation["ended_at"] is not None,
    )
