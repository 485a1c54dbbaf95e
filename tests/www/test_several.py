"""A name that several masters have: which one is meant is asked for, and never guessed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.www.client import API
from tests.www.double import NAMES, TWICE
from tests.www.served import Served

WORKERID = len(NAMES) + 1


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with Served(tmp_path_factory.mktemp("two"), "--twice") as served:
        yield served


@pytest.mark.parametrize("ident", [TWICE, str(WORKERID)])
def test_by_name_or_number_it_is_300_and_each_choice_leads_to_one(two: Served, ident: str) -> None:
    reply = two.client.get(f"/workers/{ident}?field=masterid&field=name")
    assert (reply.status, reply.code) == (300, "several_masters")
    choices = reply.json["choices"]
    assert [(each["masterid"], each["master"], each["live"]) for each in choices] == [
        (1, "double", True),
        (2, "other", True),
    ]
    for choice in choices:
        # behind the proxy of `--url`
        path = choice["url"].removeprefix("/buildbot/plugins/lifecycle/api/v1")
        (row,) = two.client.get(path).json["workers"]
        assert row == {"masterid": choice["masterid"], "name": TWICE}


def test_all_of_them_are_in_the_list_and_a_filter_takes_one(two: Served) -> None:
    rows = two.client.get(f"/workers?workerid={WORKERID}").json["workers"]
    assert [row["masterid"] for row in rows] == [1, 2]
    (row,) = two.client.get(f"/workers?workerid={WORKERID}&masterid=2").json["workers"]
    assert row["master"] == "other"


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        (f"{TWICE}?masterid=3", 404, "no_such_worker"),
        ("calm?masterid=2", 404, "no_such_worker"),
        (f"{TWICE}?masterid=x", 400, "bad_query"),
        (f"{TWICE}?masterid=1&masterid=2", 400, "bad_query"),
        (f"{TWICE}?master=1", 300, "several_masters"),
        ("calm?master=1", 400, "bad_query"),
    ],
)
def test_what_cannot_be_meant_is_refused(two: Served, asked: str, status: int, code: str) -> None:
    reply = two.client.get(f"/workers/{asked}")
    assert (reply.status, reply.code) == (status, code)


def test_the_master_may_be_named_where_only_one_has_it(two: Served) -> None:
    (row,) = two.client.get("/workers/calm?masterid=1").json["workers"]
    assert row["name"] == "calm"


@pytest.mark.process
def test_who_may_not_read_is_not_told_the_masters(tmp_path: Path) -> None:
    with Served(tmp_path, "--twice", "--rules", "workers_shut") as served:
        reply = served.client.get(f"/workers/{TWICE}", "bob")
        assert (reply.status, reply.code) == (403, "forbidden")
        assert "choices" not in reply.json
        assert served.client.get(f"/workers/{TWICE}", "alice").status == 300


def test_a_force_that_names_no_master_does_nothing_and_one_that_does_goes_there(
    two: Served,
) -> None:
    before = two.writes()
    reply = two.client.force(TWICE)
    assert (reply.status, reply.code) == (300, "several_masters")
    assert two.writes() == before
    chosen = reply.json["choices"][1]["url"].removeprefix("/buildbot/plugins/lifecycle/api/v1")
    body = {"episode": 7, "confirm": TWICE, "reason": "of the other"}
    assert two.client.post(chosen, body).status == 200
    assert two.writes(only_done=True)[-1] == ["force", WORKERID, "alice", "of the other", 2]
    wrong = two.client.post(f"/workers/{TWICE}/force-disconnect?masterid=2&x=1", body)
    assert (wrong.status, wrong.code) == (400, "bad_query")


def test_fields_of_the_body_are_no_parameters(two: Served) -> None:
    """Twisted adds those of a form to the query's: only the address says which master is meant."""
    form = b"masterid=2"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    path = f"{API}/v1/workers/{TWICE}/force-disconnect"
    reply = two.client.send("POST", path, form, headers, "alice")
    assert (reply.status, reply.code) == (300, "several_masters")
