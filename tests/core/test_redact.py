"""Secrets are taken out of texts, in whatever form they stand there."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildbot_lifecycle.core.hiding import HIDDEN, any_of, hider
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
        f"400: {json.dumps({'token': KEY})}",
        f"400: {json.dumps({'token': KEY}, ensure_ascii=False)}",
        f"https://cloud/?{urlencode({'key': KEY})}",
        f"run {shlex.quote(KEY)}: exit 1",
        f"<p>{html.escape(KEY)}</p>",
        f"refused: {KEY.encode()!r}",
    ],
)
@pytest.mark.parametrize("of", ["redactor", "hider"])
def test_a_secret_is_gone_in_each_form(text: str, of: str) -> None:
    redactor = Redactor({KEY + "\n": "cloud", KEY: "cloud"})
    said = redactor.text(text) if of == "redactor" else hider([KEY])(text)
    for part in ("ss", "rd", "w="):
        assert part not in said
    assert ("cloud" if of == "redactor" else HIDDEN) in said


@pytest.mark.parametrize("before", ["", "u:", "me:", "user:"])
@pytest.mark.parametrize("after", ["", "x", "-y", "zzz"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_a_secret_is_gone_from_a_header_of_a_login(
    before: str, after: str, encode: Callable[[bytes], bytes]
) -> None:
    secret = "p?ss~w>rd-of-the-cloud"
    header = encode(f"{before}{secret}{after}".encode()).decode()
    said = Redactor({secret: "cloud"}).text(f"Authorization: Basic {header}")
    assert "<cloud>" in said
    # two letters at each end may be of the secret and of what stands beside it
    left = said.replace("Authorization: Basic ", "").replace("<cloud>", "").rstrip("=")
    assert len(left) <= len(encode(f"{before}{after}".encode())) + 2


def test_a_short_secret_is_not_looked_for_in_base64() -> None:
    assert Redactor({"abcd": "pin"}).text("YWJjZA and abcd") == "YWJjZA and <pin>"


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


@given(st.sets(st.text("abc.*", min_size=4, max_size=7), min_size=1), st.text("abc.*", max_size=40))
def test_of_many_secrets_each_is_found_and_nothing_else(secrets: set[str], text: str) -> None:
    ordered = sorted(secrets, key=len, reverse=True)
    plain = re.compile("|".join(map(re.escape, ordered)))
    assert re.sub(any_of(secrets), "#", text) == plain.sub("#", text)


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
