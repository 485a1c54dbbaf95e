"""Recording: every transition, exactly and in order, and what was committed is there afterwards."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.master.support import (
    LIFECYCLE,
    episodes,
    events,
    get_stuck,
    rows,
    transitions,
)

pytestmark = pytest.mark.master

ONE_LIFE = [
    ("not_substantiated", "substantiating"),
    ("substantiating", "substantiating_starting"),
    ("substantiating_starting", "substantiated"),
    ("substantiated", "insubstantiating"),
    ("insubstantiating", "not_substantiated"),
]


def test_one_build_is_one_episode_with_every_transition_in_order(make_master: MakeMaster) -> None:
    master = make_master([worker("Healthy", "healthy")], lifecycle=LIFECYCLE)
    build = master.build("healthy")
    master.wait_worker("healthy", state="not_substantiated", connected=False, episode=None)
    assert transitions(master, "healthy") == ONE_LIFE
    (episode,) = episodes(master, "healthy")
    assert episode["outcome"] == "ok"
    assert [p["state"] for p in episode["phases"]] == [to for _, to in ONE_LIFE[:-1]]
    assert episode["build"]["buildid"] == build["buildid"]
    assert episode["build"]["number"] == build["number"]
    assert episode["builds"] == 1
    assert episode["instance"].startswith("process-")
    times = [p["since"] for p in episode["phases"]] + [episode["ended_at"]]
    assert times == sorted(times)


def test_the_outcome_of_each_call_is_recorded(make_master: MakeMaster) -> None:
    kinds = {
        "Healthy": ("true", "ok"),
        "AsyncStop": ("true", "ok"),
        "NoneStop": ("other", "ok"),
        "RaisingStop": ("raised", "stop_failed"),
        "SyncRaisingStop": ("raised", "stop_failed"),
    }
    workers = [worker(kind, kind.lower()) for kind in kinds]
    master = make_master(workers, lifecycle=LIFECYCLE)
    asked = {kind: master.force_build(kind.lower()) for kind in kinds}
    for kind, (outcome, ended) in kinds.items():
        master.wait_build(asked[kind])
        name = kind.lower()
        master.wait_worker(name, state="not_substantiated", episode=None)
        calls = [e["data"] for e in events(master, name) if e["kind"] == "call_ended"]
        assert [(c["call"], c["outcome"]) for c in calls][-1] == ("stop_instance", outcome), kind
        assert episodes(master, name)[-1]["outcome"] == ended, kind
    failed = master.worker("raisingstop")["verdict"]
    assert (failed["level"], failed["code"]) == ("attention", "stop_failed")


def test_a_start_that_fails_is_told_with_its_traceback(make_master: MakeMaster) -> None:
    master = make_master([worker("FailingStart", "failing")], lifecycle=LIFECYCLE)
    master.force_build("failing")
    seen = master.wait_worker("failing", verdict__level="failed")
    assert seen["verdict"]["code"] == "start_failed"
    master.wait_until(lambda: episodes(master, "failing"), 10, "an episode")
    master.wait_until(lambda: episodes(master, "failing")[0]["ended_at"], 10, "its end")
    first = episodes(master, "failing")[0]
    assert first["outcome"] == "start_failed"
    assert first["failure"]["call"] == "start_instance"
    assert "Traceback" in first["failure"]["traceback"]


def test_a_worker_refused_while_its_stop_is_busy_is_recorded_and_healthy(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    ends = tmp_path / "ends"
    slow = worker("StuckStopKillsLate", "slow", release_file=ends)
    master = make_master([slow], lifecycle=LIFECYCLE)
    master.build("slow")
    master.wait_worker("slow", state="insubstantiating", held=lambda n: n > 0)
    ends.touch()
    seen = master.wait_worker("slow", state="not_substantiated", held=lambda n: n > 0)
    assert seen["verdict"]["level"] == "ok"
    assert "refused" in [e["kind"] for e in events(master, "slow")]


def test_after_a_kill_what_was_open_is_closed_as_unknown_and_life_goes_on(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("StuckStopDeferred", "stuck")], lifecycle=LIFECYCLE)
    master.force_build("stuck")
    get_stuck(master, "stuck")
    before = transitions(master, "stuck")
    master.kill9()
    master.start()
    master.wait_worker("stuck", state="not_substantiated")
    assert transitions(master, "stuck") == before
    (episode,) = episodes(master, "stuck")
    assert episode["outcome"] == "unknown"
    assert episode["ended_at"] >= episode["started_at"]
    assert "master_died" in [e["kind"] for e in events(master, "stuck")]
    ended = rows(master, "select ended_how from lifecycle_incarnations order by id")
    assert ended == [("died",), (None,)]
    # and the orphan of the run that died is on the ledger
    assert [o["worker"] for o in master.api("orphans")["orphans"]] == ["stuck"]
    master.force_build("stuck")
    master.wait_worker("stuck", state="insubstantiating")
    assert len(episodes(master, "stuck")) == 2


def test_workers_added_and_removed_by_reconfig_are_followed(make_master: MakeMaster) -> None:
    master = make_master([worker("Healthy", "old")], lifecycle=LIFECYCLE)
    master.reconfig(workers=[worker("Healthy", "new")])
    master.wait_worker("new", state="not_substantiated")
    assert [w["name"] for w in master.api("workers")["workers"]] == ["new"]
    master.build("new")
    master.wait_worker("new", state="not_substantiated", episode=None)
    assert transitions(master, "new") == ONE_LIFE
    assert "removed" in [row[0] for row in rows(master, "select kind from lifecycle_events")]


def test_the_service_added_by_reconfig_finds_workers_as_they_are_and_removed_leaves_no_trace(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    master = make_master([worker("Healthy", "busy")], lifecycle=LIFECYCLE)
    # removed while a build runs
    end = tmp_path / "end"
    request = master.force_build("busy", until=end)
    master.wait_build(request, state="started")
    lines = master.config().splitlines(keepends=True)
    without = "".join(line for line in lines if "LifecycleService" not in line)
    since = master.log_size()
    (master.basedir / "master.cfg").write_text(without + LOOK)
    master.signal(1)
    master.wait_log("configuration update complete", since)
    assert master.wait_log(r"LOOK (.*)", since)[1] == "plain, 0 wrapped"
    refused = master.get("plugins/lifecycle/api/v1/workers")
    assert (refused.status, refused.json["code"]) == (503, "not_ready")
    # and added again, while it still runs
    master.reconfig()
    seen = master.wait_worker("busy", state="substantiated", connected=True)
    assert [b["builder"] for b in seen["building"]] == ["busy"]
    end.touch()
    master.wait_build(request)
    master.wait_worker("busy", state="not_substantiated")
    assert transitions(master, "busy")[-2:] == ONE_LIFE[-2:]
    ended = rows(master, "select ended_how from lifecycle_incarnations order by id")
    assert ended == [("removed",), (None,)]


#: Text for master.cfg that logs, once the reconfig is through, what is left of us on Buildbot's class.
LOOK = """
from buildbot.worker.latent import AbstractLatentWorker, States
from twisted.internet import reactor
from twisted.python import log


