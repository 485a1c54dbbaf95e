"""The watch over a master's stop, on a real master with a clock of the test's."""

from __future__ import annotations

from typing import Any

from buildbot.worker.latent import States
from twisted.internet import defer

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.shutdown import ShutdownWatch
from buildbot_lifecycle.core.settings import parse
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
