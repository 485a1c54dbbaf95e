"""The query grammar: Buildbot's own, without its holes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from buildbot.data.connector import DataConnector
from hypothesis import given, settings
from hypothesis import strategies as st

from buildbot_lifecycle.core.requests import Filter, HistoryQuery, Refusal
from buildbot_lifecycle.www import query
from buildbot_lifecycle.www.entities import HISTORY, WORKER

DATA = DataConnector()

_FIELDS = ("name", "state", "state_since", "connected", "episode", "verdict")
ROWS = [
    dict(zip(_FIELDS, ("a", "substantiated", 30.0, True, 3, {"level": "ok"}))),
    dict(zip(_FIELDS, ("b", "insubstantiating", 10.0, False, 2, {"level": "stuck"}))),
    dict(zip(_FIELDS, ("c", "not_substantiated", None, False, None, {"level": "failed"}))),
]


def args(**parameters: Any) -> dict[bytes, list[bytes]]:
    return {
        name.encode(): [str(v).encode() for v in (value if isinstance(value, list) else [value])]
        for name, value in parameters.items()
    }


def names(**parameters: Any) -> str:
    """The names that are left of ROWS, joined."""
    rows, _ = query.apply(query.collection(DATA, WORKER, args(**parameters)), ROWS)
    return "".join(row["name"] for row in rows)


def refused(asked: dict[bytes, list[bytes]], entity: Any = WORKER) -> str:
    ask = query.collection if entity is WORKER else _ask_history
    with pytest.raises(Refusal) as caught:
        ask(DATA, entity, asked)
    assert caught.value.code == "bad_query"
    return caught.value.text


def _ask_history(data: Any, entity: Any, asked: dict[bytes, list[bytes]]) -> Any:
    return query.history(data, entity, "transitions", asked)


def test_nothing_asked_leaves_everything_in_its_order() -> None:
    assert names() == "abc"


@pytest.mark.parametrize(
    ("parameters", "left"),
    [
        ({"state": "substantiated"}, "a"),
        ({"state": ["substantiated", "insubstantiating"]}, "ab"),
        ({"state__ne": "substantiated"}, "bc"),
        ({"state__in": ["substantiated", "unknown"]}, "a"),
        ({"state__notin": ["substantiated", "insubstantiating"]}, "c"),
        ({"connected": "false"}, "bc"),
        ({"connected": "on"}, "a"),
        ({"state_since__ge": "10.0"}, "ab"),
        ({"state_since__gt": "1e1"}, "a"),
        ({"episode__lt": "3"}, "b"),
        ({"name__contains": "b"}, "b"),
        ({"level": "stuck"}, "b"),
        ({"level": ["stuck", "failed"]}, "bc"),
        ({"level__ne": "stuck"}, "ac"),
        ({"order": "state_since"}, "cba"),
        ({"order": "-state_since"}, "abc"),
        ({"order": ["connected", "-name"]}, "cba"),
        ({"limit": "2"}, "ab"),
        ({"limit": "0"}, ""),
        ({"offset": "1", "limit": "1"}, "b"),
        ({"offset": "9"}, ""),
    ],
)
def test_workers_are_filtered_ordered_and_cut_as_in_buildbots_rest(
    parameters: dict[str, Any], left: str
) -> None:
    assert names(**parameters) == left


def test_total_counts_what_is_left_before_it_is_cut() -> None:
    spec = query.collection(DATA, WORKER, args(connected="false", limit=1))
    rows, total = query.apply(spec, ROWS)
    assert (len(rows), total) == (1, 2)


def test_fields_are_chosen() -> None:
    spec = query.collection(DATA, WORKER, args(field=["name", "episode"]))
    assert query.apply(spec, ROWS)[0][0] == {"name": "a", "episode": 3}


@pytest.mark.parametrize(
    ("parameters", "left"),
    [
        ({"level": "stuck"}, "b"),
        ({"connected": "false"}, "bc"),
        ({"state_since__ge": "10"}, "ab"),
        ({"order": "-connected", "limit": "2"}, "ab"),
        ({"state__ne": "substantiated", "order": ["connected", "-episode"]}, "bc"),
    ],
)
def test_what_is_filtered_and_ordered_by_need_not_be_selected(
    parameters: dict[str, Any], left: str
) -> None:
    """Buildbot's own REST refuses it; `level` cannot even be selected."""
    spec = query.collection(DATA, WORKER, args(field="name", **parameters))
    rows, total = query.apply(spec, ROWS)
    assert rows == [{"name": name} for name in left]
    assert total == (3 if "limit" in parameters else len(left))


