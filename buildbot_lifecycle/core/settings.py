"""The configuration as values, checked: every problem is named, with what was expected.

`parse` takes the keyword arguments of ``util.LifecycleService`` as they stand in master.cfg.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Callable, Mapping
from typing import Any

from buildbot_lifecycle.core import money
from buildbot_lifecycle.core.checks import is_number, is_whole
from buildbot_lifecycle.core.learned import Adaptive
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER, Thresholds

#: What can be given a limit: states (but those in which nothing is waited for), and situations.
LIMITED: tuple[str, ...] = tuple(DEFAULT_STUCK_AFTER)

#: Seconds; under the 10 s that ``buildbot stop`` waits before it says that the master lives on.
DEFAULT_SHUTDOWN_GRACE = 5.0

#: Seconds; under the 90 s that systemd gives a unit (``TimeoutStopSec``), with some to spare for a busy
#: machine.
DEFAULT_SHUTDOWN_LIMIT = 75.0

#: Seconds between two times at which clouds are asked what they have; less would be no census.
LEAST_CENSUS = 30.0

#: Arguments that may stand in an entry of ``workers``.
PER_WORKER = ("stuck_after", "pause_after_release", "auto_release", "auto_end")

#: What a parser answers for a value with a problem. None is not it: None is how "off" is written.
_WRONG: Any = object()


#: Who may see what drivers, databases and people wrote: those who may force, all users who may read,
#: all who may read.
DETAILS_FOR = ("operators", "users", "readers")


@dataclasses.dataclass(frozen=True)
class AutoRelease:
    """Release by itself: ``after`` seconds of being stuck, at most ``per_hour`` times an hour."""

    after: float
    per_hour: int = 4


@dataclasses.dataclass(frozen=True)
class AutoEnd:
    """End by itself what nobody uses: ``after`` seconds in the ledger, at most ``per_hour`` an hour of
    the whole master."""

    after: float
    per_hour: int = 4


@dataclasses.dataclass(frozen=True)
class WorkerSettings:
    """What holds for one worker."""

    stuck_after: Thresholds
    pause_after_release: bool
    auto_release: AutoRelease | None = None
    auto_end: AutoEnd | None = None


@dataclasses.dataclass(frozen=True)
class Settings:
    """The checked configuration. Times are in seconds."""

    stuck_after: Thresholds = dataclasses.field(default_factory=lambda: dict(DEFAULT_STUCK_AFTER))
    workers: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    shutdown_grace: float = DEFAULT_SHUTDOWN_GRACE
    shutdown_limit: float = DEFAULT_SHUTDOWN_LIMIT
    pause_after_release: bool = True
    anonymous_may_force: bool = False
    details_for: str = DETAILS_FOR[0]
    adaptive: Adaptive | None = None
    auto_release: AutoRelease | None = None
    auto_end: AutoEnd | None = None
    census_every: float | None = None
    prices: tuple[tuple[str, float], ...] = ()
    instance_url: tuple[tuple[str, str], ...] = ()

    @property
    def ends_by_itself(self) -> bool:
        """Whether instances of some workers are to be ended without a person."""
        rules = (override.get("auto_end") for _, override in self.workers)
        return self.auto_end is not None or any(rule is not None for rule in rules)

    def of(self, name: str) -> WorkerSettings:
        """The settings of the worker of this name: the first pattern that matches wins."""
        for pattern, override in self.workers:
            if fnmatch.fnmatchcase(name, pattern):
                return WorkerSettings(
                    {**self.stuck_after, **override.get("stuck_after", {})},
                    bool(override.get("pause_after_release", self.pause_after_release)),
                    override.get("auto_release", self.auto_release),
                    override.get("auto_end", self.auto_end),
                )
        return WorkerSettings(
            self.stuck_after, self.pause_after_release, self.auto_release, self.auto_end
        )


class Current:
    """The settings as they are now, which it answers when called. A reconfiguration puts others there."""

    def __init__(self) -> None:
        self.settings = Settings()

    def __call__(self) -> Settings:
        return self.settings


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


def _grace(name: str, value: Any, problems: list[str]) -> Any:
    if is_number(value, least=0):
        return float(value)
    problems.append(f"{name} must be a number of seconds, 0 or more, not {value!r}")
    return _WRONG


def _limit(name: str, value: Any, problems: list[str]) -> Any:
    if is_number(value, least=1):
        return float(value)
    problems.append(f"{name} must be a number of seconds, 1 or more, not {value!r}")
    return _WRONG


def _census_every(name: str, value: Any, problems: list[str]) -> Any:
    if value is None:
        return None
    if is_number(value, least=LEAST_CENSUS):
        return float(value)
    problems.append(
        f"{name} must be a number of seconds, {LEAST_CENSUS:g} or more, or None for never, not {value!r}"
    )
    return _WRONG


def _prices(name: str, value: Any, problems: list[str]) -> Any:
    found = money.by_pattern(name, value, "cost of an hour", money.wrong_price, problems)
    return tuple((pattern, float(price)) for pattern, price in found)


def _instance_url(name: str, value: Any, problems: list[str]) -> Any:
    return money.by_pattern(name, value, "address", money.wrong_url, problems)


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
    parsed = []
    for pattern, override in value.items():
        where = f"{name}[{pattern!r}]"
        if not isinstance(pattern, str) or not pattern:
            problems.append(f"{name}: a name pattern must be a non-empty text, not {pattern!r}")
        elif (wrong := _wrong_pattern(pattern)) is not None:
            problems.append(f"{name}: the name pattern {pattern!r} {wrong}")
        elif not isinstance(override, Mapping):
            problems.append(f"{where} must be a dictionary {{argument: value}}, not {override!r}")
        else:
            parsed.append((pattern, _override(where, override, problems)))
    return tuple(parsed)


def _wrong_pattern(pattern: str) -> str | None:
    """Why no worker can have such a name; None if one can. Python itself takes anything for a pattern."""
    at = pattern.find("[")
    while at >= 0:
        begin = at + 2 if pattern[at + 1 : at + 2] == "!" else at + 1
        # a bracket that comes first is one of the characters
        end = pattern.find("]", begin + 1)
        if end < 0:
            return "has a [ without its ]; patterns are those of a shell: *, ?, [ab]"
        wrong = re.search(r"(.)-(.)", pattern[begin:end], re.DOTALL)
        if wrong is not None and wrong[1] > wrong[2]:
            return f"has a range that is empty, {wrong[0]!r}; patterns are those of a shell: *, ?, [ab]"
        at = pattern.find("[", end + 1)
    return None


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


_PARSERS: dict[str, Any] = {
    "stuck_after": _stuck_after,
    "workers": _workers,
    "shutdown_grace": _grace,
    "shutdown_limit": _limit,
    "pause_after_release": _flag,
    "anonymous_may_force": _flag,
    "details_for": _details_for,
    "adaptive": _adaptive,
    "auto_release": _auto_release,
    "auto_end": _auto_end,
    "census_every": _census_every,
    "prices": _prices,
    "instance_url": _instance_url,
}
