"""libvirt's adapter on a real libvirtd, whose domains are containers of lxc."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from buildbot.worker.libvirt import LibVirtWorker

from buildbot_lifecycle.clouds import libvirt_child
from buildbot_lifecycle.clouds.values import Can, Limits, NotKnown, State, Why
from tests.clouds.backends import Libvirtd
from tests.clouds.support import Desk

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("libvirt")]  # one daemon

PASSWORD = "worker-password"


def worker(desk: Desk, uri: str, name: str = "w_1") -> Any:
    return desk.worker(LibVirtWorker, name, PASSWORD, uri=uri, masterFQDN="master.example")


@pytest.fixture
def w(desk: Desk, libvirtd: Libvirtd) -> Any:
    return worker(desk, libvirtd.uri)


def marked(libvirtd: Libvirtd, name: str, master: str) -> None:
    """As the driver marks what it starts by name."""
    with libvirtd.connection() as libvirt:
        text = LibVirtWorker.metadata.format(name, PASSWORD, master)
        kind, persistent = 2, 2  # VIR_DOMAIN_METADATA_ELEMENT, VIR_DOMAIN_AFFECT_CONFIG
        domain = libvirt.lookupByName(name)
        domain.setMetadata(kind, text, LibVirtWorker.metakey, LibVirtWorker.ns, persistent)


def test_the_name_is_known_before_the_start(desk: Desk, w: Any) -> None:
    assert desk.clouds.name(w) == desk.clouds.mark(w) == "w_1"
    assert desk.clouds.can(w) == set(Can) - {Can.LINK, Can.AGE}


def test_what_runs_on_the_host_is_listed_and_what_bears_the_mark_is_ours(
    desk: Desk, w: Any, libvirtd: Libvirtd
) -> None:
    libvirtd.define("w_1", start=False)
    marked(libvirtd, "w_1", "master.example")
    libvirtd.define("theirs", start=False)
    marked(libvirtd, "theirs", "another.example")
    libvirtd.define("off", start=False)
    with libvirtd.connection() as libvirt:
        libvirt.lookupByName("w_1").create()
        libvirt.lookupByName("theirs").create()
    libvirtd.transient("web")
    listing = desk.ask("list", w)
    assert {(each.name, each.ours) for each in listing.instances} == {
        ("w_1", True),
        ("theirs", False),
        ("web", False),
    }
    assert {each.state for each in listing.instances} == {State.UP}
    assert {each.kind for each in listing.instances} == {"1 CPU, 64 MiB"}
    assert PASSWORD not in repr(listing)


def test_a_domain_that_is_off_is_gone_and_so_is_one_that_is_nowhere(
    desk: Desk, w: Any, libvirtd: Libvirtd
) -> None:
    assert desk.ask("gone", w, None) is True
    libvirtd.define("w_1")
    assert desk.ask("gone", w, "w_1") is False
    with libvirtd.connection() as libvirt:
        libvirt.lookupByName("w_1").destroy()  # behind its back
    assert desk.ask("gone", w, "w_1") is True
    assert desk.ask("last_words", w, "w_1") == "shut off, destroyed"


@pytest.mark.parametrize("start", [Libvirtd.define, Libvirtd.transient])
def test_end_and_gone(
    desk: Desk, w: Any, libvirtd: Libvirtd, start: Callable[[Libvirtd, str], None]
) -> None:
    start(libvirtd, "w_1")
    assert desk.ask("gone", w, "w_1") is False
    assert desk.ask("end", w, "w_1") is True
    assert desk.ask("gone", w, "w_1") is True


def test_end_of_what_is_not_there_is_not_known_to_have_been_accepted(desk: Desk, w: Any) -> None:
    assert desk.ask("end", w, "w_1").why is Why.FAILED


# faults


def test_a_frozen_daemon_is_not_known_and_leaves_nothing_behind(
    desk: Desk, w: Any, libvirtd: Libvirtd
) -> None:
    """libvirt's library waits for it for ever, in open(); the driver's thread for this host does too."""
    libvirtd.define("w_1")
    quick = Desk(limits=Limits(connect=0.5, read=0.5, whole=15))
    with libvirtd.daemon.frozen():
        for what, *arguments in (("gone", "w_1"), ("list",), ("last_words", "w_1")):
            assert quick.ask(what, w, *arguments).why is Why.TIMEOUT
    assert quick.clouds.snapshot().busy == 0
    quick.close()
    assert desk.ask("gone", w, "w_1") is False


def test_a_daemon_that_is_not_there_is_not_known(desk: Desk, tmp_path: Any) -> None:
    pytest.importorskip("libvirt")
    w = worker(desk, f"lxc:///system?socket={tmp_path}/none")
    for what, *arguments in (("gone", "w_1"), ("list",), ("end", "w_1")):
        assert desk.ask(what, w, *arguments).why is Why.UNREACHABLE


def test_an_address_that_libvirt_does_not_know_is_not_known(desk: Desk) -> None:
    pytest.importorskip("libvirt")
    said = desk.ask("gone", worker(desk, "nonsense:///"), "w_1")
    assert isinstance(said, NotKnown)


def test_without_the_library_it_is_said(
    desk: Desk, w: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    child = tmp_path / "child.py"
    child.write_text("import no_such_libvirt")
    monkeypatch.setattr("buildbot_lifecycle.clouds.libvirt._CHILD", child)
    assert desk.ask("gone", w, "w_1").why is Why.NO_LIBRARY


def test_a_child_that_dies_says_nothing_of_the_domain(
    desk: Desk, w: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    child = tmp_path / "child.py"
    child.write_text("import os; os.abort()")
    monkeypatch.setattr("buildbot_lifecycle.clouds.libvirt._CHILD", child)
    assert desk.ask("gone", w, "w_1").why is Why.FAILED


def test_the_words_are_libvirts() -> None:
    libvirt = pytest.importorskip("libvirt")
    assert libvirt_child.WORDS[libvirt.VIR_DOMAIN_SHUTOFF] == "shut off"
    assert libvirt_child.REASONS[libvirt.VIR_DOMAIN_SHUTOFF_CRASHED] == "crashed"
    assert LibVirtWorker.ns == libvirt_child.NAMESPACE