def test_whether_an_orphan_is_open_is_asked_once() -> None:
    with pytest.raises(Refusal) as refused:
        query.history(DATA, HISTORY["orphans"], "orphans", args(open=["true", "false"]))
    assert (refused.value.code, refused.value.text) == (
        "bad_query",
        "'open': got '2 values', expected one: true or false",
    )


def test_history_is_filtered_by_what_is_not_selected() -> None:
    asked = query.history(
        DATA, HISTORY["transitions"], "transitions", args(field="at", to="unknown")
    )
    assert asked.fields == ("at",)
    assert [f.field for f in asked.query.filters] == ["to"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (args(surprise="1"), "unknown parameter 'surprise'; expected one of order, field, limit"),
        (args(before="1"), "unknown parameter 'before'"),
        (args(property="x"), "unknown parameter 'property'"),
        (args(verdict="stuck"), "unknown parameter 'verdict'"),
        (args(state="stuck"), "'state': got 'stuck', expected one of not_substantiated, "),
        (args(state__contains="sub"), "'state' cannot be compared by 'contains'; expected one of"),
        (args(name__like="a"), "'name' cannot be compared by 'like'"),
        (args(name__contains=["a", "b"]), "'name' cannot be compared by 'contains' with 2 values"),
        (args(episode__lt=["1", "2"]), "'episode' cannot be compared by 'lt' with 2 values"),
        (args(connected="maybe"), "'connected': got 'maybe', expected true or false"),
        (args(connected=["true", "false"]), "'connected': got '2 values', expected one: true or"),
        (args(connected__ne=["on", "on"]), "'connected__ne': got '2 values', expected one: true"),
        (args(episode="x"), "'episode': got 'x', expected a whole number"),
        (args(episode="1_0"), "'episode': got '1_0'"),
        (args(episode=2**63), "'episode': got '9223372036854775808'"),
        (args(state_since="nan"), "'state_since': got 'nan', expected a number"),
        (args(state_since="1e999"), "'state_since': got '1e999', expected a number"),
        (args(limit="-1"), "'limit': got '-1', expected one whole number of 0 or more"),
        (args(limit="ten"), "'limit': got 'ten'"),
        (args(limit=["1", "2"]), "'limit': got '1 and 2'"),
        (args(offset=""), "'offset': got ''"),
        (args(order=""), "'order': got '', expected one of workerid, name"),
        (args(order="-"), "'order': got '-'"),
        (args(order="verdict"), "'order': got 'verdict', expected one of"),
        (args(field=""), "'field': got '', expected one of workerid, name"),
        (args(field="level"), "'field': got 'level'"),
        (args(order="level"), "'order': got 'level'"),
        (args(order=["name", "name"]), "'order': got 'name' twice"),
        (args(order=["name", "class", "-name"]), "'order': got 'name' twice"),
        (args(level="bad"), "'level': got 'bad', expected one of stuck, attention, failed"),
        (args(field="nothing"), "'field': got 'nothing'"),
        ({b"\xff": [b"1"]}, "a parameter is not UTF-8: b'\\xff'"),
        ({b"name": [b"\xff"]}, "'name': got"),
        ({b"name": [b"a\0b"]}, "'name': got 'a\\x00b', expected text in UTF-8"),
        ({b"order": [b"\xff"]}, "order is not UTF-8"),
        ({b"": [b""]}, "unknown parameter ''"),
    ],
)
def test_what_is_not_understood_is_named_with_what_was_expected(
    asked: dict[bytes, list[bytes]], said: str
) -> None:
    assert said in refused(asked)


