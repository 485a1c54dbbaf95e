from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core.durations import in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.04, "0 s"),
        (0.4, "0.4 s"),
        (3, "3 s"),
        (9.96, "10 s"),
        (10, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (60, "1 min"),
        (192, "3 min 12 s"),
        (600, "10 min"),
        (3599.6, "1 h"),
        (3661, "1 h 1 min"),
        (86399.6, "1 d"),
        (187200, "2 d 4 h"),
    ],
)
def test_a_duration_is_told_in_two_units_at_most(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_a_negative_duration_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="must not be negative: -1"):
        in_words(-1)


_SIZES = {"d": 86400, "h": 3600, "min": 60, "s": 1}


@given(st.floats(min_value=0, max_value=1e9))
def test_the_words_are_never_further_off_than_their_last_unit(seconds: float) -> None:
    words = in_words(seconds).split()
    told = sum(float(n) * _SIZES[unit] for n, unit in zip(words[::2], words[1::2]))
    smallest = {"d": 3600, "h": 60, "min": 1, "s": 1}[words[1]]
    assert abs(told - seconds) <= smallest
