"""The descriptor in the place of `state`: it sees every assignment, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from buildbot.worker.latent import AbstractLatentWorker, States

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.watch.probe import PROBE
from tests.probe.support import Driven, Notes, Plain, hanging

NOT, SUB, STARTING, UP = (
    "not_substantiated",
    "substantiating",
    "substantiating_starting",
    "substantiated",
)


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """Every test here ends with Buildbot's classes as they were."""
    classes = [AbstractLatentWorker, *AbstractLatentWorker.__subclasses__()]
    before = [dict(cls.__dict__) for cls in classes]
    yield
    for master in Plain.made:
        PROBE.unsubscribe(master)
    Plain.made.clear()
    assert [dict(cls.__dict__) for cls in classes] == before
    assert not PROBE.register.watched()


@pytest.fixture
def master() -> Plain:
    return Plain()


@pytest.fixture
def notes(master: Plain) -> Notes:
    notes = Notes()
    PROBE.subscribe(master, notes)
    return notes


def living(cls: type, master: Plain, name: str = "w") -> Any:
    worker = cls(name)
    worker.parent = master
    master.workers.namedServices[name] = worker
    return worker


def test_an_assignment_in_the_base_class_is_seen(master: Plain, notes: Notes) -> None:
    worker = living(Driven, master)
    worker.state = States.SUBSTANTIATING
    assert worker.state is States.SUBSTANTIATING
    assert notes.of(Kind.TRANSITION) == [{"from": NOT, "to": SUB, "expected": True}]


def test_assigning_the_same_state_again_is_no_transition(master: Plain, notes: Notes) -> None:
    worker = living(Driven, master)
    for _ in range(2):
        worker.state = States.SUBSTANTIATING
    assert notes.moves() == [NOT, SUB]


def test_a_transition_that_is_not_expected_is_seen_and_left_alone(
    master: Plain, notes: Notes
) -> None:
    worker = living(Driven, master)
    worker.state = States.SUBSTANTIATED
    assert worker.state is States.SUBSTANTIATED
    assert notes.of(Kind.TRANSITION) == [{"from": NOT, "to": UP, "expected": False}]


def test_a_state_that_is_none_of_buildbots_is_unknown_and_left_alone(
    master: Plain, notes: Notes
) -> None:
    worker = living(Driven, master)
    worker.state = "hibernating"
    assert worker.state == "hibernating"
    worker.state = ["unhashable"]
    assert notes.moves() == [NOT, "unknown", "unknown"]


def test_the_class_attribute_reads_as_before(notes: Notes) -> None:
    assert AbstractLatentWorker.state is States.NOT_SUBSTANTIATED
    assert Driven.state is States.NOT_SUBSTANTIATED


def test_a_worker_that_was_never_assigned_a_state_has_the_default(
    master: Plain, notes: Notes
) -> None:
    assert living(Driven, master).state is States.NOT_SUBSTANTIATED


def test_a_configurations_sibling_is_not_observed(notes: Notes) -> None:
    sibling = Driven("w")
    sibling.state = States.SUBSTANTIATING
    assert notes.told == []
    assert PROBE.watched_one(sibling) is None


def test_the_state_survives_the_probes_coming_and_going(master: Plain) -> None:
    worker = living(Driven, master)
    worker.state = States.SUBSTANTIATED
    PROBE.subscribe(master, Notes())
    assert worker.state is States.SUBSTANTIATED
    worker.state = States.INSUBSTANTIATING
    PROBE.unsubscribe(master)
    assert worker.state is States.INSUBSTANTIATING


# what subclasses do with it


class WithDefault(Driven):
    """A driver that declares the state again."""

    state = States.SUBSTANTIATED


def test_a_subclass_with_a_default_of_its_own_keeps_it(master: Plain, notes: Notes) -> None:
    worker = living(WithDefault, master)
    assert worker.state is WithDefault.state is States.SUBSTANTIATED
    worker.state = States.INSUBSTANTIATING
    assert notes.moves() == [UP, "insubstantiating"]


def test_a_class_defined_after_the_installation_is_seen_from_its_first_worker_on(
    master: Plain, notes: Notes
) -> None:
    class Late(Driven):
        state = States.NOT_SUBSTANTIATED

    worker = living(Late, master)
    PROBE.adopt_new(worker)
    worker.state = States.SUBSTANTIATING
    assert notes.moves() == [NOT, SUB]
    PROBE.unsubscribe(master)
    assert Late.__dict__["state"] is States.NOT_SUBSTANTIATED


class WithProperty(Driven):
    """A driver that made the state a property and keeps it in a place of its own."""

    @property
    def state(self) -> Any:
        return self.__dict__.get("kept", States.NOT_SUBSTANTIATED)

    @state.setter
    def state(self, value: Any) -> None:
        self.__dict__["kept"] = value
        self.__dict__.setdefault("heard", []).append(value)


