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
from collections.abc import Iterator
from pathlib import Path

#: Where the rows are kept when this is set: a directory, one file per row (tests run in parallel).
DIRECTORY = "LIFECYCLE_CATALOGUE"

#: The tests, beside this file.
TESTS = "test_catalogue.py"

COLUMNS = ("detected", "explained", "released", "reused", "stopped")


class Row:
    """One line of the table: what was seen of one way to get stuck."""

    def __init__(self, code: str, variant: str) -> None:
        self.code = code
        self.variant = variant
        self.seen: dict[str, bool] = dict.fromkeys(COLUMNS, False)
        self.reason = ""

    def detected(self) -> None:
        self.seen["detected"] = True

    def explained(self, reason: str) -> None:
        self.seen["explained"] = True
        self.reason = reason

    def released(self) -> None:
        self.seen["released"] = True

    def reused(self) -> None:
        self.seen["reused"] = True

    def stopped(self) -> None:
        self.seen["stopped"] = True


@contextlib.contextmanager
def row(code: str, variant: str = "") -> Iterator[Row]:
    """Keep what the test sees, also when it fails half way: then the rest was not seen."""
    seen = Row(code, variant)
    try:
        yield seen
    finally:
        directory = os.environ.get(DIRECTORY)
        if directory:
            name = f"{code}-{variant}".rstrip("-").replace(" ", "_")
            text = json.dumps(
                {"code": code, "variant": variant, **seen.seen, "reason": seen.reason}
            )
            Path(directory).mkdir(parents=True, exist_ok=True)
            (Path(directory) / f"{name}.json").write_text(text, encoding="utf-8")


def table(directory: Path) -> str:
    """The rows that tests left in a directory, as a Markdown table."""
    found = [json.loads(path.read_text()) for path in sorted(directory.glob("*.json"))]
    lines = [
        "| code | variant | " + " | ".join(COLUMNS) + " | as it is told |",
        "|---|---|" + "---|" * (len(COLUMNS) + 1),
    ]
    for each in found:
        marks = ["seen" if each[column] else "not seen" for column in COLUMNS]
        cells = [f"`{each['code']}`", each["variant"], *marks, each["reason"].replace("|", "\\|")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(target: str) -> int:
    """Run the catalogue's tests and write the table of what they saw; their exit code."""
    with tempfile.TemporaryDirectory(prefix="lifecycle-catalogue-") as directory:
        command = [sys.executable, "-m", "pytest", "-q", str(Path(__file__).with_name(TESTS))]
        env = {**os.environ, DIRECTORY: directory}
        done = subprocess.run([*command, *sys.argv[2:]], env=env, check=False)
        Path(target).write_text(table(Path(directory)), encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
