"""EC2's adapter on moto's server, with workers of Buildbot's own driver, on demand and spot."""

from __future__ import annotations

import time
from typing import Any

import pytest
from buildbot.worker.ec2 import EC2LatentWorker

from buildbot_lifecycle.clouds import ec2
from buildbot_lifecycle.clouds.values import Can, Limits, NotKnown, State, Why
from tests.clouds.backends import AWS, Moto
from tests.clouds.stand_in import FAULTS, Said, StandIn
from tests.clouds.support import Desk
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("ec2")]  # one server

KEYS = {
    "identifier": AWS["AWS_ACCESS_KEY_ID"],
    "secret_identifier": AWS["AWS_SECRET_ACCESS_KEY"],
}


def worker(desk: Desk, ami: str, name: str = "w", **changes: Any) -> Any:
    given = {
        "keypair_name": "our-pair",
        "security_name": "our-group",
        "ami": ami,
        "region": "us-east-1",
        **KEYS,
        **changes,
    }
    return desk.worker(EC2LatentWorker, name, "worker-password", "m1.small", **given)


@pytest.fixture(scope="module")
def _w(_moto: Moto) -> Any:
    """Making one takes the driver half a dozen questions."""
    return worker(Desk(), _moto.ami)


@pytest.fixture
def w(_w: Any, moto: Moto) -> Any:
    _w.instance = None
    return _w


def test_all_is_offered(desk: Desk, w: Any) -> None:
    assert desk.clouds.can(w) == set(Can)


def test_what_uses_the_workers_key_pair_is_listed_and_what_has_its_tags_is_ours(
    desk: Desk, moto: Moto
) -> None:
    w = worker(desk, moto.ami, tags={"farm": "ours", "role": "ci"})
    tagged = moto.run("our-pair", {"farm": "ours", "role": "ci", "more": "yes"})
    half = moto.run("our-pair", {"farm": "ours"})
    moto.run("their-pair", {"farm": "ours", "role": "ci"})
    over = moto.run("our-pair")
    moto.client().terminate_instances(InstanceIds=[over])

    listed = {each.name: each for each in desk.ask("list", w).instances}
    assert set(listed) == {tagged, half}
    assert (listed[tagged].ours, listed[half].ours) == (True, False)
    assert (listed[tagged].state, listed[tagged].kind) == (State.UP, "m1.small")
    assert abs(listed[tagged].born - time.time()) < 60


def test_without_tags_nothing_is_proved_to_be_ours(desk: Desk, w: Any, moto: Moto) -> None:
    moto.run("our-pair")
    [only] = desk.ask("list", w).instances
    assert only.ours is False


def test_a_listing_of_many_pages_is_whole(
    desk: Desk, w: Any, moto: Moto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ec2, "PAGE", 5)
    made = moto.client().run_instances(
        ImageId=moto.ami, InstanceType="m1.small", MinCount=12, MaxCount=12, KeyName="our-pair"
    )
    listed = desk.ask("list", w).instances
    assert {each.name for each in listed} == {each["InstanceId"] for each in made["Instances"]}


def test_end_and_gone(desk: Desk, w: Any, moto: Moto) -> None:
    name = moto.run("our-pair")
    assert desk.ask("gone", w, name) is False
    assert desk.ask("end", w, name) is True
    assert desk.ask("gone", w, name) is True


def test_a_stopped_instance_is_not_gone_its_disk_is_paid_for(
    desk: Desk, w: Any, moto: Moto
) -> None:
    name = moto.run("our-pair")
    moto.client().stop_instances(InstanceIds=[name])
    assert desk.ask("gone", w, name) is False
    assert desk.ask("list", w).instances[0].state is State.DOWN


def test_an_instance_that_ec2_does_not_know_is_not_taken_for_gone(
    desk: Desk, w: Any, moto: Moto
) -> None:
    """It may be in the region or of the account that the configuration named before."""
    said = desk.ask("gone", w, "i-0123456789abcdef0")
    assert said.why is Why.UNDECIDED
    assert "us-east-1" in said.text
    elsewhere = worker(desk, moto.ami, region="eu-west-1")
    assert desk.ask("gone", elsewhere, moto.run("our-pair")).why is Why.UNDECIDED
    assert desk.clouds.snapshot().failures == {}


def test_which_instance_without_a_name_is_undecided(desk: Desk, w: Any) -> None:
    assert desk.ask("gone", w, None).why is Why.UNDECIDED


