"""The matrix of rights: by which login and rules who may do what, over all ways in, on a real master.

One master, a proxy before it and a provider of OAuth2 beside it are shared by all tests here: each turns
to the login and the rules that it needs.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket

from buildbot_lifecycle.www.routes import ROUTES
from tests.harness.master import RealMaster
from tests.harness.need import may_miss
from tests.harness.nginx import find
from tests.harness.waiting import patient
from tests.www import rights
from tests.www.logins import ODD, ask, basic, cookie
from tests.www.rights import Everything, Seen

pytestmark = pytest.mark.master

WEEK = 7 * 24 * 3600


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Everything]:
    if find() is None:
        text = "nginx is missing: nginx-light; the rights behind a real proxy are not tried"
        (pytest.skip if "nginx" in may_miss() else pytest.fail)(text)
    with rights.everything(tmp_path_factory.mktemp("rights")) as there:
        yield there
        assert "Traceback" not in there.real.log()


@pytest.fixture
def there(shared: Everything) -> Everything:
    """No rules, sessions of a week; the login is each test's own."""
    shared.rules("none")
    shared.turn(live=str(WEEK))
    return shared


def test_the_table_in_the_docs_is_what_servers_answer(there: Everything, tmp_path: Path) -> None:
    """It is written by ``python -m tests.www.rights``."""
    doubles = rights.asked_of_the_double(tmp_path)
    masters = rights.asked_of_a_master(there, doubles)
    assert rights.both(doubles, masters) == rights.TABLE.read_text(encoding="utf-8")


def test_all_that_is_served_is_in_the_table() -> None:
    """Every path of `ROUTES` is like one that is asked for."""
    asked = {(method, f"/v1{re.split('[ ,]', path)[0]}") for method, path, _ in rights.ASKED}
    for route in ROUTES:
        like = re.sub(r"<any\(([^)]*)\):\w+>", lambda m: f"({m[1].replace(', ', '|')})", route.path)
        pattern = re.compile(re.sub(r"<\w+>", "[^/]+", like).replace(".", r"\."))
        found = [
            path for method, path in asked if method == route.method and pattern.fullmatch(path)
        ]
        assert found, f"{route.method} {route.path} is in no row of tests/www/rights"


ACTS = [
    re.sub("<number>|<ident>", "1", route.path.replace("<worker>", "docker-1"))
    for route in ROUTES
    if route.method == "POST"
]

#: What a form of another site can send.
FORMS = {
    "text/plain": b'{"reason": "x"}',
    "application/x-www-form-urlencoded": b'{"reason": "x"}',
    "multipart/form-data; boundary=x": (
        b'--x\r\nContent-Disposition: form-data; name="reason"\r\n\r\nx\r\n--x--\r\n'
    ),
}


@pytest.mark.parametrize("number", range(4))
def test_no_page_of_another_site_can_act_with_the_session_of_one_who_may(
    there: Everything, number: int
) -> None:
    login = there.logins[number]
    there.turn(auth=login.auth)
    admin = there.client(login, "admin")
    for path in ACTS:
        for origin in ("http://evil.example", "null", f"{there.url[:-1]}.evil.example"):
            status, _, body = admin.send(f"{rights.API[1:]}{path}", "POST", {}, Origin=origin)
            assert (status, json.loads(body)["code"]) == (403, "bad_origin"), (path, origin)
    path = f"{rights.API[1:]}/v1/workers/docker-1/pause"
    for form, sent in FORMS.items():
        status, _, body = admin.send(path, "POST", sent, Content_Type=form)
        assert status == 415, body
    # a question before, as browsers ask it
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "X"}
    status, headers, _ = admin.send(path, "OPTIONS", Origin="http://evil.example", **asked)
    assert status == 403
    assert headers["Access-Control-Allow-Origin"] is None
    # and the page of Buildbot itself can
    status, _, body = admin.send(path, "POST", {"reason": "x"}, Origin=there.url[:-1])
    assert status == 200, body
    assert admin.call("/workers/docker-1/unpause", {"reason": "x"})[0] == 200
    assert not json.loads(admin.call("/workers/docker-1")[2])["workers"][0]["paused"]


@pytest.mark.parametrize("number", range(4))
def test_a_session_that_has_ended_is_nobodys(there: Everything, number: int) -> None:
    login = type(there.logins[number]).__new__(type(there.logins[number]))
    login.__dict__.update(there.logins[number].__dict__, _sent={None: {}})
    there.turn(auth=login.auth, live="-1")
    login.sent("admin")
    there.turn(live=str(WEEK))
    ended = there.client(login, "admin")
    status, _, body = ended.call("/workers/docker-1/pause", {"reason": "x"})
    assert (status, json.loads(body)["code"]) == (401, "not_logged_in")
    status, _, body = ended.call("/workers")
    meta = json.loads(body)["meta"]
    assert (status, meta["user"], meta["can_force"], meta["details"]) == (200, None, False, False)
    # Buildbot's websocket takes no ended session, even where it takes anonymous clients
    assert ended.websocket() == "no"
    assert there.client(login, None).websocket() == "yes"
    if login.by_command("admin") == {}:
        assert ended.shell("pause", "docker-1", "--reason", "x") == "log in"
    there.rules("shut")
    assert ended.may("/workers") == "log in"


def proxied(there: Everything) -> Seen:
    login = there.logins[2]
    assert login.name == "RemoteUserAuth"
    there.turn(auth=login.auth)
    return there.client(login, "operator")


