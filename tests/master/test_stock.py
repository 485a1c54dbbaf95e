"""Stock Buildbot hangs where we say that it does, and we are needed: the test of the tests.

What is marked as an expected failure turns green when Buildbot mends it; the run fails then, and
docs/upstream.md has to say from which version on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import ROOT, RealMaster, worker
from tests.master.support import dead_by_tls
from tests.test_docs import blocks, section

pytestmark = pytest.mark.master

#: Seconds after which a stop counts as hanging; a healthy stop of the same master takes two.
HANGS = 5.0

PAGE = (ROOT / "docs" / "upstream.md").read_text(encoding="utf-8")

#: Each fault of the page that has a class, and the line of the log after which the master is stopped.
FAULTS = {
    "A stop_instance that never ends": "insubstantiating worker",
    "A start_instance that never ends": "substantiating worker",
    "A stop that breaks off": "insubstantiating worker",
    "A worker that comes back after its stop": "received connection while not trying to substantiate",
    "A driver's thread that never returns": "insubstantiating worker",
}


class Hangs(Exception):
    """Buildbot does not stop."""


not_mended = pytest.mark.xfail(raises=Hangs, strict=True, reason="Buildbot has not mended it")


def assert_stops(master: RealMaster) -> None:
    if master.sigterm().outlives(HANGS):
        raise Hangs


class OfThePage(RealMaster):
    """A master with a configuration as it stands on the page, but for its port."""

    page = ""

    def config(self) -> str:
        assert "9989" in self.page
        return self.page.replace("9989", str(self.pb_port))


@contextlib.contextmanager
def of_the_page(directory: Path, fault: str) -> Iterator[OfThePage]:
    (frame,) = blocks(section(PAGE, "The frame"), "python")
    (faulty,) = blocks(section(PAGE, fault), "python")
    # its worker's directory is a temporary one, too
    env = {"TMPDIR": str(directory)}
    master = OfThePage(directory / "master", plugin=False, peek=False, www=False, env=env)
    assert "...  # here stands the class of the fault\n" in frame
    master.page = frame.replace("...  # here stands the class of the fault\n", faulty)
    try:
        yield master
    finally:
        master.teardown()


@not_mended
@pytest.mark.parametrize("fault", FAULTS)
def test_the_stop_ends_in_spite_of(tmp_path: Path, fault: str) -> None:
    with of_the_page(tmp_path, fault) as master:
        master.start()
        master.wait_log(FAULTS[fault])
        assert_stops(master)


def test_each_class_of_the_page_is_run() -> None:
    assert PAGE.count("class Faulty(") == len(FAULTS)


def test_the_stop_ends_with_a_healthy_class_in_the_same_frame(tmp_path: Path) -> None:
    """It is the fault that hangs, and not the frame."""
    with of_the_page(tmp_path, "A stop_instance that never ends") as master:
        master.page = master.page.replace("defer.Deferred()", "defer.succeed(True)")
        master.start()
        master.wait_log("insubstantiating worker")
        master.stop()


@not_mended
def test_the_stop_ends_after_a_healthy_stop_that_takes_a_few_seconds(
    make_master: MakeMaster, tmp_path: Path
) -> None:
    ends = tmp_path / "ends"
    slow = worker("StuckStopKillsLate", "slow", release_file=ends)
    master = make_master([slow], plugin=False)
    master.build("slow")
    master.wait_log("received connection while not trying to substantiate")
    ends.touch()
    master.wait_peek("slow", state="not_substantiated", waited_for=lambda n: n > 0)
    assert_stops(master)


@not_mended
def test_the_stop_ends_with_a_connection_by_tls_whose_network_died(make_master: MakeMaster) -> None:
    master, proxy = dead_by_tls(make_master, "stale", plugin=False)
    master.wait_peek("stale", state="not_substantiated", connected=True)
    proxy.heal()
    # nor does it serve a build again: the new instance is kept out by the dead connection
    master.force_build("stale")
    master.wait_log("but we are already connected to", timeout=40)
    try:
        assert_stops(master)
    finally:
        proxy.close()
