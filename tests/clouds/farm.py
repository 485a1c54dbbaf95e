"""Buildbot's drivers with something behind that builds: an engine, or a stand-in and local workers."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.clouds.backends import Dockerd, Libvirtd, Moto
from tests.harness.sshd import Sshd
from tests.harness.waiting import wait_until

#: What an instance runs: a worker that is told by its environment to whom it belongs.
WORKER = """
import os
from twisted.internet import reactor
from buildbot_worker.bot import Worker
folder = os.environ.get("FOLDER", "/tmp/worker")
os.makedirs(folder, exist_ok=True)
e = os.environ
w = Worker(e["BUILDMASTER"], int(e["BUILDMASTER_PORT"]), e["WORKERNAME"], e["WORKERPASS"], folder, 60)
w.startService()
reactor.run()
"""


def driver(module: str, name: str) -> str:
    """An expression for a class of Buildbot's that is no plugin."""
    return f"__import__('buildbot.worker.{module}', fromlist=['x']).{name}"


def told(port: int) -> dict[str, str]:
    """What worker "w" is told by its environment."""
    whose = {"WORKERNAME": "w", "WORKERPASS": "password"}
    return {"BUILDMASTER": "127.0.0.1", "BUILDMASTER_PORT": str(port), **whose}


class Processes:
    """Local workers, by the name of the instance that they are."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lifecycle-farm-")
        self._numbers = itertools.count()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def begin(self, instance: str, env: Mapping[str, Any]) -> None:
        folder = Path(self._folder.name, f"{next(self._numbers)}")
        given = {**os.environ, **{key: str(value) for key, value in env.items()}}
        with folder.with_suffix(".log").open("wb") as output:
            self._running[instance] = subprocess.Popen(
                [sys.executable, "-c", WORKER],
                env={**given, "FOLDER": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def __contains__(self, instance: str) -> bool:
        return instance in self._running

    def __iter__(self) -> Any:
        return iter(list(self._running))

    def end(self, instance: str) -> None:
        """With all that its build runs."""
        process = self._running.pop(instance, None)
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def end_all(self) -> None:
        for instance in self:
            self.end(instance)

    def close(self) -> None:
        self.end_all()
        self._folder.cleanup()


class Farm:
    """One driver: `expression` is its worker "w", which is to connect to `port` of this host."""

    title = ""
    #: What stands behind it, with its version.
    backend = ""
    #: In master.cfg.
    extra = ""
    env: Mapping[str, str] = {}
    #: What of the lost instance's end is told; None: that it is lost, and `lost` says so in the table.
    reason: str | None = None
    lost = "seen"

    def __init__(self) -> None:
        self.processes = Processes()

    def expression(self, port: int) -> str:
        raise NotImplementedError

    def vanish(self) -> None:
        """The one instance is taken away in its build."""
        raise NotImplementedError

    def left(self) -> list[str]:
        """Instances that run now."""
        raise NotImplementedError

    def there(self) -> list[str]:
        """Instances that the cloud has, whether they run or not."""
        return self.left()

    def remove(self) -> None:
        """All are taken away, without a trace."""
        raise NotImplementedError

    def close(self) -> None:
        self.processes.close()


#: The interpreter of the tests, with all that it has, for a container.
FOLDERS = sorted({"/usr", sys.base_prefix, sys.prefix})


class DockerFarm(Farm):
    title = "Docker"
    reason = "exited, exit code 137"

    def __init__(self, dockerd: Dockerd) -> None:
        super().__init__()
        self._dockerd = dockerd
        self._client = dockerd.client()
        self.backend = f"dockerd {self._client.version()['Version']}"

    def expression(self, port: int) -> str:
        return (
            f"{driver('docker', 'DockerLatentWorker')}('w', 'password', build_wait_timeout=0,"
            f" docker_host={self._dockerd.url!r}, image='box:1', masterFQDN='127.0.0.1:{port}',"
            f" command={[sys.executable, '-c', WORKER]!r},"
            f" volumes={[f'{each}:{each}:ro' for each in FOLDERS]!r},"
            " hostconfig={'network_mode': 'host'})"
        )

    def left(self) -> list[str]:
        return [each["Id"] for each in self._client.containers()]

    def there(self) -> list[str]:
        return [each["Id"] for each in self._client.containers(all=True)]

    def remove(self) -> None:
        self._dockerd.remove_all()

    def vanish(self) -> None:
        (container,) = self.left()
        self._client.kill(container)

    def close(self) -> None:
        super().close()
        self._client.close()


class EC2Farm(Farm):
    """Moto's instances run nothing: a local worker comes a moment after each, and goes with it."""

    title = "EC2"
    reason = r"terminated; .*Client\.UserInitiatedShutdown"
    # the driver looks every five seconds whether an instance is up, and forgets builds meanwhile
    extra = f"{driver('ec2', 'EC2LatentWorker')}._poll_resolution = 1\n"

    def __init__(self, moto: Moto) -> None:
        super().__init__()
        self._moto, self.env, self._port = moto, moto.env, 0
        self.backend = f"moto {version('moto')}"
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def expression(self, port: int) -> str:
        self._port = port
        self._thread.start()
        return (
            f"{driver('ec2', 'EC2LatentWorker')}('w', 'password', 'm1.small', build_wait_timeout=0,"
            f" keypair_name='our-pair', security_name='our-group', ami={self._moto.ami!r}{self.more})"
        )

    more = ""

    def _follow(self) -> None:
        since: dict[str, int] = {}
        env = told(self._port)
        while not self._over.wait(0.2):
            up = self._moto.running()
            for instance in up:
                since[instance] = since.get(instance, 0) + 1
                if since[instance] == 12 and instance not in self.processes:
                    self.processes.begin(instance, env)
            for instance in self.processes:
                if instance not in up:
                    self.processes.end(instance)

    def left(self) -> list[str]:
        return self._moto.running()

    def vanish(self) -> None:
        self._moto.client().terminate_instances(InstanceIds=self.left())

    remove = vanish

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        super().close()


