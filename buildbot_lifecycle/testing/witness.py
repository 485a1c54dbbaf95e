"""A service for the kit's masters: writes down what their latent worker does, one JSON line for each.

It stands in a stock master, without the lifecycle service: what is seen is Buildbot and the driver.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from buildbot.util.service import BuildbotService
from buildbot.worker.latent import AbstractLatentWorker
from twisted.internet import defer, task

#: Seconds between two looks at the worker's state, and beats of the reactor's pulse.
BEAT = 0.05

CALLS = ("start_instance", "stop_instance", "check_instance")


class Witness(BuildbotService):
    """Lines of `witness.jsonl`: `at` (seconds), `what`, and what belongs to it.

    `call` and `ended` (call, outcome) of a driver's methods; `state`; `refused`; `stall` (seconds).
    """

    name = "kit-witness"
    _loop: task.LoopingCall | None = None
    _last: str | None = None
    _beat = 0.0

    def startService(self) -> Any:  # noqa: N802 - Buildbot's name
        self._path = Path(self.master.basedir, "witness.jsonl")
        self._seen: set[int] = set()
        self._loop = task.LoopingCall(self._look)
        self._loop.start(BEAT)
        return super().startService()

    def _write(self, what: str, **data: Any) -> None:
        with self._path.open("a", encoding="utf-8") as lines:
            line = {"at": self.master.reactor.seconds(), "what": what, **data}
            lines.write(json.dumps(line) + "\n")

    def _look(self) -> None:
        now = self.master.reactor.seconds()
        if self._beat and now - self._beat > 1:
            self._write("stall", seconds=round(now - self._beat, 1))
        self._beat = now
        for worker in list(self.master.workers.workers.values()):
            if isinstance(worker, AbstractLatentWorker):
                if id(worker) not in self._seen:
                    self._seen.add(id(worker))
                    self._wrap(worker)
                if worker.state.name != self._last:
                    self._last = worker.state.name
                    self._write("state", state=self._last.lower())

    def _wrap(self, worker: Any) -> None:
        for name in CALLS:
            setattr(worker, name, functools.partial(self._call, name, getattr(worker, name)))
        worker.attached = functools.partial(self._attached, worker.attached)

    def _call(self, name: str, original: Any, *args: Any, **kwargs: Any) -> Any:
        self._write("call", call=name)
        try:
            result = original(*args, **kwargs)
        except Exception as error:
            self._write("ended", call=name, outcome=f"raised at once: {error}")
            raise
        if not hasattr(result, "addBoth") and not hasattr(result, "send"):
            self._write("ended", call=name, outcome=f"returned {result!r}, nothing to wait for")
            return result
        waiting = defer.ensureDeferred(result)
        waiting.addBoth(self._ended, name)
        return waiting

    def _ended(self, result: Any, name: str) -> Any:
        if hasattr(result, "getErrorMessage"):
            self._write("ended", call=name, outcome=f"raised {result.getErrorMessage()}"[:500])
        else:
            self._write("ended", call=name, outcome=f"{result!r}"[:500])
        return result

    def _attached(self, original: Any, conn: Any) -> defer.Deferred[None]:
        return defer.ensureDeferred(self._attach(original, conn))

    async def _attach(self, original: Any, conn: Any) -> None:
        try:
            await defer.maybeDeferred(original, conn)
        except Exception as error:
            self._write("refused", why=str(error)[:500])
            raise
        self._write("attached")
