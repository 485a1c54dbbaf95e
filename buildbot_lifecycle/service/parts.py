"""All parts of one master, and the order in which they come and go.

`wiring.wire` makes them.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.auto_end import AutoEnds
from buildbot_lifecycle.act.census import Census
from buildbot_lifecycle.act.ends import Ends
from buildbot_lifecycle.act.open_ends import OpenEnds
from buildbot_lifecycle.act.policy import Policy
from buildbot_lifecycle.act.proof import Proof
from buildbot_lifecycle.act.release import Releaser
from buildbot_lifecycle.act.shutdown import ShutdownWatch
from buildbot_lifecycle.clouds.ask import Clouds
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.db.recorder import Recorder
from buildbot_lifecycle.diagnose.signs import Signs
from buildbot_lifecycle.diagnose.stall import StallWatch
from buildbot_lifecycle.diagnose.threads import ThreadWatch
from buildbot_lifecycle.diagnose.where import Locator
from buildbot_lifecycle.history.counting import Counting
from buildbot_lifecycle.history.recent import Recent
from buildbot_lifecycle.history.retention import Retention
from buildbot_lifecycle.history.statistics import Statistics
from buildbot_lifecycle.history.timeline import Timeline
from buildbot_lifecycle.history.trust import Trust
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.master.advice import Advising
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.master.secrets import Secrets
from buildbot_lifecycle.service.carried import Carried
from buildbot_lifecycle.service.carrying import Carrying
from buildbot_lifecycle.service.desk import DatabaseDesk
from buildbot_lifecycle.service.dismissal import Dismissal
from buildbot_lifecycle.service.elsewhere import Elsewhere
from buildbot_lifecycle.service.ending import Ending
from buildbot_lifecycle.service.farewell import Farewell
from buildbot_lifecycle.service.instances import Directory
from buildbot_lifecycle.service.learning import Learning
from buildbot_lifecycle.service.listening import Listening
from buildbot_lifecycle.service.news import News
from buildbot_lifecycle.service.others import Others
from buildbot_lifecycle.service.run import Run
from buildbot_lifecycle.service.sampling import Sampling
from buildbot_lifecycle.service.telemetry import Telemetry
from buildbot_lifecycle.service.timekeeping import Timekeeping
from buildbot_lifecycle.watch.probe import PROBE

#: Seconds for which the end of the master waits for the last rows to be written.
DRAIN_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class Parts:
    """All of one master, while something is recorded."""

    timekeeping: Timekeeping
    telemetry: Telemetry
    logbook: Logbook
    recorder: Recorder
    run: Run
    gate: Gate
    elsewhere: Elsewhere
    others: Others
    dismissal: Dismissal
    farewell: Farewell
    desk: DatabaseDesk
    news: News
    releaser: Releaser
    proof: Proof
    ends: Ends
    open_ends: OpenEnds
    clouds: Clouds
    census: Census
    directory: Directory
    policy: Policy
    auto_ends: AutoEnds
    shutdown: ShutdownWatch
    signs: Signs
    secrets: Secrets
    recent: Recent
    counting: Counting
    retention: Retention
    trust: Trust
    statistics: Statistics
    timeline: Timeline
    locator: Locator
    stalls: StallWatch
    threads: ThreadWatch
    learning: Learning
    sampling: Sampling
    listening: Listening
    advising: Advising
    carrying: Carrying
    carried: Carried
    ending: Ending

    def begin(self, master: Any) -> None:
        """Look at the workers from now on, and write as soon as the database is ready."""
        self.timekeeping.start()
        self.secrets.install()
        self.telemetry.listen()
        self.clouds.start()
        for watched in PROBE.subscribe(master, self.logbook):
            self.logbook.baseline(watched)
        self.shutdown.install()
        self.stalls.start()
        self.threads.start()
        self.run.start()
        self.advising.soon()

    def changed(self) -> None:
        """The settings have changed."""
        self.census.changed()
        self.logbook.rejudge_all()
        self.advising.soon()
        self.signs.see_all()

    def closing(self) -> None:
        """The end comes; the workers' last transitions are still recorded."""
        self.run.closing()
        self.carrying.closing()

    async def end(self, master: Any) -> None:
        """Look away, and write what is left."""
        self.stalls.stop()
        self.threads.stop()
        self.elsewhere.stop()
        await self.listening.stop()
        await self.carrying.stop()
        PROBE.unsubscribe(master)
        stopping = self.shutdown.is_stopping
        if not stopping or not master.running:
            self.shutdown.finish()
        if not stopping:
            self.shutdown.uninstall()
        self.signs.stop()
        self.logbook.close()
        self.secrets.uninstall()
        for part in (self.run, self.advising, self.learning, self.sampling, self.counting):
            part.stop()
        self.retention.stop()
        self.proof.stop()
        self.open_ends.stop()
        self.census.stop()
        self.clouds.stop()
        self.policy.stop()
        self.auto_ends.stop()
        writes = defer.DeferredList(self.shutdown.pending_writes, consumeErrors=True)
        await at_most(writes, DRAIN_SECONDS, master.reactor, [])
        how = "clean" if not master.running else "removed"
        try:
            if self.run.incarnation is not None:
                await self.recorder.stop(DRAIN_SECONDS)
            await self.run.close(how)
        finally:
            self.farewell.save(how)
            self.news.close()
            self.timekeeping.stop()
