"""For master.cfg: asks a worker about its instance, whenever the file `ask` appears."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from buildbot.util.service import BuildbotService
from twisted.internet import defer, task


class Asker(BuildbotService):
    """`ask` holds `[worker, method, arguments]`; the answer is in `answer`, and `ask` is gone."""

    name = "test-asker"
    _busy = False

    def startService(self) -> Any:  # noqa: N802 - Buildbot's name
        task.LoopingCall(self._look).start(0.05, now=False)
        return super().startService()

    def _look(self) -> None:
        path = Path(self.master.basedir, "ask")
        if path.exists() and not self._busy:
            self._busy = True
            defer.ensureDeferred(self._ask(path))

    async def _ask(self, path: Path) -> None:
        name, method, arguments = json.loads(path.read_text())
        worker = self.master.workers.workers[name]
        answer = await getattr(worker, method)(*arguments)
        path.with_name("answer").write_text(json.dumps(answer))
        path.unlink()
        self._busy = False
