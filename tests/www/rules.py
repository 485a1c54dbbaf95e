"""Users and rights of the double and of the real master, in Buildbot's own words.

alice may do everything; bob may read; nobody but alice may read the worker "secret".
"""

from __future__ import annotations

from typing import Any

from buildbot.data.connector import DataConnector
from buildbot.www.auth import UserPasswordAuth
from buildbot.www.authz import Authz
from buildbot.www.authz.endpointmatchers import AnyEndpointMatcher, EndpointMatcherBase, Match
from buildbot.www.authz.roles import RolesFromUsername
from twisted.internet import defer

PASSWORD = "opensesame"
USERS = {"alice": PASSWORD, "bob": PASSWORD}
SECRET = "secret"


class ForceMatcher(EndpointMatcherBase):
    """A rule on force disconnect, ends, pauses, as Buildbot finds it: by its endpoint and its action."""

    def match_WorkerEndpoint_force_disconnect(  # noqa: N802  # Buildbot's convention
        self, _endpoint: Any, _ids: Any, _options: Any
    ) -> Any:
        return defer.succeed(Match(self.master))

    match_WorkersEndpoint_force_disconnect = (  # noqa: N815
        match_WorkerEndpoint_force_disconnect
    )
    match_WorkerEndpoint_end_instance = (  # noqa: N815
        match_WorkerEndpoint_force_disconnect
    )
    match_WorkerEndpoint_pause = match_WorkerEndpoint_force_disconnect  # noqa: N815
    match_WorkerEndpoint_unpause = match_WorkerEndpoint_force_disconnect  # noqa: N815
    match_WorkersEndpoint_end_instance = (  # noqa: N815
        match_WorkerEndpoint_force_disconnect
    )


class SecretMatcher(EndpointMatcherBase):
    """A rule on reading one worker."""

    def match(self, ep: Any, action: str = "get", options: Any = None) -> Any:
        workerid = self.master.workers.workers[SECRET].workerid
        hit = action.lower() == "get" and tuple(ep) == ("workers", str(workerid))
        return defer.succeed(Match(self.master) if hit else None)


class WorkersMatcher(EndpointMatcherBase):
    """A rule on everything about workers."""

    def match(self, ep: Any, action: str = "get", options: Any = None) -> Any:
        return defer.succeed(Match(self.master) if ep[0] == "workers" else None)


class RaisingMatcher(EndpointMatcherBase):
    """A rule of an administrator's own that does not know every action."""

    def match(self, ep: Any, action: str = "get", options: Any = None) -> Any:
        return defer.succeed({"GET": None}[action])


def endpoints() -> DataConnector:
    """Buildbot's endpoints by their paths, by which its authz finds the methods of a rule."""
    data = DataConnector()
    data._setup()
    return data


def auth() -> UserPasswordAuth:
    return UserPasswordAuth(dict(USERS))


def authz() -> Authz:
    return Authz(
        allowRules=[ForceMatcher(role="admins"), SecretMatcher(role="admins")],
        roleMatchers=[RolesFromUsername(roles=["admins"], usernames=["alice"])],
    )


def only_named_reads() -> Authz:
    """Nobody who is not alice may do anything at all."""
    return Authz(
        allowRules=[AnyEndpointMatcher(role="admins")],
        roleMatchers=[RolesFromUsername(roles=["admins"], usernames=["alice"])],
    )


def workers_shut() -> Authz:
    """Only alice may know or do anything of workers."""
    return Authz(
        allowRules=[WorkersMatcher(role="admins")],
        roleMatchers=[RolesFromUsername(roles=["admins"], usernames=["alice"])],
    )


def force_without_read() -> Authz:
    """bob may force anything, also what he may not read."""
    return Authz(
        allowRules=[SecretMatcher(role="admins")],
        roleMatchers=[RolesFromUsername(roles=["admins"], usernames=["alice"])],
    )


def raising() -> Authz:
    """A rule that fails at everything but a read."""
    return Authz(allowRules=[RaisingMatcher(role="admins")])
