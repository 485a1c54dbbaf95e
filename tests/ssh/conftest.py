"""A host to log in to: a real sshd of the test's own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.harness import sshd as harness
from tests.harness.need import may_miss
from tests.harness.sshd import Sshd
from tests.ssh.proxy import Proxy

MakeSshd = Callable[..., Sshd]


@pytest.fixture
def make_sshd(tmp_path: Path) -> Iterator[MakeSshd]:
    """`make_sshd("name", extra="MaxStartups 3")`: a started one. Its log is shown if the test fails."""
    if not harness.find():
        (pytest.skip if "sshd" in may_miss() else pytest.fail)("sshd is missing: openssh-server")
    made: list[Sshd] = []

    def make(name: str = "host", **options: Any) -> Sshd:
        made.append(Sshd(tmp_path / name, **options))
        return made[-1].start()

    yield make
    for each in reversed(made):
        each.close()
        print(each.log())  # noqa: T201 - pytest shows it with a failure


@pytest.fixture
def sshd(make_sshd: MakeSshd) -> Sshd:
    """One host."""
    return make_sshd()


@pytest.fixture
def make_proxy() -> Iterator[Callable[[int], Proxy]]:
    """`make_proxy(port)`: a network that can die."""
    with contextlib.ExitStack() as stack:
        yield lambda port: stack.enter_context(contextlib.closing(Proxy(port)))
