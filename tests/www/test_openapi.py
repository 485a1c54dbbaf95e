"""The OpenAPI document: valid, complete, and what a real master answers."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import openapi_spec_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.routing import Map, Rule

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.www import entities, openapi, routes, wire
from tests.harness.waiting import patient
from tests.www.client import API
from tests.www.served import Master, Server

DOCUMENT: Any = json.loads(json.dumps(openapi.document(routes.ROUTES)))


def operations() -> list[tuple[str, str, Any]]:
    return [
        (method.upper(), path, operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def test_it_is_a_valid_openapi_3_1_document() -> None:
    openapi_spec_validator.OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_route_is_in_it_and_no_other() -> None:
    """Each path of the document leads Werkzeug to a route, and no route is left over."""
    rules = [
        Rule(route.path, methods=[route.method], endpoint=n)
        for n, route in enumerate(routes.ROUTES)
    ]
    urls = Map(rules).bind("localhost")
    found = set()
    for method, path, _ in operations():
        filled = "/v1" + path.replace("{number}", "1").replace("{worker}", "calm")
        found.add(urls.match(filled, method)[0])
    assert found == set(range(len(routes.ROUTES)))


def test_every_operation_has_a_sentence_and_a_name_of_its_own() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    assert all(operation["summary"].endswith(".") for _, _, operation in operations())


def test_every_filter_is_a_parameter() -> None:
    for entity, path in ((entities.WORKER, "/workers"), (entities.HISTORY["orphans"], "/orphans")):
        names = {p["name"] for p in DOCUMENT["paths"][path]["get"]["parameters"]}
        for field, of in entity.fields.items():
            wanted = {f"{field}__{op}" for op in of.ops} | ({field} if of.ops else set())
            assert wanted <= names


def test_no_error_that_is_documented_has_another_shape() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for status, response in DOCUMENT["components"]["responses"].items():
        schema = response["content"]["application/json"]["schema"]
        name = "Several" if status == "300" else "Error"
        assert schema == {"$ref": f"#/components/schemas/{name}"}
        assert schemas["Error"]["properties"].items() <= schemas[name]["properties"].items()


# what is written in it and what checks are the same

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=4) | st.just("calm")
words = st.text("ab \t", min_size=1, max_size=4)
#: Mostly right, so that what is wrong is seen by itself; and anything.
right = st.fixed_dictionaries(
    {"episode": st.none() | st.integers(-1, 4)},
    optional={
        "confirm": st.just("calm"),
        "reason": words,
        **dict.fromkeys(("pause", "dry_run", "override"), st.booleans()),
    },
)
notes = st.fixed_dictionaries({"note": words})
bodies = (
    right
    | notes
    | st.dictionaries(
        st.sampled_from([*wire.FORCE["properties"], "note", "x"]), scalars | st.lists(scalars)
    )
)


@given(bodies | scalars)
@pytest.mark.parametrize(
    ("schema", "read"), [(wire.FORCE, wire.force_request), (wire.NOTE, wire.note)]
)
def test_a_body_is_taken_if_its_schema_says_so(schema: Any, read: Any, body: Any) -> None:
    says = jsonschema.Draft202012Validator(schema).is_valid(body)
    try:
        read(json.dumps(body).encode())
    except Refusal:
        # Of what is blank, Python's idea and that of regular expressions differ a little.
        assert not says or any(
            isinstance(v, str) and not v.isprintable() for v in getattr(body, "values", list)()
        )
    else:
        assert says


PATHS = {
    "/workers": "/workers",
    "/workers/{worker}": "/workers/calm",
    "/workers/{worker}/events": "/workers/calm/events",
    "/workers/{worker}/episodes": "/workers/calm/episodes",
    "/transitions": "/transitions",
    "/actions": "/actions",
    "/orphans": "/orphans",
    "/stats": "/stats",
    "/recent": "/recent",
    "/timeline": "/timeline",
    "/shutdown": "/shutdown",
    "/health": "/health",
}


@pytest.fixture(scope="module")
def busy(real: Master) -> Master:
    """The real master, after a build and an orphan's worth of history."""
    real.real.build("calm")
    real.real.wait_worker("calm", state="not_substantiated")
    real.real.wait_until(lambda: real.real.api("recent")["recent"], 20, "an episode that is over")
    return real


@pytest.mark.master
@pytest.mark.parametrize("path", PATHS)
def test_a_real_master_answers_what_is_written(busy: Master, path: str) -> None:
    reply = busy.client.get(PATHS[path], "alice")
    assert reply.status == 200
    (content,) = DOCUMENT["paths"][path]["get"]["responses"]["200"]["content"].values()
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(reply.json)
    if path == "/workers":
        whole = {"type": "object", "required": sorted(reply.json["workers"][0])}
        fields = content["schema"]["properties"]["workers"]["items"]["properties"]
        assert sorted(set(whole["required"])) == sorted(fields)


@pytest.mark.master
def test_each_event_of_a_real_master_has_the_shape_of_its_kind(busy: Master) -> None:
    told = busy.client.get("/workers/calm/events?limit=1000", "alice").json["events"]
    assert len({event["kind"] for event in told}) > 5
    for event in told:
        events.read(Kind(event["kind"]), event["data"])
        name = f"event.{events.KINDS[Kind(event['kind'])].__name__}"
        schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
        jsonschema.Draft202012Validator(schema).validate(event["data"])
    assert busy.client.get("/health", "alice").json["health"]["errors"] == 0


@pytest.mark.parametrize("user", ["alice", "bob"])
def test_it_is_served_as_it_is(server: Server, user: str) -> None:
    assert server.client.get("/openapi.json", user).json == DOCUMENT


def without_rows(schema: Any) -> Any:
    """The document without ``prefixItems``, which Schemathesis 4.32 turns into an invalid schema.

    What these say is held against a real master above. And with short lists: a request line of more
    than 16 kB is Twisted's to answer, which does so without a content type.
    """
    if isinstance(schema, list):
        return [without_rows(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "maxItems" in schema and "minItems" not in schema:
        schema = {**schema, "maxItems": 3}
    if "prefixItems" in schema:
        # and what it says of further items, which would forbid all of them now
        schema = {name: of for name, of in schema.items() if name not in ("prefixItems", "items")}
    return {name: without_rows(of) for name, of in schema.items()}


CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,unsupported_method"
)


@pytest.mark.master
@pytest.mark.slow
def test_a_fuzzer_that_reads_the_document_finds_nothing(busy: Master, tmp_path: Path) -> None:
    """Hundreds of requests, right and wrong: no fault, and no status or shape that is not written."""
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(without_rows(DOCUMENT)), encoding="utf-8")
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(document)),
        *("--url", f"http://127.0.0.1:{busy.client.port}{API}/v1"),
        *("--header", f"Cookie: {busy.client.cookie('alice')}"),
        *("--checks", CHECKS, "--phases", "fuzzing", "--max-examples", "30"),
        *("--seed", "1", "--generation-database", "none", "--no-color"),
    ]
    ran = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, timeout=patient(170), check=False
    )
    assert ran.returncode == 0, ran.stdout[-6000:] + ran.stderr[-2000:]
    counted = re.search(r"(\d+) generated, (\d+) .*passed", ran.stdout)
    assert counted is not None, ran.stdout[-2000:]
    assert int(counted[1]) == int(counted[2]) > 100
