"""Latent workers whose driver goes wrong in a way that Buildbot does not foresee, or tells badly.

For `RealMaster(workers=[odd("OldCheck", "a")])`; the arguments are those of the demonstration's workers.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from buildbot.interfaces import LatentWorkerCannotSubstantiate, LatentWorkerFailedToSubstantiate
from twisted.internet import defer, reactor
from twisted.python import log
from twisted.python.failure import Failure

from buildbot_lifecycle.demo.workers import Healthy, NeverConnects, StuckStart

QUOTA = "quota exceeded: 20 of 20 instances are up"


def odd(kind: str, name: str, **kwargs: Any) -> str:
    """One worker of this module, as an expression in master.cfg."""
    kwargs.setdefault("build_wait_timeout", 0)
    plain = {key: str(v) if isinstance(v, Path) else v for key, v in kwargs.items()}
    return f"__import__({__name__!r}, fromlist=['_']).{kind}({name!r}, **{plain!r})"


class OldCheck(NeverConnects):
    """`check_instance` answers as it was to until Buildbot 3: a truth, and no text beside it."""

    def check_instance(self) -> Any:
        return True


class TellsCalls(Healthy):
    """Logs each call of its driver."""

    def start_instance(self, build: Any) -> Any:
        log.msg(f"{self.name} is asked to start")
        return super().start_instance(build)

    def stop_instance(self, fast: bool = False) -> Any:
        log.msg(f"{self.name} is asked to stop")
        return super().stop_instance(fast)


class NoneStart(Healthy):
    """The start forgets to answer."""

    async def _start(self) -> Any:
        return None


class NothingMade(Healthy):
    """The start makes nothing, and the stop fails for the same reason."""

    async def _start(self) -> bool:
        raise RuntimeError(QUOTA)

    async def _stop(self) -> bool:
        raise RuntimeError("404: there is no such instance")


class HalfMade(NothingMade):
    """The start fails when the instance is there already; the stop fails, too."""

    async def _start(self) -> bool:
        self.instance = "i-half"
        raise RuntimeError(QUOTA)


class OwnStop(Healthy):
    """Stops what may be there before it starts, as Kubernetes' and Marathon's drivers do; both fail."""

    async def _start(self) -> bool:
        try:
            await self.stop_instance()
        except RuntimeError as error:
            raise LatentWorkerFailedToSubstantiate(str(error)) from error
        return True

    async def _stop(self) -> bool:
        raise RuntimeError("502: bad gateway")


class OwnStopHangs(StuckStart):
    """The stop that the start calls itself does not end."""

    async def _start(self) -> bool:
        await self.stop_instance()
        return True

    async def _stop(self) -> bool:
        await self._delete_what_is_left()
        return True

    async def _delete_what_is_left(self) -> None:
        await self._hang()


class WrongPassword(Healthy):
    """The instance logs in with a password that is none: an image of last year."""

    def _spawn(self) -> None:
        right, self.password = self.password, "of-last-year"
        try:
            super()._spawn()
        finally:
            self.password = right


class RefusesToAttach(Healthy):
    """`attached` looks at who comes, and says no."""

    def attached(self, conn: Any) -> Any:
        return defer.fail(RuntimeError("image 1.2 is too old:\n  1.4 is wanted"))


class DiskFull(Healthy):
    """The worker cannot make its build directories; the master learns so from setBuilderList."""

    def _spawn(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "work").mkdir(exist_ok=True)
        for place in (self.directory, self.directory / "work"):
            (place / self.name).write_text("a file where the directory is to be")
        super()._spawn()


class NotForThisBuild(Healthy):
    """The driver says that this build can never have a worker."""

    async def _start(self) -> bool:
        raise LatentWorkerCannotSubstantiate("no pool has the label 'arm64'")


class Wrapped(Healthy):
    """The error of the start comes wrapped, with the files of this installation in its text."""

    async def _start(self) -> bool:
        inner = RuntimeError(f"no secret 'token'\nin {Path(__file__)}")
        raise defer.FirstError(Failure(inner), 1)  # type: ignore[no-untyped-call]


class HangsAndHangs(StuckStart):
    """The start never ends, and neither does the stop that Buildbot calls after it."""

    async def _stop(self) -> bool:
        await self._hang()
        return True


class BlocksTheReactor(Healthy):
    """The start blocks the reactor itself for ever, a second after it was asked for."""

    def start_instance(self, build: Any) -> Any:
        log.msg("it blocks in a second")
        self.blocks = reactor.callLater(1, threading.Event().wait)
        return super().start_instance(build)
