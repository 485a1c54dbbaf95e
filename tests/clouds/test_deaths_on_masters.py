"""Masters that are killed, and starts that end late, with each driver: nothing is forgotten.

A master is killed in a stop that the cloud never heard of, in one that the cloud has done, and while an
instance is up; another one gives up a start that makes an instance afterwards. Each time what the next
start (or the same master) tells must be what the cloud has.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.clouds import farm, table
from tests.clouds.backends import Daemon, Dockerd, Libvirtd
from tests.clouds.test_faults_on_masters import (
    FARMS_BEHIND,
    SOON,
    Before,
    Gate,
    SpotBefore,
    all_closed_by_the_cloud,
    cancel,
    creates,
    ended_by_rest,
    ends,
)
from tests.conftest import MakeMaster
from tests.harness.master import RealMaster
from tests.harness.sshd import Sshd
from tests.harness.waiting import patient
from tests.master.support import (
    START_LIFECYCLE,
    ask_force,
    events,
    force,
    get_stuck,
    stop_build,
    unpause,
)

pytestmark = pytest.mark.master

#: No build is started while there is a file: after a kill Buildbot would run the lost one again, and its
#: driver's start removes what an earlier one has left.
QUIET = """
import os
for b in c['builders']: b.canStartBuild = lambda *_: not os.path.exists({file!r})
"""


class Trouble(Protocol):
    """How the calls of one driver are kept back."""

    #: whether the cloud may do what it was asked for and say nothing
    may_be_done: bool

    def in_stop(self, *, done: bool) -> contextlib.AbstractContextManager[None]:
        """A stop hangs in here, and is never answered."""

    def hangs(self, master: RealMaster) -> None:
        """Wait until the stop does."""

    def in_start(self) -> contextlib.AbstractContextManager[None]:
        """A start hangs in here, and makes an instance afterwards."""


class Asked:
    """The master says that its stop hangs."""

    def hangs(self, master: RealMaster) -> None:
        calls = ("stop_instance", "stop_machine")
        master.wait_worker("w", 60, pending=lambda p: p is not None and p["call"] in calls)


class AtTheGate:
    may_be_done = True

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    @contextlib.contextmanager
    def in_stop(self, *, done: bool) -> Iterator[None]:
        with self._gate.keeps(ends, lost=not done):
            yield

    def hangs(self, master: RealMaster) -> None:
        """OpenStack's driver asks on the reactor: the master says nothing more."""
        assert self._gate.kept.wait(patient(60))

    @contextlib.contextmanager
    def in_start(self) -> Iterator[None]:
        with self._gate.keeps(creates, undone=True):
            yield
            assert self._gate.kept.is_set()


class Frozen(Asked):
    """An engine that is stopped by a signal; what was sent to it meanwhile it may do when it wakes."""

    may_be_done = False

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def in_stop(self, *, done: bool) -> contextlib.AbstractContextManager[None]:
        return self._daemon.frozen()

    in_start = property(lambda self: self._daemon.frozen)


class OfMachine(Asked):
    """The machine's commands wait as long as there is a file."""

    may_be_done = False

    def __init__(self, machine: farm.MachineFarm) -> None:
        self._machine = machine

    @contextlib.contextmanager
    def in_stop(self, *, done: bool) -> Iterator[None]:
        with self._machine.held("stop") as pid:
            yield
            os.kill(pid(), signal.SIGKILL)

    @contextlib.contextmanager
    def in_start(self) -> Iterator[None]:
        with self._machine.held("start"):
            yield


class OfSshd(Asked):
    may_be_done = False

    def __init__(self, sshd: Sshd) -> None:
        self._sshd = sshd

    @contextlib.contextmanager
    def in_stop(self, *, done: bool) -> Iterator[None]:
        self._sshd.freeze()
        try:
            yield
        finally:
            self._sshd.thaw()

    @contextlib.contextmanager
    def in_start(self) -> Iterator[None]:
        with self.in_stop(done=False):
            yield


Made = tuple[farm.Farm, Trouble]


def _behind(title: str) -> Callable[[pytest.FixtureRequest], Made]:
    def make(request: pytest.FixtureRequest) -> Made:
        stand_in = request.getfixturevalue("stand_in")
        kinds = {"EC2": Before, "EC2, spot": SpotBefore}
        if title in kinds:
            made: farm.Farm = kinds[title](request.getfixturevalue("moto"), stand_in)
        else:
            made = FARMS_BEHIND[title](stand_in)
        return made, AtTheGate(Gate(stand_in))

    return make


def _docker(request: pytest.FixtureRequest) -> Made:
    dockerd: Dockerd = request.getfixturevalue("dockerd")
    return farm.DockerFarm(dockerd), Frozen(dockerd.daemon)


