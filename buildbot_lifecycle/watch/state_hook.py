"""A data descriptor in the place of ``state``: it sees each assignment, synchronously."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from buildbot_lifecycle.host.names import AbstractLatentWorker, States


class StateHook:
    """The data descriptor in the place of a class's ``state``.

    `original` is what stood there: the plain default, or a subclass's own property, which goes on
    doing its work underneath.
    """

    def __init__(self, hooks: StateHooks, original: Any) -> None:
        self._hooks = hooks
        self.original = original
        self._chained = hasattr(original, "__get__") and hasattr(original, "__set__")

    def __get__(self, worker: Any, owner: type | None = None) -> Any:
        if self._chained:
            return self.original.__get__(worker, owner)
        if worker is None:
            return self.original
        return worker.__dict__.get("state", self.original)

    def __set__(self, worker: Any, value: Any) -> None:
        outer = self._hooks.setting
        nested = outer is worker
        if self._chained:
            before = self._read(worker)
            self._hooks.setting = worker
            try:
                self.original.__set__(worker, value)
            finally:
                self._hooks.setting = outer
        else:
            own = worker.__dict__
            before = own.get("state", self.original)
            own["state"] = value
        if not nested:
            self._hooks.changed(worker, before, value)

    def _read(self, worker: Any) -> Any:
        try:
            return self.__get__(worker, type(worker))
        except Exception:
            # a subclass's property before its first assignment; whatever it raises, an assignment
            # alone would not have asked it
            return States.NOT_SUBSTANTIATED


class StateHooks:
    """The descriptors of Buildbot's class, and of each subclass with a ``state`` of its own."""

    def __init__(self, changed: Callable[[Any, Any, Any], None]) -> None:
        #: called with the worker, its state before and after; must not raise
        self.changed = changed
        #: the worker whose subclass's own property is at work: what it assigns below is no change
        self.setting: Any = None
        self._hooked: dict[type, StateHook] = {}

    def install(self) -> None:
        """Put them on every class of latent workers that there is."""
        self._hook(AbstractLatentWorker)
        for cls in _subclasses(AbstractLatentWorker):
            self._hook(cls)

    def cover(self, worker: Any) -> None:
        """Put them on the classes of one worker: they may be younger than `install`."""
        for cls in type(worker).__mro__:
            if issubclass(cls, AbstractLatentWorker):
                self._hook(cls)

    def remove(self) -> None:
        """Put back what stood there."""
        for cls, hook in self._hooked.items():
            if cls.__dict__.get("state") is hook:  # else replaced meanwhile: not ours any more
                setattr(cls, "state", hook.original)
        self._hooked.clear()

    def _hook(self, cls: type) -> None:
        if cls in self._hooked or "state" not in cls.__dict__:
            return
        self._hooked[cls] = StateHook(self, cls.__dict__["state"])
        setattr(cls, "state", self._hooked[cls])


def _subclasses(cls: type) -> Iterator[type]:
    sub: type
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)
