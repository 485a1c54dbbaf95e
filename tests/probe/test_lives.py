"""The probe put in, taken off and put in again: a worker goes on, and so does what is known of it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from buildbot.worker.latent import States
from twisted.internet import defer

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.ledger import Ledger
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.shutdown import ShutdownWatch
from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch.probe import PROBE
from tests.probe.support import Conn, Driven, Stage, hanging


class Other(Driven):
    """A worker of another class, to replace one under its name."""


class Desk:
    """One life of the service, with its ledger in memory."""

    def __init__(self, stage: Stage, written: Mapping[int, Any] | None = None) -> None:
        self.settings = parse({"stuck_after": {"insubstantiating": 5}, "shutdown_grace": 1})[0]
        self.master = stage.master
        self.events: list[Event] = []
        self.opened: dict[int, Any] = dict(written or {})
        self.closed: list[int] = []
        clock = stage.reactor
        self.logbook = Logbook(clock, lambda: self.settings, self)
        self.orphans = Orphans(clock, self)
        self.entries = Entries()
        self.ledger = Ledger(self.logbook, self, "token", self.entries)
        audit = Audit(clock, self, self.logbook)
        self.watch = ShutdownWatch(
            stage.master, self.logbook, audit, self.orphans, lambda: self.settings
        )
        for watched in PROBE.subscribe(stage.master, self.logbook):
            self.logbook.baseline(watched)
        self.watch.install()
        found = [{"id": number, **row} for number, row in self.opened.items()]
        defer.ensureDeferred(self.ledger.found(clock, found))
        stage.addCleanup(self.end)

    def end(self) -> None:
        if PROBE.register.sinks.get(id(self.master)) is self.logbook:
            PROBE.unsubscribe(self.master)
        self.watch.uninstall()
        self.logbook.close()

    def record(self, known: Known, event: Event, episodes: Any) -> None:
        self.events.append(event)
        if event.kind is Kind.BASELINE:
            self.ledger.introduce(known)
        if event.data.get("late"):
            self.orphans.call_ended(known, event)
        if event.kind is Kind.LEAVING and not event.data["with_master"]:
            self.watch.worker_leaves(known)

    def record_verdict(self, known: Known) -> None: ...

    def keep_action(self, row: Any, changes: Any) -> None: ...

    def keep_orphan(self, row: Any, token: str, closing: Any) -> None: ...

    def insert_action(self, row: Any) -> defer.Deferred[int]:
        return defer.succeed(1)

    def update_action(self, action_id: int, changes: Any) -> defer.Deferred[Any]:
        return defer.succeed(None)

    def open_orphan(self, row: Any) -> defer.Deferred[int]:
        number = len(self.opened) + 1
        self.opened[number] = dict(row)
        self.entries.opened(number, row)
        return defer.succeed(number)

    def close_orphan(self, orphan: int, workerid: int, by: str, note: str) -> defer.Deferred[Any]:
        self.closed.append(orphan)
        self.entries.closed(orphan, workerid)
        return defer.succeed(True)

    def told(self, *kinds: Kind) -> list[Mapping[str, Any]]:
        return [event.data for event in self.events if event.kind in kinds]

    @property
    def known(self) -> Known:
        known = self.logbook.named("w")
        assert known is not None
        return known


class Lives(Stage):
    @defer.inlineCallbacks
    def begin(self, *workers: Any) -> Any:
        yield self.setup_master(self.configuration(*(workers or (Driven("w"),))))
        self.desk = Desk(self)

    def again(self) -> None:
        """The service is removed by a reconfiguration, and added again."""
        self.desk.end()
        self.desk = Desk(self, self.desk.opened)

    @defer.inlineCallbacks
    def stop_hangs(self) -> Any:
        yield self.begin()
        answer, self.given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        self.worker().insubstantiate()
        (self.call,) = self.watched().waiting("stop_instance")
        self.called_at = self.reactor.seconds()

    @defer.inlineCallbacks
    def test_a_call_of_the_first_life_is_known_in_the_second_with_its_age_and_can_be_released(
        self,
    ) -> Any:
        yield self.stop_hangs()
        self.reactor.advance(4)
        self.again()
        (pending,) = self.desk.known.facts.calls
        assert (pending.call, pending.since) == ("stop_instance", self.called_at)
        assert not self.desk.known.facts.found_locked, "nothing but what we know holds the lock"
        self.reactor.advance(2)
        assert self.desk.known.verdict.code == "stop_pending"
        assert self.desk.known.verdict.level == "stuck"
        assert self.call.release("action 1")
        assert self.worker().state is States.NOT_SUBSTANTIATED
        self.given[0].callback(True)
        outcomes = [d["outcome"] for d in self.desk.told(Kind.CALL_ENDED)]
        assert outcomes == ["released", "true"]
        assert self.desk.known.facts.abandoned == ()
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_call_that_the_first_life_released_closes_its_orphan_in_the_second(self) -> Any:
        yield self.stop_hangs()
        before = self.desk.known.facts
        self.call.release("action 1")
        yield self.desk.orphans.open(self.desk.known, before, "t", "released")
        self.again()
        assert [call.token for call in self.desk.known.facts.abandoned] == [self.call.token]
        assert [orphan.id for orphan in self.desk.known.facts.orphans] == [1]
        self.given[0].callback(True)
        assert self.desk.closed == [1]
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_call_that_ended_between_the_lives_is_not_waited_for(self) -> Any:
        yield self.stop_hangs()
        self.desk.end()
        self.given[0].callback(True)
        assert self.worker().state is States.NOT_SUBSTANTIATED
        self.desk = Desk(self)
        assert self.desk.known.facts.calls == ()
        assert self.watched().calls == {}

    @defer.inlineCallbacks
    def test_the_end_of_a_connection_is_told_once_however_often_the_service_came(self) -> Any:
        yield self.begin()
        self.ask()
        yield self.worker().attached(Conn())
        for _ in range(3):
            self.again()
        self.worker().conn.loseConnection()
        assert len(self.desk.told(Kind.DETACHED)) == 1
        assert not self.desk.known.facts.connected
        yield self.worker().insubstantiate()

    @defer.inlineCallbacks
    def test_a_wrapper_that_somebody_kept_only_passes_through_in_the_second_life(self) -> Any:
        yield self.begin()
        kept = self.worker().stop_instance
        self.worker().stop_instance = lambda fast=False: kept(fast)
        self.again()
        self.ask()
        yield self.worker().insubstantiate()
        stops = [d for d in self.desk.told(Kind.CALL_STARTED) if d["call"] == "stop_instance"]
        assert len(stops) == 1
        assert self.worker().made.count("stop_instance") == 1

    @defer.inlineCallbacks
    def test_a_stop_of_the_master_that_somebody_kept_wakes_only_the_life_that_is(self) -> Any:
        yield self.begin()
        kept = self.master.botmaster.cleanShutdown
        self.master.botmaster.cleanShutdown = functools.partial(kept)
        first = self.desk
        self.again()
        self.master.botmaster.cleanShutdown(quickMode=True, stopReactor=False)
        assert (first.watch.is_stopping, self.desk.watch.is_stopping) == (False, True)
        del self.master.botmaster.cleanShutdown

    @defer.inlineCallbacks
    def test_the_late_end_of_a_worker_replaced_meanwhile_touches_nothing_of_its_successor(
        self,
    ) -> Any:
        yield self.stop_hangs()
        self.call.release("action 1")
        first = self.desk
        first.end()
        self.answer("stop_instance", True)
        yield self.reconfig_master(self.configuration(Other("w")))
        self.desk = Desk(self)
        known = self.desk.known
        assert known.class_name == "Other"
        self.given[0].callback(True)
        assert self.desk.known is known
        assert known.watched.worker is self.worker()
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_what_a_replaced_worker_may_have_left_running_is_shown_with_its_successor(self) -> Any:
        yield self.stop_hangs()
        before = self.desk.known.facts
        self.call.release("action 1")
        yield self.desk.orphans.open(self.desk.known, before, "t", "released")
        self.answer("stop_instance", True)
        yield self.reconfig_master(self.configuration(Other("w")))
        assert [orphan.id for orphan in self.desk.known.facts.orphans] == [1]
        # and its own late end is its own
        self.given[0].callback(True)
        assert self.desk.closed == [1]
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_worker_replaced_by_one_of_another_class_is_not_taken_for_one_that_leaves(
        self,
    ) -> Any:
        yield self.begin(Driven("w"), Driven("other"))
        yield self.reconfig_master(self.configuration(Other("w"), Driven("other")))
        assert self.desk.known.leaving_since is None
        assert not self.desk.watch._stop.ends(self.desk.known)
        self.reactor.pump([0.5] * 60)
        assert self.desk.watch._loop is None, "nothing is looked at any more"
