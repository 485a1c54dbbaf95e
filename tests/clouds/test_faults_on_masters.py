"""What an API may do to starts and stops, on real masters: one master for each driver, and all faults.

The law: nothing is said to run that does not, nothing that runs is forgotten, and what was said in
an hour of trouble is put right by the cloud's word when the trouble is over.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.clouds import farm, farm_apis, table
from tests.clouds.backends import Moto
from tests.clouds.stand_in import HTML, Asked, Said, StandIn
from tests.conftest import MakeMaster
from tests.harness.master import API, RealMaster
from tests.master.support import START_LIFECYCLE, force, get_stuck, unpause

pytestmark = pytest.mark.master

SOON = """
from buildbot.worker.base import AbstractWorker
from buildbot_lifecycle.act import census, open_ends, proof
AbstractWorker.quarantine_initial_timeout = AbstractWorker.quarantine_timeout = 0.1
AbstractWorker.quarantine_max_timeout = 0.1
proof.ASK_EVERY = open_ends.FOLLOW_EVERY = 1
census.FIRST_AFTER = census.AGAIN_AFTER = 1
census.LEAST_BETWEEN = 0
"""
NO_BUILD = "for b in c['builders']: b.canStartBuild = lambda *_: False\n"


#: What nobody hears.
LOST = Said(503, {"message": "it was never done"})


class Gate:
    """Stands before a cloud: answers in its place, or keeps its answer back."""

    def __init__(self, stand_in: StandIn) -> None:
        self._answer = stand_in.answer
        stand_in.answer = self.pass_on
        self.instead: Said | None = None
        self._held: Callable[[Asked], bool] = lambda _: False
        self._undone = self._lost = False
        self._opened = threading.Event()
        self.kept = threading.Event()

    def pass_on(self, asked: Asked) -> Said:
        if self.instead is not None and not self._spared(asked):
            return self.instead
        if not self._held(asked):
            return self._answer(asked)
        said = None if self._undone else self._answer(asked)
        self.kept.set()
        lost = self._lost
        self._opened.wait(300)
        return said or (LOST if lost else self._answer(asked))

    def _spared(self, asked: Asked) -> bool:
        """Keystone's answer to the question how to log in. Refused, it keeps keystoneauth for ever.

        It waits for a lock of its own, and the driver asks on the reactor: the master stands still.
        """
        assert self.instead is not None
        return self.instead.status == 401 and (asked.method, asked.path) == ("GET", "/v3")

    @contextlib.contextmanager
    def answers(self, said: Said) -> Iterator[None]:
        self.instead = said
        try:
            yield
        finally:
            self.instead = None

    @contextlib.contextmanager
    def keeps(
        self, which: Callable[[Asked], bool], *, undone: bool = False, lost: bool = False
    ) -> Iterator[None]:
        """What is asked so is done, and not answered; or not even done until the gate is open.

        ``lost``: it is never done.
        """
        self._opened.clear()
        self.kept.clear()
        self._held, self._undone, self._lost = which, undone or lost, lost
        try:
            yield
        finally:
            self._held = lambda _: False
            self._opened.set()


class Before(farm.EC2Farm):
    """EC2 behind a gate: the master's questions go to moto, and its answers come back."""

    def __init__(self, moto: Moto, stand_in: StandIn) -> None:
        super().__init__(moto)
        self._url = moto.url
        stand_in.answer = self._forward
        self.env = {**moto.env, "AWS_ENDPOINT_URL_EC2": stand_in.url, "AWS_MAX_ATTEMPTS": "1"}

    def _forward(self, asked: Asked) -> Said:
        kept = {"authorization", "x-amz-date", "content-type", "x-amz-security-token", "user-agent"}
        said = requests.request(
            asked.method,
            f"{self._url}{asked.path}",
            data=asked.body if isinstance(asked.body, str) else None,
            headers={key: value for key, value in asked.headers.items() if key in kept},
            timeout=60,
        )
        return Said(said.status_code, said.text, said.headers["Content-Type"])


class SpotBefore(Before, farm.SpotFarm):
    """The same with spot instances."""


