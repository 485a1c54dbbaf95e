"""The census on real masters and engines: what is owned, nobody's, in the ledger, and missing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clouds.backends import Dockerd
from tests.clouds.test_on_masters import docker_worker
from tests.conftest import MakeMaster
from tests.harness.master import API, RealMaster

pytestmark = pytest.mark.master

#: Times of the product, shortened.
SOON = """\
from buildbot_lifecycle.act import census, proof
proof.ASK_EVERY = 1
census.FIRST_AFTER = census.AGAIN_AFTER = 1
census.LEAST_BETWEEN = 0
"""

#: No build: its start would remove the container that a crash has left.
NO_BUILDS = "for b in c['builders']: b.canStartBuild = lambda *_: False\n"


def instances(master: RealMaster) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in master.api("instances")["instances"]}


def standing(master: RealMaster, name: str) -> str | None:
    return instances(master).get(name, {}).get("standing")


def become(master: RealMaster, name: str, wanted: str | None) -> dict[str, Any]:
    """Take one census after the other until an instance stands so."""

    def stands() -> bool:
        master.post(f"{API}/instances/refresh", {})
        row = instances(master).get(name, {})
        return row.get("standing") == wanted and (wanted is None or row["seen"] is not None)

    master.wait_until(stands, 60, f"{name} is {wanted}")
    return instances(master).get(name, {})


def test_on_docker_what_is_owned_nobodys_and_in_the_ledger_is_told_apart_over_a_crash(
    make_master: MakeMaster, dockerd: Dockerd
) -> None:
    master = make_master([docker_worker(dockerd.url)], extra=SOON)
    master.force_build("a")
    mine = master.wait_worker("a", state="substantiating_starting", instance=bool)["instance"]
    row = become(master, mine, "starting")
    assert (row["worker"], row["endable"]) == ("a", False)
    assert row["state"] in ("starting", "up")
    assert (row["place"], row["why_not"]) == (f"Docker at {dockerd.url}", "starting")

    with dockerd.client() as client:
        (found,) = client.containers(all=True, filters={"id": mine})
    mark = found["Names"][0].rpartition("-")[2]
    # behind the master's back, with the driver's mark of this master and without
    stray = dockerd.run(f"buildbot-left-{mark}")
    strange = dockerd.run("web-1")
    row = become(master, stray, "nobodys")
    assert (row["orphan"] is not None, row["endable"], row["born"] is not None) == (True,) * 3
    assert strange not in instances(master)
    assert standing(master, mine) == "starting"

    master.kill9()
    master.configure(extra=SOON + NO_BUILDS)
    master.start()
    # the first question after a crash, which nobody has to ask
    master.wait_until(lambda: standing(master, mine) == "in_ledger", 60, "it is in the ledger")
    become(master, stray, "nobodys")

    with dockerd.client() as client:
        client.remove_container(stray, force=True)
        client.remove_container(mine, force=True)
    become(master, stray, None)
    become(master, mine, None)
    wanted = {(stray, "nobodys", "driver"), (mine, "crash", "driver")}

    def closed() -> bool:
        entries = master.api("orphans")["orphans"]
        return {(each["instance"], each["cause"], each["closed_by"]) for each in entries} == wanted

    master.wait_until(closed, 60, "both entries are closed by the cloud's word")
