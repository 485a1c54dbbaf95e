"""A master with thousands of workers in one process, without a database, to measure what answers cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

from buildbot.data.connector import DataConnector
from twisted.internet import defer, task

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.service.answers import Answers
from buildbot_lifecycle.watch.watched import Watched
from buildbot_lifecycle.www.answers import parts
from buildbot_lifecycle.www.call import Call
from tests.probe.test_logbook import Desk


class Turns(task.Clock):
    """A reactor that does one iteration at a time, and notes how long each took (CPU seconds)."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: list[float] = []

    def iterate(self) -> None:
        """What is due now; what is asked for meanwhile has the next turn."""
        due = [call for call in self.calls if call.getTime() <= self.seconds()]
        begun = time.thread_time()
        for call in due:
            if call.active():
                self.calls.remove(call)
                call.called = 1
                call.func(*call.args, **call.kw)
        self.turns.append(time.thread_time() - begun)


class Rights:
    """Somebody who may read everything, and may force nothing."""

    may_see_all = True
    user = None

    async def may_read(self, workerid: int | None = None) -> None:
        """He may."""

    async def may_see(self, workerid: int | None = None) -> bool:
        return True

    async def can_force(self, workerids: Any) -> bool:
        return False


class Fleet:
    """``many`` workers of one master; `ask` is a request of REST without its socket."""

    def __init__(self, many: int) -> None:
        self.clock = Turns()
        self.clock.advance(1_800_000_000)
        self.desk = desk = Desk(self.clock)
        parent = desk.watched.worker.parent
        self.watched = []
        for workerid in range(100, 100 + many):
            worker = desk.new_worker(parent)
            worker.workerid, worker.name = workerid, f"ec2-{workerid:05}"
            self.watched.append(Watched(worker))
            desk.logbook.observe(self.watched[-1], Kind.DETACHED, {})
        stop: Any = SimpleNamespace(
            asked_at=None, hurried_at=None, whole_master=False, ends_by=None
        )
        stop.whole_since, stop.asked = None, lambda known, now: now
        self.master: Any = SimpleNamespace(
            reactor=self.clock, masterid=1, name="m", data=DataConnector()
        )
        self.parts: Any = SimpleNamespace(
            logbook=desk.logbook,
            run=SimpleNamespace(incarnation=1, unusable=None),
            elsewhere=SimpleNamespace(rows=lambda: defer.succeed(((), ()))),
            others=SimpleNamespace(
                live=lambda _: frozenset(), differ=lambda: None, reckonings=dict
            ),
            recorder=SimpleNamespace(
                status=lambda: SimpleNamespace(queued=0, oldest_unwritten_at=None)
            ),
            gate=SimpleNamespace(trouble_since=None),
            clouds=None,
        )
        self.answers = Answers(self.master, desk.settings, self.parts, None)

    def begin(
        self, handler: Callable[..., Any], query: str = "", *, in_pieces: bool = False
    ) -> defer.Deferred[Any]:
        """The body of an answer, to come; in the pieces in which it is sent, or joined."""
        args = {k.encode(): [v.encode() for v in vs] for k, vs in parse_qs(query).items()}
        request: Any = SimpleNamespace(method=b"GET", args=args, prepath=[], postpath=[])
        call: Any = Call(request, self.master, self.answers, Rights())  # type: ignore[arg-type]

        async def body() -> Any:
            # as it is sent: part by part
            pieces = [part async for part in parts(await handler(call), self.clock)]
            return pieces if in_pieces else b"".join(pieces)

        return defer.ensureDeferred(body())

    def finish(self, *asked: defer.Deferred[Any]) -> list[Any]:
        """The answers."""
        while not all(each.called for each in asked):
            self.clock.iterate()
        found: list[Any] = []
        for each in asked:
            each.addCallback(found.append)
        return found

    def ask(self, handler: Callable[..., Any], query: str = "") -> bytes:
        """One answer."""
        (body,) = self.finish(self.begin(handler, query))
        return bytes(body)

    def cost(
        self, handler: Callable[..., Any], query: str = "", clients: int = 1
    ) -> tuple[float, float]:
        """CPU seconds of one request, of so many at once; and of the longest turn."""
        self.clock.turns.clear()
        begun = time.thread_time()
        asked = [self.begin(handler, query, in_pieces=True) for _ in range(clients)]
        first = time.thread_time() - begun
        self.finish(*asked)
        return (time.thread_time() - begun) / clients, max([first, *self.clock.turns])
