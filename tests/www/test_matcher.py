"""Which rule decides: `util.LifecycleEndpointMatcher` in Buildbot's own authz, without a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from buildbot.plugins import util
from buildbot.www.authz import Authz, Forbidden, reStrMatcher
from buildbot.www.authz.roles import RolesFromGroups
from twisted.internet import defer

from buildbot_lifecycle.core import rights
from buildbot_lifecycle.www.guard import Rights
from tests.www import rules

Rule = util.LifecycleEndpointMatcher

HERE = {"docker-1": 1, "ec2-1": 2}


class Asking:
    """A master with rules, and what users of some groups may ask of it."""

    def __init__(self, *allow: Any, **options: Any) -> None:
        self.authz = Authz(allowRules=list(allow), roleMatchers=[RolesFromGroups()], **options)
        self.workers = SimpleNamespace(
            workers={name: SimpleNamespace(workerid=n) for name, n in HERE.items()}
        )
        self.data: Any = rules.endpoints()
        self.data.get = self._get
        self.got: list[Any] = []
        self.authz.setMaster(self)
        self.www = self
        self.groups: tuple[str, ...] = ()

    def _get(self, path: Any) -> Any:
        self.got.append(path)
        return defer.succeed({"name": "docker-9"} if path == ("workers", "9") else None)

    def getUserInfos(self, _: Any) -> Any:  # noqa: N802
        return {"username": "bob", "groups": self.groups}

    def assertUserAllowed(self, _: Any, ep: Any, action: str, options: Any) -> Any:  # noqa: N802
        return self.authz.assertUserAllowed(ep, action, options, self.getUserInfos(None))

    def may(self, what: str, *groups: str, worker: int | None = 1) -> bool:
        """Whether `www/guard` lets a member of these groups do it."""
        self.groups = groups
        request: Any = None
        asked = Rights(self, request, anonymous_may_force=False, details_for="operators")
        how: dict[str, Any] = {
            "force-disconnect": lambda: asked.may_force(worker),
            "override": lambda: asked.may_override(worker or 0),
            "resolve": lambda: asked.may_resolve(worker),
            "end": lambda: asked.may_end(worker),
            "pause": lambda: asked.may_pause(worker or 0, pause=True),
            "unpause": lambda: asked.may_pause(worker or 0, pause=False),
            "dismiss": lambda: asked.may_dismiss(1),
            "read": lambda: asked.may_read(worker),
            "metrics": lambda: asked.may_scrape(None),
            "listen": lambda: self._allowed("masters", "get"),
        }
        came: list[Any] = []
        defer.ensureDeferred(how[what]()).addBoth(came.append)
        (result,) = came
        return result is None

    async def _allowed(self, ep: Any, action: str, options: Any = None) -> None:
        await self.assertUserAllowed(None, ep, action, options or {})

    def allowed(self, ep: Any, action: str, options: Any = None) -> bool:
        """The same of a question of Buildbot's own."""
        came: list[Any] = []
        defer.ensureDeferred(self._allowed(ep, action, options)).addBoth(came.append)
        (result,) = came
        assert result is None or result.check(Forbidden), result
        return result is None


@pytest.mark.parametrize("name", rights.NAMES)
def test_a_rule_stands_before_what_it_names_and_what_that_is_general_to(name: str) -> None:
    asking = Asking(Rule(actions=name, role="x"))
    shut = {each for each in rights.NAMES if not asking.may(each)}
    assert shut == {name, *(each for each, general in rights.GENERAL.items() if general == name)}
    assert all(asking.may(each, "x") for each in rights.NAMES)


def test_a_rule_without_names_stands_before_all_that_changes_something() -> None:
    asking = Asking(Rule(role="x"))
    assert {each for each in rights.NAMES if not asking.may(each)} == set(rights.CONTROL)


def test_names_may_be_spelt_as_the_actions_of_buildbot() -> None:
    assert not Asking(Rule(actions="force_disconnect", role="x")).may("force-disconnect")


FORCE = {"actions": "force-disconnect", "role": "operators"}


@pytest.mark.parametrize("special", ["override", "resolve"])
def test_a_special_rule_decides_wherever_it_stands(special: str) -> None:
    two = ({"actions": special, "role": "admins"}, FORCE)
    for order in (two, two[::-1]):
        asking = Asking(*(Rule(**each) for each in order))
        assert asking.may(special, "admins")
        assert not asking.may(special, "operators")
        assert asking.may("force-disconnect", "operators")
        assert not asking.may("force-disconnect", "admins")


def test_a_special_rule_takes_only_its_own_workers_from_the_general_one() -> None:
    special = Rule(actions="override", workers="ec2-*", role="admins")
    asking = Asking(Rule(**FORCE), special)
    assert asking.may("override", "operators", worker=1)
    assert not asking.may("override", "operators", worker=2)
    assert asking.may("override", "admins", worker=2)


