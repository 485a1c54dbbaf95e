"""The REST API as clients see it: the same rules against the double and against a real master."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from buildbot_lifecycle.www.routes import ROUTES
from tests.www.client import API, JSON
from tests.www.double import NAMES, REAL_NAMES
from tests.www.rules import SECRET
from tests.www.served import Master, Server

#: One address for each route; ids that do not exist are as good as others for most rules.
PATHS = {
    "/v1/workers": "/v1/workers",
    "/v1/workers/<worker>": "/v1/workers/calm",
    "/v1/workers/<worker>/<any(transitions, events, episodes):what>": "/v1/workers/calm/events",
    "/v1/workers/<worker>/force-disconnect": "/v1/workers/calm/force-disconnect",
    "/v1/workers/<worker>/pause": "/v1/workers/calm/pause",
    "/v1/workers/<worker>/unpause": "/v1/workers/calm/unpause",
    "/v1/<any(transitions, episodes, actions, orphans):what>": "/v1/transitions",
    "/v1/<any(episodes, actions, orphans):what>/<number>": "/v1/episodes/1000000",
    "/v1/orphans/<number>/resolve": "/v1/orphans/1000000/resolve",
    "/v1/<any(actions, orphans):what>.csv": "/v1/actions.csv",
    "/v1/instances": "/v1/instances",
    "/v1/instances/<ident>/end": "/v1/instances/1-00/end",
    "/v1/instances/refresh": "/v1/instances/refresh",
    "/v1/stats": "/v1/stats",
    "/v1/recent": "/v1/recent",
    "/v1/timeline": "/v1/timeline",
    "/v1/shutdown": "/v1/shutdown",
    "/v1/masters": "/v1/masters",
    "/v1/masters/<number>/dismiss": "/v1/masters/1000000/dismiss",
    "/v1/health": "/v1/health",
    "/v1/metrics": "/v1/metrics",
    "/v1/openapi.json": "/v1/openapi.json",
}

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")


def test_each_route_has_an_address_here() -> None:
    assert {route.path for route in ROUTES} == set(PATHS)


@every_route
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "FOO", "GET", "POST"])
def test_a_method_that_is_not_served_is_405_and_says_which_are(
    server: Server, route: Any, method: str
) -> None:
    served = ["GET", "HEAD"] if route.method == "GET" else ["POST"]
    if method in served:
        return
    reply = server.client.send(method, API + PATHS[route.path])
    assert (reply.status, reply.code) == (405, "method_not_allowed")
    assert reply.headers["Allow"] == ", ".join([*served, "OPTIONS"])


@every_route
def test_options_says_what_is_served(server: Server, route: Any) -> None:
    reply = server.client.send("OPTIONS", API + PATHS[route.path])
    assert reply.status == 204
    assert route.method in reply.headers["Allow"]


@every_route
def test_a_page_of_another_site_is_refused_everywhere(server: Server, route: Any) -> None:
    headers = {"Origin": "https://evil.example", **JSON}
    reply = server.client.send(route.method, API + PATHS[route.path], b"{}", headers, "alice")
    assert (reply.status, reply.code) == (403, "bad_origin")
    assert "Access-Control-Allow-Origin" not in reply.headers


@every_route
def test_an_unknown_query_parameter_is_a_bad_query(server: Server, route: Any) -> None:
    path = f"{API}{PATHS[route.path]}?surprise=1".replace("1000000", "1")
    reply = server.client.send(route.method, path, b"{}", JSON, "alice")
    if reply.status == 404:
        assert reply.code in ("no_such_episode", "no_such_orphan", "no_such_instance")
    else:
        assert (reply.status, reply.code) == (400, "bad_query")
        assert "surprise" in reply.json["error"]


@pytest.mark.parametrize("route", [r for r in ROUTES if r.method == "GET"], ids=lambda r: r.path)
def test_head_is_get_without_a_body(server: Server, route: Any) -> None:
    path = API + PATHS[route.path]
    get, head = server.client.send("GET", path), server.client.send("HEAD", path)
    assert head.status == get.status
    assert head.body == b""
    assert int(head.headers["Content-Length"]) > 0
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    kind, *_, charset = head.headers["Content-Type"].split("; ")
    assert (kind, charset) == (route.content_type, "charset=utf-8")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/v1",
        "/v1/",
        "/v2/workers",
        "/v1/nothing",
        "/v1/workers/",
        "/v1//workers",
        "//v1/workers",
        "/v1/workers/calm/nothing",
        "/v1/workers/calm/events/5",
        "/v1/events",
        "/v1/workers/\xff",
        "/v1/%FF%FE",
        "/v1/workers/%FF",
        "/v1/workers/%00%0A",
        "/v1/..%2f..%2fworkers",
        "/v1/<script>",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whatever_is_not_there_is_404_in_the_one_error_shape(
    server: Server, path: str, method: str
) -> None:
    reply = server.client.send(method, API + quote(path, safe="/%<>"), b"{}", JSON)
    assert reply.status in (404, 405)
    assert reply.code in ("not_found", "no_such_worker", "method_not_allowed")


@pytest.mark.parametrize("host", ["a..b", "\xff", "x" * 300])
def test_a_host_header_that_is_no_host_is_told_so_in_the_same_shape(
    server: Server, host: str
) -> None:
    reply = server.client.send("GET", f"{API}/v1/workers", headers={"Host": host})
    assert (reply.status, reply.code) == (400, "bad_host")


def test_workers_come_with_what_the_page_needs_to_know(server: Server) -> None:
    reply = server.client.get("/workers")
    assert reply.status == 200
    assert {row["name"] for row in reply.json["workers"]} == set(server.names)
    meta = reply.json["meta"]
    assert meta["total"] == len(reply.json["workers"])
    known = {"total", "now", "behind", "clocks_differ_s", "can_force", "details", "user"}
    assert set(meta) == known
    assert set(meta["behind"]) == {"events", "since"}


@pytest.mark.parametrize(
    ("user", "name", "can_force"),
    [(None, None, False), ("bob", "bob", False), ("alice", "alice", True)],
)
def test_the_page_is_told_who_the_user_is_and_whether_he_may_force(
    server: Server, user: str | None, name: str | None, can_force: bool
) -> None:
    for path in ("/workers", "/workers/calm"):
        meta = server.client.get(path, user).json["meta"]
        assert (meta["user"], meta["can_force"]) == (name, can_force)


WORKER_FIELDS = {
    *("workerid", "name", "masterid", "master", "class", "state", "state_since", "connected"),
    *("building", "paused", "pause_reason", "episode", "instance", "pending", "refused", "held"),
    "refused_open",
    "orphans",
    *("abandoned", "quarantined_until", "last_sign"),
    *("verdict", "to_do", "forceable", "live", "updated_at"),
}


@pytest.mark.parametrize("name", [name for name in REAL_NAMES if name != SECRET])
def test_a_worker_is_found_by_its_name_and_by_its_id(server: Server, name: str) -> None:
    find(server, name)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in REAL_NAMES])
def test_a_worker_is_found_by_names_that_buildbot_does_not_take_yet(
    double: Server, name: str
) -> None:
    find(double, name)


def find(server: Server, name: str) -> None:
    by_name = server.client.get(f"/workers/{quote(name, safe='')}")
    assert by_name.status == 200
    (row,) = by_name.json["workers"]
    assert row["name"] == name
    assert set(row) == WORKER_FIELDS
    by_id = server.client.get(f"/workers/{row['workerid']}").json["workers"]
    assert [other["name"] for other in by_id] == [name]
    for what in ("transitions", "events", "episodes"):
        page = server.client.get(f"/workers/{quote(name, safe='')}/{what}")
        assert page.status == 200
        assert "next" in page.json["meta"]


@pytest.mark.parametrize(
    "ident", ["nobody", "1000000", "0", "-1", "9" * 30, "007", "'", "%2F", "☃"]
)
def test_an_unknown_worker_is_404(server: Server, ident: str) -> None:
    path = f"/workers/{quote(ident, safe='%')}"
    for reply in (
        server.client.get(path),
        server.client.get(f"{path}/events"),
        server.client.post(f"{path}/force-disconnect", {}),
        server.client.post(f"{path}/pause", {}),
        server.client.post(f"{path}/unpause", {}),
    ):
        assert (reply.status, reply.code) == (404, "no_such_worker")


@pytest.mark.master
def test_a_number_that_python_does_not_read_is_404_and_no_error_of_ours(real: Master) -> None:
    before = real.client.get("/health").json["health"]["errors"]
    for path in ("/workers/{}", "/workers/{}/events", "/episodes/{}", "/orphans/{}"):
        assert real.client.get(path.format("9" * 5000)).status == 404
    assert real.client.get("/health").json["health"]["errors"] == before


@pytest.mark.parametrize("what", ["episode", "action", "orphan"])
@pytest.mark.parametrize("ident", ["1000000", "x", "0", "-1", "9" * 30, "1.5", "%FF"])
def test_an_unknown_entry_is_404(server: Server, what: str, ident: str) -> None:
    reply = server.client.get(f"/{what}s/{ident}")
    assert reply.status == 404
    assert reply.code == ("not_found" if ident == "%FF" else f"no_such_{what}")


def test_workers_are_filtered_and_cut_by_buildbots_grammar(server: Server) -> None:
    reply = server.client.get(f"/workers?name__contains={quote('☃')}&field=name")
    assert reply.json["workers"] == [{"name": "wörker-☃"}]
    reply = server.client.get("/workers?order=-name&limit=2&offset=1&field=name")
    names = sorted(row["name"] for row in server.client.get("/workers").json["workers"])[::-1]
    assert [row["name"] for row in reply.json["workers"]] == names[1:3]
    assert reply.json["meta"]["total"] == len(names)


def test_what_was_asked_comes_back_in_the_error_cut_and_as_ascii(server: Server) -> None:
    reply = server.client.get(f"/workers?state={quote('<script>☃' * 30)}")
    assert reply.code == "bad_query"
    assert "'<script>\\\\u2603" in reply.body.decode()
    assert len(reply.json["error"]) < 400


def test_own_pages_are_let_in_and_told_so(server: Server) -> None:
    origin = server.origin
    reply = server.client.send("GET", f"{API}/v1/workers", headers={"Origin": origin})
    assert reply.status == 200
    assert reply.headers["Access-Control-Allow-Origin"] == origin
    assert reply.headers["Vary"] == "Origin, Accept-Encoding"
    assert "Access-Control-Allow-Credentials" not in reply.headers


def test_a_browser_that_asks_before_a_post_is_told_what_it_may_send(server: Server) -> None:
    path = f"{API}/v1/workers/calm/force-disconnect"
    asked = {"Access-Control-Request-Method": "POST"}
    reply = server.client.send("OPTIONS", path, headers={"Origin": server.origin, **asked})
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == server.origin
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    assert reply.headers["Access-Control-Allow-Headers"] == "Content-Type"
    reply = server.client.send("OPTIONS", path, headers={"Origin": "https://evil", **asked})
    assert (reply.status, reply.code) == (403, "bad_origin")


def test_a_worker_that_rules_hide_is_shown_to_whom_they_allow(server: Server) -> None:
    for path in (f"/workers/{SECRET}", f"/workers/{SECRET}/events"):
        reply = server.client.get(path)
        assert (reply.status, reply.code) == (401, "not_logged_in")
        reply = server.client.get(path, "bob")
        assert (reply.status, reply.code) == (403, "forbidden")
        assert server.client.get(path, "alice").status == 200


def test_nobody_forces_without_the_right_and_nothing_is_done(server: Server) -> None:
    before = server.writes()
    for dry_run in (False, True):
        reply = server.client.force("calm", user=None, dry_run=dry_run)
        assert (reply.status, reply.code) == (401, "not_logged_in")
        reply = server.client.force("calm", user="bob", dry_run=dry_run)
        assert (reply.status, reply.code) == (403, "forbidden")
    reply = server.client.post("/orphans/1/resolve", {"note": "x"}, None)
    assert (reply.status, reply.code) == (401, "not_logged_in")
    assert server.writes() == before


BAD_POSTS: list[tuple[Any, dict[str, str], int, str]] = [
    (b"", {}, 400, "bad_json"),
    (b"{", {}, 400, "bad_json"),
    (b"\xff\xfe", {}, 400, "bad_json"),
    (b"[" * 60_000, {}, 400, "bad_json"),
    ([], {}, 400, "bad_json"),
    ({}, {}, 400, "bad_field"),
    ({"episode": "7", "confirm": "calm", "reason": "r"}, {}, 400, "bad_field"),
    ({"episode": 7, "confirm": "calm", "reason": " "}, {}, 400, "bad_field"),
    ({"episode": 7, "confirm": "calm", "reason": "r", "x": 1}, {}, 400, "bad_field"),
    (b" " * 65_537, {}, 413, "too_large"),
    (b" " * 3_000_000, {}, 413, "too_large"),
    (b"{}", {"Content_Type": "text/plain"}, 415, "wrong_content_type"),
    (b"a=1", {"Content_Type": "application/x-www-form-urlencoded"}, 415, "wrong_content_type"),
    (b"{}", {"Origin": "null"}, 403, "bad_origin"),
]


@pytest.mark.parametrize(("body", "headers", "status", "code"), BAD_POSTS)
def test_a_bad_post_is_told_why_and_nothing_is_done(
    server: Server, body: Any, headers: dict[str, str], status: int, code: str
) -> None:
    before = server.writes()
    reply = server.client.post("/workers/calm/force-disconnect", body, **headers)
    assert (reply.status, reply.code) == (status, code)
    assert server.writes() == before


def test_a_dry_run_is_answered_and_nothing_is_done(server: Server) -> None:
    before = server.writes(only_done=True)
    reply = server.client.post("/workers/calm/force-disconnect", {"episode": None, "dry_run": True})
    assert reply.status == 200
    assert isinstance(reply.json["dry_run"]["eligible"], bool)
    assert server.writes(only_done=True) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [({}, "bad_field"), ({"reason": " "}, "bad_field"), ({"reason": "r", "x": 1}, "bad_field")],
)
@pytest.mark.parametrize("what", ["pause", "unpause"])
def test_a_pause_without_a_reason_is_told_why_and_nothing_is_done(
    server: Server, what: str, body: Any, code: str
) -> None:
    before = server.writes()
    reply = server.client.post(f"/workers/calm/{what}", body)
    assert (reply.status, reply.code) == (400, code)
    assert server.writes() == before


def test_who_may_pauses_a_worker_and_ends_the_pause_and_both_are_kept(server: Server) -> None:
    path, body = "/workers/calm", {"reason": "its disk is exchanged"}
    assert server.client.post(f"{path}/pause", body, None).code == "not_logged_in"
    assert server.client.post(f"{path}/pause", body, "bob").code == "forbidden"
    assert server.client.post(f"{path}/unpause", body, "bob").code == "forbidden"
    before = len(server.writes(only_done=True))
    for what, other in (("pause", "already_paused"), ("unpause", "not_paused")):
        reply = server.client.post(f"{path}/{what}", body)
        assert reply.status == 200
        action = reply.json["action"]
        assert (action["what"], action["actor"]) == (what, "alice")
        assert action["reason"] == "its disk is exchanged"
        (row,) = server.client.get(path).json["workers"]
        assert row["paused"] is (what == "pause")
        again = server.client.post(f"{path}/{what}", body)
        assert (again.status, again.code) == (409, other)
    assert len(server.writes(only_done=True)) >= before


@pytest.mark.parametrize("path", ["/shutdown", "/health"])
def test_the_rest_is_served(server: Server, path: str) -> None:
    reply = server.client.get(path)
    assert reply.status == 200
    assert path[1:] in reply.json


def test_the_ledger_says_how_many_of_its_entries_are_open_whatever_was_asked(
    server: Server,
) -> None:
    whole = server.client.get("/orphans").json["meta"]["open"]
    some = server.client.get("/orphans?open=true&limit=1&worker=nobody").json["meta"]["open"]
    assert isinstance(whole, int)
    assert whole == some
    assert "open" not in server.client.get("/actions").json["meta"]


def test_what_blocks_the_stop_is_told_with_the_time_that_it_counts_from(server: Server) -> None:
    now = server.client.get("/workers").json["meta"]["now"]
    assert server.client.get("/shutdown").json["meta"]["now"] >= now
