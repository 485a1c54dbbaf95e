"""Pauses that are asked for with a reason: written first, done Buildbot's way, and looked at.

The whole service runs here on a real master of this process, with a clock that the test moves.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act import pausing
from buildbot_lifecycle.core.requests import Actor, PauseRequest, Refusal
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.service.service import LifecycleService
from tests.probe.support import Driven, Served

ANN = Actor("user", "ann")
PAUSE, UNPAUSE = (
    PauseRequest(pause=True, reason="its disk is exchanged"),
    PauseRequest(pause=False, reason="done"),
)


class Pauses(Served):
    @defer.inlineCallbacks
    def play(self) -> Any:
        self.service = LifecycleService()
        configuration = self.configuration(Driven("w"))
        yield self.setup_master({**configuration, "services": [self.service]})
        self.pass_seconds(1)

    def asked(self, request: PauseRequest, *, passes: float = 1) -> Any:
        """What came of it: the action, or the refusal."""
        came = self.begin(request)
        self.pass_seconds(passes)
        (answer,) = came
        return answer.value if hasattr(answer, "value") else answer.action

    def begin(self, request: PauseRequest) -> list[Any]:
        came: list[Any] = []
        asked = self.service.answers.pause(
            self.worker().workerid, self.master.masterid, request, ANN
        )
        defer.ensureDeferred(asked).addBoth(came.append)
        return came

    def code(self, request: PauseRequest) -> str:
        answer = self.asked(request)
        assert isinstance(answer, Refusal), answer
        return answer.code

    @defer.inlineCallbacks
    def actions(self) -> Any:
        """What was asked for, as the next reader finds it: oldest first."""
        store = self.master.db.pool
        rows = yield store.do(
            lambda conn: conn.exec_driver_sql(
                "select what, status from lifecycle_actions order by id"
            ).all()
        )
        return [tuple(row) for row in rows]

    @defer.inlineCallbacks
    def test_a_pause_is_buildbots_own_with_the_number_of_the_action_as_its_reason(self) -> Any:
        yield self.play()
        action = self.asked(PAUSE)
        assert (action.what, action.status, action.actor) == ("pause", "done", "ann")
        assert (action.reason, action.pause) == ("its disk is exchanged", True)
        assert [(step.step, step.done) for step in action.steps] == [("pause", True)]
        worker = self.worker()
        assert worker.isPaused()
        # which Buildbot tells to everybody: no words of an operator
        assert workers.pause_reason(worker) == f"pause, action {action.id}"
        assert self.watched().hold, "a build that was taken already starts nothing either"
        stored = yield self.master.data.get(("workers", worker.workerid))
        assert stored["paused"] is True
        assert self.code(PAUSE) == "already_paused"
        action = self.asked(UNPAUSE)
        assert (action.what, action.status, action.outcome) == (
            "unpause",
            "done",
            "the worker is unpaused now",
        )
        assert not worker.isPaused()
        assert self.code(UNPAUSE) == "not_paused"
        assert (yield self.actions()) == [("pause", "done"), ("unpause", "done")]
        assert self.service.answers.health().errors == 0
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_two_who_ask_at_once_pause_once(self) -> Any:
        yield self.play()
        first, second = self.begin(PAUSE), self.begin(PAUSE)
        self.pass_seconds(1)
        assert first[0].action.status == "done"
        assert second[0].value.code == "already_paused"
        assert (yield self.actions()) == [("pause", "done")]
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_who_paused_it_meanwhile_is_seen_after_the_action_is_written(self) -> Any:
        yield self.play()
        worker = self.worker()
        written = self.service._parts.desk.insert_action

        def paused_meanwhile(row: Any) -> Any:
            worker.pause("by hand")
            return written(row)

        self.patch(self.service._parts.desk, "insert_action", paused_meanwhile)
        assert self.code(PAUSE) == "already_paused"
        assert workers.pause_reason(worker) == "by hand"
        assert (yield self.actions()) == [("pause", "refused")]
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_an_unpause_ends_a_quarantine_as_buildbots_own_does(self) -> Any:
        yield self.play()
        worker = self.worker()
        worker.putInQuarantine()
        assert self.asked(UNPAUSE).status == "done"
        assert worker.quarantine_timer is None
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_what_has_no_effect_is_not_said_to_be_done(self) -> Any:
        yield self.play()
        self.patch(self.worker(), "pause", lambda _reason: None)
        self.worker().workerActionConsumer.stopConsuming()
        action = self.asked(PAUSE, passes=pausing.EFFECT_SECONDS + 1)
        assert (action.status, action.steps[0].done) == ("failed", False)
        assert action.outcome == "had no effect: it is not seen after 5 s"
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_what_buildbot_does_not_take_is_told_with_why(self) -> Any:
        yield self.play()
        self.patch(self.master.data, "control", lambda *_: defer.Deferred())
        action = self.asked(PAUSE, passes=pausing.TAKE_SECONDS + pausing.EFFECT_SECONDS + 1)
        assert action.status == "failed"
        assert action.outcome == "had no effect: Buildbot's data API has not answered within 5 s"
        assert not self.worker().isPaused()
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_what_cannot_be_written_is_not_done(self) -> Any:
        yield self.play()
        gone = defer.fail(RuntimeError("no database"))
        self.patch(self.service._parts.desk, "insert_action", lambda _: gone)
        assert self.code(PAUSE) == "behind"
        assert not self.worker().isPaused()
        self.flushLoggedErrors(RuntimeError)
        yield self.shut_down()
