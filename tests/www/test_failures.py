"""What clients see when the service fails, hangs, is not there; and when they go away themselves."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness.waiting import wait_until
from tests.www.client import API, JSON
from tests.www.served import Master, Served, Server
from tests.www.test_rest import PATHS, every_route

LINE = "c['services'].append(util.LifecycleService())"


@pytest.mark.parametrize("ident", ["!raise", "!cancelled", "!given-up"])
def test_an_error_is_500_logged_once_with_its_traceback_and_not_told(
    double: Served, ident: str
) -> None:
    before = len(double.log())
    reply = double.client.get(f"/workers/{ident}")
    assert (reply.status, reply.code) == (500, "internal")
    assert "nobody's business" not in reply.body.decode()
    assert "RuntimeError" not in reply.body.decode()
    said = double.log()[before:]
    assert said.count("Traceback") == 1
    assert f"/v1/workers/{ident}" in said


def test_an_error_while_forcing_is_500_too(double: Served) -> None:
    reply = double.client.force("calm", reason="!raise")
    assert (reply.status, reply.code) == (500, "internal")


def test_an_audit_that_cannot_be_written_is_told_as_the_service_tells_it(double: Served) -> None:
    reply = double.client.force("calm", reason="!behind")
    assert (reply.status, reply.code) == (503, "behind")


def leave_during_force(server: Served, reason: str) -> None:
    """Ask for a force disconnect and close the connection before it is answered."""
    cookie = server.client.cookie("alice")
    body = json.dumps({"episode": 7, "confirm": "calm", "reason": reason})
    connection = http.client.HTTPConnection("127.0.0.1", server.client.port)
    headers = {**JSON, "Cookie": cookie}
    connection.request("POST", f"{API}/v1/workers/calm/force-disconnect", body, headers)
    wait_until(lambda: ["force", 1, "alice", reason] in server.writes(), what="the force begins")
    assert connection.sock is not None
    connection.sock.shutdown(socket.SHUT_RDWR)
    connection.close()


def test_a_client_that_goes_away_does_not_undo_what_it_asked_for(double: Served) -> None:
    before = len(double.log())
    leave_during_force(double, "!slow, and nobody waits")
    done = ["force", 1, "alice", "!slow, and nobody waits"]
    wait_until(lambda: done in double.writes(only_done=True), what="the force is done")
    said = double.log()[before:]
    assert "Traceback" not in said
    assert "Unhandled" not in said


def test_what_fails_after_its_client_went_away_is_logged(double: Served) -> None:
    before = len(double.log())
    leave_during_force(double, "!slow raise")
    wait_until(lambda: "after the client went away" in double.log()[before:], what="its log")
    assert double.log()[before:].count("Traceback") == 1
    assert "Unhandled" not in double.log()[before:]


def test_a_large_body_without_a_length_is_not_taken(double: Served) -> None:
    before = double.writes()
    connection = http.client.HTTPConnection("127.0.0.1", double.client.port)
    headers = {**JSON, "Cookie": double.client.cookie("alice")}
    parts = (b" " * 1000 for _ in range(70))
    path = f"{API}/v1/workers/calm/force-disconnect"
    connection.request("POST", path, parts, headers, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (413, "too_large")
    connection.close()
    assert double.writes() == before


@pytest.fixture(scope="module", params=["double", pytest.param("real", marks=pytest.mark.master)])
def unconfigured(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The plugin is in www, its service is not in c['services']."""
    directory = tmp_path_factory.mktemp("unconfigured")
    if request.param == "double":
        server: Any = Served(directory, "--unconfigured")
    else:
        server = Master(directory, extra="c['services'] = []")
    with server:
        yield server


@every_route
def test_without_its_service_the_api_says_which_line_is_missing(
    unconfigured: Server, route: Any
) -> None:
    reply = unconfigured.client.send(route.method, API + PATHS[route.path], b"{}", JSON)
    assert (reply.status, reply.code) == (503, "not_ready")
    assert LINE in reply.json["error"]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Nobody but alice may read or do anything, by Buildbot's own rules."""
    with Served(tmp_path_factory.mktemp("closed"), "--rules=only_named_reads") as served:
        yield served


@every_route
def test_rules_that_close_buildbot_close_every_route(closed: Served, route: Any) -> None:
    # Also for what does not exist: who may not read is not told so.
    for path in (PATHS[route.path], PATHS[route.path].replace("calm", "nobody")):
        before = closed.writes()
        reply = closed.client.send(route.method, API + path, b"{}", JSON)
        assert (reply.status, reply.code) == (401, "not_logged_in")
        reply = closed.client.send(route.method, API + path, b"{}", JSON, "bob")
        assert (reply.status, reply.code) == (403, "forbidden")
        assert closed.writes() == before
        reply = closed.client.send(route.method, API + path, b"{}", JSON, "alice")
        # to look into the clouds is a read, which is begun
        began = route.path == "/v1/instances/refresh"
        assert reply.status in ((202,) if began else (200, 400, 404))
        assert closed.writes() == before + [["census"]] * began


def test_an_orphan_is_closed_by_who_may_and_by_nobody_else(double: Served) -> None:
    before = double.writes(only_done=True)
    reply = double.client.post("/orphans/5/resolve", {"note": "gone"}, "bob")
    assert (reply.status, reply.code) == (403, "forbidden")
    assert double.writes(only_done=True) == before
    reply = double.client.post("/orphans/5/resolve", {"note": "gone"})
    assert reply.json["orphan"] == {
        "id": 5,
        "note": "gone",
        "closed_by": "alice",
        "closed_by_kind": "user",
    }
    assert double.writes(only_done=True) == [*before, ["resolve", 5, "gone", "alice"]]


