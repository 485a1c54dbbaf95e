"""Back ends: one of each for a process of pytest-xdist; what cannot be had is skipped, by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.clouds import table
from tests.clouds.backends import Dockerd, Libvirtd, Moto, found
from tests.clouds.stand_in import StandIn
from tests.clouds.support import Desk
from tests.harness.need import may_miss
from tests.ssh.conftest import make_sshd, sshd

#: Fixtures are what pytest finds here.
__all__ = ["make_sshd", "sshd"]


def _without(need: str, *programs: str) -> None:
    """Skip if something is not there and `$LIFECYCLE_MAY_MISS` allows it; else fail."""
    lacking = [each for each in programs if not found(each)]
    if lacking:
        _miss(need, ", ".join(lacking))


def _miss(need: str, what: str) -> NoReturn:
    table.backend({"docker": "Docker"}.get(need, need), f"could not get: {what}")
    if need in may_miss():
        pytest.skip(f"{need} is missing, as $LIFECYCLE_MAY_MISS allows: {what}")
    pytest.fail(f"{need} is missing: {what}. `make test` installs it; see tests/harness/need.py")


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Asks about workers without a master."""
    made = Desk()
    yield made
    made.close()


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    made = StandIn()
    yield made
    made.close()
    assert made.wrong == []


@pytest.fixture(scope="session")
def _dockerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    _without("docker", "dockerd", "busybox")
    yield from _started(Dockerd, tmp_path_factory.mktemp("dockerd"), "docker")


@pytest.fixture
def dockerd(_dockerd: Dockerd) -> Iterator[Dockerd]:
    """A real engine without containers."""
    yield _dockerd
    _dockerd.daemon.thaw()
    _dockerd.remove_all()


@pytest.fixture(scope="session")
def _libvirtd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Libvirtd]:
    _without("libvirt", "libvirtd", "busybox")
    if Libvirtd.lxc() is None or importlib.util.find_spec("libvirt") is None:
        _miss("libvirt", "its driver for lxc, or its python module")
    yield from _started(Libvirtd, tmp_path_factory.mktemp("libvirtd"), "libvirt")


@pytest.fixture
def libvirtd(_libvirtd: Libvirtd) -> Iterator[Libvirtd]:
    """A real libvirtd without domains."""
    yield _libvirtd
    _libvirtd.daemon.thaw()
    _libvirtd.destroy_all()


@pytest.fixture(scope="session")
def _moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    with pytest.MonkeyPatch.context() as environment:
        for made in _started(Moto, tmp_path_factory.mktemp("moto")):
            for key, value in made.env.items():
                environment.setenv(key, value)
            yield made


@pytest.fixture
def moto(_moto: Moto) -> Iterator[Moto]:
    """EC2 in which nothing runs; this process and its children find it by their environment."""
    yield _moto
    _moto.daemon.thaw()
    _moto.terminate_all()


def _started(kind: Callable[[Path], Any], directory: Path, engine: str = "") -> Iterator[Any]:
    """An `engine` that is installed may be refused by the kernel, or by a container that we are in."""
    made = kind(directory)
    try:
        try:
            made.start()
        except (AssertionError, RuntimeError) as error:
            if not engine:
                raise
            pytest.skip(f"{engine} cannot run on this machine: {error}")
        yield made
    finally:
        made.close()
