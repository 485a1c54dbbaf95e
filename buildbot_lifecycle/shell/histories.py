"""What was recorded, newest first, in as many pages as it takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from buildbot_lifecycle.shell.client import Client

#: So many rows REST gives at a time.
_PAGE = 1000

#: How far behind the newest number a row may still come in: two masters write side by side.
_LATE = 200


def newest(
    client: Client, path: str, what: str, query: Sequence[tuple[str, str]], limit: int | None
) -> list[dict[str, Any]]:
    """Up to `limit` rows; None: all of them."""
    rows: list[dict[str, Any]] = []
    before: list[tuple[str, str]] = []
    while limit is None or len(rows) < limit:
        size = _PAGE if limit is None else min(_PAGE, limit - len(rows))
        answer = client.get(path, [*query, *before, ("limit", str(size))]).json
        rows += answer[what]
        if not answer["meta"]["next"] or not answer[what]:
            break
        before = [("before", str(answer[what][-1]["id"]))]
    return rows


class Follower:
    """What comes in, each row once, the oldest first."""

    def __init__(
        self, client: Client, path: str, what: str, query: Sequence[tuple[str, str]]
    ) -> None:
        self._asked = client, path, what
        self._query = query
        self._seen: set[int] = set()
        self._top = 0

    def begin(self, limit: int) -> list[dict[str, Any]]:
        """The last rows that there are."""
        rows = newest(*self._asked, self._query, limit)
        # Rows between these were there before, and are not new.
        self._low = min((row["id"] for row in rows), default=1) - 1
        return list(self._new(rows))

    def more(self) -> list[dict[str, Any]]:
        """What has come in since."""
        since = max(self._low, self._top - _LATE)
        rows = newest(*self._asked, [*self._query, ("id__gt", str(since))], None)
        self._seen = {number for number in self._seen if number > since}
        return list(self._new(rows))

    def _new(self, rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for row in reversed(rows):
            if row["id"] not in self._seen:
                self._seen.add(row["id"])
                self._top = max(self._top, row["id"])
                yield row
