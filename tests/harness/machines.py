"""A latent machine whose start hangs as long as a test wants.

In a module, not in master.cfg: a class that is made anew there is another one for Buildbot, which then
reconfigures the machine and forgets who waits for its start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from buildbot.machine.latent import AbstractLatentMachine
from twisted.internet import defer, reactor

_KEPT: list[defer.Deferred[bool]] = []

_POLL = 0.05  # seconds between looks for a file


class SlowMachine(AbstractLatentMachine):  # type: ignore[misc]
    """Its start hangs while there is a file `hang`, and ends, late, when there is a file `then`."""

    hang: str
    then: str | None = None

    def start_machine(self) -> Any:
        if not Path(self.hang).exists():
            return defer.succeed(True)
        _KEPT.append(defer.Deferred())
        if self.then is not None:
            self._look(_KEPT[-1], Path(self.then))
        return _KEPT[-1]

    def _look(self, waiting: defer.Deferred[bool], then: Path) -> None:
        if then.exists():
            waiting.callback(True)
        else:
            reactor.callLater(_POLL, self._look, waiting, then)

    def stop_machine(self) -> Any:
        return defer.succeed(True)
