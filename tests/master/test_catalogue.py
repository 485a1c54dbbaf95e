"""Every way to get stuck, each on a real master: detected, explained, released, used again, stopped.

Each test tells what it saw to `catalogue`, from which the table in docs/catalogue.md is made.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import API, RealMaster, worker
from tests.harness.waiting import patient
from tests.master.catalogue import Row, row
from tests.master.support import (
    FEW_SECONDS,
    SETTINGS,
    START_SETTINGS,
    ask_force,
    dead_by_tls,
    episodes,
    events,
    fails_to_start,
    force,
    forget_a_build,
    forgotten_worker,
    freeze,
    get_stuck,
    latent_machine,
    peer,
    rows,
    unpause,
)

pytestmark = pytest.mark.master


def with_hang(make_master: MakeMaster, kind: str, **options: Any) -> RealMaster:
    """A master with a worker "w" that hangs while the file "hang" is there."""
    settings = START_SETTINGS if kind == "StuckStart" else SETTINGS
    master = make_master([], lifecycle=settings, start=False)
    hang = master.basedir.parent / "hang"
    hang.touch()
    master.workers = [worker(kind, "w", hang_file=hang, **options)]
    return master.start()


def unhang(master: RealMaster) -> None:
    (master.basedir.parent / "hang").unlink()


def freed_and_used_again(seen: Row, master: RealMaster, then: Path | None = None) -> None:
    """Force, see it rest, touch `then`, build on it again, and stop the master."""
    action = force(master, "w")
    assert action["status"] == "done", action
    seen.released()
    master.wait_worker("w", verdict__level=lambda level: level != "stuck")
    if then is not None:
        then.touch()
    request = master.force_build("w")
    unpause(master, "w")
    assert master.wait_build(request)["results"] == 0
    master.wait_worker("w", state="not_substantiated")
    seen.reused()
    master.stop(FEW_SECONDS)
    seen.stopped()


def detected(seen: Row, master: RealMaster, text: str, timeout: float = 40.0) -> None:
    told = get_stuck(master, "w", timeout, verdict__code=seen.code)
    seen.detected()
    assert text in told["verdict"]["reason"]
    seen.explained(told["verdict"]["reason"])


@pytest.mark.parametrize("kind", ["StuckStopDeferred", "StuckStopCoroutine", "StuckStopThread"])
def test_stop_pending(make_master: MakeMaster, kind: str) -> None:
    with row("stop_pending", kind) as seen:
        master = with_hang(make_master, kind)
        master.force_build("w")
        detected(seen, master, "stop_instance has not ended for")
        unhang(master)
        freed_and_used_again(seen, master)


def test_start_pending(make_master: MakeMaster) -> None:
    with row("start_pending") as seen:
        master = with_hang(make_master, "StuckStart")
        master.force_build("w")
        detected(seen, master, "start_instance has not ended for")
        unhang(master)
        freed_and_used_again(seen, master)


def test_check_pending(make_master: MakeMaster) -> None:
    with row("check_pending") as seen:
        master = make_master([], lifecycle=START_SETTINGS, start=False)
        connect = master.basedir.parent / "connect"
        hang = master.basedir.parent / "hang"
        hang.touch()
        master.workers = [
            worker("StuckCheck", "w", hang_file=hang, connect_file=connect, restart_after=0.5)
        ]
        master.start()
        master.force_build("w")
        detected(seen, master, "check_instance has not ended for")
        hang.unlink()
        freed_and_used_again(seen, master, then=connect)


def test_check_pending_with_the_worker_connected_meanwhile_loses_no_build(
    make_master: MakeMaster,
) -> None:
    with row("check_pending", "connected meanwhile") as seen:
        master = make_master([], lifecycle=START_SETTINGS, start=False)
        connect = master.basedir.parent / "connect"
        end = master.basedir.parent / "end"
        master.workers = [worker("StuckCheck", "w", connect_file=connect)]
        master.start()
        request = master.force_build("w", until=end)
        master.wait_worker("w", pending=bool)
        connect.touch()
        detected(seen, master, "check_instance has not ended for")
        master.wait_build(request, state="started")
        assert force(master, "w", pause=False)["status"] == "done"
        seen.released()
        end.touch()
        assert master.wait_build(request)["results"] == 0
        master.wait_worker("w", state="not_substantiated")
        seen.reused()
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_build_forgotten(make_master: MakeMaster) -> None:
    with row("build_forgotten") as seen:
        master = make_master([], lifecycle=START_SETTINGS, start=False)
        beside = master.basedir.parent
        connect = beside / "connect"
        master.workers = [forgotten_worker(beside, "w", connect)]
        master.start()
        first = master.force_build("w", until=beside / "ended")
        master.wait_worker("w", pending=bool)
        connect.touch()
        master.wait_build(first, state="started")
        forgotten = forget_a_build(master, "w")
        detected(seen, master, "a build waits for")
        assert force(master, "w")["status"] == "done"
        seen.released()
        unpause(master, "w")
        assert master.wait_build(forgotten)["results"] == 0
        seen.reused()
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_never_connected(make_master: MakeMaster) -> None:
    with row("never_connected") as seen:
        master = make_master([], lifecycle=START_SETTINGS, start=False)
        connect = master.basedir.parent / "connect"
        master.workers = [worker("NeverConnects", "w", connect_file=connect, restart_after=0.5)]
        master.start()
        master.force_build("w")
        detected(seen, master, "the worker has not connected for")
        freed_and_used_again(seen, master, then=connect)


@pytest.mark.parametrize("silent_at", ["print", "setBuilderList"])
def test_frozen_attach(make_master: MakeMaster, silent_at: str) -> None:
    with row("frozen_attach", f"silent at {silent_at}") as seen:
        master = make_master([], lifecycle=SETTINGS, start=False)
        connect = master.basedir.parent / "connect"
        master.workers = [worker("NeverConnects", "w", connect_file=connect, restart_after=0.5)]
        master.start()
        master.force_build("w")
        master.wait_worker("w", state="substantiating_starting", pending=lambda p: p is None)
        frozen = peer(master, "w", silent_at)
        detected(seen, master, "silent" if silent_at == "setBuilderList" else "has not answered")
        freed_and_used_again(seen, master, then=connect)
        frozen.wait(patient(20))


def test_duplicate_arbitration(make_master: MakeMaster) -> None:
    with row("duplicate_arbitration") as seen:
        master = make_master([], lifecycle=SETTINGS, start=False)
        connect = master.basedir.parent / "connect"
        master.workers = [
            worker("NeverConnects", "w", connect_file=connect, restart_after=0.5),
        ]
        master.start()
        master.force_build("w")
        master.wait_worker("w", state="substantiating_starting", pending=lambda p: p is None)
        # an old process answers, but is never let in; it keeps the real worker out
        frozen = peer(master, "w", "only:setBuilderList")
        master.wait_log("bot attached", timeout=20)
        connect.touch()
        detected(seen, master, "keeps the worker out")
        freed_and_used_again(seen, master)
        frozen.wait(patient(20))


def test_frozen_worker(make_master: MakeMaster) -> None:
    with row("frozen_worker") as seen:
        master = make_master([worker("Healthy", "w")], lifecycle=SETTINGS)
        end = master.basedir.parent / "end"
        request = master.force_build("w", until=end)
        build = master.wait_build(request, state="started")
        master.wait_log(f"RemoteShellCommand.*{end}")
        # the instance is frozen while its build runs
        freeze(master, "w")
        stop = {"jsonrpc": "2.0", "method": "stop", "id": 1, "params": {"reason": "x"}}
        master.post(f"api/v2/builds/{build['buildid']}", stop).ok()
        detected(seen, master, "asked to stop its build, and silent")
        end.touch()
        freed_and_used_again(seen, master)


@pytest.mark.parametrize("protocol", ["pb", "msgpack_experimental_v7"])
def test_frozen_worker_whose_next_build_pings_it(make_master: MakeMaster, protocol: str) -> None:
    with row("frozen_worker", f"a build's ping, {protocol}") as seen:
        idle = worker("Healthy", "w", build_wait_timeout=600, protocol=protocol)
        master = make_master([idle], lifecycle=SETTINGS, msgpack=protocol != "pb")
        assert master.build("w")["results"] == 0
        freeze(master, "w")
        request = master.force_build("w")
        detected(seen, master, "a build waits for its answer to a ping, and it is silent")
        assert master.worker("w")["forceable"]
        assert force(master, "w")["status"] == "done"
        seen.released()
        unpause(master, "w")
        assert master.wait_build(request)["results"] == 0
        seen.reused()
        freeze(master, "w")
        master.force_build("w")
        detected(seen, master, "a ping")
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_stale_connection(make_master: MakeMaster) -> None:
    with row("stale_connection", "TLS, the network died") as seen:
        # nobody is left to answer the close of TLS, and the instance ends unheard
        master, proxy = dead_by_tls(make_master, "w", lifecycle=SETTINGS)
        detected(seen, master, "not substantiated, and a connection is still held")
        proxy.heal()
        freed_and_used_again(seen, master)
        proxy.close()


def test_rejected_loop(make_master: MakeMaster) -> None:
    with row("rejected_loop") as seen:
        master = make_master([worker("SurvivesStop", "w")], lifecycle=SETTINGS)
        master.build("w")
        detected(seen, master, "came back after it was stopped and was refused")
        freed_and_used_again(seen, master)


def test_substantiation_queued(make_master: MakeMaster) -> None:
    with row("substantiation_queued") as seen:
        master = with_hang(make_master, "StuckStopDeferred")
        master.force_build("w")
        master.wait_worker("w", state="insubstantiating")
        waiting = master.force_build("w")
        detected(seen, master, "a build waits behind stop_instance")
        unhang(master)
        force(master, "w")
        seen.released()
        master.wait_worker("w", state="not_substantiated", paused=True)
        unpause(master, "w")
        assert master.wait_build(waiting)["results"] == 0
        seen.reused()
        master.stop(FEW_SECONDS)
        seen.stopped()


@pytest.mark.parametrize("kind", ["RaisingStop", "SyncRaisingStop"])
def test_stop_failed_opens_an_orphan(make_master: MakeMaster, kind: str) -> None:
    with row("stop_failed", kind) as seen:
        master = make_master([worker(kind, "w", restart_after=1.0)], lifecycle=SETTINGS)
        master.build("w")
        told = master.wait_worker("w", verdict__code="stop_failed", episode=None)
        seen.detected()
        assert "the instance may still run" in told["verdict"]["reason"]
        seen.explained(told["verdict"]["reason"])
        (orphan,) = master.wait_until(lambda: master.api("orphans")["orphans"], 10, "an orphan")
        assert orphan["cause"] == "stop_failed"
        answer = master.post(
            f"plugins/lifecycle/api/v1/orphans/{orphan['id']}/resolve", {"note": "looked, gone"}
        ).ok()
        assert answer.json["orphan"]["closed_by"]
        master.wait_worker("w", verdict__level="ok")
        seen.released()
        assert master.build("w")["results"] == 0
        seen.reused()
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_half_insubstantiated(make_master: MakeMaster) -> None:
    with row("half_insubstantiated") as seen:
        master = make_master([worker("CancelledStop", "w")], lifecycle=SETTINGS)
        master.force_build("w")
        detected(seen, master, "the stop broke off half way")
        assert force(master, "w")["status"] == "done"
        seen.released()
        master.wait_worker("w", state="not_substantiated")
        request = master.force_build("w")
        unpause(master, "w")
        assert master.wait_build(request)["results"] == 0
        seen.reused()
        # it breaks off again, and the stop must not loop on it
        master.wait_worker("w", verdict__code="half_insubstantiated")
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_start_failed_loop(make_master: MakeMaster) -> None:
    with row("start_failed_loop") as seen:
        master = with_hang(make_master, "FailingStart")
        request = master.force_build("w")
        fails_to_start(master, "w", times=3)
        told = master.wait_worker("w", verdict__code="start_failed_loop")
        seen.detected()
        assert "3 starts in a row" in told["verdict"]["reason"]
        seen.explained(told["verdict"]["reason"])
        # no call is pending and nothing is held: a force disconnect has nothing to do, and says so
        refused = ask_force(master, "w", override=True)
        assert (refused.status, refused.json["code"]) == (409, "nothing_to_release")
        assert "no call is pending" in refused.json["error"]
        assert refused.json["verdict"]["code"] == "start_failed_loop"
        assert rows(master, "select count(*) from lifecycle_actions") == [(0,)]
        seen.release_refused("nothing is held")
        unhang(master)  # the quota is back
        unpause(master, "w")
        assert master.wait_build(request)["results"] == 0
        master.wait_worker("w", state="not_substantiated", verdict__code="healthy")
        seen.reused()
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_worker_left(make_master: MakeMaster) -> None:
    with row("worker_left") as seen:
        forever = worker("Healthy", "w", build_wait_timeout=-1)
        master = make_master([forever], lifecycle=SETTINGS)
        assert master.build("w")["results"] == 0
        for pid in master.instance_pids("w"):
            os.kill(pid, signal.SIGKILL)
        told = master.wait_worker("w", verdict__code="worker_left", state="substantiated")
        seen.detected()
        assert "left by itself" in told["verdict"]["reason"]
        assert "only for the next build" in told["verdict"]["reason"]
        seen.explained(told["verdict"]["reason"])
        refused = ask_force(master, "w", override=True)
        assert (refused.status, refused.json["code"]) == (409, "nothing_to_release")
        seen.release_refused("nothing is held")
        assert master.build("w")["results"] == 0
        master.wait_worker("w", verdict__code="healthy", connected=True)
        assert [e["outcome"] for e in episodes(master, "w")] == ["lost", None]
        seen.reused()
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_shut_down_gracefully(make_master: MakeMaster) -> None:
    with row("shut_down_gracefully") as seen:
        workers = [worker("Healthy", "w"), worker("Healthy", "other")]
        master = make_master(workers, lifecycle=SETTINGS)
        assert master.build("w")["results"] == 0
        master.wait_worker("w", state="not_substantiated")
        stop = {"jsonrpc": "2.0", "method": "stop", "id": 1, "params": {"reason": "x"}}
        master.post(f"api/v2/workers/{master.worker('w')['workerid']}", stop).ok()
        told = master.wait_worker("w", verdict__code="shut_down_gracefully")
        seen.detected()
        assert "starts no build on it any more" in told["verdict"]["reason"]
        seen.explained(told["verdict"]["reason"])
        refused = ask_force(master, "w", override=True)
        assert (refused.status, refused.json["code"]) == (409, "nothing_to_release")
        seen.release_refused("nothing is held")
        request = master.force_build("w")
        assert master.build("other")["results"] == 0
        assert not master.builds(request)
        # the way out that needs no restart
        master.reconfig(workers=workers[1:])
        master.reconfig(workers=workers)
        assert master.wait_build(request)["results"] == 0
        seen.reused()
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_a_quarantine_is_told_with_its_end(make_master: MakeMaster) -> None:
    master = with_hang(make_master, "FailingStart")
    request = master.force_build("w")
    told = master.wait_worker("w", quarantined_until=bool)
    assert told["quarantined_until"] > told["updated_at"] - 1
    assert "in quarantine: Buildbot starts no build on it for" in told["verdict"]["reason"]
    unhang(master)
    unpause(master, "w")
    master.wait_worker("w", quarantined_until=None)
    assert master.wait_build(request)["results"] == 0
    kinds = [event["kind"] for event in events(master, "w")]
    assert "quarantine_entered" in kinds
    assert "quarantine_left" in kinds


def test_reconfig_frozen(make_master: MakeMaster) -> None:
    with row("reconfig_frozen") as seen:
        settings = {**SETTINGS, "stuck_after": {**SETTINGS["stuck_after"], "insubstantiating": 60}}
        settings["shutdown_grace"] = 60  # or it goes on by itself: see the test below
        master = make_master(
            [worker("StuckStopDeferred", "w"), worker("Healthy", "other")], lifecycle=settings
        )
        master.force_build("w")
        master.wait_worker("w", state="insubstantiating")
        master.reconfig(workers=[worker("Healthy", "other")], wait=False)
        detected(seen, master, "no worker can log in")
        since = master.log_size()
        force(master, "w", pause=False)
        seen.released()
        master.wait_log("configuration update complete", since)
        assert master.build("other")["results"] == 0
        seen.reused()
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_a_reconfig_that_removes_a_stuck_worker_goes_on_by_itself_after_the_grace(
    make_master: MakeMaster,
) -> None:
    master = make_master(
        [worker("StuckStopDeferred", "w"), worker("Healthy", "other")], lifecycle=SETTINGS
    )
    master.force_build("w")
    get_stuck(master, "w")
    master.reconfig(workers=[worker("Healthy", "other")], timeout=FEW_SECONDS)
    (action,) = master.api("actions")["actions"]
    assert action["actor"] == "reconfig"
    assert master.build("other")["results"] == 0


def test_pending_before_us(make_master: MakeMaster) -> None:
    with row("pending_before_us") as seen:
        master = make_master([], lifecycle=SETTINGS, start=False)
        hang = master.basedir.parent / "hang"
        hang.touch()
        master.workers = [worker("StuckStopDeferred", "w", hang_file=hang)]
        master.create()
        text = master.config()
        without = "".join(
            line for line in text.splitlines(keepends=True) if "LifecycleService" not in line
        )
        master.start(wait=False)
        (master.basedir / "master.cfg").write_text(without)
        master.wait_log("BuildMaster is running")
        master.wait_until(lambda: master.get("api/v2/masters").ok(), 20, "an answer")
        master.force_build("w")
        master.wait_log("insubstantiating worker", timeout=30)
        master.reconfig()
        hang.unlink()
        detected(seen, master, "pending already when recording began")
        freed_and_used_again(seen, master)


def test_crash_open(make_master: MakeMaster) -> None:
    with row("crash_open") as seen:
        master = make_master([worker("Healthy", "w", outlives_master=True)], lifecycle=SETTINGS)
        end = master.basedir.parent / "end"
        request = master.force_build("w", until=end)
        master.wait_build(request, state="started")
        master.kill9()
        master.start()
        told = master.wait_worker("w", verdict__code="crash_open")
        seen.detected()
        seen.explained(told["verdict"]["reason"])
        (orphan,) = master.api("orphans")["orphans"]
        assert orphan["cause"] == "crash"
        # Buildbot runs the lost build again; that it runs says nothing of the old instance
        end.touch()
        assert master.wait_build(request)["results"] == 0
        master.wait_worker("w", state="not_substantiated", verdict__code="crash_open")
        seen.reused()
        master.post(f"{API}/orphans/{orphan['id']}/resolve", {"note": "looked"}).ok()
        master.wait_worker("w", verdict__code=lambda code: code != "crash_open")
        seen.released()
        master.stop(FEW_SECONDS)
        seen.stopped()


def test_machine_pending(make_master: MakeMaster) -> None:
    with row("machine_pending") as seen:
        master = make_master([], lifecycle=SETTINGS, start=False)
        hang = master.basedir.parent / "hang"
        hang.touch()
        master.workers = [worker("Healthy", "w", machine_name="m")]
        master.extra = latent_machine("m", hang)
        master.start()
        master.force_build("w")
        detected(seen, master, "start_machine has not ended for")
        hang.unlink()
        freed_and_used_again(seen, master)


def test_a_worker_that_waits_for_its_machine_does_not_make_the_stop_loop(
    make_master: MakeMaster,
) -> None:
    master = make_master([], lifecycle=SETTINGS, start=False)
    hang = master.basedir.parent / "hang"
    hang.touch()
    master.workers = [worker("Healthy", "w", machine_name="m")]
    master.extra = latent_machine("m", hang)
    master.start()
    master.force_build("w")
    master.wait_worker("w", state="substantiating")
    master.stop(FEW_SECONDS)


def test_unasked_instance(make_master: MakeMaster) -> None:
    with row("unasked_instance") as seen:
        master = make_master([], lifecycle=SETTINGS, start=False)
        hang = master.basedir.parent / "hang"
        hang.touch()
        master.workers = [worker("Healthy", "w", machine_name="m")]
        master.extra = latent_machine("m", hang, then=master.basedir.parent / "then")
        master.start()
        request = master.force_build("w")
        master.wait_worker("w", state="substantiating")
        build = master.wait_until(lambda: master.builds(request), 10, "a build")[-1]
        stop = {"jsonrpc": "2.0", "method": "stop", "id": 1, "params": {"reason": "x"}}
        master.post(f"api/v2/builds/{build['buildid']}", stop).ok()
        master.wait_worker("w", state="not_substantiated", building=[])
        (master.basedir.parent / "then").touch()
        detected(seen, master, "no build asked for")
        hang.unlink()
        freed_and_used_again(seen, master)
