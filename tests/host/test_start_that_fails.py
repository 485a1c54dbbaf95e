"""Our own start fails half way: the master runs as without us, and nothing of ours goes on."""

from __future__ import annotations

import tempfile
from typing import Any
from unittest import mock

from twisted.internet import defer
from twisted.python import log

from buildbot_lifecycle.act.shutdown import ShutdownWatch
from buildbot_lifecycle.diagnose.stall import StallWatch
from buildbot_lifecycle.master.advice import Advising
from buildbot_lifecycle.master.logbook import Logbook
from buildbot_lifecycle.master.secrets import Secrets
from buildbot_lifecycle.service.listening import Listening
from buildbot_lifecycle.service.run import Run
from buildbot_lifecycle.service.service import LifecycleService
from tests.host.test_required import touched
from tests.probe.support import Driven, Stage

#: What a start does, in its order.
STEPS = (
    (Secrets, "install"),
    (Logbook, "baseline"),
    (ShutdownWatch, "install"),
    (StallWatch, "start"),
    (Run, "start"),
    (Advising, "soon"),
    (Listening, "start"),
)


class StartThatFails(Stage):
    def mktemp(self) -> str:
        """The master's directory; trial's own would be in the checkout."""
        return tempfile.mkdtemp()

    @defer.inlineCallbacks
    def test_wherever_it_fails_all_of_it_is_taken_back_and_told_once(self) -> Any:
        yield self.play(Driven("w"), observed=False)
        for cls, name in STEPS:
            yield self._fail_at(cls, name)

    @defer.inlineCallbacks
    def _fail_at(self, cls: type, name: str) -> Any:
        before, timers = touched(self.master, self.worker()), len(self._timers())
        service = LifecycleService()
        told: list[str] = []

        def hear(event: Any) -> None:
            if "lifecycle: could not start" in str(event.get("why")):
                told.append(event["why"])

        log.addObserver(hear)
        try:
            with mock.patch.object(cls, name, side_effect=RuntimeError("as asked")):
                service.setServiceParent(self.master)
        finally:
            log.removeObserver(hear)
        assert touched(self.master, self.worker()) == before, f"{cls.__name__}.{name}"
        assert told == ["lifecycle: could not start; nothing is recorded"]
        health = service.answers.health()
        yield self._until_quiet(timers)
        yield service.disownServiceParent()
        self.flushLoggedErrors(RuntimeError)
        assert "as asked" in str(health)

    def _timers(self) -> list[Any]:
        return [call for call in self.reactor.getDelayedCalls() if call.active()]

    @defer.inlineCallbacks
    def _until_quiet(self, timers: int) -> Any:
        """What is under way in the database ends; then nothing of ours comes again."""
        for _ in range(50):
            self.reactor.advance(1)
            yield defer.succeed(None)
        assert len(self._timers()) == timers, self._timers()
