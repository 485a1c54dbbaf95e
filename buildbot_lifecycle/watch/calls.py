"""A driver call that can be outlived.

Buildbot waits on the Deferred of start_instance, stop_instance or check_instance. `Call.begin` puts one
of ours in between: the driver's result passes through it unchanged, and `Call.release` settles ours
while the driver's own stays watched, so that its late end is still told.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, cast

from twisted.internet import defer
from twisted.python import failure

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.names import (
    LatentWorkerCannotSubstantiate,
    LatentWorkerFailedToSubstantiate,
)
from buildbot_lifecycle.host.reasons import is_unanswered, one_line, plain


class ReleasedError(Exception):
    """What Buildbot gets in place of a stop_instance that was released; it logs it and goes on."""


class BrokenOffError(Exception):
    """What Buildbot gets in place of a BaseException of stop_instance while it stops the worker.

    Its insubstantiate walks back from an Exception only; half way, its stopService would loop for ever.
    """


def nothing() -> None:
    """For `followed` where its beginning is no news."""


def is_coroutine(result: Any) -> bool:
    """Whether a method answered with something that runs only when Buildbot (or Twisted) drives it."""
    return inspect.iscoroutine(result) or inspect.isgenerator(result)


def followed(result: Any, began: Callable[[], Any], ended: Callable[[Any], Any]) -> Any:
    """What a method of Buildbot's returned, as Buildbot is to get it, with its way told.

    ``began`` is called when it is under way, ``ended`` with its value or Failure; neither may raise. The
    kind stays what it is, since Buildbot does not treat all alike: its services drive a coroutine in any
    case and a generator only at times, its subscriptions and timers neither. So a coroutine is told as
    under way from its first step, and one that nobody drives has never begun.
    """
    if isinstance(result, defer.Deferred):
        began()

        def over(value: Any) -> Any:
            ended(value)
            return value

        return result.addBoth(over)
    if not is_coroutine(result):
        ended(result)
        return result
    driven = _awaited if inspect.iscoroutine(result) else _yielded
    follower: Any = driven(result, began, ended)
    # what is said of one that was never awaited must name its author's method
    follower.__name__, follower.__qualname__ = result.__name__, result.__qualname__
    return follower


async def _awaited(coroutine: Any, began: Callable[[], Any], ended: Callable[[Any], Any]) -> Any:
    began()
    try:
        value = await coroutine
    except GeneratorExit:
        raise  # it was dropped: nobody waits for it any more, and it has not ended
    except BaseException:
        ended(failure.Failure())  # type: ignore[no-untyped-call]
        raise
    ended(value)
    return value


def _yielded(generator: Any, began: Callable[[], Any], ended: Callable[[Any], Any]) -> Any:
    began()
    try:
        value = yield from generator
    except GeneratorExit:
        raise
    except BaseException:
        ended(failure.Failure())  # type: ignore[no-untyped-call]
        raise
    ended(value)
    return value


#: (call, outcome data): told when the driver's call ends, or when it is released.
Ended = Callable[["Call", "dict[str, Any]"], None]


class Call:
    """One driver call under way.

    ``inner`` is the driver's Deferred, ``outer`` ours that Buildbot waits on; both None until it is
    known that the call did not end at once. ``told`` is whether its beginning was recorded.
    ``since`` is when it was called, None if that is not known.
    ``must_walk_back`` says at the end whether Buildbot must be spared a BaseException.
    """

    def __init__(
        self,
        name: str,
        token: int,
        on_end: Ended,
        must_walk_back: Callable[[], bool] = lambda: False,
        since: float | None = None,
    ) -> None:
        self.name = name
        self.token = token
        self.since = since
        self.inner: defer.Deferred[Any] | None = None
        self.outer: defer.Deferred[Any] | None = None
        self.released = False
        self.ended = False
        self.told = False
        self._on_end = on_end
        self._must_walk_back = must_walk_back

    def begin(self, function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Run the driver's method; what it returns or raises comes out as it is, if it came at once."""
        try:
            result = function(*args, **kwargs)
        except BaseException as error:
            self._end(failure.Failure())  # type: ignore[no-untyped-call]
            if self._breaks_off(error):
                raise BrokenOffError(_broken_off(self.name, error)) from error
            raise
        if is_coroutine(result):
            result = defer.Deferred.fromCoroutine(cast("Any", result))
        if not isinstance(result, defer.Deferred):
            self._end(result)
            return result
        self.inner = result
        self.outer = defer.Deferred(lambda _: result.cancel())
        outer = self.outer
        result.addBoth(self._relay)
        return outer

    def _relay(self, result: Any) -> None:
        self._end(result)
        if self.outer is not None and not self.outer.called:
            if isinstance(result, failure.Failure) and self._breaks_off(result.value):
                error = BrokenOffError(_broken_off(self.name, result.value))
                result = failure.Failure(error)  # type: ignore[no-untyped-call]
            # a Failure given to callback takes the errback way, as it would from the driver's own
            self.outer.callback(result)

    def _breaks_off(self, error: BaseException | None) -> bool:
        return not isinstance(error, Exception) and self._must_walk_back()

    def _end(self, result: Any) -> None:
        self.ended = True
        data = outcome_of(self.name, result)
        if self.released:
            data["late"] = True
        self._tell(data)

    def _tell(self, data: dict[str, Any]) -> None:
        try:
            self._on_end(self, data)
        except Exception:
            # whatever happens to our telling of it, Buildbot must get an answer
            log_error(None, f"lifecycle: while recording the end of {self.name}")

    def release(self, by: str, *, in_use: bool = False) -> bool:
        """Make Buildbot stop waiting; False when it does not wait any more.

        stop_instance and start_instance fail with a reason, check_instance says "not good": Buildbot's
        own code then walks back and releases its own lock. With `in_use` (the worker has connected
        meanwhile, maybe it builds) a start or check is taken for good instead: then the lock is
        released all the same, and no build is lost.
        """
        if self.outer is None or self.outer.called or self.released:
            return False
        self.released = True
        self._tell({"outcome": "released", "by": by})
        text = f"{self.name} had not ended and was released ({by})"
        if in_use and self.name != "stop_instance":
            self.outer.callback((True, "") if self.name == "check_instance" else True)
        elif self.name == "check_instance":
            self.outer.callback((False, text))
        elif self.name == "start_instance":
            self.outer.errback(LatentWorkerFailedToSubstantiate(text))
        else:
            self.outer.errback(ReleasedError(text))
        return True


