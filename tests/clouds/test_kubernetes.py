"""Kubernetes' adapter on a stand-in, whose answers are held against what Kubernetes publishes of its API.

There is no cluster here. The official client's models are generated from the published OpenAPI document.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from buildbot.util.kubeclientservice import KubeHardcodedConfig
from buildbot.worker.kubernetes import KubeLatentWorker
from kubernetes import client as published

from buildbot_lifecycle.clouds.values import Can, Limits, NotKnown, State, Why
from tests.clouds.stand_in import FAULTS, Asked, Said, StandIn
from tests.clouds.support import Desk

pytestmark = pytest.mark.cloud

TOKEN = "bearer-token-of-the-test"
BORN = "2026-11-26T12:00:00Z"


def as_published(kind: str, body: Any) -> Any:
    """The body, if each of its fields is one of the published type, and none is missing."""
    many = re.fullmatch(r"list\[(.*)\]", kind)
    if many:
        return [as_published(many[1], each) for each in body]
    model = getattr(published, kind, None)
    if model is None:
        return body  # a text, a number, a time, a map of texts
    names = {name: attribute for attribute, name in model.attribute_map.items()}
    assert set(body) <= set(names), (kind, body)
    for name, value in body.items():
        as_published(model.openapi_types[names[name]], value)
    # raises for what is required and missing
    model(**{names[name]: value for name, value in body.items()})
    return body


class Cluster:
    """One namespace, `ci`."""

    def __init__(self) -> None:
        self.pods: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.page = 500

    def add(self, name: str, phase: str = "Running", **status: Any) -> None:
        self.pods[name] = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "ci", "creationTimestamp": BORN},
            "spec": {"containers": [{"name": name, "image": "worker:1"}]},
            "status": {"phase": phase, **status},
        }

    def answer(self, asked: Asked) -> Said:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Said(401, self.status(401, "Unauthorized"))
        if asked.path == "/api/v1/namespaces/ci/events":
            return Said(body=self.list("Event", self.events))
        path = asked.path.split("/api/v1/namespaces/ci/pods")
        if len(path) != 2:
            return Said(404, self.status(404, "NotFound"))
        name = path[1].strip("/")
        if not name:
            return Said(body=self.list("Pod", list(self.pods.values()), asked))
        if name not in self.pods:
            details = {"name": name, "kind": "pods"}
            return Said(404, self.status(404, "NotFound", details))
        pod = self.pods[name]
        if asked.method == "DELETE":
            as_published("V1DeleteOptions", asked.body)
            pod["metadata"]["deletionTimestamp"] = BORN
        return Said(body=as_published("V1Pod", pod))

    def list(self, kind: str, items: list[Any], asked: Asked | None = None) -> Any:
        first = int(asked.query.get("continue", ["0"])[0]) if asked else 0
        last = first + self.page
        more = {"continue": str(last)} if last < len(items) else {}
        body = {
            "apiVersion": "v1",
            "kind": f"{kind}List",
            "metadata": {"resourceVersion": "7", **more},
            "items": items[first:last],
        }
        model = "CoreV1EventList" if kind == "Event" else f"V1{kind}List"
        return as_published(model, body)

    @staticmethod
    def status(code: int, reason: str, details: Any = None) -> Any:
        body = {
            "apiVersion": "v1",
            "kind": "Status",
            "metadata": {},
            "status": "Failure",
            "reason": reason,
            "message": f"{reason}: {details}",
            "code": code,
            **({"details": details} if details else {}),
        }
        return as_published("V1Status", body)


@pytest.fixture
def cluster(stand_in: StandIn) -> Cluster:
    made = Cluster()
    stand_in.answer = made.answer
    return made


def worker(desk: Desk, stand_in: StandIn, token: str = TOKEN) -> Any:
    """As its reconfigService leaves it; that one wants Buildbot's HTTP service, and asks nobody."""
    made = KubeLatentWorker("w_1")
    made.parent = desk.master
    made.password = "worker-password"
    made.masterhash = "abc123"
    config = KubeHardcodedConfig(master_url=stand_in.url, namespace="ci", bearerToken=token)
    config.reconfigService(*config._config_args, **config._config_kwargs)
    config.parent = desk.master
    made._kube_config, made._namespace = config, "ci"
    return made


@pytest.fixture
def w(desk: Desk, stand_in: StandIn, cluster: Cluster) -> Any:
    return worker(desk, stand_in)


NAME = "buildbot-w-1-abc123"


def test_the_name_is_known_before_the_start(desk: Desk, w: Any) -> None:
    assert desk.clouds.name(w) == desk.clouds.mark(w) == NAME
    assert desk.clouds.can(w) == set(Can) - {Can.LINK}


