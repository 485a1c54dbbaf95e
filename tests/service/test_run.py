"""A run of the master in the database: its begin may still be under way when it ends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet import defer
from twisted.internet.task import Clock

from buildbot_lifecycle.service.run import Run


class Store:
    """A database that answers when it is told to."""

    def __init__(self) -> None:
        self.number: defer.Deferred[int] = defer.Deferred()
        self.ended: list[tuple[int, str]] = []

    def open_incarnation(self, *_: Any, **__: Any) -> defer.Deferred[int]:
        return self.number

    def close_dead(self, *_: Any, **__: Any) -> defer.Deferred[list[Any]]:
        return defer.succeed([])

    def close_incarnation(self, number: int, _at: float, how: str) -> defer.Deferred[None]:
        self.ended.append((number, how))
        return defer.succeed(None)


def test_a_run_that_ends_while_the_database_is_asked_for_its_number_is_not_left_open(
    tmp_path: Path,
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
    run = Run(master, store, logbook, "token", opened, lambda: begun.append(0))  # type: ignore[arg-type]
    run.start()
    run.closing()
    run.stop()
    defer.ensureDeferred(run.close("removed"))
    store.number.callback(7)
    assert store.ended == [(7, "removed")]
    assert begun == []
    assert run.incarnation is None
    assert master.reactor.getDelayedCalls() == []
