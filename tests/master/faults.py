"""What the tests of faults saw, a row for each fault and engine: what was lost, told, how long it took.

`make faults` runs them on real masters and real databases, and writes docs/faults-table.md (and, by
`matrix`, docs/carried-table.md). What is lost
is counted in the database afterwards: each event of a run has the number after the last one's.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tests.harness.waiting import wait_until
from tests.master import matrix

#: Where rows are kept when this is set: a directory, one file for each (tests run in parallel).
DIRECTORY = "LIFECYCLE_FAULTS"

#: Tests that see a fault, and those that see what came of what is asked of another's master.
MARKS = "fault or matrix"

ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mysql": "MariaDB"}

#: In the order of the table.
FAULTS = (
    "kill -9",
    "hang",
    "lock",
    "disk full",
    "restart",
    "deadlock",
    "clock forward 1 h",
    "clock back 1 h",
    "pause of the process",
)

#: What there is not, and why.
NOT_THERE = {
    ("hang", "sqlite"): "no server; see lock",
    ("restart", "sqlite"): "no server",
    ("deadlock", "sqlite"): "one writer at a time; see lock",
}

#: Of the process and its clock: no matter of the database.
OF_THE_PROCESS = FAULTS[-3:]


class Row:
    """One line of the table."""

    def __init__(self, fault: str, engine: str) -> None:
        assert fault in FAULTS, fault
        self.fault = fault
        self.engine = engine
        self.lost = "not seen"
        self.told: list[str] = []
        self.took: list[str] = []
        self._since = time.monotonic()

    def begins(self) -> None:
        """The fault is there from now on; or it is over: what comes is timed from here."""
        self._since = time.monotonic()

    def tells(self, what: str) -> None:
        """It is told now."""
        self.told.append(f"{what} ({self._passed()})")

    def ended(self, what: str) -> None:
        """This is over now."""
        self.took.append(f"{what} {self._passed()}")

    def _passed(self) -> str:
        return f"{time.monotonic() - self._since:.1f} s"

    def nothing_lost(self, url: str) -> None:
        """Every event that was numbered is written, once, and no gap was told.

        A master that runs may still be about to write the last ones; what is not there by then is lost.
        """
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: all(_is_whole(run) for run in _runs(engine)), 10, "all events")
        runs = _runs(engine)
        with engine.connect() as connection:
            gaps = connection.execute(
                sa.text("select count(*) from lifecycle_events where kind = 'gap'")
            ).scalar()
        assert gaps == 0
        assert runs
        assert [run for run in runs if not _is_whole(run)] == []
        self.lost = f"nothing of {sum(run[3] for run in runs)} events"

    def keep(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        row = [self.fault, self.engine, self.lost, self.told, self.took]
        path = directory / f"{uuid.uuid4().hex}.json"
        path.write_text(json.dumps(row), encoding="utf-8")


def _runs(engine: sa.engine.Engine) -> list[Any]:
    """Of each run: its number, the first and the last number of an event, rows, and different numbers."""
    with engine.connect() as connection:
        return list(
            connection.execute(
                sa.text(
                    "select incarnation, min(seq), max(seq), count(*), count(distinct seq)"
                    " from lifecycle_events group by incarnation"
                )
            ).all()
        )


def _is_whole(run: Any) -> bool:
    _, first, last, rows, numbers = run
    return bool(first == 1 and rows == numbers == last)


@contextlib.contextmanager
def row(fault: str, engine: str) -> Iterator[Row]:
    """Keep what the test has seen by its end; a test that fails has seen nothing."""
    seen = Row(fault, engine)
    yield seen
    directory = os.environ.get(DIRECTORY)
    if directory:
        seen.keep(Path(directory))


Cells = dict[tuple[str, str], list[str]]


def seen_in(directory: Path) -> Cells:
    """The rows that tests left in a directory."""
    found: Cells = {}
    for path in sorted(directory.glob("*.json")):
        fault, engine, lost, told, took = json.loads(path.read_text(encoding="utf-8"))
        cells = [lost, "; ".join(told), "; ".join(took)]
        found[fault, engine] = [each.replace("|", "\\|") or "-" for each in cells]
    return found


def seen_before(text: str) -> Cells:
    """The rows of a table."""
    found: Cells = {}
    keys = {name: engine for engine, name in ENGINES.items()} | {"any": "sqlite"}
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if cells and cells[0] in FAULTS:
            found[cells[0], keys[cells[1]]] = cells[2:]
    return found


def table(found: Cells) -> str:
    """The rows as a Markdown table, all that there could be."""
    lines = ["| fault | on | lost | told (after) | took |", "|---|---|---|---|---|"]
    for fault in FAULTS:
        engines = ["sqlite"] if fault in OF_THE_PROCESS else list(ENGINES)
        for engine in engines:
            cells = found.get((fault, engine), ["not seen"] * 3)
            if (fault, engine) in NOT_THERE:
                cells = ["-", f"not possible: {NOT_THERE[fault, engine]}", "-"]
            on = "any" if fault in OF_THE_PROCESS else ENGINES[engine]
            lines.append(f"| {' | '.join([fault, on, *cells])} |")
    return "\n".join(lines) + "\n"


def main(target: str, *arguments: str) -> int:
    """Run the tests of faults, and write what they saw; their exit code.

    With ``arguments`` of pytest it is a part of them: other rows stay as an earlier run has seen them.
    """
    path = Path(target)
    with tempfile.TemporaryDirectory(prefix="lifecycle-faults-") as directory:
        command = [sys.executable, "-m", "pytest", "-q", "-m", MARKS, str(Path(__file__).parent)]
        asked = Path(directory, "matrix")
        asked.mkdir()
        env = {**os.environ, DIRECTORY: directory, matrix.DIRECTORY: str(asked)}
        done = subprocess.run([*command, *arguments], env=env, check=False)
        before = (
            seen_before(path.read_text(encoding="utf-8")) if arguments and path.exists() else {}
        )
        text = table({**before, **seen_in(Path(directory))})
        matrix.write(asked)
    print(text)  # noqa: T201 - what the command is for
    path.write_text(text, encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
