"""Rows of the table in docs/benchmarks: what was measured, against what, in the same run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable


def tell(what: str, measured: str, against: str, ratio: float | None = None) -> None:
    """Print one row as it stands in the docs, with the load of the machine."""
    how = "" if ratio is None else f"{ratio:.2f}"
    sys.stdout.write(
        f"\n| {what} | {measured} | {against} | {how} |  (load {os.getloadavg()[0]:.1f})\n"
    )


def fastest(doing: Callable[[], float], times: int) -> float:
    """The least of many measurements of a short thing: the one that nothing came between."""
    return min(doing() for _ in range(times))


def loop_us() -> float:
    """A fixed piece of Python's own work, in microseconds: machines, and the hours of one, differ."""

    def once() -> float:
        begun = time.perf_counter()
        made = {}
        for number in range(1000):
            made[number] = str(number)
        return (time.perf_counter() - begun) * 1e6

    return fastest(once, 300)
