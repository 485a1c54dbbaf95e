"""Who hears what the logbook has recorded: those who asked for its kind, in order, and nobody else."""

from __future__ import annotations

import pytest

from buildbot_lifecycle.core.events import Kind
from tests.probe.test_logbook import NOT, SUB, Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_each_hears_the_kinds_that_it_asked_for_in_the_order_of_asking(desk: Desk) -> None:
    heard: list[tuple[str, str]] = []
    for name, kinds in (("all", ()), ("ends", (Kind.CALL_ENDED,)), ("moves", (Kind.TRANSITION,))):
        desk.logbook.listen(lambda _, event, n=name: heard.append((n, event.kind.value)), *kinds)
    desk.goes(NOT, SUB)
    assert heard == [("all", "baseline"), ("all", "transition"), ("moves", "transition")]


def test_what_is_heard_was_recorded_before(desk: Desk) -> None:
    seen: list[int] = []
    desk.logbook.listen(lambda *_: seen.append(len(desk.recorded)), Kind.TRANSITION)
    desk.goes(NOT, SUB)
    assert seen == [2]


def test_a_verdict_is_heard_when_it_is_another_one_and_only_then(desk: Desk) -> None:
    heard: list[str] = []
    desk.logbook.on_verdict(lambda known: heard.append(known.verdict.level))
    desk.goes(NOT, SUB)
    before = list(heard)
    desk.logbook.observe(desk.watched, Kind.DETACHED, {})
    assert heard == before
    desk.clock.advance(101)
    assert heard == [*before, "stuck"]
    assert heard == [level for level, _ in desk.verdicts]


def test_a_listener_that_fails_leaves_the_verdict_its_timer(desk: Desk) -> None:
    def fail(*_: object) -> None:
        raise OSError("no ears")

    desk.logbook.listen(fail, Kind.TRANSITION)
    with pytest.raises(OSError, match="no ears"):
        desk.goes(NOT, SUB)
    desk.clock.advance(101)
    assert desk.verdicts[-1][0] == "stuck"