def _broken_off(name: str, error: BaseException | None) -> str:
    return f"{name} ended with {type(error).__name__} while the worker was being stopped"


def outcome_of(name: str, result: Any) -> dict[str, Any]:
    """The outcome of a driver call as JSON: what it returned or raised, as Buildbot reads it.

    A falsy answer of start_instance is a refusal; of stop_instance only False is (None is what drivers
    return that know nothing better); check_instance answers a pair (good, text).
    """
    if isinstance(result, failure.Failure):
        return _outcome_of_error(result)
    if name == "check_instance":
        return _outcome_of_check(result)
    if result is True:
        return {"outcome": "true"}
    if result is False:
        return {"outcome": "false"}
    if name in ("start_instance", "start_machine") and _is_no(result):
        return {"outcome": "false", "value": _kind(result)}
    return {"outcome": "other", "value": _kind(result)}


def _outcome_of_error(problem: failure.Failure) -> dict[str, Any]:
    error = problem.value
    told: dict[str, Any] = {
        "outcome": "raised",
        "error": cut(one_line(problem), MAX_LINE),
        "traceback": cut(problem.getTraceback()),
    }
    if not isinstance(error, Exception):
        # Buildbot's `except Exception` lets these through: asyncio.CancelledError, for one
        told["base"] = True
    if isinstance(error, LatentWorkerCannotSubstantiate):
        told["build_refused"] = True
    if is_unanswered(problem):
        told["unanswered"] = True
    return told


def _outcome_of_check(result: Any) -> dict[str, Any]:
    # anything else that can be unpacked might be used up by our looking at it
    pair = result if isinstance(result, (tuple, list)) else ()
    try:
        good, text = pair
    except ValueError:
        told = {"outcome": "other", "value": _kind(result)}
        if isinstance(result, (tuple, list)) or not hasattr(type(result), "__iter__"):
            # Buildbot cannot unpack it either, and takes that for an instance that has crashed
            told["error"] = f"returned {_answer(result)}, not a pair (good, text)"
        return told
    if _is_no(good):
        return {"outcome": "false", "error": cut(plain(_text(text)), MAX_LINE)}
    if issubclass(type(text), str):
        return {"outcome": "true"}
    # Buildbot puts the text behind its own words, also of a good answer, and stumbles
    said = f"returned a pair with {_answer(text)} in the place of its text"
    return {"outcome": "other", "value": _kind(result), "error": said}


def _answer(value: Any) -> str:
    """What was returned, for a sentence: a value that says nothing more, or its type."""
    return (
        repr(value) if value is None or type(value) is bool else f"a value of type {_kind(value)}"
    )


def _is_no(value: Any) -> bool:
    """Whether Buildbot takes it for a no, as far as that is known without running code of the object."""
    truth = next((c for c in type(value).__mro__ if _TRUTH & vars(c).keys()), None)
    return truth is not None and truth.__module__ == "builtins" and not value


#: What Python asks whether an object is true, where its class has them; without, it is.
_TRUTH = frozenset({"__bool__", "__len__"})


#: Types whose repr is Python's own, and those that may hold them.
_PLAIN: tuple[type, ...] = (type(None), bool, int, float, str, bytes)
_HOLDERS: tuple[type, ...] = (list, tuple)

#: Items of a list that are looked at.
_MAX_ITEMS = 20


def _kind(value: Any) -> str:
    """A returned value by its type: what it shows of itself may hold a token of the cloud."""
    return "None" if value is None else type(value).__name__


def _text(value: Any) -> str:
    """A driver's value in words. The object is not asked: the repr of a lazy one may fetch it."""
    kind = type(value)
    if issubclass(kind, str):
        return str.__str__(value)
    shown = value[:_MAX_ITEMS] if kind in _HOLDERS else value
    if all(type(item) in _PLAIN for item in (shown if kind in _HOLDERS else (shown,))):
        return repr(shown)
    return f"<{kind.__name__}>"
