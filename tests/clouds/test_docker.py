"""Docker's adapter on a real engine; its faults on the same engine, or on what stands before it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from buildbot.process.properties import Interpolate
from buildbot.worker.docker import DockerLatentWorker

from buildbot_lifecycle.clouds.values import Can, Limits, Listing, NotKnown, State, Why
from tests.clouds.backends import Dockerd
from tests.clouds.stand_in import FAULTS, StandIn
from tests.clouds.support import Desk
from tests.harness.waiting import wait_until

pytestmark = [pytest.mark.cloud, pytest.mark.xdist_group("docker")]  # one engine


def worker(desk: Desk, url: Any, name: str = "w_1") -> Any:
    return desk.worker(DockerLatentWorker, name, "worker-password", docker_host=url, image="box:1")


@pytest.fixture
def w(desk: Desk, dockerd: Dockerd) -> Any:
    return worker(desk, dockerd.url)


def test_all_that_it_can_is_stated(desk: Desk, w: Any) -> None:
    assert desk.clouds.can(w) == set(Can) - {Can.LINK}
    assert desk.clouds.link(w, "abc") is None


def test_what_it_lists_is_this_masters_and_nobody_elses(
    desk: Desk, w: Any, dockerd: Dockerd
) -> None:
    before = time.time()
    up = dockerd.run(w.getContainerName())
    other_worker = dockerd.run(w.getContainerName().replace("w-1", "w-2"))
    dockerd.run(f"buildbot-w-1-{'0' * 6}")  # another master's
    dockerd.run(f"my-{w.getContainerName()}")
    dockerd.run("postgres")

    listing = desk.ask("list", w)
    assert isinstance(listing, Listing)
    assert {each.name for each in listing.instances} == {up, other_worker}
    [mine] = [each for each in listing.instances if each.mark == desk.clouds.mark(w)]
    assert (mine.name, mine.state, mine.kind, mine.ours) == (up, State.UP, "box:1", True)
    assert mine.born is not None
    assert abs(mine.born - before) < 60


def test_a_container_is_gone_when_it_is_removed_and_not_when_it_has_exited(
    desk: Desk, w: Any, dockerd: Dockerd
) -> None:
    name = dockerd.run(w.getContainerName(), "true")
    client = dockerd.client()
    client.wait(name)
    assert desk.ask("gone", w, name) is False
    assert desk.ask("gone", w, None) is False
    assert desk.ask("list", w).instances[0].state is State.DOWN

    client.remove_container(name)  # behind its back
    assert desk.ask("gone", w, name) is True
    assert desk.ask("gone", w, None) is True
    client.close()


def test_a_container_of_the_same_name_is_another_one(desk: Desk, w: Any, dockerd: Dockerd) -> None:
    first = dockerd.run(w.getContainerName())
    dockerd.remove_all()
    dockerd.run(w.getContainerName())
    assert desk.ask("gone", w, first) is True
    assert desk.ask("gone", w, None) is False


def test_end_ends_it_and_gone_proves_it(desk: Desk, w: Any, dockerd: Dockerd) -> None:
    name = dockerd.run(w.getContainerName())
    assert desk.ask("end", w, name) is True
    assert desk.ask("gone", w, name) is True


def test_end_of_what_is_not_there_is_not_known_to_have_been_accepted(
    desk: Desk, w: Any, dockerd: Dockerd
) -> None:
    said = desk.ask("end", w, "f" * 64)
    assert said.why is Why.FAILED
    assert "No such container" in said.text


def test_last_words_are_the_exit_code_and_the_end_of_the_log(
    desk: Desk, w: Any, dockerd: Dockerd
) -> None:
    name = dockerd.run(
        w.getContainerName(), "sh", "-c", "echo cannot connect as worker-password; exit 3"
    )
    client = dockerd.client()
    client.wait(name)
    words = desk.ask("last_words", w, name)
    assert words.startswith("exited, exit code 3\ncannot connect as ")
    assert "worker-password" not in words
    client.close()


def test_the_name_is_there_as_soon_as_the_driver_has_it(desk: Desk, w: Any) -> None:
    assert desk.clouds.name(w) is None
    w.instance = {
        "Id": "f" * 64,
        "Warnings": [],
    }  # as _thd_start_instance sets it, before it starts it
    assert desk.clouds.name(w) == "f" * 64


def test_an_engine_that_depends_on_the_build_is_known_while_its_container_runs(
    desk: Desk, dockerd: Dockerd
) -> None:
    w = worker(desk, Interpolate("%(prop:engine)s"))
    assert desk.ask("gone", w, "f" * 64).why is Why.NOT_CONFIGURED
    w._curr_client_args = {"base_url": dockerd.url}  # as _thd_start_instance sets it
    assert desk.ask("gone", w, "f" * 64) is True


# faults


def test_a_frozen_engine_is_not_known_and_leaves_no_thread_behind(
    desk: Desk, w: Any, dockerd: Dockerd
) -> None:
    quick = Desk(limits=Limits(connect=0.5, read=0.5, whole=15))
    name = dockerd.run(w.getContainerName())
    with dockerd.daemon.frozen():
        for what, *arguments in (("gone", name), ("list",), ("end", name), ("last_words", name)):
            assert quick.ask(what, w, *arguments).why is Why.TIMEOUT
    assert quick.clouds.snapshot().busy == 0
    assert quick.clouds.snapshot().failures == {"Docker": 4}
    quick.close()
    assert desk.ask("gone", w, name) is False


def test_an_engine_that_is_not_there_is_not_known(desk: Desk, tmp_path: Any) -> None:
    w = worker(desk, f"unix://{tmp_path}/none.sock")
    assert desk.ask("gone", w, "f" * 64).why is Why.UNREACHABLE


def test_an_engine_that_comes_back_is_asked_again(desk: Desk, tmp_path: Any) -> None:
    url = f"unix://{tmp_path}/engine.sock"
    w = worker(desk, url)
    assert desk.ask("list", w).why is Why.UNREACHABLE


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_not_the_engines_answer_is_never_taken_for_gone(
    desk: Desk, stand_in: StandIn, fault: str
) -> None:
    w = worker(desk, stand_in.url.replace("http", "tcp"))
    w.client_args["version"] = "1.41"  # else its client is refused before it asks
    stand_in.fault, why = FAULTS[fault]
    for what, *arguments in (("gone", "f" * 64), ("gone", None), ("list",)):
        said = desk.ask(what, w, *arguments)
        assert isinstance(said, NotKnown), said
        assert why is None or said.why.value == why, said


def test_slow_answers_hold_up_nobody(desk: Desk, stand_in: StandIn) -> None:
    """An answer that drips, each byte within the client's limit."""
    quick = Desk(limits=Limits(connect=0.5, read=0.5, whole=0.8))
    w = worker(quick, stand_in.url.replace("http", "tcp"))
    w.client_args["version"] = "1.41"
    stand_in.fault = FAULTS["500"][0].__class__(200, [], slow=0.4)
    stand_in.fault.body = [{"Id": "a" * 3}]
    said = quick.ask("gone", w, "f" * 64)
    assert said.why is Why.TIMEOUT
    assert quick.clouds.snapshot().busy == 1  # shown, until its client ends
    wait_until(lambda: quick.reactor.turn() or quick.clouds.snapshot().busy == 0, 20)
    quick.close()
