"""Back ends: one of each for a process of pytest-xdist; what cannot be had is skipped, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clouds.backends import Dockerd, Moto, found
from tests.clouds.stand_in import StandIn
from tests.clouds.support import Desk
from tests.harness.need import may_miss


def _without(need: str, *programs: str) -> None:
    """Skip if something is not there and `$LIFECYCLE_MAY_MISS` allows it; else fail."""
    lacking = [each for each in programs if not found(each)]
    if not lacking:
        return
    text = f"{need}: no {', no '.join(lacking)} on this machine"
    if need in may_miss():
        pytest.skip(text)
    pytest.fail(text)


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
