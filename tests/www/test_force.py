"""A stuck worker of a real master is freed by REST, from the first refusal to the closed orphan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildbot_lifecycle.www.entities import HISTORY, FilterOnly
from tests.harness.master import worker
from tests.www.client import API
from tests.www.rules import SECRET
from tests.www.served import Master

pytestmark = pytest.mark.master


@pytest.fixture(scope="module")
def stuck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    """A master with one worker whose stop_instance never ends, and is called stuck by now."""
    workers = [worker("StuckStopDeferred", "stuck"), worker("Healthy", SECRET)]
    settings = {"stuck_after": {"insubstantiating": 1}}
    with Master(tmp_path_factory.mktemp("stuck"), workers=workers, lifecycle=settings) as master:
        master.real.build("stuck")
        master.real.wait_worker("stuck", verdict__level="stuck")
        yield master


def seen(stuck: Master) -> Any:
    return stuck.client.get("/workers/stuck").json["workers"][0]


def test_a_stuck_worker_is_freed_once_by_who_may_and_what_was_done_is_on_record(
    stuck: Master,
) -> None:
    episode = seen(stuck)["episode"]
    (row,) = stuck.client.get("/workers?forceable=true").json["workers"]
    assert row["name"] == "stuck"
    (row,) = stuck.client.get("/workers?level=stuck").json["workers"]
    assert row["name"] == "stuck"
    assert "level" not in row

    reply = stuck.client.force("stuck", episode=episode, user=None)
    assert (reply.status, reply.code) == (401, "not_logged_in")
    reply = stuck.client.force("stuck", episode=episode, user="bob")
    assert (reply.status, reply.code) == (403, "forbidden")
    reply = stuck.client.force("stuck", episode=episode + 1)
    assert (reply.status, reply.code) == (412, "episode_changed")
    assert reply.json["episode"] == episode
    reply = stuck.client.force("stuck", episode=episode, confirm="Stuck")
    assert (reply.status, reply.code) == (400, "wrong_confirmation")
    assert stuck.writes() == [[], []]

    plan = stuck.client.force("stuck", episode=episode, dry_run=True)
    assert plan.status == 200
    assert plan.json["dry_run"]["eligible"] is True
    assert stuck.writes() == [[], []]

    reason = "the cloud's API is down <b>☃</b>"
    reply = stuck.client.force("stuck", episode=episode, reason=reason)
    assert reply.status == 200
    action = reply.json["action"]
    assert (action["actor"], action["reason"], action["status"]) == ("alice", reason, "done")
    assert seen(stuck)["state"] == "not_substantiated"
    assert seen(stuck)["paused"] is True

    (entry,) = stuck.client.get("/actions?actor=alice&worker=stuck").json["actions"]
    assert entry == stuck.client.get(f"/actions/{action['id']}").json["actions"][0]
    assert set(entry) == set(action)
    again = stuck.client.force("stuck", episode=None)
    assert again.status == 409
    assert {"state", "age_s", "threshold_s", "verdict"} <= set(again.json)

    (orphan,) = stuck.client.get("/orphans?open=true").json["orphans"]
    assert orphan["worker"] == "stuck"
    resolve = f"/orphans/{orphan['id']}/resolve"
    assert stuck.client.post(resolve, {"note": "x"}, "bob").code == "forbidden"
    reply = stuck.client.post(resolve, {"note": "terminated by hand"})
    assert reply.status == 200
    assert reply.json["orphan"]["closed_by"] == "alice"
    assert reply.json["orphan"]["note"] == "terminated by hand"
    assert stuck.client.get("/orphans?open=true").json["orphans"] == []
    assert stuck.client.post(resolve, {"note": "twice"}).status == 409


def test_every_field_of_history_that_the_api_names_is_in_its_rows(stuck: Master) -> None:
    for what, entity in HISTORY.items():
        path = "/workers/stuck/events" if what == "events" else f"/{what}"
        for row in stuck.client.get(path).json[what]:
            hidden = {name for name, of in entity.fields.items() if isinstance(of, FilterOnly)}
            assert set(row) >= set(entity.fields) - hidden, what


def test_every_filter_that_the_api_names_is_one_of_the_database(stuck: Master) -> None:
    values = {"integer": "1", "number": "1.5", "boolean": "true"}
    for what, entity in HISTORY.items():
        path = "/workers/stuck/events" if what == "events" else f"/{what}"
        for name, of in entity.fields.items():
            value = getattr(of, "words", ["x"])[0] if of.name == "string" else values.get(of.name)
            for op in of.ops:
                reply = stuck.client.get(f"{path}?{name}__{op}={value}")
                assert reply.status == 200, (what, name, op, reply.body)


def test_history_of_a_real_worker_is_walked_to_its_end_by_next(stuck: Master) -> None:
    path: str | None = f"{API}/v1/workers/stuck/transitions?limit=2"
    seen: list[Any] = []
    while path is not None:
        page = stuck.client.send("GET", path).json
        seen.extend(page["transitions"])
        path = page["meta"]["next"]
    ids = [row["id"] for row in seen]
    assert len(ids) > 3
    assert ids == sorted(ids, reverse=True)
    assert [row["from"] for row in seen[:-1]] == [row["to"] for row in seen[1:]]
    assert seen[-1]["from"] == "not_substantiated"


def test_the_anonymous_may_force_a_real_worker_if_the_service_says_so(tmp_path: Path) -> None:
    settings = {"anonymous_may_force": True}
    no_rules = "from buildbot.plugins import util\nc['www']['authz'] = util.Authz()"
    with Master(tmp_path, lifecycle=settings, extra=no_rules) as open_to_all:
        meta = open_to_all.client.get("/workers").json["meta"]
        assert (meta["can_force"], meta["user"]) == (True, None)
        plan = open_to_all.client.force("calm", user=None, episode=None, dry_run=True)
        assert plan.status == 200
        reply = open_to_all.client.force("calm", user=None, episode=None)
        assert reply.status == 409
