"""The four logins of Buildbot, each with the same users, and how a client comes in by it."""

from __future__ import annotations

import base64
import http.client
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlsplit

from buildbot.www.auth import (
    HTPasswdAuth,
    RemoteUserAuth,
    UserInfoProviderBase,
    UserPasswordAuth,
)
from buildbot.www.oauth2 import GitHubAuth
from twisted.internet import defer

from tests.harness import oauth
from tests.harness.waiting import patient
from tests.www.rules import PASSWORD

#: Who asks, and in which groups he is; the owner's address is that of the owner of a build.
USERS: Mapping[str, list[str]] = {
    "owner": ["buildbot-other"],
    "operator": ["buildbot-operators"],
    "admin": ["buildbot-admins"],
}


class Groups(UserInfoProviderBase):  # type: ignore[misc]
    """What a directory knows of the users."""

    def getUserInfo(self, username: bytes | str) -> Any:  # noqa: N802
        name = username.decode() if isinstance(username, bytes) else username
        info = {"username": name, "email": f"{name}@example.org", "groups": USERS[name]}
        return defer.succeed(info)


def by_password() -> UserPasswordAuth:
    return UserPasswordAuth(dict.fromkeys(USERS, PASSWORD), userInfoProvider=Groups())


def by_file(path: str) -> HTPasswdAuth:
    return HTPasswdAuth(path, userInfoProvider=Groups())


def by_proxy() -> RemoteUserAuth:
    return RemoteUserAuth(userInfoProvider=Groups())


def by_oauth(url: str) -> GitHubAuth:
    return GitHubAuth(oauth.CLIENT, oauth.SECRET, serverURL=url)


#: What the provider tells of them.
AT_GITHUB = {
    name: {"name": name.title(), "email": f"{name}@example.org", "orgs": groups}
    for name, groups in USERS.items()
}

#: Who has chosen a name that would be two lines of a log, and look like another's.
ODD = "odd"
AT_GITHUB[ODD] = {
    "name": "Odd",
    "email": "\u202eé\n2026-11-27 lifecycle: admin@example.org",
    "orgs": USERS["admin"],
}


def basic(user: str, password: str = PASSWORD) -> dict[str, str]:
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def ask(
    url: str,
    path: str = "",
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    body: bytes | None = None,
) -> tuple[int, Any, bytes]:
    """Status, headers and body; nothing is followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=patient(30))
    try:
        target = f"{parts.path}{path}{'?' + parts.query if parts.query else ''}"
        connection.request(method, target, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def cookie(headers: Any) -> str:
    """The last session that an answer has set: that of who has just logged in."""
    given = headers.get_all("Set-Cookie")
    assert given, headers.as_string()
    ((name, morsel),) = SimpleCookie(given[-1]).items()
    return f"{name}={morsel.value}"


class Login(ABC):
    """One of them. ``auth`` is what `switch` makes it of; ``url`` is where its users come in."""

    name: str
    auth: str

    def __init__(self, url: str) -> None:
        self.url = url
        self._sent: dict[str | None, dict[str, str]] = {None: {}}

    def sent(self, user: str | None) -> Mapping[str, str]:
        """The headers of one who has logged in; he does it once."""
        if user not in self._sent:
            assert user is not None
            self._sent[user] = self.enter(user)
        return self._sent[user]

    @abstractmethod
    def enter(self, user: str) -> dict[str, str]:
        """Log in."""

    def by_command(self, user: str) -> Mapping[str, str]:
        """The environment by which the command line knows who asks."""
        return {"USER": user, "PASSWORD": PASSWORD}


class ByPassword(Login):
    name = "UserPasswordAuth"
    auth = "tests.www.logins:by_password"

    def enter(self, user: str) -> dict[str, str]:
        status, headers, body = ask(self.url, "auth/login", basic(user))
        assert status == 302, body
        return {"Cookie": cookie(headers)}


class ByFile(ByPassword):
    name = "HTPasswdAuth"

    def __init__(self, url: str, path: Any) -> None:
        super().__init__(url)
        path.write_text("".join(f"{name}:{PASSWORD}\n" for name in USERS), encoding="utf-8")
        self.auth = f'tests.www.logins:by_file?["{path}"]'


class ByProxy(Login):
    """RemoteUserAuth; ``url`` is the proxy's."""

    name = "RemoteUserAuth"
    auth = "tests.www.logins:by_proxy"

    def enter(self, user: str) -> dict[str, str]:
        # Buildbot looks at who the proxy says it is at the page only
        status, headers, body = ask(self.url, "", basic(user))
        assert status == 200, body
        return {"Cookie": cookie(headers), **basic(user)}


class ByOAuth(Login):
    """GitHubAuth: to the provider, back with a code, and there is the session."""

    name = "OAuth2"

    def __init__(self, url: str, provider: str) -> None:
        super().__init__(url)
        self.auth = f'tests.www.logins:by_oauth?["{provider}"]'

    def enter(self, user: str) -> dict[str, str]:
        _, headers, _ = ask(self.url, "auth/login")
        status, headers, body = ask(f"{headers['Location']}&login={user}")
        assert status == 302, body
        status, headers, body = ask(headers["Location"])
        assert status == 302, body
        return {"Cookie": cookie(headers)}

    def by_command(self, user: str) -> Mapping[str, str]:
        return {}  # a cookie file: there is no password to give
