"""Checks of arguments in master.cfg, where anything may stand: True is no number, and neither is NaN."""

from __future__ import annotations

import math
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
