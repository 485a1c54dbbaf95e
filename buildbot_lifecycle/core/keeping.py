"""How long what was recorded is kept: the argument `keep_days`, checked, and the default."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.checks import is_number, is_whole


@dataclasses.dataclass(frozen=True)
class Keep:
    """Days for which events and episodes are kept, and events of one worker at most; None: no bound."""

    details: float | None = 90.0
    episodes: float | None = 730.0
    per_worker: int | None = 100_000


DEFAULT = Keep()
FOR_EVER = Keep(None, None, None)

_FIELDS = tuple(field.name for field in dataclasses.fields(Keep))


def parse(name: str, value: Any, problems: list[str]) -> Keep | None:
    """What is to be kept; None if something is wrong with it, which is then among the problems."""
    if value is None:
        return FOR_EVER
    if is_number(value, least=1):
        episodes = max(float(value), Keep.episodes or 0.0)
        return Keep(details=float(value), episodes=episodes)
    if not isinstance(value, Mapping):
        expected = f"a number of days, 1 or more, None for ever, or a dictionary of {_said()}"
        problems.append(f"{name} must be {expected}, not {value!r}")
        return None
    before = len(problems)
    for key, each in value.items():
        if key not in _FIELDS:
            problems.append(f"{name}: unknown key {key!r}; known are {_said()}")
        elif key == "per_worker" and each is not None and not is_whole(each, least=1000):
            text = "must be a whole number, 1000 or more, or None for no bound"
            problems.append(f"{name}[{key!r}] {text}, not {each!r}")
        elif key != "per_worker" and each is not None and not is_number(each, least=1):
            problems.append(
                f"{name}[{key!r}] must be a number of days, 1 or more, or None, not {each!r}"
            )
    if len(problems) > before:
        return None
    found = Keep(**value)
    if found.episodes is not None and (found.details is None or found.details > found.episodes):
        text = "episodes must be kept for as long as their details, or longer"
        problems.append(f"{name}: {text}; details {found.details!r}, episodes {found.episodes!r}")
        return None
    return found


def _said() -> str:
    return ", ".join(_FIELDS)
