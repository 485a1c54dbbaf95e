"""Addresses, queries and bodies that nobody thought of: never a 500, always the one error shape."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.www.client import API
from tests.www.served import Served

bounded = settings(
    max_examples=200,
    deadline=None,
    # The server is the same for all examples, and that is what is wanted.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

_WORDS = ["v1", "v2", "workers", "calm", "1", "episodes", "orphans", "resolve", "force-disconnect"]
_part = st.sampled_from(_WORDS) | st.binary(max_size=8).map(lambda raw: quote(raw, safe=""))
_path = st.lists(_part, max_size=5).map("/".join)
_query = st.dictionaries(
    st.sampled_from(["limit", "order", "field", "state", "before", "name__in"])
    | st.binary(max_size=6).map(quote),
    st.binary(max_size=6).map(quote),
    max_size=3,
).map(lambda asked: "&".join(f"{name}={value}" for name, value in asked.items()))


@bounded
@given(_path, _query, st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "DELETE"]))
@example("v1/workers/calm/force-disconnect", "", "POST")
def test_no_address_and_no_query_is_the_masters_fault(
    double: Served, path: str, query: str, method: str
) -> None:
    reply = double.client.send(method, f"{API}/{path}?{query}")
    assert reply.status in (200, 204, 400, 401, 404, 405)
    if reply.status >= 400 and method != "HEAD":
        assert reply.code


@bounded
@given(st.binary(max_size=300) | st.text(max_size=100).map(lambda t: t.encode("utf-8", "replace")))
@example(b'{"episode": 7, "confirm": "calm", "reason": "\\u0000"}')
@example(b'{"episode": 7, "confirm": {"a": [1, 2, {"b": null}]}, "reason": "r"}')
def test_no_body_is_the_masters_fault_and_none_of_these_does_anything(
    double: Served, body: bytes
) -> None:
    before = double.writes()
    reply = double.client.post("/workers/calm/force-disconnect", body)
    assert (reply.status, reply.code) in ((400, "bad_json"), (400, "bad_field"))
    assert double.writes() == before
