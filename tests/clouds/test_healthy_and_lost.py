"""Buildbot's drivers on real masters: good builds raise no alarm, and a lost build is told.

They are ten in `make clouds`, and four in `make test`: what alarms by counting does so after three.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clouds import farm, farm_apis, table
from tests.conftest import MakeMaster
from tests.harness.master import RealMaster

pytestmark = pytest.mark.master

BUILDS = 10 if table.is_made() else 4

#: Every verdict that is another one than before, as it is told on mq.
_VERDICTS = """
import json
from buildbot.util.service import BuildbotService


class _Verdicts(BuildbotService):
    name = "verdicts-of-the-test"

    async def startService(self):
        await super().startService()
        await self.master.mq.startConsuming(self._told, ("lifecycle", None, "verdict"))

    def _told(self, key, data):
        with open("verdicts.jsonl", "a") as lines:
            lines.write(json.dumps(data) + "\\n")


c['services'].append(_Verdicts())
from buildbot_lifecycle.act import proof
proof.ASK_EVERY = 1
"""

FARMS: dict[str, tuple[str, Callable[[Any], farm.Farm]]] = {
    "Docker": ("dockerd", farm.DockerFarm),
    "EC2": ("moto", farm.EC2Farm),
    "EC2, spot": ("moto", farm.SpotFarm),
    "Kubernetes": ("stand_in", farm_apis.KubernetesFarm),
    "Marathon": ("stand_in", farm_apis.MarathonFarm),
    "UpCloud": ("stand_in", farm_apis.UpCloudFarm),
    "OpenStack": ("stand_in", farm_apis.OpenStackFarm),
    "libvirt": ("libvirtd", farm.LibvirtFarm),
    "latent machine": ("tmp_path", farm.MachineFarm),
    "SSH": ("sshd", farm.SSHFarm),
}


@pytest.fixture
def a_farm(request: pytest.FixtureRequest) -> Iterator[farm.Farm]:
    fixture, kind = FARMS[request.param]
    made = kind(request.getfixturevalue(fixture))
    table.backend(made.title, made.backend)
    yield made
    made.close()


def on(make_master: MakeMaster, a_farm: farm.Farm) -> RealMaster:
    master = make_master([], env=dict(a_farm.env), start=False)
    master.workers = [a_farm.expression(master.pb_port)]
    master.extra = a_farm.extra + _VERDICTS
    return master.start()


def verdicts(master: RealMaster) -> list[dict[str, Any]]:
    path = master.basedir / "verdicts.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rests(master: RealMaster) -> None:
    master.wait_worker("w", state="not_substantiated", pending=None)


@pytest.mark.parametrize("a_farm", [name for name in FARMS if name != "UpCloud"], indirect=True)
def test_good_builds_raise_no_alarm_and_a_lost_one_is_told_with_the_clouds_reason(
    make_master: MakeMaster, a_farm: farm.Farm
) -> None:
    """One master for both."""
    master = on(make_master, a_farm)
    good(master, a_farm)
    lost(master, a_farm)


def good(master: RealMaster, a_farm: farm.Farm) -> None:
    for _ in range(BUILDS):
        assert master.build("w")["results"] == 0
    rests(master)
    told = [each for each in verdicts(master) if each["level"] not in ("ok", "unknown")]
    assert told == []
    assert master.api("orphans")["orphans"] == []

    def all_over() -> Any:
        episodes = master.api("workers/w/episodes")["episodes"]
        return episodes if all(each["ended_at"] for each in episodes) else None

    episodes = master.wait_until(all_over, 30, "the last episode is written")
    assert {each["outcome"] for each in episodes} == {"ok"}
    master.wait_until(lambda: not a_farm.left(), 30, "nothing runs")
    listed = master.get("plugins/lifecycle/api/v1/instances").ok().json["instances"]
    assert [row for row in listed if row["standing"] == "nobodys"] == []
    table.seen(a_farm.title, "healthy", f"{BUILDS} builds")


def lost(master: RealMaster, a_farm: farm.Farm) -> None:
    """An instance that vanishes under a build, and then the stop of the master."""
    before = {each["id"] for each in master.api("workers/w/episodes")["episodes"]}
    request = master.force_build("w", seconds=600)
    master.wait_build(request, state="started")
    # a worker may build before its start has answered: what vanishes then is a start that failed
    master.wait_worker("w", state="substantiated", pending=None)
    a_farm.vanish()

    def told() -> Any:
        episodes = master.api("workers/w/episodes")["episodes"]
        new = [each for each in episodes if each["id"] not in before]
        assert "ok" not in {each["outcome"] for each in new}, new
        found = [each for each in new if each["outcome"] == "lost"]
        return next((each for each in found if each["failure"] or a_farm.reason is None), None)

    episode = master.wait_until(told, 60, "a lost episode with its reason")
    if a_farm.reason is None:
        table.seen(a_farm.title, "lost", a_farm.lost)
    else:
        assert re.search(a_farm.reason, episode["failure"]["error"]), episode["failure"]
        assert episode["failure"]["call"] == "instance"
        table.seen(a_farm.title, "lost", f"`{episode['failure']['error'].splitlines()[0]}`")
    master.stop(15)
    table.seen(a_farm.title, "stop")


@pytest.mark.parametrize("a_farm", ["UpCloud"], indirect=True)
def test_a_lost_build_is_told_with_upclouds_word(
    make_master: MakeMaster, a_farm: farm.Farm
) -> None:
    """On a master of its own: the driver starts one server, and no other after it."""
    lost(on(make_master, a_farm), a_farm)


@pytest.mark.parametrize("a_farm", ["UpCloud"], indirect=True)
def test_upclouds_driver_never_forgets_a_server_and_that_is_told_as_its_fault(
    make_master: MakeMaster, a_farm: farm.Farm
) -> None:
    """Buildbot's driver keeps the server that it has deleted, and refuses the next start."""
    master = on(make_master, a_farm)
    assert master.build("w")["results"] == 0
    rests(master)
    master.force_build("w")

    def refused() -> bool:
        episodes = master.api("workers/w/episodes")["episodes"]
        return any(
            "instance active" in (each["failure"] or {}).get("error", "") for each in episodes
        )

    master.wait_until(refused, 60, "the start that the driver refuses")
    table.seen(
        a_farm.title, "healthy", "1 build; the next: Buildbot's driver says *instance active*"
    )
