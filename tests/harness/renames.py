"""Another version of Buildbot: one in which a name is another one, in all of the class's own code.

A name that instances have is in the code of the methods that set and read it. So it is that code which is
changed; a class attribute moves besides. What Buildbot does is as before.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from buildbot.util.service import BuildbotService
from buildbot.worker.latent import AbstractLatentWorker


def is_renamed_of_workers(name: str) -> bool:
    """Rename for good, from the configuration of a master that is started; always True."""
    _rename(AbstractLatentWorker, name)
    return True


@contextlib.contextmanager
def renamed(cls: type, name: str) -> Iterator[None]:
    """The same for a while."""
    undo = _rename(cls, name)
    try:
        yield
    finally:
        for step in reversed(undo):
            step()


def _rename(cls: type, name: str) -> list[Callable[[], None]]:
    other = f"{name}_of_another_version"
    undo: list[Callable[[], None]] = []
    # the services' own are those of our service, too
    for base in [base for base in cls.__mro__[:-1] if base not in BuildbotService.__mro__]:
        for function in _functions(base):
            before = function.__code__
            function.__code__ = _with_names(before, name, other)
            undo.append(lambda f=function, code=before: setattr(f, "__code__", code))
        if name in vars(base):
            value = vars(base)[name]
            setattr(base, other, value)
            delattr(base, name)
            undo.append(lambda b=base, v=value: setattr(b, name, v))
            undo.append(lambda b=base: delattr(b, other))
    return undo


def _functions(cls: type) -> Iterator[FunctionType]:
    for value in vars(cls).values():
        parts = [getattr(value, part, None) for part in ("__func__", "fget", "fset")]
        for part in [value, *parts]:
            function = inspect.unwrap(part) if callable(part) else part
            if isinstance(function, FunctionType):
                yield function


def _with_names(code: CodeType, name: str, other: str) -> CodeType:
    parts: Any = tuple(
        _with_names(part, name, other) if isinstance(part, CodeType) else part
        for part in code.co_consts
    )
    names = tuple(other if each == name else each for each in code.co_names)
    return code.replace(co_names=names, co_consts=parts)
