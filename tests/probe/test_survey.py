"""Who is asked for a census: workers whose adapters never say where have one limit together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.act.survey import Survey
from buildbot_lifecycle.clouds.values import Can, NotKnown, Why
from buildbot_lifecycle.host.pauses import Turns


class Clouds:
    """Each question where a worker's instances are waits until the test answers it."""

    def __init__(self) -> None:
        self.waiting: list[defer.Deferred[Any]] = []

    def can(self, worker: Any) -> frozenset[Can]:
        return frozenset({Can.LIST})

    def scope(self, worker: Any) -> defer.Deferred[Any]:
        self.waiting.append(defer.Deferred())
        return self.waiting[-1]

    def title(self, worker: Any, scope: Any) -> str:
        return f"at {scope[1]}"


def asked(count: int) -> tuple[Survey, Clouds, list[Any], Any]:
    clouds, clock = Clouds(), task.Clock()
    known: list[Any] = [
        SimpleNamespace(gone=False, class_name="Theirs", watched=SimpleNamespace(worker=number))
        for number in range(count)
    ]
    # by identity, as the real ones
    known = [type("Known", (), vars(each))() for each in known]
    logbook: Any = SimpleNamespace(known=lambda: known)
    survey = Survey(clock, logbook, clouds, "here")
    came: list[Any] = []
    defer.ensureDeferred(survey.askers(Turns(clock, 3600))).addCallback(came.append)
    while clock.getDelayedCalls():
        clock.advance(0)
    return survey, clouds, known, came


def test_all_workers_are_asked_before_one_is_waited_for() -> None:
    survey, clouds, known, came = asked(3)
    assert len(clouds.waiting) == 3
    late = NotKnown(Why.TIMEOUT, "no answer in 20 s")
    for waiting, answer in zip(clouds.waiting, (late, ("theirs", "b"), ("theirs", "b"))):
        waiting.callback(answer)
    assert came == [{("theirs", "b"): known[1]}]
    assert survey.places == {known[1]: ("theirs", "b"), known[2]: ("theirs", "b")}
    assert [each.trouble for each in survey.asked.values()] == [late]


def test_a_worker_that_went_while_it_was_asked_is_nobodys_asker() -> None:
    survey, clouds, known, came = asked(2)
    known[0].gone = True
    for waiting in clouds.waiting:
        waiting.callback(("theirs", "b"))
    assert came == [{("theirs", "b"): known[1]}]
    assert survey.places == {known[1]: ("theirs", "b")}
