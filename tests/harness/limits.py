"""A test over its time limit fails, and nothing else does.

pytest-timeout raises wherever Python is when its alarm goes off. In a fixture or a test that is a failure
like any other. Between them, while pytest makes the report, it is an INTERNALERROR, which ends the whole
run, that of pytest-xdist too. So the alarm waits until a place that takes it; and it is set again for the
end of a test that failed, which pytest-timeout leaves without a limit.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_timeout import timeout_sigalrm

#: Seconds until the alarm tries again.
SOON = 0.5

_MAY_STRIKE = pytest.StashKey[bool]()
_LIMIT = pytest.StashKey[float]()


@contextlib.contextmanager
def may_strike(item: pytest.Item) -> Iterator[None]:
    """What is done in here may end with `pytest.fail.Exception`, when the limit is over."""
    item.stash[_MAY_STRIKE] = True
    try:
        yield
    finally:
        item.stash[_MAY_STRIKE] = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Iterator[None]:
    """What it raises is the test's."""
    with may_strike(item):
        return (yield)


pytest_runtest_call = pytest_runtest_setup


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """As the others; after a failure pytest-timeout has cancelled its timer."""
    limit = item.stash.get(_LIMIT, None)
    with may_strike(item):
        if limit is not None and signal.getitimer(signal.ITIMER_REAL)[0] == 0:
            signal.setitimer(signal.ITIMER_REAL, limit)
        return (yield)


@pytest.hookimpl
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """In place of pytest-timeout's own, whose alarm strikes anywhere."""

    def strike(*_: object) -> None:
        if not item.stash.get(_MAY_STRIKE, False):
            signal.setitimer(signal.ITIMER_REAL, SOON)
            return
        timeout_sigalrm(item, settings)

    def cancel() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)

    item.cancel_timeout = cancel  # type: ignore[attr-defined] - where pytest-timeout looks for it
    item.stash[_LIMIT] = settings.timeout
    signal.signal(signal.SIGALRM, strike)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout)
    return True
