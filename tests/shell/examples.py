"""The answers of docs/rest, as they stand there: one place says how REST answers."""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.test_docs import PAGES, blocks

_EXAMPLES = [json.loads(text) for text in blocks(PAGES["rest"], "json")]


def example(what: str) -> Any:
    """The first example with this key."""
    return copy.deepcopy(next(each for each in _EXAMPLES if what in each))


def worker(**changes: Any) -> dict[str, Any]:
    """The example of a worker, with other values."""
    found: dict[str, Any] = {**example("workers")["workers"][0], **changes}
    return found


def workers(*rows: dict[str, Any]) -> dict[str, Any]:
    """An answer with these."""
    return {**example("workers"), "workers": list(rows)}


def verdict(level: str, since: float = 0.0) -> dict[str, Any]:
    """A verdict of this level."""
    return {
        "level": level,
        "code": level,
        "reason": f"it is {level}",
        "since": since,
        "threshold_s": 1.0,
    }
