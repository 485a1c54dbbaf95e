"""Servers for the tests of the REST API."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.www.served import Master, Served, Server


@pytest.fixture(scope="session")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The double with alice, bob and the odd names."""
    with Served(tmp_path_factory.mktemp("double")) as served:
        yield served


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Master]:
    """A real master with the same."""
    with Master(tmp_path_factory.mktemp("real")) as master:
        yield master
        # None of what the tests ask is the master's fault, so none of it may be an error there.
        assert "Traceback" not in master.log()


@pytest.fixture(params=["double", pytest.param("real", marks=pytest.mark.master)])
def server(request: pytest.FixtureRequest) -> Server:
    """Both, one after the other: what holds for one must hold for the other."""
    found: Server = request.getfixturevalue(request.param)
    return found
