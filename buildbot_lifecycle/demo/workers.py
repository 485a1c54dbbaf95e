"""Latent workers that behave well or badly in known ways, with real worker processes behind them.

They are what the demonstration shows and what the tests are run against. Each class is one
behaviour of a driver; what differs in degree is an argument. Times are in seconds, files are paths.

The instance behind each is a buildbot-worker process (see `demo.instance`), killed with the master
unless `outlives_master` is set.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any, ClassVar

from buildbot.process.properties import Properties
from buildbot.worker.latent import AbstractLatentWorker, States
from twisted.internet import defer, task, threads
from twisted.internet.protocol import ProcessProtocol
from twisted.python import log

from buildbot_lifecycle.demo.processes import kill_marked, marked

__all__ = [
    "AsyncStop",
    "CancelledStop",
    "FailingStart",
    "Healthy",
    "NeverConnects",
    "NoneStop",
    "RaisingStop",
    "RefusedStart",
    "Slow",
    "SlowStopHealthy",
    "StuckCheck",
    "StuckStart",
    "StuckStopCoroutine",
    "StuckStopDeferred",
    "StuckStopKillsLate",
    "StuckStopThread",
    "SurvivesStop",
    "SyncRaisingStop",
]

#: Environment variable by which an instance's processes are found again: its directory.
MARK = "BUILDBOT_LIFECYCLE_INSTANCE"

_POLL = 0.05  # seconds between looks for a file

# A Deferred that nothing refers to is collected together with the generator that waits on it, whose
# `finally` blocks then run: it would not hang.
_HANGING: list[defer.Deferred[None]] = []

_OURS = {
    "start_delay": 0.0,
    "stop_delay": 0.0,
    "instance_dies": True,
    "restart_after": None,
    "outlives_master": False,
    "hang_file": None,
    "release_file": None,
    "spawn_first": False,
    "connect_file": None,
    "instance_dir": None,
    "protocol": "pb",
    "connection": None,
    "message": None,
}


class Healthy(AbstractLatentWorker):
    """Starts and stops at once.

    Arguments besides Buildbot's own, for this class and all others here:

    start_delay, stop_delay
        seconds that `start_instance` and `stop_instance` take
    instance_dies
        whether `stop_instance` ends the worker process
    restart_after
        if set, the worker process is started again this long after each of its ends
    outlives_master
        the worker process stays when the master's process ends
    hang_file
        calls of a Stuck... class hang only if there is this file when they are made; None: always
    release_file
        when this file appears, hanging calls end, late but successful
    spawn_first
        (StuckStart) the worker process is started before the call hangs
    connect_file
        (NeverConnects, StuckCheck) the worker process is started when this file appears
    instance_dir
        the worker process's directory; default `instances/<name>` in the master's
    protocol
        `pb` or `msgpack_experimental_v7`
    connection
        a Twisted client endpoint by which the worker process connects, as `tls:HOST:PORT`; default: to
        the master's port on this machine
    message
        text of the exception that a Failing... or Raising... class raises
    """

    defaults: ClassVar[dict[str, Any]] = {}

    #: What the driver calls the instance, as in drivers of clouds: "process-1234", or None.
    instance: str | None = None

    def checkConfig(self, name: str, **kwargs: Any) -> None:  # noqa: N802 - Buildbot's
        self.settings, kwargs = self._split(kwargs)
        super().checkConfig(name, kwargs.pop("password", f"demo-{name}"), **kwargs)

    def reconfigService(self, name: str, **kwargs: Any) -> Any:  # noqa: N802 - Buildbot's
        self.settings, kwargs = self._split(kwargs)
        return super().reconfigService(name, kwargs.pop("password", f"demo-{name}"), **kwargs)

    @classmethod
    def _split(cls, kwargs: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        settings = {**_OURS, **cls.defaults}
        settings.update((key, value) for key, value in kwargs.items() if key in _OURS)
        rest = {key: value for key, value in kwargs.items() if key not in _OURS}
        return settings, rest

    # What a driver has.

    def start_instance(self, build: Any) -> Any:
        """Start the worker process, after `start_delay`."""
        return defer.ensureDeferred(self._start())

    def stop_instance(self, fast: bool = False) -> Any:
        """End the worker process, and take `stop_delay` for it."""
        return defer.ensureDeferred(self._stop())

    async def _start(self) -> bool:
        await self._sleep("start_delay")
        self._spawn()
        return True

    async def _stop(self) -> bool:
        await self._kill()
        await self._sleep("stop_delay")
        return True

    # The parts they are made of.

    @property
    def directory(self) -> Path:
        """Where the worker process lives."""
        given = self.settings["instance_dir"]
        return Path(given or Path(self.master.basedir, "instances", self.name)).absolute()

    async def _sleep(self, setting: str) -> None:
        if self.settings[setting]:
            await task.deferLater(self.master.reactor, self.settings[setting])

    def _spawn(self) -> None:
        mark = str(self.directory)
        if marked(MARK, mark):
            log.msg(f"instance of {self.name} is there already")
            self._when_ended(mark)
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "buildbot_lifecycle.demo.instance", mark]
        command += ["--port", str(self._port()), "--name", self.name, "--password", self.password]
        command += ["--protocol", self.settings["protocol"]]
        if self.settings["connection"] is not None:
            command += ["--connection", self.settings["connection"]]
        if self.settings["restart_after"] is not None:
            command += ["--restart", str(self.settings["restart_after"])]
        if self.settings["outlives_master"]:
            command += ["--outlive-parent"]
        with (self.directory / "output.log").open("ab") as output:
            transport = self.master.reactor.spawnProcess(
                ProcessProtocol(),
                sys.executable,
                command,
                env={**os.environ, MARK: mark},
                childFDs={1: output.fileno(), 2: output.fileno()},
            )
        self.instance = f"process-{transport.pid}"

    def _when_ended(self, mark: str) -> None:
        """Start another process if the one that is there ends while it is still waited for.

        A process that Buildbot has refused ends by itself, a moment later: it is there and will never
        connect.
        """
        if self.conn is not None or self.state is not States.SUBSTANTIATING_STARTING:
            return
        if marked(MARK, mark):
            self.master.reactor.callLater(_POLL, self._when_ended, mark)
        else:
            self._spawn()

    def _port(self) -> int:
        if self.settings["protocol"] == "pb":
            port: int = self.registration.getPBPort()
        else:
            port = self.registration.get_msgpack_port()
        return port

    async def _kill(self) -> None:
        if not self.settings["instance_dies"]:
            return
        # Not in a thread: those may all be held by StuckStopThread.
        while pids := marked(MARK, str(self.directory)):
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await task.deferLater(self.master.reactor, _POLL)
        self.instance = None

    def _hangs(self) -> bool:
        return self.settings["hang_file"] is None or Path(self.settings["hang_file"]).exists()

    async def _hang(self) -> None:
        if not self._hangs():
            return
        never: defer.Deferred[None] = defer.Deferred()
        _HANGING.append(never)
        self._when_file(self.settings["release_file"], lambda: never.callback(None))
        await never

    def _when_file(self, path: str | None, then: Any) -> None:
        if path is None:
            return
        if Path(path).exists():
            then()
        else:
            self.master.reactor.callLater(_POLL, self._when_file, path, then)

    def _error(self, default: str) -> RuntimeError:
        return RuntimeError(self.settings["message"] or default)


class Slow(Healthy):
    """Takes seconds to start and to stop; the process ends at the beginning of the stop."""

    defaults: ClassVar[dict[str, Any]] = {"start_delay": 3.0, "stop_delay": 3.0}


class SlowStopHealthy(Healthy):
    """The stop takes seconds, and the worker process lives until its end.

    Buildbot disconnects the worker first, so it reconnects meanwhile, and is refused.
    """

    defaults: ClassVar[dict[str, Any]] = {"stop_delay": 4.0}

    async def _stop(self) -> bool:
        await self._sleep("stop_delay")
        await self._kill()
        return True


class FailingStart(Healthy):
    """The start raises (with `hang_file`: as long as there is that file)."""

    async def _start(self) -> bool:
        if not self._hangs():
            return await super()._start()
        await self._sleep("start_delay")
        raise self._error("quota exceeded: no instance of this type available")


class RefusedStart(Healthy):
    """The start answers False: "does not want to substantiate at this time"."""

    async def _start(self) -> bool:
        await self._sleep("start_delay")
        return False


class NeverConnects(Healthy):
    """The start succeeds and nothing ever connects (or not before `connect_file` appears)."""

    async def _start(self) -> bool:
        await self._sleep("start_delay")
        self._when_file(self.settings["connect_file"], self._spawn)
        return True


class RaisingStop(Healthy):
    """The stop raises; the worker process is dead then or, without `instance_dies`, lives on."""

    async def _stop(self) -> bool:
        await super()._stop()
        raise self._error("the cloud's API answered 500 to the request to terminate the instance")


class SyncRaisingStop(Healthy):
    """The stop raises when called, before there is anything to wait for. The process lives on."""

    def stop_instance(self, fast: bool = False) -> Any:
        """Raise."""
        raise self._error("no client for the cloud")


class NoneStop(Healthy):
    """The stop returns nothing at all, as drivers do that forgot the Deferred."""

    def stop_instance(self, fast: bool = False) -> Any:
        """Begin the stop, and return None."""
        defer.ensureDeferred(self._stop())


class AsyncStop(Healthy):
    """The stop is a coroutine function."""

    async def stop_instance(self, fast: bool = False) -> Any:
        """Stop."""
        return await self._stop()


class CancelledStop(Healthy):
    """The stop ends with asyncio's CancelledError, which Buildbot's `except Exception` misses."""

    async def _stop(self) -> bool:
        await super()._stop()
        raise asyncio.CancelledError


class StuckStopDeferred(Healthy):
    """The stop returns a Deferred that never fires."""

    async def _stop(self) -> bool:
        await self._kill()
        await self._hang()
        return True


class StuckStopKillsLate(Healthy):
    """The stop hangs before it kills: when it ends late, it kills whatever instance there is then."""

    async def _stop(self) -> bool:
        await self._hang()
        await self._kill()
        return True


class StuckStopCoroutine(StuckStopDeferred):
    """The stop is a coroutine that never returns."""

    async def stop_instance(self, fast: bool = False) -> Any:
        """Hang."""
        return await self._stop()


class StuckStopThread(Healthy):
    """The stop blocks a thread of the reactor's pool, as the drivers of EC2 and Docker can."""

    def stop_instance(self, fast: bool = False) -> Any:
        """Hang, in a thread."""
        return threads.deferToThread(self._stop_in_thread)

    def _stop_in_thread(self) -> bool:
        if self.settings["instance_dies"]:
            kill_marked(MARK, str(self.directory))
            self.instance = None
        if self._hangs():
            self._block()
        return True

    def _block(self) -> None:
        never = threading.Event()
        release = self.settings["release_file"]
        if release is None:
            never.wait()
        while release and not Path(release).exists():
            never.wait(_POLL)


