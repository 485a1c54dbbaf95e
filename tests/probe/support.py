"""Real Buildbot objects in this process, for tests of the probe.

`Stage` is a real master (Buildbot's own test reactor, SQLite in memory) with latent workers whose
driver is told by the test what each call is to return. Nothing of Buildbot's worker code is faked.
"""

# ruff: noqa: N801, N802 - Buildbot's and Twisted's names

from __future__ import annotations

import tempfile
from collections.abc import Callable
from typing import Any, ClassVar

from buildbot.config import BuilderConfig
from buildbot.process.factory import BuildFactory
from buildbot.test.util.integration import RunFakeMasterTestCase
from buildbot.util.service import MasterService
from buildbot.worker.latent import AbstractLatentWorker
from buildbot.worker.manager import WorkerManager
from twisted.internet import defer

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.watch.probe import PROBE
from buildbot_lifecycle.watch.watched import Watched


class Notes:
    """A `probe.Sink` that only writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, dict[str, Any]]] = []
        self.failures: list[str] = []
        self.breaks: type[BaseException] | None = None

    def observe(self, watched: Watched, kind: Kind, data: dict[str, Any]) -> None:
        if self.breaks is not None:
            raise self.breaks("the sink is broken")
        if kind is not Kind.BASELINE:  # which the logbook makes
            events.read(kind, data)
        self.told.append((str(watched.worker.name), kind.value, data))

    def failed(self, what: str) -> None:
        self.failures.append(what)

    def of(self, *kinds: Kind, worker: str | None = None) -> list[dict[str, Any]]:
        names = {kind.value for kind in kinds}
        return [d for n, k, d in self.told if k in names and worker in (None, n)]

    def moves(self, worker: str | None = None) -> list[str]:
        """The states that were gone to, with the first one come from."""
        told = self.of(Kind.TRANSITION, worker=worker)
        return [told[0]["from"], *(d["to"] for d in told)] if told else []


class Driven(AbstractLatentWorker):
    """A latent worker whose driver returns what the test puts into `answers`."""

    def checkConfig(self, name: str, **kwargs: Any) -> None:
        super().checkConfig(name, "secret", **kwargs)

    def reconfigService(self, name: str, **kwargs: Any) -> Any:
        return super().reconfigService(name, "secret", **kwargs)

    def _answer(self, call: str, default: Any) -> Any:
        self.__dict__.setdefault("made", []).append(call)
        answer = self.__dict__.setdefault("answers", {}).get(call, default)
        return answer() if callable(answer) else answer

    def start_instance(self, build: Any) -> Any:
        return self._answer("start_instance", True)

    def stop_instance(self, fast: bool = False) -> Any:
        return self._answer("stop_instance", True)

    def check_instance(self) -> Any:
        return self._answer("check_instance", (True, ""))


class Plain(MasterService):
    """The least that can be a worker's master: a real service with a place for workers."""

    name = "plain"
    made: ClassVar[list[Plain]] = []

    def __init__(self) -> None:
        super().__init__()
        self.workers = WorkerManager(self)
        self.made.append(self)


class Build:
    """What of a build is read when a worker is asked."""

    buildid = 5
    number = 6
    #: as Build.stopBuild leaves it
    stopped = False

    class builder:
        name = "linux"

    def getProperty(self, name: str) -> int:
        return 7


class Conn:
    """As much of a connection as attached and detached of Buildbot's worker ask for."""

    def __init__(self) -> None:
        self.ends: list[Any] = []
        self.lost = False
        self.info: dict[str, Any] = {}

    def get_peer(self) -> str:
        return "10.0.0.9:1"

    def notifyOnDisconnect(self, callback: Any) -> None:
        self.ends.append(callback)

    def wait_shutdown_started(self) -> defer.Deferred[None]:
        return defer.succeed(None)

    def waitShutdown(self) -> defer.Deferred[None]:
        return defer.succeed(None)

    def remoteSetBuilderList(self, builders: Any) -> defer.Deferred[list[str]]:
        return defer.succeed([])

    def loseConnection(self) -> None:
        if not self.lost:
            self.lost = True
            for callback in self.ends:
                callback()


class Stage(RunFakeMasterTestCase):
    """A real master with one builder per worker; `self.notes` is told what the probe sees."""

    maxDiff = None

    def setUp(self) -> None:
        super().setUp()
        self.notes = Notes()

    @defer.inlineCallbacks
    def play(self, *workers: Any, observed: bool = True) -> Any:
        """Start a master with these workers."""
        yield self.setup_master(self.configuration(*workers))
        # before the master is stopped: cleanups run backwards
        self.addCleanup(_end_hanging, len(_HANGING))
        if observed:
            self.observe()

    def observe(self, sink: Any = None) -> list[Watched]:
        def end() -> None:
            PROBE.unsubscribe(self.master)

        self.addCleanup(end)
        return PROBE.subscribe(self.master, sink or self.notes)

    def configuration(self, *workers: Any) -> dict[str, Any]:
        names = [worker.name for worker in workers]
        return {
            "builders": [
                BuilderConfig(name=n, workernames=[n], factory=BuildFactory()) for n in names
            ],
            "workers": list(workers),
            "protocols": {"null": {}},
            "multiMaster": True,
        }

    def worker(self, name: str = "w") -> Any:
        return self.master.workers.workers[name]

    def watched(self, name: str = "w") -> Watched:
        found = PROBE.watched_one(self.worker(name))
        assert found is not None
        return found

    def answer(self, call: str, answer: Any, name: str = "w") -> None:
        self.worker(name).__dict__.setdefault("answers", {})[call] = answer

    def ask(self, name: str = "w", build: Any = None) -> list[Any]:
        """A build asks for the worker; the answer's list gets what came of it."""
        came: list[Any] = []
        self.worker(name).substantiate(None, build or Build()).addBoth(came.append)
        return came


class Served(Stage):
    """A stage for a master that has the whole service in it: its database is in memory."""

    def mktemp(self) -> str:
        """The master's directory, which does not stay empty."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return directory.name

    def pass_seconds(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.1)):
            self.reactor.advance(0.1)

    def shut_down(self) -> Any:
        """The master stops while the clock goes on: the service waits for the workers and the writes."""
        self.flushLoggedErrors()
        stopping = self.tested_master.shutdown()
        self.pass_seconds(4)
        return stopping


#: What `hanging` gave. Collected as garbage, such a Deferred would let Buildbot's generator that waits
#: for it run its `finally` with nobody's answer: its stopService loops for ever then, in any later test.
_HANGING: list[defer.Deferred[Any]] = []


def _end_hanging(since: int) -> None:
    """End what a test (one that failed, say) left hanging on its stage."""
    for deferred in _HANGING[since:]:
        if not deferred.called:
            deferred.callback(True)


def hanging() -> tuple[Callable[[], defer.Deferred[Any]], list[defer.Deferred[Any]]]:
    """An answer that does not end, and the list of the Deferreds that it gave (kept alive by it)."""
    given: list[defer.Deferred[Any]] = []

    def answer() -> defer.Deferred[Any]:
        given.append(defer.Deferred())
        _HANGING.append(given[-1])
        return given[-1]

    return answer, given
