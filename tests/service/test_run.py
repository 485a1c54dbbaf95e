"""A run of the master in the database: its begin may still be under way when it ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer
from twisted.internet.task import Clock

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
