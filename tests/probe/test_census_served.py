"""The census of the whole service, on a real master in this process, of a class that lists by itself."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.census import AGAIN_AFTER, FIRST_AFTER
from buildbot_lifecycle.act.proof import ASK_EVERY
from buildbot_lifecycle.core.requests import LATE_END, Actor, EndRequest, Refusal
from buildbot_lifecycle.service.service import LifecycleService
from tests.probe.support import Driven
from tests.probe.test_walk_of_a_force import Served

ANN = Actor("user", "ann")


class Lister(Driven):
    """Lists one instance that nobody has made."""

    def lifecycle_instances(self) -> Any:
        return [{"name": "i-9", "worker": "w", "kind": "t3.large", "born": 10.0}]

    def lifecycle_is_gone(self, instance: str | None) -> bool:
        return bool(self.__dict__.get("is_gone"))


class Ender(Lister):
    """Its instance is gone when it was ended. Its list, which is asked now and then, is of before."""

    def lifecycle_end(self, instance: str) -> bool:
        self.__dict__["is_gone"] = True
        return True


class CensusServed(Served):
    @defer.inlineCallbacks
    def play_nobodys(self, worker: Any, **settings: Any) -> Any:
        """A master has an instance that is nobody's."""
        self.service = LifecycleService(**settings)
        yield self.setup_master({**self.configuration(worker), "services": [self.service]})
        self.pass_seconds(FIRST_AFTER + AGAIN_AFTER + 5)

    def told(self, asked: Any) -> Any:
        came: list[Any] = []
        defer.ensureDeferred(asked).addBoth(came.append)
        self.pass_seconds(1)
        return came[0]

    def listed(self) -> list[tuple[str, str]]:
        found = self.told(self.service.answers.instances())
        return [(row.name, row.standing) for row in found.instances]

    @defer.inlineCallbacks
    def test_what_a_class_lists_and_nobody_has_is_told_and_kept_in_the_ledger(self) -> Any:
        yield self.play_nobodys(
            Lister("w"), prices={"t3.*": 3600.0}, instance_url={"*": "https://c/{instance}"}
        )
        found = self.told(self.service.answers.instances())
        (row,) = found.instances
        assert (row.name, row.standing, row.why_not) == ("i-9", "nobodys", "not_offered")
        assert (row.worker, row.class_, row.orphan) == ("w", "Lister", 1)
        assert (row.place, row.link) == ("Lister w", "https://c/i-9")
        assert row.cost > 0
        (place,) = found.places
        assert (place.place, place.count, place.error) == ("Lister w", 1, None)
        assert (found.meta.total, found.meta.taking) == (1, False)
        orphan: Any = yield defer.ensureDeferred(self.service.answers.one("orphans", 1))
        assert (orphan.cause, orphan.instance, orphan.worker) == ("nobodys", "i-9", "w")
        assert self.service.answers.health().errors == 0
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_what_was_ended_is_forgotten_when_it_is_gone_and_not_with_the_next_look(self) -> Any:
        yield self.play_nobodys(Ender("w"))
        answers = self.service.answers
        (row,) = self.told(answers.instances()).instances
        found = self.told(answers.instance(row.id, ANN))
        heard: list[Any] = []
        yield self.master.mq.startConsuming(
            lambda key, message: heard.append(message["counts"]), ("lifecycle", None, "census")
        )
        ended = self.told(answers.end_instance(found, EndRequest("i-9", "it costs money"), ANN))
        assert (ended.action.status, ended.action.outcome) == ("done", "i-9 is gone")
        assert self.listed() == []
        assert heard == [{"total": 0}]
        again = self.told(answers.end_instance(found, EndRequest("i-9", "once more"), ANN))
        assert isinstance(again.value, Refusal)
        assert again.value.code == "no_such_instance"
        assert answers.health().errors == 0
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_what_the_cloud_says_is_gone_while_its_entry_is_open_is_forgotten_too(self) -> Any:
        yield self.play_nobodys(Lister("w"))
        assert self.listed() == [("i-9", "nobodys")]
        self.worker().__dict__["is_gone"] = True
        self.pass_seconds(ASK_EVERY + 2)
        assert self.listed() == []
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_an_entry_that_a_person_closes_proves_nothing_and_one_that_a_stop_closes_does(
        self,
    ) -> Any:
        for by, left in ((ANN, ["i-9"]), (LATE_END, [])):
            yield self.play_nobodys(Lister("w"))
            self.told(self.service._parts.desk.close_orphan(1, self.worker().workerid, by, "so"))
            assert [name for name, _ in self.listed()] == left, by
            yield self.shut_down()