@pytest.mark.process
def test_an_orphan_is_not_closed_by_who_may_not_read_it(tmp_path: Path) -> None:
    # Number 2 is of the worker that only alice may read; that bob may force it is no right to read.
    with Served(tmp_path, "--rules=force_without_read") as served:
        reply = served.client.post("/orphans/2/resolve", {"note": "gone"}, "bob")
        assert (reply.status, reply.code) == (403, "forbidden")
        assert served.writes() == []
        assert served.client.post("/orphans/1/resolve", {"note": "gone"}, "bob").status == 200


@pytest.mark.process
def test_a_rule_that_raises_shuts_what_it_stands_before_and_nothing_else(tmp_path: Path) -> None:
    with Served(tmp_path, "--rules=raising") as served:
        for user in (None, "bob"):
            reply = served.client.get("/workers", user)
            assert (reply.status, reply.json["meta"]["can_force"]) == (200, False)
        for _ in range(3):
            reply = served.client.force("calm", "bob")
            assert (reply.status, reply.code) == (403, "forbidden")
            reply = served.client.post("/orphans/1/resolve", {"note": "gone"}, "bob")
            assert (reply.status, reply.code) == (403, "forbidden")
        assert served.writes() == []
        # for who wrote the rule, once
        assert served.log().count("a rule of c['www']['authz'] failed") == 1
        assert served.log().count("Traceback") == 1


@pytest.mark.parametrize("what", ["episodes", "actions", "orphans"])
def test_an_entry_is_hidden_with_its_worker(double: Served, what: str) -> None:
    # Number 2 is of the worker that only alice may read.
    assert double.client.get(f"/{what}/1").status == 200
    assert double.client.get(f"/{what}/2").code == "not_logged_in"
    assert double.client.get(f"/{what}/2", "bob").code == "forbidden"
    assert double.client.get(f"/{what}/2", "alice").status == 200


@pytest.mark.process
def test_the_anonymous_may_force_if_the_administrator_says_so(tmp_path: Path) -> None:
    with Served(tmp_path, "--anonymous-may-force") as open_to_all:
        meta = open_to_all.client.get("/workers").json["meta"]
        assert (meta["can_force"], meta["user"]) == (True, None)
        reply = open_to_all.client.force("calm", user=None)
        assert reply.status == 200
        assert reply.json["action"]["actor"] == "anonymous"
        # What protects browsers holds for them all the same.
        headers = {"Origin": "https://evil.example"}
        reply = open_to_all.client.post("/workers/calm/force-disconnect", {}, None, **headers)
        assert reply.code == "bad_origin"


def test_history_is_walked_to_its_end_by_next(double: Served) -> None:
    seen: list[int] = []
    path: str | None = f"{API}/v1/workers/calm/events?limit=30&kind=attached"
    while path is not None:
        page = double.client.send("GET", path).json
        seen.extend(row["id"] for row in page["events"])
        assert page["events"][0]["asked"] == [["kind", "eq", ["attached"]]]
        path = page["meta"]["next"]
        if path is not None:
            # The double's buildbotURL has a path, as behind a reverse proxy that takes it off.
            assert path.startswith(f"/buildbot{API}/v1/workers/calm/events?")
            path = path[len("/buildbot") :]
    assert seen == list(range(100, 0, -1))


def test_next_carries_a_name_that_had_to_be_quoted(double: Served) -> None:
    page = double.client.get("/workers/one%2Ftwo/events?limit=1").json
    assert "/v1/workers/one%2Ftwo/events?" in page["meta"]["next"]
    again = double.client.send("GET", page["meta"]["next"][len("/buildbot") :])
    assert [row["id"] for row in again.json["events"]] == [99]


@pytest.mark.process
def test_thousands_of_workers_come_out_whole_and_others_are_answered_meanwhile(
    tmp_path: Path,
) -> None:
    with Served(tmp_path, "--many", "5000") as big:
        reply = big.client.get("/workers?order=-name")
        assert reply.json["meta"]["total"] == len(reply.json["workers"]) == 5000 + len(big.names)
        assert len({row["workerid"] for row in reply.json["workers"]}) == 5000 + len(big.names)
        assert int(reply.headers["Content-Length"]) == len(reply.body)


def test_an_instance_is_ended_by_who_may_and_a_late_outcome_is_a_202(double: Server) -> None:
    client = double.client
    body = {"confirm": "i-1", "reason": "it costs money"}
    assert client.post("/instances/1-00/end", body, None).code == "not_logged_in"
    assert client.post("/instances/1-00/end", body, "bob").code == "forbidden"
    assert client.post("/instances/1-77/end", body).code == "no_such_instance"
    assert client.post("/instances/1-00/end", {**body, "confirm": "i-2"}).status == 400
    assert client.post("/instances/1-00/end", {"confirm": "i-1"}).code == "bad_field"
    assert client.post("/instances/1-00/end", {**body, "override": True}).code == "bad_field"
    assert client.post("/instances/1-00/end", {"dry_run": True}).json["dry_run"]["eligible"]
    before = double.writes(only_done=True)
    # nobody's is asked of all workers
    assert client.post("/instances/1-01/end", body).status == 200
    assert client.post("/instances/1-00/end", {**body, "reason": "!late"}).status == 202
    done = [["end", "1-01", "alice", "it costs money"], ["end", "1-00", "alice", "!late"]]
    assert double.writes(only_done=True) == [*before, *done]
