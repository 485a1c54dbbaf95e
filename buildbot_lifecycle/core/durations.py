"""Durations in words."""

from __future__ import annotations


def in_words(seconds: float) -> str:
    """A duration in plain units, two of them at the most: ``3 min 12 s``, ``2 d 4 h``, ``0.4 s``."""
    if seconds < 0:
        raise ValueError(f"a duration must not be negative: {seconds}")
    if seconds < 10:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    for unit, size, smaller, part in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if whole >= size:
            rest = (whole % size) // part
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"
