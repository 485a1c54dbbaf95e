"""What engines and hosts refuse: a quota, a wrong image. A start that was refused has made nothing.

One master for each driver, with a worker for each reason, all at once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.clouds.backends import Dockerd, Libvirtd
from tests.clouds.farm import driver
from tests.clouds.test_faults_on_masters import SOON, all_closed_by_the_cloud, cancel
from tests.conftest import MakeMaster
from tests.harness.sshd import Sshd
from tests.master.support import START_LIFECYCLE

pytestmark = pytest.mark.master

#: By the worker's name: its expression, and what the reason says of why it did not start.
Refused = dict[str, tuple[str, str]]
#: What there is on the engine or the host.
There = Callable[[], list[Any]]


def on_docker(request: pytest.FixtureRequest) -> Iterator[tuple[Refused, There]]:
    dockerd: Dockerd = request.getfixturevalue("dockerd")

    def worker(name: str, image: str = "box:1", host: str = "", command: str = "sleep") -> str:
        return (
            f"{driver('docker', 'DockerLatentWorker')}({name!r}, 'password', build_wait_timeout=0,"
            f" docker_host={dockerd.url!r}, image={image!r}, command=['/bin/busybox', {command!r}],"
            f" hostconfig={{'network_mode': 'host', {host}}})"
        )

    client = dockerd.client()
    yield (
        {
            "image": (worker("image", image="none:1"), 'Image "none:1" not found'),
            "quota": (worker("quota", host="'nano_cpus': 10**15"), "Range of CPUs"),
            "memory": (worker("memory", host="'mem_limit': 4096"), "[Mm]inimum memory limit"),
            "program": (
                worker("program").replace("/bin/busybox", "/bin/none"),
                "[Nn]o such file",
            ),
        },
        lambda: client.containers(all=True),
    )
    client.close()


def on_libvirt(request: pytest.FixtureRequest) -> Iterator[tuple[Refused, There]]:
    """No quota: a host of libvirt's has none for its domains."""
    libvirtd: Libvirtd = request.getfixturevalue("libvirtd")
    libvirtd.define("image", start=False, mounts=["/there/is/nothing"])

    def worker(name: str) -> str:
        return (
            f"{driver('libvirt', 'LibVirtWorker')}({name!r}, 'password', uri={libvirtd.uri!r},"
            " masterFQDN='master.example', build_wait_timeout=0)"
        )

    def active() -> list[Any]:
        with libvirtd.connection() as libvirt:
            return [each.name() for each in libvirt.listAllDomains() if each.isActive()]

    yield (
        {
            "image": (worker("image"), "/there/is/nothing"),
            "domain": (worker("domain"), "[Dd]omain not found"),
        },
        active,
    )


def on_ssh(request: pytest.FixtureRequest) -> Iterator[tuple[Refused, There]]:
    sshd: Sshd = request.getfixturevalue("sshd")
    bare = [sys.executable, "-I", "-S"]
    # less than an interpreter needs
    small = ["prlimit", "--as=20000000", sys.executable]
    yield (
        {
            "image": (sshd.worker("image", python=bare), "No module named 'buildbot_worker'"),
            "quota": (sshd.worker("quota", python=small), "."),
            "user": (sshd.worker("user", user="nobody-here"), "Permission denied"),
        },
        lambda: list(sshd.instances()),
    )


ON = {"Docker": on_docker, "libvirt": on_libvirt, "SSH": on_ssh}


@pytest.fixture
def refused(request: pytest.FixtureRequest) -> Iterator[tuple[Refused, There]]:
    yield from ON[request.param](request)


@pytest.mark.long_way  # in `make test` five clouds refuse: test_faults_on_masters
@pytest.mark.parametrize("refused", ON, indirect=True)
def test_a_start_that_an_engine_or_a_host_refuses_is_told_with_its_words_and_leaves_nothing(
    make_master: MakeMaster, refused: tuple[Refused, There]
) -> None:
    workers, there = refused
    master = make_master(
        [expression for expression, _ in workers.values()], lifecycle=START_LIFECYCLE, extra=SOON
    )
    requests = {name: master.force_build(name) for name in workers}

    def failed(name: str) -> Any:
        rows = master.api(f"workers/{name}/episodes")["episodes"]
        return [row for row in rows if row["ended_at"] and row["failure"]]

    for name, (_, words) in workers.items():
        seen = master.wait_until(lambda name=name: failed(name), 60, f"a start of {name} fails")
        assert {row["outcome"] for row in seen} <= {"start_failed", "build_refused"}, (name, seen)
        told = seen[-1]["failure"]["error"] + (seen[-1]["failure"]["traceback"] or "")
        assert re.search(words, told), told
        cancel(master, requests[name])
    for name in workers:
        master.wait_worker(name, state="not_substantiated", pending=None)
    all_closed_by_the_cloud(master)
    assert there() == []
    rows = master.api("instances")["instances"]
    assert [row for row in rows if row["standing"] == "nobodys"] == []
    master.stop(15)
