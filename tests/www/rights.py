"""The matrix of rights: who may do what by which rules, asked over HTTP.

docs/rights-table.md has the answers; ``python -m tests.www.rights`` writes it anew. The rules are those
of docs/security, as printed there.
"""

from __future__ import annotations

import atexit
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from buildbot.plugins import util
from buildbot.www.auth import HTPasswdAuth, UserInfoProviderBase, UserPasswordAuth
from buildbot.www.authz import Authz
from buildbot.www.authz.roles import RolesFromOwner, RolesFromUsername
from twisted.internet import defer

from tests.www.rules import PASSWORD

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "rights-table.md"

#: Who asks, and in which groups he is; the owner's address is that of the owner of a build.
USERS: Mapping[str, list[str]] = {
    "owner": ["buildbot-other"],
    "operator": ["buildbot-operators"],
    "admin": ["buildbot-admins"],
}
WHO = (None, *USERS)

#: The workers of the server, from the workerid 1 on.
WORKERS = ("docker-1", "ec2-1")


class Groups(UserInfoProviderBase):  # type: ignore[misc]
    """What a directory knows of the users."""

    def getUserInfo(self, username: bytes | str) -> Any:  # noqa: N802
        name = username.decode() if isinstance(username, bytes) else username
        info = {"username": name, "email": f"{name}@example.org", "groups": USERS[name]}
        return defer.succeed(info)


def by_password() -> UserPasswordAuth:
    users = dict.fromkeys(USERS, PASSWORD)
    return UserPasswordAuth(users, userInfoProvider=Groups())


def by_file() -> HTPasswdAuth:
    with tempfile.NamedTemporaryFile("w", prefix="rights-", delete=False) as file:
        file.writelines(f"{name}:{PASSWORD}\n" for name in USERS)
    atexit.register(os.unlink, file.name)  # read at each login
    return HTPasswdAuth(file.name, userInfoProvider=Groups())


def printed(with_text: str) -> Authz:
    """The rules of docs/security in whose block this text stands."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    (block,) = [b for b in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if with_text in b]
    c: Any = {"www": {}}
    exec(block, {"c": c, "util": util})
    authz: Authz = c["www"]["authz"]
    return authz


def four_lines(*roles: Any) -> Authz:
    """The example of docs/security, with other ways to a role if some are given."""
    authz = printed('workers="docker-*"')
    return Authz(allowRules=authz.allowRules, roleMatchers=roles) if roles else authz


def of(role: str, *names: str) -> RolesFromUsername:
    return RolesFromUsername(roles=[role], usernames=list(names))


class Case(NamedTuple):
    """A login and rules; cases with one title must have the same rights."""

    title: str
    auth: Callable[[], Any]
    authz: Callable[[], Authz]


_LINES = "The lines under *Rules by name*"
CASES: Mapping[str, Case] = {
    "none": Case("No rules", by_password, Authz),
    "groups": Case(_LINES, by_password, four_lines),
    "names": Case(
        _LINES, by_file, lambda: four_lines(of("operators", "operator"), of("admins", "admin"))
    ),
    "owner": Case(
        "The same lines, and who owns builds would be an operator (`RolesFromOwner`)",
        by_file,
        lambda: four_lines(RolesFromOwner(role="operators"), of("admins", "admin")),
    ),
    "shut": Case(
        "Reading shut (`read`, `listen`) to all but `staff`, here the admin",
        by_password,
        lambda: Authz(
            allowRules=printed('"listen"').allowRules, roleMatchers=[of("staff", "admin")]
        ),
    ),
}

_FORCE = {"episode": 7, "reason": "a test", "dry_run": True}

#: What is asked: the method, the path, the body.
ASKED: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/workers", None),
    ("GET", "/workers/docker-1", None),
    ("GET", "/workers/ec2-1/episodes", None),
    ("GET", "/actions.csv", None),
    ("GET", "/orphans.csv", None),
    ("GET", "/stats", None),
    ("GET", "/timeline", None),
    ("GET", "/health", None),
    ("GET", "/openapi.json", None),
    ("GET", "/metrics", None),
    ("POST", "/workers/docker-1/force-disconnect", {**_FORCE, "confirm": "docker-1"}),
    ("POST", "/workers/ec2-1/force-disconnect", {**_FORCE, "confirm": "ec2-1"}),
    (
        "POST",
        "/workers/docker-1/force-disconnect, override",
        {**_FORCE, "confirm": "docker-1", "override": True},
    ),
    ("POST", "/orphans/1/resolve (of docker-1)", {"note": "a test"}),
    ("POST", "/orphans/2/resolve (of ec2-1)", {"note": "a test"}),
    ("POST", "/workers/docker-1/pause", {"reason": "a test"}),
    ("POST", "/workers/docker-1/unpause", {"reason": "a test"}),
    (
        "POST",
        "/instances/1-00/end (of docker-1)",
        {"confirm": "i-1", "reason": "a", "dry_run": True},
    ),
    (
        "POST",
        "/instances/1-01/end (nobody's)",
        {"confirm": "i-1", "reason": "a", "dry_run": True},
    ),
    ("POST", "/masters/1/dismiss", {"reason": "a test", "dry_run": True}),
)

_CELLS = {401: "log in", 403: "no"}


def rows(client: Any) -> list[str]:
    """A line for each thing that is asked, a cell for each who asks."""
    return [
        f"| `{method} {path}` | {' | '.join(cell(client, method, path, body, w) for w in WHO)} |"
        for method, path, body in ASKED
    ]


def cell(client: Any, method: str, path: str, body: Any, user: str | None) -> str:
    """Whether he may; what is refused for another reason, he may."""
    bare = re.split("[ ,]", path)[0]
    reply = client.get(bare, user) if method == "GET" else client.post(bare, body, user)
    assert reply.status < 500, (path, user, reply.body)
    if reply.status in (401, 403):
        assert reply.code == {401: "not_logged_in", 403: "forbidden"}[reply.status], reply.body
    return _CELLS.get(reply.status, "yes")


def table(of_cases: Mapping[str, list[str]]) -> str:
    """The text of the docs: a table for each title."""
    texts: dict[str, list[str]] = {}
    for name, found in of_cases.items():
        title = CASES[name].title
        assert texts.setdefault(title, found) == found, f"{name} differs: {title}"
    head = f"| | {' | '.join(who or 'anonymous' for who in WHO)} |\n|---{'|---' * len(WHO)}|"
    return (
        "\n\n".join(f"{title}:\n\n{head}\n" + "\n".join(found) for title, found in texts.items())
        + "\n"
    )


def asked_of_all(directory: Path) -> str:
    """The table, asked of a server for each case."""
    # the double, which `served` imports, imports the cases
    from tests.www.served import Served  # noqa: PLC0415

    found = {}
    for name in CASES:
        with Served(directory, "--case", name) as server:
            found[name] = rows(server.client)
            assert "Traceback" not in server.log()
    return table(found)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        TABLE.write_text(asked_of_all(Path(scratch)), encoding="utf-8")
