"""The watch over a master's stop, on a real master with a clock of the test's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from buildbot.worker.latent import States
from twisted.internet import defer
from twisted.python import log

from buildbot_lifecycle.act import shutdown
from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.shutdown import ShutdownWatch
from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.host import waits
from buildbot_lifecycle.master.logbook import Known, Logbook
from tests.probe.support import Driven, Stage, hanging
from tests.probe.test_release import Ledger


class Watching(Stage):
    """A worker, and a watch that does not stand around the test's own master."""

    @defer.inlineCallbacks
    def stage(self, **arguments: Any) -> Any:
        given = {"stuck_after": {"insubstantiating": 1}, "shutdown_grace": 0, **arguments}
        self.settings = parse(given)[0]
        yield self.setup_master(self.configuration(Driven("w")))
        self.ledger = Ledger()
        self.logbook = Logbook(self.reactor, lambda: self.settings, self.ledger)
        self.addCleanup(self.logbook.close)
        for watched in self.observe(self.logbook):
            self.logbook.baseline(watched)
        audit = Audit(self.reactor, self.ledger, self.logbook)
        orphans = self.ledger.left = Orphans(self.reactor, self.ledger)
        self.watch = ShutdownWatch(self.master, self.logbook, audit, orphans, lambda: self.settings)
        self.addCleanup(self.watch.finish)

    @property
    def known(self) -> Known:
        known = self.logbook.named("w")
        assert known is not None
        return known

    def pass_by(self, seconds: float) -> None:
        self.reactor.pump([0.5] * int(seconds / 0.5))

    @defer.inlineCallbacks
    def stuck(self, **arguments: Any) -> Any:
        yield self.stage(**arguments)
        answer, self.given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        self.worker().insubstantiate()
        self.reactor.advance(2)

    def outside(self) -> defer.Deferred[Any]:
        """Another plugin has put its own wrapper around ours: Buildbot waits on that one."""
        mine: defer.Deferred[Any] = defer.Deferred()
        ours = self.worker().stop_instance
        self.worker().stop_instance = lambda *a: [ours(*a).addErrback(lambda _: None), mine][1]
        return mine


class Stops(Watching):
    @defer.inlineCallbacks
    def test_what_a_release_has_no_effect_on_is_released_and_written_down_once(self) -> Any:
        yield self.stage()
        answer, _given = hanging()
        self.answer("stop_instance", answer)
        waited_on = self.outside()
        self.patch(waits, "release_found", lambda *_: False)
        self.ask()
        self.worker().insubstantiate()
        self.reactor.advance(2)
        self.watch._stop_asked()
        self.pass_by(60)
        assert self.worker().state is States.INSUBSTANTIATING
        (action,) = self.ledger.actions
        assert action["status"] == "failed"
        assert action["outcome"].startswith("had no effect: what Buildbot waits for was not found")
        assert self.ledger.orphans == []
        waited_on.callback(True)
        yield self.worker().insubstantiate()

    @defer.inlineCallbacks
    def test_a_release_that_frees_the_worker_is_done_and_opens_an_orphan(self) -> Any:
        yield self.stuck()
        self.watch._stop_asked()
        self.pass_by(30)
        assert self.worker().state is States.NOT_SUBSTANTIATED
        (action,) = self.ledger.actions
        assert action["status"] == "done"
        assert len(self.ledger.orphans) == 1
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_second_wait_of_the_same_worker_is_another_release(self) -> Any:
        yield self.stage(stuck_after={"insubstantiating": 1, "substantiating_starting": 1})
        starts, stops = hanging()[0], hanging()[0]
        self.answer("start_instance", starts)
        self.answer("stop_instance", stops)
        self.ask()
        self.reactor.advance(2)
        self.watch._stop_asked()
        self.pass_by(30)
        assert self.worker().state is States.NOT_SUBSTANTIATED
        targets = [next(s["target"] for s in a["steps"]) for a in self.ledger.actions]
        assert targets == ["start_instance", "stop_instance"]
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_what_is_stuck_when_the_stop_is_asked_for_is_released_at_once(self) -> Any:
        yield self.stuck(shutdown_grace=30)
        self.watch._stop_asked()
        self.pass_by(1)
        assert self.worker().state is States.NOT_SUBSTANTIATED
        assert len(self.ledger.actions) == 1
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_call_that_follows_a_released_one_has_half_the_grace_and_no_limit_of_its_own(
        self,
    ) -> Any:
        hours = {"substantiating_starting": 1, "insubstantiating": 3600}
        yield self.stage(stuck_after=hours, shutdown_grace=6)
        starts, stops = hanging()[0], hanging()[0]
        self.answer("start_instance", starts)
        self.answer("stop_instance", stops)
        self.ask()
        self.reactor.advance(2)
        self.watch._stop_asked()
        self.pass_by(2)
        assert self.worker().state is States.INSUBSTANTIATING
        self.pass_by(3)
        assert self.worker().state is States.NOT_SUBSTANTIATED
        self.flushLoggedErrors()


