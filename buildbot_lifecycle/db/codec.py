"""Values of the core as JSON text, and back.

The text is pure ASCII: Buildbot's MySQL connection speaks three-byte UTF-8 and PostgreSQL refuses
the NUL character, but what drivers and people write contains anything. Escaped, all of it survives,
even half of a surrogate pair.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Set
from typing import Any

from buildbot_lifecycle.core.episodes import Call, Episode, Facts, Failure, Phase
from buildbot_lifecycle.core.states import State

#: Nesting that is still written; what is deeper (or turns in a circle) becomes its ``str``.
MAX_DEPTH = 20


def encode(value: Any) -> str:
    """`value` as ASCII JSON text. Never raises: what JSON cannot say is said by ``str``."""
    try:
        return json.dumps(value, default=_plain, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return json.dumps(_clean(value, MAX_DEPTH), separators=(",", ":"))


def decode(text: str | None) -> Any:
    """The value that `encode` wrote; None for None."""
    return None if text is None else json.loads(text)


def escape(text: str) -> str:
    """`text` in ASCII, reversibly: the inside of a JSON string. Plain names stay as they are."""
    return json.dumps(text)[1:-1]


def unescape(text: str) -> str:
    """What `escape` was given."""
    return str(json.loads(f'"{text}"'))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Set):
        return sorted(value, key=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return _said(value)


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


def _known(cls: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of dataclass `cls` in `data`; what another version wrote besides is left out."""
    names = {field.name for field in dataclasses.fields(cls)}
    return {name: value for name, value in data.items() if name in names}


def _phase(data: Mapping[str, Any]) -> Phase:
    return Phase(State(data["state"]), data["since"], data["until"])


def _call(data: Mapping[str, Any]) -> Call:
    return Call(**_known(Call, data))


def _failure(data: Mapping[str, Any]) -> Failure:
    return Failure(**_known(Failure, data))


def _maybe(reader: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else reader(value)


def episode_from(data: Mapping[str, Any]) -> Episode:
    """The episode that was encoded to `data` (already decoded JSON)."""
    fields = _known(Episode, data)
    fields["phases"] = tuple(_phase(phase) for phase in fields["phases"])
    fields["failure"] = _maybe(_failure, fields.get("failure"))
    return Episode(**fields)


def facts_from(data: Mapping[str, Any]) -> Facts:
    """The facts that were encoded to `data` (already decoded JSON)."""
    fields = _known(Facts, data)
    fields["state"] = State(fields["state"])
    fields["episode"] = _maybe(episode_from, fields.get("episode"))
    fields["last_failure"] = _maybe(_failure, fields.get("last_failure"))
    fields["calls"] = tuple(_call(call) for call in fields.get("calls") or ())
    fields["abandoned"] = tuple(_call(call) for call in fields.get("abandoned") or ())
    fields["building"] = tuple(fields.get("building") or ())
    return Facts(**fields)
