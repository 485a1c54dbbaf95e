"""Request bodies: bytes from a client into the values of ``core.requests``.

Nothing here knows Twisted. Each function raises `Refusal`: ``bad_json`` when the bytes are not
one JSON object, 400 ``bad_field`` when a field is unknown, missing or of the wrong type; the
sentence names the field, what it was and what was expected.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.requests import EndRequest, ForceRequest, PauseRequest, Refusal
from buildbot_lifecycle.core.texts import can_be_seen

#: Largest request body (bytes) that is read.
MAX_BODY = 64 * 1024

#: Largest number that every database stores as an id.
MAX_ID = 2**63 - 1

#: Stands for a field that is not there, where None would be JSON's null.
_MISSING = object()

#: JSON schemas of the bodies that are taken.
_WORDS: Mapping[str, Any] = {
    "type": "string",
    "maxLength": MAX_LINE,
    "pattern": r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]*$",
}
_PLAIN: Mapping[str, Any] = {"type": "boolean"}
FORCE: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "episode": {"type": ["integer", "null"], "minimum": 1, "maximum": MAX_ID},
        "confirm": {"type": "string"},
        "reason": _WORDS,
        "pause": _PLAIN,
        "dry_run": _PLAIN,
        "override": _PLAIN,
    },
    "required": ["episode"],
    "additionalProperties": False,
    "if": {"properties": {"dry_run": {"const": True}}, "required": ["dry_run"]},
    "else": {
        "properties": {"reason": {"pattern": r"\S"}},
        "required": ["confirm", "reason"],
    },
}
END: Mapping[str, Any] = {
    "type": "object",
    "properties": {"confirm": {"type": "string"}, "reason": _WORDS, "dry_run": _PLAIN},
    "additionalProperties": False,
    "if": {"properties": {"dry_run": {"const": True}}, "required": ["dry_run"]},
    "else": {
        "properties": {"reason": {"pattern": r"\S"}},
        "required": ["confirm", "reason"],
    },
}
NOTE: Mapping[str, Any] = {
    "type": "object",
    "properties": {"note": {**_WORDS, "allOf": [{"pattern": r"\S"}]}},
    "required": ["note"],
    "additionalProperties": False,
}

PAUSE: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reason": {**_WORDS, "allOf": [{"pattern": r"\S"}]}},
    "required": ["reason"],
    "additionalProperties": False,
}

NOTHING: dict[str, Any] = {"type": "object", "additionalProperties": False}

DISMISS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"reason": _WORDS, "dry_run": _PLAIN},
    "additionalProperties": False,
    "if": {"properties": {"dry_run": {"const": True}}, "required": ["dry_run"]},
    "else": {"properties": {"reason": {"pattern": r"\S"}}, "required": ["reason"]},
}

_FORCE_FIELDS = tuple(FORCE["properties"])


def force_request(body: bytes) -> ForceRequest:
    """The body of ``POST /workers/ID/force-disconnect``.

    ``episode`` must be said, also as null: it is what keeps a late click from ending another
    episode. ``confirm`` and ``reason`` may be left out of a dry run. Without ``pause`` the
    configuration of the service decides.
    """
    fields = json_object(body)
    _only(fields, _FORCE_FIELDS)
    if "episode" not in fields:
        raise _bad_field("episode", _MISSING, "the episode that was seen, or null")
    dry_run = _boolean(fields, "dry_run") or False
    return ForceRequest(
        episode=_number_or_null(fields, "episode"),
        confirm=_string(fields, "confirm", required=not dry_run),
        reason=_text(fields, "reason", required=not dry_run),
        pause=_boolean(fields, "pause"),
        dry_run=dry_run,
        override=_boolean(fields, "override") or False,
    )


def end_request(body: bytes) -> EndRequest:
    """The body of ``POST /instances/ID/end``; ``confirm`` and ``reason`` may be left out of a dry run."""
    fields = json_object(body)
    _only(fields, tuple(END["properties"]))
    dry_run = _boolean(fields, "dry_run") or False
    return EndRequest(
        confirm=_string(fields, "confirm", required=not dry_run),
        reason=_text(fields, "reason", required=not dry_run),
        dry_run=dry_run,
    )


def nothing(body: bytes) -> None:
    """The body of ``POST /instances/refresh``: an object without fields."""
    for name in json_object(body):
        text = f"unknown field {shown(name)}; expected none"
        raise Refusal("bad_field", text, field=shown(name, quote=False))


def note(body: bytes) -> str:
    """The body of ``POST /orphans/ID/resolve``: why the entry can be closed."""
    fields = json_object(body)
    _only(fields, ("note",))
    return _text(fields, "note", required=True)


def pause_request(body: bytes, *, pause: bool) -> PauseRequest:
    """The body of ``POST /workers/ID/pause`` and ``/unpause``: why."""
    fields = json_object(body)
    _only(fields, ("reason",))
    return PauseRequest(pause, _text(fields, "reason", required=True))


def dismissal(body: bytes) -> tuple[str, bool]:
    """The body of ``POST /masters/ID/dismiss``: why, and whether it is only a dry run."""
    fields = json_object(body)
    _only(fields, ("reason", "dry_run"))
    dry_run = _boolean(fields, "dry_run") or False
    return _text(fields, "reason", required=not dry_run), dry_run


def identifier(text: str) -> int | None:
    """An id as it stands in a path, or None: no sign, no leading zero, nothing but ASCII digits."""
    if not re.fullmatch("[1-9][0-9]{0,18}", text) or int(text) > MAX_ID:
        return None
    return int(text)


def json_object(body: bytes) -> dict[str, Any]:
    """The one JSON object in `body`; strict where Python's parser is not (NaN, repeated keys)."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad_json(f"the body is not UTF-8 (byte {error.start})") from None
    try:
        value = json.loads(text, object_pairs_hook=_no_repeats, parse_constant=_no_constant)
    except RecursionError:
        raise _bad_json("the body is nested too deeply") from None
    except ValueError as error:
        # JSONDecodeError, our own two below, and Python's refusal of a number of 5,000 digits.
        raise _bad_json(f"the body is not JSON: {shown(str(error), 200, quote=False)}") from None
    if not isinstance(value, dict):
        raise _bad_json(f"the body must be a JSON object, not {_kind(value)}")
    return value


