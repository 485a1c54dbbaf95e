"""The last words of a run: what the database did not take is kept in the master's directory.

It may be asked from the thread that ends a process whose reactor stands still: so it only looks, and
waits for nothing.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.stop_end import LastWords
from buildbot_lifecycle.core.texts import clean
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.db.recorder import Recorder
from buildbot_lifecycle.db.unwritten import RunOf, Unwritten, save
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.service.keep import Keep
from buildbot_lifecycle.service.run import Run

#: Seconds for which a process that leaves waits for its last events, and for the end of its run.
DRAIN_SECONDS, CLOSE_SECONDS = 1.0, 0.7


class Farewell(LastWords):
    """Of one run of one master."""

    def __init__(
        self, master: Any, gate: Gate, recorder: Recorder, keep: Keep, run: Run, token: str
    ) -> None:
        self._master = master
        self._gate = gate
        self._recorder = recorder
        self._keep = keep
        self._run = run
        self._token = token
        self._clock = clocks.of(master.reactor)
        self._began_at = self._clock.wall_now()
        self._is_saved = False

    def database_since(self) -> float | None:
        return self._gate.trouble_since

    async def in_reactor(self) -> None:
        await self._recorder.stop(DRAIN_SECONDS)
        closing = defer.ensureDeferred(self._run.close("clean"))
        closing.addErrback(lambda _: None)
        await at_most(closing, CLOSE_SECONDS, self._clock, None)
        self.save("clean")

    def in_thread(self) -> None:
        self.save("clean")

    def save(self, how: str) -> None:
        """Keep what is not written, once. ``how`` is a word for the end of the run."""
        if self._is_saved or not self._run.may_write:
            return
        events = self._recorder.unwritten()
        records = self._keep.all()
        if not events and not records and self._run.incarnation is None:
            return
        self._is_saved = True
        master = self._master
        run = RunOf(
            token=self._token,
            masterid=master.masterid,
            master=clean(master.name),
            pid=os.getpid(),
            host=socket.gethostname(),
            started_at=self._began_at,
            ended_at=self._clock.wall_now(),
            how=how,
        )
        try:
            saved = save(master.basedir, Unwritten(run, records, events))
        except OSError as error:
            log_error(error, f"lifecycle: {len(events)} events are lost: they could not be kept")
            return
        if not saved.events and not saved.records:
            log_lines([f"the end of this run is kept in {saved.path.name}, for the next start"])
            return
        more = f"; {saved.left_out} had no room" if saved.left_out else ""
        log_lines(
            [
                f"the database did not take {saved.events} events and {saved.records} rows{more};"
                f" they are kept in {saved.path.name} and read in at the next start"
            ]
        )
