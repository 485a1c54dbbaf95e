"""What a driver calls its instance is read, and never asked of the instance object itself.

The shapes are those of real libraries, looked at in novaclient 18.13, heatclient 5.3, boto3 1.44,
openstacksdk 4.22, docker 7.2 and kubernetes 37: where they keep the name, and what they run when asked.
"""

from __future__ import annotations

import types
import uuid
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from buildbot.worker.kubernetes import KubeLatentWorker
from buildbot.worker.libvirt import LibVirtWorker
from buildbot.worker.marathon import MarathonLatentWorker
from twisted.internet import defer

from buildbot_lifecycle.diagnose import where
from buildbot_lifecycle.host import waits
from buildbot_lifecycle.watch.calls import outcome_of
from buildbot_lifecycle.watch.instance import known_before, name_of


class Fetched(BaseException):
    """Code of a cloud library's object was run: it would have asked the cloud, on the reactor."""


def fetch(*_: Any) -> Any:
    raise Fetched


class Lazy:
    """novaclient's and heatclient's Resource: asked for what it has not, it gets itself anew."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    __getattr__ = __repr__ = __str__ = __len__ = __iter__ = __eq__ = __hash__ = fetch

    def __bool__(self) -> bool:
        return True  # whether an answer is true is Buildbot's own question, too

    human_id = property(fetch)


class Hidden(Lazy):
    """A proxy: even its class is asked of what it stands for."""

    def __init__(self) -> None: ...

    __class__ = property(fetch)  # type: ignore[assignment]
    __getattribute__ = fetch


class Boto(Lazy):
    """A resource of boto3's: its identifiers are properties, and so is what it has to load first."""

    id = property(fetch)
    state = property(fetch)


class OfSdk(dict):  # type: ignore[type-arg]
    """openstacksdk's Resource: a dictionary with methods of its own in front."""

    get = __getitem__ = keys = __iter__ = __repr__ = fetch


class Slotted:
    __slots__ = ("id", "name")

    def __init__(self, name: str) -> None:
        self.name = name


class WithClassAttribute(Lazy):
    name = "of-the-class"


def driver(**fields: Any) -> Any:
    """A worker, as far as its driver keeps an instance."""
    return types.SimpleNamespace(**fields)


