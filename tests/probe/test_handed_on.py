"""The pause and the release of an earlier life of a worker: Buildbot hands on the pause, not its reason.

The whole service runs here on a real master of this process, with a clock that the test moves.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet import defer

from buildbot_lifecycle.core.requests import Actor, ForceRequest, PauseRequest
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.service.service import LifecycleService
from tests.probe.support import Driven, Served, hanging

ANN = Actor("user", "ann")


class HandedOn(Served):
    @defer.inlineCallbacks
    def play(self, *, pause: bool = True) -> Any:
        """A stuck start is given up by ann, and its worker is paused with that or not."""
        self.service = LifecycleService(stuck_after={"substantiating_starting": 1})
        configuration = self.configuration(Driven("w"))
        yield self.setup_master({**configuration, "services": [self.service]})
        answer, _ = hanging()
        self.answer("start_instance", answer)
        self.ask()
        self.pass_seconds(3)
        row = yield self.row()
        asked = ForceRequest(row["episode"], "w", "it does not come up", pause=pause)
        action = yield self.acted(self.service.answers.force(*self.which(row), asked, ANN))
        assert (action["id"], action["status"]) == (1, "done")
        self.began = action["at"]

    @staticmethod
    def which(row: Any) -> tuple[int, int]:
        return row["workerid"], row["masterid"]

    @defer.inlineCallbacks
    def acted(self, asked: Any) -> Any:
        came: list[Any] = []
        defer.ensureDeferred(asked).addBoth(came.append)
        self.pass_seconds(9)
        yield defer.succeed(None)
        return came[0].action

    @defer.inlineCallbacks
    def row(self) -> Any:
        (row,) = yield defer.ensureDeferred(self.service.answers.workers())
        return row

    @defer.inlineCallbacks
    def restart(self) -> Any:
        """The worker leaves the configuration with the service, and both come back: other objects."""
        yield self.reconfig_master(self.configuration())
        self.service = LifecycleService(stuck_after={"substantiating_starting": 1})
        configuration = self.configuration(Driven("w"))
        yield self.reconfig_master({**configuration, "services": [self.service]})
        self.pass_seconds(2)
        assert self.worker().isPaused()

    @property
    def reason(self) -> str | None:
        return workers.pause_reason(self.worker())

    @defer.inlineCallbacks
    def test_a_restart_loses_neither_the_pauses_reason_nor_who_released_it(self) -> Any:
        yield self.play()
        yield self.restart()
        row = yield self.row()
        assert self.reason == row["pause_reason"] == "force disconnect, action 1"
        assert self.watched().hold, "a build that was taken already starts nothing either"
        assert row["verdict"]["level"] == "attention"
        assert row["verdict"]["reason"].startswith("released by ann ")
        pause, released = row["to_do"].pause, row["to_do"].released
        assert (pause.action, pause.orphan) == (1, None)
        assert (released.action, released.by, released.by_kind) == (1, "ann", "user")
        assert released.at == pytest.approx(self.began, abs=0.01)
        assert self.service.answers.health().errors == 0
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_nor_once_the_worker_has_attached_and_buildbot_has_forgotten_it(self) -> Any:
        yield self.play()
        yield self.master.data.updates.set_worker_paused(self.worker().workerid, True, None)
        yield self.restart()
        assert self.reason == "force disconnect, action 1"
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_a_pause_that_a_person_has_made_after_it_stays_the_persons(self) -> Any:
        yield self.play()
        self.worker().unpause()
        self.pass_seconds(1)
        self.worker().pause("my own")
        self.pass_seconds(1)
        yield self.restart()
        assert self.reason is None, "Buildbot forgets it"
        row = yield self.row()
        assert row["to_do"] is None or row["to_do"].pause is None
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_what_nobody_recorded_is_told_by_buildbots_own_database(self) -> Any:
        yield self.play()
        yield self.master.data.updates.set_worker_paused(
            self.worker().workerid, True, "while it was off"
        )
        yield self.restart()
        assert self.reason is None
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_who_has_asked_for_a_pause_is_known_by_its_action_after_it_too(self) -> Any:
        yield self.play(pause=False)
        row = yield self.row()
        asked = PauseRequest(pause=True, reason="its image is broken")
        yield self.acted(self.service.answers.pause(*self.which(row), asked, ANN))
        yield self.restart()
        assert self.reason == "pause, action 2"
        row = yield self.row()
        assert row["to_do"] is None or row["to_do"].pause is None, "it is a person's to end"
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_an_action_that_is_told_again_is_not_counted_again(self) -> Any:
        yield self.play()
        yield self.restart()
        text, _ = yield defer.ensureDeferred(self.service.answers.metrics("text/plain"))
        assert b'action="force-disconnect"' not in text
        yield self.shut_down()