def _libvirt(request: pytest.FixtureRequest) -> Made:
    libvirtd: Libvirtd = request.getfixturevalue("libvirtd")
    return farm.LibvirtFarm(libvirtd), Frozen(libvirtd.daemon)


def _machine(request: pytest.FixtureRequest) -> Made:
    made = farm.MachineFarm(request.getfixturevalue("tmp_path"))
    return made, OfMachine(made)


class OurSSH(farm.SSHFarm):
    remove = farm.SSHFarm.vanish


def _ssh(request: pytest.FixtureRequest) -> Made:
    sshd: Sshd = request.getfixturevalue("sshd")
    return OurSSH(sshd), OfSshd(sshd)


DRIVERS: dict[str, Callable[[pytest.FixtureRequest], Made]] = {
    "Docker": _docker,
    "Kubernetes": _behind("Kubernetes"),
    "EC2": _behind("EC2"),
    "EC2, spot": _behind("EC2, spot"),
    "OpenStack": _behind("OpenStack"),
    "UpCloud": _behind("UpCloud"),
    "Marathon": _behind("Marathon"),
    "libvirt": _libvirt,
    "latent machine": _machine,
    "SSH": _ssh,
}

#: `make test` kills the master of one driver, in one stop; its late starts are in other tests.
IN_SHORT = ("Kubernetes",)


@pytest.fixture
def driver(request: pytest.FixtureRequest) -> Iterator[Made]:
    made = DRIVERS[request.param](request)
    yield made
    made[0].close()


def _each(names: tuple[str, ...] = tuple(DRIVERS)) -> Any:
    marked = {n: () if n in IN_SHORT else pytest.mark.long_way for n in names}
    params = [pytest.param(name, marks=marks) for name, marks in marked.items()]
    return pytest.mark.parametrize("driver", params, indirect=True)


class Scene:
    """A master of one driver, and what happens to it."""

    def __init__(self, make_master: MakeMaster, driver: Made, tmp_path: Path) -> None:
        self.farm, self.trouble = driver
        self.quiet = tmp_path / "quiet"
        self.master = make_master(
            [], env=dict(self.farm.env), lifecycle=START_LIFECYCLE, start=False
        )
        self.master.workers = [self.farm.expression(self.master.pb_port)]
        self.master.extra = self.farm.extra + SOON + QUIET.format(file=str(self.quiet))
        self.master.start()

    @property
    def can_tell(self) -> bool:
        """Whether anybody can be asked what there is."""
        return self.farm.title != "latent machine"

    def up(self) -> int:
        """A build runs, as long as nobody stops it; its request."""
        self.quiet.unlink(missing_ok=True)
        request = self.master.force_build("w", seconds=600)
        self.master.wait_build(request, 120, state="started")
        assert self.farm.left()
        self._before = {each["id"] for each in self.entries()}
        return request

    def killed(self, request: int) -> dict[str, Any]:
        """The master starts anew, and starts no build. The entry of its death."""
        self.quiet.touch()
        self.master.start()
        cancel(self.master, request)

        def new() -> Any:
            return [each for each in self.entries() if each["id"] not in self._before]

        (entry,) = self.master.wait_until(new, 60, "an entry")
        assert entry["cause"] == "crash"
        return entry  # type: ignore[no-any-return]

    def entries(self) -> list[dict[str, Any]]:
        return self.master.api("orphans")["orphans"]  # type: ignore[no-any-return]

    def entry(self, number: int) -> dict[str, Any]:
        return next(each for each in self.entries() if each["id"] == number)

    def is_there(self) -> bool:
        return bool(self.farm.there())

    def the_clouds_word_is_told(self, entry: dict[str, Any]) -> bool:
        """Whether it is there, when the entry says the same; of what nobody can tell it stays open."""
        assert entry["instance"], "by which name it is found"

        def told() -> Any:
            there, now = self.is_there(), self.entry(entry["id"])
            if there:
                assert now["closed_at"] is None, "it is there, and called gone"
                asked = now["proof"] or {}
                return "there" if asked.get("answer") == "there" else None
            return "gone" if now["closed_by"] == "driver" else None

        return bool(self.master.wait_until(told, 60, "the cloud's word") == "there")

    def rests(self) -> None:
        self.master.wait_worker("w", state="not_substantiated", pending=None)


def in_its_stop(scene: Scene, *, done: bool) -> None:
    request = scene.up()
    with scene.trouble.in_stop(done=done):
        stop_build(scene.master, "w")
        scene.trouble.hangs(scene.master)
        scene.master.kill9()
    entry = scene.killed(request)
    if not scene.can_tell:
        assert entry["instance"] == "box"
        closed_by_a_later_stop(scene, entry)
        return
    there = scene.the_clouds_word_is_told(entry)
    if scene.trouble.may_be_done and not done:
        assert there
    if there:
        ended_by_rest(scene.master, scene.farm)
    all_closed_by_the_cloud(scene.master)


