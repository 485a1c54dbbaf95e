"""What the log says of what a stop waits for: short, however many workers wait."""

from __future__ import annotations

from buildbot_lifecycle.act.blockers import MOST_LINES, _alike_in_one, _named
from buildbot_lifecycle.shapes.masters import Blocker

NOW = 1000.0


def blocker(number: int, since: float = 940.0, left: float | None = 30.0) -> Blocker:
    return Blocker(
        workerid=number,
        worker=f"w{number}",
        what="stop_instance",
        since=since,
        releasable=left is not None,
        release_in_s=left,
        text="stop_instance has not ended",
    )


def test_some_have_a_line_each() -> None:
    lines = _alike_in_one([blocker(1), blocker(2, left=None)], NOW)
    assert lines == [
        "  w1: stop_instance, for 1 min; released in 30 s",
        "  w2: stop_instance, for 1 min; no limit is set for it",
    ]


def test_a_thousand_that_are_alike_have_one_line() -> None:
    many = [
        blocker(number, since=940.0 - number % 60, left=30.0 + number % 10)
        for number in range(1000)
    ]
    (line,) = _alike_in_one([*many], NOW)
    assert line == (
        "  w0, w1, w2, w3, w4 and 995 more: stop_instance, for 1 min to 1 min 59 s; released in 39 s"
    )


def test_those_without_a_limit_are_not_alike() -> None:
    many = [blocker(number, left=None if number % 2 else 30.0) for number in range(200)]
    lines = _alike_in_one(many, NOW)
    assert len(lines) == 2
    assert lines[1].endswith("no limit is set for it")


def test_names_are_all_told_up_to_some() -> None:
    names = [f"w{number}" for number in range(MOST_LINES)]
    assert _named(names) == names
    assert _named([*names, "x"]) == ["w0, w1, w2, w3, w4 and 1 more"]
