"""A release is told: the rows that the service itself has written, as a notification looks for them.

The whole service runs here on a real master of this process, with a clock that the test moves.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.requests import Actor, ForceRequest
from buildbot_lifecycle.reporting.look import Desk, meant
from buildbot_lifecycle.reporting.memory import Memory
from buildbot_lifecycle.reporting.told import Telling
from buildbot_lifecycle.service.service import LifecycleService
from tests.probe.support import Driven, Served, hanging


class ReleasedIsTold(Served):
    """Red before: what was looked for was the word of authz rules, which no row has."""

    @defer.inlineCallbacks
    def hang(self, **arguments: Any) -> Any:
        self.service = LifecycleService(stuck_after={"substantiating_starting": 1}, **arguments)
        configuration = self.configuration(Driven("w"))
        yield self.setup_master({**configuration, "services": [self.service]})
        self.desk = Desk(self.tested_master.master, self.service.answers, meant(()))
        answer, _ = hanging()
        self.answer("start_instance", answer)
        self.ask()
        self.pass_seconds(3)

    def asked(self, what: Any) -> Any:
        """What a question is answered within some seconds."""
        came: list[Any] = []
        defer.ensureDeferred(what).addBoth(came.append)
        self.pass_seconds(9)
        if isinstance(came[0], BaseException):
            raise came[0]
        return came[0]

    def told(self) -> Any:
        """The one release that there is to tell of."""
        ((number, seen),) = self.asked(self.desk.look(("stuck",), Memory())).actions.items()
        assert (seen.is_over, seen.is_ours) == (True, True)
        (said,) = self.asked(self.desk.said(Telling(released=(number,)), 0.0))["released"]
        return said["worker"], said["by"], said["status"]

    @defer.inlineCallbacks
    def test_a_force_disconnect_is_told(self) -> Any:
        yield self.hang()
        (row,) = self.asked(self.service.answers.workers())
        request = ForceRequest(row["episode"], "w", "it does not come up")
        which = (row["workerid"], row["masterid"])
        self.asked(self.service.answers.force(*which, request, Actor("user", "ann")))
        assert self.told() == ("w", "ann", "done")
        yield self.shut_down()

    @defer.inlineCallbacks
    def test_one_of_auto_release_is_told(self) -> Any:
        yield self.hang(auto_release={"after": 1})
        self.pass_seconds(60)
        assert self.told() == ("w", "the policy auto_release", "done")
        yield self.shut_down()
