"""Values with changed fields: as the standard library does it."""

from __future__ import annotations

import dataclasses

import pytest

from buildbot_lifecycle.core.facts import Episode, Facts, Phase
from buildbot_lifecycle.core.values import replace
from buildbot_lifecycle.core.verdicts.verdict import HEALTHY, Verdict


def test_it_is_the_same_as_the_standard_librarys() -> None:
    for value, changes in (
        (Facts(1), {"paused": True, "pause_reason": "why", "calls": ()}),
        (Episode(1, 2, 3.0, ()), {"ended_at": 4.0, "outcome": "ok"}),
        (HEALTHY, {"due": 5.0}),
    ):
        assert replace(value, **changes) == dataclasses.replace(value, **changes)  # type: ignore[type-var]


def test_what_it_was_made_of_stays_as_it_was() -> None:
    before = Facts(1)
    after = replace(replace(before, paused=True), held=2)
    assert before == Facts(1)
    assert (after.paused, after.held) == (True, 2)


def test_a_field_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="Facts has no field pause, what"):
        replace(Facts(1), pause=True, what=1, paused=True)


def test_what_is_replaced_so_has_neither_slots_nor_anything_to_do_once_it_is_made() -> None:
    for cls in (Facts, Episode, Phase, Verdict):
        assert not hasattr(cls, "__slots__")
        assert not hasattr(cls, "__post_init__")
