"""Stand-ins for UpCloud and Marathon; published.py holds their answers against the references."""

from __future__ import annotations

from typing import Any

from tests.clouds.stand_in import Asked, Said

STORAGE = "01215a5a-c330-4565-81ca-0e0e22eac672"
BORN = "2026-11-26T12:00:00.000Z"


class Account:
    """UpCloud's. A server that is told to stop has stopped at the second look."""

    def __init__(self) -> None:
        self.servers: dict[str, dict[str, Any]] = {}
        self._stops: dict[str, int] = {}
        self.paged = True

    def add(self, title: str, state: str = "started", last: str = "0123456789ab") -> str:
        uuid = f"00c78863-db86-44ea-af70-{last}"
        self.servers[uuid] = {
            "core_number": "1",
            "hostname": "w",
            "labels": {"label": []},
            "license": 0,
            "memory_amount": "1024",
            "plan": "1xCPU-1GB",
            "plan_ipv4_bytes": "0",
            "plan_ipv6_bytes": "0",
            "state": state,
            "tags": {"tag": []},
            "title": title,
            "uuid": uuid,
            "zone": "de-fra1",
        }
        return last

    def details(self, uuid: str) -> dict[str, Any]:
        """What is said of one server, and not in a list."""
        disk = {"address": "virtio:0", "storage": STORAGE, "storage_size": 10, "type": "disk"}
        return {
            **self.servers[uuid],
            "boot_order": "disk",
            "firewall": "off",
            "ip_addresses": {"ip_address": []},
            "metadata": "no",
            "nic_model": "virtio",
            "storage_devices": {"storage_device": [disk]},
            "timezone": "UTC",
            "video_model": "vga",
        }

    def stopping(self, uuid: str) -> None:
        """A look at one that was told to stop."""
        if self._stops.get(uuid):
            self._stops[uuid] -= 1
            self.servers[uuid]["state"] = "started" if self._stops[uuid] else "stopped"

    def answer(self, asked: Asked) -> Said:
        parts = asked.path.strip("/").split("/")
        if parts == ["server"]:
            found = list(self.servers.values())
            if self.paged:
                first = int(asked.query["offset"][0])
                found = found[first : first + int(asked.query["limit"][0])]
            return Said(body={"servers": {"server": found}})
        uuid = parts[1]
        if uuid not in self.servers:
            error = {
                "error_code": "SERVER_NOT_FOUND",
                "error_message": "The server does not exist.",
            }
            return Said(404, {"error": error})
        if parts[2:] == ["stop"]:
            self._stops[uuid] = 1
        elif asked.method == "DELETE":
            assert asked.query == {"storages": ["1"]}
            del self.servers[uuid]
            return Said(204)
        else:
            self.stopping(uuid)
        return Said(body={"server": self.details(uuid)})


class Apps:
    """Marathon's. An application that is deleted leaves its tasks for a while."""

    def __init__(self) -> None:
        self.apps: dict[str, dict[str, Any]] = {}
        self.tasks: list[dict[str, Any]] = []

    def add(self, id_: str, running: int = 1) -> None:
        self.apps[id_] = {
            "id": id_,
            "instances": 1,
            "tasksRunning": running,
            "tasksStaged": 0,
            "tasksHealthy": 0,
            "tasksUnhealthy": 0,
            "version": BORN,
            "versionInfo": {"lastScalingAt": BORN, "lastConfigChangeAt": BORN},
            "container": {
                "type": "DOCKER",
                "docker": {"image": "worker:1", "network": "BRIDGE"},
            },
            "lastTaskFailure": {
                "appId": id_,
                "host": "agent-1",
                "message": "Container exited with status 137",
                "state": "TASK_FAILED",
                "taskId": f"{id_.strip('/').replace('/', '_')}.0",
                "timestamp": BORN,
                "version": BORN,
            },
        }
        where = {"host": "agent-1", "role": "*", "state": "TASK_RUNNING"}
        self.tasks += [{"appId": id_, "id": f"{id_}.{n}", **where} for n in range(running)]

    def answer(self, asked: Asked) -> Said:
        if asked.path == "/v2/tasks":
            return Said(body={"tasks": self.tasks})
        name = asked.path.split("/v2/apps")[1]
        if not name:
            return Said(body={"apps": list(self.apps.values())})
        if name not in self.apps:
            return Said(404, {"message": f"App '{name}' does not exist"})
        if asked.method == "DELETE":
            del self.apps[name]
            return Said(body={"version": "2026-11-26T12:01:00.000Z", "deploymentId": "5ed4c0c5"})
        return Said(body={"app": self.apps[name]})
