"""What the log says at start of rights that are wider, or narrower, than many expect."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from buildbot.plugins import util
from buildbot.www.auth import NoAuth
from buildbot.www.authz import Authz
from buildbot.www.authz.endpointmatchers import (
    AnyControlEndpointMatcher,
    EndpointMatcherBase,
    Match,
    StopBuildEndpointMatcher,
)
from buildbot.www.authz.roles import RolesFromUsername
from buildbot.www.oauth2 import GitHubAuth
from twisted.internet import defer

from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.master.advice import ALL_SEE, NO_WORKER, NOBODY_MAY, advice
from tests.www import rules
from tests.www.double import Www

ADMINS = [RolesFromUsername(roles=["admins"], usernames=["alice"])]


class ForceOnly(EndpointMatcherBase):
    """A rule of the time before instances could be ended."""

    def match_WorkerEndpoint_force_disconnect(self, *_: Any) -> Any:  # noqa: N802
        return defer.succeed(Match(self.master))


async def turns() -> None:
    """Nobody else waits."""


def told(auth: Any, authz: Authz | None = None, **settings: Any) -> list[str]:
    www: Any = Www(authz or Authz())
    www.site = object()
    master = SimpleNamespace(www=www, config=SimpleNamespace(www={"auth": auth}))
    master.data = rules.endpoints()
    names = {"docker-1": 1, rules.SECRET: 2}
    # a worker of another master
    rows = [{"name": "elsewhere-1"}, *({"name": name} for name in names)]
    master.data.get = lambda path: defer.succeed(rows if path == ("workers",) else None)
    master.workers = SimpleNamespace(
        workers={name: SimpleNamespace(workerid=n) for name, n in names.items()}
    )
    www.authz.setMaster(master)
    came: list[list[str]] = []
    failed = defer.ensureDeferred(advice(master, Settings(**settings), [1, 2], turns))
    failed.addCallback(came.append)
    failed.addErrback(lambda failure: failure.raiseException())
    return came[0]


def test_a_login_without_a_rule_lets_every_user_force_and_that_is_said() -> None:
    force, end = told(rules.auth())
    assert force.startswith("every user who can log in may force a disconnect: no rule of")
    assert end.startswith(
        "every user who can log in may end an instance, which destroys it: no rule"
    )
    assert "'end_instance'" in end


def test_with_a_public_login_that_is_anybody() -> None:
    for line in told(GitHubAuth("id", "secret")):
        assert "(anybody with an account at GitHub)" in line


def test_a_rule_on_forces_alone_leaves_it_to_all_to_destroy_instances_and_that_is_said() -> None:
    (line,) = told(rules.auth(), Authz(allowRules=[ForceOnly(role="admins")], roleMatchers=ADMINS))
    assert line.startswith("every user who can log in may end an instance, which destroys it:")


def test_a_rule_on_some_workers_leaves_the_others_to_all_and_that_is_said() -> None:
    rule = util.LifecycleEndpointMatcher(workers="docker-*", role="admins")
    force, end = told(rules.auth(), Authz(allowRules=[rule], roleMatchers=ADMINS))
    assert force.startswith(
        "every user who can log in may force a disconnect (for 1 of 2 latent workers): no rule of"
    )
    assert "which destroys it (for 1 of 2 latent workers): " in end
    everywhere = util.LifecycleEndpointMatcher(role="admins")
    assert told(rules.auth(), Authz(allowRules=[rule, everywhere], roleMatchers=ADMINS)) == []


def test_rules_on_other_things_do_not_stand_before_a_force() -> None:
    other = Authz(allowRules=[StopBuildEndpointMatcher(role="admins")], roleMatchers=ADMINS)
    assert len(told(rules.auth(), other)) == 2


@pytest.mark.parametrize(
    "authz",
    [
        rules.authz(),
        rules.only_named_reads(),
        rules.raising(),
        Authz(allowRules=[AnyControlEndpointMatcher(role="admins")], roleMatchers=ADMINS),
    ],
)
def test_a_rule_that_denies_is_nothing_to_tell(authz: Authz) -> None:
    assert told(rules.auth(), authz) == []


def test_a_pattern_of_a_rule_that_no_worker_matches_is_told() -> None:
    """It is most often misspelt; a worker of another master is one, too."""
    rule = util.LifecycleEndpointMatcher(
        workers=["docker-*", "elsewhere-*", "doker-*"], role="operators"
    )
    everywhere = util.LifecycleEndpointMatcher(role="admins")
    (line,) = told(rules.auth(), Authz(allowRules=[rule, everywhere], roleMatchers=ADMINS))
    assert line == NO_WORKER.format(pattern="doker-*", role="operators")


def test_without_a_login_nobody_may_and_that_is_said() -> None:
    assert told(NoAuth()) == [NOBODY_MAY]


def test_what_the_administrator_opened_is_said() -> None:
    force, end = told(NoAuth(), anonymous_may_force=True)
    assert force.startswith("anonymous clients may force a disconnect: anonymous_may_force is set")
    assert end.startswith("anonymous clients may end an instance, which destroys it: ")
    assert told(rules.auth(), rules.authz(), details_for="readers") == [ALL_SEE]


def test_what_rules_keep_from_the_anonymous_all_the_same_is_nothing_to_tell() -> None:
    assert told(rules.auth(), rules.authz(), anonymous_may_force=True) == []


def test_a_master_without_a_web_server_has_nobody_to_tell_of() -> None:
    came: list[Any] = []
    for www in (None, SimpleNamespace(site=None)):
        nothing = advice(SimpleNamespace(www=www), Settings(), [], turns)
        defer.ensureDeferred(nothing).addCallback(came.append)
    assert came == [[], []]
