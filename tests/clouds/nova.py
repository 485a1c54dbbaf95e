"""A stand-in for keystone, glance and nova, for the real novaclient and keystoneauth.

Its answers are of the published references (Identity API v3, Image API v2, Compute API v2.1) and are held
against them in test_published.py.
"""

from __future__ import annotations

import uuid
from typing import Any

from buildbot_lifecycle.clouds.openstack import MARK
from tests.clouds.stand_in import Asked, Said

PASSWORD = "keystone-password"
UUID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeee0"
PROJECT = "6f70656e737461636b20342065766572"
IMAGE = "70a599e0-31e7-49b7-b260-868f441e862b"
TOKEN = "a-token"


class Nova:
    """Keystone under /v3, glance under /image, nova under /v2.1."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.servers: dict[str, dict[str, Any]] = {}
        self.page = 1000
        #: Looks at the next server that find it in BUILD. Each costs the driver one of its polls.
        self.builds = 1

    def add(self, number: int, name: str, master: str | None, status: str = "ACTIVE") -> str:
        return self._made(f"{UUID}{number}", name, {} if master is None else {MARK: master}, status)

    def _made(self, id_: str, name: str, metadata: dict[str, str], status: str) -> str:
        self.servers[id_] = {
            "id": id_,
            "name": name,
            "status": status,
            "tenant_id": PROJECT,
            "user_id": "fake",
            "hostId": "2091634baaccdc4c5a1d57069c833e402921df696b7f970791b12ec6",
            "created": "2026-11-26T12:00:00Z",
            "updated": "2026-11-26T12:00:00Z",
            "metadata": metadata,
            "flavor": {"id": "2", "links": self._links("flavors", "2")},
            "image": {"id": IMAGE, "links": self._links("images", IMAGE)},
            "addresses": {},
            "accessIPv4": "",
            "accessIPv6": "",
            "config_drive": "",
            "key_name": None,
            "links": self._links("servers", id_),
            "OS-DCF:diskConfig": "MANUAL",
            "OS-EXT-AZ:availability_zone": "nova",
            "OS-EXT-STS:power_state": 1 if status == "ACTIVE" else 0,
            "OS-EXT-STS:task_state": None,
            "OS-EXT-STS:vm_state": {"BUILD": "building", "SHUTOFF": "stopped"}.get(
                status, status.lower()
            ),
            "OS-SRV-USG:launched_at": None,
            "OS-SRV-USG:terminated_at": None,
            "os-extended-volumes:volumes_attached": [],
        }
        return id_

    def _links(self, what: str, id_: str) -> list[dict[str, str]]:
        """As nova writes them."""
        return [{"rel": "bookmark", "href": f"{self.url}/{what}/{id_}"}] + (
            [{"rel": "self", "href": f"{self.url}/v2.1/{what}/{id_}"}] if what == "servers" else []
        )

    # what may be changed by a test: a server begins, is up, is deleted

    def begun(self, server: dict[str, Any]) -> None: ...

    def up(self, server: dict[str, Any]) -> None: ...

    def deleted(self, server: dict[str, Any]) -> None: ...

    def answer(self, asked: Asked) -> Said:  # noqa: PLR0911 - one for each address
        if asked.path.startswith("/v3"):
            return self.keystone(asked)
        if asked.headers.get("x-auth-token") != TOKEN:
            return Said(401, {"error": {"code": 401, "title": "Unauthorized", "message": "token"}})
        if asked.path.startswith("/image"):
            return self.glance(asked)
        parts = asked.path.strip("/").split("/")[1:]
        if parts == ["servers", "detail"]:
            return Said(body={"servers": self.page_after(asked)})
        if parts == ["flavors", "detail"]:
            return Said(body={"flavors": [self.flavor()]})
        if parts == ["servers"] and asked.method == "POST":
            return self.create(asked.body["server"])
        if parts == ["servers"]:
            keys = ("id", "name", "links")
            short = [{key: server[key] for key in keys} for server in self.page_after(asked)]
            return Said(body={"servers": short})
        if len(parts) < 2:
            return Said(body={"version": self.version()})
        return self.of_server(asked, parts[1], parts[2:])

    def of_server(self, asked: Asked, id_: str, more: list[str]) -> Said:
        server = self.servers.get(id_)
        if server is None:
            text = f"Instance {id_} could not be found."
            return Said(404, {"itemNotFound": {"code": 404, "message": text}})
        if more == ["action"]:
            return Said(body={"output": "login: worker-password"})
        if asked.method == "DELETE":
            del self.servers[id_]
            self.deleted(server)
            return Said(204)
        if server["status"] == "BUILD" and server["OS-EXT-STS:task_state"] == "spawning":
            self._look(server)
        return Said(body={"server": dict(server)})

    def _look(self, server: dict[str, Any]) -> None:
        if self.builds:
            self.builds -= 1
            return
        server.update({"status": "ACTIVE", "OS-EXT-STS:task_state": None})
        server.update({"OS-EXT-STS:vm_state": "active", "OS-EXT-STS:power_state": 1})
        self.up(server)

    def create(self, wanted: dict[str, Any]) -> Said:
        id_ = self._made(str(uuid.uuid4()), wanted["name"], wanted["metadata"], "BUILD")
        self.servers[id_]["OS-EXT-STS:task_state"] = "spawning"
        self.begun(self.servers[id_])
        made = {
            "id": id_,
            "links": self.servers[id_]["links"],
            "OS-DCF:diskConfig": "MANUAL",
            "adminPass": "6NpUwoz2QDRN",
            "security_groups": [{"name": "default"}],
        }
        return Said(202, {"server": made})

    def flavor(self) -> dict[str, Any]:
        return {
            "id": "2",
            "name": "m1.small",
            "ram": 2048,
            "disk": 20,
            "swap": "",
            "vcpus": 1,
            "rxtx_factor": 1.0,
            "OS-FLV-EXT-DATA:ephemeral": 0,
            "OS-FLV-DISABLED:disabled": False,
            "os-flavor-access:is_public": True,
            "links": self._links("flavors", "2"),
        }

    def version(self) -> dict[str, Any]:
        return {
            "id": "v2.1",
            "status": "CURRENT",
            "version": "2.96",
            "min_version": "2.1",
            "updated": "2013-07-23T11:33:21Z",
            "links": [{"rel": "self", "href": f"{self.url}/v2.1/"}],
        }

    def page_after(self, asked: Asked) -> list[dict[str, Any]]:
        marker, name = (asked.query.get(key, [""])[0] for key in ("marker", "name"))
        names = [id_ for id_, server in self.servers.items() if name in server["name"]]
        first = names.index(marker) + 1 if marker else 0
        return [self.servers[each] for each in names[first : first + self.page]]

    def glance(self, asked: Asked) -> Said:
        image = {"id": IMAGE, "name": "an image", "status": "active", "visibility": "public"}
        image |= {"container_format": "bare", "disk_format": "qcow2", "schema": "/v2/schemas/image"}
        found = [image] if asked.query.get("name") == [image["name"]] else []
        body = {"images": found, "first": "/v2/images", "schema": "/v2/schemas/images"}
        return Said(body=body)

    def keystone(self, asked: Asked) -> Said:
        if asked.method == "GET":
            link = {"rel": "self", "href": f"{self.url}/v3/"}
            said = {"id": "v3.14", "status": "stable", "links": [link]}
            return Said(body={"version": {**said, "updated": "2020-04-07T00:00:00Z"}})
        user = asked.body["auth"]["identity"]["password"]["user"]
        if user["password"] != PASSWORD:
            text = f"The request you have made requires authentication: {user['password']}"
            return Said(401, {"error": {"code": 401, "title": "Unauthorized", "message": text}})
        catalog = [
            {"id": "2", "type": "compute", "name": "nova", "endpoints": [self.at("1", "/v2.1")]},
            {"id": "3", "type": "image", "name": "glance", "endpoints": [self.at("4", "/image")]},
        ]
        default = {"id": "default", "name": "Default"}
        token = {
            "methods": ["password"],
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "audit_ids": ["ZzZwkUflQfygX7pdYDBCQQ"],
            "user": {"id": "u", "name": "ci", "domain": default, "password_expires_at": None},
            "project": {"id": PROJECT, "name": "farm", "domain": default},
            "is_domain": False,
            "roles": [{"id": "r", "name": "member"}],
            "catalog": catalog,
        }
        return Said(201, {"token": token}, headers={"X-Subject-Token": TOKEN})

    def at(self, id_: str, path: str) -> dict[str, str]:
        where = {"interface": "public", "region": "one", "region_id": "one"}
        return {"id": id_, "url": f"{self.url}{path}", **where}
