"""Docker: containers of one engine, named `buildbot-WORKER-HASH` with a hash of the master's name."""

from __future__ import annotations

import contextlib
import importlib
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from buildbot_lifecycle.clouds import private
from buildbot_lifecycle.clouds.adapter import Silent, Unable
from buildbot_lifecycle.clouds.values import Can, CannotTell, Gone, Instance, Limits, State, Why

_STATES = {
    "created": State.STARTING,
    "running": State.UP,
    "paused": State.UP,
    "restarting": State.STARTING,
    "removing": State.STOPPING,
    "exited": State.DOWN,
    "dead": State.DOWN,
}

_ID = re.compile("[0-9a-f]{12,64}")

#: Lines of its log that count as last words.
_LINES = 50

#: How often, and every how many seconds, a container is looked at that should have ended.
_LOOKS, _LOOK_EVERY = 4, 0.1


class Docker(Silent):
    """`DockerLatentWorker`. A container that has exited is not gone, it is there until it is removed."""

    classes = (private.DOCKER,)
    can = frozenset({Can.NAME, Can.GONE, Can.LIST, Can.END, Can.LAST_WORDS, Can.AGE, Can.KIND})

    def mark(self, worker: Any) -> str | None:
        return private.text_or_none(private.read(worker, private.DOCKER, "getContainerName")())

    def name(self, worker: Any) -> str | None:
        instance = private.read(worker, private.DOCKER, "instance")
        return private.text_or_none(private.lying(instance, "Id"))

    def reach(self, worker: Any, limits: Limits) -> Reach:
        return Reach(
            arguments=self._arguments(worker),
            seconds=limits.read,
            mark=self.mark(worker) or "",
            ending=f"-{private.read(worker, private.DOCKER, 'masterhash')}",
            secrets=(worker.password,),
        )

    def _arguments(self, worker: Any) -> dict[str, Any]:
        now = getattr(worker, "_curr_client_args", None)
        if now:  # the engine on which the present container was made
            return dict(now)
        host = private.read(worker, private.DOCKER, "docker_host")
        if not isinstance(host, str):
            text = "docker_host depends on the build, and no container of this process runs"
            raise CannotTell(Why.NOT_CONFIGURED, text)
        return {**private.read(worker, private.DOCKER, "client_args"), "base_url": host}


@dataclass(frozen=True)
class Reach(Unable):
    """One engine."""

    arguments: Mapping[str, Any] = field(repr=False)
    seconds: float
    mark: str
    ending: str
    secrets: Sequence[str] = field(default=(), repr=False)
    driver = "Docker"

    @property
    def scope(self) -> tuple[str, ...]:
        return ("docker", str(self.arguments.get("base_url")), self.ending)

    def list(self) -> Sequence[Instance]:
        with self._client() as client:
            found = client.containers(all=True, filters={"name": "buildbot-"})
        listed = [_instance(each) for each in _containers(found)]
        return [
            each
            for each in listed
            if (each.mark or "").startswith("buildbot-") and (each.mark or "").endswith(self.ending)
        ]

    def gone(self, name: str | None) -> Gone:
        # A list, since the 404 of a proxy cannot be told from the engine's.
        if name is None:
            return not any(each.mark == self.mark for each in self.list())
        if not _ID.fullmatch(name):
            raise CannotTell(Why.UNDECIDED, f"{name} is no id of a container")
        with self._client() as client:
            found = client.containers(all=True, filters={"id": name})
        return not any(each["Id"].startswith(name) for each in _containers(found))

    def end(self, name: str) -> None:
        with self._client() as client:
            client.remove_container(name, v=True, force=True)

    def last_words(self, name: str) -> str:
        with self._client() as client:
            state = self._ended(client, name)
            log = client.logs(name, tail=_LINES).decode("utf-8", "replace")
        words = [f"{state['Status']}, exit code {state['ExitCode']}"]
        if state.get("OOMKilled"):
            words.append("killed for want of memory")
        if state.get("Error"):
            words.append(str(state["Error"]))
        return "\n".join(["; ".join(words), log]).strip()

    def _ended(self, client: Any, name: str) -> Mapping[str, Any]:
        """Its state, after the moment in which its process has ended and the engine has not told yet."""
        for _ in range(_LOOKS):
            state = client.inspect_container(name)["State"]
            if state["Status"] != "running":
                break
            time.sleep(_LOOK_EVERY)
        return state  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _client(self) -> Iterator[Any]:
        # optional: Buildbot's driver has it where it is used
        client = importlib.import_module("docker").APIClient(
            **{**self.arguments, "timeout": self.seconds}
        )
        try:
            yield client
        finally:
            client.close()


def _containers(found: Any) -> list[dict[str, Any]]:
    """What the engine has listed; its form is looked at, since "gone" rests on it."""
    if not isinstance(found, list) or not all(isinstance(each.get("Id"), str) for each in found):
        raise CannotTell(Why.NONSENSE, "the answer is no list of containers")
    return found


def _instance(container: Mapping[str, Any]) -> Instance:
    names = [name.lstrip("/") for name in container.get("Names") or ()]
    word = str(container.get("State"))
    return Instance(
        name=container["Id"],
        # of linked containers there are more names, with a slash in them
        mark=next((name for name in names if "/" not in name), None),
        state=_STATES.get(word, State.OTHER),
        word=word,
        born=container.get("Created"),
        kind=container.get("Image"),
        ours=True,
    )
