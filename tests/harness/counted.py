"""Calls of functions, counted: a cost that is the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def calls(doing: Callable[[], Any], *, built_in: bool = False) -> int:
    """How many functions of Python are called; with ``built_in``, those of C too."""
    counted = 0
    wanted = ("call", "c_call") if built_in else ("call",)

    def count(_frame: Any, what: str, _arg: Any) -> None:
        nonlocal counted
        counted += what in wanted

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        doing()
    finally:
        sys.setprofile(before)
    return counted
