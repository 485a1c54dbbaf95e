"""Buildbot's edge: it waits for Deferreds, and we write coroutines."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet import defer

_T = TypeVar("_T")


def as_deferred(
    coroutine: Callable[..., Coroutine[Any, Any, _T]],
) -> Callable[..., defer.Deferred[_T]]:
    """A method that Buildbot calls: its coroutine begins at once, and is answered as a Deferred."""

    @functools.wraps(coroutine)
    def method(*args: Any, **kwargs: Any) -> defer.Deferred[_T]:
        return defer.ensureDeferred(coroutine(*args, **kwargs))

    return method
