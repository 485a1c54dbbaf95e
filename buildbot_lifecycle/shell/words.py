"""Values of REST in words for people."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.durations import in_words

Row = Mapping[str, Any]

#: The worst first. A level that a later version adds stands before what is well.
_ORDER = {"stuck": 0, "failed": 1, "slow": 2, "unknown": 3, "ok": 5}


def level_of(worker: Row) -> str:
    """The level of a worker's verdict."""
    return str((worker.get("verdict") or {}).get("level", "unknown"))


def worst_first(worker: Row) -> tuple[int, float, str]:
    """Sorts workers: by level, then who waits longest, then by name."""
    since = (worker.get("verdict") or {}).get("since") or worker.get("state_since") or float("inf")
    return _ORDER.get(level_of(worker), 4), since, str(worker.get("name"))


def age(since: float | None, now: float) -> str:
    """How long something has lasted."""
    return "" if since is None else in_words(max(0.0, now - since))


def moment(at: float | None) -> str:
    """A time in the zone of who reads it."""
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def seconds(value: float | None) -> str:
    """A duration; nothing where it is not known."""
    return "" if value is None else in_words(max(0.0, value))


def text(value: Any) -> str:
    """A value as a cell: nothing for null, words for truth, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def details(data: Row) -> str:
    """The data of an event in one line."""
    return " ".join(f"{key}={text(value)}" for key, value in data.items() if value is not None)
