"""`answer_in_reactor`, for master.cfg: where Buildbot writes the answers of its own REST interface."""

from __future__ import annotations

import importlib
import sys
import threading

import pytest
from buildbot.www import rest
from twisted.internet import defer

from buildbot_lifecycle.www.reactor import answer_in_reactor


def test_the_answers_are_written_in_the_thread_that_asks_for_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rest, "threads", rest.threads)
    answer_in_reactor()
    written: list[threading.Thread] = []
    rest.threads.deferToThread(lambda: written.append(threading.current_thread()))
    assert written == [threading.current_thread()]


def test_an_error_while_they_are_written_comes_as_from_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rest, "threads", rest.threads)
    answer_in_reactor()

    def fail() -> None:
        raise ValueError("as asked")

    told: list[object] = []
    answered: defer.Deferred[None] = rest.threads.deferToThread(fail)
    answered.addErrback(lambda problem: told.append(problem.value))
    assert [str(each) for each in told] == ["as asked"]


def test_the_old_address_still_answers_and_says_the_new_one() -> None:
    sys.modules.pop("buildbot_lifecycle.testing.web", None)
    with pytest.warns(DeprecationWarning, match=r"buildbot_lifecycle\.www\.reactor"):
        old = importlib.import_module("buildbot_lifecycle.testing.web")
    assert old.answer_in_reactor is answer_in_reactor
