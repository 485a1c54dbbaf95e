"""Many latent workers without processes, builders and builds: their starts hang until there is a file.

A worker process for each of some hundred would take the machine for minutes, and so would their builds.
Whoever waits for a start needs neither.
"""

from __future__ import annotations

import fnmatch
from pathlib import Path
from typing import Any

from buildbot.interfaces import LatentWorkerCannotSubstantiate
from buildbot.util import service
from buildbot.worker.latent import AbstractLatentWorker
from twisted.internet import defer, task

from tests.harness.master import ROOT

_POLL = 0.1  # seconds between looks for a file

#: Python for the end of master.cfg.
_CONFIG = """
import sys
sys.path.insert(0, {root!r})
from tests.harness.crowd import Crowd, Hanging
c["workers"] += [Hanging(name, "secret", ends={ends!r}) for name in {names!r}]
c["services"].append(Crowd(begins={begins!r}))
"""


def crowd(names: list[str], begins: Path, ends: Path) -> str:
    """Python for the end of master.cfg: when ``begins`` is written, those of its pattern begin."""
    return _CONFIG.format(root=str(ROOT), names=names, begins=str(begins), ends=str(ends))


class Hanging(AbstractLatentWorker):
    """A start that hangs until there is the file ``ends``; then it is given up."""

    def checkConfig(self, name: str, password: str, *, ends: str, **kwargs: Any) -> None:  # noqa: N802
        super().checkConfig(name, password, **kwargs)

    def reconfigService(  # noqa: N802
        self, name: str, password: str, *, ends: str, **kwargs: Any
    ) -> Any:
        self.ends = Path(ends)
        return super().reconfigService(name, password, **kwargs)

    def start_instance(self, build: Any) -> Any:
        """Hang."""
        waits: defer.Deferred[bool] = defer.Deferred()

        def look() -> None:
            if self.ends.exists():
                waits.errback(LatentWorkerCannotSubstantiate("it was given up"))
            else:
                self.master.reactor.callLater(_POLL, look)

        look()
        return waits

    def stop_instance(self, fast: bool = False) -> Any:
        """There is nothing to stop."""
        return defer.succeed(True)


class Crowd(service.BuildbotService):
    """In the master: asks those to start whose pattern is in ``begins``, and takes the file away."""

    name = "crowd"

    def checkConfig(self, *, begins: str) -> None:  # noqa: N802
        pass

    def reconfigService(self, *, begins: str) -> Any:  # noqa: N802
        self.begins = Path(begins)
        return defer.succeed(None)

    def startService(self) -> Any:  # noqa: N802
        self._loop = task.LoopingCall(self._look)
        self._loop.start(_POLL, now=False)
        return super().startService()

    def stopService(self) -> Any:  # noqa: N802
        self._loop.stop()
        return super().stopService()

    def _look(self) -> None:
        pattern = self.begins.read_text() if self.begins.exists() else ""
        if not pattern:
            return
        self.begins.unlink()
        for worker in self.master.workers.workers.values():
            if isinstance(worker, Hanging) and fnmatch.fnmatchcase(worker.name, pattern):
                worker.substantiate(None, None).addErrback(lambda _: None)
