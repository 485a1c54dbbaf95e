"""The open entries of the orphan ledger, as this master knows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class Entries:
    """Open entries by workerid and number.

    By workerid, not on `Known`: an entry tells of an instance, which may outlive the worker object. Who
    has the name and the number next is shown with it, as after a restart, and its driver is asked.
    """

    def __init__(self) -> None:
        self._open: dict[int, dict[int, Mapping[str, Any]]] = {}

    def opened(self, orphan: int, row: Mapping[str, Any]) -> None:
        """An entry was written."""
        self._open.setdefault(row["workerid"], {})[orphan] = row

    def closed(self, orphan: int, workerid: int) -> None:
        """An entry was closed."""
        entries = self._open.get(workerid, {})
        entries.pop(orphan, None)
        if not entries:
            self._open.pop(workerid, None)

    def of(self, workerid: int) -> Mapping[int, Mapping[str, Any]]:
        """The open entries of a worker, by number."""
        return self._open.get(workerid, {})

    def named(self, orphan: int, workerid: int, instance: str, place: str | None) -> None:
        """It is known now what the instance of an entry is called, and where it is."""
        entries = self._open.get(workerid, {})
        if orphan in entries:
            entries[orphan] = {**entries[orphan], "instance": instance, "place": place}

    def all(self) -> list[tuple[int, Mapping[str, Any]]]:
        """All open entries, with their numbers."""
        return [each for entries in self._open.values() for each in entries.items()]

    def found(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Open entries from the database, of earlier runs."""
        for row in rows:
            self.opened(row["id"], row)

    def same(self, row: Mapping[str, Any]) -> tuple[int, int] | None:
        """An open entry of a worker for this very instance, and how often it was told then; or None.

        By its name, in one cloud; of instances without a name, those that a stop failed to stop are kept
        together. A worker that was configured for another cloud since may use the same names there.
        """
        entries = self._open.get(row["workerid"], {})
        for number, entry in entries.items():
            if entry.get("instance") != row.get("instance") or _is_elsewhere(entry, row):
                continue
            nameless = row.get("instance") is None
            if not nameless or entry.get("cause") == row["cause"] == "stop_failed":
                times = int(entry.get("times", 1)) + 1
                entries[number] = {**entry, "times": times}
                return number, times
        return None


def _is_elsewhere(entry: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether they are known to be in two clouds, or of two classes."""
    known = ((entry.get(what), row.get(what)) for what in ("place", "class"))
    return any(None not in both and both[0] != both[1] for both in known)
