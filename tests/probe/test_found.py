"""Many open entries of earlier runs: their workers hear of them in turns."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.act.ledger import IN_A_TURN, Ledger
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold import apply
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


def test_no_turn_of_the_master_tells_of_more_than_some_entries() -> None:
    many = 5 * IN_A_TURN
    book = Book(many)
    clock = Turns(book)
    ledger = Ledger(book, None, "run", Entries())  # type: ignore[arg-type]
    told = defer.ensureDeferred(ledger.found(clock, rows(many)))
    clock.advance(0)
    assert told.called
    assert clock.noted == [IN_A_TURN, 2 * IN_A_TURN, 3 * IN_A_TURN, 4 * IN_A_TURN]
    assert book.noted == [(n, 1000 + n) for n in range(many)]


def test_a_worker_that_came_meanwhile_is_told_once_and_one_that_left_is_not() -> None:
    many = 2 * IN_A_TURN
    book, clock = Book(many), task.Clock()
    ledger = Ledger(book, None, "run", Entries())  # type: ignore[arg-type]
    defer.ensureDeferred(ledger.found(clock, rows(many + 1)))
    late = SimpleNamespace(workerid=many, gone=False)
    book.workers.append(late)
    ledger.introduce(late)  # type: ignore[arg-type]
    book.workers[-2].gone = True
    clock.advance(0)
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
