"""What the tests of the catalogue saw, one line per code and variant; docs/catalogue.md is made of it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

#: Where the rows are kept when this is set: a directory, one file per row (tests run in parallel).
DIRECTORY = "LIFECYCLE_CATALOGUE"

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
