"""Asks whether the clock may be believed before old rows are deleted, and says when it is not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from buildbot_lifecycle.core.belief import CONFIRMED, Belief
from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.db import beliefs
from buildbot_lifecycle.db.recorder import Pool
from buildbot_lifecycle.host.log import log_lines
from buildbot_lifecycle.shapes.masters import Waits

#: Seconds by which the wall clock and steady time may part between two looks: more was set by somebody.
_SET = 3600.0


class Trust:
    """Of one master; ``incarnation`` tells the number of its run."""

    def __init__(
        self, clock: Any, pool: Pool, masterid: int, incarnation: Callable[[], int | None]
    ) -> None:
        self._clock = clock
        self._pool = pool
        self._masterid = masterid
        self._incarnation = incarnation
        self._offset = clock.wall_now() - clock.seconds()
        #: what was found by the last look; None: the clock is believed, or nobody has looked yet
        self.doubt: Belief | None = None

    @property
    def waits(self) -> Waits | None:
        """As in REST, in times of the wall clock."""
        doubt = self.doubt
        if doubt is None or doubt.doubted_at is None or doubt.goes_on_at is None:
            return None
        return Waits(
            since=doubt.doubted_at, believed_at=doubt.believed_at, goes_on_at=doubt.goes_on_at
        )

    async def now(self) -> float | None:
        """The time to delete by (epoch seconds); None: the clock is not believed."""
        wall = self._clock.wall_now()
        before, self._offset = self._offset, wall - self._clock.seconds()
        was_set = abs(self._offset - before) > _SET
        now, found = await self._pool.do_with_transaction(
            beliefs.believe, self._masterid, self._incarnation(), wall, was_set
        )
        self._told(found, now)
        return None if self.doubt else now

    def _told(self, found: Belief, now: float) -> None:
        before = self.doubt
        self.doubt = found if found.doubted_at is not None else None
        if self.doubt is None:
            if before is not None:
                log_lines([f"the clock is believed ({_utc(now)}): old rows are deleted again"])
        elif before is None or before.doubted_at != found.doubted_at:
            log_lines([_said(found, now)])


def _said(found: Belief, now: float) -> str:
    return (
        f"nothing is deleted by its age: the clock says {_utc(now)}, and was last believed at"
        f" {_utc(found.believed_at)}, {in_words(now - found.believed_at)} before. If it is right, nothing"
        f" is to be done: it is believed once it has gone on for {in_words(CONFIRMED)}. If it is wrong,"
        " set it"
    )


def _utc(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
