"""A small disk that can be filled up: a tmpfs of its own. Needs root."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


class Disk:
    """A mounted directory of a few megabytes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self) -> None:
        """Take all that is free."""
        with self._filler.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 4096)

    def free(self) -> None:
        """Give it back."""
        self._filler.unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(path: Path, megabytes: int, user: str | None = None) -> Iterator[Disk]:
    """Mounted at a new directory; skips the test where nothing may be mounted."""
    path.mkdir(parents=True)
    size = f"size={megabytes}m"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(path)], capture_output=True, check=False
    )
    if mounted.returncode or os.geteuid() != 0:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        if user is not None:
            shutil.chown(path, user, pwd.getpwnam(user).pw_gid)
            path.chmod(0o700)
        yield Disk(path)
    finally:
        # lazily: a server may have files open there still
        subprocess.run(["umount", "-l", str(path)], check=True)