class StuckStart(Healthy):
    """The start never ends. When released late it has started the process."""

    async def _start(self) -> bool:
        if self.settings["spawn_first"]:
            self._spawn()
        await self._hang()
        self._spawn()
        return True


class StuckCheck(NeverConnects):
    """The start succeeds, nothing connects, and the check of the instance never ends."""

    def checkConfig(self, name: str, **kwargs: Any) -> None:  # noqa: N802 - Buildbot's
        kwargs.setdefault("check_instance_interval", 1)
        super().checkConfig(name, **kwargs)

    def reconfigService(self, name: str, **kwargs: Any) -> Any:  # noqa: N802 - Buildbot's
        kwargs.setdefault("check_instance_interval", 1)
        return super().reconfigService(name, **kwargs)

    def check_instance(self) -> Any:
        """Hang."""
        return defer.ensureDeferred(self._check())

    async def _check(self) -> tuple[bool, str]:
        await self._hang()
        return True, ""


class SurvivesStop(Healthy):
    """The stop says True, and the worker process stays and comes back, again and again."""

    defaults: ClassVar[dict[str, Any]] = {"instance_dies": False, "restart_after": 1.0}


def build_script(properties: Properties) -> list[str]:
    """The command of a demonstration build, for `util.Interpolate`-free use in a renderer.

    Properties: `seconds` to run, `until` a file to wait for, `fails` to fail.
    """
    script = f"sleep {float(properties.getProperty('seconds') or 0)}; "
    if until := properties.getProperty("until"):
        script += f"until [ -e '{until}' ]; do sleep 0.05; done; "
    script += "exit 1" if properties.getProperty("fails") else "echo done"
    return ["/bin/sh", "-c", script]
