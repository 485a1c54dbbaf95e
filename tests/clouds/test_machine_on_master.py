"""Latent machines on a real master, with Buildbot's own actions: commands that succeed, or say no."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import RealMaster, worker
from tests.master.support import FEW_SECONDS, LIFECYCLE

pytestmark = pytest.mark.master

_MACHINE = """
from buildbot.machine.generic import GenericLatentMachine, LocalWakeAction
c['machines'] = [GenericLatentMachine('box', LocalWakeAction({start!r}), LocalWakeAction({stop!r}))]
"""


def says_no_while(file: Path) -> list[str]:
    """A command that fails as long as there is this file."""
    return [sys.executable, "-c", f"import os; raise SystemExit(os.path.exists({str(file)!r}))"]


def master_of(make_master: MakeMaster, no_start: Path, no_stop: Path) -> RealMaster:
    extra = _MACHINE.format(start=says_no_while(no_start), stop=says_no_while(no_stop))
    workers = [worker("Healthy", name, machine_name="box") for name in ("a", "b")]
    return make_master(workers, lifecycle=LIFECYCLE, extra=extra)


def open_entries(master: RealMaster) -> list[dict[str, Any]]:
    return master.api("orphans?open=true")["orphans"]  # type: ignore[no-any-return]


def test_a_machine_that_does_not_start_is_a_failed_start_of_its_worker(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    no_start = tmp_path / "no-start"
    no_start.touch()
    master = master_of(make_master, no_start, tmp_path / "no-stop")
    request = master.force_build("a")
    seen = master.wait_worker("a", verdict__code="start_failed")
    assert "start_machine failed: said no" in seen["verdict"]["reason"]
    assert open_entries(master) == []  # nothing was started
    no_start.unlink()
    assert master.wait_build(request, 60)["results"] == 0
    master.wait_worker("a", verdict__level="ok")
    master.stop(FEW_SECONDS)


def test_a_machine_that_does_not_stop_may_still_run_until_it_has_stopped(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    no_stop = tmp_path / "no-stop"
    no_stop.touch()
    master = master_of(make_master, tmp_path / "no-start", no_stop)
    master.build("a")
    (entry,) = master.wait_until(lambda: open_entries(master), 30, "an entry")
    assert (entry["cause"], entry["instance"]) == ("stop_failed", "box")
    assert "stop_machine failed: it said no" in entry["why"]
    told = {entry["worker"]}  # one for the machine, not one for each of its workers
    assert told <= {"a", "b"}
    seen = master.wait_worker(entry["worker"], verdict__code="stop_failed")
    assert "stop_machine failed" in seen["verdict"]["reason"]

    no_stop.unlink()
    master.build("b")
    master.wait_until(lambda: not open_entries(master), 30, "the entry is closed")
    for name in ("a", "b"):
        master.wait_worker(name, verdict__level="ok")
    master.stop(FEW_SECONDS)
