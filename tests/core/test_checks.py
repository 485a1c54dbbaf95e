"""What counts as a number in master.cfg; the settings and the SSH worker's options ask the same."""

from __future__ import annotations

import math
from typing import Any

import pytest

from buildbot_lifecycle.core.checks import is_number, is_whole


@pytest.mark.parametrize("value", [True, "1", None, math.nan, math.inf, -math.inf, 10**400, [1]])
def test_what_is_no_finite_number_is_none(value: Any) -> None:
    assert not is_number(value)


@pytest.mark.parametrize(
    ("value", "bounds", "is_right"),
    [
        (0, {"least": 0}, True),
        (-1e-9, {"least": 0}, False),
        (1, {"above": 1}, False),
        (1.5, {"above": 1}, True),
        (60, {"least": 1, "most": 60}, True),
        (61, {"least": 1, "most": 60}, False),
    ],
)
def test_a_bound_belongs_to_what_is_right_but_that_above_which_it_must_be(
    value: float, bounds: dict[str, float], is_right: bool
) -> None:
    assert is_number(value, **bounds) is is_right


@pytest.mark.parametrize(
    ("value", "is_right"),
    [(True, False), (1.0, False), (0, False), (1, True), (9, True), (10, False)],
)
def test_a_whole_number_is_no_flag_and_no_fraction(value: Any, is_right: bool) -> None:
    assert is_whole(value, least=1, most=9) is is_right
