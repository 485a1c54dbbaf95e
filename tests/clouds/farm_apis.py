"""Buildbot's drivers of APIs over HTTP: a stand-in for each, whose instances are local workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from tests.clouds.farm import Farm, Processes, driver, told
from tests.clouds.nova import PASSWORD, Nova
from tests.clouds.published import MARATHON, OPENSTACK, UPCLOUD
from tests.clouds.rest_clouds import STORAGE, Account, Apps
from tests.clouds.schemas import held
from tests.clouds.stand_in import Asked, Said, StandIn
from tests.clouds.test_kubernetes import TOKEN, Cluster


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
    backend = f"stand-in, held against kubernetes {version('kubernetes')}'s models"
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

    def there(self) -> list[str]:
        return list(self.cluster.pods)

    def remove(self) -> None:
        self.cluster.pods.clear()
        self.processes.end_all()

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
    backend = "stand-in, held against the published API of 1.11"
    reason = "TASK_FAILED: Container exited with status 137"

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__()
        self._url = stand_in.url
        self.apps = LiveApps(self.processes)
        stand_in.answer = held(MARATHON, self.apps.answer)

    def expression(self, port: int) -> str:
        return (
            f"{driver('marathon', 'MarathonLatentWorker')}('w', {self._url!r}, 'worker:1',"
            f" build_wait_timeout=0, masterFQDN='127.0.0.1:{port}')"
        )

    def left(self) -> list[str]:
        return list(self.processes)

    def there(self) -> list[str]:
        return list(self.apps.apps)

    def remove(self) -> None:
        self.apps.apps.clear()
        self.apps.tasks.clear()
        self.processes.end_all()

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
            image = {"title": "an image", "uuid": STORAGE, "type": "template", "size": 2}
            image |= {"state": "online", "access": "public", "license": 0}
            return Said(body={"storages": {"storage": [image]}})
        if asked.method == "POST" and asked.path == "/server":
            last = self.add(asked.body["server"]["title"], last=f"{len(self.servers):012x}")
            uuid = next(each for each in self.servers if each.endswith(last))
            self._processes.begin(last, self._env())
            return Said(202, {"server": {**self.details(uuid), "password": "root-password"}})
        if asked.method == "DELETE":
            self._processes.end(asked.path.rpartition("-")[2])
        return super().answer(asked)


class UpCloudFarm(Farm):
    title = "UpCloud"
    backend = "stand-in, held against the published API 1.3"
    reason = "maintenance"

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__()
        self._url, self._port = stand_in.url, 0
        self.account = LiveAccount(self.processes, self._told)
        stand_in.answer = held(UPCLOUD, self.account.answer)

    def _told(self) -> Mapping[str, Any]:
        return told(self._port)

    def expression(self, port: int) -> str:
        self._port = port
        return (
            f"{driver('upcloud', 'UpcloudLatentWorker')}('w', 'password', image='an image',"
            f" api_username='u', api_password='p', base_url={self._url!r}, build_wait_timeout=0)"
        )

    def left(self) -> list[str]:
        return list(self.processes)

    def there(self) -> list[str]:
        return list(self.account.servers)

    def remove(self) -> None:
        self.account.servers.clear()
        self.processes.end_all()

    def vanish(self) -> None:
        (last,) = self.processes
        for uuid, server in self.account.servers.items():
            if uuid.endswith(last):
                server["state"] = "maintenance"
        self.processes.end(last)


class LiveNova(Nova):
    """A project whose servers run: each is a local worker."""

    def __init__(
        self, url: str, processes: Processes, env: Callable[[], Mapping[str, Any]]
    ) -> None:
        super().__init__(url)
        self._processes, self._env = processes, env

    def up(self, server: dict[str, Any]) -> None:
        self._processes.begin(server["id"], self._env())

    def deleted(self, server: dict[str, Any]) -> None:
        self._processes.end(server["id"])


class OpenStackFarm(Farm):
    title = "OpenStack"
    backend = (
        f"stand-in, held against nova's schemas of 2.1; novaclient {version('python-novaclient')}"
    )
    reason = "ERROR; the host is down"
    # whole seconds between two looks at a server that is not up
    extra = f"{driver('openstack', 'OpenStackLatentWorker')}._poll_resolution = 1\n"

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__()
        self._url, self._port = stand_in.url, 0
        self.nova = LiveNova(stand_in.url, self.processes, lambda: told(self._port))
        stand_in.answer = held(OPENSTACK, self.nova.answer)

    def expression(self, port: int) -> str:
        self._port = port
        account = f"os_username='ci', os_password={PASSWORD!r}, os_tenant_name='farm'"
        return (
            f"{driver('openstack', 'OpenStackLatentWorker')}('w', 'password', flavor='m1.small',"
            f" image='an image', os_auth_url='{self._url}/v3', os_user_domain='Default',"
            f" os_project_domain='Default', build_wait_timeout=0, {account})"
        )

    def left(self) -> list[str]:
        return list(self.nova.servers)

    def remove(self) -> None:
        self.nova.servers.clear()
        self.processes.end_all()

    def vanish(self) -> None:
        """Its host fails: nova keeps the server, in error."""
        (server,) = self.nova.servers.values()
        server.update({"status": "ERROR", "OS-EXT-STS:vm_state": "error"})
        server["fault"] = {"code": 500, "message": "the host is down", "created": server["created"]}
        self.processes.end(server["id"])
