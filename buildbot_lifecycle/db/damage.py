"""Rows that cannot be read: each is told once, stands for itself alone, and takes no other along."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.host.log import log_lines

#: Rows of which is remembered that they were told; further ones are told again and again.
_REMEMBERED = 10_000

_told: set[tuple[str, Any]] = set()


def note(table: str, number: Any) -> None:
    """One line in the log for a row of this table, by its id or workerid."""
    if (table, number) in _told:
        return
    if len(_told) < _REMEMBERED:
        _told.add((table, number))
    log_lines(
        [
            f"what is stored in lifecycle_{table} for {number} cannot be read;"
            " it is taken as not known"
        ]
    )


def mapping(value: Any) -> Mapping[str, Any]:
    """`value`, or nothing where something else is stored than was written."""
    return value if isinstance(value, Mapping) else {}
