"""Methods of Buildbot written as coroutines or generators: told as they run, and left what they are."""

# ruff: noqa: N802 - Buildbot's names

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from buildbot.worker.latent import States
from twisted.internet import defer
from twisted.python import failure

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.watch.calls import followed
from tests.probe.support import Conn, Driven, Stage


def coroutine(waiting: defer.Deferred[Any]) -> Any:
    async def run() -> Any:
        return await waiting

    return run()


def generator(waiting: defer.Deferred[Any]) -> Any:
    value = yield waiting
    return value


def by_service(result: Any) -> defer.Deferred[Any]:
    """As Buildbot's AsyncMultiService stops its services."""
    return defer.maybeDeferred(lambda: result)


@defer.inlineCallbacks
def by_yield(result: Any) -> Any:
    """As all else of Buildbot waits."""
    value = yield result
    return value


KINDS: dict[str, Callable[[defer.Deferred[Any]], Any]] = {
    "deferred": lambda waiting: waiting,
    "coroutine": coroutine,
    "generator": generator,
}
DRIVERS = {"service": by_service, "yield": by_yield}


class Way:
    """What was told of one that is followed."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def follow(self, result: Any) -> Any:
        return followed(result, lambda: self.told.append("began"), self.told.append)


@pytest.mark.parametrize("driver", list(DRIVERS))
@pytest.mark.parametrize("kind", list(KINDS))
def test_what_is_followed_comes_out_as_it_would_alone(kind: str, driver: str) -> None:
    came: dict[bool, list[Any]] = {}
    for follows in (False, True):
        way, waiting = Way(), defer.Deferred[Any]()
        result = KINDS[kind](waiting)
        kind_of = type(result)
        if follows:
            result = way.follow(result)
        assert type(result) is kind_of
        came[follows] = []
        DRIVERS[driver](result).addBoth(came[follows].append)
        waiting.callback("done")
        came[follows] = [c if isinstance(c, str) else type(c) for c in came[follows]]
        driven = came[follows] == ["done"]
    assert came[True] == came[False]
    # a generator that a service answers with is stopped by nobody: then nothing has begun
    assert driven is ((kind, driver) != ("generator", "service"))
    assert way.told == (["began", "done"] if driven else [])


@pytest.mark.parametrize("kind", list(KINDS))
def test_an_error_comes_out_as_it_would_alone_and_is_told(kind: str) -> None:
    way, waiting = Way(), defer.Deferred[Any]()
    came: list[Any] = []
    by_yield(way.follow(KINDS[kind](waiting))).addErrback(came.append)
    assert way.told == ["began"]
    waiting.errback(RuntimeError("boom"))
    assert isinstance(came[0].value, RuntimeError)
    began, ended = way.told
    assert began == "began"
    assert isinstance(ended, failure.Failure)
    assert ended.value is came[0].value


def test_a_cancelled_coroutine_has_ended() -> None:
    way = Way()
    driven = defer.ensureDeferred(way.follow(coroutine(defer.Deferred())))
    driven.addErrback(lambda _: None)
    driven.cancel()
    assert [type(t) for t in way.told] == [str, failure.Failure]
    assert way.told[1].check(defer.CancelledError)


@pytest.mark.parametrize("kind", ["coroutine", "generator"])
def test_one_that_is_dropped_half_way_has_not_ended(kind: str) -> None:
    way = Way()
    result = way.follow(KINDS[kind](defer.Deferred()))
    result.send(None)
    result.close()
    assert way.told == ["began"]


@pytest.mark.filterwarnings("ignore:coroutine.*never awaited")
def test_a_coroutine_keeps_its_authors_name() -> None:
    result = Way().follow(coroutine(defer.succeed(1)))
    assert result.__qualname__ == "coroutine.<locals>.run"
    result.close()


def test_what_is_there_at_once_has_ended_without_being_under_way() -> None:
    for value in (None, True, "text", asyncio.iscoroutine):
        way = Way()
        assert way.follow(value) is value
        assert way.told == [value]


class Written(Driven):
    """A worker class of coroutines; `gates` hold them up before they go on to Buildbot's own."""

    async def _pass(self, name: str) -> None:
        await self.__dict__.setdefault("gates", {}).get(name, defer.succeed(None))

    async def attached(self, conn: Any) -> Any:
        await self._pass("attached")
        return await super().attached(conn)

    async def substantiate(self, wfb: Any, build: Any) -> Any:
        await self._pass("substantiate")
        return await super().substantiate(wfb, build)

    async def stopService(self) -> Any:
        await self._pass("stopService")
        return await super().stopService()