@pytest.mark.parametrize(
    ("held", "name"),
    [
        (lambda: None, None),
        (lambda: "", None),
        (lambda: "i-1", "i-1"),
        (lambda: 7, "7"),
        (lambda: True, None),
        (lambda: uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (lambda: {"Id": "d0c"}, "d0c"),
        (lambda: {"ID": "swarm-1", "Spec": {"Name": "x"}}, "swarm-1"),
        (lambda: {"kind": "Pod", "metadata": {"name": "pod-1", "uid": "u"}}, "pod-1"),
        (lambda: {"Id": None, "name": "by-name"}, "by-name"),
        (dict, None),
        (lambda: Lazy(id="nova-1", name="w", manager=None), "nova-1"),
        (lambda: Lazy(manager=None), None),
        (lambda: Lazy(attrs={"Id": "docker-py-1"}), "docker-py-1"),
        (lambda: Lazy(_metadata=Lazy(_name="pod-2", _uid="u"), _status=Lazy()), "pod-2"),
        (lambda: Boto(_id="i-0123", meta=None), "i-0123"),
        (lambda: OfSdk(id="sdk-1", name="w"), "sdk-1"),
        (lambda: Slotted("slotted"), "slotted"),
        (WithClassAttribute, "of-the-class"),
        (Hidden, None),
        (lambda: ["i-1"], None),
        (lambda: "i" * 1000, "i" * 200 + "... (800 more characters)"),
    ],
)
def test_the_name_is_found_where_it_lies(held: Callable[[], Any], name: str | None) -> None:
    assert name_of(driver(instance=held())) == name


def test_other_attributes_that_hold_an_instance_are_known() -> None:
    assert name_of(driver(instance=None, pod={"metadata": {"name": "pod"}})) == "pod"
    assert name_of(driver(domain=Lazy(name="dom"))) == "dom"
    assert name_of(driver()) is None


def test_a_property_of_the_driver_is_not_run_but_its_hook_is() -> None:
    class Driver:
        instance = property(fetch)

    class Hooked(Driver):
        def lifecycle_instance(self) -> Any:
            return Boto(_id="said")

    assert name_of(Driver()) is None
    assert name_of(Hooked()) == "said"


# the other places that meet a driver's objects


@pytest.mark.parametrize("call", ["start_instance", "stop_instance", "check_instance"])
@pytest.mark.parametrize(
    "make", [Lazy, lambda: OfSdk(id=1), lambda: [Lazy()], lambda: (1, Hidden(), 3)]
)
def test_an_outcome_is_told_without_asking_the_value_for_its_looks(
    call: str, make: Callable[[], Any]
) -> None:
    value = make()
    told = outcome_of(call, value)
    assert (told["outcome"], told["value"]) == ("other", type(value).__name__)
    # Buildbot cannot read a check's answer of this kind
    assert set(told) <= {"outcome", "value", *(["error"] if call == "check_instance" else [])}


class Counted:
    """Its truth and its length are asked of the cloud."""

    def __init__(self, asked: list[str]) -> None:
        self.asked = asked

    def __bool__(self) -> bool:
        self.asked.append("truth")
        return False

    def __len__(self) -> int:
        self.asked.append("length")
        return 0


class CountedList(list):  # type: ignore[type-arg]
    asked: ClassVar[list[str]] = []

    def __len__(self) -> int:
        self.asked.append("length")
        return 0


@pytest.mark.parametrize("call", ["start_instance", "start_machine", "stop_instance"])
def test_whether_it_is_a_no_is_not_asked_of_an_object_that_answers_by_code(call: str) -> None:
    """Buildbot asks itself; where it takes it for a no, it says so to the builds that wait."""
    asked: list[str] = []
    for value in (Counted(asked), CountedList()):
        assert outcome_of(call, value)["outcome"] == "other"
        outcome_of("check_instance", (value, ""))
    assert asked == CountedList.asked == []


@pytest.mark.parametrize("no", [None, 0, "", [], (), {}, b"", 0.0])
def test_a_plain_value_that_buildbot_takes_for_a_no_is_one(no: Any) -> None:
    assert outcome_of("start_instance", no)["outcome"] == "false"


def test_of_a_value_the_type_is_told_since_it_may_hold_a_token() -> None:
    assert outcome_of("stop_instance", ["i-1", 7, "token"])["value"] == "list"
    assert outcome_of("stop_instance", {"token": "t"})["value"] == "dict"
    assert outcome_of("start_instance", "token")["value"] == "str"
    assert outcome_of("stop_instance", None)["value"] == "None"
    assert outcome_of("check_instance", (False, Hidden()))["outcome"] == "false"


def test_looking_for_a_wait_asks_nothing_of_what_callbacks_are_given() -> None:
    waiting: defer.Deferred[Any] = defer.Deferred()
    waiting.addCallback(lambda _, server: server, Hidden())
    worker = driver(_start_stop_lock=defer.DeferredLock())
    assert waits.release_found(worker, RuntimeError("none is found")) is False
    closed_over = Hidden()
    cancelled: defer.Deferred[Any] = defer.Deferred(lambda _: closed_over)
    assert where.follow(cancelled) == []
    assert not waiting.called


# drivers of Buildbot's whose names are known before the instance is there


class Kept:
    """What the three drivers have of their own before a start."""

    workername = name = "w"
    masterhash = "abc123"
    marathon_app_prefix = "ci/"


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        (KubeLatentWorker, "buildbot-w-abc123"),
        (MarathonLatentWorker, "ci/buildbot-w-abc123"),
        (LibVirtWorker, "w"),
    ],
)
def test_the_name_of_a_pod_or_domain_is_known_before_it_is_there(cls: type, name: str) -> None:
    worker = cls.__new__(type("Driver", (Kept, cls), {}))
    assert known_before(worker) == name
    assert known_before(driver()) is None
