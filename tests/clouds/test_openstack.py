"""OpenStack's adapter: the real novaclient and keystoneauth, on a stand-in for keystone and nova."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from buildbot.worker.openstack import OpenStackLatentWorker

from buildbot_lifecycle.clouds.values import Can, Limits, NotKnown, State, Why
from tests.clouds import published, schemas
from tests.clouds.nova import PASSWORD, UUID, Nova
from tests.clouds.stand_in import FAULTS, Said, StandIn
from tests.clouds.support import Desk

pytestmark = pytest.mark.cloud


@pytest.fixture
def nova(stand_in: StandIn) -> Nova:
    made = Nova(stand_in.url)
    stand_in.answer = schemas.held(published.OPENSTACK, made.answer)
    return made


def worker(desk: Desk, url: str, password: str = PASSWORD, **changes: Any) -> Any:
    return desk.worker(
        OpenStackLatentWorker,
        "w_1",
        "worker-password",
        flavor="2",
        image="70a599e0",
        os_username="ci",
        os_password=password,
        os_tenant_name="farm",
        os_user_domain="Default",
        os_project_domain="Default",
        os_auth_url=f"{url}/v3",
        **changes,
    )


@pytest.fixture
def w(desk: Desk, stand_in: StandIn, nova: Nova) -> Any:
    return worker(desk, stand_in.url)


def test_servers_with_this_masters_mark_are_listed_in_all_pages(
    desk: Desk, w: Any, nova: Nova
) -> None:
    nova.page = 2
    first = nova.add(1, "w_1", w.masterhash)
    second = nova.add(2, "w_2", w.masterhash, "BUILD")
    nova.add(3, "w_1", "000000")
    nova.add(4, "web", None)
    broken = nova.add(5, "w_3", w.masterhash, "ERROR")
    listed = {each.name: each for each in desk.ask("list", w).instances}
    assert {name: each.state for name, each in listed.items()} == {
        first: State.UP,
        second: State.STARTING,
        broken: State.DOWN,
    }
    assert listed[first].mark == desk.clouds.mark(w) == "w_1"
    assert (listed[first].born, listed[first].kind) == (1795694400.0, "2")
    assert desk.clouds.can(w) == set(Can) - {Can.LINK}


def test_end_and_gone(desk: Desk, w: Any, nova: Nova) -> None:
    name = nova.add(1, "w_1", w.masterhash)
    assert desk.ask("gone", w, name) is False
    assert desk.ask("gone", w, None) is False
    assert desk.ask("end", w, name) is True
    assert desk.ask("gone", w, name) is True
    assert desk.ask("gone", w, None) is True


@pytest.mark.parametrize(
    ("status", "gone"),
    [("DELETED", True), ("SOFT_DELETED", False), ("SHUTOFF", False), ("ERROR", False)],
)
def test_a_server_that_is_off_is_not_gone(
    desk: Desk, w: Any, nova: Nova, status: str, gone: bool
) -> None:
    assert desk.ask("gone", w, nova.add(1, "w_1", w.masterhash, status)) is gone


def test_what_nova_does_not_know_is_not_known(desk: Desk, w: Any, nova: Nova) -> None:
    name = nova.add(1, "w_1", w.masterhash, "UNKNOWN")
    assert desk.ask("gone", w, name).why is Why.UNDECIDED


def test_last_words_are_the_fault_and_the_console(desk: Desk, w: Any, nova: Nova) -> None:
    name = nova.add(1, "w_1", w.masterhash, "ERROR")
    fault = {"code": 500, "created": "2026-11-26T12:00:00Z"}
    nova.servers[name]["fault"] = {**fault, "message": "No valid host was found."}
    words = desk.ask("last_words", w, name)
    assert words == "ERROR; No valid host was found.\nlogin: *****"


def test_the_drivers_name_is_read_without_asking_nova(
    desk: Desk, w: Any, nova: Nova, stand_in: StandIn
) -> None:
    assert desk.clouds.name(w) is None
    w.instance = w.novaclient.servers.get(nova.add(1, "w_1", w.masterhash))
    asked = len(stand_in.asked)
    assert desk.clouds.name(w) == f"{UUID}1"
    assert len(stand_in.asked) == asked


def test_a_driver_that_waits_for_keystone_holds_up_nobody(desk: Desk, w: Any, nova: Nova) -> None:
    """The driver's client holds a lock while it logs in, with no limit."""
    name = nova.add(1, "w_1", w.masterhash)
    auth = w.novaclient.client.session.auth
    with auth._lock:
        assert desk.ask("gone", w, name) is False


def test_workers_of_one_project_are_listed_once(desk: Desk, w: Any, stand_in: StandIn) -> None:
    same, other = worker(desk, stand_in.url), worker(desk, stand_in.url, region="two")
    assert desk.ask("scope", w) == desk.ask("scope", same)
    assert desk.ask("scope", w) != desk.ask("scope", other)
    assert PASSWORD not in repr(desk.ask("scope", w))


# faults


def test_a_wrong_password_is_told_and_not_shown(desk: Desk, stand_in: StandIn, nova: Nova) -> None:
    w = worker(desk, stand_in.url, password="the-wrong-password")
    for what, *arguments in (("gone", f"{UUID}1"), ("list",), ("end", f"{UUID}1")):
        said = desk.ask(what, w, *arguments)
        assert said.why is Why.REFUSED
        assert "the-wrong-password" not in said.text


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("of", ["/v3", "/v2.1/servers"])
def test_what_is_not_novas_answer_is_never_taken_for_gone(
    desk: Desk, w: Any, nova: Nova, stand_in: StandIn, of: str, fault: str
) -> None:
    """Of keystone, or of nova alone, after the login."""
    instead, _ = FAULTS[fault]
    stand_in.answer = lambda asked: instead if asked.path.startswith(of) else nova.answer(asked)
    for what, *arguments in (("gone", f"{UUID}1"), ("gone", None), ("list",)):
        said = desk.ask(what, w, *arguments)
        assert isinstance(said, NotKnown), said


def test_a_keystone_that_refuses_all_keeps_no_thread(
    desk: Desk, w: Any, nova: Nova, stand_in: StandIn
) -> None:
    """keystoneauth waits for ever for its own lock, when the question how to log in is refused."""
    refusal = FAULTS["401"][0]
    stand_in.answer = lambda asked: refusal if asked.path.startswith("/v3") else nova.answer(asked)
    assert desk.ask("gone", w, f"{UUID}1").why is Why.REFUSED
    assert desk.clouds.snapshot().busy == 0
    assert len(stand_in.asked) < 10


def test_an_api_that_says_nothing_or_is_dead_is_not_known(
    w: Any, nova: Nova, stand_in: StandIn
) -> None:
    quick = Desk(limits=Limits(connect=0.3, read=0.3, whole=10))
    silent = threading.Event()
    stand_in.answer = lambda asked: silent.wait(20) and Said() or Said()  # noqa: RUF021
    assert quick.ask("gone", w, f"{UUID}1").why is Why.TIMEOUT
    silent.set()
    stand_in.close()
    assert quick.ask("gone", w, f"{UUID}1").why is Why.UNREACHABLE
    quick.close()


def test_a_name_that_nova_gives_to_no_server_is_not_known(desk: Desk, w: Any) -> None:
    assert desk.ask("gone", w, "box").why is Why.UNDECIDED