def test_behind_the_proxy_of_the_docs_nobody_is_another_than_the_proxy_says(
    there: Everything,
) -> None:
    there.rules("groups")
    operator = proxied(there)
    assert ask(operator.url)[0] == 401
    assert ask(operator.url, "", basic("operator", "wrong"))[0] == 401
    for name in ("REMOTE_USER", "Remote-User", "remote_user"):
        spoof = {**basic("operator"), name: "admin@example.org"}
        _, headers, body = ask(operator.url, "", spoof)
        assert b'"username": "operator"' in body
        assert b'"username": "admin"' not in body
        assert cookie(headers)
    # at the interface the header is nobody at all, from the proxy and past it
    for url in (operator.url, there.url):
        sent = {**basic("operator"), "REMOTE_USER": "admin@example.org", **rights.JSON}
        path = f"{rights.API[1:]}/v1/workers/docker-1/pause"
        assert ask(url, path, sent, "POST", b'{"reason": "x"}')[0] == 401
    # who reaches the master past it is whoever he says: so the docs have it listen on loopback
    assert b'"username": "admin"' in ask(there.url, "", {"REMOTE_USER": "admin@example.org"})[2]


def test_the_proxy_of_the_docs_shuts_the_event_stream_however_it_is_spelt(
    there: Everything,
) -> None:
    operator = proxied(there)
    for path in (
        *("sse", "sse/", "sse/listen/*/*/*", "/sse/listen/*/*/*", "%73se/listen/*/*/*"),
        *("./sse/listen/*/*/*", "x/../sse/listen/*/*/*", "sse%2Flisten/*/*/*"),
    ):
        assert operator.send(path)[0] == 404, path
    assert operator.websocket() == "yes"


def test_the_proxy_of_the_docs_lets_no_page_of_another_site_listen(there: Everything) -> None:
    operator = proxied(there)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        operator.listen("*/*/*", origin="http://evil.example")
    assert refused.value.status_code == 403
    # Buildbot itself does, as the docs say
    there.turn(auth=there.logins[0].auth)
    there.client(there.logins[0], "operator").listen(origin="http://evil.example").close()


def test_a_name_of_two_lines_is_one_in_the_audit(there: Everything) -> None:
    login = there.logins[3]
    there.turn(auth=login.auth)
    odd = there.client(login, ODD)
    for act in ("pause", "unpause"):
        assert odd.call(f"/workers/ec2-1/{act}", {"reason": "a test"})[0] == 200
    row = json.loads(odd.call("/actions?limit=1")[2])["actions"][0]
    assert row["actor"] == "\\u202eé\\n2026-11-27 lifecycle: admin@example.org"
    assert json.loads(odd.call("/workers")[2])["meta"]["user"] == row["actor"]
    table = odd.call("/actions.csv?limit=1")[2].decode()
    assert table.count("\n") == 2
    assert row["actor"] in table
    assert "\u202e" not in there.real.log()


def test_an_anonymous_client_of_the_websocket_hears_no_words_of_people(there: Everything) -> None:
    login = there.logins[0]
    there.turn(auth=login.auth)
    admin = there.client(login, "admin")
    heard = there.client(login, None).listen("*/*/*", "*/*/*/*")
    for act in ("pause", "unpause"):
        assert admin.call(f"/workers/ec2-1/{act}", {"reason": "SECRETREASON"})[0] == 200
    said = []
    # the last that is told of an act is that it is over
    while not (said and said[-1].get("k", "").endswith("/action") and len(acts(said)) == 2):
        said.append(json.loads(heard.recv()))
    text = json.dumps(said)
    assert '"paused": true' in text
    assert "SECRETREASON" not in text
    assert "admin" not in text
    # shut as the docs say, for who comes then
    there.rules("shut")
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        there.client(login, None).listen("*/*/*")
    assert refused.value.status_code == 403
    heard.close()


def acts(said: list[dict[str, Any]]) -> set[Any]:
    return {each["m"].get("id") for each in said if each.get("k", "").endswith("/action")}


def checked(master: RealMaster, lines: str) -> str:
    """What `buildbot checkconfig` says of the sample of a new master with these lines."""
    config = master.basedir / "master.cfg"
    sample = (master.basedir / "master.cfg.sample").read_text(encoding="utf-8")
    config.write_text(f"{sample}\n{lines}", encoding="utf-8")
    done = subprocess.run(
        [str(master.python.parent / "buildbot"), "checkconfig", str(config)],
        env=master.env,
        cwd=master.basedir,
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.master
def test_checkconfig_takes_the_lines_of_the_docs_and_names_each_wrong_argument(
    tmp_path: Path,
) -> None:
    page = (rights.ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    blocks = [text.split("```")[0] for text in page.split("```python\n")[1:]]
    good = "\n".join(text for text in blocks if "LifecycleEndpointMatcher" in text)
    assert good.count("util.Authz") == 2
    wrong = """util.LifecycleEndpointMatcher(
        actions=["force", "dismiss"], workers=["a[", "docker-*"], defaultDeny="no"
    )"""
    master = RealMaster(tmp_path / "master")
    try:
        master.create()
        assert "Config file is good" in checked(master, good)
        said = checked(master, wrong)
    finally:
        master.teardown()
    for each in (
        "unknown action 'force'; known are force-disconnect, override, resolve,",
        "the name pattern 'a[' has a [ without its ]",
        "dismiss is of no single worker: give it a rule without workers",
        "role must be the name of a role, not None",
        "defaultDeny must be True or False, not 'no'",
    ):
        assert f"LifecycleEndpointMatcher: {each}" in said.replace("workers: the", "the")
    assert "Traceback" not in said
