"""Query strings: Buildbot's grammar, checked more strictly, into a ResultSpec or a HistoryQuery.

``DataConnector.resultspec_from_jsonapi`` of Buildbot 4.3.0 does the reading. It passes over unknown
operators, fails with an IndexError on ``order=`` and lets a comparison with null fail later; so
each parameter is checked before it gets there. All functions raise `Refusal` ``bad_query``,
which names the parameter, its value and what was expected.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any
from urllib.parse import urlencode

from buildbot.data.exceptions import InvalidQueryParameter

from buildbot_lifecycle.core.bounds import MAX_PAGE
from buildbot_lifecycle.core.requests import Filter, HistoryQuery, Refusal
from buildbot_lifecycle.www.entities import OF_WORKER, FilterOnly, Truth, Whole
from buildbot_lifecycle.www.wire import shown

#: Rows on a page of history, when nothing is said.
DEFAULT_LIMIT = 50

#: A shape, or JSON: its fields are asked for by their names.
Row = Any

#: Query parameters as Twisted gives them.
Args = Mapping[bytes, Sequence[bytes]]

#: Comparisons of several values with one field; Buildbot would pass over the others.
PLURAL = frozenset({"eq", "ne", "in", "notin"})

#: Comparisons that null takes no part in, as in SQL.
_NOT_OF_NULL = frozenset({"lt", "le", "gt", "ge", "contains"})

#: Parameters that are no filters: of a collection in memory, of a page of history, of one thing.
COLLECTION = ("order", "field", "limit", "offset")
HISTORY = ("field", "limit", "before")
SINGLE = ("field",)


@dataclasses.dataclass(frozen=True)
class HistoryRequest:
    """A page of history as it was asked for, and the fields that its rows are cut down to."""

    query: HistoryQuery
    fields: tuple[str, ...] | None


def none(args: Args) -> None:
    """Of a resource that takes no parameters."""
    for name in args:
        raise _unknown(_decoded(name, "a parameter"), ())


def collection(data: Any, entity: Any, args: Args) -> Any:
    """The ResultSpec of a collection that is filtered, ordered and cut in memory."""
    _check(entity, args, COLLECTION, filters=True)
    return _result_spec(data, entity, args, is_collection=True)


def single(data: Any, entity: Any, args: Args) -> Any:
    """The ResultSpec of one thing: its fields can be chosen, nothing else."""
    _check(entity, args, SINGLE, filters=False)
    return _result_spec(data, entity, args, is_collection=False)


def history(
    data: Any,
    entity: Any,
    what: str,
    args: Args,
    workerid: int | None = None,
    *,
    default: int = DEFAULT_LIMIT,
    most: int = MAX_PAGE,
) -> HistoryRequest:
    """A page of history: ``limit``, ``before`` and filters for the database, ``field`` for us."""
    _check(entity, args, HISTORY, filters=True)
    limit = _whole("limit", args.get(b"limit"), 1, most)
    before = _whole("before", args.get(b"before"), 1)
    rest = {name: values for name, values in args.items() if name not in (b"limit", b"before")}
    spec = _result_spec(data, entity, rest, is_collection=True)
    query = HistoryQuery(
        what=what,
        workerid=workerid,
        before=before,
        limit=default if limit is None else limit,
        filters=tuple(_core_filter(f) for f in spec.filters),
    )
    return HistoryRequest(query, tuple(spec.fields) if spec.fields else None)


def apply(spec: Any, rows: Sequence[Row]) -> tuple[list[Row], int]:
    """The rows that a ResultSpec leaves, and how many there are without its limit and offset.

    Buildbot's own ``apply`` knows dictionaries only, and cuts before it orders.
    """
    found = list(rows)
    for condition in spec.filters:
        found = list(_filtered(condition, found))
    # The least of the keys first: sorting keeps the order of what is equal.
    for name in reversed(spec.order or ()):
        found.sort(key=_rank_by(name.removeprefix("-")), reverse=name.startswith("-"))
    start = spec.offset or 0
    end = None if spec.limit is None else start + spec.limit
    return list(cut(found[start:end], spec.fields)), len(found)


def _rank_by(field: str) -> Callable[[Row], tuple[bool, Any]]:
    """Null before all else, as Buildbot has it."""

    def rank(row: Row) -> tuple[bool, Any]:
        value = row[field]
        return (value is not None, value)

    return rank


def _filtered(condition: Any, rows: Sequence[Row]) -> Iterator[Row]:
    """The rows that pass one of Buildbot's filters; null has no size and no parts, as in SQL."""
    value_of = OF_WORKER.get(condition.field) or itemgetter(condition.field)
    holds = condition.getOperator()
    for row in rows:
        value = value_of(row)
        if value is None and condition.op in _NOT_OF_NULL:
            continue
        if holds(value, condition.values):
            yield row


def cut(rows: Sequence[Row], fields: Sequence[str] | None) -> Sequence[Row]:
    """The rows with these fields only; None for all of them."""
    if fields is None:
        return rows
    return [{field: row[field] for field in fields} for row in rows]


