"""The query parameters of statistics, timeline and small charts, which are no filters on fields.

Each is declared once; the reading, the sentence of a refusal and the OpenAPI document follow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.requests import RecentQuery, Refusal, StatsQuery, TimelineQuery
from buildbot_lifecycle.core.statistics import GROUPINGS
from buildbot_lifecycle.www.entities import Number, Schema, Text, Whole, Word
from buildbot_lifecycle.www.query import Args
from buildbot_lifecycle.www.wire import shown

#: How often a parameter can be said that may be said several times.
MOST_VALUES = 200


@dataclasses.dataclass(frozen=True)
class Parameter:
    """One parameter: of which type, between what bounds, and whether it may be said several times."""

    of: Any
    text: str
    default: Any = None
    low: int | None = None
    high: int | None = None
    many: bool = False

    @property
    def expected(self) -> str:
        """What can be said, in words."""
        if self.high is None:
            return str(self.of.expected)
        return f"{self.low} to {self.high}"

    @property
    def schema(self) -> Schema:
        """What can be said, as JSON schema."""
        found = dict(self.of.schema)
        if self.low is not None:
            found["minimum"] = self.low
        if self.high is not None:
            found["maximum"] = self.high
        if self.default is not None:
            found["default"] = self.default
        return {"type": "array", "items": found, "maxItems": MOST_VALUES} if self.many else found

    def read(self, raw: bytes) -> Any:
        """The value; raises ValueError for what it cannot be."""
        value = self.of.valueFromString(raw)
        if self.low is not None and value < self.low:
            raise ValueError(raw)
        if self.high is not None and value > self.high:
            raise ValueError(raw)
        return value


Known = Mapping[str, Parameter]

_SINCE = "from when on; epoch seconds"

_MASTERS = Parameter(Whole(), "only workers of these masters", many=True)

STATS: Known = {
    "since": Parameter(Number(), f"{_SINCE}. 30 days back if nothing is said"),
    "by": Parameter(Word(GROUPINGS), "put together by worker or by class", GROUPINGS[0]),
    "workerid": Parameter(Whole(), "only these workers", many=True),
    "class": Parameter(Text(), "only workers of these classes", many=True),
    "masterid": _MASTERS,
}

RECENT: Known = {
    "per_worker": Parameter(Whole(), "episodes of each worker at most", 12, low=1, high=24),
    "workerid": Parameter(Whole(), "only these workers", many=True),
    "masterid": _MASTERS,
}

TIMELINE: Known = {
    "since": Parameter(Number(), f"{_SINCE}. A day before `until` if nothing is said"),
    "until": Parameter(Number(), "until when; epoch seconds. Now if nothing is said"),
    "workerid": Parameter(Whole(), "only these workers", many=True),
    "masterid": _MASTERS,
    "limit": Parameter(Whole(), "episodes at most, the newest", 20_000, low=1, high=20_000),
}


def stats(args: Args) -> StatsQuery:
    """The question of ``GET /stats``."""
    said = _read(STATS, args)
    return StatsQuery(said["since"], said["by"], said["workerid"], said["class"], said["masterid"])


def recent(args: Args) -> RecentQuery:
    """The question of ``GET /recent``."""
    said = _read(RECENT, args)
    return RecentQuery(said["per_worker"], said["workerid"], said["masterid"])


def timeline(args: Args) -> TimelineQuery:
    """The question of ``GET /timeline``."""
    said = _read(TIMELINE, args)
    since, until = said["since"], said["until"]
    if since is not None and until is not None and since > until:
        raise _bad("since", str(since), "a time before `until`")
    return TimelineQuery(since, until, said["workerid"], said["limit"], said["masterid"])


def _read(known: Known, args: Args) -> dict[str, Any]:
    """The value of each known parameter. Raises `Refusal` ``bad_query``."""
    for raw in args:
        if raw.decode("utf-8", "replace") not in known:
            names = ", ".join(known)
            text = f"unknown parameter {shown(raw.decode('utf-8', 'replace'))}; expected one of {names}"
            raise Refusal("bad_query", text)
    return {name: _value(name, of, args) for name, of in known.items()}


def _value(name: str, of: Parameter, args: Args) -> Any:
    values = args.get(name.encode("ascii"), ())
    if len(values) > 1 and not of.many:
        raise _bad(name, f"{len(values)} values", f"one: {of.expected}")
    if len(values) > MOST_VALUES:
        raise _bad(name, f"{len(values)} values", f"at most {MOST_VALUES}")
    found = []
    for value in values:
        try:
            found.append(of.read(value))
        except ValueError:
            raise _bad(name, value.decode("utf-8", "replace"), of.expected) from None
    if of.many:
        return tuple(sorted(set(found)))
    return found[0] if found else of.default


def _bad(name: str, got: str, expected: str) -> Refusal:
    return Refusal("bad_query", f"{shown(name)}: got {shown(got)}, expected {expected}")
