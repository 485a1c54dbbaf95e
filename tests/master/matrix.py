"""What came of what was asked of one master and is another's: a row each, kept by the run of the tests.

`make faults` writes them to docs/carried-table.md; a test whose row is another one than there fails.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path

#: Where rows are kept when this is set: a directory, one file for each.
DIRECTORY = "LIFECYCLE_MATRIX"

TABLE = Path(__file__).parents[2] / "docs" / "carried-table.md"

_COLUMNS = ("database", "router", "asked on", "owned by", "the owner is", "what came")
_HEAD = f"| {' | '.join(_COLUMNS)} |\n{'|---' * len(_COLUMNS)}|\n"


class Seen:
    """What one test sees, on one database, with a router or without."""

    def __init__(self, database: str, *, has_router: bool) -> None:
        self._where = [database, "yes" if has_router else "no"]
        self._rows: list[str] = []

    def came(self, case: str, answer: str) -> None:
        """``case`` is asked on / owned by / how the owner is."""
        row = f"| {' | '.join([*self._where, *case.split(' / '), answer])} |"
        self._rows.append(row)
        if DIRECTORY not in os.environ:
            assert row in TABLE.read_text(encoding="utf-8")

    def keep(self) -> None:
        directory = os.environ.get(DIRECTORY)
        if directory:
            text = json.dumps(self._rows)
            Path(directory, f"{uuid.uuid4().hex}.json").write_text(text, encoding="utf-8")


def write(directory: Path) -> None:
    """Bring the docs up to date; what no test has seen now (no router here) stays as it was seen."""
    TABLE.write_text(table(directory, TABLE.read_text(encoding="utf-8")), encoding="utf-8")


def table(directory: Path, before: str = "") -> str:
    """All rows that tests left, those of a test in their order; and what was seen before of others."""
    tests = [json.loads(path.read_text(encoding="utf-8")) for path in directory.glob("*.json")]
    rows = [row for test in sorted(tests) for row in test]
    begins = {_begin(row) for row in rows}
    rows += [row for row in before.splitlines()[2:] if _begin(row) not in begins]
    of = {"PostgreSQL": 0, "MariaDB": 1}
    rows.sort(key=lambda row: (of[_begin(row)[0]], _begin(row)[1]))
    return _HEAD + "".join(f"{row}\n" for row in rows)


def _begin(row: str) -> tuple[str, str]:
    cells = row.split(" | ")
    return cells[0].removeprefix("| "), cells[1]
