from __future__ import annotations

import ast
import inspect
import re

import pytest
from buildbot.worker import latent

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.states import (
    RESTING,
    STARTING,
    STOPPING,
    TRANSITIONS,
    State,
    is_expected,
    transition_data,
)
from buildbot_lifecycle.shapes import events


def test_the_states_are_buildbots_own_in_lower_case_and_unknown() -> None:
    assert {state.value for state in State} == {s.name.lower() for s in latent.States} | {"unknown"}


def test_every_state_is_on_its_way_in_up_on_its_way_out_or_at_rest() -> None:
    groups = [RESTING, STARTING, STOPPING, {State.SUBSTANTIATED}]
    assert sorted(s for group in groups for s in group) == sorted(State)


def test_nothing_is_expected_to_come_from_or_lead_to_unknown() -> None:
    assert not any(State.UNKNOWN in pair for pair in TRANSITIONS)


def test_no_state_is_expected_to_follow_itself() -> None:
    assert not any(before is after for before, after in TRANSITIONS)


def test_a_transition_outside_the_table_is_not_expected() -> None:
    assert is_expected(State.NOT_SUBSTANTIATED, State.SUBSTANTIATING)
    assert not is_expected(State.SHUT_DOWN, State.SUBSTANTIATED)


@pytest.mark.parametrize("source", sorted(set(TRANSITIONS.values())))
def test_each_row_names_a_method_of_buildbots_worker(source: str) -> None:
    assert hasattr(
        latent.AbstractLatentWorker, source.split(",", maxsplit=1)[0].split(maxsplit=1)[0]
    )


def _assignments() -> list[tuple[str, str]]:
    """(method, state) of each ``self.state = States.X`` in Buildbot's source."""
    found = []
    tree = ast.parse(inspect.getsource(latent.AbstractLatentWorker))
    for method in ast.walk(tree):
        if isinstance(method, ast.FunctionDef):
            for node in ast.walk(method):
                if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "self.state":
                    found.append((method.name, ast.unparse(node.value).split(".")[1].lower()))
    return found


def test_the_table_has_every_assignment_of_this_buildbot_and_no_method_besides() -> None:
    # Each place that assigns a state must be the source of a row that leads there, and the other
    # way round: a Buildbot that changes its machine makes this red.
    methods = {method for method, _ in _assignments()}
    rows = {
        (word, after.value)
        for (_, after), source in TRANSITIONS.items()
        for word in re.findall(r"\w+", source)
        if word in methods
    }
    assert rows == set(_assignments())


def test_buildbot_assigns_the_state_in_eleven_places() -> None:
    assert len(_assignments()) == 11


def test_what_a_transition_tells_is_as_documented() -> None:
    # the logbook does not compare each of them with its shape: these are all that there are
    for before in State:
        for after in State:
            data = transition_data(before, after)
            assert events.read(Kind.TRANSITION, data) is not None
            assert data["expected"] is is_expected(before, after)
            data["expected"] = None
            assert transition_data(before, after)["expected"] is not None, "each has its own"


def test_a_state_is_found_by_its_word() -> None:
    assert {State.SUBSTANTIATED: 1}["substantiated"] == 1  # type: ignore[index]
    assert {Kind.TRANSITION: 1}["transition"] == 1  # type: ignore[index]
