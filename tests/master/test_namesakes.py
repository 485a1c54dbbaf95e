"""Two real masters on one PostgreSQL that have a worker of one name: Buildbot gives it one workerid."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import API, RealMaster, worker
from tests.master.support import LIFECYCLE

pytestmark = [pytest.mark.master, pytest.mark.database]

#: Each master has a builder of its own for its worker: builders are shared by their names too.
_OWN_BUILDER = """
c['multiMaster'] = True
c['builders'][0].name = 'on-{name}'
c['schedulers'] = [schedulers.ForceScheduler(name='force', builderNames=['on-{name}'])]
"""


def rows(seen_by: RealMaster) -> dict[int, Any]:
    """The workers named ``same``, by their masters."""
    return {row["masterid"]: row for row in seen_by.api("workers?name=same")["workers"]}


def is_stuck(found: dict[int, Any]) -> bool:
    levels = [row["verdict"]["level"] for row in found.values()]
    return levels == ["stuck", "stuck"]


def chosen(reply: Any, masterid: int) -> str:
    """The address that leads to the worker of this master."""
    assert (reply.status, reply.json["code"]) == (300, "several_masters")
    (url,) = [each["url"] for each in reply.json["choices"] if each["masterid"] == masterid]
    return str(url)


def of_masters(answer: Any) -> set[int]:
    ((_, found),) = [(k, v) for k, v in answer.items() if k not in ("meta", "outcomes", "marks")]
    return {row["masterid"] for row in found}


def test_a_name_that_two_masters_have_is_two_workers_everywhere(
    make_master: MakeMaster, postgresql_url: str
) -> None:
    a, b = (
        make_master(
            [worker("StuckStopDeferred", "same")],
            name=name,
            db_url=postgresql_url,
            extra=_OWN_BUILDER.format(name=name),
            lifecycle=LIFECYCLE,
        )
        for name in ("a", "b")
    )
    a.force_build("on-a")
    b.force_build("on-b")
    for master in (a, b):
        master.wait_until(lambda m=master: is_stuck(rows(m)), 60, "both to be stuck")
    ids = set(rows(a))
    there = b.api("health")["health"]["masterid"]
    (here,) = ids - {there}
    (workerid,) = {row["workerid"] for row in rows(a).values()}

    # each is asked for by itself
    asked = a.get(f"{API}/workers/same")
    for masterid in ids:
        (row,) = a.get(chosen(asked, masterid)[1:]).ok().json["workers"]
        assert (row["workerid"], row["masterid"]) == (workerid, masterid)
    episodes = a.api("workers/same/episodes")["episodes"]
    assert len({row["id"] for row in episodes}) == 2
    for path in ("workers/same/episodes?", "workers/same/transitions?", "workers/same/events?"):
        assert of_masters(a.api(path)) == ids
        assert of_masters(a.api(f"{path}masterid={there}")) == {there}

    # a force goes to the one that is meant, and nowhere where none is
    (of_b,) = [row for row in episodes if row["masterid"] == there]
    body = {"episode": of_b["id"], "confirm": "same", "reason": "the one of b", "pause": True}
    asked = a.post(f"{API}/workers/same/force-disconnect", body)
    url = chosen(asked, there)
    assert is_stuck(rows(a))
    action = a.post(url[1:], body).ok().json["action"]
    assert (action["masterid"], action["status"]) == (there, "done")
    b.wait_until(lambda: not is_stuck(rows(b)), 20, "b's to be free")
    a.wait_until(lambda: not is_stuck(rows(a)), 20, "a to know it")
    for master in (a, b):
        found = rows(master)
        assert (found[here]["state"], found[here]["paused"]) == ("insubstantiating", False)
        assert (found[there]["state"], found[there]["paused"]) == ("not_substantiated", True)
        assert (found[here]["orphans"], found[there]["orphans"]) == (0, 1)

    # what is counted and drawn
    assert of_masters(a.api("orphans?open=true")) == of_masters(a.api("actions")) == {there}
    assert of_masters(a.api("timeline")) == ids
    assert of_masters(a.api("recent")) == of_masters(a.api("stats")) == {there}
    assert of_masters(a.api(f"timeline?workerid={workerid}&masterid={here}")) == {here}
