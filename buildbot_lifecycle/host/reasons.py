"""What went wrong, in one line for a person.

Drivers, Twisted and Buildbot wrap one error into another, over several lines, with the files of the
master's installation between. What an operator needs is the innermost error: its class and its words.
The traceback is kept beside it, as it was.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, FirstError
from twisted.internet.error import ConnectionAborted, ConnectionClosed, ConnectionLost
from twisted.python.failure import Failure
from twisted.spread.pb import RemoteError

from buildbot_lifecycle.core.texts import clean

#: Wrappers taken off, at most; an error that wraps itself ends there.
MAX_DEPTH = 10

#: The way in which Twisted shows a Failure inside of another error's text, and the frames after it.
_SHOWN_FAILURE = re.compile(r"\[Failure instance: Traceback[^<\n]*<class '(?:[\w]+\.)*(\w+)'>: ?")
_FRAMES = re.compile(r"^(?:\S.*:\d+:\S+|--- <exception caught here> ---)$", re.MULTILINE)
_FIRST_ERROR = re.compile(r"FirstError\[#\d+, ")

#: Errors after which nobody knows whether the other side has done what it was asked for.
_UNANSWERED = (
    TimeoutError,
    asyncio.CancelledError,
    CancelledError,
    ConnectionResetError,
    BrokenPipeError,
    ConnectionAborted,
    ConnectionClosed,
    ConnectionLost,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def one_line(problem: Any) -> str:
    """A Failure or an exception in one line: ``Class: text``, unwrapped, without the master's paths."""
    causes = dict.fromkeys(_one(each) for each in _innermost(problem, MAX_DEPTH))
    return clean(plain("; ".join(causes)))


def words(problem: Any) -> str:
    """`one_line` without a class that says nothing: what somebody raised for its text alone."""
    return re.sub(r"^(?:RuntimeError|Exception): ", "", one_line(problem))


def is_unanswered(problem: Any) -> bool:
    """Whether the error only says that no answer came: what was asked for may have been done."""
    found = [
        each.value if isinstance(each, Failure) else each for each in _innermost(problem, MAX_DEPTH)
    ]
    return any(isinstance(each, _UNANSWERED) or _is_timeout(each) for each in found)


def _is_timeout(error: Any) -> bool:
    """By name: the clients of clouds have classes of their own for it."""
    return any(re.search("Timeout|TimedOut", cls.__name__) for cls in type(error).__mro__)


def plain(text: str) -> str:
    """`text` in one line, without the directories in which the master and its code live."""
    text = _FRAMES.sub("", _FIRST_ERROR.sub("", _SHOWN_FAILURE.sub(r"\1: ", text)))
    text = " ".join(_CONTROL.sub(" ", text).split())
    for root in _roots():
        if root in text:
            end = r"(?:/|(?![\w./-]))"
            text = re.sub(rf"(?<![\w./-]){re.escape(root)}{end}", "", text)
    return text


def _innermost(problem: Any, depth: int) -> Iterable[Any]:
    """An error itself, or those that it only carries; each a Failure or an exception."""
    error = problem.value if isinstance(problem, Failure) else problem
    carried = list(_carried(error)) if depth else []
    if not carried:
        yield problem
    for each in carried:
        yield from _innermost(each, depth - 1)


def _carried(error: Any) -> Iterable[Any]:
    """The errors that one only wraps: Twisted's FirstError, a list of Failures, an exception group."""
    if isinstance(error, FirstError):
        return [error.subFailure]
    if isinstance(getattr(error, "exceptions", None), (tuple, list)):
        return [each for each in error.exceptions if isinstance(each, BaseException)]
    found: list[Failure] = []
    for argument in getattr(error, "args", ()):
        several = argument if isinstance(argument, (tuple, list)) else (argument,)
        found += [each for each in several if isinstance(each, Failure)]
    return found


def _one(problem: Any) -> str:
    error = problem.value if isinstance(problem, Failure) else problem
    name = type(error).__name__
    if isinstance(error, RemoteError):
        # raised in the worker's process, and carried here with the name of its class
        name = _last(error.remoteType)
    elif isinstance(problem, Failure) and not isinstance(error, BaseException):
        # of another process, and not made an exception again: class and words are texts
        name = _last(problem.type)
    text = _text(error)
    return f"{name}: {text}" if text else name


def _last(name: Any) -> str:
    shown = name.decode("utf-8", "replace") if isinstance(name, bytes) else _text(name)
    return shown.rpartition(".")[2]


def _text(thing: Any) -> str:
    try:
        return str(thing)
    except Exception:
        return f"<{type(thing).__name__} that cannot be shown>"


def _roots() -> list[str]:
    """Directories of this process, the longest first: where its code is, and the master's own."""
    places = [*sys.path, str(Path.cwd())]
    return sorted({place.rstrip("/") for place in places if len(place) > 1}, key=len, reverse=True)
