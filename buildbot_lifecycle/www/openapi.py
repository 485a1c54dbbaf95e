"""The interface as an OpenAPI 3.1 document, made from what serves and checks the requests.

The routes say what they take and which shapes they answer; parameters come from the entities and from
`parameters`, bodies from `wire`. Nothing is written down twice but the descriptions.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from buildbot_lifecycle import __version__
from buildbot_lifecycle.core.bounds import MAX_PAGE
from buildbot_lifecycle.shapes import (
    ending,
    events,
    force,
    history,
    instances,
    masters,
    spans,
    workers,
)
from buildbot_lifecycle.shapes.base import Shape
from buildbot_lifecycle.www import query
from buildbot_lifecycle.www.entities import HISTORY, FilterOnly, Schema
from buildbot_lifecycle.www.parameters import Parameter

_ABOUT = """\
Lifecycle of latent workers: what was recorded, what is stuck, and how to free it.

Times are epoch seconds, durations seconds. What is named here stays; new fields, words, event kinds
and error codes may be added, so pass over what you do not know. Sessions are Buildbot's: the cookie
of `/auth/login`. The words are in the documentation, page "REST interface".
"""

#: Errors of every GET: wrong query, not logged in, no right, not there, a fault, not ready.
REFUSES = (400, 401, 403, 404, 500, 503)

_REASONS = {
    300: "several masters have a worker of this name: which one is meant?",
    200: "as asked",
    202: "carried out, not over yet",
    400: "the request is wrong",
    401: "anonymous clients may not",
    403: "not allowed, or a page from another origin",
    404: "there is nothing of that name",
    409: "not possible as things stand",
    412: "the worker has gone on",
    413: "the body is too large",
    415: "the body is not JSON",
    500: "a fault of the server",
    503: "not ready, or nothing could be written",
}


#: From this status on an answer is an error.
_WRONG = 300


@dataclasses.dataclass(frozen=True)
class Rows:
    """What rows can be asked for: ``kind`` is collection, history or single.

    ``entity`` is None where the path says of which.
    """

    kind: str
    entity: Any = None
    most: int = MAX_PAGE
    default: int = query.DEFAULT_LIMIT


@dataclasses.dataclass(frozen=True)
class Route:
    """One method on one path; ``path`` is below the mount, in Werkzeug's notation.

    ``takes`` are the query's parameters, ``body`` and ``answers`` JSON schemas; an answer that
    depends on the path is a function of the plural in it. ``handler`` serves it.
    """

    method: str
    path: str
    takes: Rows | Mapping[str, Parameter] = dataclasses.field(default_factory=dict)
    body: Schema | None = None
    answers: Any = dataclasses.field(default_factory=dict)
    statuses: tuple[int, ...] = (200,)
    refuses: tuple[int, ...] = REFUSES
    content_type: str = "application/json"
    handler: Any = None  # never without; it only stands last here
    #: How many requests are answered at a time; above that it is 503. None: as many as come.
    bound: int | None = None


class Error(Shape, frozen=True, kw_only=True):
    """Why it was not done: a sentence for a person, and a word for a program. Some have more fields."""

    error: str
    code: str


class Several(Error, frozen=True, kw_only=True):
    """Several masters have a worker of this name: each of the choices leads to one."""

    choices: tuple[masters.Choice, ...]


#: The status of it.
_SEVERAL = 300

#: All that is answered, by the names of their classes.
ANSWERS: tuple[type[Shape], ...] = (
    *(workers.Worker, workers.WorkersMeta, force.DryRun, ending.EndPlan),
    *history.HISTORY.values(),
    *(history.Next, history.NextAndOpen),
    *(spans.Stats, spans.Recent, spans.Total, spans.Timeline),
    *(instances.Instance, instances.Place, instances.CensusMeta),
    *(masters.MasterStop, masters.StopMeta, masters.Health, Error, Several),
    *(masters.Master, masters.Dismissed),
)


def ref(shape: type[Shape]) -> Schema:
    """A shape with all its fields, by reference."""
    return {"$ref": f"#/components/schemas/{shape.__name__}"}


def many(schema: Schema) -> Schema:
    """Any number of them."""
    return {"type": "array", "items": schema}


def record(**fields: Schema) -> Schema:
    """An object that has all these fields."""
    return {"type": "object", "properties": fields, "required": list(fields)}


def rows_of(
    entity: Any,
    meta: type[Shape],
    beside: Mapping[str, Schema] | None = None,
    **meta_of: type[Shape],
) -> Any:
    """An answer of rows, which may be cut down to some fields by ``field=``.

    Some plurals have a ``meta`` of their own. ``beside`` are more fields of the answer.
    """

    def answer(what: str, *, whole: bool = False) -> Schema:
        of = entity or HISTORY[what]
        fields = components([of.shape])[of.shape.__name__]["properties"]
        some = {"type": "object", "properties": fields, "additionalProperties": True}
        rows = many(ref(of.shape) if whole else some)
        more = beside or {}
        return record(**{f"{of.name}s": rows, **more, "meta": ref(meta_of.get(what, meta))})

    return answer


def either(**schemas: Schema) -> Schema:
    """An object with exactly one of these."""
    return {"oneOf": [record(**{name: schema}) for name, schema in schemas.items()]}


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def components(shapes: Iterable[type[Shape]], prefix: str = "") -> dict[str, Any]:
    """The JSON schemas of shapes and their parts, by name.

    A field with a default is always in an answer all the same: the default is for what is read.
    """
    template = f"#/components/schemas/{prefix}{{name}}"
    _, found = msgspec.json.schema_components(shapes, ref_template=template)
    return {f"{prefix}{name}": _always_there(_null_last(of)) for name, of in found.items()}


def _null_last(schema: Any) -> Any:
    """Each ``anyOf`` with null at its end: some versions of msgspec have it first."""
    if isinstance(schema, list):
        return [_null_last(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _null_last(of) for name, of in schema.items()}
    if "anyOf" in found:
        found["anyOf"].sort(key=lambda each: each.get("type") == "null")
    return found


def _always_there(schema: Mapping[str, Any]) -> dict[str, Any]:
    properties = schema["properties"]
    needed = set(schema.get("required", ()))
    needed |= {name for name, of in properties.items() if "default" in of}
    plain = {
        name: {key: value for key, value in of.items() if key != "default"}
        for name, of in properties.items()
    }
    required = [name for name in properties if name in needed]
    return {**schema, "properties": plain, "required": required}


def document(routes: Sequence[Route]) -> Mapping[str, Any]:
    """The OpenAPI document of the routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        for path, what in _paths(route.path):
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, path, what)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "buildbot-lifecycle",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "GPL-2.0-only", "identifier": "GPL-2.0-only"},
        },
        # This document is at v1/openapi.json: the paths are beside it.
        "servers": [{"url": "."}],
        "paths": paths,
        "components": {
            # The data of events is documented by kind, as `event.CallEnded` of the kind call_ended.
            "schemas": {
                **components(ANSWERS),
                **components(events.KINDS.values(), "event."),
            },
            "responses": {
                str(status): _error(text, Several if status == _SEVERAL else Error)
                for status, text in _REASONS.items()
                if status >= _WRONG
            },
        },
    }