def test_nothing_is_left_to_a_rule_that_does_not_decide() -> None:
    """Else what the general rule denies would be denied by nobody."""
    grant = Rule(actions="override", role="admins", defaultDeny=False)
    assert not Asking(Rule(**FORCE), grant).may("override", "nobody")
    assert not Asking(grant, Rule(**FORCE)).may("override", "nobody")
    assert Asking(grant, Rule(**FORCE)).may("override", "admins")


def test_rules_on_the_old_action_stand_before_all_of_its_names() -> None:
    """Also those that an administrator has written, as docs/configuration shows."""
    asking = Asking(rules.ForceMatcher(role="admins"))
    for each in ("force-disconnect", "override", "resolve"):
        assert not asking.may(each, "operators")
        assert asking.may(each, "admins")


def test_a_pattern_holds_for_workers_of_this_master_and_of_others() -> None:
    asking = Asking(Rule(actions="force-disconnect", workers=["docker-*", "x"], role="x"))
    for _ in range(2):
        shut = [n for n in (1, 2, 9) if not asking.may("force-disconnect", worker=n)]
        assert shut == [1, 9]
    # Buildbot's database is asked for what this master does not have, and once
    assert asking.got == [("workers", "9")]


def test_a_pattern_does_not_hold_for_what_is_of_no_worker_that_is_known() -> None:
    asking = Asking(Rule(workers="*", role="x"))
    assert asking.may("end", worker=None)
    assert asking.may("dismiss")
    assert asking.may("force-disconnect", worker=77)
    assert not asking.may("end", worker=1)


def test_patterns_are_read_as_the_authz_reads_all_of_its_own() -> None:
    rule = Rule(actions="pause", workers="docker-[0-9]+$", role="x")
    asking = Asking(rule, stringsMatcher=reStrMatcher)
    assert not asking.may("pause", worker=1)
    assert asking.may("pause", worker=2)


@pytest.mark.parametrize("action", ["GET", "get", "HEAD"])
def test_a_rule_on_reading_stands_before_buildbots_own_workers_by_id_by_name_and_as_a_list(
    action: str,
) -> None:
    one = Asking(Rule(actions="read", workers="docker-*", role="x"))
    assert not one.allowed(("workers", "1"), action)
    assert not one.allowed(("workers", "docker-1"), action)
    assert not one.allowed(("builders", "3", "workers", "1"), action)
    assert one.allowed(("workers",), action)
    assert one.allowed(("workers", "2"), action)
    assert not Asking(Rule(actions="read", role="x")).allowed(("workers",), action)
    for path in (("builders",), ("masters", "1"), ("nothing", "here")):
        assert Asking(Rule(actions="read", role="x")).allowed(path, action)


def test_what_a_client_of_buildbots_rest_sends_names_nothing() -> None:
    """Its parameters are the options there: they must not lead past the rule on a pause."""
    asking = Asking(Rule(actions="pause", role="x"))
    for special in ("override", "resolve", "metrics", ["resolve"], 1, None):
        assert not asking.allowed(("workers", "1"), "pause", {"lifecycle": special})


def test_bytes_and_what_is_not_ours_are_no_trouble() -> None:
    asking = Asking(Rule(role="x"))
    assert not asking.allowed(("workers", "1"), b"pause")  # type: ignore[arg-type]
    assert asking.allowed(("workers", "1"), "stop")
    assert asking.allowed(("builds", "1"), "pause")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"actions": "forse"}, ["unknown action 'forse'; known are force-disconnect, "]),
        ({"actions": []}, ["actions must be a name or a list of names, not []"]),
        ({"actions": 3}, ["actions must be"]),
        ({"actions": [["read"]]}, ["unknown action ['read']"]),
        ({"workers": ""}, ["a name pattern must be a non-empty text"]),
        ({"workers": ()}, ["workers must be a name pattern or a list of them"]),
        ({"workers": [1]}, ["non-empty text, not 1"]),
        ({"workers": "[b-a]"}, ["has a range that is empty, 'b-a'"]),
        ({"actions": ["end", "metrics"], "workers": "*"}, ["metrics is of no single worker"]),
        ({"role": ""}, ["role must be the name of a role, not ''"]),
        ({"role": None}, ["role must be the name of a role, not None"]),
        ({"default_deny": 0}, ["defaultDeny must be True or False, not 0"]),
        ({"actions": ["a", "b"], "role": 1}, ["'a'", "'b'", "role"]),
        ({"actions": ("read", "end"), "workers": "docker-*"}, []),
    ],
)
def test_a_wrong_argument_is_named(given: dict[str, Any], said: list[str]) -> None:
    arguments = {"actions": None, "workers": None, "role": "x", "default_deny": True, **given}
    problems = rights.problems_of(**arguments)
    assert len(problems) == len(said), problems
    assert all(part in problem for part, problem in zip(said, problems, strict=True))