class WithPropertyOnTop(WithProperty):
    """A property that hands on to the property of its base."""

    @property
    def state(self) -> Any:
        return WithProperty.state.__get__(self, WithProperty)

    @state.setter
    def state(self, value: Any) -> None:
        WithProperty.__dict__["state"].__set__(self, value)


@pytest.mark.parametrize("cls", [WithProperty, WithPropertyOnTop])
def test_a_property_goes_on_doing_its_work_and_is_seen_once(
    cls: type, master: Plain, notes: Notes
) -> None:
    worker = living(cls, master)
    worker.state = States.SUBSTANTIATING
    worker.state = States.SUBSTANTIATING_STARTING
    assert worker.heard == [States.SUBSTANTIATING, States.SUBSTANTIATING_STARTING]
    assert worker.state is States.SUBSTANTIATING_STARTING
    assert notes.moves() == [NOT, SUB, STARTING]


def test_a_property_that_refuses_a_value_refuses_it_as_before(master: Plain, notes: Notes) -> None:
    class Strict(Driven):
        @property
        def state(self) -> Any:
            return States.NOT_SUBSTANTIATED

        @state.setter
        def state(self, value: Any) -> None:
            raise ValueError("no")

    worker = living(Strict, master)
    PROBE.adopt_new(worker)
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            worker.state = States.SUBSTANTIATING
    assert notes.moves() == []
    assert PROBE.states.setting is None


@pytest.mark.parametrize("error", [AttributeError, KeyError, RuntimeError])
def test_a_property_that_cannot_be_read_before_it_was_written_can_still_be_written(
    error: type[Exception], master: Plain, notes: Notes
) -> None:
    class Empty(Driven):
        @property
        def state(self) -> Any:
            if "kept" not in self.__dict__:
                raise error("nothing yet")
            return self.__dict__["kept"]

        @state.setter
        def state(self, value: Any) -> None:
            self.__dict__["kept"] = value

    worker = living(Empty, master)
    PROBE.adopt_new(worker)
    worker.state = States.SUBSTANTIATING
    assert notes.moves() == [NOT, SUB]


def test_a_property_that_moves_another_worker_is_told_of_both(master: Plain, notes: Notes) -> None:
    other = living(WithProperty, master, "other")

    class Leading(WithProperty):
        @property
        def state(self) -> Any:
            return WithProperty.state.__get__(self, WithProperty)

        @state.setter
        def state(self, value: Any) -> None:
            other.state = value
            WithProperty.__dict__["state"].__set__(self, value)

    worker = living(Leading, master, "leader")
    PROBE.adopt_new(worker)
    worker.state = States.SUBSTANTIATING
    assert notes.moves("other") == [NOT, SUB]
    assert notes.moves("leader") == [NOT, SUB]


# masters and workers are kept apart


def test_two_masters_in_one_process_hear_of_their_own_workers_only() -> None:
    masters = [Plain(), Plain()]
    notes = [Notes(), Notes()]
    for master, sink in zip(masters, notes):
        PROBE.subscribe(master, sink)
    workers = [living(Driven, master, "same") for master in masters]
    workers[0].state = States.SUBSTANTIATING
    assert [n.moves() for n in notes] == [[NOT, SUB], []]
    PROBE.unsubscribe(masters[0])
    workers[1].state = States.SUBSTANTIATING
    workers[0].state = States.SUBSTANTIATED
    assert [n.moves() for n in notes] == [[NOT, SUB], [NOT, SUB]]


def test_workers_that_compare_equal_are_kept_apart(master: Plain, notes: Notes) -> None:
    one, other = living(Driven, master), living(Driven, master)
    assert one == other
    one.state = States.SUBSTANTIATING
    other.state = States.SUBSTANTIATING
    assert len(notes.of(Kind.TRANSITION)) == 2
    assert PROBE.watched_one(one) is not PROBE.watched_one(other)
    PROBE.drop(one)
    assert PROBE.watched_one(other) is not None


def test_a_master_is_observed_once(master: Plain, notes: Notes) -> None:
    with pytest.raises(RuntimeError, match="being observed already"):
        PROBE.subscribe(master, Notes())
    living(Driven, master).state = States.SUBSTANTIATING
    assert notes.moves() == [NOT, SUB]


def test_those_that_exist_already_are_answered(master: Plain) -> None:
    worker = living(Driven, master)
    master.workers.namedServices["no latent one"] = object()
    (watched,) = PROBE.subscribe(master, Notes())
    assert watched.worker is worker


# leaving no trace


def test_after_the_last_subscriber_a_worker_has_no_attribute_of_ours(master: Plain) -> None:
    worker = living(Driven, master)
    before = dict(worker.__dict__)
    PROBE.subscribe(master, Notes())
    assert set(worker.__dict__) > set(before)
    PROBE.unsubscribe(master)
    assert dict(worker.__dict__) == before


