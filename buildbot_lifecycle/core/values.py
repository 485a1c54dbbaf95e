"""Values with some of their fields changed."""

from __future__ import annotations

from typing import Any, TypeVar

_V = TypeVar("_V")


def replace(value: _V, **changes: Any) -> _V:
    """As `dataclasses.replace`, for dataclasses without slots and without ``__post_init__``.

    That one calls the constructor with all fields, which sets them one by one: of the facts of a worker
    17 us, for each event. This copies the dictionary that holds them, in less than one.

    Raises TypeError for a field that there is not.
    """
    fields = {**value.__dict__, **changes}
    if len(fields) != len(value.__dict__):
        unknown = sorted(changes.keys() - value.__dict__.keys())
        raise TypeError(f"{type(value).__name__} has no field {', '.join(unknown)}")
    changed: _V = object.__new__(type(value))
    object.__setattr__(changed, "__dict__", fields)
    return changed
