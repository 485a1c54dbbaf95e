"""Many open entries of earlier runs: their workers hear of them in turns."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.ledger import Ledger
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.host import pauses
from buildbot_lifecycle.shapes import events


class Book:
    """As much of a logbook as the ledger asks for: its workers, and what is noted of them."""

    def __init__(self, many: int) -> None:
        self.workers = [SimpleNamespace(workerid=n, gone=False) for n in range(many)]
        self.noted: list[tuple[int, int]] = []

    def known(self) -> Any:
        return iter(list(self.workers))

    def note(self, known: Any, data: Any) -> None:
        self.noted.append((known.workerid, data.orphan))


class Turns(task.Clock):
    """A clock that keeps how much was noted each time somebody asked for another turn."""

    def __init__(self, book: Book) -> None:
        super().__init__()
        self._book = book
        self.noted: list[int] = []

    def callLater(self, *args: Any, **kwargs: Any) -> Any:  # noqa: N802 - Twisted's name
        self.noted.append(len(self._book.noted))
        return super().callLater(*args, **kwargs)


def rows(many: int) -> Any:
    return (
        {"id": 1000 + n, "workerid": n, "opened_at": 1.0, "cause": "crash"} for n in range(many)
    )


def test_no_turn_of_the_master_tells_of_entries_for_longer_than_others_can_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # each look at the clock is a millisecond later
    looks = itertools.count()
    monkeypatch.setattr(pauses, "time", SimpleNamespace(perf_counter=lambda: next(looks) / 1000))
    many = 100
    book = Book(many)
    clock = Turns(book)
    ledger = Ledger(book, None, "run", Entries())  # type: ignore[arg-type]
    told = defer.ensureDeferred(ledger.found(clock, rows(many)))
    for _ in range(many):
        clock.advance(0)
    assert told.called
    begun = [0, *clock.noted, many]
    longest = max(after - before for before, after in itertools.pairwise(begun))
    assert 2 <= longest <= pauses.TURN * 1000 + 1
    assert book.noted == [(n, 1000 + n) for n in range(many)]


def test_a_worker_that_came_meanwhile_is_told_once_and_one_that_left_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pauses, "TURN", -1)  # a turn for each
    many = 40
    book, clock = Book(many), task.Clock()
    ledger = Ledger(book, None, "run", Entries())  # type: ignore[arg-type]
    defer.ensureDeferred(ledger.found(clock, rows(many + 1)))
    late = SimpleNamespace(workerid=many, gone=False)
    book.workers.append(late)
    ledger.introduce(late)  # type: ignore[arg-type]
    book.workers[-2].gone = True
    for _ in range(many):
        clock.advance(0)
    assert [orphan for workerid, orphan in book.noted if workerid == many] == [1000 + many]
    assert [orphan for workerid, orphan in book.noted if workerid == many - 1] == []


def test_a_worker_is_told_of_all_its_entries_in_one_event() -> None:
    """One each would write the ones before it once more: thousands would take minutes."""
    book, told = Book(1), []
    book.note = lambda _known, data: told.append(data)  # type: ignore[method-assign]
    ledger = Ledger(book, None, "run", Entries())  # type: ignore[arg-type]
    open_now = [
        {"id": 5 + n, "workerid": 0, "opened_at": float(n), "cause": "crash"} for n in range(500)
    ]
    defer.ensureDeferred(ledger.found(task.Clock(), open_now))
    (event,) = told
    events.read(event.kind, event.written())
    facts = apply(Facts(0), Event(1, 1000.0, 0, event.kind, event.written())).facts
    assert [(orphan.id, orphan.since) for orphan in facts.orphans] == [
        (5 + n, float(n)) for n in range(500)
    ]
