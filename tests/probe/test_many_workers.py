"""All workers are looked at in turns: a page that asks for thousands does not hold the master."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.host import pauses
from buildbot_lifecycle.service.answers import Answers
from buildbot_lifecycle.watch.watched import Watched
from tests.probe.test_logbook import Desk

MANY = 20


def answers_of(desk: Desk) -> Answers:
    """What is asked of a master with `MANY` workers and no other master beside it."""
    for workerid in range(100, 100 + MANY):
        worker = desk.new_worker(desk.watched.worker.parent)
        worker.workerid = workerid
        desk.logbook.observe(Watched(worker), Kind.DETACHED, {})
    master: Any = SimpleNamespace(reactor=desk.clock, masterid=1, name="m")
    elsewhere = SimpleNamespace(rows=lambda: defer.succeed(((), ())))
    parts: Any = SimpleNamespace(
        logbook=desk.logbook,
        run=SimpleNamespace(incarnation=1, unusable=None),
        elsewhere=elsewhere,
        clouds=None,
        others=SimpleNamespace(live=lambda _: frozenset(), differ=lambda: None, reckonings=dict),
    )
    return Answers(master, desk.settings, parts, None)


def test_between_two_of_many_workers_others_have_their_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pauses, "TURN", 0.0)
    desk = Desk()
    asked = defer.ensureDeferred(answers_of(desk).workers())
    turns = 0
    while not asked.called:
        # not `advance`, which also does what is begun meanwhile
        (call,) = desk.clock.calls
        desk.clock.calls.remove(call)
        call.func(*call.args, **call.kw)
        turns += 1
    assert turns == 1 + MANY, "each of them, and one before the first"
    found: Any = asked.result
    assert [worker.workerid for worker in found] == list(range(100, 100 + MANY))


def test_a_worker_that_goes_meanwhile_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "TURN", 0.0)
    desk = Desk()
    asked = defer.ensureDeferred(answers_of(desk).workers())
    last = desk.logbook.get(100 + MANY - 1)
    assert last is not None
    desk.logbook.observe(last.watched, Kind.REMOVED, {})
    while not asked.called:
        desk.clock.advance(0)
    found: Any = asked.result
    assert [worker.workerid for worker in found] == list(range(100, 100 + MANY - 1))
