"""Two real masters on one PostgreSQL: the end of an instance of the one that is asked of the other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clouds.backends import Dockerd
from tests.clouds.test_census_on_masters import become
from tests.clouds.test_ends_on_masters import action, end
from tests.clouds.test_on_masters import docker_worker
from tests.conftest import MakeMaster
from tests.harness.master import RealMaster

pytestmark = [pytest.mark.master, pytest.mark.database]

#: The cloud is asked for every second, also the answer waits for it a few only; nothing is built.
EXTRA = """
from buildbot_lifecycle.act import census, ends, open_ends, proof
ends.ANSWER_SECONDS = open_ends.ANSWER_SECONDS = 3
open_ends.FOLLOW_EVERY = census.FIRST_AFTER = census.AGAIN_AFTER = 1
census.LEAST_BETWEEN = 0
proof.ASK_EVERY = 3600
c['multiMaster'] = True
"""

LIFECYCLE = {"anonymous_may_force": True}


def ends_of(master: RealMaster) -> list[dict[str, Any]]:
    return [each for each in master.api("actions")["actions"] if each["what"] == "end"]


def entry_of(master: RealMaster, name: str) -> dict[str, Any]:
    found = master.api("orphans")["orphans"]
    return next(each for each in found if each["instance"] == name)


def test_an_end_that_is_asked_of_another_master_is_carried_to_the_instances_own_and_done_once(
    make_master: MakeMaster, dockerd: Dockerd, postgresql_url: str
) -> None:
    options: dict[str, Any] = {"db_url": postgresql_url, "extra": EXTRA, "lifecycle": LIFECYCLE}
    near = make_master([], name="near", **options)
    far = make_master([docker_worker(dockerd.url)], name="far", **options)
    far.force_build("a")
    mine = far.wait_worker("a", state="substantiating_starting", instance=bool)["instance"]
    client = dockerd.client()
    (found,) = client.containers(all=True, filters={"id": mine})
    mark = found["Names"][0].rpartition("-")[2]
    strays = [dockerd.run(f"buildbot-{name}-{mark}") for name in ("one", "two", "three")]
    one, two, three = (become(far, name, "nobodys") for name in strays)

    def there() -> set[str]:
        return {each["Id"] for each in client.containers(all=True)}

    # nothing is done by a plan, nor where the name is another one, nor to what is used
    plan = end(near, one, dry_run=True).ok().json["dry_run"]
    assert (plan["eligible"], plan["instance"]["name"]) == (True, strays[0])
    assert end(near, one, confirm="another").status == 400
    used = end(near, become(far, mine, "starting"))
    assert (used.status, used.json["code"]) == (409, "starting")
    assert there() == {mine, *strays}

    reply = end(near, one, reason="from the other side")
    assert reply.status == 200
    done = reply.json["action"]
    assert (done["status"], done["outcome"]) == ("done", f"{strays[0]} is gone")
    assert (done["masterid"], done["reason"]) == (one["masterid"], "from the other side")
    assert there() == {mine, *strays[1:]}
    far.wait_until(lambda: entry_of(far, strays[0])["closed_by"] == "driver", 30, "it is closed")
    for each in (near, far):
        assert action(each, done["id"])["outcome"] == done["outcome"]
        carried = [a for a in ends_of(each) if a["instance"] == strays[0] and a["status"] == "done"]
        assert [a["id"] for a in carried] == [done["id"]]
    assert end(near, one).status == 404

    # an outcome that comes late is there for both
    with dockerd.daemon.frozen():
        reply = end(near, two)
        assert (reply.status, reply.json["action"]["status"]) == (202, "asked")
    number = reply.json["action"]["id"]
    near.wait_until(lambda: action(near, number)["status"] == "done", 60, "the outcome")
    assert action(far, number)["outcome"].startswith(f"{strays[1]} is gone")
    assert there() == {mine, strays[2]}

    # what nobody can do is not done, and said
    far.kill9()
    gone = end(near, three)
    assert (gone.status, "nothing was done" in gone.json["error"]) == (409, True), gone
    assert strays[2] in there()
    client.close()
