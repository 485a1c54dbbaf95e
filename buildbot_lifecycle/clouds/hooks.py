"""What a worker class may say itself: methods `lifecycle_...`, each optional, which come before adapters.

They run on the reactor, in the class's own manner, and may be coroutines or give Deferreds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from twisted.internet import defer

from buildbot_lifecycle.clouds.values import (
    Can,
    CannotTell,
    Gone,
    Instance,
    State,
    Why,
)

T = TypeVar("T")

#: The method for each ability. AGE and KIND come with what LIST says.
METHODS = {
    Can.NAME: "lifecycle_instance",
    Can.GONE: "lifecycle_is_gone",
    Can.LIST: "lifecycle_instances",
    Can.END: "lifecycle_end",
    Can.LINK: "lifecycle_link",
    Can.LAST_WORDS: "lifecycle_last_words",
}


def hook(worker: Any, ability: Can) -> Callable[..., Any] | None:
    """The worker's own method for this; None if its class has none."""
    method = getattr(worker, METHODS[ability], None) if ability in METHODS else None
    return method if callable(method) else None


def awaited(answer: Any) -> defer.Deferred[Any]:
    """What a method has returned, as a Deferred: coroutines may be given too."""
    if hasattr(answer, "__await__") and not isinstance(answer, defer.Deferred):
        return defer.ensureDeferred(answer)
    return answer if isinstance(answer, defer.Deferred) else defer.succeed(answer)


def in_time(
    asked: defer.Deferred[T], seconds: float, reactor: Any, late: CannotTell
) -> defer.Deferred[T]:
    """What is answered within so many seconds, else `late`, whatever the asked one does when canceled.

    Twisted's `addTimeout` waits for the answer to its cancel, and a coroutine may catch that and go on.
    """
    answer: defer.Deferred[T] = defer.Deferred(lambda _: asked.cancel())

    def too_late() -> None:
        answer.errback(late)
        asked.cancel()

    timer = reactor.callLater(seconds, too_late)

    def came(result: Any) -> None:
        if timer.active():
            timer.cancel()
        if not answer.called:
            answer.callback(result)

    asked.addBoth(came)
    return answer


def gone(answer: Any) -> Gone:
    """The answer of `lifecycle_is_gone`: True, False, or None for not known."""
    if answer is True or answer is False:
        return answer
    if answer is None:
        raise CannotTell(Why.UNDECIDED, "the driver says that it does not know")
    raise CannotTell(Why.NONSENSE, f"lifecycle_is_gone answered {type(answer).__name__}")


def instances(answer: Any) -> Sequence[Instance]:
    """The answer of `lifecycle_instances`: dictionaries with `name`, and what else is known."""
    if not isinstance(answer, (list, tuple)):
        raise CannotTell(Why.NONSENSE, "lifecycle_instances answered no list")
    return [_instance(each) for each in answer]


def _instance(said: Any) -> Instance:
    if not isinstance(said, Mapping) or not isinstance(said.get("name"), str):
        raise CannotTell(Why.NONSENSE, "lifecycle_instances: an instance has no name")
    word = str(said.get("state", State.UP.value))
    states = {state.value: state for state in State}
    born, kind, mark = said.get("born"), said.get("kind"), said.get("worker")
    return Instance(
        name=said["name"],
        mark=mark if isinstance(mark, str) else None,
        state=states.get(word, State.OTHER),
        word=word,
        born=float(born) if isinstance(born, (int, float)) else None,
        kind=kind if isinstance(kind, str) else None,
        ours=True,
    )
