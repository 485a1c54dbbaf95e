"""Running a coroutine on the real reactor until it ends, as Twisted's trial does it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.internet import reactor as _reactor
from twisted.python.failure import Failure

from tests.harness.waiting import patient

T = TypeVar("T")

reactor: Any = _reactor


def spin(coroutine: Coroutine[Any, Any, T], timeout: float = 90.0, *, processes: bool = False) -> T:
    """The result of `coroutine`; its exception; or TimeoutError after `timeout` seconds (see `patient`).

    With `processes` there are signal handlers: without SIGCHLD no end of a process is ever noticed.
    """
    results: list[Any] = []
    running = defer.ensureDeferred(coroutine)
    running.addBoth(results.append)
    if not results:
        limit = reactor.callLater(patient(timeout), reactor.crash)
        running.addBoth(lambda _: reactor.crash())
        reactor.run(installSignalHandlers=processes)
        if limit.active():
            limit.cancel()
    if not results:
        raise TimeoutError(f"not done after {patient(timeout):g} s")
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]  # type: ignore[no-any-return]


def in_thread(function: Callable[[], Any]) -> defer.Deferred[None]:
    """Fires once `function` has ended in a thread of its own.

    Not the reactor's pool: nobody stops that here, and the process would wait for it for ever.
    """
    done: defer.Deferred[None] = defer.Deferred()

    def work() -> None:
        try:
            function()
        except BaseException:  # noqa: BLE001 - told where it is waited for
            reactor.callFromThread(done.errback, Failure())
        else:
            reactor.callFromThread(done.callback, None)

    threading.Thread(target=work, daemon=True).start()
    return done


def sleep(seconds: float) -> defer.Deferred[None]:
    waiting: defer.Deferred[None] = defer.Deferred()
    reactor.callLater(seconds, waiting.callback, None)
    return waiting
