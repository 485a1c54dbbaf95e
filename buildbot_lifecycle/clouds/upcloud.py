"""UpCloud: servers of one account, titled `buildbot-WORKER-HASH` with a hash of the master's name.

Buildbot's driver calls an instance by the last part of its uuid. It never forgets one that it has stopped
and deleted, and refuses the next start ("instance active"): that is told as what it is, by the driver.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from buildbot_lifecycle.clouds import private
from buildbot_lifecycle.clouds.adapter import Silent, Unable
from buildbot_lifecycle.clouds.rest import Rest, listed
from buildbot_lifecycle.clouds.values import Can, CannotTell, Gone, Instance, Limits, State, Why

_STATES = {
    "started": State.UP,
    "stopped": State.DOWN,
    "maintenance": State.STARTING,
}
PAGE = 100

#: As the driver calls an instance: the last part of its uuid.
_ID = re.compile("[0-9a-f]{12}")

#: Seconds between two looks at a server that is to stop before it can be deleted.
LOOK_EVERY = 1.0


class UpCloud(Silent):
    """For `UpcloudLatentWorker`."""

    classes = (private.UPCLOUD,)
    can = frozenset({Can.NAME, Can.GONE, Can.LIST, Can.END, Can.LAST_WORDS, Can.KIND})

    def mark(self, worker: Any) -> str | None:
        return private.text_or_none(private.read(worker, private.UPCLOUD, "getContainerName")())

    def name(self, worker: Any) -> str | None:
        instance = private.read(worker, private.UPCLOUD, "instance")
        return private.text_or_none(private.lying(instance, "Id"))

    def reach(self, worker: Any, limits: Limits) -> Reach:
        client = private.read(worker, private.UPCLOUD, "client")
        rest = Rest(base=client.base_url, limits=limits, auth=client.auth)
        return Reach(
            rest=rest,
            mark=self.mark(worker) or "",
            ending=f"-{private.read(worker, private.UPCLOUD, 'masterhash')}",
            secrets=(worker.password, *rest.secrets),
        )


@dataclass(frozen=True)
class Reach(Unable):
    """One account."""

    rest: Rest
    mark: str
    ending: str
    secrets: Sequence[str] = field(default=(), repr=False)
    driver = "UpCloud"

    @property
    def scope(self) -> tuple[str, ...]:
        return ("upcloud", self.rest.base, self.rest.auth[0] if self.rest.auth else "", self.ending)

    def list(self) -> Sequence[Instance]:
        return [
            _instance(each)
            for each in self._servers()
            if each["title"].startswith("buildbot-") and each["title"].endswith(self.ending)
        ]

    def gone(self, name: str | None) -> Gone:
        servers = self._servers()
        if name is None:
            return not any(each["title"] == self.mark for each in servers)
        if not _ID.fullmatch(name):
            raise CannotTell(Why.UNDECIDED, f"{name} is not the last part of an uuid")
        return not any(_id(each) == name for each in servers)

    def end(self, name: str) -> None:
        uuid = self._uuid(name)
        stop = {"stop_server": {"stop_type": "hard"}}
        if self._state(uuid) != "stopped":
            self.rest.ask("POST", f"/server/{uuid}/stop", body=stop).expect(200)
        # what runs cannot be deleted
        deadline = time.monotonic() + self.rest.limits.whole
        while self._state(uuid) != "stopped":
            if time.monotonic() > deadline:
                raise CannotTell(Why.TIMEOUT, "it has not stopped, and was not deleted")
            time.sleep(LOOK_EVERY)
        answer = self.rest.ask("DELETE", f"/server/{uuid}", {"storages": "1"})
        answer.expect(200, 204)

    def last_words(self, name: str) -> str:
        return str(self._state(self._uuid(name)))

    def _servers(self) -> Sequence[dict[str, Any]]:
        """All of the account: gone is what is in none of the pages."""
        found: dict[str, dict[str, Any]] = {}
        while True:
            query = {"limit": str(PAGE), "offset": str(len(found))}
            body = self.rest.ask("GET", "/server", query).expect(200)
            page = listed(body.get("servers") if isinstance(body, dict) else None, "server")
            if not all(isinstance(each.get("uuid"), str) for each in page):
                raise CannotTell(Why.NONSENSE, "a server has no uuid")
            before = len(found)
            found.update((each["uuid"], each) for each in page)
            # an API that knows no pages says the same again
            if len(page) < PAGE or len(found) == before:
                return list(found.values())

    def _uuid(self, name: str) -> str:
        found = [each["uuid"] for each in self._servers() if _id(each) == name]
        if len(found) != 1:
            raise CannotTell(
                Why.UNDECIDED, f"{len(found)} servers have an uuid that ends with {name}"
            )
        return str(found[0])

    def _state(self, uuid: str) -> Any:
        return self.rest.ask("GET", f"/server/{uuid}").expect(200)["server"]["state"]


def _id(server: Mapping[str, Any]) -> str:
    """As Buildbot's driver calls it."""
    return str(server["uuid"].split("-")[-1])


def _instance(server: Mapping[str, Any]) -> Instance:
    word = str(server["state"])
    return Instance(
        name=_id(server),
        mark=server["title"],
        state=_STATES.get(word, State.OTHER),
        word=word,
        kind=server.get("plan"),
        ours=True,
    )