def creates(asked: Asked) -> bool:
    """A request that makes an instance."""
    last = asked.path.rpartition("/")[2]
    if asked.method != "POST":
        return False
    if last == "":  # EC2
        return any(f"Action={each}" in str(asked.body) for each in EC2_CREATES)
    return last in ("servers", "server", "pods", "apps")


def ends(asked: Asked) -> bool:
    """A request that ends an instance. UpCloud's is stopped first, and deleted then."""
    if asked.method == "POST":
        return "Action=TerminateInstances" in str(asked.body) or asked.path.endswith("/stop")
    return asked.method == "DELETE"


EC2_CREATES = ("RunInstances", "RequestSpotInstances")


def _json(status: int, body: Any) -> Said:
    return Said(status, body)


def _xml(status: int, code: str, message: str) -> Said:
    error = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    text = f"<Response><Errors>{error}</Errors><RequestID>1</RequestID></Response>"
    return Said(status, text, "text/xml")


#: What stands before an API, or its own trouble. Of quota and image each cloud has words of its own.
COMMON = {
    "401": _json(401, {"message": "no such token"}),
    "404": _json(404, {"message": "page not found"}),
    "500": _json(500, {"message": "database is away"}),
    "502 in HTML": Said(502, HTML, "text/html"),
}

OWN: dict[str, dict[str, Said]] = {
    "OpenStack": {
        "quota": _json(
            403, {"forbidden": {"code": 403, "message": "Quota exceeded for cores: 1 of 0 used"}}
        ),
        "image": _json(400, {"badRequest": {"code": 400, "message": "Image is not active"}}),
    },
    "UpCloud": {
        "quota": _json(
            402, {"error": {"error_code": "INSUFFICIENT_CREDITS", "error_message": "Quota"}}
        ),
    },
    "Kubernetes": {
        "quota": _json(
            403,
            {
                "apiVersion": "v1",
                "kind": "Status",
                "metadata": {},
                "status": "Failure",
                "reason": "Forbidden",
                "message": "exceeded quota: pods=1, limited: pods=1",
                "code": 403,
            },
        ),
        "image": _json(
            422,
            {
                "apiVersion": "v1",
                "kind": "Status",
                "metadata": {},
                "status": "Failure",
                "reason": "Invalid",
                "message": "Pod is invalid: spec.containers[0].image: Required value",
                "code": 422,
            },
        ),
    },
    "Marathon": {
        "quota": _json(403, {"message": "Not Authorized to perform this action: quota"}),
        "image": _json(422, {"message": "Object is not valid: image"}),
    },
    "EC2": {
        "quota": _xml(400, "InstanceLimitExceeded", "You have requested more than your quota of 0"),
        "image": _xml(400, "InvalidAMIID.NotFound", "The image id does not exist"),
    },
}


FARMS_BEHIND: dict[str, Callable[[StandIn], farm.Farm]] = {
    "OpenStack": farm_apis.OpenStackFarm,
    "UpCloud": farm_apis.UpCloudFarm,
    "Kubernetes": farm_apis.KubernetesFarm,
    "Marathon": farm_apis.MarathonFarm,
}


@pytest.fixture
def behind(request: pytest.FixtureRequest, stand_in: StandIn) -> Iterator[tuple[farm.Farm, Gate]]:
    """A driver's farm, and the gate before its API."""
    if request.param == "EC2":
        made: farm.Farm = Before(request.getfixturevalue("moto"), stand_in)
    else:
        made = FARMS_BEHIND[request.param](stand_in)
    yield made, Gate(stand_in)
    made.close()


def episodes(master: RealMaster) -> list[dict[str, Any]]:
    return master.api("workers/w/episodes")["episodes"]  # type: ignore[no-any-return]


def open_entries(master: RealMaster) -> list[dict[str, Any]]:
    return master.api("orphans?open=true")["orphans"]  # type: ignore[no-any-return]


def all_closed_by_the_cloud(master: RealMaster) -> None:
    master.wait_until(lambda: not open_entries(master), 60, "each entry is closed")
    # "late end": of a release whose start has ended late, and has the entry of its instance
    closed = {each["closed_by"] for each in master.api("orphans")["orphans"]}
    assert closed <= {"driver", "stop", "late end"}, master.api("orphans")["orphans"]