def test_one_thing_takes_fields_and_nothing_else() -> None:
    spec = query.single(DATA, WORKER, args(field="name"))
    assert spec.apply({"name": "a", "state": "unknown"}) == {"name": "a"}
    for asked in (args(state="unknown"), args(limit=1), args(order="name")):
        with pytest.raises(Refusal, match="expected one of field"):
            query.single(DATA, WORKER, asked)


def test_nothing_can_be_asked_where_there_is_nothing_to_ask() -> None:
    query.none({})
    with pytest.raises(Refusal, match="nothing can be asked here"):
        query.none(args(x="1"))


def history(**parameters: Any) -> query.HistoryRequest:
    return query.history(DATA, HISTORY["transitions"], "transitions", args(**parameters), 5)


def test_a_page_of_history_has_50_rows_if_nothing_is_said() -> None:
    assert history() == query.HistoryRequest(HistoryQuery("transitions", 5), None)


def test_filters_of_history_go_down_as_values_of_the_core() -> None:
    parameters = {"from": "substantiated", "at__ge": "5.5", "episode__ne": ["1", "2"]}
    asked = history(limit=2, before=9, field=["id", "from", "at", "episode"], **parameters)
    assert asked.fields == ("id", "from", "at", "episode")
    assert asked.query == HistoryQuery(
        "transitions",
        5,
        before=9,
        limit=2,
        filters=(
            Filter("from", "eq", ("substantiated",)),
            Filter("at", "ge", (5.5,)),
            Filter("episode", "notin", (1, 2)),
        ),
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (args(limit="0"), "'limit': got '0', expected 1 to 1000"),
        (args(limit="1001"), "'limit': got '1001', expected 1 to 1000"),
        (args(before="0"), "'before': got '0', expected one whole number of 1 or more"),
        (args(before="x"), "'before': got 'x'"),
        (args(offset="1"), "unknown parameter 'offset'"),
        (args(order="at"), "unknown parameter 'order'; expected one of field, limit, before, id"),
        (args(state="unknown"), "unknown parameter 'state'"),
        (args(to="nowhere"), "'to': got 'nowhere', expected one of"),
    ],
)
def test_history_is_newest_first_and_says_what_it_takes(
    asked: dict[bytes, list[bytes]], said: str
) -> None:
    assert said in refused(asked, HISTORY["transitions"])


def test_whether_an_orphan_is_open_can_be_asked_but_is_no_field() -> None:
    entity = HISTORY["orphans"]
    asked = query.history(DATA, entity, "orphans", args(open="true"))
    assert asked.query.filters == (Filter("open", "eq", (True,)),)
    with pytest.raises(Refusal, match="'field': got 'open'"):
        query.history(DATA, entity, "orphans", args(field="open"))


def test_the_next_page_keeps_every_other_parameter() -> None:
    asked = {b"limit": [b"2"], b"before": [b"9"], b"x__in": [b"a b", b"\xc3\xa9&"]}
    assert query.next_page("/p", asked, 7) == "/p?limit=2&x__in=a+b&x__in=%C3%A9%26&before=7"


_names = st.sampled_from(
    [b"order", b"field", b"limit", b"offset", b"before", b"property", b"name", b"state", b"at"]
) | st.binary(max_size=12)
_values = st.lists(st.binary(max_size=12), min_size=1, max_size=3)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(_names, _values, max_size=4))
def test_any_query_is_a_result_or_a_400_that_says_why(asked: dict[bytes, list[bytes]]) -> None:
    assert _code(lambda: query.apply(query.collection(DATA, WORKER, asked), ROWS)) in OUTCOMES
    assert _code(lambda: query.history(DATA, HISTORY["events"], "events", asked)) in OUTCOMES


OUTCOMES = ("ok", "bad_query")


def _code(ask: Callable[[], Any]) -> str:
    try:
        ask()
    except Refusal as refusal:
        return refusal.code
    return "ok"


def test_a_field_that_is_named_often_is_cut_out_once() -> None:
    spec = query.collection(DATA, WORKER, args(field=["name"] * 1400))
    assert list(spec.fields) == ["name"]
    asked = query.history(DATA, HISTORY["actions"], "actions", args(field=["id", "at", "id"]))
    assert asked.fields == ("id", "at")
