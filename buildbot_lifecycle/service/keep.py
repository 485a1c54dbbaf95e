"""Rows that are being written, as they would be kept if the process left before they are."""

from __future__ import annotations

from typing import Any, TypeVar

from twisted.internet import defer

from buildbot_lifecycle.db.unwritten import Record

_T = TypeVar("_T")

#: Rows of which so many are kept while the database takes none.
MOST = 5000


class Keep:
    """Knows each row from before it is written until it is; one that could not be stays."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}

    def put(self, name: str, record: Record) -> None:
        """Keep a row under a name of its own, in the place of an earlier one of that name."""
        if name in self._records or len(self._records) < MOST:
            self._records[name] = record

    def drop(self, name: str) -> None:
        """It is written, or not to be written any more."""
        self._records.pop(name, None)

    def during(self, name: str, record: Record, written: defer.Deferred[_T]) -> defer.Deferred[_T]:
        """Keep a row until it is written; the same Deferred."""
        self.put(name, record)

        def done(result: Any) -> Any:
            if self._records.get(name) is record:
                self.drop(name)
            return result

        return written.addCallback(done)

    def all(self) -> list[Record]:
        """The rows, in the order in which they came."""
        return list(self._records.values())
