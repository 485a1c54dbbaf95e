"""The test of the tests: stock Buildbot hangs where we say that it does, and we are needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import worker
from tests.master.support import dead_by_tls

pytestmark = pytest.mark.master

#: Seconds after which a stop counts as hanging; a healthy stop of the same master takes two.
HANGS = 8.0


def test_stock_hangs_on_a_stop_that_never_ends(make_master: MakeMaster) -> None:
    master = make_master([worker("StuckStopDeferred", "stuck")], plugin=False)
    master.force_build("stuck")
    master.wait_peek("stuck", state="insubstantiating")
    assert master.sigterm().outlives(HANGS)


def test_stock_hangs_on_a_worker_that_comes_back_after_its_stop(make_master: MakeMaster) -> None:
    master = make_master([worker("SurvivesStop", "survivor")], plugin=False)
    master.build("survivor")
    master.wait_log("received connection while not trying to substantiate")
    master.wait_peek("survivor", state="not_substantiated", waited_for=lambda n: n > 0)
    assert master.sigterm().outlives(HANGS)


def test_stock_hangs_after_a_healthy_stop_that_takes_a_few_seconds(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    ends = tmp_path / "ends"
    slow = worker("StuckStopKillsLate", "slow", release_file=ends)
    master = make_master([slow], plugin=False)
    master.build("slow")
    master.wait_log("received connection while not trying to substantiate")
    ends.touch()
    master.wait_peek("slow", state="not_substantiated", waited_for=lambda n: n > 0)
    assert master.sigterm().outlives(HANGS)


def test_stock_hangs_on_a_driver_thread_that_never_returns(make_master: MakeMaster) -> None:
    master = make_master([worker("StuckStopThread", "thread")], plugin=False)
    master.force_build("thread")
    master.wait_peek("thread", state="insubstantiating")
    assert master.sigterm().outlives(HANGS)


def test_stock_hangs_on_a_connection_by_tls_whose_network_died(make_master: MakeMaster) -> None:
    master, proxy = dead_by_tls(make_master, "stale", plugin=False)
    master.wait_peek("stale", state="not_substantiated", connected=True)
    proxy.heal()
    # nor does it serve a build again: the new instance is kept out by the dead connection
    master.force_build("stale")
    master.wait_log("but we are already connected to", timeout=40)
    assert master.sigterm().outlives(HANGS)
    proxy.close()
