"""`db.queries` for tests: its answers are JSON, as a client gets them."""

from __future__ import annotations

from typing import Any

import msgspec

from buildbot_lifecycle.core.requests import Page
from buildbot_lifecycle.db import queries


def as_json(answer: Any) -> Any:
    """What a client reads."""
    return msgspec.json.decode(msgspec.json.encode(answer))


def history(*args: Any) -> Any:
    page = queries.history(*args)
    return Page(as_json(page.rows), page.more)


def one(*args: Any) -> Any:
    return as_json(queries.one(*args))


def worker(*args: Any) -> Any:
    """The one worker of this number or name; None if there is none."""
    found = named(*args)
    assert len(found) < 2
    return found[0] if found else None


def named(*args: Any, **more: Any) -> Any:
    return as_json(queries.named(*args, **more))


def workers(*args: Any, **more: Any) -> Any:
    return as_json(queries.workers(*args, **more))


facts = queries.facts
incarnations = queries.incarnations
newest_incarnations = queries.newest_incarnations
open_orphans = queries.open_orphans
rebuild = queries.rebuild
