"""What a real master tells of the past: statistics, timeline, last episodes, the orphan's entry."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.master.support import written

pytestmark = pytest.mark.master


def recent(m: RealMaster) -> dict[int, Any]:
    return {row["workerid"]: row["episodes"] for row in m.api("recent")["recent"]}


def test_the_past_is_told_and_outlives_a_restart(make_master: MakeMaster) -> None:
    m = make_master([worker("Healthy", "good"), worker("RaisingStop", "bad")])
    good, bad = (m.worker(name)["workerid"] for name in ("good", "bad"))
    for name in ("good", "good", "bad"):
        m.build(name)
    m.wait_until(
        lambda: len(recent(m).get(good, [])) == 2 and bad in recent(m), 30, "three episodes"
    )

    written(m)
    told = m.api("stats")
    outcomes = {row["worker"]: row for row in told["outcomes"]}
    assert (outcomes["good"]["ok"], outcomes["good"]["success_rate"]) == (2, 1.0)
    assert (outcomes["bad"]["failed"], outcomes["bad"]["success_rate"]) == (1, 0.0)
    phases = {row["phase"]: row for row in told["stats"] if row["worker"] == "good"}
    assert {name: row["count"] for name, row in phases.items()} == dict.fromkeys(
        ("start", "connect", "up", "stop"), 2
    )
    assert phases["stop"]["threshold_s"] == 600.0
    ups = sorted(episode[3] for episode in recent(m)[good])
    assert (phases["up"]["p50"], phases["up"]["max"]) == (ups[0], ups[1])
    by_class = m.api("stats?by=class&class=Healthy")
    assert [row["class"] for row in by_class["outcomes"]] == ["Healthy"]

    lanes = {lane["worker"]: lane["episodes"] for lane in m.api("timeline")["lanes"]}
    for number, episode in enumerate(lanes["good"], 1):
        assert [phase[0] for phase in episode["phases"]][-1] == "insubstantiating"
        ((since, until, builder, number_of_build, builderid),) = episode["builds"]
        assert (builder, number_of_build) == ("good", number)
        assert isinstance(builderid, int)
        assert episode["phases"][0][1] <= since < until <= episode["phases"][-1][2]
    marks = [mark["kind"] for mark in m.api("timeline")["marks"]]
    assert marks == ["master_start", "failure"]

    before = recent(m)
    m.stop(30)
    m.start()
    m.wait_until(lambda: recent(m) == before, 20, "the last episodes from the database")
    marks = [mark["kind"] for mark in m.api("timeline")["marks"]]
    assert marks == ["master_start", "failure", "master_stop", "master_start"]


def test_an_open_episode_is_in_the_timeline_with_its_build_running(make_master: MakeMaster) -> None:
    m = make_master([worker("Healthy", "w")])
    request = m.force_build("w", until="never")
    m.wait_build(request, state="started", timeout=60)
    written(m)
    (lane,) = m.api("timeline")["lanes"]
    (episode,) = lane["episodes"]
    assert episode["outcome"] is None
    assert episode["phases"][-1][0] == "substantiated"
    assert episode["phases"][-1][2] is None
    assert [build[1:3] for build in episode["builds"]] == [[None, "w"]]
    assert m.api("stats")["stats"] == []


def test_a_stop_that_failed_is_counted_at_its_worker_and_told_with_its_cause(
    make_master: MakeMaster,
) -> None:
    m = make_master([worker("RaisingStop", "w", message="=cmd|' /C calc'!A0")])
    assert m.worker("w")["orphans"] == 0
    m.build("w")
    m.wait_worker("w", orphans=1)
    written(m)
    (orphan,) = m.api("orphans?open=true")["orphans"]
    assert (orphan["cause"], orphan["class"]) == ("stop_failed", "RaisingStop")
    assert [w["name"] for w in m.api("workers?orphans__gt=0")["workers"]] == ["w"]
    assert m.api("workers?orphans=0")["workers"] == []

    answer = m.get("plugins/lifecycle/api/v1/orphans.csv?field=id&field=cause&field=why").ok()
    header, row = csv.reader(io.StringIO(answer.text, newline=""))
    assert header == ["id", "cause", "why"]
    assert row[:2] == [str(orphan["id"]), "stop_failed"]

    m.kill9()
    m.start()
    m.wait_worker("w", orphans=1)
