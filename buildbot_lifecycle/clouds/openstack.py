"""OpenStack: servers of one project that carry `BUILDBOT:instance` with a hash of the master's name.

The name of a server is the worker's. Asked with a session of our own: Buildbot's has no limits, and its
stop runs on the reactor.
"""

from __future__ import annotations

import copy
import importlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from buildbot_lifecycle.clouds import private
from buildbot_lifecycle.clouds.adapter import Silent, Unable
from buildbot_lifecycle.clouds.trouble import status_of
from buildbot_lifecycle.clouds.values import Can, CannotTell, Gone, Instance, Limits, State, Why

#: Of a server's metadata, by Buildbot's driver.
MARK = "BUILDBOT:instance"

_STATES = {
    "BUILD": State.STARTING,
    "REBUILD": State.STARTING,
    "ACTIVE": State.UP,
    "PAUSED": State.UP,
    "REBOOT": State.UP,
    "HARD_REBOOT": State.UP,
    "SUSPENDED": State.DOWN,
    "SHUTOFF": State.DOWN,
    "SHELVED": State.DOWN,
    "SHELVED_OFFLOADED": State.DOWN,
    "SOFT_DELETED": State.DOWN,
    "ERROR": State.DOWN,
}
_ID = re.compile("[0-9a-fA-F-]{36}")
_DELETED = "DELETED"
_UNKNOWN = "UNKNOWN"
_NOT_FOUND = 404
_LINES = 50

#: In the names of a plugin's attributes.
_SECRET = ("password", "secret", "token", "passcode")


class OpenStack(Silent):
    """For `OpenStackLatentWorker`."""

    classes = (private.OPENSTACK,)
    can = frozenset({Can.NAME, Can.GONE, Can.LIST, Can.END, Can.LAST_WORDS, Can.AGE, Can.KIND})

    def mark(self, worker: Any) -> str | None:
        return private.text_or_none(private.read(worker, private.OPENSTACK, "workername"))

    def name(self, worker: Any) -> str | None:
        instance = private.read(worker, private.OPENSTACK, "instance")
        return private.text_or_none(private.lying(instance, "id"))

    def reach(self, worker: Any, limits: Limits) -> Reach:
        client = private.read(worker, private.OPENSTACK, "novaclient").client
        session = client.session
        return Reach(
            auth=_own(session.auth),
            verify=session.verify,
            cert=session.cert,
            region=client.region_name,
            version=private.read(worker, private.OPENSTACK, "client_version"),
            limits=limits,
            mark=self.mark(worker) or "",
            master=private.read(worker, private.OPENSTACK, "masterhash"),
            secrets=tuple(_secrets(session.auth, worker.password)),
        )


@dataclass(frozen=True)
class Reach(Unable):
    """One region of one project."""

    auth: Any = field(repr=False)
    verify: Any
    cert: Any
    region: str | None
    version: str
    limits: Limits
    mark: str
    master: str
    secrets: Sequence[str] = field(default=(), repr=False)
    driver = "OpenStack"

    @property
    def scope(self) -> tuple[str, ...]:
        who = ("auth_url", "_username", "_user_id", "_project_name", "_project_id")
        given = [str(private.lying(self.auth, key)) for key in who]
        return ("openstack", *given, str(self.region), self.master)

    def list(self) -> Sequence[Instance]:
        return [
            _instance(each)
            # else nova answers with its first page alone
            for each in self._client().servers.list(limit=-1)
            if each.metadata.get(MARK) == self.master and each.status != _DELETED
        ]

    def gone(self, name: str | None) -> Gone:
        if name is None:
            return not any(each.mark == self.mark for each in self.list())
        if not _ID.fullmatch(name):
            raise CannotTell(Why.UNDECIDED, f"{name} is no id of a server")
        server = self._server(name)
        if server is None or server.status == _DELETED:
            return True
        if server.status == _UNKNOWN:
            raise CannotTell(Why.UNDECIDED, "nova says that it does not know")
        return False

    def end(self, name: str) -> None:
        self._client().servers.delete(name)

    def last_words(self, name: str) -> str:
        server = self._server(name)
        if server is None:
            raise CannotTell(Why.UNDECIDED, f"there is no server {name} any more")
        fault = private.lying(server, "fault") or {}
        state = f"{server.status}; {fault.get('message')}" if fault else str(server.status)
        return f"{state}\n{server.get_console_output(length=_LINES) or ''}".strip()

    def _server(self, name: str) -> Any:
        """The server, or None if nova has said that there is none of this id, and nobody else has."""
        try:
            return self._client().servers.get(name)
        except Exception as error:
            # a proxy's 404 does not say of what
            if status_of(error) == _NOT_FOUND and name in str(error):
                return None
            raise

    def _client(self) -> Any:
        session = importlib.import_module("keystoneauth1.session").Session(
            auth=self.auth, verify=self.verify, cert=self.cert, timeout=self.limits.read
        )
        client = importlib.import_module("novaclient.client")
        return client.Client(self.version, session=session, region_name=self.region)


def _own(auth: Any) -> Any:
    """A copy that shares no lock with the driver's: that is held while the driver waits for keystone."""
    mine = copy.copy(auth)
    if private.lying(auth, "_lock") is not None:
        mine._lock = threading.RLock()
    log_in = mine.get_auth_ref
    under_way: list[bool] = []

    def once(*args: Any, **kwargs: Any) -> Any:
        """A keystone that answers 401 to the question how to log in is asked by logging in, and so on.

        keystoneauth's own lock lets that wait for ever.
        """
        if under_way:
            raise CannotTell(Why.REFUSED, "keystone refuses even to say how to log in")
        under_way.append(True)
        try:
            return log_in(*args, **kwargs)
        finally:
            under_way.clear()

    mine.get_auth_ref = once
    return mine


def _secrets(auth: Any, password: str) -> Sequence[str]:
    """What lies in an authentication plugin, of any kind, under a name that says so."""
    found = [password]
    for holder in (auth, *(private.lying(auth, "auth_methods") or ())):
        for key, value in vars(holder).items():
            if any(word in key for word in _SECRET) and private.text_or_none(value):
                found.append(value)
    return found


def _instance(server: Any) -> Instance:
    created = private.text_or_none(private.lying(server, "created"))
    flavor = private.lying(server, "flavor") or {}
    return Instance(
        name=server.id,
        mark=server.name,
        state=_STATES.get(server.status, State.OTHER),
        word=server.status,
        born=_epoch(created) if created else None,
        kind=flavor.get("original_name") or flavor.get("id"),
        ours=True,
    )


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
