"""Kubernetes: pods of one namespace, named `buildbot-WORKER-HASH` with a hash of the master's name.

A pod's name is used again for the next build: a pod of this name may be a later one than was meant.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from buildbot_lifecycle.clouds import private
from buildbot_lifecycle.clouds.adapter import Silent, Unable
from buildbot_lifecycle.clouds.hooks import awaited
from buildbot_lifecycle.clouds.rest import Answer, Rest, listed
from buildbot_lifecycle.clouds.values import Can, CannotTell, Gone, Instance, Limits, State, Why

_PHASES = {
    "Pending": State.STARTING,
    "Running": State.UP,
    "Succeeded": State.DOWN,
    "Failed": State.DOWN,
}
_NOT_FOUND = 404

#: Seconds that the node has for its containers. Not 0: the pod would be forgotten at once, run or not.
_GRACE = 1
_PAGE = 500
_LINES = 50
_EVENTS = 20


class Kubernetes(Silent):
    """For `KubeLatentWorker`."""

    classes = (private.KUBERNETES,)
    can = frozenset({Can.NAME, Can.GONE, Can.LIST, Can.END, Can.LAST_WORDS, Can.AGE, Can.KIND})

    def mark(self, worker: Any) -> str | None:
        return private.text_or_none(private.read(worker, private.KUBERNETES, "getContainerName")())

    def name(self, worker: Any) -> str | None:
        return self.mark(worker)

    async def reach(self, worker: Any, limits: Limits) -> Reach:
        config = private.read(worker, private.KUBERNETES, "_kube_config")
        said = config.getConfig()
        headers = dict(said.get("headers") or {})
        authorization = await awaited(config.getAuthorization())
        if authorization is not None:
            headers["Authorization"] = authorization
        rest = Rest(
            base=str(said["master_url"]).rstrip("/"),
            limits=limits,
            headers=headers,
            verify=said.get("verify", True),
            cert=said.get("cert"),
        )
        return Reach(
            rest=rest,
            namespace=private.read(worker, private.KUBERNETES, "_namespace"),
            mark=self.mark(worker) or "",
            ending=f"-{private.read(worker, private.KUBERNETES, 'masterhash')}",
            secrets=(worker.password, *rest.secrets),
        )


@dataclass(frozen=True)
class Reach(Unable):
    """One namespace."""

    rest: Rest
    namespace: str
    mark: str
    ending: str
    secrets: Sequence[str] = field(default=(), repr=False)
    driver = "Kubernetes"

    @property
    def scope(self) -> tuple[str, ...]:
        return ("kubernetes", self.rest.base, self.namespace, self.ending)

    def list(self) -> Sequence[Instance]:
        found = self._pages(f"{self._path}/pods")
        names = [(pod["metadata"]["name"], pod) for pod in found]
        return [
            _instance(name, pod)
            for name, pod in names
            if name.startswith("buildbot-") and name.endswith(self.ending)
        ]

    def gone(self, name: str | None) -> Gone:
        if name is not None and not name.startswith("buildbot-"):
            raise CannotTell(Why.UNDECIDED, f"{name} is no name that the driver gives to a pod")
        return self._pod(name or self.mark) is None

    def end(self, name: str) -> None:
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "gracePeriodSeconds": _GRACE,
        }
        self.rest.ask("DELETE", self._of(name), body=options).expect(200, 202)

    def last_words(self, name: str) -> str:
        pod = self._pod(name)
        if pod is None:
            raise CannotTell(Why.UNDECIDED, f"there is no pod {name} any more")
        words = _status(pod.get("status") or {})
        return "\n".join(["; ".join(words), *self._events(name)])

    def _events(self, name: str) -> Sequence[str]:
        query = {"fieldSelector": f"involvedObject.kind=Pod,involvedObject.name={name}"}
        found: Sequence[dict[str, Any]] = ()
        with contextlib.suppress(Exception):  # rights for these alone may be missing
            found = listed(self.rest.ask("GET", f"{self._path}/events", query).expect(), "items")
        return [f"{each.get('reason')}: {each.get('message')}" for each in found[-_EVENTS:]]

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{quote(self.namespace, safe='')}"

    def _of(self, name: str) -> str:
        return f"{self._path}/pods/{quote(name, safe='')}"

    def _pod(self, name: str) -> dict[str, Any] | None:
        """The pod, or None if the API has said that there is none of this name, and nobody else has."""
        answer = self.rest.ask("GET", self._of(name))
        if answer.status == _NOT_FOUND and _says_not_found(answer, name):
            return None
        pod = answer.expect(200)
        if not isinstance(pod, dict) or pod.get("kind") != "Pod":
            raise CannotTell(Why.NONSENSE, "the answer is no pod")
        return pod

    def _pages(self, path: str) -> Sequence[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query = {"limit": str(_PAGE)}
        while True:
            body = self.rest.ask("GET", path, query).expect(200)
            found += listed(body, "items")
            more = (body.get("metadata") or {}).get("continue")
            if not more:
                return found
            query["continue"] = more


def _says_not_found(answer: Answer, name: str) -> bool:
    """A 404 may also be of a proxy, of another API, or of the namespace."""
    body = answer.body
    if not isinstance(body, dict) or body.get("kind") != "Status":
        return False
    details = body.get("details") or {}
    return (
        body.get("reason") == "NotFound"
        and details.get("kind") == "pods"
        and details.get("name") == name
    )


def _instance(name: str, pod: Mapping[str, Any]) -> Instance:
    metadata, status = pod["metadata"], pod.get("status") or {}
    phase = str(status.get("phase"))
    ending = metadata.get("deletionTimestamp") is not None
    containers = (pod.get("spec") or {}).get("containers") or [{}]
    return Instance(
        name=name,
        mark=name,
        state=State.STOPPING if ending else _PHASES.get(phase, State.OTHER),
        word="Terminating" if ending else phase,
        born=_epoch(metadata.get("creationTimestamp")),
        kind=containers[0].get("image"),
        ours=True,
    )


def _status(status: Mapping[str, Any]) -> Sequence[str]:
    words = [str(status.get("phase"))]
    words += [f"{status[key]}" for key in ("reason", "message") if status.get(key)]
    for container in status.get("containerStatuses") or ():
        for state, what in (container.get("state") or {}).items():
            said = [
                f"{key} {what[key]}" for key in ("exitCode", "reason", "message") if key in what
            ]
            words.append(f"{container.get('name')}: {state}: {', '.join(said)}")
    return words


def _epoch(text: Any) -> float | None:
    if not isinstance(text, str):
        return None
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
