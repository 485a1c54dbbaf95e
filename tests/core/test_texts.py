"""Texts are made clean where they enter: no encoder, database or log refuses one later."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core.events import cut
from buildbot_lifecycle.core.texts import clean, cleaned, person
from buildbot_lifecycle.db import codec
from buildbot_lifecycle.diagnose import where
from buildbot_lifecycle.host import reasons
from buildbot_lifecycle.watch import instance
from buildbot_lifecycle.www import guard

HALF = "\ud83d"
ESCAPED = "\\ud83d"

anything = st.text(st.characters())


@given(anything)
def test_a_clean_text_can_be_encoded_and_stays_as_it_is(text: str) -> None:
    made = clean(text)
    made.encode("utf-8")
    assert clean(made) == made
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert made == text


def test_a_half_of_a_surrogate_pair_is_told_by_its_escape() -> None:
    assert clean(f"a{HALF}b") == f"a{ESCAPED}b"
    # what a file's name that is not UTF-8 becomes in Python
    assert clean(b"caf\xe9".decode("utf-8", "surrogateescape")) == "caf\\udce9"
    assert clean("\U0001f600 stays") == "\U0001f600 stays"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-9, 9) | anything,
        lambda inner: st.lists(inner) | st.dictionaries(anything | st.integers(), inner),
        max_leaves=8,
    )
)
def test_every_text_and_key_of_a_value_is_clean(value: Any) -> None:
    msgspec.json.encode(cleaned(value))


class Odd(str):
    """A text of a class of its own."""


def test_a_text_of_a_class_of_its_own_is_a_plain_one_afterwards() -> None:
    assert type(clean(Odd("x"))) is str
    assert type(clean(Odd("\u2603"))) is str


def test_what_json_does_not_know_stays_as_it_is() -> None:
    odd = object()
    assert cleaned({(1, HALF): odd, "n": 1.5}) == {(1, HALF): odd, "n": 1.5}


# the ways in


class Named:
    """A driver whose instance has an odd name."""

    def lifecycle_instance(self) -> str:
        return f"i-{HALF}"


def test_what_a_driver_calls_its_instance() -> None:
    assert instance.name_of(Named()) == f"i-{ESCAPED}"


def test_what_a_driver_raises() -> None:
    assert cut(reasons.one_line(RuntimeError(f"no {HALF}"))) == f"RuntimeError: no {ESCAPED}"
    assert reasons.one_line(RuntimeError(f"no {HALF}")) == f"RuntimeError: no {ESCAPED}"
    assert reasons.words(RuntimeError(f"no {HALF}")) == f"no {ESCAPED}"


def test_the_file_in_which_a_call_hangs() -> None:
    assert where.shown(f"/srv/{HALF}/driver.py") == f"/srv/{ESCAPED}/driver.py"


@pytest.mark.parametrize("field", ["email", "username", "full_name"])
def test_the_name_of_a_user(field: str) -> None:
    www = SimpleNamespace(getUserInfos=lambda _: {field: f"al{HALF}ice"})
    rights = guard.Rights(
        SimpleNamespace(www=www), Any, anonymous_may_force=False, details_for="readers"
    )
    assert rights.user == f"al{ESCAPED}ice"


def test_what_an_older_version_wrote() -> None:
    assert codec.decode('{"error":"\\ud83d","\\ud83d":["\\ud83d"]}') == {
        "error": ESCAPED,
        ESCAPED: [ESCAPED],
    }
    assert codec.decode('"\\ud83d\\ude00"') == "\U0001f600"
    assert codec.unescape("\\ud83d") == ESCAPED


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("alice", "alice"),
        (" Jürgen Groß ", "Jürgen Groß"),
        ("李小龙", "李小龙"),
        ("हिन्दी", "हिन्दी"),
        ("e\u0301va", "e\u0301va"),
        ("CORP\\alice", "CORP\\alice"),
        ("a\nlifecycle: released by bob", "a\\nlifecycle: released by bob"),
        ("a\r\tb\x00\x1b[31m", "a\\r\\tb\\x00\\x1b[31m"),
        ("a\u2028b\x85", "a\\u2028b"),
        ("\u202eecila", "\\u202eecila"),
        ("al\u200bice", "al\\u200bice"),
        ("al\ufe0fice", "al\\ufe0fice"),
        ("al\xa0ice", "al\\xa0ice"),
        ("\ud83d", "\\ud83d"),
        ("\u3164", "\\u3164"),
        (" \t\n", ""),
        ("x" * 256, "x" * 254 + "…"),
    ],
)
def test_a_persons_name_is_one_line_and_hides_nothing(given: str, kept: str) -> None:
    assert person(given) == kept
    assert person(kept) == kept
