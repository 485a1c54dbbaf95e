"""Long questions to the history: one after the other, equal ones together, and none for nobody."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from twisted.internet import defer


@dataclasses.dataclass
class _Job:
    """A question that is being answered, or waits for its turn, and who waits for the answer."""

    question: Hashable
    waiters: list[defer.Deferred[Any]] = dataclasses.field(default_factory=list)
    run: defer.Deferred[Any] | None = None


class Shared:
    """Answers questions by ``work``, in the order in which they came.

    Who asks what is being asked already gets the same answer, which is not to be changed. A waiter
    leaves by cancelling his Deferred; with the last one the question is dropped, or its work stopped.
    """

    def __init__(self, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> None:
        self._work = work
        self._jobs: dict[Hashable, _Job] = {}
        self._running: _Job | None = None

    def __len__(self) -> int:
        """How many different questions are not answered yet."""
        return len(self._jobs)

    def ask(self, question: Hashable) -> defer.Deferred[Any]:
        """The answer; what `work` raises."""
        job = self._jobs.setdefault(question, _Job(question))
        waiter: defer.Deferred[Any] = defer.Deferred(lambda it: self._left(job, it))
        job.waiters.append(waiter)
        self._next()
        return waiter

    def _next(self) -> None:
        if self._running is not None or not self._jobs:
            return
        self._running = job = next(iter(self._jobs.values()))
        job.run = defer.ensureDeferred(self._work(job.question))
        job.run.addBoth(self._done, job)

    def _done(self, result: Any, job: _Job) -> None:
        self._running = None
        self._drop(job)
        waiters, job.waiters = job.waiters, []
        for waiter in waiters:
            # a Failure given to callback takes the errback way
            waiter.callback(result)
        self._next()

    def _left(self, job: _Job, waiter: defer.Deferred[Any]) -> None:
        if waiter in job.waiters:
            job.waiters.remove(waiter)
        if job.waiters:
            return
        # who asks the same from now on gets work of his own
        self._drop(job)
        if self._running is job and job.run is not None:
            job.run.cancel()

    def _drop(self, job: _Job) -> None:
        if self._jobs.get(job.question) is job:
            del self._jobs[job.question]
