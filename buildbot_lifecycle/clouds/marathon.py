"""Marathon: applications, named by a prefix and `buildbot-WORKER-HASH` with a hash of the master's name.

Buildbot's driver does not look at the answer to its stop, so that a stop that failed is recorded as one
that ended well. Here the application is there or not, whatever the driver believes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from buildbot_lifecycle.clouds import private
from buildbot_lifecycle.clouds.adapter import Silent, Unable
from buildbot_lifecycle.clouds.rest import Rest, listed
from buildbot_lifecycle.clouds.values import Can, CannotTell, Gone, Instance, Limits, State, Why


class Marathon(Silent):
    """For `MarathonLatentWorker`."""

    classes = (private.MARATHON,)
    can = frozenset(
        {Can.NAME, Can.GONE, Can.LIST, Can.END, Can.LINK, Can.LAST_WORDS, Can.AGE, Can.KIND}
    )

    def mark(self, worker: Any) -> str | None:
        return private.text_or_none(private.read(worker, private.MARATHON, "getApplicationId")())

    def name(self, worker: Any) -> str | None:
        return self.mark(worker)

    def link(self, worker: Any, name: str) -> str | None:
        base = private.read(worker, private.MARATHON, "_http").base_url
        return f"{base}/ui/#/apps/{quote(_absolute(name), safe='')}"

    def reach(self, worker: Any, limits: Limits) -> Reach:
        session = private.read(worker, private.MARATHON, "_http")
        rest = Rest(base=session.base_url, limits=limits, auth=session.auth)
        return Reach(
            rest=rest,
            mark=self.mark(worker) or "",
            beginning=private.read(worker, private.MARATHON, "marathon_app_prefix"),
            ending=f"-{private.read(worker, private.MARATHON, 'masterhash')}",
            secrets=(worker.password, *rest.secrets),
        )


@dataclass(frozen=True)
class Reach(Unable):
    """One Marathon."""

    rest: Rest
    mark: str
    beginning: str
    ending: str
    secrets: Sequence[str] = field(default=(), repr=False)
    driver = "Marathon"

    @property
    def scope(self) -> tuple[str, ...]:
        return ("marathon", self.rest.base, self.beginning, self.ending)

    def list(self) -> Sequence[Instance]:
        beginning = _absolute(f"{self.beginning}buildbot-")
        return [
            _instance(app, self.beginning.startswith("/"))
            for app in self._apps()
            if app["id"].startswith(beginning) and app["id"].endswith(self.ending)
        ]

    def gone(self, name: str | None) -> Gone:
        if name is not None and "buildbot-" not in name:
            raise CannotTell(
                Why.UNDECIDED, f"{name} is no id that the driver gives to an application"
            )
        wanted = _absolute(name or self.mark)
        if any(app["id"] == wanted for app in self._apps()):
            return False
        # its tasks are killed after it was forgotten
        tasks = listed(self.rest.ask("GET", "/v2/tasks").expect(200), "tasks")
        return not any(task.get("appId") == wanted for task in tasks)

    def end(self, name: str) -> None:
        self.rest.ask("DELETE", self._of(name), {"force": "true"}).expect(200)

    def last_words(self, name: str) -> str:
        body = self.rest.ask("GET", self._of(name), {"embed": "app.lastTaskFailure"}).expect(200)
        failure = body["app"].get("lastTaskFailure")
        if not failure:
            return "no task of it has failed"
        return f"{failure.get('state')}: {failure.get('message')}"

    def _apps(self) -> Sequence[dict[str, Any]]:
        found = listed(self.rest.ask("GET", "/v2/apps").expect(200), "apps")
        if not all(isinstance(app.get("id"), str) for app in found):
            raise CannotTell(Why.NONSENSE, "an application has no id")
        return found

    def _of(self, name: str) -> str:
        return f"/v2/apps{quote(_absolute(name))}"


def _absolute(name: str) -> str:
    """As Marathon writes it; the driver leaves out the first slash."""
    return name if name.startswith("/") else f"/{name}"


def _instance(app: Mapping[str, Any], absolute: bool) -> Instance:
    name = app["id"] if absolute else app["id"][1:]
    running, wanted = app.get("tasksRunning", 0), app.get("instances", 0)
    docker = (app.get("container") or {}).get("docker") or {}
    version = app.get("version")
    return Instance(
        name=name,
        mark=name,
        state=State.UP if running else State.STARTING if wanted else State.DOWN,
        word=f"{running} of {wanted} tasks",
        born=_epoch(version) if isinstance(version, str) else None,
        kind=docker.get("image"),
        ours=True,
    )


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