def shown(value: object, limit: int = 80, *, quote: bool = True) -> str:
    """What a client sent, as it can stand in an answer and in a log: one line, ASCII, cut."""
    text = ascii(value) if quote else ascii(value)[1:-1]
    return text if len(text) <= limit else f"{text[:limit]}..."


def _only(fields: Mapping[str, Any], known: tuple[str, ...]) -> None:
    for name in fields:
        if name not in known:
            raise Refusal(
                "bad_field",
                f"unknown field {shown(name)}; expected {', '.join(known)}",
                field=shown(name, quote=False),
            )


def _number_or_null(fields: Mapping[str, Any], name: str) -> int | None:
    value = fields[name]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_ID:
        raise _bad_field(name, value, "a positive whole number or null")
    return value


def _boolean(fields: Mapping[str, Any], name: str) -> bool | None:
    value = fields.get(name)
    if name in fields and not isinstance(value, bool):
        raise _bad_field(name, value, "true or false")
    return value


def _string(fields: Mapping[str, Any], name: str, *, required: bool) -> str:
    if name not in fields:
        if required:
            raise _bad_field(name, _MISSING, "a string")
        return ""
    value = fields[name]
    if not isinstance(value, str):
        raise _bad_field(name, value, "a string")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        # JSON can spell half of a surrogate pair; no database and no log can hold it.
        raise _bad_field(name, value, "valid Unicode") from None
    return value


def _text(fields: Mapping[str, Any], name: str, *, required: bool) -> str:
    """Words of a person: to be seen, not too long, nothing that would garble a log or a terminal."""
    value = _string(fields, name, required=required).strip()
    if required and not any(can_be_seen(character) for character in value):
        raise _bad_field(name, fields[name], "words that can be seen")
    if len(value) > MAX_LINE:
        expected = f"at most {MAX_LINE} characters (these are {len(value)})"
        raise _bad_field(name, value, expected)
    for character in value:
        if unicodedata.category(character) == "Cc" and character not in "\n\r\t":
            raise _bad_field(name, value, "text without control characters")
    return value


def _bad_field(name: str, got: object, expected: str) -> Refusal:
    return Refusal("bad_field", f"{name}: got {_described(got)}, expected {expected}", field=name)


def _bad_json(text: str) -> Refusal:
    return Refusal("bad_json", text)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ValueError(f"{shown(name)} is there twice")
        fields[name] = value
    return fields


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


def _described(value: object) -> str:
    """A value by its JSON type and, where that is short and flat, itself."""
    if value is _MISSING:
        return "nothing"
    kind = _kind(value)
    # The text of an array could be as deep as the parser let it be: deeper than repr() can go.
    return kind if kind in ("null", "array", "object") else f"{kind} {shown(value)}"


def _kind(value: object) -> str:
    """The JSON word for a Python value's type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"
