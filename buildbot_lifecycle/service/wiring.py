"""The composition root: which parts one master has, what each is given, and who hears of what.

`wire` makes them and starts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

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
from buildbot_lifecycle.act.pausing import Pausing
from buildbot_lifecycle.act.places import Places
from buildbot_lifecycle.act.policy import Policy
from buildbot_lifecycle.act.proof import Proof
from buildbot_lifecycle.act.release import Releaser
from buildbot_lifecycle.act.shutdown import ShutdownWatch
from buildbot_lifecycle.clouds.ask import Clouds
from buildbot_lifecycle.clouds.choose import Choice, registered
from buildbot_lifecycle.clouds.values import Can
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.db import migrations
from buildbot_lifecycle.db.gate import Gate
from buildbot_lifecycle.db.reader import Reader
from buildbot_lifecycle.db.recorder import GATHER_SECONDS, Recorder
from buildbot_lifecycle.db.store import Store
from buildbot_lifecycle.diagnose.signs import Signs
from buildbot_lifecycle.diagnose.stall import Stall, StallWatch
from buildbot_lifecycle.diagnose.threads import ThreadWatch
from buildbot_lifecycle.diagnose.where import Locator
from buildbot_lifecycle.history.counting import Counting
from buildbot_lifecycle.history.recent import Recent
from buildbot_lifecycle.history.retention import Retention
from buildbot_lifecycle.history.statistics import Statistics
from buildbot_lifecycle.history.timeline import Timeline
from buildbot_lifecycle.history.trust import Trust
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host import masters
from buildbot_lifecycle.master.advice import Advising
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.secrets import Secrets
from buildbot_lifecycle.service.carried import Carried
from buildbot_lifecycle.service.carrying import Carrying
from buildbot_lifecycle.service.desk import DatabaseDesk
from buildbot_lifecycle.service.dismissal import Dismissal
from buildbot_lifecycle.service.elsewhere import Elsewhere
from buildbot_lifecycle.service.ending import Ending
from buildbot_lifecycle.service.farewell import Farewell
from buildbot_lifecycle.service.handed_on import HandedOn
from buildbot_lifecycle.service.instances import Directory
from buildbot_lifecycle.service.keep import Keep
from buildbot_lifecycle.service.learning import Learning
from buildbot_lifecycle.service.listening import Listening
from buildbot_lifecycle.service.news import News
from buildbot_lifecycle.service.notes import Stalls, WhereItHangs
from buildbot_lifecycle.service.opening import Opening
from buildbot_lifecycle.service.others import Others
from buildbot_lifecycle.service.parts import Parts
from buildbot_lifecycle.service.recording import Recording, Written
from buildbot_lifecycle.service.revival import Revival
from buildbot_lifecycle.service.run import Run
from buildbot_lifecycle.service.sampling import Sampling
from buildbot_lifecycle.service.telemetry import Telemetry
from buildbot_lifecycle.service.timekeeping import Timekeeping


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
        gather=GATHER_SECONDS,
    )
    logbook.write_to(Recording(clock, logbook, recorder, recent))
    telemetry = Telemetry(
        master.reactor, logbook, entries, recorder, settings, lambda: gate.trouble_since is not None
    )
    learning, sampling = (
        Learning(clock, reader, logbook, settings, master.masterid),
        Sampling(clock, logbook),
    )

    def is_busy() -> bool:
        return len(gate.writes) > 0

    counting = Counting(clock, gate, is_busy)
    trust = Trust(clock, gate, master.masterid, lambda: run.incarnation)
    retention = Retention(clock, gate, lambda: settings().keep_days, is_busy, trust.now)

    async def opened(incarnation: int) -> None:
        recorder.start(incarnation)
        elsewhere.start()
        await opening.read()

    def ready() -> None:
        for part in (
            proof,
            holds,
            handed_on,
            open_ends,
            census,
            policy,
            auto_ends,
            learning,
            sampling,
            counting,
            retention,
            carrying,
        ):
            part.start()

    run = Run(master, gate, store, logbook, token, opened, ready, recorder.refuse)
    keep = Keep()
    desk = DatabaseDesk(master, store, logbook, entries, news, run, keep)
    run.told_dead = Revival(master, store, logbook, desk)
    farewell = Farewell(master, gate, recorder, keep, run, token)

    # what is done
    adapters = registered(lambda name: logbook.failed(f"loading the adapter {name}"))
    clouds = Clouds(clock, Choice(adapters))
    audit = Audit(clock, desk, logbook)
    orphans = Orphans(clock, desk, lambda worker: Can.GONE in clouds.can(worker))
    releaser = Releaser(clock, logbook, audit, orphans, settings)
    places, losses = Places(logbook, clouds), Losses(logbook, clouds)
    proof = Proof(clock, logbook, desk, entries, clouds)
    holds = Holds(logbook, entries, proof, settings)
    handed_on = HandedOn(master.masterid, clock, gate, logbook, entries)
    ledger = Ledger(logbook, desk, token, entries, places.late, holds.late, orphans.of_late_start)
    census = Census(
        clock,
        logbook,
        entries,
        clouds,
        Findings(clock, logbook, desk, token),
        name=master.name,
        others=lambda: masters.other_masters(master),
        every=lambda: settings().census_every,
        told=news.census,
    )
    carrying = Carrying(master, clock, gate, news, token, secrets.redacted)
    open_ends = OpenEnds(clock, logbook, audit, desk, entries, proof, clouds, census.is_gone)
    opening = Opening(master.masterid, clock, gate, logbook, recent, ledger, carrying, open_ends)
    ends = Ends(clock, logbook, audit, open_ends, clouds)
    directory = Directory(master, logbook, census, clouds, settings)
    policy = Policy(clock, logbook, releaser, settings)
    auto_ends = AutoEnds(
        clock,
        logbook,
        entries,
        proof,
        census,
        ends,
        settings,
        lambda: gate.trouble_since is not None or recorder.unusable is not None,
    )
    shutdown = ShutdownWatch(master, logbook, audit, orphans, settings, farewell)
    logbook.is_stopping = lambda: shutdown.stops_whole_master
    for part in (orphans, proof, auto_ends):
        desk.on_closed(part.forget)
    desk.on_gone(census.is_gone)

    # who hears of what, in this order
    heard: Sequence[tuple[Callable[[Known, Event], None], Sequence[Kind]]] = (
        (signs.heard, ()),
        (places.see, (Kind.CALL_STARTED, Kind.CALL_ENDED, Kind.ATTACHED)),
        (losses.detached, (Kind.DETACHED,)),
        (ledger.see, (Kind.BASELINE, Kind.CALL_ENDED)),
        (learning.heard, (Kind.BASELINE,)),
        (orphans.call_ended, (Kind.CALL_ENDED,)),
        (holds.came, (Kind.BASELINE,)),
        (handed_on.came, (Kind.BASELINE,)),
        (holds.closed, (Kind.ORPHAN_CLOSED,)),
        (shutdown.leaving, (Kind.LEAVING,)),
    )
    for who, kinds in heard:
        logbook.listen(who, *kinds)
    logbook.on_verdict(WhereItHangs(logbook, locator).judged)

    return Parts(
        timekeeping=Timekeeping(clock, logbook),
        telemetry=telemetry,
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
        counting=counting,
        retention=retention,
        trust=trust,
        statistics=Statistics(clock.by_wall, asked, settings, counting.newest),
        timeline=Timeline(clock.by_wall, asked),
        locator=locator,
        stalls=StallWatch(clock, _each(noted.note, telemetry.stalled), noted.owner),
        threads=ThreadWatch(master.reactor, logbook),
        learning=learning,
        sampling=sampling,
        listening=Listening(master, logbook),
        advising=Advising(master, logbook, settings),
        carrying=carrying,
        ending=Ending(
            master,
            logbook,
            ends,
            directory,
            recorder,
            secrets,
            news,
            elsewhere,
            others,
            carrying,
        ),
        carried=Carried(
            master,
            clock,
            logbook,
            releaser,
            Pausing(master, clock, logbook, audit),
            desk,
            recorder,
            secrets,
            news,
            locator,
            directory,
            carrying,
        ),
    )


def _each(*told: Callable[[Stall], None]) -> Callable[[Stall], None]:
    """Tells all of these."""

    def tell(stall: Stall) -> None:
        for each in told:
            each(stall)

    return tell
