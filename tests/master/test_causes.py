"""Why a worker does not come up, or may still run: what the master knows is told, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.harness.odd_drivers import QUOTA, odd
from tests.master.support import (
    LIFECYCLE,
    START_LIFECYCLE,
    ask_force,
    episodes,
    events,
    fails_to_start,
    get_stuck,
)

pytestmark = pytest.mark.master

#: A machine that does not want to start.
MACHINE_SAYS_NO = """
from buildbot.machine.latent import AbstractLatentMachine


class SaysNo(AbstractLatentMachine):
    async def start_machine(self):
        return False

    async def stop_machine(self):
        return True


c['machines'] = [SaysNo('host', build_wait_timeout=600)]
"""


def first_ended(master: RealMaster, name: str) -> dict[str, Any]:
    """The first episode of a worker, once it is over."""

    def over() -> Any:
        return next((e for e in episodes(master, name) if e["ended_at"] is not None), None)

    found: dict[str, Any] = master.wait_until(over, 60, f"an ended episode of {name}")
    return found


def orphans(master: RealMaster, name: str) -> list[dict[str, Any]]:
    episodes(master, name)  # all is written then
    found: list[dict[str, Any]] = master.api(f"orphans?worker={name}")["orphans"]
    return found


def test_a_start_that_fails_as_nobody_foresaw_is_no_cancelled_build_and_no_healthy_worker(
    make_master: MakeMaster,
) -> None:
    workers = [
        odd("OldCheck", "old", check_instance_interval=1),
        worker("Healthy", "hosted", machine_name="host"),
        odd("NoneStart", "none"),
    ]
    master = make_master(workers, lifecycle=LIFECYCLE, extra=MACHINE_SAYS_NO)
    said = {
        "old": ("check_instance", "returned True, not a pair (good, text)"),
        "hosted": ("start_machine", "said no (returned False)"),
        "none": ("start_instance", "returned None"),
    }
    for name in said:
        master.force_build(name)
    for name, (call, error) in said.items():
        episode = first_ended(master, name)
        assert episode["outcome"] == "start_failed", name
        assert (episode["failure"]["call"], episode["failure"]["error"]) == (call, error)
        verdict = master.wait_worker(name, verdict__code="start_failed")["verdict"]
        assert verdict["level"] == "failed"
        assert error in verdict["reason"], name
    # a build that was stopped is something else
    master.reconfig(workers=[*workers, worker("NeverConnects", "slow")])
    request = master.force_build("slow")
    master.wait_worker("slow", state="substantiating_starting", pending=None)
    buildid = master.wait_until(lambda: master.builds(request), 30, "a build")[0]["buildid"]
    call = {"jsonrpc": "2.0", "method": "stop", "id": 1, "params": {"reason": "a test"}}
    master.post(f"api/v2/builds/{buildid}", call).ok()
    assert first_ended(master, "slow")["outcome"] == "cancelled"
    assert master.worker("slow")["verdict"]["level"] == "ok"


def test_the_first_failure_is_the_cause_and_what_never_was_is_no_orphan(
    make_master: MakeMaster,
) -> None:
    workers = [odd("NothingMade", "nothing"), odd("HalfMade", "half"), odd("OwnStop", "own")]
    master = make_master(workers, lifecycle=LIFECYCLE)
    for name in ("nothing", "half", "own"):
        master.force_build(name)
        fails_to_start(master, name, 3)
    for name, error in (("nothing", QUOTA), ("half", QUOTA), ("own", "502: bad gateway")):
        for episode in [e for e in episodes(master, name) if e["ended_at"] is not None]:
            assert episode["outcome"] == "start_failed", name
            assert episode["failure"]["call"] == "start_instance"
            assert error in episode["failure"]["error"]
        assert error in master.worker(name)["verdict"]["reason"], name
    assert orphans(master, "nothing") == []
    assert orphans(master, "own") == []
    (one,) = orphans(master, "half")
    assert (one["instance"], one["cause"], one["times"]) == ("i-half", "stop_failed", 3)
    # Buildbot called stop_instance once for each start, the driver's own calls are its own
    calls = [e["data"]["call"] for e in events(master, "own") if e["kind"] == "call_started"]
    assert calls == ["start_instance", "stop_instance"] * 3


def test_where_leads_through_a_call_that_the_driver_makes_itself(make_master: MakeMaster) -> None:
    master = make_master([odd("OwnStopHangs", "own")], lifecycle=START_LIFECYCLE)
    master.force_build("own")
    seen = get_stuck(master, "own", verdict__code="start_pending")
    functions = [f["function"].rpartition(".")[2] for f in seen["pending"]["where"]]
    assert functions == ["_start", "_stop", "_delete_what_is_left", "_hang"]
    assert seen["pending"]["call"] == "start_instance"


def test_an_orphan_of_a_release_is_closed_by_the_stop_that_followed(
    make_master: MakeMaster,
) -> None:
    workers = [
        worker("NeverConnects", "mute"),
        worker("StuckStart", "unnamed"),
        worker("StuckStart", "named", spawn_first=True, connect_file="/nowhere"),
    ]
    settings = {**START_LIFECYCLE, "pause_after_release": True}
    master = make_master(workers, lifecycle=settings)
    for name in ("mute", "unnamed"):
        master.force_build(name)
    for name in ("mute", "unnamed"):
        seen = get_stuck(master, name, episode=lambda e: e is not None)
        assert ask_force(master, name).status == 200, seen
        master.wait_worker(name, state="not_substantiated", episode=None)
    # the start had said yes, and Buildbot's stop said yes afterwards
    (closed,) = master.wait_until(
        lambda: [o for o in orphans(master, "mute") if o["closed_at"]], 30, "closed by the stop"
    )
    assert (closed["cause"], closed["closed_by"]) == ("release", "stop")
    assert closed["note"] == "Buildbot's stop of the same instance, after the release, succeeded"
    assert first_ended(master, "mute")["outcome"] == "released"
    # a start that hangs still may make an instance after the stop that found none
    (still,) = orphans(master, "unnamed")
    assert still["closed_at"] is None
    assert master.worker("unnamed")["abandoned"][0]["call"] == "start_instance"


def test_why_no_worker_comes_is_told_while_it_is_awaited(make_master: MakeMaster) -> None:
    workers = [
        odd("WrongPassword", "last-year", missing_timeout=600),
        odd("WrongPassword", "packed", missing_timeout=600, protocol="msgpack_experimental_v7"),
        odd("RefusesToAttach", "old-image", missing_timeout=600),
        odd("DiskFull", "full"),
        odd("NotForThisBuild", "label"),
        odd("Wrapped", "wrapped"),
        worker("Healthy", "beside"),
    ]
    master = make_master(workers, lifecycle=LIFECYCLE, msgpack=True)
    requests = {name: master.force_build(name) for name in ("label", "full", "wrapped")}
    for name in ("last-year", "packed", "old-image"):
        master.force_build(name)

    def told(name: str, text: str) -> None:
        master.wait_worker(name, 60, verdict__reason=lambda reason: text in reason)

    told("last-year", "a login as this worker had a wrong password")
    told("packed", "a login as this worker had a wrong password")
    told("old-image", "its connection was refused: image 1.2 is too old: 1.4 is wanted")
    for name in ("last-year", "packed", "old-image"):
        assert master.worker(name)["state"] == "substantiating_starting"
    full = first_ended(master, "full")
    assert (full["outcome"], full["failure"]["call"]) == ("start_failed", "attached")
    assert "File exists" in full["failure"]["error"]
    assert "\n" not in full["failure"]["error"]

    assert master.wait_build(requests["label"])["results"] == 4  # EXCEPTION: it is not retried
    label = first_ended(master, "label")
    assert label["outcome"] == "build_refused"
    assert "no pool has the label 'arm64'" in label["failure"]["error"]
    assert master.worker("label")["verdict"]["level"] == "ok"

    wrapped = first_ended(master, "wrapped")["failure"]["error"]
    assert wrapped == "RuntimeError: no secret 'token' in tests/harness/odd_drivers.py"
    assert master.build("beside")["results"] == 0
    assert master.worker("beside")["verdict"]["level"] == "ok"


def test_the_times_of_the_calls_are_their_own(make_master: MakeMaster) -> None:
    workers = [worker("Healthy", "a", start_delay=1.5, stop_delay=1.5)]
    master = make_master(workers, lifecycle=LIFECYCLE)
    master.build("a")
    episode = first_ended(master, "a")
    ended = [e for e in events(master, "a") if e["kind"] in ("call_started", "call_ended")]
    start = ended[1]["at"] - ended[0]["at"]
    stop = ended[3]["at"] - ended[2]["at"]
    assert episode["start_s"] == pytest.approx(start)
    assert episode["start_s"] >= 1.5
    assert episode["connect_s"] == pytest.approx(episode["connected_at"] - ended[1]["at"])
    assert episode["stop_s"] == pytest.approx(stop)
    phases = {row["phase"]: row["p50"] for row in master.api("stats?since=0")["stats"]}
    assert phases["start"] == pytest.approx(episode["start_s"])
    assert phases["connect"] == pytest.approx(episode["connect_s"])
