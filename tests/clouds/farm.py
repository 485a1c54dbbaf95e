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
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from tests.clouds.backends import Dockerd, Moto
from tests.clouds.stand_in import Asked, Said, StandIn
from tests.clouds.test_kubernetes import TOKEN, Cluster
from tests.clouds.test_upcloud_marathon import Account, Apps

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

    def close(self) -> None:
        for instance in self:
            self.end(instance)
        self._folder.cleanup()


class Farm:
    """One driver: `expression` is its worker "w", which is to connect to `port` of this host."""

    title = ""
    #: What stands behind it, with its version.
    backend = ""
    #: In master.cfg.
    extra = ""
    env: Mapping[str, str] = {}
    #: What of the lost instance's end is told.
    reason = ""

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

    def close(self) -> None:
        self.processes.close()


class DockerFarm(Farm):
    title = "Docker"
    reason = "exited, exit code 137"

    def __init__(self, dockerd: Dockerd) -> None:
        super().__init__()
        self._dockerd = dockerd
        self._client = dockerd.client()
        self.backend = f"dockerd {self._client.version()['Version']}"

    def expression(self, port: int) -> str:
        # the interpreter of the tests, with all that it has
        folders = sorted({"/usr", sys.base_prefix, sys.prefix})
        return (
            f"{driver('docker', 'DockerLatentWorker')}('w', 'password', build_wait_timeout=0,"
            f" docker_host={self._dockerd.url!r}, image='box:1', masterFQDN='127.0.0.1:{port}',"
            f" command={[sys.executable, '-c', WORKER]!r},"
            f" volumes={[f'{each}:{each}:ro' for each in folders]!r},"
            " hostconfig={'network_mode': 'host'})"
        )

    def left(self) -> list[str]:
        return [each["Id"] for each in self._client.containers()]

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
        self.backend = f"moto {metadata.version('moto')}"
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
        env = {"BUILDMASTER": "127.0.0.1", "BUILDMASTER_PORT": self._port}
        env |= {"WORKERNAME": "w", "WORKERPASS": "password"}
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


class LiveCluster(Cluster):
    """A cluster whose pods run: each is a local worker."""

    def __init__(self, processes: Processes) -> None:
        super().__init__()
        self._processes = processes

    def answer(self, asked: Asked) -> Said:
        asked.path = asked.path.removesuffix("/status")
        if asked.method == "POST":
            pod = asked.body
            name, (container,) = pod["metadata"]["name"], pod["spec"]["containers"]
            self.add(name)
            env = {each["name"]: each["value"] for each in container["env"]}
            self._processes.begin(name, env)
            return Said(201, self.pods[name])
        if asked.method == "DELETE":
            asked.body = asked.body or {}  # the driver sends none
        said = super().answer(asked)
        if asked.method == "DELETE" and said.status == 200:
            name = asked.path.rpartition("/")[2]
            self._processes.end(name)
            del self.pods[name]
        return said


class KubernetesFarm(Farm):
    title = "Kubernetes"
    backend = f"stand-in, held against kubernetes {metadata.version('kubernetes')}'s models"
    reason = "Failed; Evicted; The node was low on resource: memory"

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__()
        self._url = stand_in.url
        self.cluster = LiveCluster(self.processes)
        stand_in.answer = self.cluster.answer

    def expression(self, port: int) -> str:
        config = f"master_url={self._url!r}, namespace='ci', bearerToken={TOKEN!r}"
        return (
            f"{driver('kubernetes', 'KubeLatentWorker')}('w', build_wait_timeout=0,"
            f" masterFQDN='127.0.0.1:{port}', kube_config=util.KubeHardcodedConfig({config}))"
        )

    def left(self) -> list[str]:
        return list(self.processes)

    def vanish(self) -> None:
        (name,) = self.processes
        status = {"phase": "Failed", "reason": "Evicted"}
        status["message"] = "The node was low on resource: memory."
        self.cluster.pods[name]["status"] = status
        self.processes.end(name)


class LiveApps(Apps):
    """A Marathon whose applications run: each is a local worker."""

    def __init__(self, processes: Processes) -> None:
        super().__init__()
        self._processes = processes

    def answer(self, asked: Asked) -> Said:
        if asked.method == "POST":
            name = f"/{asked.body['id']}"
            self.add(name)
            self._processes.begin(name, asked.body["env"])
            return Said(201, self.apps[name])
        said = super().answer(asked)
        if asked.method == "DELETE" and said.status == 200:
            name = asked.path.split("/v2/apps")[1]
            self._processes.end(name)
            self.tasks = [each for each in self.tasks if each["appId"] != name]
        return said


class MarathonFarm(Farm):
    title = "Marathon"
    backend = "stand-in"
    reason = "TASK_FAILED: Container exited with status 137"

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__()
        self._url = stand_in.url
        self.apps = LiveApps(self.processes)
        stand_in.answer = self.apps.answer

    def expression(self, port: int) -> str:
        return (
            f"{driver('marathon', 'MarathonLatentWorker')}('w', {self._url!r}, 'worker:1',"
            f" build_wait_timeout=0, masterFQDN='127.0.0.1:{port}')"
        )

    def left(self) -> list[str]:
        return list(self.processes)

    def vanish(self) -> None:
        (name,) = self.processes
        self.processes.end(name)


class LiveAccount(Account):
    """An account whose servers run: each is a local worker "w"."""

    def __init__(self, processes: Processes, env: Callable[[], Mapping[str, Any]]) -> None:
        super().__init__()
        self._processes, self._env = processes, env

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/storage/template":
            return Said(body={"storages": {"storage": [{"title": "an image", "uuid": "0"}]}})
        if asked.method == "POST" and asked.path == "/server":
            last = self.add(asked.body["server"]["title"], last=f"{len(self.servers):012x}")
            server = next(each for each in self.servers.values() if each["uuid"].endswith(last))
            server["password"] = "root-password"
            self._processes.begin(last, self._env())
            return Said(202, {"server": server})
        if asked.method == "DELETE":
            self._processes.end(asked.path.rpartition("-")[2])
        return super().answer(asked)


class UpCloudFarm(Farm):
    title = "UpCloud"
    backend = "stand-in"
    reason = "maintenance"

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__()
        self._url, self._port = stand_in.url, 0
        self.account = LiveAccount(self.processes, self._told)
        stand_in.answer = self.account.answer

    def _told(self) -> Mapping[str, Any]:
        whose = {"WORKERNAME": "w", "WORKERPASS": "password"}
        return {"BUILDMASTER": "127.0.0.1", "BUILDMASTER_PORT": self._port, **whose}

    def expression(self, port: int) -> str:
        self._port = port
        return (
            f"{driver('upcloud', 'UpcloudLatentWorker')}('w', 'password', image='an image',"
            f" api_username='u', api_password='p', base_url={self._url!r}, build_wait_timeout=0)"
        )

    def left(self) -> list[str]:
        return list(self.processes)

    def vanish(self) -> None:
        (last,) = self.processes
        for uuid, server in self.account.servers.items():
            if uuid.endswith(last):
                server["state"] = "maintenance"
        self.processes.end(last)
