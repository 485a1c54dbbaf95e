"""Wrappers around methods of one worker object, and around those of a class; each can be taken off."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from buildbot_lifecycle.watch.register import Hook
from buildbot_lifecycle.watch.watched import Watched

_ABSENT = object()


def wrap(watched: Watched, name: str, hook: Hook) -> None:
    """Put `hook` around a method of the worker; one that is kept beyond this life only passes through."""
    worker = watched.worker
    before = worker.__dict__.get(name, _ABSENT)
    original = getattr(worker, name)
    life = watched.life

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if watched.life != life:
            # somebody kept it: a connection its `detached`, another wrapper what it stands before
            return original(*args, **kwargs)
        return hook(watched, original, args, kwargs)

    worker.__dict__[name] = wrapper
    watched.wrapped[name] = (wrapper, before)


def unwrap(watched: Watched) -> None:
    """Take all of them off again."""
    own = watched.worker.__dict__
    for name, (wrapper, before) in watched.wrapped.items():
        if own.get(name) is not wrapper:
            continue  # replaced meanwhile: not ours any more
        if before is _ABSENT:
            del own[name]
        else:
            own[name] = before
    watched.wrapped.clear()


class ClassMethods:
    """Methods of ours in front of those that a class inherits or has."""

    def __init__(self, cls: type, methods: dict[str, Callable[..., Any]]) -> None:
        self._cls = cls
        self._methods = methods
        self._before: dict[str, Any] = {}

    def install(self) -> None:
        """Put them on the class."""
        for name, method in self._methods.items():
            self._before[name] = self._cls.__dict__.get(name, _ABSENT)
            setattr(self._cls, name, method)

    def remove(self) -> None:
        """Put back what stood there, as far as ours still stand."""
        for name, method in self._methods.items():
            if self._cls.__dict__.get(name) is not method:
                continue
            if self._before[name] is _ABSENT:
                delattr(self._cls, name)
            else:
                setattr(self._cls, name, self._before[name])

    def original(self, worker: Any, name: str) -> Any:
        """What a method of ours stands in front of, bound to the worker."""
        before = self._before.get(name, _ABSENT)
        if before is _ABSENT:
            return getattr(super(self._cls, worker), name)
        return before.__get__(worker, type(worker))
