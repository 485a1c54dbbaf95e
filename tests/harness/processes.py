"""A test that starts a process says so by a mark: `make unit` stays quick, and needs nothing installed.

What fixtures started before the test began is theirs (the double of the web server is one for all).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

#: Marks of tests that may start processes: pyproject.toml says what each is.
MAY_START = frozenset(
    ("process", "master", "browser", "database", "cloud", "upstream", "benchmark", "soak")
)

_STARTS = ("subprocess.Popen", "os.fork", "os.posix_spawn", "os.system")


class _Gate:
    """Python's audit hooks cannot be taken away, so there is one, and it asks here."""

    shut_for: str | None = None

    def __call__(self, event: str, args: tuple[object, ...]) -> None:
        if event in _STARTS and self.shut_for is not None:
            test, self.shut_for = self.shut_for, None
            raise RuntimeError(f"{test} starts a process: it needs @pytest.mark.process")


_gate = _Gate()
sys.addaudithook(_gate)


@pytest.fixture(autouse=True)
def _processes_are_marked(request: pytest.FixtureRequest) -> Iterator[None]:
    marked = any(mark.name in MAY_START for mark in request.node.iter_markers())
    given = "double" in request.node.nodeid or "double" in request.fixturenames
    _gate.shut_for = None if marked or given else request.node.nodeid
    yield
    _gate.shut_for = None
