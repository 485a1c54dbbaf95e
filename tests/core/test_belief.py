"""Which clock old rows are deleted by: one that goes on from where it was."""

from __future__ import annotations

import pytest

from buildbot_lifecycle.core.belief import AHEAD, CONFIRMED, DAY, Belief, look

NOW = 1_800_000_000.0
YEAR = 365 * DAY


def is_believed(belief: Belief) -> bool:
    return belief.doubted_at is None


@pytest.mark.parametrize("later", [0.0, 3600.0, AHEAD, -3600.0, -YEAR])
def test_a_clock_that_goes_on_or_is_behind_is_believed(later: float) -> None:
    assert look(Belief(NOW), NOW + later) == Belief(NOW + later)


def test_one_that_is_much_later_is_doubted_since_then_and_not_longer_at_each_look() -> None:
    found = look(Belief(NOW), NOW + YEAR)
    assert found == Belief(NOW, NOW + YEAR)
    assert found.goes_on_at == NOW + YEAR + CONFIRMED
    assert look(found, NOW + YEAR + 3600) == found


def test_it_is_believed_when_it_has_gone_on_for_a_day_and_not_before() -> None:
    doubt = look(Belief(NOW), NOW + YEAR)
    assert not is_believed(look(doubt, NOW + YEAR + CONFIRMED - 1))
    assert look(doubt, NOW + YEAR + CONFIRMED) == Belief(NOW + YEAR + CONFIRMED)


def test_one_that_is_put_right_is_believed_at_once() -> None:
    doubt = look(Belief(NOW), NOW + YEAR)
    assert look(doubt, NOW + 7200) == Belief(NOW + 7200)


@pytest.mark.parametrize(("later", "was_set"), [(YEAR, False), (-DAY, False), (2 * DAY, True)])
def test_one_that_is_set_again_while_it_is_doubted_begins_its_day_anew(
    later: float, was_set: bool
) -> None:
    doubt = look(Belief(NOW), NOW + YEAR)
    now = NOW + YEAR + later
    assert look(doubt, now, was_set) == Belief(NOW, now)


def test_who_is_up_an_hour_a_day_is_believed_on_the_second_day() -> None:
    doubt = look(Belief(NOW), NOW + YEAR)
    assert is_believed(look(doubt, NOW + YEAR + DAY + 600))