def closed_by_a_later_stop(scene: Scene, entry: dict[str, Any]) -> None:
    """Nobody can be asked about a machine: what may run is told until a stop has succeeded."""
    assert scene.entry(entry["id"])["closed_at"] is None
    scene.farm.remove()
    scene.master.wait_worker("w", connected=False)
    scene.up()
    stop_build(scene.master, "w")
    scene.master.wait_until(
        lambda: scene.entry(entry["id"])["closed_by"] == "stop", 60, "closed by the stop"
    )
    scene.rests()


def while_up(scene: Scene) -> None:
    request = scene.up()
    scene.master.kill9()
    entry = scene.killed(request)
    if scene.can_tell:
        # who logs in again is refused, and a driver that goes by names then stops what it has not started
        if scene.the_clouds_word_is_told(entry) and scene.is_there():
            scene.farm.remove()
        all_closed_by_the_cloud(scene.master)
    else:
        assert entry["instance"] == "box"
        closed_by_a_later_stop(scene, entry)
    table.seen(scene.farm.title, "crash")


def late(scene: Scene) -> None:
    """A start is given up, and makes an instance afterwards."""
    master = scene.master
    before = {each["id"] for each in scene.entries()}
    with scene.trouble.in_start():
        request = master.force_build("w", seconds=600)
        if scene.can_tell:
            get_stuck(master, "w", 60, verdict__code="start_pending")
        else:  # a machine may take an hour
            master.wait_worker("w", 60, pending__call="start_machine", episode=bool)
            force(master, "w", override=True)
        released(scene)
        scene.quiet.touch()
        cancel(master, request)

    master.wait_until(lambda: ends_late(master), 90, "the start that was given up ends")

    def word() -> Any:
        """What is there has an entry with its name; that of the release, where that had it already."""
        new = [each for each in scene.entries() if each["id"] not in before and each["instance"]]
        still = [each for each in new if each["closed_at"] is None]
        return (still or "gone") if bool(still) is scene.is_there() else None

    told = master.wait_until(word, 60, "the entry, or the end of what was made")
    if (
        told == "gone"
    ):  # a driver that goes by names has stopped it, since its worker was not expected
        assert scene.farm.title in ("Kubernetes", "Marathon", "libvirt")
    elif scene.can_tell:
        (entry,) = told
        if scene.the_clouds_word_is_told(entry) and scene.is_there():
            scene.farm.remove()
        master.wait_until(lambda: closed_by_its_cloud(scene, entry), 60, "it is closed")
    else:
        (entry,) = told
        assert (entry["instance"], entry["cause"]) == ("box", "late_start")
        unpause(master, "w")
        closed_by_a_later_stop(scene, entry)
    table.seen(scene.farm.title, "late start")


def ends_late(master: RealMaster) -> bool:
    ended = (each["data"] for each in events(master, "w") if each["kind"] == "call_ended")
    calls = ("start_instance", "start_machine")
    return any(each["call"] in calls and each.get("late") for each in ended)


def closed_by_its_cloud(scene: Scene, entry: dict[str, Any]) -> bool:
    return scene.entry(entry["id"])["closed_by"] in ("driver", "stop", "late end")


def released(scene: Scene) -> None:
    """Buildbot's own stop may wait behind the start that hangs: it is released as well."""
    master = scene.master

    def rests() -> bool:
        seen = master.worker("w")
        if seen["verdict"]["level"] == "stuck" and seen["pending"] is not None:
            ask_force(master, "w")
        return bool(seen["state"] == "not_substantiated" and seen["paused"])

    master.wait_until(rests, 60, "the worker is free")


@_each()
def test_what_the_next_start_tells_of_a_master_that_was_killed_is_true(
    make_master: MakeMaster, driver: Made, tmp_path: Path
) -> None:
    scene = Scene(make_master, driver, tmp_path)
    in_its_stop(scene, done=False)
    if table.is_made():
        if scene.trouble.may_be_done:
            in_its_stop(scene, done=True)
        while_up(scene)
    scene.master.stop(15)


@pytest.mark.long_way
@_each(tuple(name for name in DRIVERS if name not in ("EC2", "OpenStack")))
def test_a_start_that_is_given_up_and_ends_late_is_named_and_closed_by_the_clouds_word(
    make_master: MakeMaster, driver: Made, tmp_path: Path
) -> None:
    scene = Scene(make_master, driver, tmp_path)
    late(scene)
    scene.master.stop(15)
