"""Waiting for a condition, with a deadline. There is no sleep anywhere else in the tests."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

POLL = 0.05  # seconds

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

    `timeout` in seconds. OSError, AssertionError and LookupError of `predicate` count as "not yet".
    `while_` is called each time too, and may raise what makes more waiting useless.
    Raises AssertionError with `what` was waited for and what was seen last.
    """
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
