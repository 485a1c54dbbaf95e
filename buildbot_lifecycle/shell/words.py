"""Values of REST in words for people."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.durations import in_words

Row = Mapping[str, Any]

#: The worst first. A level that a later version adds stands before what is well.
_ORDER = {"stuck": 0, "attention": 1, "failed": 2, "slow": 3, "unknown": 4, "ok": 6}


def level_of(worker: Row) -> str:
    """The level of a worker's verdict."""
    return str((worker.get("verdict") or {}).get("level", "unknown"))


def reason(worker: Row) -> str:
    """Why it is of this level; nothing where all is well and nothing is waited for."""
    verdict = worker.get("verdict") or {}
    return "" if verdict.get("code") == "healthy" else str(verdict.get("reason") or "")


def worst_first(worker: Row) -> tuple[int, float, str]:
    """Sorts workers: by level, then who waits longest, then by name; those that are well by name only."""
    if level_of(worker) == "ok":  # in `watch`, none of them changes its place
        return _ORDER["ok"], 0.0, str(worker.get("name"))
    since = (worker.get("verdict") or {}).get("since") or worker.get("state_since") or float("inf")
    return _ORDER.get(level_of(worker), 5), since, str(worker.get("name"))


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
    return " ".join(
        f"{key}={_detail(key, value)}" for key, value in data.items() if value is not None
    )


def _detail(key: str, value: Any) -> str:
    if isinstance(value, float):
        return moment(value) if key in _MOMENTS else f"{value:.3g}"
    if key == "build" and isinstance(value, dict):
        return f"{value.get('builder')}/{value.get('number')}"
    if isinstance(value, list) and value and all(_is_frame(each) for each in value):
        return " < ".join(f"{each['function']}({each['file']}:{each['line']})" for each in value)
    return text(value)


def _is_frame(value: Any) -> bool:
    return isinstance(value, dict) and {"function", "file", "line"} <= set(value)


#: Of an event's numbers, those that are times.
_MOMENTS = {"until", "since", "at"}
