"""Secrets are taken out of texts, in whatever form they stand there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core.redact import SHORTEST, Redactor, of_pairs

KEY = "p/ss \"w=rd'ü"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        f"401 for {KEY}!",
        f"https://cloud/?key={quote(KEY, safe='')}",
        f"https://cloud/{quote(KEY)}",
        repr({"token": KEY + "\n"}),
    ],
)
def test_a_secret_is_gone_in_each_form(text: str) -> None:
    redactor = Redactor({KEY + "\n": "cloud", KEY: "cloud"})
    said = redactor.text(text)
    assert KEY not in said
    assert quote(KEY) not in said
    assert quote(KEY, safe="") not in said
    assert "cloud" in said


def test_the_longer_of_two_secrets_goes_first_and_as_a_whole() -> None:
    redactor = Redactor({"abcd": "short", "abcdefgh": "long"})
    assert redactor.text("abcdefgh abcd") == "<long> <short>"


def test_a_line_of_a_key_is_a_secret_too_and_a_short_word_is_none() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQ\nab\n-----END KEY-----\n"
    redactor = of_pairs([("key", key), ("pin", "abc"), ("empty", ""), ("number", 5)])
    assert redactor.text("got MIIEvQIBADANBgkqhkiG9w0BAQ, abc") == "got <key>, abc"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("GET https://user:KEY@cloud/v2: 401", "GET https://***@cloud/v2: 401"),
        ("postgresql://bb:pw@db/bb", "postgresql://***@db/bb"),
        ("https://cloud:8443/a@b", "https://cloud:8443/a@b"),
        ("https://user@cloud/", "https://user@cloud/"),
        ("12:30@noon", "12:30@noon"),
    ],
)
def test_a_password_in_an_address_is_gone_without_being_known(text: str, said: str) -> None:
    assert Redactor().text(text) == said


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_json, st.text(min_size=SHORTEST).filter(lambda s: "***" not in s and "<" not in s))
def test_a_value_keeps_its_shape_and_holds_no_secret(value: Any, secret: str) -> None:
    redactor = Redactor({secret: "s"})
    found = redactor.value({"a": [value, {"text": f"x{secret}y"}]})
    assert found["a"][1]["text"] != f"x{secret}y"
    assert type(found["a"][0]) is type(value)
    json.dumps(found)
