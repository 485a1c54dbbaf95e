"""A real master whose wall clock the test sets, with libfaketime; its monotonic clocks stay true."""

from __future__ import annotations

from pathlib import Path

#: For `make_master(extra=...)`: the master's children have the true time; a sleep of theirs would fail.
CHILDREN_HAVE_THE_TRUE_TIME = "import os\nos.environ.pop('LD_PRELOAD', None)\n"


def library() -> Path | None:
    """Where Debian's package faketime has it; None: it is missing."""
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


class WallClock:
    """The wall clock of a master that was started with `env`."""

    def __init__(self, directory: Path, found: Path) -> None:
        self._file = directory / "faketime"
        self.set(0)
        self.env = {
            "LD_PRELOAD": str(found),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, seconds: int) -> None:
        """So many seconds from the true time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.replace(self._file)
