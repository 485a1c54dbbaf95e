"""One recorder per master directory.

A second process started by mistake on the same directory starts its services, and only then fails on
its port. The lock keeps it from closing what the living one has open; it ends with the process that
holds it, however that process ends.
"""

from __future__ import annotations

import fcntl
import os
import pathlib


class BasedirLock:
    """An advisory lock on ``lifecycle.lock`` in the master's directory."""

    def __init__(self, basedir: str) -> None:
        self._path = pathlib.Path(basedir) / "lifecycle.lock"
        self._fd: int | None = None

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another process has it. Raises OSError."""
        if self._fd is not None:
            return True
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        except OSError:
            os.close(fd)
            raise
        self._fd = fd
        return True

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