def test_pods_of_this_master_are_listed_in_all_pages(desk: Desk, w: Any, cluster: Cluster) -> None:
    cluster.page = 2
    cluster.add(NAME)
    cluster.add("buildbot-w-2-abc123", "Pending")
    cluster.add("buildbot-w-3-abc123", "Failed", reason="Evicted")
    cluster.add("buildbot-w-1-ffffff")
    cluster.add("web-0")
    cluster.pods["buildbot-w-2-abc123"]["metadata"]["deletionTimestamp"] = BORN
    listed = {each.name: each for each in desk.ask("list", w).instances}
    assert {name: each.state for name, each in listed.items()} == {
        NAME: State.UP,
        "buildbot-w-2-abc123": State.STOPPING,
        "buildbot-w-3-abc123": State.DOWN,
    }
    assert (listed[NAME].born, listed[NAME].kind) == (1795694400.0, "worker:1")


def test_end_asks_the_node_first_and_gone_waits_for_its_word(
    desk: Desk, w: Any, cluster: Cluster, stand_in: StandIn
) -> None:
    cluster.add(NAME)
    assert desk.ask("end", w, NAME) is True
    # 0 would make Kubernetes forget the pod, whether its containers still run or not
    assert stand_in.asked[-1].body["gracePeriodSeconds"] == 1
    assert desk.ask("gone", w, NAME) is False  # a node that is away leaves it Terminating
    del cluster.pods[NAME]
    assert desk.ask("gone", w, NAME) is True
    assert desk.ask("gone", w, None) is True


def test_last_words_are_the_reasons_of_pod_and_container_and_the_events(
    desk: Desk, w: Any, cluster: Cluster
) -> None:
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    status = {
        "name": "worker",
        "image": "worker:1",
        "imageID": "",
        "ready": False,
        "restartCount": 0,
        "state": ended,
    }
    cluster.add(
        NAME, "Failed", reason="Evicted", message="low on memory", containerStatuses=[status]
    )
    cluster.events.append(
        {
            "metadata": {},
            "involvedObject": {"kind": "Pod", "name": NAME},
            "reason": "Evicted",
            "message": "The node was low on resource: memory.",
        }
    )
    words = desk.ask("last_words", w, NAME).splitlines()
    assert words == [
        "Failed; Evicted; low on memory; worker: terminated: exitCode 137, reason OOMKilled",
        "Evicted: The node was low on resource: memory.",
    ]


def test_a_token_that_is_not_enough_is_told_and_not_shown(
    desk: Desk, stand_in: StandIn, cluster: Cluster
) -> None:
    w = worker(desk, stand_in, token="the-wrong-token")
    stand_in.answer = lambda asked: Said(401, {"message": f"not {asked.headers['authorization']}"})
    for what, *arguments in (("gone", NAME), ("list",), ("end", NAME)):
        said = desk.ask(what, w, *arguments)
        assert said.why is Why.REFUSED
        assert "the-wrong-token" not in said.text


@pytest.mark.parametrize(
    "body",
    [
        {"message": "page not found"},
        Cluster.status(404, "NotFound"),
        Cluster.status(404, "NotFound", {"name": "ci", "kind": "namespaces"}),
        Cluster.status(404, "NotFound", {"name": "another", "kind": "pods"}),
        ["a list"],
    ],
)
def test_a_404_that_is_not_of_this_pod_is_not_taken_for_gone(
    desk: Desk, w: Any, stand_in: StandIn, body: Any
) -> None:
    stand_in.fault = Said(404, body)
    assert isinstance(desk.ask("gone", w, NAME), NotKnown)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_the_apis_answer_is_never_taken_for_gone(
    desk: Desk, w: Any, stand_in: StandIn, fault: str
) -> None:
    stand_in.fault, why = FAULTS[fault]
    for what, *arguments in (("gone", NAME), ("gone", None), ("list",)):
        said = desk.ask(what, w, *arguments)
        assert isinstance(said, NotKnown), said
        assert why is None or said.why.value == why, said
    assert not any(asked.path == "/login" for asked in stand_in.asked)  # no token goes there


def test_an_api_that_is_dead_or_says_nothing_is_not_known(
    w: Any, stand_in: StandIn, cluster: Cluster
) -> None:
    quick = Desk(limits=Limits(connect=0.3, read=0.3, whole=0.6))
    stand_in.fault = Said(200, "x" * 50, slow=0.2)
    assert quick.ask("gone", w, NAME).why is Why.TIMEOUT  # it drips
    stand_in.close()
    assert quick.ask("gone", w, NAME).why is Why.UNREACHABLE
    quick.close()
