"""A latent worker that stays up after its builds until a test says that it has been idle for long enough.

With a `build_wait_timeout` of some seconds instead, what a test does between build and stop has these
seconds, and on a busy machine comes too late.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

#: `build_wait_timeout` of such a worker: longer than any test.
LONG = 600

_POLL = 0.05  # seconds between looks for the file


def up_until(path: Path, expression: str) -> str:
    """An expression in master.cfg: the worker of `expression`, whose idle time ends with the file."""
    return f"__import__({__name__!r}, fromlist=['_']).watched({str(path)!r}, {expression})"


def watched(path: str, worker: Any) -> Any:
    """In the master: look for the file after each build."""
    finished = worker.buildFinished

    def look() -> None:
        timer = worker.build_wait_timer
        if timer is None or not timer.active():
            return
        if Path(path).exists():
            timer.reset(0)
        else:
            worker.master.reactor.callLater(_POLL, look)

    def build_finished(worker_for_builder: Any) -> None:
        finished(worker_for_builder)
        look()

    worker.buildFinished = build_finished
    return worker
