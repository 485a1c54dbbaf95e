"""What the core knows goes into JSON text and comes back the same."""

from __future__ import annotations

import dataclasses
import random
import re
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core import facts as values
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.texts import clean, cleaned
from buildbot_lifecycle.db import codec
from tests.db.play import NASTY, Seq, Worker

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
    max_leaves=10,
)


def sample(annotation: str) -> Any:
    """A value of a field of the core, which is not its default."""
    if annotation.startswith("tuple["):
        return (sample(annotation[len("tuple[") :]),)
    for name in re.findall(r"\w+", annotation):
        cls = getattr(values, name, None)
        if cls is State:
            return State.INSUBSTANTIATING
        if dataclasses.is_dataclass(cls):
            return cls(**{f.name: sample(str(f.type)) for f in dataclasses.fields(cls)})
        if name in PLAIN:
            return PLAIN[name]
    raise AssertionError(f"no value of {annotation} is known here")


PLAIN: dict[str, Any] = {
    "Time": 2.5,
    "bool": True,
    "int": 12,
    "float": 1.75,
    "str": "text\x00",
    "Mapping": {"builder": "x", "number": None},
}


def test_all_fields_of_facts_come_back() -> None:
    fields = {field.name: sample(str(field.type)) for field in dataclasses.fields(Facts)}
    facts = Facts(**fields)
    for field in dataclasses.fields(Facts):
        assert getattr(facts, field.name) != field.default, field.name
    assert codec.facts_from(codec.decode(codec.encode(facts))) == facts


def test_facts_after_any_events_come_back() -> None:
    dice = random.Random(3)
    worker = Worker(7, Seq())
    for _ in range(500):
        worker.anything(dice)
        assert codec.facts_from(codec.decode(codec.encode(worker.facts))) == worker.facts


def test_fields_of_another_version_are_left_out() -> None:
    data = codec.decode(codec.encode(Facts(7)))
    assert codec.facts_from({**data, "of_the_future": 1}) == Facts(7)


def test_fields_that_an_older_version_did_not_write_have_their_default() -> None:
    assert codec.facts_from({"workerid": 7, "state": "substantiated"}) == Facts(
        7, State.SUBSTANTIATED
    )


@given(JSON)
def test_any_json_comes_back_and_is_ascii(value: Any) -> None:
    text = codec.encode(value)
    assert text.isascii()
    assert "\x00" not in text
    assert codec.decode(text) == cleaned(value)


@given(st.text(st.characters()))
def test_any_text_comes_back_from_its_escape(text: str) -> None:
    assert codec.escape(text).isascii()
    assert codec.unescape(codec.escape(text)) == clean(text)


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_nasty_texts_come_back(text: str) -> None:
    assert codec.unescape(codec.escape(text)) == clean(text)
    assert codec.decode(codec.encode({"error": text})) == {"error": clean(text)}


def test_a_plain_name_is_stored_as_it_is() -> None:
    assert codec.escape("worker-7.example_org") == "worker-7.example_org"


class Spiteful:
    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def _circle() -> list[Any]:
    circle: list[Any] = []
    circle.append(circle)
    return circle


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), None),
        ({"a": [float("inf")]}, {"a": [None]}),
        ({(1, 2): "key"}, {"(1, 2)": "key"}),
        ({"s": {"b", "a"}}, {"s": ["a", "b"]}),
        (MappingProxyType({"a": (1, 2)}), {"a": [1, 2]}),
        (b"caf\xe9", "caf\\xe9"),
        (Spiteful(), "<Spiteful>"),
        ({1: Spiteful(), (2,): float("nan")}, {"1": "<Spiteful>", "(2,)": None}),
    ],
)
def test_what_json_cannot_say_is_still_written(value: Any, written: Any) -> None:
    assert codec.decode(codec.encode(value)) == written


def test_a_circle_is_written_up_to_a_depth() -> None:
    assert codec.encode(_circle()).startswith("[[[[")


def test_what_is_as_by_default_is_not_written() -> None:
    # of a worker at rest, and of an episode, most is so: it was three quarters of what was stored
    assert codec.encode(Facts(7)) == '{"workerid":7}'
    assert codec.encode(Facts(7, paused=True, held=0)) == '{"workerid":7,"paused":true}'
    assert codec.facts_from(codec.decode('{"workerid":7}')) == Facts(7)
    life = Worker(7, Seq()).life()[-1].episodes[0]
    assert len(codec.encode(life)) < 600
    assert codec.episode_from(codec.decode(codec.encode(life))) == life
