"""A run of the master in the database: its begin may still be under way when it ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer
from twisted.internet.task import Clock

from buildbot_lifecycle.core import liveness
from buildbot_lifecycle.service.run import Run


class Store:
    """A database that answers when it is told to."""

    def __init__(self) -> None:
        self.number: defer.Deferred[int] = defer.Deferred()
        self.dead: defer.Deferred[list[Any]] = defer.Deferred()
        self.ended: list[tuple[int, str]] = []

    def open_incarnation(self, *_: Any, **__: Any) -> defer.Deferred[int]:
        return self.number

    def close_dead(self, *_: Any, **__: Any) -> defer.Deferred[list[Any]]:
        return self.dead

    def close_incarnation(self, number: int, _at: float, how: str) -> defer.Deferred[None]:
        self.ended.append((number, how))
        return defer.succeed(None)


@pytest.mark.parametrize("numbered", [False, True])
def test_a_run_that_ends_while_the_database_is_still_asked_is_not_left_open(
    tmp_path: Path, numbered: bool
) -> None:
    """The next run would tell that this one had died, and its workers' instances be told as orphans."""
    pool = SimpleNamespace(do_with_engine=lambda _: defer.succeed(1))
    master = SimpleNamespace(
        basedir=str(tmp_path), db=SimpleNamespace(pool=pool), masterid=1, name="m", reactor=Clock()
    )
    store, begun = Store(), []

    async def opened(number: int) -> None:
        begun.append(number)

    logbook: Any = SimpleNamespace(next_seq=lambda: 1, last_error=None)
    run = Run(master, pool, store, logbook, "token", opened, lambda: begun.append(0))  # type: ignore[arg-type]
    run.start()
    if numbered:
        store.number.callback(7)
    run.closing()
    run.stop()
    defer.ensureDeferred(run.close("removed"))
    if not numbered:
        store.number.callback(7)
    store.dead.callback([])
    assert store.ended == [(7, "removed")]
    assert begun == []
    assert run.incarnation is None
    assert master.reactor.getDelayedCalls() == []


class Beaten(Store):
    """One that takes heartbeats, and the end only when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.beats: list[int] = []
        self.end: defer.Deferred[None] = defer.Deferred()

    def heartbeat(self, number: int, _at: float) -> defer.Deferred[bool]:
        self.beats.append(number)
        return defer.succeed(not self.ended)

    def close_incarnation(self, number: int, at: float, how: str) -> defer.Deferred[None]:
        super().close_incarnation(number, at, how)
        return self.end


def test_a_run_shows_that_it_lives_until_its_end_is_written(tmp_path: Path) -> None:
    """Its last events may take longer than a master may be silent: another one would tell it dead."""
    engine = SimpleNamespace(dialect=SimpleNamespace(name="postgresql"))
    pool = SimpleNamespace(do_with_engine=lambda _: defer.succeed(1), engine=engine)
    master = SimpleNamespace(
        basedir=str(tmp_path), db=SimpleNamespace(pool=pool), masterid=1, name="m", reactor=Clock()
    )
    store, failures = Beaten(), []

    async def opened(_number: int) -> None:
        pass

    logbook: Any = SimpleNamespace(
        next_seq=lambda: 1, over=lambda _: None, failed=failures.append, last_error=None
    )
    run = Run(master, pool, store, logbook, "token", opened, lambda: None)  # type: ignore[arg-type]
    revived: list[int] = []

    async def revive(number: int, _at: float) -> None:
        revived.append(number)

    run.told_dead = revive
    run.start()
    store.number.callback(7)
    store.dead.callback([])
    run.closing()
    run.stop()
    before = len(store.beats)
    # the last writes, and then the run's own row
    for _ in range(liveness.MISSED):
        master.reactor.advance(liveness.BEAT_SECONDS)
    ended = defer.ensureDeferred(run.close("clean"))
    master.reactor.advance(liveness.BEAT_SECONDS)
    assert len(store.beats) - before == liveness.MISSED + 1
    assert revived == [], "its own end is nobody's word that it is dead"
    store.end.callback(None)
    assert ended.called
    assert (store.ended, failures) == ([(7, "clean")], [])
    assert master.reactor.getDelayedCalls() == []