class NeverDriven(Driven):
    """Coroutines where Buildbot waits for none: it does not run them, with us or without."""

    async def detached(self) -> Any:
        return await super().detached()

    async def buildStarted(self, wfb: Any) -> Any:
        return super().buildStarted(wfb)

    async def buildFinished(self, wfb: Any) -> Any:
        return super().buildFinished(wfb)

    async def _missing_timer_fired(self) -> Any:
        return super()._missing_timer_fired()


class CoroutineWorkers(Stage):
    def ask_by_yield(self) -> list[Any]:
        came: list[Any] = []
        by_yield(self.worker().substantiate(None, None)).addBoth(came.append)
        return came

    def hold(self, name: str) -> defer.Deferred[None]:
        gate: defer.Deferred[None] = defer.Deferred()
        self.worker().__dict__.setdefault("gates", {})[name] = gate
        return gate

    @defer.inlineCallbacks
    def test_one_that_attaches_as_a_coroutine_is_told_as_connected(self) -> Any:
        yield self.play(Written("w"))
        came = self.ask_by_yield()
        yield by_yield(self.worker().attached(Conn()))
        assert came == [True]
        assert self.notes.of(Kind.ATTACHED) == [{"peer": "10.0.0.9:1"}]
        self.worker().conn.loseConnection()
        yield self.worker().insubstantiate()

    @defer.inlineCallbacks
    def test_one_that_is_still_attaching_is_told_so(self) -> Any:
        yield self.play(Written("w"))
        self.ask_by_yield()
        gate = self.hold("attached")
        attached = by_yield(self.worker().attached(Conn()))
        assert self.notes.of(Kind.ATTACHING) == [{"peer": "10.0.0.9:1"}]
        assert self.notes.of(Kind.ATTACHED) == []
        gate.callback(None)
        yield attached
        assert len(self.notes.of(Kind.ATTACHED)) == 1
        self.worker().conn.loseConnection()
        yield self.worker().insubstantiate()

    @defer.inlineCallbacks
    def test_one_that_is_refused_by_a_coroutine_is_held_like_any_other(self) -> Any:
        yield self.play(Written("w"))
        came: list[Any] = []
        conn = Conn()
        conn.loseConnection = lambda: None  # type: ignore[method-assign]
        by_yield(self.worker().attached(conn)).addErrback(came.append)
        assert isinstance(came[0].value, RuntimeError)
        assert len(self.watched().held) == 1
        (told,) = self.notes.of(Kind.REFUSED)
        assert told["reason"] == str(came[0].value)

    @defer.inlineCallbacks
    def test_a_stop_that_is_a_coroutine_has_stopped_when_it_has_ended(self) -> Any:
        yield self.play(Written("w"))
        watched, worker = self.watched(), self.worker()
        gate = self.hold("stopService")
        leaving = worker.disownServiceParent()
        assert (watched.stopping, watched.stopped) == (True, False)
        gate.callback(None)
        yield leaving
        assert watched.stopped
        assert worker.state is States.SHUT_DOWN

    @defer.inlineCallbacks
    def test_a_stop_that_nobody_drives_is_not_waited_for(self) -> Any:
        yield self.play(Written("w"))
        watched, worker = self.watched(), self.worker()
        dropped = worker.stopService()
        assert (watched.stopping, watched.stopped) == (False, True)
        dropped.close()
        yield worker.disownServiceParent()

    @defer.inlineCallbacks
    def test_a_coroutine_that_nobody_drives_is_handed_on_and_not_told(self) -> Any:
        yield self.play(NeverDriven("w"))
        worker = self.worker()
        for name in ("detached", "buildStarted", "buildFinished", "_missing_timer_fired"):
            arguments = [None] if name.startswith("build") else []
            result = getattr(worker, name)(*arguments)
            assert inspect.iscoroutine(result), name
            result.close()
        assert self.notes.of(Kind.DETACHED) == []