def faults_of(title: str) -> dict[str, Said]:
    """In `make clouds` all; in `make test` of the common ones one, another for each driver in turn."""
    common = dict(COMMON)
    if not table.is_made():
        number = list(OWN).index(title)
        name = list(COMMON)[number % len(COMMON)]
        common = {name: COMMON[name]}
    return {**common, **OWN[title]}


def test_in_short_each_common_fault_is_tried_on_some_driver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(table.DIRECTORY, raising=False)
    assert set(COMMON) <= {name for title in OWN for name in faults_of(title)}
    monkeypatch.setenv(table.DIRECTORY, "/")
    assert all(set(COMMON) <= set(faults_of(title)) for title in OWN)


@pytest.mark.parametrize("behind", OWN, indirect=True)
def test_an_api_in_trouble_makes_nothing_up_and_forgets_nothing(
    make_master: MakeMaster, behind: tuple[farm.Farm, Gate], tmp_path: Path
) -> None:
    a_farm, gate = behind
    master = make_master([], env=dict(a_farm.env), lifecycle=START_LIFECYCLE, start=False)
    master.workers = [a_farm.expression(master.pb_port)]
    master.extra = a_farm.extra + SOON
    master.start()
    for name, said in faults_of(a_farm.title).items():
        a_start_fails_and_is_told(master, gate, name, said)

    # the trouble is over: the build runs, and its stop meets the next one
    until = tmp_path / "until"
    request = master.force_build("w", until=until)
    master.wait_build(request, 120, state="started")
    master.wait_worker("w", verdict__level="ok")
    all_closed_by_the_cloud(master)
    (instance,) = a_farm.left()
    with gate.answers(COMMON["500"]):
        until.touch()
        assert master.wait_build(request, 60)["results"] == 0
        master.wait_worker("w", state="not_substantiated", pending=None)
        assert a_farm.left() == [instance]
        if a_farm.title != "Marathon":  # whose driver takes no notice: its census does, below
            (entry,) = master.wait_until(lambda: open_entries(master), 30, "an entry")
            assert entry["cause"] == "stop_failed"
            master.wait_log(r"of entry \d+ gone\? not known")
    ended_by_rest(master, a_farm)
    if a_farm.title == "OpenStack":
        ends_late(master, a_farm, gate)
    killed_in_a_start(master, a_farm, gate)


def a_start_fails_and_is_told(master: RealMaster, gate: Gate, name: str, said: Said) -> None:
    """And nothing is left of it: a start that was refused has made nothing."""
    before = {each["id"] for each in episodes(master)}
    with gate.answers(said):
        request = master.force_build("w")

        def failed() -> Any:
            new = [each for each in episodes(master) if each["id"] not in before]
            return [each for each in new if each["ended_at"] and each["failure"]]

        seen = master.wait_until(failed, 60, f"a start that {name} fails")
        cancel(master, request)
        master.wait_worker("w", state="not_substantiated", pending=None)
    assert {each["outcome"] for each in seen} == {"start_failed"}, (name, seen)


def ended_by_rest(master: RealMaster, a_farm: farm.Farm) -> None:
    """What the stop has left runs still, is told so, and is ended by its id."""

    def left() -> Any:
        master.post(f"{API}/instances/refresh", {})
        rows = master.api("instances")["instances"]
        return [row for row in rows if row["endable"]]

    (row,) = master.wait_until(left, 60, "the instance that the stop has left")
    assert row["standing"] in ("in_ledger", "nobodys")
    body = {"confirm": row["name"], "reason": "it costs money"}
    master.post(f"{API}/instances/{row['id']}/end", body).ok()
    master.wait_until(lambda: not a_farm.left(), 60, "it has ended")
    all_closed_by_the_cloud(master)
    master.wait_worker("w", verdict__level=lambda level: level in ("ok", "unknown"))