class SpotFarm(EC2Farm):
    title = "EC2, spot"
    more = (
        ", spot_instance=True, max_spot_price=1.0, price_multiplier=None, placement='a',"
        " region='us-east-1'"
    )


class LibvirtFarm(Farm):
    """Domains of lxc; "w" is defined, and its init is a worker."""

    title = "libvirt"
    reason = "shut off, destroyed"

    def __init__(self, libvirtd: Libvirtd) -> None:
        super().__init__()
        self._libvirtd = libvirtd
        with libvirtd.connection() as libvirt:
            number = libvirt.getLibVersion()
        release = f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
        self.backend = f"libvirtd {release} with lxc"

    def expression(self, port: int) -> str:
        command = [sys.executable, "-c", WORKER]
        self._libvirtd.define(
            "w", start=False, command=command, memory=512, mounts=FOLDERS, env=told(port)
        )
        return (
            f"{driver('libvirt', 'LibVirtWorker')}('w', 'password', uri={self._libvirtd.uri!r},"
            " masterFQDN='master.example', build_wait_timeout=0)"
        )

    def left(self) -> list[str]:
        with self._libvirtd.connection() as libvirt:
            return [each.name() for each in libvirt.listAllDomains() if each.isActive()]

    def vanish(self) -> None:
        with self._libvirtd.connection() as libvirt:
            libvirt.lookupByName("w").destroy()

    def remove(self) -> None:
        if self.left():
            self.vanish()


#: What the start of a machine runs: a worker that stays when this command has ended.
WAKES = """
import os, subprocess, sys, time
{held}
made = subprocess.Popen([sys.executable, "-c", {worker!r}], env={{**os.environ, **{env!r}}},
    stdin=-3, stdout=-3, stderr=-3, start_new_session=True)
open({pid!r}, "w").write(str(made.pid))
"""

#: What the stop of a machine runs.
SLEEPS = """
import contextlib, os, signal, time
{held}
if os.path.exists({pid!r}):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(int(open({pid!r}).read()), signal.SIGKILL)
    os.remove({pid!r})
"""

#: Before each: it waits, and says who waits, as long as there is a file.
HELD = """
while os.path.exists({file!r}):
    open({file!r} + ".pid", "w").write(str(os.getpid()))
    time.sleep(0.05)
"""

#: In master.cfg.
MACHINE = """
from buildbot.machine.generic import GenericLatentMachine, LocalWakeAction
c['machines'] = [GenericLatentMachine('box', LocalWakeAction({start!r}), LocalWakeAction({stop!r}))]
"""


class MachineFarm(Farm):
    """A latent machine of Buildbot's, whose actions are commands: its worker comes when it is on."""

    title = "latent machine"
    lost = "seen; nobody can be asked why"
    backend = "GenericLatentMachine with commands"

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._pid = directory / "machine.pid"

    def expression(self, port: int) -> str:
        env = {**told(port), "FOLDER": str(self._pid.with_name("on-machine"))}
        pid = str(self._pid)
        wakes = WAKES.format(worker=WORKER, env=env, pid=pid, held=self._held("start"))
        sleeps = SLEEPS.format(pid=pid, held=self._held("stop"))
        start, stop = ([sys.executable, "-c", code] for code in (wakes, sleeps))
        self.extra = MACHINE.format(start=start, stop=stop)
        made = "__import__('tests.clouds.on_machine', fromlist=['x']).OnMachine"
        return f"{made}('w', 'password', machine_name='box')"

    def _file(self, command: str) -> Path:
        return self._pid.with_name(f"hold-{command}")

    def _held(self, command: str) -> str:
        return HELD.format(file=str(self._file(command)))

    @contextlib.contextmanager
    def held(self, command: str) -> Iterator[Callable[[], int]]:
        """Its `start` or `stop` waits in here; what is given says by which process."""
        file = self._file(command)
        told = Path(f"{file}.pid")
        told.unlink(missing_ok=True)
        file.touch()

        def pid() -> int:
            return int(wait_until(lambda: told.exists() and told.read_text(), 30, "the command"))

        try:
            yield pid
        finally:
            file.unlink()

    def left(self) -> list[str]:
        return ["box"] if self._pid.exists() else []

    def vanish(self) -> None:
        os.killpg(int(self._pid.read_text()), signal.SIGKILL)

    def remove(self) -> None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            self.vanish()
        self._pid.unlink(missing_ok=True)

    def close(self) -> None:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            self.vanish()
        super().close()


class SSHFarm(Farm):
    title = "SSH"

    def __init__(self, sshd: Sshd) -> None:
        super().__init__()
        self._sshd = sshd
        said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
        self.backend = f"sshd, {said.split(',')[0]}"

    def expression(self, port: int) -> str:
        return self._sshd.worker("w")

    def left(self) -> list[str]:
        return [str(pid) for pid in self._sshd.instances()]

    def vanish(self) -> None:
        for pid in self._sshd.instances():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
