"""Statistics, timeline and small charts: what can be asked, and how it arrives at the service."""

from __future__ import annotations

from typing import Any

import pytest

from buildbot_lifecycle.core.requests import RecentQuery, Refusal, StatsQuery, TimelineQuery
from buildbot_lifecycle.www import parameters
from tests.www.served import Server

Args = dict[bytes, list[bytes]]


def test_nothing_said_is_the_default() -> None:
    assert parameters.stats({}) == StatsQuery(None, "worker", (), ())
    assert parameters.timeline({}) == TimelineQuery(None, None, (), 20_000)
    assert parameters.recent({}) == RecentQuery(12, ())


def test_what_is_said_arrives_once_and_in_order() -> None:
    args: Args = {b"by": [b"class"], b"since": [b"12.5"], b"workerid": [b"3", b"1", b"3"]}
    masters: Args = {b"masterid": [b"6", b"5"]}
    assert parameters.stats({**args, b"class": [b"B", b"A"], **masters}) == StatsQuery(
        12.5, "class", (1, 3), ("A", "B"), (5, 6)
    )
    args = {b"since": [b"1"], b"until": [b"2"], b"workerid": [b"1"], b"limit": [b"7"], **masters}
    assert parameters.timeline(args) == TimelineQuery(1.0, 2.0, (1,), 7, (5, 6))
    args = {b"per_worker": [b"24"], b"workerid": [b"9", b"2"], **masters}
    assert parameters.recent(args) == RecentQuery(24, (2, 9), (5, 6))


WRONG: list[tuple[Any, Args, str]] = [
    (parameters.stats, {b"by": [b"phase"]}, "by"),
    (parameters.stats, {b"by": [b"class", b"worker"]}, "by"),
    (parameters.stats, {b"since": [b"yesterday"]}, "since"),
    (parameters.stats, {b"since": [b"1e999"]}, "since"),
    (parameters.stats, {b"since": [b"nan"]}, "since"),
    (parameters.stats, {b"workerid": [b"1", b"x"]}, "workerid"),
    (parameters.stats, {b"workerid": [b"9" * 19]}, "workerid"),
    (parameters.stats, {b"class": [b"\xff"]}, "class"),
    (parameters.stats, {b"class": [b"a\0b"]}, "class"),
    (parameters.stats, {b"until": [b"1"]}, "until"),
    (parameters.stats, {b"\xff": [b"1"]}, "unknown"),
    (parameters.recent, {b"per_worker": [b"0"]}, "1 to 24"),
    (parameters.recent, {b"per_worker": [b"25"]}, "1 to 24"),
    (parameters.recent, {b"since": [b"1"]}, "since"),
    (parameters.recent, {b"workerid": [b"x"]}, "workerid"),
    (parameters.recent, {b"workerid": [b"1"] * 201}, "at most 200"),
    (parameters.timeline, {b"since": [b"2"], b"until": [b"1"]}, "until"),
    (parameters.timeline, {b"limit": [b"20001"]}, "1 to 20000"),
    (parameters.timeline, {b"limit": [b""]}, "limit"),
    (parameters.timeline, {b"by": [b"class"]}, "by"),
]


@pytest.mark.parametrize(("read", "args", "said"), WRONG)
def test_what_makes_no_sense_is_a_bad_query_that_names_it(read: Any, args: Args, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        read(args)
    assert refused.value.code == "bad_query"
    assert said in refused.value.text


@pytest.mark.parametrize("path", ["/stats?by=x", "/recent?per_worker=99", "/timeline?limit=0"])
def test_a_wrong_parameter_is_refused_over_http(server: Server, path: str) -> None:
    reply = server.client.get(path)
    assert (reply.status, reply.code) == (400, "bad_query")


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/stats", {"stats", "outcomes", "meta"}),
        ("/stats?by=class&class=Healthy&since=1", {"stats", "outcomes", "meta"}),
        ("/recent", {"recent", "meta"}),
        ("/timeline", {"lanes", "marks", "meta"}),
        ("/timeline?since=1&until=2&workerid=ID&limit=1", {"lanes", "marks", "meta"}),
    ],
)
def test_they_are_served(server: Server, path: str, keys: set[str]) -> None:
    # not just any number: one of the workers is hidden by a rule
    (open_to_all, *_) = server.client.get("/workers?name__ne=secret").json["workers"]
    reply = server.client.get(path.replace("ID", str(open_to_all["workerid"])))
    assert reply.status == 200
    assert set(reply.json) == keys


def test_a_worker_that_rules_hide_is_not_asked_for_by_its_number(server: Server) -> None:
    (row,) = server.client.get("/workers/secret", "alice").json["workers"]
    path = f"/timeline?workerid={row['workerid']}"
    assert server.client.get(path).status == 401
    assert server.client.get(path, "bob").status == 403
    assert server.client.get(path, "alice").status == 200
