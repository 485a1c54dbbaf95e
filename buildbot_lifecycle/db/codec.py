"""Values of the core as JSON text, and back.

The text is pure ASCII: Buildbot's MySQL connection speaks three-byte UTF-8 and PostgreSQL refuses
the NUL character, but what drivers and people write contains anything. Escaped, all of it survives. What
an older version wrote with half of a surrogate pair comes back clean.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
import re
from collections.abc import Mapping, Set
from typing import Any

from buildbot_lifecycle.core import facts as values
from buildbot_lifecycle.core.facts import Episode, Facts
from buildbot_lifecycle.core.texts import clean, cleaned

#: Nesting that is still written; what is deeper (or turns in a circle) becomes its ``str``.
MAX_DEPTH = 20


def encode(value: Any) -> str:
    """`value` as ASCII JSON text. Never raises: what JSON cannot say is said by ``str``."""
    try:
        return _ENCODER.encode(value)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(_clean(value, MAX_DEPTH), separators=(",", ":"))


#: Equal to nothing that a field may hold.
_NO_DEFAULT: Any = object()


def decode(text: str | None) -> Any:
    """The value that `encode` wrote, clean; None for None, and for what is no JSON any more."""
    try:
        value = None if text is None else json.loads(text)
    except ValueError:
        return None
    # half of a surrogate pair, of before texts were made clean, stands here as its escape
    return cleaned(value) if text is not None and "\\ud" in text else value


def escape(text: str) -> str:
    """`text` in ASCII, reversibly: the inside of a JSON string. Plain names stay as they are."""
    return json.dumps(text)[1:-1]


def unescape(text: str) -> str:
    """What `escape` was given; what cannot be its work comes back as it is."""
    try:
        return clean(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # What is as it is by default is not written: reading puts it there again. So a default of the
        # core's values is a part of what is stored, and does not change.
        usual = _usual(type(value))
        return {
            name: held
            for name, held in vars(value).items()
            if held is not (standard := usual.get(name, _NO_DEFAULT)) and held != standard
        }
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return sorted(value, key=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return _said(value)


@functools.cache
def _usual(cls: type) -> dict[str, Any]:
    """The defaults of a dataclass of the core: plain values, all of them."""
    return {
        field.name: field.default
        for field in dataclasses.fields(cls)
        if field.default is not dataclasses.MISSING
    }


#: Made once: to make one takes as long as to encode a small value.
_ENCODER = json.JSONEncoder(default=_plain, allow_nan=False, separators=(",", ":"))


def _said(value: Any) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - a driver's object may fail at anything; the event counts
        return f"<{type(value).__name__}>"


def _clean(value: Any, depth: int) -> Any:
    """`value` made of what JSON has: the slow way, for what the encoder refused."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if depth == 0:
        return _said(type(value))
    if isinstance(value, (list, tuple)):
        return [_clean(item, depth - 1) for item in value]
    if isinstance(value, Mapping):
        return {_said(key): _clean(item, depth - 1) for key, item in value.items()}
    return _clean(_plain(value), depth - 1)


@dataclasses.dataclass(frozen=True)
class _Field:
    """How a field's value comes back from JSON: of which class of the core, and whether many."""

    of: Any
    many: bool
    pairs: bool = False

    def read(self, value: Any) -> Any:
        if self.many:
            return tuple(self._one(item) for item in value or ())
        return None if value is None else self._one(value)

    def _one(self, value: Any) -> Any:
        if self.of is None:
            # pairs in a tuple: JSON has only lists
            return tuple(value) if self.pairs else value
        return _value(self.of, value) if dataclasses.is_dataclass(self.of) else self.of(value)


@functools.cache
def _fields(cls: Any) -> dict[str, _Field]:
    """The fields of a dataclass of the core, read off its annotations.

    They are read as text: `typing.get_type_hints` cannot evaluate ``float | None`` on Python 3.9.
    """
    found = {}
    for field in dataclasses.fields(cls):
        named = (getattr(values, name, None) for name in re.findall(r"\w+", str(field.type)))
        of = next((each for each in named if _is_ours(each)), None)
        kind = str(field.type)
        found[field.name] = _Field(of, kind.startswith("tuple"), kind.startswith("tuple[tuple"))
    return found


def _is_ours(thing: Any) -> bool:
    return isinstance(thing, type) and (
        dataclasses.is_dataclass(thing) or issubclass(thing, enum.Enum)
    )


def _value(cls: Any, data: Mapping[str, Any]) -> Any:
    """A dataclass of the core from its JSON; what another version wrote besides is left out."""
    fields = _fields(cls)
    return cls(**{name: fields[name].read(value) for name, value in data.items() if name in fields})


def episode_from(data: Mapping[str, Any]) -> Episode:
    """The episode that was encoded to `data` (already decoded JSON)."""
    episode: Episode = _value(Episode, data)
    return episode


def facts_from(data: Mapping[str, Any]) -> Facts:
    """The facts that were encoded to `data` (already decoded JSON)."""
    facts: Facts = _value(Facts, data)
    return facts
