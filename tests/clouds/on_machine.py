"""A worker that a latent machine brings along: for master.cfg."""

from __future__ import annotations

from typing import Any

from buildbot.worker.latent import AbstractLatentWorker, LocalLatentWorker
from twisted.internet import defer


class OnMachine(LocalLatentWorker):  # type: ignore[misc]
    """Buildbot's LocalLatentWorker, which cannot be made as it is in 4.3.0."""

    def checkConfig(self, name: str, password: str, **kwargs: Any) -> None:  # noqa: N802
        AbstractLatentWorker.checkConfig(self, name, password, build_wait_timeout=-1, **kwargs)

    def start_instance(self, build: Any) -> defer.Deferred[bool]:
        return defer.succeed(True)

    def stop_instance(self, fast: bool = False) -> defer.Deferred[bool]:
        return defer.succeed(True)
