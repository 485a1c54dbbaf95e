"""Checks of arguments in master.cfg, where anything may stand: True is no number, and neither is NaN."""

from __future__ import annotations

import math
import re
from typing import Any


def is_number(
    value: Any, *, least: float | None = None, above: float | None = None, most: float | None = None
) -> bool:
    """Whether it is a finite number, at least ``least``, more than ``above``, at most ``most``."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        if not math.isfinite(value):
            return False
    except OverflowError:  # an integer beyond all floats
        return False
    return (
        (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
    )


def is_whole(value: Any, *, least: int, most: int | None = None) -> bool:
    """Whether it is a whole number within these bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return value >= least and (most is None or value <= most)


def wrong_pattern(pattern: str) -> str | None:
    """Why no worker can have such a name; None if one can. Python itself takes anything for a pattern."""
    at = pattern.find("[")
    while at >= 0:
        begin = at + 2 if pattern[at + 1 : at + 2] == "!" else at + 1
        # a bracket that comes first is one of the characters
        end = pattern.find("]", begin + 1)
        if end < 0:
            return "has a [ without its ]; patterns are those of a shell: *, ?, [ab]"
        wrong = re.search(r"(.)-(.)", pattern[begin:end], re.DOTALL)
        if wrong is not None and wrong[1] > wrong[2]:
            return f"has a range that is empty, {wrong[0]!r}; patterns are those of a shell: *, ?, [ab]"
        at = pattern.find("[", end + 1)
    return None