def test_a_spot_instance_is_named_ended_and_told_as_spot(desk: Desk, moto: Moto) -> None:
    w = worker(
        desk,
        moto.ami,
        spot_instance=True,
        max_spot_price=1.0,
        price_multiplier=None,
        placement="a",
    )
    w._poll_resolution = 0.1
    name = w._request_spot_instance()[0]  # the driver's own start, as it runs in its thread
    assert desk.clouds.name(w) == name
    [only] = desk.ask("list", w).instances
    assert (only.name, only.kind) == (name, "m1.small spot")
    assert desk.ask("end", w, name) is True
    assert desk.ask("gone", w, name) is True


def test_the_driver_has_the_name_while_its_start_runs(desk: Desk, w: Any, moto: Moto) -> None:
    assert desk.clouds.name(w) is None
    name = moto.run("our-pair")
    w.instance = w.ec2.Instance(name)  # as _start_instance sets it, before it waits
    with moto.daemon.frozen():  # nothing is asked for it
        assert desk.clouds.name(w) == name


def test_last_words_are_the_reason_and_the_console(desk: Desk, w: Any, moto: Moto) -> None:
    name = moto.run("our-pair")
    desk.ask("end", w, name)
    words = desk.ask("last_words", w, name)
    assert words.startswith("terminated; ")
    assert "Client.UserInitiatedShutdown" in words


def test_the_link_is_of_amazons_console_and_of_no_other_cloud(
    desk: Desk, w: Any, moto: Moto, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert desk.clouds.link(w, "i-1") is None
    monkeypatch.delenv("AWS_ENDPOINT_URL_EC2")
    monkeypatch.setattr(w, "ec2_client", None)
    for region, console in (
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/ec2/home?region=cn-north-1"),
        (
            "us-gov-west-1",
            "https://us-gov-west-1.console.amazonaws-us-gov.com/ec2/home?region=us-gov-west-1",
        ),
    ):
        w.ec2_client = w.session.client("ec2", region_name=region)
        monkeypatch.setattr(type(w.session), "region_name", region)
        assert desk.clouds.link(w, "i-1") == f"{console}#InstanceDetails:instanceId=i-1"


def test_one_listing_serves_all_workers_of_an_account_and_region(desk: Desk, moto: Moto) -> None:
    ami = moto.ami
    scopes = [
        desk.ask("scope", worker(desk, ami, name, **changes))
        for name, changes in (
            ("a", {}),
            ("b", {}),
            ("c", {"region": "eu-west-1"}),
            ("d", {"identifier": "another", "secret_identifier": "one"}),
        )
    ]
    assert scopes[0] == scopes[1]
    assert len(set(scopes)) == 3
    assert KEYS["identifier"] not in repr(scopes)


# faults


def test_a_frozen_api_is_not_known(w: Any, moto: Moto) -> None:
    quick = Desk(limits=Limits(connect=0.5, read=0.5, whole=15))
    name = moto.run("our-pair")
    with moto.daemon.frozen():
        for what, *arguments in (("gone", name), ("list",), ("last_words", name)):
            assert quick.ask(what, w, *arguments).why is Why.TIMEOUT
    assert quick.ask("gone", w, name) is False
    quick.close()


def test_an_end_whose_answer_was_lost_may_have_been_done_all_the_same(w: Any, moto: Moto) -> None:
    quick = Desk(limits=Limits(connect=0.5, read=0.5, whole=15))
    name = moto.run("our-pair")
    with moto.daemon.frozen():
        assert quick.ask("end", w, name).why is Why.TIMEOUT
    wait_until(lambda: quick.ask("gone", w, name) is True, 20)
    quick.close()


def in_ec2s_words(said: Said) -> Said:
    """Errors of EC2 are XML."""
    if not isinstance(said.body, dict) or "message" not in said.body:
        return said
    message = f"<Code>AnyCode</Code><Message>{said.body['message']}</Message>"
    text = f"<Response><Errors><Error>{message}</Error></Errors></Response>"
    return Said(said.status, text, "text/xml")


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_ec2s_answer_is_never_taken_for_gone(
    desk: Desk,
    w: Any,
    moto: Moto,
    stand_in: StandIn,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", stand_in.url)
    monkeypatch.setattr(w, "session", moto.session())  # whose client is not made yet
    said_instead, why = FAULTS[fault]
    stand_in.fault = in_ec2s_words(said_instead)
    for what, *arguments in (("gone", "i-0123456789abcdef0"), ("list",)):
        said = desk.ask(what, w, *arguments)
        assert isinstance(said, NotKnown), said
        assert why is None or said.why.value == why, said
        assert KEYS["secret_identifier"] not in said.text


def test_no_answer_is_told_with_credentials(
    desk: Desk, w: Any, moto: Moto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_EC2", "http://user:hidden-in-url@127.0.0.1:1")
    monkeypatch.setattr(w, "session", moto.session())
    said = desk.ask("list", w)
    assert said.why is Why.UNREACHABLE
    assert "hidden-in-url" not in said.text