def ends_late(master: RealMaster, a_farm: farm.Farm, gate: Gate) -> None:
    """A start that was given up goes on in its thread, and makes a server."""
    with gate.keeps(creates, undone=True):
        request = master.force_build("w")
        assert gate.kept.wait(120)
        get_stuck(master, "w", verdict__code="start_pending")
        force(master, "w")
        master.wait_worker("w", state="not_substantiated", paused=True)
        cancel(master, request)

    def late() -> Any:
        return [each for each in open_entries(master) if each["cause"] == "late_start"]

    (entry,) = master.wait_until(late, 60, "the late start")
    assert [entry["instance"]] == a_farm.left()
    a_farm.remove()
    all_closed_by_the_cloud(master)
    unpause(master, "w")
    table.seen(a_farm.title, "late start")


def cancel(master: RealMaster, request: int) -> None:
    call = {"jsonrpc": "2.0", "method": "cancel", "id": 1, "params": {"reason": "a test"}}
    master.post(f"api/v2/buildrequests/{request}", call).ok()


def killed_in_a_start(master: RealMaster, a_farm: farm.Farm, gate: Gate) -> None:
    """The cloud has made the instance, and nobody was told of it any more."""
    with gate.keeps(creates):
        master.force_build("w")
        assert gate.kept.wait(120)
        master.kill9()
    master.configure(extra=master.extra + NO_BUILD)
    master.start()
    master.wait_until(a_farm.left, 60, "it runs for nobody")
    if a_farm.title == "EC2":
        return  # without tags EC2's instances do not say whose they are
    master.wait_until(lambda: open_entries(master), 60, "an entry")

    def told() -> Any:
        master.post(f"{API}/instances/refresh", {})
        rows = master.api("instances")["instances"]
        return [row for row in rows if row["standing"] in ("in_ledger", "nobodys")]

    rows = master.wait_until(told, 60, "the census has it")
    assert len(rows) == 1, rows
    a_farm.remove()
    all_closed_by_the_cloud(master)
    table.seen(a_farm.title, "crash")
    master.stop(15)


@pytest.fixture
def of_ec2(moto: Moto) -> Iterator[farm.EC2Farm]:
    with contextlib.closing(farm.EC2Farm(moto)) as made:
        yield made


def test_after_a_crash_the_old_instances_worker_is_not_told_as_the_new_ones(
    make_master: MakeMaster, of_ec2: farm.EC2Farm, moto: Moto, tmp_path: Path
) -> None:
    """EC2's instances outlive their master, and log in with the name and password of the worker."""
    a_farm = of_ec2
    master = make_master([], env=dict(a_farm.env), start=False)
    master.workers = [a_farm.expression(master.pb_port)]
    master.extra = a_farm.extra + SOON
    master.start()
    until = tmp_path / "until"
    request = master.force_build("w", until=until)
    master.wait_build(request, 120, state="started")
    (old,) = a_farm.left()
    master.kill9()
    master.start()  # and Buildbot runs the lost build again

    def two() -> Any:
        return [each for each in a_farm.left() if each != old]

    (new,) = master.wait_until(two, 60, "the new instance")
    told = master.wait_worker("w", 60, connected=True, instance=new)
    assert told["verdict"]["code"] == "crash_open"
    assert f"may be of that one, and not of {new}: not known" in told["verdict"]["reason"]
    until.touch()
    assert master.wait_build(request, 120)["results"] == 0
    # Buildbot ends the one that it knows
    master.wait_until(lambda: a_farm.left() == [old], 60, "the new one has ended")
    moto.client().terminate_instances(InstanceIds=[old])
    all_closed_by_the_cloud(master)
    table.seen("EC2", "crash")


def test_the_gate_knows_what_makes_an_instance() -> None:
    asked = [
        Asked("POST", "/v2.1/servers", {}, {}, {}),
        Asked("POST", "/server", {}, {}, {}),
        Asked("POST", "/", {}, {}, "Action=RunInstances&ImageId=ami-1"),
        Asked("POST", "/api/v1/namespaces/ci/pods", {}, {}, {}),
        Asked("POST", "/v2/apps", {}, {}, {}),
    ]
    assert all(creates(each) for each in asked)
    assert not creates(Asked("POST", "/", {}, {}, "Action=DescribeInstances"))
