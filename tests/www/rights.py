"""The matrix of rights: who may do what by which rules, over HTTP, the page and the command line.

docs/rights-table.md has the answers; ``python -m tests.www.rights`` writes it anew. The rules are those
of docs/security, as printed there. All paths are asked of the double, which has orphans and instances;
what only a master has, is asked of a real one, by each of Buildbot's four logins.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import websocket
from buildbot.plugins import util
from buildbot.www.authz import Authz
from buildbot.www.authz.roles import RolesFromOwner, RolesFromUsername
from click.testing import CliRunner

from buildbot_lifecycle.shell.main import main as command
from buildbot_lifecycle.shell.trouble import Status
from tests.harness.master import RealMaster, worker
from tests.harness.nginx import Nginx
from tests.harness.oauth import Provider
from tests.harness.ports import free_port
from tests.harness.waiting import patient
from tests.www.client import API, JSON
from tests.www.logins import (
    AT_GITHUB,
    USERS,
    ByFile,
    ByOAuth,
    ByPassword,
    ByProxy,
    Login,
    ask,
)
from tests.www.rules import PASSWORD

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "rights-table.md"

WHO = (None, *USERS)

#: The workers of the server, from the workerid 1 on.
WORKERS = ("docker-1", "ec2-1")


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
    """Rules; cases with one title must have the same rights."""

    title: str
    authz: Callable[[], Authz]


_LINES = "The lines under *Rules by name*"
CASES: Mapping[str, Case] = {
    "none": Case("No rules", Authz),
    "groups": Case(_LINES, four_lines),
    "names": Case(_LINES, lambda: four_lines(of("operators", "operator"), of("admins", "admin"))),
    "owner": Case(
        "The same lines, and who owns builds would be an operator (`RolesFromOwner`)",
        lambda: four_lines(RolesFromOwner(role="operators"), of("admins", "admin")),
    ),
    "shut": Case(
        "Reading shut (`read`, `listen`) to all but `staff`, here the admin",
        lambda: Authz(
            allowRules=printed('"listen"').allowRules, roleMatchers=[of("staff", "admin")]
        ),
    ),
}


def rules_of(name: str) -> Authz:
    """For a running server."""
    return CASES[name].authz()


_FORCE = {"episode": 7, "reason": "a test", "dry_run": True}

#: What is asked: the method, the path, the body.
ASKED: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/workers", None),
    ("GET", "/workers/docker-1", None),
    ("GET", "/workers/ec2-1/episodes", None),
    ("GET", "/actions.csv", None),
    ("GET", "/orphans.csv", None),
    ("GET", "/transitions", None),
    ("GET", "/orphans/1", None),
    ("GET", "/instances", None),
    ("POST", "/instances/refresh", {}),
    ("GET", "/recent", None),
    ("GET", "/shutdown", None),
    ("GET", "/masters", None),
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


def asked_of_the_double(directory: Path) -> Mapping[str, list[str]]:
    """The rows of each case."""
    # the double, which `served` imports, imports the cases
    from tests.www.served import Served  # noqa: PLC0415

    found = {}
    with Served(directory, "--case", "none") as server:
        for name in CASES:
            server.client.send("GET", f"/test/case?{name}")
            found[name] = rows(server.client)
        assert "Traceback" not in server.log()
    return found


class Everything:
    """A real master, a proxy before it, a provider of OAuth2 beside it; the logins, one at a time."""

    def __init__(self, directory: Path) -> None:
        self._switch = free_port()
        lines = "from tests.www.switch import Switch\n"
        self.real = RealMaster(
            directory / "master",
            [worker("Healthy", name) for name in WORKERS],
            extra=f"{lines}c['services'].append(Switch({self._switch}))\n",
            lifecycle={"details_for": "operators"},
        )
        self.url = self.real.url
        self.directory = directory
        self.logins: list[Login] = []

    def turn(self, **asked: str) -> None:
        """Another login, other rules, a session's other life."""
        status, _, body = ask(f"http://127.0.0.1:{self._switch}/?{urlencode(asked)}")
        assert status == 200, body.decode()

    def rules(self, name: str) -> None:
        self.turn(authz=f'tests.www.rights:rules_of?["{name}"]')

    def client(self, login: Login, user: str | None) -> Seen:
        """The proxy lets nobody in who has not logged in: anonymous is who is behind it."""
        return Seen(self, login, user, self.url if user is None else login.url)


@contextlib.contextmanager
def everything(directory: Path) -> Iterator[Everything]:
    there = Everything(directory)
    with (
        there.real,
        Nginx(directory / "nginx", there.real.port, dict.fromkeys(USERS, PASSWORD)) as proxy,
        Provider(AT_GITHUB) as provider,
    ):
        there.logins = [
            ByPassword(there.url),
            ByFile(there.url, directory / "passwords"),
            ByProxy(proxy.url),
            ByOAuth(there.url, provider.url),
        ]
        yield there


