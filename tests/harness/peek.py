"""What the latent workers of a master are doing, without the plugin: stock has no such view.

A service for master.cfg that writes `peek.json` into the master's directory at each change.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from buildbot.util.service import BuildbotService
from buildbot.worker.latent import AbstractLatentWorker
from twisted.internet import task

INTERVAL = 0.05  # seconds


class Peek(BuildbotService):
    """Looks at every worker each 50 ms."""

    name = "test-peek"
    _last: str | None = None
    _loop: task.LoopingCall | None = None

    def startService(self) -> Any:  # noqa: N802 - Buildbot's name
        self._loop = task.LoopingCall(self._look)
        self._loop.start(INTERVAL, now=False)
        return super().startService()

    def _look(self) -> None:
        workers = self.master.workers.workers.values()
        latent = [worker for worker in workers if isinstance(worker, AbstractLatentWorker)]
        text = json.dumps({worker.name: _seen(worker) for worker in latent})
        if text != self._last:
            path = Path(self.master.basedir, "peek.json")
            path.with_suffix(".new").write_text(text, encoding="utf-8")
            path.with_suffix(".new").replace(path)
            self._last = text


def _seen(worker: AbstractLatentWorker) -> dict[str, Any]:
    return {
        "state": worker.state.name.lower(),
        "connected": worker.conn is not None,
        "locked": bool(worker._start_stop_lock.locked),
        "waited_for": worker._deferwaiter._waited_count,
        "building": len(worker.building),
        "paused": worker._paused,
    }