def look():
    import gc
    kind = 'plain' if AbstractLatentWorker.__dict__['state'] is States.NOT_SUBSTANTIATED else 'hooked'
    if 'setServiceParent' in AbstractLatentWorker.__dict__:
        kind = 'hooked'
    names = ('start_instance', 'stop_instance', 'check_instance', 'attached', 'detached',
             'substantiate', 'buildStarted', 'buildFinished')
    wrapped = sum(
        name in worker.__dict__
        for worker in gc.get_objects() if isinstance(worker, AbstractLatentWorker)
        for name in names
    )
    log.msg(f'LOOK {kind}, {wrapped} wrapped')


reactor.callFromThread(reactor.callLater, 1, look)
"""


def test_pausing_in_buildbots_own_page_is_seen(make_master: MakeMaster) -> None:
    master = make_master([worker("Healthy", "healthy")], lifecycle=LIFECYCLE)
    workerid = master.worker("healthy")["workerid"]
    params = {"reason": "on holiday"}
    call = {"jsonrpc": "2.0", "method": "pause", "id": 1, "params": params}
    master.post(f"api/v2/workers/{workerid}", call).ok()
    seen = master.wait_worker("healthy", paused=True)
    assert seen["pause_reason"] == "on holiday"


def test_verdicts_turn_by_themselves_and_the_reason_has_numbers(make_master: MakeMaster) -> None:
    settings = {
        **LIFECYCLE,
        "stuck_after": {"insubstantiating": 600},
        "workers": {"imp*": {"stuck_after": {"insubstantiating": 2}}},
    }
    workers = [worker("StuckStopDeferred", "patient"), worker("StuckStopDeferred", "impatient")]
    master = make_master(workers, lifecycle=settings)
    for name in ("patient", "impatient"):
        master.force_build(name)
    seen = get_stuck(master, "impatient", verdict__threshold_s=2)
    assert "longer than its limit of 2 s" in seen["verdict"]["reason"]
    assert seen["pending"]["call"] == "stop_instance"
    assert master.wait_worker("patient", pending=bool)["verdict"]["level"] == "ok"
    # nobody asked, and yet it is in the database
    query = "select verdict from lifecycle_workers where name = 'impatient'"
    master.wait_until(lambda: '"stuck"' in rows(master, query)[0][0], 5, "the stored verdict")


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
@pytest.mark.database
def test_the_same_is_recorded_on_other_databases(
    make_master: MakeMaster, database_server: Any, kind: str
) -> None:
    server = database_server(kind)
    url = server.fresh()
    master = make_master([worker("Healthy", "healthy")], lifecycle=LIFECYCLE, db_url=url)
    master.build("healthy")
    master.wait_worker("healthy", state="not_substantiated", episode=None)
    assert transitions(master, "healthy") == ONE_LIFE
    master.stop(15)
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        query = sa.text("select ended_how from lifecycle_incarnations")
        assert connection.execute(query).scalars().all() == ["clean"]


def test_a_burst_of_builds_loses_nothing(make_master: MakeMaster) -> None:
    names = [f"w{n}" for n in range(8)]
    master = make_master([worker("Healthy", name) for name in names], lifecycle=LIFECYCLE)
    for _ in range(3):
        for request in [master.force_build(name) for name in names]:
            master.wait_build(request, 120)
    for name in names:
        master.wait_worker(name, state="not_substantiated", episode=None)
        seen = transitions(master, name)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(seen)), seen
        assert seen.count(("substantiating_starting", "substantiated")) == len(
            [e for e in episodes(master, name) if e["outcome"] == "ok"]
        )
    health = master.api("health")["health"]
    assert (health["errors"], health["dropped"], health["status"]) == (0, 0, "ok")
    _assert_no_gap(master)


def _assert_no_gap(master: RealMaster) -> None:
    seqs = [row[0] for row in rows(master, "select seq from lifecycle_events order by seq")]
    assert seqs == list(range(1, len(seqs) + 1))


def test_a_build_that_only_waited_for_an_instance_is_none_of_its_builds(
    make_master: MakeMaster,
) -> None:
    master = make_master([worker("StuckStopDeferred", "w")], lifecycle=LIFECYCLE)
    master.build("w")
    get_stuck(master, "w")
    waiting = master.force_build("w")
    master.wait_worker("w", state="insubstantiating_substantiating")
    (build,) = master.builds(waiting)
    stop = {"method": "stop", "params": {}, "id": 1, "jsonrpc": "2.0"}
    master.post(f"api/v2/builds/{build['buildid']}", stop)
    master.wait_build(waiting)
    seen = master.wait_worker("w", building=[])
    assert seen["state"] == "insubstantiating", "its own instance is still being stopped"
    (episode,) = episodes(master, "w")
    assert episode["builds"] == 1