class Seen:
    """What one who has come in by a login, or nobody, is answered."""

    def __init__(self, there: Everything, login: Login, user: str | None, url: str) -> None:
        self._there, self._login, self._user = there, login, user
        self.url = url

    def send(
        self, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, Any, bytes]:
        """Below Buildbot's address; `body` as JSON, or as it is if it is bytes."""
        sent = {**self._login.sent(self._user)}
        if body is not None:
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent |= JSON
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.url, path, sent, method, body)

    def call(self, path: str, body: Any = None) -> tuple[int, Any, bytes]:
        """Of our interface."""
        return self.send(f"{API[1:]}/v1{path}", "GET" if body is None else "POST", body)

    def may(self, path: str, body: Any = None) -> str:
        return _CELLS.get(self.call(path, body)[0], "yes")

    def page(self) -> str:
        """Buildbot's page, which knows who is before it."""
        status, _, body = self.send("")
        assert status == 200
        said = re.search(rb"buildbotFrontendConfig = (\{.*\});", body)
        assert said is not None, body
        user = json.loads(said[1])["user"]
        assert user.get("username") == self._user, user
        return "yes"

    def button(self) -> str:
        status, _, body = self.call("/workers")
        if status != 200:
            return _CELLS[status]
        meta = json.loads(body)["meta"]
        assert (meta["user"] is None) is (self._user is None)
        return "yes" if meta["can_force"] else "log in" if self._user is None else "no"

    def buildbots_own(self) -> str:
        status, _, body = self.send("api/v2/workers/docker-1", "POST", _UNPAUSE)
        assert status in (200, 403), body
        return "yes" if status == 200 else "no"

    def websocket(self) -> str:
        try:
            self.listen("lifecycle/*/*").close()
        except websocket.WebSocketBadStatusException as error:
            return {403: "no"}[error.status_code]
        return "yes"

    def listen(self, *keys: str, origin: str | None = None) -> websocket.WebSocket:
        """Buildbot's websocket, on which these keys were asked for and taken."""
        sent = [f"{name}: {value}" for name, value in self._login.sent(self._user).items()]
        url = f"{self.url.replace('http', 'ws', 1)}ws"
        socket = websocket.create_connection(
            url, header=sent, origin=origin or self.url[:-1], timeout=patient(30)
        )
        for number, key in enumerate(keys):
            asked = {"cmd": "startConsuming", "path": key, "_id": number}
            socket.send(json.dumps(asked))
            while (told := json.loads(socket.recv())).get("_id") != number:
                pass  # events of the keys before it
            assert told["code"] == 200, told
        return socket

    def events(self) -> str:
        """The stream that asks nobody; the proxy's is shut, so it is the master's."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self._there.real.port, timeout=patient(30)
        )
        try:
            sent = dict(self._login.sent(self._user))
            connection.request("GET", "/sse/listen/lifecycle/*/*", headers=sent)
            return "yes" if connection.getresponse().status == 200 else "no"
        finally:
            connection.close()

    def shell(self, *arguments: str) -> str:
        """The command line; what it is refused for another reason, he may."""
        env = {"URL": self.url}
        if self._user is not None:
            env |= self._login.by_command(self._user)
            if "USER" not in env:
                file = self._there.directory / "cookie"
                file.touch(mode=0o600)
                file.write_text(self._login.sent(self._user)["Cookie"], encoding="utf-8")
                env["COOKIE_FILE"] = str(file)
        given = {f"BUILDBOT_LIFECYCLE_{name}": value for name, value in env.items()}
        nowhere = {
            "BUILDBOT_LIFECYCLE_CONFIG": os.devnull,
            "XDG_STATE_HOME": str(self._there.directory),
        }
        done = CliRunner().invoke(command, arguments, env={**nowhere, **given})
        assert done.exit_code in (Status.OK, Status.REFUSED, Status.NOT_ALLOWED), done.output
        if done.exit_code != Status.NOT_ALLOWED:
            return "yes"
        return "log in" if "log in to do this" in done.output else "no"


_UNPAUSE = {"jsonrpc": "2.0", "id": 1, "method": "unpause", "params": {"reason": "a test"}}

#: What only a master has: each a row of the table.
SEEN: Mapping[str, Callable[[Seen], str]] = {
    "Buildbot's page, which says who he is": Seen.page,
    "the page's button *Force disconnect*, for some worker": Seen.button,
    "`buildbot-lifecycle workers`": lambda seen: seen.shell("workers"),
    "`buildbot-lifecycle force docker-1 --dry-run`": lambda seen: seen.shell(
        "force", "docker-1", "--dry-run"
    ),
    "Buildbot's own button *Unpause*, of docker-1": Seen.buildbots_own,
    "`/ws`, Buildbot's websocket": Seen.websocket,
    "`/sse`, Buildbot's event stream": Seen.events,
}

#: What a master must answer as the double does.
SAME = tuple(
    each
    for each in ASKED
    if each[1].startswith(("/workers/docker-1/force", "/workers/ec2-1/force"))
    or each[1] in ("/workers", "/actions.csv", "/metrics")
)


def asked_of_a_master(there: Everything, doubles: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """The rows of each case, the same by each login; and those of `SAME` are the double's."""
    found: dict[str, list[str]] = {}
    for login in there.logins:
        there.turn(auth=login.auth)
        for name in CASES:
            there.rules(name)
            clients = [there.client(login, who) for who in WHO]
            lines = [
                f"| {title} | {' | '.join(cell(client) for client in clients)} |"
                for title, cell in SEEN.items()
            ]
            assert found.setdefault(name, lines) == lines, (login.name, name)
            for method, path, body in SAME:
                bare = re.split("[ ,]", path)[0]
                cells = " | ".join(client.may(bare, body) for client in clients)
                line = f"| `{method} {path}` | {cells} |"
                assert line in doubles[name], (login.name, name, line)
    return found


def asked_of_all(directory: Path) -> str:
    """The table."""
    doubles = asked_of_the_double(directory)
    with everything(directory) as there:
        masters = asked_of_a_master(there, doubles)
    return both(doubles, masters)


def both(doubles: Mapping[str, list[str]], masters: Mapping[str, list[str]]) -> str:
    return table({name: [*doubles[name], *masters[name]] for name in CASES})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        TABLE.write_text(asked_of_all(Path(scratch)), encoding="utf-8")
