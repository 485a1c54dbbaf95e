"""Waiting for a condition, with a deadline. There is no sleep anywhere else in the tests.

Deadlines are written as a quiet machine needs them, and are multiplied by `PATIENCE` in one place, here.
No test passes because it waited, and only one that hangs waits to the end: so patience costs nothing.
"""

from __future__ import annotations

import http.client
import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL = 0.05  # seconds

#: How many times slower than a quiet one a machine may be before a deadline says that something hangs.
PATIENCE = float(os.environ.get("LIFECYCLE_PATIENCE", "5"))


def patient(seconds: float) -> float:
    """A deadline for this machine: seconds that a quiet one would need at most, times `PATIENCE`."""
    return seconds * PATIENCE


#: What a question to a process that is not there yet may raise.
NOT_YET = (OSError, AssertionError, LookupError, http.client.HTTPException)


def wait_until(
    predicate: Callable[[], T],
    timeout: float = 30.0,
    what: str = "",
    *,
    while_: Callable[[], object] = lambda: None,
) -> T:
    """Ask until the answer is true, and return it.

    `timeout` in seconds of a quiet machine, see `patient`. OSError, AssertionError and LookupError of
    `predicate` count as "not yet".
    `while_` is called each time too, and may raise what makes more waiting useless.
    Raises AssertionError with `what` was waited for and what was seen last.
    """
    timeout = patient(timeout)
    deadline = time.monotonic() + timeout
    while True:
        try:
            seen: object = predicate()
            if seen:
                return seen  # type: ignore[return-value]
        except NOT_YET as error:
            seen = error
        while_()
        if time.monotonic() > deadline:
            what = what or getattr(predicate, "__name__", "a condition")
            raise AssertionError(f"waited {timeout:g} s for {what}; seen last: {seen!r}")
        time.sleep(POLL)
