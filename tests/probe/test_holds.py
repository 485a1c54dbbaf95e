"""A start that was given up and made an instance after all: its worker is held until that is gone.

The whole service runs here on a real master of this process, with a clock that the test moves.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.proof import ASK_EVERY
from buildbot_lifecycle.core.requests import Actor, ForceRequest
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.service.service import LifecycleService
from tests.probe.support import Driven, Served, hanging


class Told(Driven):
    """Its driver says whether the instance is gone as the test wants it."""

    def lifecycle_is_gone(self, instance: str | None) -> bool:
        return bool(self.__dict__.get("is_gone"))


class Successor(Told):
    """A worker of another class, which replaces one under its name."""


class Holds(Served):
    @defer.inlineCallbacks
    def play_late(self, *, pause: bool = False, **settings: Any) -> Any:
        """A stuck start is given up, and its worker is paused with that or not."""
        self.service = LifecycleService(stuck_after={"substantiating_starting": 1}, **settings)
        configuration = self.configuration(Told("w"))
        yield self.setup_master({**configuration, "services": [self.service]})
        answer, self.given = hanging()
        self.answer("start_instance", answer)
        self.ask()
        self.pass_seconds(3)
        yield self.force(pause)
        assert self.worker().isPaused() is pause

    @defer.inlineCallbacks
    def force(self, pause: bool) -> Any:
        (worker,) = yield defer.ensureDeferred(self.service.answers.workers())
        asked = ForceRequest(worker["episode"], "w", "it does not come up", pause=pause)
        came: list[Any] = []
        which = worker["workerid"], worker["masterid"]
        forced = self.service.answers.force(*which, asked, Actor("user", "ann"))
        defer.ensureDeferred(forced).addBoth(came.append)
        self.pass_seconds(9)
        assert came[0].action["status"] == "done", came

    def comes_up(self, number: int = 0, answer: Any = True) -> None:
        self.given[number].callback(answer)
        self.pass_seconds(1)

    def is_gone(self) -> None:
        self.worker().__dict__["is_gone"] = True
        self.pass_seconds(ASK_EVERY + 2)

    @property
    def reason(self) -> str | None:
        reason: str | None = workers.pause_reason(self.worker())
        assert self.worker().isPaused() is (reason is not None)
        return reason

    def close(self, number: int) -> None:
        closed: list[Any] = []
        answers, actor = self.service.answers, Actor("user", "ann")
        resolved = answers.resolve_orphan(number, "I have looked", actor)
        defer.ensureDeferred(resolved).addBoth(closed.append)
        self.pass_seconds(1)
        assert closed[0].closed_by == "ann"

    @defer.inlineCallbacks
    def test_the_worker_is_held_until_the_cloud_says_that_it_is_gone(self) -> Any:
        yield self.play_late()
        self.comes_up()
        assert self.reason == "late start, entry 2"
        assert self.watched().hold, "a build that was taken already starts nothing either"
        entry = yield defer.ensureDeferred(self.service.answers.one("orphans", 2))
        assert entry.cause == "late_start"
        self.pass_seconds(ASK_EVERY + 2)
        assert self.reason == "late start, entry 2", "it is there"
        self.is_gone()
        assert self.reason is None
        assert self.service.answers.health().errors == 0
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_a_late_start_that_made_nothing_holds_nobody(self) -> Any:
        yield self.play_late()
        self.comes_up(answer=False)
        assert self.reason is None
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_where_no_release_pauses_no_late_start_does(self) -> Any:
        yield self.play_late(workers={"w": {"pause_after_release": False}})
        self.comes_up()
        assert self.reason is None
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_the_pause_of_the_release_stays_what_it_is(self) -> Any:
        yield self.play_late(pause=True)
        reason = self.reason
        assert reason == "force disconnect, action 1"
        self.comes_up()
        assert self.reason == reason
        self.is_gone()
        assert self.reason == reason
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_who_takes_it_away_is_not_contradicted(self) -> Any:
        yield self.play_late()
        self.comes_up()
        self.worker().unpause()
        self.pass_seconds(ASK_EVERY + 2)
        assert self.reason is None
        self.worker().pause("my own")
        self.is_gone()
        assert self.reason == "my own"
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_an_entry_that_a_person_closes_leaves_the_pause_to_a_person(self) -> Any:
        yield self.play_late()
        self.comes_up()
        self.close(2)
        assert self.reason == "late start, entry 2"
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_a_quarantine_is_not_ended_with_it(self) -> Any:
        yield self.play_late()
        self.comes_up()
        self.worker().quarantine_timeout = 600
        self.worker().putInQuarantine()
        self.is_gone()
        assert self.reason == "late start, entry 2"
        self.worker().stopQuarantineTimer()
        yield self.shut_down()

    @defer.inlineCallbacks
    def replace(self, successor: Any) -> Any:
        """A reconfiguration puts another worker in its place, under its name and number."""
        before, number = self.worker(), self.worker().workerid
        configuration = self.configuration(successor)
        yield self.reconfig_master({**configuration, "services": [self.service]})
        self.pass_seconds(2)
        assert self.worker() is not before
        assert self.worker().workerid == number

    @defer.inlineCallbacks
    def test_a_worker_that_has_replaced_it_meanwhile_is_not_held_for_it(self) -> Any:
        yield self.play_late()
        yield self.replace(Successor("w"))
        self.comes_up()
        entry = yield defer.ensureDeferred(self.service.answers.one("orphans", 2))
        assert entry.cause == "late_start"
        assert self.reason is None, "the start was none of its own"
        assert not self.watched().hold
        assert self.service.answers.health().errors == 0
        yield self.shut_down()

    @defer.inlineCallbacks
    def come_back(self, successor: Any) -> Any:
        """The worker leaves the configuration, and one of its name comes into it."""
        yield self.reconfig_master({**self.configuration(), "services": [self.service]})
        yield self.reconfig_master({**self.configuration(successor), "services": [self.service]})
        self.pass_seconds(2)

    @defer.inlineCallbacks
    def test_who_replaces_a_held_worker_somewhere_else_does_not_inherit_the_hold(self) -> Any:
        yield self.play_late()
        self.comes_up()
        yield self.replace(Successor("w"))
        assert self.reason is None, "no cloud of its own could ever free it"
        assert not self.watched().hold
        assert self.service.answers.health().errors == 0
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_who_has_its_name_and_place_next_is_held_on_and_freed_by_the_proof(self) -> Any:
        yield self.play_late()
        self.comes_up()
        yield self.come_back(Told("w"))
        assert self.reason == "late start, entry 2"
        assert self.watched().hold
        self.is_gone()
        assert self.reason is None
        assert self.service.answers.health().errors == 0
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_a_pause_of_a_person_is_handed_on_as_it_is(self) -> Any:
        yield self.play_late()
        self.worker().pause("my own")
        self.comes_up()
        yield self.come_back(Successor("w"))
        assert self.worker().isPaused()
        assert workers.pause_reason(self.worker()) is None, "Buildbot forgets it"
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_the_next_late_instance_takes_the_hold_over(self) -> Any:
        yield self.play_late()
        self.ask()
        self.pass_seconds(3)
        yield self.force(pause=False)
        assert len(self.given) == 2
        self.comes_up(0)
        self.comes_up(1)
        parts: Any = self.service._parts
        first, second = 3, 4
        assert self.reason == f"late start, entry {first}"
        desk, workerid = parts.desk, self.worker().workerid
        proof = Actor("driver", "driver")
        desk.close_orphan(first, workerid, proof, "gone")
        self.pass_seconds(1)
        assert self.reason == f"late start, entry {second}"
        desk.close_orphan(second, workerid, proof, "gone")
        self.pass_seconds(1)
        assert self.reason is None
        yield self.shut_down()
