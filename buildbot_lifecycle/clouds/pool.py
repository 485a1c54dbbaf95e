"""The threads in which clouds are asked: few, our own, counted, and never waited for at the end.

Buildbot's drivers and its reconfiguration share the reactor's ten threads; a dead cloud takes them all.
So nothing of ours goes there. One dead cloud must not take all of ours either: each has its share.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from twisted.internet import defer
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from buildbot_lifecycle.clouds.values import CannotTell, Why

T = TypeVar("T")

SIZE = 6
#: Threads that one cloud may take.
SHARE = 2
#: Questions that may wait for a thread, of all clouds together.
WAITING = 200


@dataclass(frozen=True)
class Snapshot:
    """How the threads are, for `/health`. Times are seconds."""

    size: int
    busy: int
    queued: int
    #: How long the oldest call that has not ended has been running; None: there is none.
    oldest_s: float | None
    #: Calls of that one's adapter.
    oldest: str | None
    calls: int
    #: Calls that gave no answer, by adapter.
    failures: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """As `/health` tells it."""
        return {
            "threads": self.size,
            "busy": self.busy,
            "queued": self.queued,
            "oldest_s": self.oldest_s,
            "oldest": self.oldest,
            "calls": self.calls,
            "failures": dict(self.failures),
        }


@dataclass(frozen=True)
class _Call:
    adapter: str
    since: float


class _Thread(threading.Thread):
    """Ends with the process. `join` does not wait: a call that hangs must not keep the master."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.daemon = True

    def join(self, timeout: float | None = None) -> None:  # noqa: ARG002 - threading's signature
        super().join(0)


class Pool:
    """Runs calls in threads; `reactor` gives the time and takes the answers."""

    def __init__(self, reactor: Any, size: int = SIZE, share: int = SHARE) -> None:
        self._reactor = reactor
        self._size, self._share = size, share
        self._threads = ThreadPool(minthreads=0, maxthreads=size, name="lifecycle-clouds")
        self._threads.threadFactory = _Thread
        self._turns: dict[Hashable, defer.DeferredSemaphore] = {}
        self._running: dict[int, _Call] = {}
        self._queued = 0
        self._calls = 0
        self._failures: Counter[str] = Counter()

    def start(self) -> None:
        """Threads are made when they are needed."""
        self._threads.start()

    def stop(self) -> None:
        """Take no more calls. Those that run are left to themselves."""
        if self._threads.started:
            self._threads.stop()

    def run(self, adapter: str, cloud: Hashable, call: Callable[[], T]) -> defer.Deferred[T]:
        """Call in a thread; each `cloud` has a few. Fails with `CannotTell` if too many wait for one."""
        if not self._threads.started:
            return defer.fail(CannotTell(Why.BUSY, "the service is not running"))
        if self._queued >= WAITING:
            return defer.fail(CannotTell(Why.BUSY, f"{WAITING} calls are waiting for a thread"))
        turns = self._turns.setdefault(cloud, defer.DeferredSemaphore(self._share))
        self._queued += 1
        turn: defer.Deferred[Any] = turns.acquire()
        turn.addBoth(self._begun)
        turn.addCallback(self._go, cloud, adapter, call)
        return turn

    def failed(self, adapter: str) -> None:
        """A call of this adapter gave no answer."""
        self._failures[adapter] += 1

    def snapshot(self) -> Snapshot:
        """How it is now."""
        now = self._reactor.seconds()
        oldest = min(self._running.values(), key=lambda call: call.since, default=None)
        busy = min(len(self._running), self._size)
        return Snapshot(
            size=self._size,
            busy=busy,
            queued=self._queued + len(self._running) - busy,
            oldest_s=max(0.0, now - oldest.since) if oldest else None,
            oldest=oldest.adapter if oldest else None,
            calls=self._calls,
            failures=dict(self._failures),
        )

    def _begun(self, result: Any) -> Any:
        self._queued -= 1
        return result

    def _go(
        self,
        turns: defer.DeferredSemaphore,
        cloud: Hashable,
        adapter: str,
        call: Callable[[], T],
    ) -> defer.Deferred[T]:
        """The turn is over when the thread is: whoever asked may have gone away long before."""
        self._calls += 1
        number = self._calls
        self._running[number] = _Call(adapter, self._reactor.seconds())
        # canceled or not, the thread's answer comes, and is dropped then
        answer: defer.Deferred[T] = defer.Deferred(lambda _: None)

        def ended(success: bool, result: Any) -> None:
            del self._running[number]
            turns.release()
            self._forget(cloud, turns)
            if not answer.called:
                answer.callback(result) if success else answer.errback(_plain(result))

        self._threads.callInThreadWithCallback(
            lambda success, result: self._reactor.callFromThread(ended, success, result), call
        )
        return answer

    def _forget(self, cloud: Hashable, turns: defer.DeferredSemaphore) -> None:
        """Clouds come and go with the configuration."""
        if turns.tokens == turns.limit:
            self._turns.pop(cloud, None)


def _plain(failure: Failure) -> Failure:
    """Without the frames of the thread, whose variables hold credentials."""
    failure.cleanFailure()  # type: ignore[no-untyped-call]
    return failure
