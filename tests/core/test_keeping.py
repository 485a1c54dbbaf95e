"""How long things are kept: what `keep_days` takes, and what it says of what it does not."""

from __future__ import annotations

from typing import Any

import pytest

from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.keeping import DEFAULT, FOR_EVER, Keep


@pytest.mark.parametrize(
    ("value", "keep"),
    [
        (90, DEFAULT),
        (7, Keep(details=7.0, episodes=730.0)),
        (1000, Keep(details=1000.0, episodes=1000.0)),
        (None, FOR_EVER),
        ({}, DEFAULT),
        ({"details": 30, "episodes": None}, Keep(details=30, episodes=None)),
        ({"per_worker": None}, Keep(per_worker=None)),
    ],
)
def test_it_is_days_or_never_or_each_by_itself(value: Any, keep: Keep) -> None:
    settings, problems = parse({"keep_days": value})
    assert (settings.keep_days, problems) == (keep, [])


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            0,
            "keep_days must be a number of days, 1 or more, None for ever, or a dictionary of details,",
        ),
        (True, "keep_days must be a number of days"),
        (float("inf"), "keep_days must be a number of days"),
        ("90", "keep_days must be a number of days"),
        ({"events": 3}, "keep_days: unknown key 'events'; known are details, episodes, per_worker"),
        (
            {"details": 0.5},
            "keep_days['details'] must be a number of days, 1 or more, or None, not 0.5",
        ),
        (
            {"per_worker": 10},
            "keep_days['per_worker'] must be a whole number, 1000 or more, or None",
        ),
        (
            {"episodes": 30},
            "keep_days: episodes must be kept for as long as their details, or longer",
        ),
        (
            {"details": None},
            "keep_days: episodes must be kept for as long as their details, or longer",
        ),
    ],
)
def test_what_it_cannot_be_is_said(value: Any, said: str) -> None:
    settings, problems = parse({"keep_days": value})
    assert settings.keep_days == DEFAULT
    assert [problem[: len(said)] for problem in problems] == [said]


def test_unless_it_is_said_otherwise_the_default_is_kept() -> None:
    assert parse({})[0].keep_days == DEFAULT
