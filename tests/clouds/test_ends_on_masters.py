"""What a master has left running is ended by REST on real engines, and its entry is closed by proof."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clouds.backends import Dockerd, Moto
from tests.clouds.farm import EC2Farm
from tests.clouds.test_on_masters import closed_by, docker_worker, ec2_worker, entries
from tests.conftest import MakeMaster
from tests.harness.master import RealMaster
from tests.master.support import START_LIFECYCLE, events, force, get_stuck, unpause

pytestmark = pytest.mark.master

#: The cloud is asked for every second. The proof is left to the end alone.
SOON = """
from buildbot_lifecycle.act import open_ends, proof
open_ends.FOLLOW_EVERY = 1
proof.ASK_EVERY = 3600
"""
NO_BUILD = "for b in c['builders']: b.canStartBuild = lambda *_: False\n"
ANYBODY = {"anonymous_may_force": True}


def instance_of(master: RealMaster, name: str) -> dict[str, Any]:
    def found() -> Any:
        rows = master.api("instances")["instances"]
        return next((row for row in rows if row["name"] == name), None)

    return master.wait_until(found, 30, f"the instance {name}")  # type: ignore[no-any-return]


def end(master: RealMaster, row: dict[str, Any], **body: Any) -> Any:
    path = f"plugins/lifecycle/api/v1/instances/{row['id']}/end"
    return master.post(path, {"confirm": row["name"], "reason": "it costs money", **body})


def action(master: RealMaster, number: int) -> dict[str, Any]:
    return master.api(f"actions/{number}")["actions"][0]  # type: ignore[no-any-return]


def test_a_container_that_a_crash_left_is_ended_once_and_its_entry_closed_by_proof(
    make_master: MakeMaster, dockerd: Dockerd
) -> None:
    master = make_master([docker_worker(dockerd.url)], extra=SOON, lifecycle=ANYBODY)
    master.force_build("a")
    worker = master.wait_worker("a", state="substantiating_starting", instance=bool)
    name = worker["instance"]
    client = dockerd.client()
    master.wait_until(lambda: [c["Id"] for c in client.containers()] == [name], 30, "it runs")
    reply = end(master, instance_of(master, name))
    assert (reply.status, reply.json["code"]) == (409, "starting")
    master.kill9()
    master.configure(extra=SOON + NO_BUILD)
    master.start()

    # until the entry of the crash is there, the census can only say that it is unknown
    master.wait_until(
        lambda: instance_of(master, name)["standing"] == "in_ledger", 60, "it is in the ledger"
    )
    row = instance_of(master, name)
    assert row["endable"]
    plan = end(master, row, dry_run=True).ok().json["dry_run"]
    assert plan["eligible"]
    assert plan["instance"]["name"] == name
    assert end(master, row, confirm="a").status == 400
    assert [c["Id"] for c in client.containers()] == [name]

    reply = end(master, row)
    assert reply.status == 200
    done = reply.json["action"]
    assert (done["what"], done["status"], done["outcome"]) == ("end", "done", f"{name} is gone")
    assert client.containers(all=True) == []
    (entry,) = entries(master)
    assert entry["closed_by"] == "driver"
    assert f"action {done['id']}" in entry["note"]

    assert end(master, row).status == 404
    assert len([each for each in master.api("actions")["actions"] if each["what"] == "end"]) == 1
    client.close()


def late_start(make_master: MakeMaster, moto: Moto) -> tuple[RealMaster, str]:
    """A start that was given up, and made an instance afterwards."""
    lifecycle = {**START_LIFECYCLE, **ANYBODY}
    extra = SOON + EC2Farm.extra
    master = make_master([ec2_worker(moto)], lifecycle=lifecycle, extra=extra, env=moto.env)
    with moto.daemon.frozen():
        master.force_build("a")
        get_stuck(master, "a", verdict__code="start_pending")
        force(master, "a")
        master.wait_worker("a", state="not_substantiated", paused=True)

    def late() -> Any:
        return next((each for each in entries(master) if each["cause"] == "late_start"), None)

    # boto asks again after a time, and moto takes that for a second instance
    running = str(master.wait_until(late, 60, "the late start")["instance"])
    assert running in moto.running()
    # one instance is one entry: that of the release had no name
    master.wait_until(lambda: not released_and_open(master), 30, "the release's entry is closed")
    return master, running


def released_and_open(master: RealMaster) -> list[dict[str, Any]]:
    found = (each for each in entries(master) if each["cause"] == "release")
    return [each for each in found if each["closed_at"] is None]


def test_a_frozen_cloud_is_not_believed_and_the_outcome_comes_when_it_wakes(
    make_master: MakeMaster, moto: Moto
) -> None:
    master, running = late_start(make_master, moto)
    row = instance_of(master, running)
    with moto.daemon.frozen():
        reply = end(master, row)
        assert reply.status == 202
        number = reply.json["action"]["id"]
        assert reply.json["action"]["status"] == "asked"
        again = end(master, instance_of(master, running))
        assert (again.status, again.json["code"]) == (409, "being_ended")
        assert closed_by(master, running) == {None}
    master.wait_until(lambda: action(master, number)["status"] == "done", 60, "the outcome")
    assert closed_by(master, running) == {"driver"}
    assert running not in moto.running()


def test_a_master_that_is_killed_before_the_proof_writes_the_outcome_when_it_is_back(
    make_master: MakeMaster, moto: Moto
) -> None:
    master, running = late_start(make_master, moto)
    with moto.daemon.frozen():
        number = end(master, instance_of(master, running)).json["action"]["id"]
        master.kill9()
    moto.client().terminate_instances(InstanceIds=[running])
    master.start()
    master.wait_until(lambda: action(master, number)["status"] == "done", 60, "the outcome")
    assert "the master's process ended" in action(master, number)["outcome"]
    assert closed_by(master, running) == {"driver"}


#: Nobody waits for the looks of the proof and of the policy.
BY_ITSELF = """
from buildbot_lifecycle.act import auto_end, open_ends, proof
auto_end.LOOK_EVERY = open_ends.FOLLOW_EVERY = proof.ASK_EVERY = 1
"""


def test_a_late_start_holds_its_worker_until_it_is_ended_by_itself(
    make_master: MakeMaster, moto: Moto
) -> None:
    lifecycle = {**START_LIFECYCLE, "workers": {"a": {"auto_end": {"after": 1}}}}
    extra = BY_ITSELF + EC2Farm.extra
    master = make_master([ec2_worker(moto)], lifecycle=lifecycle, extra=extra, env=moto.env)
    with moto.daemon.frozen():
        request = master.force_build("a")
        get_stuck(master, "a", verdict__code="start_pending")
        force(master, "a")
        master.wait_worker("a", state="not_substantiated", paused=True)
        # nothing is to be started, and the worker to be out of the release's pause
        call = {"jsonrpc": "2.0", "method": "cancel", "id": 1, "params": {"reason": "a test"}}
        master.post(f"api/v2/buildrequests/{request}", call).ok()
        unpause(master, "a")

    def late() -> Any:
        found = (each for each in entries(master) if each["cause"] == "late_start")
        return next((each for each in found if each["closed_at"] is not None), None)

    entry = master.wait_until(late, 60, "the end of the late start's instance")
    assert entry["closed_by"] == "driver"
    assert entry["instance"] not in moto.running()
    (number,) = (each["id"] for each in master.api("actions")["actions"] if each["what"] == "end")
    # the proof of the ledger may have come first
    master.wait_until(lambda: action(master, number)["status"] == "done", 30, "the outcome")
    done = action(master, number)
    assert (done["actor"], done["actor_kind"]) == ("policy:auto_end", "policy")
    assert (done["instance"], done["orphan"]) == (entry["instance"], entry["id"])
    master.wait_worker("a", paused=False)
    paused = [each["data"]["reason"] for each in events(master, "a") if each["kind"] == "paused"]
    assert paused == ["force disconnect, action 1", f"late start, entry {entry['id']}"]
