"""Request bodies, as pure functions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from buildbot_lifecycle.core.requests import ForceRequest, Refusal
from buildbot_lifecycle.www import wire
from buildbot_lifecycle.www.statuses import status_of

GOOD: dict[str, Any] = {"episode": 17, "confirm": "w1", "reason": "hangs"}


def force(**changes: Any) -> ForceRequest:
    fields = {**GOOD, **changes}
    return wire.force_request(json.dumps(fields).encode())


def refusal(body: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        wire.force_request(body)
    assert status_of(caught.value.code) == 400
    return caught.value


def test_a_whole_body_becomes_a_force_request() -> None:
    asked = force(pause=True, dry_run=False, override=True)
    assert asked == ForceRequest(17, "w1", "hangs", pause=True, dry_run=False, override=True)


def test_pause_that_is_not_said_is_left_to_the_configuration() -> None:
    assert force().pause is None
    assert force(pause=False).pause is False


def test_episode_must_be_said_but_may_be_null() -> None:
    assert force(episode=None).episode is None
    without = {name: value for name, value in GOOD.items() if name != "episode"}
    refused = refusal(json.dumps(without).encode())
    assert refused.code == "bad_field"
    assert refused.details == {"field": "episode"}


def test_a_dry_run_needs_neither_confirm_nor_reason() -> None:
    asked = wire.force_request(b'{"episode": null, "dry_run": true}')
    assert asked == ForceRequest(None, "", "", dry_run=True)


@pytest.mark.parametrize("missing", ["confirm", "reason"])
def test_anything_but_a_dry_run_needs_confirm_and_reason(missing: str) -> None:
    fields = {name: value for name, value in GOOD.items() if name != missing}
    refused = refusal(json.dumps(fields).encode())
    assert refused.code == "bad_field"
    assert refused.text == f"{missing}: got nothing, expected a string"


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("episode", "17", "episode: got string '17', expected a positive whole number or null"),
        ("episode", True, "episode: got boolean True, expected a positive whole number or null"),
        ("episode", 1.5, "episode: got number 1.5, expected a positive whole number or null"),
        ("episode", -1, "episode: got number -1, expected a positive whole number or null"),
        ("episode", 2**63, f"episode: got number {2**63}, expected a positive whole number"),
        ("confirm", 5, "confirm: got number 5, expected a string"),
        ("confirm", None, "confirm: got null, expected a string"),
        ("reason", ["x"], "reason: got array, expected a string"),
        ("reason", "", "reason: got string '', expected words that can be seen"),
        ("reason", " \n\t ", "expected words that can be seen"),
        ("reason", "x" * 1001, "expected at most 1000 characters (these are 1001)"),
        ("reason", "a\x00b", "expected text without control characters"),
        ("reason", "a\x1b[2Jb", "expected text without control characters"),
        ("pause", "yes", "pause: got string 'yes', expected true or false"),
        ("pause", None, "pause: got null, expected true or false"),
        ("dry_run", 1, "dry_run: got number 1, expected true or false"),
        ("override", {}, "override: got object, expected true or false"),
        ("surprise", 1, "unknown field 'surprise'; expected episode, confirm, reason"),
    ],
)
def test_a_wrong_field_is_named_with_what_it_was_and_what_it_should_be(
    field: str, value: Any, said: str
) -> None:
    refused = refusal(json.dumps({**GOOD, field: value}).encode())
    assert refused.code == "bad_field"
    assert refused.details["field"] == field
    assert said in refused.text


def test_a_reason_may_have_lines_and_any_script_and_is_trimmed() -> None:
    assert force(reason=" <b>größe</b>\n☃ \U0001f600 ").reason == "<b>größe</b>\n☃ \U0001f600"


@pytest.mark.parametrize(
    "reason",
    [
        "\u200b",
        "\u202e\u202c",
        "\u2060\ufeff",
        "\u00ad",
        "\u115f\u1160",
        "\u3164",
        "\uffa0",
        "\u2800",
        "\u034f\ufe0f",
        "\U000e0041",
        "\ue000",
        "\u0301",
        " \u200b \u2028",
    ],
)
def test_what_nobody_can_see_is_no_reason_and_no_note(reason: str) -> None:
    for refused in (
        refusal(json.dumps({"episode": 1, "confirm": "w", "reason": reason}).encode()),
        _read_note(json.dumps({"note": reason}).encode()),
    ):
        assert refused.code == "bad_field"
        assert "that can be seen" in refused.text


def _read_note(body: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        wire.note(body)
    return caught.value


@pytest.mark.parametrize("reason", ["?", "☃", "\u202eabc", "é", "e\u0301", "\U0001f600", "ـ", "한"])
def test_whatever_can_be_seen_is_a_reason(reason: str) -> None:
    assert force(reason=reason).reason == reason


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    refused = refusal(b'{"episode": 1, "confirm": "\\ud800", "reason": "r"}')
    assert refused.code == "bad_field"
    assert "valid Unicode" in refused.text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"17",
        b"\xff\xfe{}",
        b'{"episode": 1,}',
        b'{"episode": NaN, "confirm": "w", "reason": "r"}',
        b'{"episode": 1, "episode": 2, "confirm": "w", "reason": "r"}',
        b'{"episode": ' + b"9" * 5000 + b"}",
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":' * 12_000 + b"1" + b"}" * 12_000,
    ],
)
def test_what_is_not_one_json_object_is_bad_json(body: bytes) -> None:
    refused = refusal(body)
    assert refused.code == "bad_json"
    assert len(refused.text) < 300


def test_a_deep_value_in_a_known_field_is_described_by_its_kind() -> None:
    body = b'{"episode": 1, "confirm": ' + b"[" * 900 + b"]" * 900 + b', "reason": "r"}'
    assert refusal(body).text == "confirm: got array, expected a string"


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
_fields = st.sampled_from(["episode", "confirm", "reason", "pause", "dry_run", "override", "x"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(_fields, _json, max_size=7))
@example({"episode": 1, "confirm": "", "reason": "r"})
def test_any_object_is_a_whole_request_or_a_400_that_says_why(fields: dict[str, Any]) -> None:
    asked = _read(json.dumps(fields).encode())
    if isinstance(asked, Refusal):
        assert asked.code in ("bad_json", "bad_field")
        assert asked.text.isascii()
    else:
        assert isinstance(asked.confirm, str)
        assert asked.dry_run or asked.reason.strip()
        assert asked.episode is None or type(asked.episode) is int


def _read(body: bytes) -> ForceRequest | Refusal:
    try:
        return wire.force_request(body)
    except Refusal as refused:
        return refused


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_a_request_or_a_400(body: bytes) -> None:
    refused = refusal(body)
    assert refused.code in ("bad_json", "bad_field")


def test_a_note_follows_the_rules_of_a_reason() -> None:
    assert wire.note(b'{"note": " gone by hand "}') == "gone by hand"
    for body in (b"{}", b'{"note": ""}', b'{"note": 1}', b'{"note": "x", "more": 1}'):
        with pytest.raises(Refusal, match=r"note|more"):
            wire.note(body)


@pytest.mark.parametrize(
    "text", ["", "0", "007", "-1", "+1", "1.0", "1_0", " 1", "\u0661", "9" * 19]
)
def test_what_only_looks_like_an_id_is_none(text: str) -> None:
    assert wire.identifier(text) is None


def test_an_id_is_plain_digits() -> None:
    assert wire.identifier("1") == 1
    assert wire.identifier(str(2**63 - 1)) == 2**63 - 1
