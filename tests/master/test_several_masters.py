"""Several real masters on one PostgreSQL, with clocks that differ: who lives is told rightly."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.harness.master import API, RealMaster, worker

pytestmark = pytest.mark.database

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)


def two(
    make_master: Callable[..., RealMaster], url: str, ahead: int
) -> tuple[RealMaster, RealMaster]:
    """A master, and one whose clock is so many seconds ahead; its worker ``far`` is up."""
    if LIBRARY is None or shutil.which("faketime") is None:
        pytest.skip("Debian's faketime is not installed")
    fake = {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME": f"{ahead:+d}s",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    near = make_master(
        [worker("Healthy", "near")], db_url=url, lifecycle={"anonymous_may_force": True}
    )
    up = worker("Healthy", "far", build_wait_timeout=3600)
    far = make_master([up], db_url=url, env=fake)
    far.build("far")
    near.wait_worker("far", state="substantiated", live=True)
    return near, far


def died(near: RealMaster) -> list[Any]:
    """The entries of the ledger of a crash."""
    return [row for row in near.api("orphans")["orphans"] if row["cause"] == "crash"]


def deaths(near: RealMaster) -> int:
    events = near.api("workers/far/events?limit=200")["events"]
    return [event["kind"] for event in events].count("master_died")


def other(near: RealMaster) -> Any:
    (found,) = [each for each in near.api("masters")["masters"] if not each["answering"]]
    return found


def dismiss_and_see_it_leave(near: RealMaster, masterid: int) -> None:
    path = f"{API}/masters/{masterid}/dismiss"
    plan = near.post(path, {"dry_run": True}).ok().json["dry_run"]
    assert plan["workers"] == ["far"]
    action = near.post(path, {"reason": "its machine is gone"}).ok().json["action"]
    assert (action["status"], action["what"]) == ("done", "dismiss-master")
    assert other(near)["state"] == "dismissed"
    near.wait_until(
        lambda: [w["name"] for w in near.api("workers")["workers"]] == ["near"], 20, "it"
    )
    assert len(died(near)) == 1, "what may still run stays in the ledger"


def test_a_master_90_s_behind_lives_and_once_dead_is_told_and_closed_once(
    make_master: Callable[..., RealMaster], postgresql_url: str
) -> None:
    near, far = two(make_master, postgresql_url, -90)
    one = near.wait_until(
        lambda: other(near)["clock_ahead_s"] is not None and other(near), 20, "it"
    )
    assert -93 < one["clock_ahead_s"] < -87
    assert 87 < near.api("health")["health"]["clocks_differ_s"] < 93
    refused = near.post(f"{API}/masters/{one['masterid']}/dismiss", {"reason": "gone"})
    assert (refused.status, refused.json["code"]) == (409, "master_alive")
    assert 87 < near.api("workers")["meta"]["clocks_differ_s"] < 93
    # the age of its state is told by its own clock: the same moment is 90 s later on this one
    (last, *_) = near.api("workers/far/transitions?limit=1")["transitions"]
    since = near.worker("far")["state_since"]
    assert 87 < since - last["at"] < 93
    far.kill9()
    near.wait_worker("far", state="unknown", live=False, verdict__code="master_died")
    (entry,) = died(near)
    assert (entry["worker"], entry["closed_at"]) == ("far", None)
    dismiss_and_see_it_leave(near, entry["masterid"])
    far.start()
    near.wait_worker("far", live=True, state="not_substantiated")
    assert (len(died(near)), deaths(near)) == (1, 1)


def test_a_master_60_s_ahead_that_was_only_stopped_takes_back_what_was_told_of_it(
    make_master: Callable[..., RealMaster], postgresql_url: str
) -> None:
    near, far = two(make_master, postgresql_url, 60)
    far.signal(signal.SIGSTOP)
    near.wait_worker("far", state="unknown", live=False)
    far.signal(signal.SIGCONT)
    near.wait_worker("far", live=True, state="substantiated")
    near.wait_until(
        lambda: [e["closed_at"] is None for e in died(near)] == [False], 20, "its entry"
    )
    assert near.api("workers/far/episodes")["episodes"][0]["outcome"] is None
