"""The stand-ins' answers are what the clouds publish of theirs; and what is not published is noticed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clouds.nova import PASSWORD, TOKEN, Nova
from tests.clouds.published import MARATHON, OPENSTACK, UPCLOUD
from tests.clouds.rest_clouds import Account, Apps
from tests.clouds.schemas import NotPublished, Reference, held, hold
from tests.clouds.stand_in import Asked, Said

Talk = list[tuple[Asked, Said]]


def asking(
    answer: Any, method: str, path: str, body: Any = None, **query: str
) -> tuple[Asked, Said]:
    headers = {"x-auth-token": TOKEN}
    asked = Asked(method, path, {key: [value] for key, value in query.items()}, headers, body)
    # what a server says is what it is then, not what becomes of it
    return asked, copy.deepcopy(answer(asked))


def of_openstack() -> Talk:
    nova = Nova("http://nova")
    user = {"name": "ci", "password": PASSWORD}
    login = {"auth": {"identity": {"password": {"user": user}}}}
    wrong = {"auth": {"identity": {"password": {"user": {**user, "password": "wrong"}}}}}
    talk = [
        asking(nova.answer, "GET", "/v3"),
        asking(nova.answer, "POST", "/v3/auth/tokens", login),
        asking(nova.answer, "POST", "/v3/auth/tokens", wrong),
        asking(nova.answer, "GET", "/v2.1/"),
        asking(nova.answer, "GET", "/v2.1/flavors/detail"),
        asking(nova.answer, "GET", "/image/v2/images", name="an image"),
        asking(nova.answer, "GET", "/image/v2/images", name="another"),
        asking(nova.answer, "POST", "/v2.1/servers", {"server": {"name": "w", "metadata": {}}}),
    ]
    (server,) = nova.servers
    one = f"/v2.1/servers/{server}"
    talk += [asking(nova.answer, "GET", one) for _ in range(2)]
    nova.servers[server]["status"] = "ERROR"
    nova.servers[server]["fault"] = {"code": 500, "message": "no", "created": published_time()}
    talk += [
        asking(nova.answer, "GET", one),
        asking(nova.answer, "GET", "/v2.1/servers", name="w"),
        asking(nova.answer, "GET", "/v2.1/servers/detail"),
        asking(nova.answer, "POST", f"{one}/action", {"os-getConsoleOutput": {}}),
        asking(nova.answer, "DELETE", one),
        asking(nova.answer, "DELETE", one),
        asking(nova.answer, "GET", one),
    ]
    asked = Asked("GET", one, {}, {}, None)
    return [*talk, (asked, nova.answer(asked))]


def published_time() -> str:
    return "2026-11-26T12:00:00Z"


def of_upcloud() -> Talk:
    account = Account()
    account.add("buildbot-w-1")
    (server,) = account.servers
    one = f"/server/{server}"
    return [
        asking(account.answer, "GET", "/server", offset="0", limit="100"),
        asking(account.answer, "GET", one),
        asking(account.answer, "POST", f"{one}/stop"),
        asking(account.answer, "GET", one),
        asking(account.answer, "DELETE", one, storages="1"),
        asking(account.answer, "GET", one),
        asking(account.answer, "GET", "/server", offset="0", limit="100"),
    ]


def of_marathon() -> Talk:
    apps = Apps()
    apps.add("/buildbot-worker/buildbot-w-1-abc123")
    one = "/v2/apps/buildbot-worker/buildbot-w-1-abc123"
    return [
        asking(apps.answer, "GET", "/v2/apps"),
        asking(apps.answer, "GET", one, embed="app.lastTaskFailure"),
        asking(apps.answer, "GET", "/v2/tasks"),
        asking(apps.answer, "DELETE", one, force="true"),
        asking(apps.answer, "GET", one),
    ]


TALKS = {
    "OpenStack": (OPENSTACK, of_openstack),
    "UpCloud": (UPCLOUD, of_upcloud),
    "Marathon": (MARATHON, of_marathon),
}


@pytest.mark.parametrize("cloud", TALKS)
def test_each_answer_of_a_stand_in_is_as_published(cloud: str) -> None:
    reference, talk = TALKS[cloud]
    for asked, said in talk():
        hold(reference, asked, said)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from _objects(each)


@pytest.mark.parametrize("cloud", TALKS)
def test_a_field_that_is_not_published_is_noticed_in_each_answer(cloud: str) -> None:
    reference, talk = TALKS[cloud]
    for asked, said in talk():
        if said.body is None:
            continue
        said.body["invented"] = 1
        with pytest.raises(NotPublished, match="invented"):
            hold(reference, asked, said)


@pytest.mark.parametrize(
    ("cloud", "path", "field"),
    [
        ("OpenStack", "/v2.1/servers/detail", "hostId"),
        ("OpenStack", "/v3/auth/tokens", "catalog"),
        ("UpCloud", "/server", "title"),
        ("Marathon", "/v2/tasks", "host"),
    ],
)
def test_what_is_missing_is_noticed(cloud: str, path: str, field: str) -> None:
    reference, talk = TALKS[cloud]
    asked, said = next(each for each in talk() if each[0].path == path)
    holder = next(each for each in _objects(said.body) if field in each)
    del holder[field]
    with pytest.raises(NotPublished, match=f"'{field}' is a required property"):
        hold(reference, asked, said)


@pytest.mark.parametrize(
    ("reference", "method", "path", "said"),
    [
        (OPENSTACK, "GET", "/v2.1/servers/detail", Said(500, {})),
        (UPCLOUD, "PATCH", "/server", Said(200, {})),
        (MARATHON, "GET", "/v2/pods", Said(200, {})),
    ],
)
def test_an_answer_that_no_address_gives_is_noticed(
    reference: Reference, method: str, path: str, said: Said
) -> None:
    with pytest.raises(NotPublished, match="no answer of the reference"):
        hold(reference, Asked(method, path, {}, {}, None), said)


def test_what_a_cloud_never_says_of_a_server_is_noticed() -> None:
    account = Account()
    account.add("buildbot-w-1", "sleeping")
    answer = held(UPCLOUD, account.answer)
    with pytest.raises(NotPublished, match="'sleeping' is not one of"):
        asking(answer, "GET", "/server", offset="0", limit="100")