def of_master(args: Args) -> tuple[int | None, Args]:
    """Of which master's worker something is asked (None: it was not said), and the other parameters."""
    rest = {name: values for name, values in args.items() if name != b"masterid"}
    return _whole("masterid", args.get(b"masterid"), 1), rest


def with_master(base: str, args: Args, masterid: int) -> str:
    """The address of the same, of one master."""
    _, rest = of_master(args)
    kept = [(n, v) for n, values in rest.items() for v in values]
    return f"{base}?{urlencode([*kept, (b'masterid', b'%d' % masterid)])}"


def next_page(base: str, args: Args, last_id: int) -> str:
    """The address of the page after the row `last_id`: the same parameters, another ``before``."""
    kept = [(n, v) for n, values in args.items() if n != b"before" for v in values]
    return f"{base}?{urlencode([*kept, (b'before', b'%d' % last_id)])}"


def _check(entity: Any, args: Args, reserved: Sequence[str], *, filters: bool) -> None:
    """Check each parameter by itself: is it known, and is each of its values what it takes."""
    for raw, values in args.items():
        name = _decoded(raw, "a parameter")
        if name in ("limit", "offset", "before") and name in reserved:
            _whole(name, values, 0 if name != "before" else 1)
        elif name in ("field", "order") and name in reserved:
            _check_fields(entity, name, values)
        elif filters:
            _check_filter(entity, name, values, reserved)
        else:
            raise _unknown(name, reserved)


def _check_fields(entity: Any, name: str, values: Sequence[bytes]) -> None:
    seen = set()
    for value in values:
        text = _decoded(value, name)
        field = text[1:] if name == "order" and text.startswith("-") else text
        fields = [(f, of) for f, of in entity.fields.items() if not isinstance(of, FilterOnly)]
        known = [f for f, of in fields if of.ops or name == "field"]
        if field not in known:
            raise _bad(name, text, f"one of {', '.join(known)}")
        if name == "order" and field in seen:
            # Buildbot sorts once for each: a thousand times would hold the reactor.
            text = f"{shown(name)}: got {shown(field)} twice; a second time orders nothing"
            raise Refusal("bad_query", text)
        seen.add(field)


def _check_filter(entity: Any, name: str, values: Sequence[bytes], reserved: Sequence[str]) -> None:
    field, op = name.rsplit("__", 1) if "__" in name else (name, "eq")
    of = entity.fields.get(field)
    if of is None or not of.ops:
        known = [f for f, t in entity.fields.items() if t.ops]
        raise _unknown(name, (*reserved, *known))
    if len(values) > 1 and isinstance(of, Truth):
        raise _bad(name, f"{len(values)} values", f"one: {of.expected}")
    allowed = of.ops & PLURAL if len(values) > 1 else of.ops
    if op not in allowed:
        times = f" with {len(values)} values" if len(values) > 1 else ""
        raise Refusal(
            "bad_query",
            f"{shown(field)} cannot be compared by {shown(op)}{times}; "
            f"expected one of {', '.join(sorted(allowed))}",
        )
    for value in values:
        try:
            of.valueFromString(value)
        except (ValueError, KeyError):
            raise _bad(name, value.decode("utf-8", "replace"), of.expected) from None


def _whole(
    name: str, values: Sequence[bytes] | None, low: int, high: int | None = None
) -> int | None:
    """The one whole number of a parameter; None if the parameter is not there."""
    if values is None:
        return None
    expected = f"one whole number of {low} or more" if high is None else f"{low} to {high}"
    try:
        (value,) = values
        number = Whole().valueFromString(value)
        if number < low or (high is not None and number > high):
            raise ValueError(number)
    except ValueError:
        got = b" and ".join(values).decode("utf-8", "replace")
        raise _bad(name, got, expected) from None
    return number


def _result_spec(data: Any, entity: Any, args: Args, *, is_collection: bool) -> Any:
    # Buildbot refuses to filter or to order by a field that is not selected; here it may be.
    rest = {name: values for name, values in args.items() if name != b"field"}
    try:
        spec = data.resultspec_from_jsonapi(rest, entity, is_collection)
    except InvalidQueryParameter as error:
        raise Refusal("bad_query", str(error)) from None
    spec.fields = list(dict.fromkeys(_decoded(v, "field") for v in args.get(b"field", ()))) or None
    return spec


def _core_filter(condition: Any) -> Filter:
    """Buildbot's filter as ours; several values of an equality become what they mean."""
    op = condition.op
    if len(condition.values) > 1:
        op = {"eq": "in", "ne": "notin"}.get(op, op)
    return Filter(condition.field, op, tuple(condition.values))


def _decoded(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("bad_query", f"{what} is not UTF-8: {shown(raw)}") from None


def _bad(name: str, got: str, expected: str) -> Refusal:
    return Refusal("bad_query", f"{shown(name)}: got {shown(got)}, expected {expected}")


def _unknown(name: str, known: Sequence[str]) -> Refusal:
    expected = f"expected one of {', '.join(known)}" if known else "nothing can be asked here"
    return Refusal("bad_query", f"unknown parameter {shown(name)}; {expected}")