def test_a_method_that_was_set_on_the_instance_is_put_back(master: Plain) -> None:
    worker = living(Driven, master)
    worker.stop_instance = mine = lambda fast=False: "mine"
    PROBE.subscribe(master, Notes())
    assert worker.stop_instance() == "mine"
    PROBE.unsubscribe(master)
    assert worker.stop_instance is mine


def test_a_method_that_was_replaced_meanwhile_is_left_to_its_owner(master: Plain) -> None:
    worker = living(Driven, master)
    PROBE.subscribe(master, Notes())
    worker.stop_instance = mine = lambda fast=False: "mine"
    PROBE.unsubscribe(master)
    assert worker.stop_instance is mine


def test_a_call_that_is_under_way_when_the_probe_leaves_still_ends_right(master: Plain) -> None:
    worker = living(Driven, master)
    notes = Notes()
    PROBE.subscribe(master, notes)
    answer, given = hanging()
    worker.answers = {"stop_instance": answer}
    came: list[Any] = []
    worker.stop_instance().addCallback(came.append)
    PROBE.unsubscribe(master)
    told = list(notes.told)
    given[0].callback("stopped")
    assert came == ["stopped"]
    assert notes.told == told
    assert "stop_instance" not in worker.__dict__


def test_coming_twice_wraps_once(master: Plain, notes: Notes) -> None:
    worker = living(Driven, master)
    PROBE.adopt_new(worker)
    wrapper = worker.stop_instance
    PROBE.adopt_new(worker)
    assert worker.stop_instance is wrapper


def test_what_another_plugin_put_on_the_class_is_put_back(
    master: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []

    def theirs(self: Any, parent: Any) -> str:
        called.append(parent)
        return "theirs"

    monkeypatch.setattr(AbstractLatentWorker, "setServiceParent", theirs, raising=False)
    PROBE.subscribe(master, Notes())
    assert Driven("w").setServiceParent(master) == "theirs"
    assert called == [master]
    PROBE.unsubscribe(master)
    assert AbstractLatentWorker.__dict__["setServiceParent"] is theirs


def test_what_another_plugin_put_over_ours_is_left_to_it(
    master: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    PROBE.subscribe(master, Notes())
    ours = AbstractLatentWorker.__dict__["setServiceParent"]

    def theirs(self: Any, parent: Any) -> Any:
        return ours(self, parent)

    AbstractLatentWorker.setServiceParent = theirs
    try:
        PROBE.unsubscribe(master)
        assert AbstractLatentWorker.__dict__["setServiceParent"] is theirs
    finally:
        del AbstractLatentWorker.setServiceParent


def test_a_subscription_that_fails_leaves_no_trace(
    master: Plain, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = living(Driven, master)
    before = dict(worker.__dict__)

    def broken(_watched: Any) -> None:
        raise OSError("broken")

    monkeypatch.setattr("buildbot_lifecycle.watch.probe.Watched", broken)
    with pytest.raises(OSError, match="broken"):
        PROBE.subscribe(master, Notes())
    assert dict(worker.__dict__) == before
    assert "setServiceParent" not in AbstractLatentWorker.__dict__


# no harm


def test_an_error_in_the_sink_does_not_reach_buildbot(master: Plain, notes: Notes) -> None:
    worker = living(Driven, master)
    notes.breaks = ValueError
    worker.state = States.SUBSTANTIATING
    assert worker.state is States.SUBSTANTIATING
    assert notes.failures == ["recording transition"]


def test_an_error_in_adopting_does_not_reach_buildbot(
    master: Plain, notes: Notes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_watched: Any) -> None:
        raise OSError("broken")

    worker = living(Driven, master)
    monkeypatch.setattr("buildbot_lifecycle.watch.probe.Watched", broken)
    worker.state = States.SUBSTANTIATING
    assert worker.state is States.SUBSTANTIATING
    assert notes.failures == ["observing a state change"]


def test_a_method_that_cannot_be_wrapped_costs_only_itself(master: Plain, notes: Notes) -> None:
    class Odd(Driven):
        @property
        def check_instance(self) -> Any:
            raise RuntimeError("not now")

    worker = living(Odd, master)
    worker.state = States.SUBSTANTIATING
    assert notes.failures == ["wrapping check_instance"]
    assert notes.moves() == [NOT, SUB]
    worker.stop_instance()
    assert notes.of(Kind.CALL_ENDED)


def test_a_worker_whose_master_cannot_be_told_harms_nobody(master: Plain, notes: Notes) -> None:
    class Lost(Driven):
        @property
        def master(self) -> Any:
            raise RuntimeError("lost")

    worker = living(Lost, master)
    worker.state = States.SUBSTANTIATING
    assert worker.state is States.SUBSTANTIATING
    assert worker.stop_instance() is True
