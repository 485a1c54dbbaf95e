"""Buildbot's own drivers on real masters and back ends: what is left is named, and closed by proof."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clouds.backends import Dockerd, Moto
from tests.clouds.farm import EC2Farm
from tests.conftest import MakeMaster
from tests.harness.master import RealMaster
from tests.master.support import START_LIFECYCLE, force, get_stuck

pytestmark = pytest.mark.master

#: Proof is asked for every second. The rest is the product's.
SOON = "from buildbot_lifecycle.act import proof; proof.ASK_EVERY = 1\n"


def docker_worker(url: str) -> str:
    found = "__import__('buildbot.worker.docker', fromlist=['docker']).DockerLatentWorker"
    # busybox never connects: an instance that runs for nobody
    command = ["/bin/busybox", "sleep", "600"]
    return (
        f"{found}('a', 'password', docker_host={url!r}, image='box:1', command={command!r},"
        " hostconfig={'network_mode': 'host'})"
    )


def ec2_worker(moto: Moto) -> str:
    found = "__import__('buildbot.worker.ec2', fromlist=['ec2']).EC2LatentWorker"
    return (
        f"{found}('a', 'password', 'm1.small', keypair_name='our-pair', security_name='our-group',"
        f" ami={moto.ami!r}, build_wait_timeout=0)"
    )


def entries(master: RealMaster) -> list[dict[str, Any]]:
    return master.api("orphans")["orphans"]  # type: ignore[no-any-return]


def closed_by(master: RealMaster, instance: str) -> set[str | None]:
    return {each["closed_by"] for each in entries(master) if each["instance"] == instance}


def test_what_a_crash_left_is_closed_when_the_engine_does_not_have_it_any_more(
    make_master: MakeMaster, dockerd: Dockerd
) -> None:
    master = make_master([docker_worker(dockerd.url)], extra=SOON)
    master.force_build("a")
    instance = master.wait_worker("a", state="substantiating_starting", instance=bool)["instance"]
    client = dockerd.client()
    master.wait_until(
        lambda: [each["Id"] for each in client.containers()] == [instance], 30, "it runs"
    )
    # what a start has named is written a tenth of a second later; that it has begun, at once
    master.wait_until(lambda: not master.api("health")["health"]["queued"], 30, "it is written")
    master.kill9()
    # no build: its start would remove the container
    master.configure(extra=f"{SOON}for b in c['builders']: b.canStartBuild = lambda *_: False\n")
    master.start()
    (entry,) = master.wait_until(lambda: entries(master), 30, "an entry")
    assert (entry["cause"], entry["instance"]) == ("crash", instance)
    master.wait_log(rf"is its instance {instance} of entry \d+ gone\? it is there")

    # an engine that says nothing is not an engine without the container
    with dockerd.daemon.frozen():
        master.wait_log(rf"is its instance {instance} of entry \d+ gone\? not known \(timeout\)")
    assert closed_by(master, instance) == {None}

    client.remove_container(instance, force=True)
    master.wait_until(lambda: closed_by(master, instance) == {"driver"}, 30, "the entry is closed")
    client.close()


def test_a_late_start_on_ec2_is_named_and_closed_when_it_is_terminated(
    make_master: MakeMaster, moto: Moto
) -> None:
    extra = SOON + EC2Farm.extra
    master = make_master([ec2_worker(moto)], lifecycle=START_LIFECYCLE, extra=extra, env=moto.env)
    with moto.daemon.frozen():
        master.force_build("a")
        get_stuck(master, "a", verdict__code="start_pending")
        force(master, "a")
        master.wait_worker("a", state="not_substantiated", paused=True)

    def late() -> Any:
        return next((each for each in entries(master) if each["cause"] == "late_start"), None)

    entry = master.wait_until(late, 60, "the late start")
    (running,) = moto.running()
    assert (entry["instance"], entry["closed_at"]) == (running, None)
    master.wait_log(rf"is its instance {running} of entry \d+ gone\? it is there")
    moto.client().terminate_instances(InstanceIds=[running])
    master.wait_until(lambda: closed_by(master, running) == {"driver"}, 30, "the entry is closed")
