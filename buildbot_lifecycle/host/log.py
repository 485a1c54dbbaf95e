"""The master's log."""

from __future__ import annotations

from collections.abc import Iterable

from twisted.python import log
from twisted.python.failure import Failure


def log_lines(lines: Iterable[str]) -> None:
    """Write lines to the master's log."""
    for line in lines:
        log.msg(f"lifecycle: {line}")


def log_error(problem: BaseException | Failure | None, text: str) -> None:
    """Log an exception (None: the current one) with its traceback. Also fits ``addErrback``."""
    log.err(problem, text)  # type: ignore[no-untyped-call]