def of_the_page(routes: Sequence[Route]) -> Mapping[str, Any]:
    """What the types of the page are made from: all shapes, and the answer of each method and path.

    The page asks for whole rows. Parameters and errors are left out.
    """
    found = {}
    for route in routes:
        if route.content_type != "application/json":
            continue
        for path, what in _paths(route.path):
            answers = route.answers
            found[f"{route.method} {path}"] = (
                answers(what, whole=True) if callable(answers) else answers
            )
    schemas = {**document(routes)["components"]["schemas"], "Answers": record(**found)}
    about = {"title": "buildbot-lifecycle", "version": "1"}
    return {"openapi": "3.1.0", "info": about, "paths": {}, "components": {"schemas": schemas}}


def _paths(rule: str) -> Iterator[tuple[str, str]]:
    """The paths of a rule, below the version, and the plural that is in each, if there is one."""
    path = re.sub(r"<(\w+)>", r"{\1}", rule.removeprefix("/v1"))
    choice = re.search(r"<any\(([^)]*)\):\w+>", path)
    if choice is None:
        yield path, ""
        return
    for what in choice[1].split(", "):
        yield path.replace(choice[0], what), what


def _operation(route: Route, path: str, what: str) -> dict[str, Any]:
    answers = route.answers(what) if callable(route.answers) else route.answers
    found: dict[str, Any] = {
        "operationId": _operation_id(route.method, path),
        "summary": (route.handler.__doc__ or "").split("\n")[0],
        "parameters": [*_of_path(path), *_of_master(route), *_of_query(route, what)],
        "responses": {
            **{
                str(status): {
                    "description": _REASONS[status],
                    "content": {route.content_type: {"schema": answers}},
                }
                for status in route.statuses
            },
            **{
                str(status): {"$ref": f"#/components/responses/{status}"}
                for status in route.refuses
            },
        },
    }
    if route.body is not None:
        content = {"application/json": {"schema": route.body}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _operation_id(method: str, path: str) -> str:
    words = re.findall(r"\w+", path)
    return "_".join([method.lower(), *words])


def _error(text: str, shape: type[Error]) -> dict[str, Any]:
    return {"description": text, "content": {"application/json": {"schema": ref(shape)}}}


# parameters


def _of_path(path: str) -> Iterator[dict[str, Any]]:
    for name in re.findall(r"{(\w+)}", path):
        number = {"type": "integer", "minimum": 1}
        text = {"type": "string", "minLength": 1, "description": "its workerid or its name"}
        schema = text if name == "worker" else number
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _of_master(route: Route) -> Iterator[dict[str, Any]]:
    """What says which master's worker is meant."""
    if _SEVERAL in route.refuses:
        schema = {"type": "integer", "minimum": 1}
        yield _parameter("masterid", schema, "of the worker of this master")


def _of_query(route: Route, what: str) -> Iterator[dict[str, Any]]:
    takes = route.takes
    if not isinstance(takes, Rows):
        for name, of in takes.items():
            yield _parameter(name, of.schema, of.text)
        return
    entity = takes.entity or HISTORY[what]
    yield from _reserved(takes, entity)
    if takes.kind != "single":
        yield from _filters(entity)


def _reserved(takes: Rows, entity: Any) -> Iterator[dict[str, Any]]:
    """The parameters that are no filters."""
    fields = [(n, of) for n, of in entity.fields.items() if not isinstance(of, FilterOnly)]
    names = [name for name, _ in fields]
    ordered = [sign + name for name, of in fields if of.ops for sign in ("", "-")]
    known = {"collection": query.COLLECTION, "history": query.HISTORY, "single": query.SINGLE}
    limit: dict[str, Any] = {"type": "integer", "minimum": 0}
    if takes.kind == "history":
        limit = {**limit, "minimum": 1, "maximum": takes.most, "default": takes.default}
    of_name: dict[str, tuple[Schema, str]] = {
        "field": (many({"type": "string", "enum": names}), "only these fields"),
        "order": (
            many({"type": "string", "enum": ordered}),
            "ascending, or with - descending; several times for ties",
        ),
        "limit": (limit, "at most so many"),
        "offset": ({"type": "integer", "minimum": 0}, "skip so many"),
        "before": ({"type": "integer", "minimum": 1}, "only what is older than this id"),
    }
    for name in known[takes.kind]:
        yield _parameter(name, *of_name[name])


def _filters(entity: Any) -> Iterator[dict[str, Any]]:
    for field, of in entity.fields.items():
        value = of.schema
        for op in sorted(of.ops):
            several = op in query.PLURAL
            schema = many(value) if several else value
            yield _parameter(f"{field}__{op}", schema, f"{field}: {_OPS[op]}")
        if of.ops:
            yield _parameter(field, many(value), f"{field}: {_OPS['eq']}")


_OPS = {
    "eq": "is this, or one of these",
    "ne": "is none of these",
    "in": "is one of these",
    "notin": "is none of these",
    "lt": "below",
    "le": "at most",
    "gt": "above",
    "ge": "at least",
    "contains": "has this in it",
}


def _parameter(name: str, schema: Schema, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "in": "query", "description": text, "schema": schema}
    if schema.get("type") == "array":
        found.update(style="form", explode=True)
    return found
