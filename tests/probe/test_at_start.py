"""What the service finds in the database when it starts; all of it in this process."""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.bounds import MAX_PAGE
from buildbot_lifecycle.db import migrations, schema
from buildbot_lifecycle.service.service import LifecycleService
from tests.probe.support import Driven, Served


class AtStart(Served):
    @defer.inlineCallbacks
    def test_every_open_entry_is_found_however_many_there_are(self) -> Any:
        yield self.setup_master(self.configuration(Driven("w")))
        pool = self.master.db.pool
        yield pool.do_with_engine(migrations.migrate)
        mine, others = self.worker().workerid, 99
        yield pool.do_with_transaction(self.write, [mine, *[others] * MAX_PAGE])
        configuration = self.configuration(Driven("w"))
        service = LifecycleService()
        yield self.reconfig_master({**configuration, "services": [service]})
        (worker,) = yield defer.ensureDeferred(service.answers.workers())
        assert worker["orphans"] == 1, "the entry that was opened first is the last to be read"
        yield self.shut_down()

    def write(self, conn: Any, workerids: list[int]) -> None:
        rows = [
            {
                "token": f"token-{number}",
                "workerid": workerid,
                "masterid": self.master.masterid,
                "opened_at": 1.0,
                "cause": "stop_failed",
                "data": {"worker": "w", "instance": f"i-{number}"},
            }
            for number, workerid in enumerate(workerids)
        ]
        conn.execute(schema.orphans.insert(), rows)
