"""Reads that name workers are shut for each that may not be read: the handlers alone, no server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.shapes.spans import Drawn, Stats, StatsMeta, TimelineMeta
from buildbot_lifecycle.www import reads
from buildbot_lifecycle.www.answers import Answer
from buildbot_lifecycle.www.call import Call

SHUT = 2


class Rights:
    """Who may read the workers, but not the second one."""

    may_see_all = True

    def __init__(self) -> None:
        self.asked: list[int | None] = []

    async def may_read(self, workerid: int | None = None) -> None:
        self.asked.append(workerid)
        if workerid == SHUT:
            raise Refusal("forbidden", "bob may not do this")

    async def may_see(self, workerid: int | None = None) -> bool:
        return True


class Service:
    """Answers nothing, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def recent(self, _: Any) -> Any:
        self.asked += 1
        return defer.succeed([])

    def timeline(self, _: Any) -> Any:
        self.asked += 1
        meta = TimelineMeta(since=0.0, until=1.0, truncated=False, total=0)
        return defer.succeed(Drawn([], [], meta))

    def stats(self, _: Any) -> Any:
        self.asked += 1
        meta = StatsMeta(since=0.0, until=1.0, total=0, episodes=0, truncated=False)
        return defer.succeed(Stats(stats=(), outcomes=(), meta=meta))


def call(*workerids: int) -> Any:
    args = {b"workerid": [str(one).encode() for one in workerids]} if workerids else {}
    request = SimpleNamespace(method=b"GET", args=args)
    master = SimpleNamespace(reactor=task.Clock())
    return Call(request, master, Service(), Rights())


def result(answer: Awaitable[Answer]) -> Any:
    came: list[Any] = []
    defer.ensureDeferred(answer).addBoth(came.append)  # type: ignore[arg-type]
    assert came, "it waits for something"
    return came[0]


Handler = Callable[[Call], Awaitable[Answer]]


@pytest.mark.parametrize("handler", [reads.recent, reads.timeline, reads.stats])
def test_of_workers_that_may_not_be_read_nothing_is_asked(handler: Handler) -> None:
    asked = call(1, SHUT, 3)
    refused = result(handler(asked))
    assert isinstance(getattr(refused, "value", None), Refusal), refused
    assert refused.value.code == "forbidden"
    assert asked.service.asked == 0


@pytest.mark.parametrize("handler", [reads.recent, reads.timeline, reads.stats])
def test_of_workers_that_may_be_read_each_is_looked_at_before_they_are_asked_for(
    handler: Handler,
) -> None:
    asked = call(1, 3)
    assert isinstance(result(handler(asked)), Answer)
    assert asked.rights.asked == [None, 1, 3]
    assert asked.service.asked == 1
