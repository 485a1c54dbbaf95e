"""The census of the whole service, on a real master in this process, of a class that lists by itself."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.census import AGAIN_AFTER, FIRST_AFTER
from buildbot_lifecycle.service.service import LifecycleService
from tests.probe.support import Driven
from tests.probe.test_walk_of_a_force import Served


class Lister(Driven):
    """Lists one instance that nobody has made."""

    def lifecycle_instances(self) -> Any:
        return [{"name": "i-9", "worker": "w", "kind": "t3.large", "born": 10.0}]

    def lifecycle_is_gone(self, instance: str | None) -> bool:
        return False


class CensusServed(Served):
    @defer.inlineCallbacks
    def test_what_a_class_lists_and_nobody_has_is_told_and_kept_in_the_ledger(self) -> Any:
        service = LifecycleService(
            prices={"t3.*": 3600.0}, instance_url={"*": "https://c/{instance}"}
        )
        configuration = self.configuration(Lister("w"))
        yield self.setup_master({**configuration, "services": [service]})
        self.pass_seconds(FIRST_AFTER + AGAIN_AFTER + 5)
        found: Any = yield defer.ensureDeferred(service.answers.instances())
        (row,) = found.instances
        assert (row.name, row.standing, row.why_not) == ("i-9", "nobodys", "not_offered")
        assert (row.worker, row.class_, row.orphan) == ("w", "Lister", 1)
        assert (row.place, row.link) == ("Lister w", "https://c/i-9")
        assert row.cost > 0
        (place,) = found.places
        assert (place.place, place.count, place.error) == ("Lister w", 1, None)
        assert (found.meta.total, found.meta.taking) == (1, False)
        orphan: Any = yield defer.ensureDeferred(service.answers.one("orphans", 1))
        assert (orphan.cause, orphan.instance, orphan.worker) == ("nobodys", "i-9", "w")
        assert service.answers.health().errors == 0
        yield self.shut_down()
