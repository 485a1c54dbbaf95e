"""The composition root: which parts one master has, what each is given, and who hears of what.

`wire` makes them and starts nothing. `Parts.begin` and `Parts.end` are the order in which they come and
go.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from twisted.internet import defer

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.auto_end import AutoEnds
from buildbot_lifecycle.act.census import Census
from buildbot_lifecycle.act.ends import Ends
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.findings import Findings
from buildbot_lifecycle.act.holds import Holds
from buildbot_lifecycle.act.ledger import Ledger
from buildbot_lifecycle.act.losses import Losses
from buildbot_lifecycle.act.open_ends import OpenEnds
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.places import Places
from buildbot_lifecycle.act.policy import Policy
from buildbot_lifecycle.act.proof import Proof
from buildbot_lifecycle.act.release import Releaser
from buildbot_lifecycle.act.shutdown import ShutdownWatch
from buildbot_lifecycle.clouds.ask import Clouds
from buildbot_lifecycle.clouds.choose import Choice, registered
from buildbot_lifecycle.clouds.values import Can
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.requests import Filter, HistoryQuery
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.db import migrations, pages
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.db.recorder import Recorder
from buildbot_lifecycle.db.store import Store
from buildbot_lifecycle.diagnose.signs import Signs
from buildbot_lifecycle.diagnose.stall import StallWatch
from buildbot_lifecycle.diagnose.threads import ThreadWatch
from buildbot_lifecycle.diagnose.where import Locator
from buildbot_lifecycle.history.recent import Recent
from buildbot_lifecycle.history.statistics import Statistics
from buildbot_lifecycle.history.timeline import Timeline
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host import masters
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.master.advice import Advising
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.secrets import Secrets
from buildbot_lifecycle.service.carried import Carried
from buildbot_lifecycle.service.carrying import Carrying
from buildbot_lifecycle.service.desk import DatabaseDesk
from buildbot_lifecycle.service.dismissal import Dismissal
from buildbot_lifecycle.service.elsewhere import Elsewhere
from buildbot_lifecycle.service.farewell import Farewell
from buildbot_lifecycle.service.instances import Directory
from buildbot_lifecycle.service.keep import Keep
from buildbot_lifecycle.service.learning import Learning
from buildbot_lifecycle.service.listening import Listening
from buildbot_lifecycle.service.news import News
from buildbot_lifecycle.service.notes import Stalls, WhereItHangs
from buildbot_lifecycle.service.others import Others
from buildbot_lifecycle.service.recording import Recording, Written
from buildbot_lifecycle.service.revival import Revival
from buildbot_lifecycle.service.run import Run
from buildbot_lifecycle.service.sampling import Sampling
from buildbot_lifecycle.service.timekeeping import Timekeeping
from buildbot_lifecycle.watch.probe import PROBE

#: Seconds for which the end of the master waits for the last rows to be written.
DRAIN_SECONDS = 10.0


@dataclasses.dataclass(frozen=True)
class Parts:
    """All of one master, while something is recorded."""

    timekeeping: Timekeeping
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

    def begin(self, master: Any) -> None:
        """Look at the workers from now on, and write as soon as the database is ready."""
        self.timekeeping.start()
        self.secrets.install()
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
        for part in (self.run, self.advising, self.learning, self.sampling):
            part.stop()
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


def wire(master: Any, settings: Callable[[], Settings], token: str) -> Parts:
    """The parts of one master. ``token`` names this run of it; ``settings`` are read anew each time."""
    clock = clocks.of(master.reactor)
    gate = Gate(master.db.pool, clock)
    reader, asked, store = Reader(gate), Reader(gate.asked), Store(gate)
    news, entries, secrets = News(master), Entries(), Secrets(master)

    # what is seen
    logbook = Logbook(clock, settings)
    logbook.redact = secrets.redacted
    locator, noted = Locator(master.reactor), Stalls(master, logbook)
    stalls = StallWatch(clock, noted.note, noted.owner)
    signs = Signs(clock, logbook, logbook.thresholds)
    logbook.hear = signs.hear

    # what is written
    recent = Recent(clock, reader, master.masterid)
    others = Others(master, store, logbook, news, lambda: run.incarnation)
    elsewhere = Elsewhere(clock, gate, master.masterid, others.heard)
    recorder = Recorder(
        gate,
        clock,
        master.masterid,
        Written(logbook, recent, news).events,
        next_seq=logbook.next_seq,
        on_verdicts=news.verdicts,
        examine=lambda: gate.do(migrations.look),
        reckoning=clock.reckoning,
    )
    logbook.write_to(Recording(clock, logbook, recorder, recent))
    learning, sampling = Learning(clock, reader, logbook, settings), Sampling(clock, logbook)

    async def opened(incarnation: int) -> None:
        recorder.start(incarnation)
        elsewhere.start()
        filled = defer.ensureDeferred(recent.fill())
        filled.addErrback(lambda _: logbook.failed("reading the last episodes"))
        found = await pages.every(gate, _open_orphans(master.masterid))
        await ledger.found(clock, [_steady(clock, entry) for entry in msgspec.to_builtins(found)])
        left = await pages.every(gate, _open_actions(master.masterid))
        rows = await carrying.not_waiting(msgspec.to_builtins(left))
        await open_ends.found([{**row, "at": clock.before(row["at"])} for row in rows])

    def ready() -> None:
        for part in (proof, open_ends, census, *policies, learning, sampling, carrying):
            part.start()

    run, keep = Run(master, gate, store, logbook, token, opened, ready, recorder.refuse), Keep()
    desk = DatabaseDesk(master, store, logbook, entries, news, run, keep)
    run.told_dead = Revival(master, store, logbook, desk)
    farewell = Farewell(master, gate, recorder, keep, run, token)

    # what is done
    adapters = registered(lambda name: logbook.failed(f"loading the adapter {name}"))
    clouds = Clouds(clock, Choice(adapters))
    audit, orphans = (
        Audit(clock, desk, logbook),
        Orphans(clock, desk, lambda worker: Can.GONE in clouds.can(worker)),
    )
    releaser = Releaser(clock, logbook, audit, orphans, settings)
    places, losses, holds = (
        Places(logbook, clouds),
        Losses(logbook, clouds),
        Holds(logbook, entries, settings),
    )
    ledger = Ledger(logbook, desk, token, entries, places.late, holds.late)
    proof, census, carrying = (
        Proof(clock, logbook, desk, entries, clouds),
        Census(
            clock,
            logbook,
            entries,
            clouds,
            Findings(clock, logbook, desk, token),
            name=master.name,
            others=lambda: masters.other_masters(master),
            every=lambda: settings().census_every,
            told=news.census,
        ),
        Carrying(master, clock, gate, news, token, secrets.redacted),
    )
    open_ends = OpenEnds(clock, logbook, audit, desk, entries, proof, clouds)
    ends, directory = (
        Ends(clock, logbook, audit, open_ends, clouds),
        Directory(master, logbook, census, clouds, settings),
    )
    policies = policy, auto_ends = (
        Policy(clock, logbook, releaser, settings),
        AutoEnds(
            clock,
            logbook,
            entries,
            proof,
            census,
            ends,
            settings,
            lambda: gate.trouble_since is not None or recorder.unusable is not None,
        ),
    )
    shutdown = ShutdownWatch(master, logbook, audit, orphans, settings, farewell)
    logbook.is_stopping = lambda: shutdown.stops_whole_master
    desk.on_closed(orphans.forget)
    for part in (proof, auto_ends):
        desk.on_closed(part.forget)

    # who hears of what, in this order
    heard: Sequence[tuple[Callable[[Known, Event], None], Sequence[Kind]]] = (
        (signs.heard, ()),
        (places.see, (Kind.CALL_STARTED, Kind.CALL_ENDED, Kind.ATTACHED)),
        (losses.detached, (Kind.DETACHED,)),
        (ledger.see, (Kind.BASELINE, Kind.CALL_ENDED)),
        (learning.heard, (Kind.BASELINE,)),
        (orphans.call_ended, (Kind.CALL_ENDED,)),
        (holds.closed, (Kind.ORPHAN_CLOSED,)),
        (shutdown.leaving, (Kind.LEAVING,)),
    )
    for who, kinds in heard:
        logbook.listen(who, *kinds)
    logbook.on_verdict(WhereItHangs(logbook, locator).judged)

    return Parts(
        timekeeping=Timekeeping(clock, logbook),
        logbook=logbook,
        recorder=recorder,
        run=run,
        gate=gate,
        elsewhere=elsewhere,
        others=others,
        dismissal=Dismissal(master, gate, store, logbook, others),
        farewell=farewell,
        desk=desk,
        news=news,
        releaser=releaser,
        proof=proof,
        ends=ends,
        open_ends=open_ends,
        clouds=clouds,
        census=census,
        directory=directory,
        policy=policy,
        auto_ends=auto_ends,
        shutdown=shutdown,
        signs=signs,
        secrets=secrets,
        recent=recent,
        statistics=Statistics(clock.by_wall, asked, settings),
        timeline=Timeline(clock.by_wall, asked),
        locator=locator,
        stalls=stalls,
        threads=ThreadWatch(master.reactor, logbook),
        learning=learning,
        sampling=sampling,
        listening=Listening(master, logbook),
        advising=Advising(master, logbook, settings),
        carrying=carrying,
        carried=Carried(
            master,
            clock,
            logbook,
            releaser,
            desk,
            recorder,
            secrets,
            news,
            locator,
            directory,
            carrying,
        ),
    )


def _steady(clock: Any, entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of an earlier run: its clock is believed to have been this one."""
    return {**entry, "opened_at": clock.before(entry["opened_at"])}


def _open_orphans(masterid: int) -> HistoryQuery:
    """The open entries of a master's ledger."""
    mine = (Filter("open", "eq", (True,)), Filter("masterid", "eq", (masterid,)))
    return HistoryQuery("orphans", filters=mine)


def _open_actions(masterid: int) -> HistoryQuery:
    """A master's actions that have no outcome."""
    mine = (Filter("status", "eq", ("asked",)), Filter("masterid", "eq", (masterid,)))
    return HistoryQuery("actions", filters=mine)
