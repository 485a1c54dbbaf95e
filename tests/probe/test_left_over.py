"""What is left to do of a worker, from the whole service: the means there are, and what a start finds."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.requests import Actor, ForceRequest
from buildbot_lifecycle.db import migrations, schema
from buildbot_lifecycle.service.service import LifecycleService
from tests.probe.support import Driven, Served, hanging


class Ending(Driven):
    """Its driver can end an instance, and knows its address."""

    def lifecycle_instance(self) -> str:
        return "i-7 &"

    def lifecycle_end(self, instance: str) -> bool:
        return True

    def lifecycle_link(self, instance: str) -> str:
        return f"https://by-driver/{instance}"


class LeftOver(Served):
    @defer.inlineCallbacks
    def released(self, worker: Any, **settings: Any) -> Any:
        """A stuck start of the worker is given up; what is left of it."""
        self.service = LifecycleService(stuck_after={"substantiating_starting": 1}, **settings)
        yield self.setup_master({**self.configuration(worker), "services": [self.service]})
        answer, _ = hanging()
        self.answer("start_instance", answer)
        if isinstance(worker, Ending):
            # else Buildbot's own stop after it would be the end of the instance, which has a name
            self.answer("stop_instance", False)
        self.ask()
        self.pass_seconds(3)
        (row,) = yield defer.ensureDeferred(self.service.answers.workers())
        asked = ForceRequest(row["episode"], "w", "it does not come up", pause=True)
        which = row["workerid"], row["masterid"]
        forced: list[Any] = []
        force = self.service.answers.force(*which, asked, Actor("user", "ann"))
        defer.ensureDeferred(force).addBoth(forced.append)
        self.pass_seconds(9)
        assert forced[0].action["status"] == "done"
        (row,) = yield defer.ensureDeferred(self.service.answers.workers())
        return row["to_do"]

    @defer.inlineCallbacks
    def test_the_driver_says_where_an_instance_stands_and_that_it_can_end_it(self) -> Any:
        left = yield self.released(Ending("w"))
        (one,) = left.instances
        assert (one.name, one.cause) == ("i-7 &", "stop_failed")
        assert (one.link, one.endable) == ("https://by-driver/i-7 &", True)
        assert [call.call for call in left.calls] == ["start_instance"]
        assert (left.released.by, left.pause.action) == ("ann", 1)
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_the_configured_address_comes_before_the_drivers(self) -> Any:
        left = yield self.released(
            Ending("w"), instance_url={"w": "https://console/{class}/{instance}"}
        )
        assert left.instances[0].link == "https://console/Ending/i-7%20%26"
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_a_driver_that_says_nothing_leaves_no_means_but_the_note(self) -> Any:
        left = yield self.released(Driven("w"), instance_url={"*": "https://console/{instance}"})
        (one,) = left.instances
        assert one.cause == "release"
        assert (one.name, one.link, one.endable) == (None, None, False)
        yield self.shut_down()

    # what a start finds

    @defer.inlineCallbacks
    def found(self, episodes: list[int], entries: list[int | None]) -> Any:
        """Entries of these episodes, left by an earlier run, of a worker that had these."""
        yield self.setup_master(self.configuration(Driven("w")))
        pool = self.master.db.pool
        yield pool.do_with_engine(migrations.migrate)
        yield pool.do_with_transaction(self.write, episodes, entries)
        configuration = self.configuration(Driven("w"))
        self.service = LifecycleService()
        yield self.reconfig_master({**configuration, "services": [self.service]})
        (row,) = yield defer.ensureDeferred(self.service.answers.workers())
        assert row["orphans"] == len(entries)
        yield self.shut_down()
        left = row["to_do"]
        return [] if left is None else [one.name for one in left.instances]

    def write(self, conn: Any, episodes: list[int], entries: list[int | None]) -> None:
        ours = {"workerid": self.worker().workerid, "masterid": self.master.masterid}
        ended = {"started_at": 1.0, "ended_at": 2.0, "builds": 0, "data": {}, "incarnation": 1}
        for number in episodes:
            row = {**ours, **ended, "id": number, "first_seq": number}
            conn.execute(schema.episodes.insert(), row)
        # another master's worker of the same number has lived since
        other = {**ours, **ended, "masterid": 99, "id": 1000, "first_seq": 1000}
        conn.execute(schema.episodes.insert(), other)
        for number, episode in enumerate(entries):
            row = {
                **ours,
                "token": f"token-{number}",
                "opened_at": 1.0 + number,
                "cause": "release",
                "episode": episode,
                "data": {"worker": "w", "instance": f"i-{episode}"},
            }
            conn.execute(schema.orphans.insert(), row)

    @defer.inlineCallbacks
    def test_of_entries_that_are_found_only_those_of_the_last_life_are_left_to_do(self) -> Any:
        left = yield self.found(episodes=[5, 6], entries=[5, 6])
        assert left == ["i-6"]

    @defer.inlineCallbacks
    def test_an_entry_that_names_no_life_may_be_of_the_last_one(self) -> Any:
        left = yield self.found(episodes=[5, 6], entries=[None])
        assert left == ["i-None"]

    @defer.inlineCallbacks
    def test_an_entry_of_a_life_whose_record_is_gone_is_left_to_do(self) -> Any:
        left = yield self.found(episodes=[], entries=[5])
        assert left == ["i-5"]
