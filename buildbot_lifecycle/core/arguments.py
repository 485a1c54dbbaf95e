"""The arguments of the service, checked: every problem is named, with what was expected.

`parse` takes the keyword arguments of ``util.LifecycleService`` as they stand in master.cfg.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any

from buildbot_lifecycle.core import keeping, money
from buildbot_lifecycle.core.checks import is_number, is_whole, wrong_pattern
from buildbot_lifecycle.core.learned import Adaptive
from buildbot_lifecycle.core.settings import DETAILS_FOR, AutoEnd, AutoRelease, Settings
from buildbot_lifecycle.core.shadows import shadow
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER

#: What can be given a limit: states (but those in which nothing is waited for), and situations.
LIMITED: tuple[str, ...] = tuple(DEFAULT_STUCK_AFTER)

#: Seconds between two times at which clouds are asked what they have; less would be no census.
LEAST_CENSUS = 30.0

#: Arguments that may stand in an entry of ``workers``.
PER_WORKER = ("stuck_after", "pause_after_release", "auto_release", "auto_end")

#: Characters of a token at least: shorter ones can be guessed.
LEAST_TOKEN = 16

#: What a parser answers for a value with a problem. None is not it: None is how "off" is written.
_WRONG: Any = object()


def parse(arguments: Mapping[str, Any]) -> tuple[Settings, list[str]]:
    """The settings, and the problems found; with problems, the settings are those that were right."""
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name, value in arguments.items():
        parser = _PARSERS.get(name)
        if parser is None:
            known = ", ".join(sorted(_PARSERS))
            problems.append(f"unknown argument {name!r}; known are {known}")
            continue
        parsed = parser(name, value, problems)
        if parsed is not _WRONG:
            values[name] = parsed
    if "stuck_after" in values:
        values["stuck_after"] = {**DEFAULT_STUCK_AFTER, **values["stuck_after"]}
    return Settings(**values), problems


def _stuck_after(name: str, value: Any, problems: list[str]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(f"{name} must be a dictionary {{state: seconds}}, not {value!r}")
        return _WRONG
    parsed: dict[str, float | None] = {}
    for key, seconds in value.items():
        state = next((s for s in LIMITED if s == key), None)
        if state is None:
            expected = ", ".join(s.value if isinstance(s, State) else s for s in LIMITED)
            problems.append(f"{name}: no state {key!r}; states with a limit are {expected}")
        elif seconds is None:
            parsed[state] = None
        elif is_number(seconds, above=0):
            parsed[state] = float(seconds)
        else:
            problems.append(
                f"{name}[{key!r}] must be a number of seconds above 0, or None for never,"
                f" not {seconds!r}"
            )
    if State.INSUBSTANTIATING in parsed:
        # a build that queues behind a stop must not give the same stop another limit
        parsed.setdefault(State.INSUBSTANTIATING_SUBSTANTIATING, parsed[State.INSUBSTANTIATING])
    return parsed


def _seconds(
    name: str, value: Any, problems: list[str], *, least: float, may_be_off: bool = False
) -> Any:
    if value is None and may_be_off:
        return None
    if is_number(value, least=least):
        return float(value)
    off = ", or None for never" if may_be_off else ""
    problems.append(f"{name} must be a number of seconds, {least:g} or more{off}, not {value!r}")
    return _WRONG


def _prices(name: str, value: Any, problems: list[str]) -> Any:
    found = money.by_pattern(name, value, "cost of an hour", money.wrong_price, problems)
    return tuple((pattern, float(price)) for pattern, price in found)


def _instance_url(name: str, value: Any, problems: list[str]) -> Any:
    return money.by_pattern(name, value, "address", money.wrong_url, problems)


def _keep_days(name: str, value: Any, problems: list[str]) -> Any:
    found = keeping.parse(name, value, problems)
    return _WRONG if found is None else found


def _details_for(name: str, value: Any, problems: list[str]) -> Any:
    if value in DETAILS_FOR:
        return value
    expected = ", ".join(map(repr, DETAILS_FOR))
    problems.append(f"{name} must be one of {expected}, not {value!r}")
    return _WRONG


def _flag(name: str, value: Any, problems: list[str]) -> Any:
    if isinstance(value, bool):
        return value
    problems.append(f"{name} must be True or False, not {value!r}")
    return _WRONG


def _options(
    name: str, value: Mapping[str, Any], checks: Mapping[str, tuple[Any, str]], problems: list[str]
) -> dict[str, Any]:
    """The entries of a dictionary argument that are right; the others are problems."""
    parsed = {}
    for key, given in value.items():
        if key not in checks:
            problems.append(f"{name}: unknown option {key!r}; known are {', '.join(checks)}")
            continue
        is_right, expected = checks[key]
        if is_right(given):
            parsed[key] = given
        else:
            problems.append(f"{name}[{key!r}] must be {expected}, not {given!r}")
    return parsed


def _is_count(value: Any) -> bool:
    return is_whole(value, least=1)


def _adaptive(name: str, value: Any, problems: list[str]) -> Any:
    if value is None or isinstance(value, bool):
        return Adaptive() if value else None
    if not isinstance(value, Mapping):
        problems.append(f"{name} must be True, False, None or a dictionary, not {value!r}")
        return _WRONG
    checks = {
        "factor": (lambda v: is_number(v, above=1), "a number above 1"),
        "min_samples": (_is_count, "a whole number, 1 or more"),
        "cap_factor": (lambda v: is_number(v, above=1), "a number above 1"),
    }
    return Adaptive(**_options(name, value, checks, problems))


def _auto(
    name: str,
    value: Any,
    problems: list[str],
    *,
    example: int,
    after: str,
    made: Callable[..., Any],
) -> Any:
    """A policy that is off, or has its options; ``after`` is what its seconds are."""
    if value is None or value is False:
        return None
    if not isinstance(value, Mapping):
        problems.append(
            f"{name} must be a dictionary such as {{'after': {example}}} ({after}), or None or False for"
            f" never, not {value!r}"
        )
        return _WRONG
    checks = {
        "after": (lambda v: is_number(v, least=0), "a number of seconds, 0 or more"),
        "per_hour": (_is_count, "a whole number, 1 or more"),
    }
    options = _options(name, value, checks, problems)
    if "after" not in options:
        if "after" not in value:
            problems.append(f"{name} needs 'after': {after}")
        return _WRONG
    return made(**options)


def _auto_release(name: str, value: Any, problems: list[str]) -> Any:
    after = "the seconds of being stuck after which to release"
    return _auto(name, value, problems, example=600, after=after, made=AutoRelease)


def _auto_end(name: str, value: Any, problems: list[str]) -> Any:
    after = "the seconds in the ledger after which to end an instance"
    return _auto(name, value, problems, example=86400, after=after, made=AutoEnd)


def _workers(name: str, value: Any, problems: list[str]) -> Any:
    if not isinstance(value, Mapping):
        problems.append(
            f"{name} must be a dictionary {{name pattern: {{argument: value}}}}, not {value!r}"
        )
        return _WRONG
    parsed: list[tuple[str, dict[str, Any]]] = []
    for pattern, override in value.items():
        where = f"{name}[{pattern!r}]"
        if not isinstance(pattern, str) or not pattern:
            problems.append(f"{name}: a name pattern must be a non-empty text, not {pattern!r}")
        elif (wrong := wrong_pattern(pattern)) is not None:
            problems.append(f"{name}: the name pattern {pattern!r} {wrong}")
        elif not isinstance(override, Mapping):
            problems.append(f"{where} must be a dictionary {{argument: value}}, not {override!r}")
        else:
            first = shadow(pattern, [each for each, _ in parsed])
            if first is not None:
                problems.append(
                    f"{where} never counts: {first!r} stands before it, and matches all of its names;"
                    " the first that matches wins"
                )
            parsed.append((pattern, _override(where, override, problems)))
    return tuple(parsed)


def _override(where: str, override: Mapping[str, Any], problems: list[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    for argument, given in override.items():
        if argument not in PER_WORKER:
            problems.append(
                f"{where}: unknown argument {argument!r}; for some workers only can be set:"
                f" {', '.join(PER_WORKER)}"
            )
            continue
        value = _PARSERS[argument](f"{where}[{argument!r}]", given, problems)
        if value is not _WRONG:
            parsed[argument] = value
    return parsed


def _token(name: str, value: Any, problems: list[str]) -> Any:
    """A bearer token (RFC 6750). The value is a secret, and no problem shows it."""
    if value is None:
        return None
    if not isinstance(value, str):
        problems.append(
            f"{name} must be a text, or util.Secret('...'), or None for whoever may read,"
            f" not a value of type {type(value).__name__}"
        )
    elif len(value) < LEAST_TOKEN:
        problems.append(
            f"{name} is too short: {LEAST_TOKEN} characters or more are needed, not {len(value)}"
        )
    elif not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", value):
        problems.append(
            f"{name} has characters that no bearer token may have; possible are letters, digits and"
            " - . _ ~ + /, and = at its end"
        )
    else:
        return value
    return _WRONG


def _patterns(name: str, value: Any, problems: list[str]) -> Any:
    """Name patterns: one as a text, or several in a list."""
    if value is None:
        return ()
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, (list, tuple)):
        problems.append(f"{name} must be a name pattern, or a list of them, not {value!r}")
        return _WRONG
    parsed = []
    for pattern in given:
        if not isinstance(pattern, str) or not pattern:
            problems.append(f"{name}: a name pattern must be a non-empty text, not {pattern!r}")
        elif (wrong := wrong_pattern(pattern)) is not None:
            problems.append(f"{name}: the name pattern {pattern!r} {wrong}")
        else:
            parsed.append(pattern)
    return tuple(parsed)


_PARSERS: dict[str, Any] = {
    "stuck_after": _stuck_after,
    "workers": _workers,
    "shutdown_grace": functools.partial(_seconds, least=0),
    "shutdown_limit": functools.partial(_seconds, least=1),
    "pause_after_release": _flag,
    "anonymous_may_force": _flag,
    "details_for": _details_for,
    "adaptive": _adaptive,
    "auto_release": _auto_release,
    "auto_end": _auto_end,
    "census_every": functools.partial(_seconds, least=LEAST_CENSUS, may_be_off=True),
    "prices": _prices,
    "instance_url": _instance_url,
    "metrics_token": _token,
    "metrics_workers": _patterns,
    "keep_days": _keep_days,
}
