"""The adapters of UpCloud and Marathon, on stand-ins that answer as the published references say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from buildbot.worker.marathon import MarathonLatentWorker
from buildbot.worker.upcloud import UpcloudLatentWorker

from buildbot_lifecycle.clouds import upcloud
from buildbot_lifecycle.clouds.values import Can, Limits, NotKnown, State, Why
from tests.clouds import published, schemas
from tests.clouds.rest_clouds import Account, Apps
from tests.clouds.stand_in import FAULTS, Said, StandIn
from tests.clouds.support import Desk

pytestmark = pytest.mark.cloud

AUTH = ("api-user", "api-password")


def of_upcloud(desk: Desk, url: str) -> Any:
    return desk.worker(
        UpcloudLatentWorker,
        "w_1",
        "worker-password",
        image="an image",
        api_username=AUTH[0],
        api_password=AUTH[1],
        base_url=url,
    )


def of_marathon(desk: Desk, url: str) -> Any:
    return desk.worker(MarathonLatentWorker, "w_1", url, "worker:1", marathon_auth=AUTH)


# UpCloud


@pytest.fixture
def account(stand_in: StandIn) -> Account:
    made = Account()
    stand_in.answer = schemas.held(published.UPCLOUD, made.answer)
    return made


@pytest.fixture
def of_account(desk: Desk, stand_in: StandIn, account: Account) -> Any:
    return of_upcloud(desk, stand_in.url)


def test_upcloud_lists_this_masters_servers(desk: Desk, of_account: Any, account: Account) -> None:
    mark = of_account.getContainerName()
    name = account.add(mark)
    account.add(mark.replace("w-1", "w-2"), "maintenance", "1" * 12)
    account.add("buildbot-w-1-000000", last="2" * 12)
    account.add("web", last="3" * 12)
    listed = {each.name: each for each in desk.ask("list", of_account).instances}
    assert {key: each.state for key, each in listed.items()} == {
        name: State.UP,
        "1" * 12: State.STARTING,
    }
    assert (listed[name].mark, listed[name].kind) == (mark, "1xCPU-1GB")
    assert desk.clouds.can(of_account) == set(Can) - {Can.LINK, Can.AGE}


@pytest.mark.parametrize("paged", [True, False])
def test_a_server_beyond_the_first_page_is_not_gone(
    desk: Desk, of_account: Any, account: Account, monkeypatch: pytest.MonkeyPatch, paged: bool
) -> None:
    monkeypatch.setattr(upcloud, "PAGE", 2)
    account.paged = paged
    names = [account.add(f"web-{n}", last=f"{n:012}") for n in range(4)]
    assert [desk.ask("gone", of_account, name) for name in names] == [False] * 4
    assert desk.ask("gone", of_account, "f" * 12) is True


def test_upcloud_stops_a_server_before_it_deletes_it(
    desk: Desk,
    of_account: Any,
    account: Account,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upcloud, "LOOK_EVERY", 0.01)
    of_account.instance = {"Id": account.add(of_account.getContainerName())}
    name = desk.clouds.name(of_account)
    assert name is not None
    assert desk.ask("gone", of_account, name) is False
    assert desk.ask("gone", of_account, None) is False
    assert desk.ask("end", of_account, name) is True
    assert [asked.method for asked in stand_in.asked][-1] == "DELETE"
    assert desk.ask("gone", of_account, name) is True
    assert desk.ask("gone", of_account, None) is True
    # the driver goes on believing in it
    assert desk.clouds.name(of_account) == name


def test_a_stopped_server_is_not_gone(desk: Desk, of_account: Any, account: Account) -> None:
    name = account.add(of_account.getContainerName(), "stopped")
    assert desk.ask("gone", of_account, name) is False
    assert desk.ask("last_words", of_account, name) == "stopped"


# Marathon


@pytest.fixture
def apps(stand_in: StandIn) -> Apps:
    made = Apps()
    stand_in.answer = schemas.held(published.MARATHON, made.answer)
    return made


@pytest.fixture
def of_apps(desk: Desk, stand_in: StandIn, apps: Apps) -> Any:
    return of_marathon(desk, stand_in.url)


def test_marathon_lists_this_masters_applications(desk: Desk, of_apps: Any, apps: Apps) -> None:
    name = of_apps.getApplicationId()
    apps.add(f"/{name}")
    apps.add(f"/{name}".replace("w-1", "w-2"), running=0)
    apps.add("/buildbot-worker/buildbot-w-1-000000")
    apps.add("/web")
    listed = {each.name: each for each in desk.ask("list", of_apps).instances}
    assert {key: each.state for key, each in listed.items()} == {
        name: State.UP,
        name.replace("w-1", "w-2"): State.STARTING,
    }
    assert desk.clouds.mark(of_apps) == desk.clouds.name(of_apps) == listed[name].mark == name
    assert (listed[name].born, listed[name].kind) == (1795694400.0, "worker:1")
    assert desk.clouds.can(of_apps) == set(Can)


def test_an_application_is_gone_when_its_tasks_are(desk: Desk, of_apps: Any, apps: Apps) -> None:
    name = of_apps.getApplicationId()
    apps.add(f"/{name}")
    assert desk.ask("gone", of_apps, name) is False
    assert desk.ask("end", of_apps, name) is True
    assert desk.ask("gone", of_apps, name) is False  # its tasks are being killed
    apps.tasks.clear()
    assert desk.ask("gone", of_apps, name) is True
    assert desk.ask("gone", of_apps, None) is True


def test_marathons_last_words_and_link(
    desk: Desk, of_apps: Any, apps: Apps, stand_in: StandIn
) -> None:
    name = of_apps.getApplicationId()
    apps.add(f"/{name}")
    words = desk.ask("last_words", of_apps, name)
    assert words == "TASK_FAILED: Container exited with status 137"
    page = f"{stand_in.url}/ui/#/apps/%2Fbuildbot-worker%2F"
    assert (desk.clouds.link(of_apps, name) or "").startswith(page)


def test_a_stop_that_the_driver_takes_for_done_is_not_taken_for_gone(
    desk: Desk, of_apps: Any, apps: Apps
) -> None:
    """MarathonLatentWorker looks at no answer to its stop: a 500 is a stop that ended well."""
    apps.add(f"/{of_apps.getApplicationId()}")
    of_apps.instance = None  # what its stop leaves
    assert desk.ask("gone", of_apps, desk.clouds.name(of_apps)) is False


# both


@pytest.mark.parametrize("made", [of_upcloud, of_marathon])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_the_apis_answer_is_never_taken_for_gone(
    desk: Desk, stand_in: StandIn, made: Callable[[Desk, str], Any], fault: str
) -> None:
    w = made(desk, stand_in.url)
    stand_in.fault, why = FAULTS[fault]
    for what, *arguments in (("gone", None), ("list",)):
        said = desk.ask(what, w, *arguments)
        assert isinstance(said, NotKnown), said
        assert why is None or said.why.value == why, said


@pytest.mark.parametrize("made", [of_upcloud, of_marathon])
def test_credentials_are_used_and_not_told(
    desk: Desk, stand_in: StandIn, made: Callable[[Desk, str], Any]
) -> None:
    w = made(desk, stand_in.url)
    stand_in.answer = lambda asked: Said(
        403, {"message": f"{asked.headers['authorization']} is api-user:api-password"}
    )
    said = desk.ask("list", w)
    assert said.why is Why.REFUSED
    assert said.text.endswith("Basic ***** is api-user:*****")


@pytest.mark.parametrize("made", [of_upcloud, of_marathon])
def test_an_api_that_drips_or_is_dead_is_not_known(
    stand_in: StandIn, made: Callable[[Desk, str], Any]
) -> None:
    quick = Desk(limits=Limits(connect=0.3, read=0.3, whole=0.6))
    w = made(quick, stand_in.url)
    stand_in.fault = Said(200, "x" * 50, slow=0.2)
    assert quick.ask("gone", w, None).why is Why.TIMEOUT
    stand_in.close()
    assert quick.ask("gone", w, None).why is Why.UNREACHABLE
    quick.close()
