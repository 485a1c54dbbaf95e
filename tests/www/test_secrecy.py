"""What drivers and people wrote, looked for in every answer to those who may not see it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.harness.master import worker
from tests.master.support import rows
from tests.www.client import API, Client
from tests.www.rules import SECRET
from tests.www.served import Master

pytestmark = pytest.mark.master

KEY = "s3cr3tOfTheDriver"
RETURNED = "t0kenThatWasReturned"
REGISTERED = "r3gisteredSecret"
PASSWORD = "passw0rdInTheAddress"
REASON = "reasonOfAnOperator"

#: What nobody may see, and what is for those who may force.
NOBODY = (RETURNED, REGISTERED, PASSWORD)
OPERATORS = (KEY, REASON, "alice", "Traceback", "demo/workers.py")

_EXTRA = """
from buildbot.plugins import secrets
from buildbot_lifecycle.demo import workers as _demo


class Teller(_demo.Healthy):
    async def _stop(self):
        await super()._stop()
        return {{'token': {returned!r}}}


c['secretsProviders'] = [secrets.SecretInAFile(dirname={secrets!r})]
c['workers'].append(Teller('teller', build_wait_timeout=0))
c['builders'].append(util.BuilderConfig(
    name='teller', workernames=['teller'],
    factory=util.BuildFactory([steps.ShellCommand(command=command, name='run')])))
c['schedulers'][0].builderNames.append('teller')
"""

PATHS = (
    *("/workers", "/transitions", "/episodes", "/actions", "/orphans", "/stats", "/timeline"),
    *("/recent", "/shutdown", "/health", "/actions.csv", "/orphans.csv", "/openapi.json"),
)
NAMES = ("leaky", "liar", "teller", "stuck")


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    """A master whose drivers say what they should not, with one forced and one pending stop."""
    directory = tmp_path_factory.mktemp("leaky")
    secrets = directory / "secrets"
    secrets.mkdir(mode=0o700)
    (secrets / "cloud").write_text(REGISTERED)
    (secrets / "cloud").chmod(0o600)
    said = f"401 for https://user:{PASSWORD}@cloud.example with {REGISTERED}, {KEY}"
    workers = [
        worker("FailingStart", "leaky", message=said),
        worker("RaisingStop", "liar", message=KEY),
        worker("StuckStopDeferred", "stuck"),
        worker("StuckStopDeferred", "forced"),
        worker("Healthy", SECRET),
    ]
    with Master(
        directory,
        workers=workers,
        lifecycle={"stuck_after": {"insubstantiating": 1}, "details_for": "operators"},
        extra=_EXTRA.format(returned=RETURNED, secrets=str(secrets)),
    ) as master:
        real = master.real
        for name in ("leaky", "liar", "stuck", "forced", "teller"):
            real.force_build(name)
        real.wait_worker("forced", 60, verdict__level="stuck")
        episode = real.worker("forced")["episode"]
        reply = master.client.force("forced", episode=episode, reason=REASON)
        assert reply.status == 200, reply.body
        real.wait_worker("leaky", 60, verdict__level="failed")
        real.wait_worker("liar", 60, verdict__level="attention")
        real.wait_worker("stuck", 60, verdict__level="stuck")
        real.wait_until(lambda: "teller" in json.dumps(real.api("episodes?outcome=ok")), 60, "ok")
        real.wait_until(lambda: real.api("workers")["meta"]["behind"]["events"] == 0, 30, "written")
        yield master


def every_path(client: Client) -> Iterator[str]:
    yield from PATHS
    for name in (*NAMES, "forced"):
        yield f"/workers/{name}"
        for what in ("transitions", "events", "episodes"):
            yield f"/workers/{name}/{what}?limit=1000"
    for what in ("episodes", "actions", "orphans"):
        for row in client.get(f"/{what}?field=id").json[what]:
            yield f"/{what}/{row['id']}"


@pytest.mark.parametrize("user", [None, "bob"])
def test_who_may_not_force_sees_none_of_it_anywhere(leaky: Master, user: str | None) -> None:
    paths = list(every_path(leaky.client))
    assert len(paths) > 40
    for path in paths:
        reply = leaky.client.get(path, user)
        assert reply.status == 200, path
        for text in (*NOBODY, *OPERATORS):
            assert text not in reply.body.decode(), (path, text)
    meta = leaky.client.get("/workers", user).json["meta"]
    assert meta["details"] is False


def test_who_may_force_sees_it_and_nobody_sees_secrets(leaky: Master) -> None:
    said = ""
    for path in every_path(leaky.client):
        body = leaky.client.get(path, "alice").body.decode()
        for text in NOBODY:
            assert text not in body, (path, text)
        said += body
    for text in OPERATORS:
        assert text in said, text
    assert "https://***@cloud.example with <cloud>" in said
    assert leaky.client.get("/workers", "alice").json["meta"]["details"] is True
    (row,) = leaky.client.get("/workers/stuck", "alice").json["workers"]
    assert row["pending"]["where"]


def test_no_secret_is_in_the_tables(leaky: Master) -> None:
    query = "select name from sqlite_master where type = 'table' and name like 'lifecycle_%'"
    tables = [name for (name,) in rows(leaky.real, query)]
    found = "".join(str(rows(leaky.real, f"select * from {name}")) for name in tables)
    assert KEY in found
    for text in NOBODY:
        assert text not in found


def test_what_is_left_for_readers_still_says_what_is_wrong(leaky: Master) -> None:
    seen: dict[str, Any] = {}
    for row in leaky.client.get("/workers").json["workers"]:
        seen[row["name"]] = row["verdict"]
    assert re.match(r"the last start failed [\d.]+ m?s ago", seen["leaky"]["reason"])
    liar = r"the stop failed [\d.]+ m?s ago: the instance may still run"
    assert re.fullmatch(liar, seen["liar"]["reason"])
    assert seen["stuck"]["reason"].startswith("stop_instance has not ended for ")
    failures = leaky.client.get("/workers/leaky/episodes").json["episodes"]
    assert failures[0]["failure"]["error"] == "RuntimeError"
    marks = leaky.client.get("/timeline").json["marks"]
    assert "stop_instance: RuntimeError" in [mark["text"] for mark in marks]
    assert {"text", "at", "kind", "workerid", "masterid"} == set(marks[0])


def test_what_is_hidden_cannot_be_found_out_by_asking_for_it(leaky: Master) -> None:
    for path in ("/actions?actor=alice", "/actions?actor__contains=a", "/actions.csv?actor__ne=x"):
        assert leaky.client.get(path).code == "not_logged_in"
        assert leaky.client.get(path, "bob").code == "forbidden"
        assert leaky.client.get(path, "alice").status == 200
    reply = leaky.client.send("GET", f"{API}/v1/workers/forced/events?kind=action", user="bob")
    assert reply.status == 200


def test_a_reader_sees_details_where_the_configuration_says_so(leaky: Master) -> None:
    real = leaky.real
    try:
        real.reconfig(lifecycle={**real.lifecycle, "details_for": "users"})
        assert KEY not in leaky.client.get("/workers/liar").body.decode()
        assert KEY in leaky.client.get("/workers/liar", "bob").body.decode()
        real.reconfig(lifecycle={**real.lifecycle, "details_for": "readers"})
        assert KEY in leaky.client.get("/workers/liar").body.decode()
        real.wait_log("lifecycle: everybody who may read sees what drivers and people wrote")
    finally:
        real.reconfig(lifecycle={**real.lifecycle, "details_for": "operators"})