class Limits(Watching):
    """One upper bound for the whole stop, whatever single calls may still wait for."""

    @defer.inlineCallbacks
    def waits(self, limit: float | None, **arguments: Any) -> Any:
        """A stop that has just begun to hang, with a limit of its own."""
        yield self.stage(stuck_after={"insubstantiating": limit}, **arguments)
        answer, self.given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        self.worker().insubstantiate()

    @defer.inlineCallbacks
    def of_a_call(self, limit: float | None) -> Any:
        yield self.waits(limit, shutdown_limit=30, shutdown_grace=5)
        self.watch._stop_asked()
        self.pass_by(19)
        assert self.worker().state is States.INSUBSTANTIATING
        (blocker,) = self.watch.blockers(self.reactor.seconds())
        assert blocker.releasable
        assert 0 < blocker.release_in_s <= 1
        self.pass_by(2)
        assert self.worker().state is States.NOT_SUBSTANTIATED
        (action,) = self.ledger.actions
        assert (action["what"], action["status"]) == ("shutdown-release", "done")
        assert len(self.ledger.orphans) == 1
        self.flushLoggedErrors()

    def test_a_call_with_a_long_limit_is_released_when_that_of_the_stop_comes_near(self) -> Any:
        return self.of_a_call(3600)

    def test_a_call_without_a_limit_is_released_when_that_of_the_stop_comes_near(self) -> Any:
        return self.of_a_call(None)

    @defer.inlineCallbacks
    def test_a_call_that_begins_after_the_limit_is_released_within_a_second(self) -> Any:
        hours = {"substantiating_starting": 3600, "insubstantiating": 3600}
        yield self.stage(stuck_after=hours, shutdown_grace=20, shutdown_limit=30)
        self.answer("start_instance", hanging()[0])
        self.answer("stop_instance", hanging()[0])
        self.ask()
        self.watch._stop_asked()
        self.pass_by(22)
        assert self.worker().state is States.NOT_SUBSTANTIATED
        assert len(self.ledger.actions) == 2
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_master_that_has_lost_its_router_says_why_it_stops_and_that_its_process_stays(
        self,
    ) -> Any:
        yield self.waits(3600, shutdown_limit=30)
        lines: list[str] = []

        def hear(event: Any) -> None:
            lines.extend(event.get("message", ()))

        log.addObserver(hear)
        self.addCleanup(log.removeObserver, hear)
        there = SimpleNamespace(is_connected=lambda: True)
        self.patch(self.master.wamp, "service", there)
        assert self.watch.waits(self.reactor.seconds()) == []
        there.is_connected = lambda: False
        # Buildbot asks for the stop; before that it may connect
        assert self.watch.waits(self.reactor.seconds()) == []
        self.watch._stop_asked()
        self.watch._stop_asked()
        (wait,) = self.watch.waits(self.reactor.seconds())
        assert (wait.what, "restart it" in wait.text) == ("router", True)
        assert [line for line in lines if "it has lost the router" in line] == [
            f"lifecycle: {shutdown._LOST_ROUTER}"
        ]
        self.given[0].callback(True)
        yield self.worker().insubstantiate()

    @defer.inlineCallbacks
    def test_a_page_that_asks_before_is_told_the_limit_of_the_stop(self) -> Any:
        yield self.waits(3600, shutdown_limit=30)
        (blocker,) = self.watch.blockers(self.reactor.seconds())
        assert blocker.release_in_s == 20
        assert self.watch.ends_by is None
        self.watch._stop_asked()
        assert self.watch.ends_by == self.reactor.seconds() + 30
        self.given[0].callback(True)
        yield self.worker().insubstantiate()

    @defer.inlineCallbacks
    def test_at_the_limit_the_last_rows_are_written_and_the_process_leaves(self) -> Any:
        yield self.waits(3600, shutdown_limit=30)
        self.outside()
        said: list[str] = []

        async def words() -> None:
            said.append("words")

        self.patch(self.watch._end._words, "in_reactor", words)
        self.patch(self.watch._end, "_leave", lambda: said.append("left"))
        self.watch._stop_asked()
        self.pass_by(26)
        assert said == []
        self.pass_by(2)
        assert said == ["words", "left"]
        self.given[0].callback(True)
        yield self.worker().insubstantiate()
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_clean_stop_waits_for_a_call_as_long_as_its_own_limit(self) -> Any:
        yield self.waits(3600, shutdown_limit=30)
        self.patch(self.master.botmaster, "shuttingDown", True)
        self.watch._begin()
        self.pass_by(60)
        assert self.worker().state is States.INSUBSTANTIATING
        assert self.ledger.actions == []
        self.given[0].callback(True)
        yield self.worker().insubstantiate()

    @defer.inlineCallbacks
    def test_a_clean_stop_releases_a_call_without_a_limit_at_that_of_the_stop(self) -> Any:
        yield self.waits(None, shutdown_limit=30)
        self.patch(self.master.botmaster, "shuttingDown", True)
        self.watch._begin()
        self.pass_by(29)
        assert self.ledger.actions == []
        self.pass_by(2)
        assert self.worker().state is States.NOT_SUBSTANTIATED
        self.flushLoggedErrors()
