"""Workers of Buildbot's own drivers without a master around them, and a reactor that the test turns."""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable
from typing import Any, TypeVar

from buildbot.config.master import MasterConfig
from buildbot.process.botmaster import BotMaster
from buildbot.util.service import MasterService
from buildbot.worker.manager import WorkerManager
from twisted.internet import defer, task
from twisted.python.failure import Failure

from buildbot_lifecycle.clouds.ask import Clouds
from buildbot_lifecycle.clouds.choose import Choice
from buildbot_lifecycle.clouds.values import Limits
from tests.harness.waiting import patient

T = TypeVar("T")


class Turns(task.Clock):  # type: ignore[misc]
    """A reactor whose time is the real one, and which turns only while the test waits for an answer."""

    def __init__(self) -> None:
        super().__init__()
        self._from_threads: queue.Queue[Callable[[], Any]] = queue.Queue()
        self._seen = time.monotonic()

    def callFromThread(self, function: Any, *args: Any) -> None:  # noqa: N802 - Twisted's name
        self._from_threads.put(lambda: function(*args))

    def turn(self) -> None:
        """Do what threads have asked for, and what the time has come for."""
        with contextlib.suppress(queue.Empty):
            self._from_threads.get(timeout=0.02)()
        now = time.monotonic()
        self.advance(now - self._seen)
        self._seen = now

    def wait(self, answer: defer.Deferred[T]) -> T:
        """What comes of it."""
        came: list[Any] = []
        answer.addBoth(came.append)
        deadline = time.monotonic() + patient(30)
        while not came:
            assert time.monotonic() < deadline, "no answer"
            self.turn()
        if isinstance(came[0], Failure):
            came[0].raiseException()
        return came[0]  # type: ignore[no-any-return]


class Master(MasterService):  # type: ignore[misc]
    """What of a master a worker asks for while it is configured."""

    name = "clouds-test-master"

    def __init__(self, reactor: Any) -> None:
        super().__init__()
        self.reactor = reactor
        self.workers = WorkerManager(self)
        self.httpservice = None
        self.config = MasterConfig()
        self.config_version = 0
        self.botmaster = BotMaster()


class Desk:
    """`clouds` with short limits; `worker()` gives a configured worker of a driver, `ask()` an answer."""

    def __init__(self, *, limits: Limits | None = None, choice: Choice | None = None) -> None:
        self.reactor = Turns()
        self.clouds = Clouds(self.reactor, choice, limits or Limits(connect=5, read=5, whole=15))
        self.clouds.start()
        self.master = Master(self.reactor)

    def worker(self, cls: Any, *args: Any, **kwargs: Any) -> Any:
        made = cls(*args, **kwargs)
        made.parent = self.master
        self.reactor.wait(
            defer.maybeDeferred(
                lambda: made.reconfigService(*made._config_args, **made._config_kwargs)
            )
        )
        return made

    def ask(self, what: str, *args: Any) -> Any:
        return self.reactor.wait(getattr(self.clouds, what)(*args))

    def close(self) -> None:
        self.clouds.stop()
