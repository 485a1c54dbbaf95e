"""What a host is asked about a worker's instances, by somebody who need not have started them."""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.workers.ssh import options, remote
from buildbot_lifecycle.workers.ssh.client import Client
from buildbot_lifecycle.workers.ssh.errors import NotKnownToBeGone, SSHError, StillThere


class Host:
    """The host of one worker, as its configuration says; `owner` is in the mark of its processes."""

    def __init__(self, client: Client, owner: str, worker: str) -> None:
        self._client = client
        self._owner = owner
        self._worker = worker

    async def is_gone(self, name: str | None) -> bool | None:
        """Whether no process of the instance (None: of any of the worker's) is left; None: not known."""
        instance = self._instance(name)
        if instance is None and name is not None:
            return None
        try:
            words = await self._run(remote.present(self._owner, instance))
        except SSHError:
            return None
        return any(word.word == "gone" for word in words)

    async def instances(self) -> list[dict[str, Any]]:
        """Those of the worker that have processes there. Raises `SSHError`."""
        words = await self._run(remote.numbers(self._owner))
        host = self._client.options.host
        return [
            {"name": f"{host}/{word.rest}", "worker": self._worker, "state": "up"}
            for word in words
            if word.word == "instance"
        ]

    async def end(self, name: str) -> bool:
        """End all processes of an instance: TERM, then KILL. Raises `SSHError`."""
        instance = self._instance(name)
        if instance is None:
            raise NotKnownToBeGone(f"{name} is no instance on {self._client.options.host}")
        chosen = self._client.options
        limits = remote.Limits(0, chosen.term_timeout, chosen.kill_timeout)
        seconds = chosen.ladder_seconds + options.SCRIPT_SECONDS
        words = await self._run(remote.stop(self._owner, instance, limits), seconds)
        alive = [word.rest for word in words if word.word == "alive"]
        if alive:
            raise StillThere(f"{name} still runs after KILL: processes {alive[0]}")
        return True

    def _instance(self, name: str | None) -> remote.Instance | None:
        host, _, number = (name or "").rpartition("/")
        if host != self._client.options.host:
            return None  # that host is not in the configuration any more
        try:
            return remote.Instance(self._owner, number)
        except ValueError:
            return None

    async def _run(self, script: str, seconds: float = options.SCRIPT_SECONDS) -> Any:
        return await self._client.run(script, seconds=seconds, shell=remote.shell(None))
