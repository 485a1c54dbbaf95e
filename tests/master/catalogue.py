"""What the tests of the catalogue saw, one line per code and variant.

`make catalogue` runs them and writes the table that docs/catalogue.md includes.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Where the rows are kept when this is set: a directory, one file per test's row (they run in parallel).
DIRECTORY = "LIFECYCLE_CATALOGUE"

#: The tests, beside this file.
TESTS = (
    "test_catalogue.py",
    "test_catalogue_stops.py",
    "test_database_trouble.py::test_a_build_that_buildbot_lost_is_told_released_and_holds_no_stop",
)

COLUMNS = ("detected", "explained", "released", "reused")

#: Ways of stopping, in the order of the table: SIGTERM, SIGINT, `buildbot stop`, `buildbot stop --clean`,
#: and a reconfiguration that removes the worker.
STOPS = ("TERM", "INT", "stop", "clean", "reconfig")


class Row:
    """One line of the table: what was seen of one way to get stuck."""

    def __init__(self, code: str, variant: str) -> None:
        self.code = code
        self.variant = variant
        self.seen: dict[str, str] = {}
        self.stops: list[str] = []
        self.reason = ""

    def detected(self) -> None:
        self.seen["detected"] = "seen"

    def explained(self, reason: str) -> None:
        self.seen["explained"] = "seen"
        self.reason = reason

    def released(self) -> None:
        self.seen["released"] = "seen"

    def release_refused(self, why: str) -> None:
        """There is nothing to release, and the one who asks for it is told so."""
        self.seen["released"] = f"not needed: {why}"

    def reused(self) -> None:
        self.seen["reused"] = "seen"

    def stopped(self, how: str = "TERM") -> None:
        assert how in STOPS
        self.stops.append(how)

    def keep(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(vars(self))
        (directory / f"{uuid.uuid4().hex}.json").write_text(text, encoding="utf-8")


@contextlib.contextmanager
def row(code: str, variant: str = "") -> Iterator[Row]:
    """Keep what the test sees, also when it fails half way: then the rest was not seen."""
    with rows([(code, variant)]) as (seen,):
        yield seen


@contextlib.contextmanager
def rows(which: list[tuple[str, str]]) -> Iterator[list[Row]]:
    """The same, of several rows that one test sees."""
    seen = [Row(code, variant) for code, variant in which]
    try:
        yield seen
    finally:
        directory = os.environ.get(DIRECTORY)
        if directory:
            for each in seen:
                each.keep(Path(directory))


def table(directory: Path, before: str = "") -> str:
    """The rows that tests left in a directory, as a Markdown table; others stay as in ``before``."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in sorted(directory.glob("*.json")):
        seen = json.loads(path.read_text())
        line = found.setdefault(
            (seen["code"], seen["variant"]), {"seen": {}, "stops": set(), "reason": ""}
        )
        line["seen"].update(seen["seen"])
        line["stops"].update(seen["stops"])
        line["reason"] = line["reason"] or seen["reason"]
    head = [
        "| code | variant | " + " | ".join(COLUMNS) + " | stopped | as it is told |",
        "|---|---|" + "---|" * (len(COLUMNS) + 2),
    ]
    lines = {}
    for line in before.splitlines()[len(head) :]:
        code, variant = line.split(" | ")[:2]
        lines[code.removeprefix("| ").strip("`"), variant] = line
    for (code, variant), line in found.items():
        marks = [line["seen"].get(column, "not seen") for column in COLUMNS]
        stops = " ".join(how for how in STOPS if how in line["stops"]) or "not seen"
        cells = [f"`{code}`", variant, *marks, stops, line["reason"].replace("|", "\\|")]
        lines[code, variant] = "| " + " | ".join(cells) + " |"
    return "\n".join([*head, *(lines[key] for key in sorted(lines))]) + "\n"


def main(target: str) -> int:
    """Run the catalogue's tests and write the table of what they saw; their exit code.

    With ``-k`` among the arguments of pytest it is a part of them: other rows stay as they are.
    """
    with tempfile.TemporaryDirectory(prefix="lifecycle-catalogue-") as directory:
        files = [str(Path(__file__).parent / name) for name in TESTS]
        command = [sys.executable, "-m", "pytest", "-q", *files]
        env = {**os.environ, DIRECTORY: directory}
        done = subprocess.run([*command, *sys.argv[2:]], env=env, check=False)
        path = Path(target)
        before = path.read_text(encoding="utf-8") if "-k" in sys.argv else ""
        path.write_text(table(Path(directory), before), encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
