"""The routes of the REST API, version 1, and what each of them asks the service.

`ROUTES` is the list of everything that is served; the handlers below it are in the same order. A
handler answers an `Answer` or raises a `Refusal`; everything else it raises becomes a 500 that is
logged once and whose text is not told to the client.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec
from klein import Klein
from msgspec import structs
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from buildbot_lifecycle.core import summaries
from buildbot_lifecycle.core.bounds import MAX_PAGE
from buildbot_lifecycle.core.requests import HistoryQuery, Page, Refusal
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import breath
from buildbot_lifecycle.shapes import history, instances, masters, spans
from buildbot_lifecycle.shapes.base import Shape
from buildbot_lifecycle.shapes.ending import EndPlan
from buildbot_lifecycle.shapes.force import DryRun
from buildbot_lifecycle.shapes.workers import Worker, WorkersMeta
from buildbot_lifecycle.www import details, export, guard, openapi, parameters, query, wire
from buildbot_lifecycle.www.answers import (
    COMPRESS,
    GATHER,
    SLICE,
    Answer,
    chained,
    compressed,
    encoded,
    gathered,
    gzipped,
    parts,
    refused,
    takes_gzip,
    write_head,
)
from buildbot_lifecycle.www.door import Door
from buildbot_lifecycle.www.entities import HISTORY, INSTANCE, WORKER
from buildbot_lifecycle.www.hub import Host, Request, Service, shielded, until_left
from buildbot_lifecycle.www.statuses import ACCEPTED, OK
from buildbot_lifecycle.www.stream import Gate, Sender, abort

#: Where Buildbot serves the API, below buildbotURL.
MOUNT = "plugins/lifecycle/api"

#: How many workers `can_force` is tried on, until one may be forced.
_CAN_FORCE_TRIES = 20

#: Tables, and answers of statistics or timeline, that are made or sent at a time; each.
MOST_TABLES, MOST_LONG = 4, 16

_NOT_READY = (
    "the lifecycle service is not configured on this master; add this line to master.cfg: "
    "c['services'].append(util.LifecycleService())"
)


@dataclasses.dataclass(frozen=True)
class Call:
    """One request on its way through a handler."""

    request: Request
    master: Any
    service: Service
    rights: guard.Rights

    @property
    def args(self) -> query.Args:
        """The query parameters. Of a POST too: Twisted would mix in fields of the body."""
        if self.request.method != b"POST":
            return dict(self.request.args)
        _, _, text = self.request.uri.partition(b"?")
        return {text: [b""]} if text else {}

    @property
    def address(self) -> str:
        """The path of this request as a browser must ask for it, also behind a reverse proxy."""
        below = b"/".join((*self.request.prepath[3:], *self.request.postpath)).decode("ascii")
        prefix = urlsplit(self.master.config.buildbotURL).path.strip("/")
        return "/".join(("", *filter(None, (prefix, MOUNT, below))))


async def workers(call: Call) -> Answer:
    """Every latent worker of every master."""
    await call.rights.may_read()
    spec = query.collection(call.master.data, WORKER, call.args)
    found = await shielded(call.service.workers)
    rows = await _shown(call, summaries.worker, found)
    # The stuck ones first: they are what somebody wants to force.
    candidates = sorted(rows, key=lambda row: not row["forceable"])[:_CAN_FORCE_TRIES]
    workerids = [row["workerid"] for row in candidates]
    rows, total = query.apply(spec, rows)
    return Answer({"meta": await _meta(call, total, workerids)}, "workers", rows)


async def worker(call: Call, worker: str) -> Answer:
    """One worker, as a list of one."""
    row = await _readable_worker(call, worker)
    spec = query.single(call.master.data, WORKER, call.args)
    meta = await _meta(call, 1, [row.workerid])
    shown = await _shown(call, summaries.worker, [row])
    return Answer({"meta": meta}, "workers", query.cut(shown, spec.fields))


async def worker_history(call: Call, worker: str, what: str) -> Answer:
    """A page of the transitions, events or episodes of one worker."""
    row = await _readable_worker(call, worker)
    return await _page(call, what, row.workerid)


async def all_history(call: Call, what: str) -> Answer:
    """A page of the transitions, episodes, actions or orphans of all workers."""
    await call.rights.may_read()
    return await _page(call, what, None)


async def one(call: Call, what: str, number: str) -> Answer:
    """One episode, action or orphan, as a list of one."""
    row = await _entry(call, what, number)
    await call.rights.may_read(row["workerid"])
    spec = query.single(call.master.data, HISTORY[what], call.args)
    shown = await _shown(call, summaries.HISTORY[what], [row])
    return Answer({"meta": history.Next(next=None)}, what, query.cut(shown, spec.fields))


async def table(call: Call, what: str) -> Answer:
    """All actions or orphans as CSV, newest first."""
    await call.rights.may_read()
    entity = HISTORY[what]
    most = export.MAX_ROWS
    asked = query.history(call.master.data, entity, what, call.args, default=most, most=most)
    await details.may_ask(call.rights, asked.query)
    names = export.columns(entity, asked.fields)
    size = min(asked.query.limit, MAX_PAGE)
    first = dataclasses.replace(asked.query, limit=size)
    # What cannot be asked is refused before anything is sent, and so is the rest announced.
    found = await until_left(call.service.history, first)
    last = None
    if found.more:
        last = found.rows[-1]["id"]
        if asked.query.limit > size:
            last = await until_left(call.service.last_of, asked.query)
    headers = {b"content-disposition": f'attachment; filename="{what}.csv"'.encode("ascii")}
    if last is not None:
        after = query.next_page(call.address, call.args, last)
        headers[b"link"] = f'<{after}>; rel="next"'.encode("ascii")
    return Answer(
        {},
        made=_lines(call, asked.query, names, found),
        streamed=True,
        content_type=b"text/csv; charset=utf-8",
        headers=headers,
    )


async def _lines(
    call: Call, asked: HistoryQuery, names: Sequence[str], found: Page
) -> AsyncIterator[bytes]:
    """The lines of a table, a page of rows at a time; `found` is the first."""
    yield export.header(names)
    left = asked.limit
    while True:
        shown = await _shown(call, summaries.HISTORY[asked.what], found.rows)
        for start in range(0, len(shown), SLICE):
            yield export.lines(names, shown[start : start + SLICE])
            await breath(call.master.reactor)
        left -= len(found.rows)
        if not found.more or left <= 0:
            return
        size = min(left, MAX_PAGE)
        page = dataclasses.replace(asked, limit=size, before=found.rows[-1]["id"])
        found = await until_left(call.service.history, page)


async def census(call: Call) -> Answer:
    """What really runs: what clouds list, joined with what the master knows."""
    await call.rights.may_read()
    spec = query.collection(call.master.data, INSTANCE, call.args)
    found = await shielded(call.service.instances)
    rows = await _shown(call, summaries.instance, found.instances)
    places = await _shown(call, summaries.place, found.places)
    rows, total = query.apply(spec, rows)
    meta = structs.replace(found.meta, total=total)
    return Answer({"places": places, "meta": meta}, "instances", rows)


async def refresh_census(call: Call) -> Answer:
    """Ask all clouds what they have; one census at a time."""
    await call.rights.may_read()
    query.none(call.args)
    wire.nothing(guard.json_body(call.request))
    return Answer({"meta": call.service.refresh_instances()}, status=ACCEPTED)


async def shutdown(call: Call) -> Answer:
    """What keeps each master from stopping."""
    await call.rights.may_read()
    query.none(call.args)
    found = await shielded(call.service.shutdown_view)
    rows = await details.shutdown(call.rights, found, call.master.reactor)
    meta = masters.StopMeta(total=len(rows), now=call.service.meta().now)
    return Answer({"meta": meta}, "shutdown", rows)


async def stats(call: Call) -> Answer:
    """How long starts, connections, lives and stops took, and how they ended."""
    await call.rights.may_read()
    asked = parameters.stats(call.args)
    for workerid in asked.workerids:
        await call.rights.may_read(workerid)
    found = await until_left(call.service.stats, asked)
    fields = {"outcomes": found.outcomes, "meta": found.meta}
    return Answer(fields, "stats", found.stats, streamed=True)


async def recent(call: Call) -> Answer:
    """The last episodes of each worker, in short."""
    await call.rights.may_read()
    asked = parameters.recent(call.args)
    for workerid in asked.workerids:
        await call.rights.may_read(workerid)
    rows = await shielded(call.service.recent, asked)
    return Answer({"meta": spans.Total(total=len(rows))}, "recent", rows)


async def timeline(call: Call) -> Answer:
    """Episodes with their phases and builds in a span of time, by worker."""
    await call.rights.may_read()
    asked = parameters.timeline(call.args)
    for workerid in asked.workerids:
        await call.rights.may_read(workerid)
    found = await until_left(call.service.timeline, asked)
    marks = await details.timeline(call.rights, found.marks, call.master.reactor)
    fields = {"marks": marks, "meta": found.meta}
    return Answer(fields, "lanes", found.lanes, inner="episodes", streamed=True)


async def health(call: Call) -> Answer:
    """The state of the recorder and the probe."""
    await call.rights.may_read()
    query.none(call.args)
    found = call.service.health()
    may_see = await call.rights.may_see()
    return Answer({"health": found if may_see else summaries.health(msgspec.to_builtins(found))})


async def force_disconnect(call: Call, worker: str) -> Answer:
    """Force a disconnect, or plan one."""
    call.rights.may_be_anonymous()
    row = await _readable_worker(call, worker)
    await call.rights.may_force(row.workerid)
    query.none(call.args)
    asked = wire.force_request(guard.json_body(call.request))
    answer = await shielded(call.service.force, row.workerid, asked, call.rights.actor)
    if answer.dry_run is not None:
        return Answer({"dry_run": answer.dry_run})
    fields = {"action": answer.action, "instance": answer.instance}
    return Answer(fields, status=OK if answer.is_over else ACCEPTED)


async def end_instance(call: Call, ident: str) -> Answer:
    """End an instance, or plan it."""
    call.rights.may_be_anonymous()
    try:
        row = await shielded(call.service.instance, ident)
    except Refusal:
        await call.rights.may_read()
        raise
    await call.rights.may_read(row.workerid)
    await call.rights.may_end(row.workerid)
    query.none(call.args)
    asked = wire.end_request(guard.json_body(call.request))
    answer = await shielded(call.service.end_instance, ident, asked, call.rights.actor)
    if answer.dry_run is not None:
        return Answer({"dry_run": answer.dry_run})
    return Answer({"action": answer.action}, status=OK if answer.is_over else ACCEPTED)


async def resolve_orphan(call: Call, number: str) -> Answer:
    """Close an orphan with a note."""
    call.rights.may_be_anonymous()
    row = await _entry(call, "orphans", number)
    await call.rights.may_read(row["workerid"])
    await call.rights.may_force(row["workerid"])
    query.none(call.args)
    note = wire.note(guard.json_body(call.request))
    orphan = await shielded(call.service.resolve_orphan, row["id"], note, call.rights.actor)
    return Answer({"orphan": orphan})


async def all_masters(call: Call) -> Answer:
    """Every master on the database: whether it lives, and how its clock goes."""
    await call.rights.may_read()
    query.none(call.args)
    rows = await shielded(call.service.masters)
    meta = masters.StopMeta(total=len(rows), now=call.service.meta().now)
    return Answer({"meta": meta}, "masters", rows)


async def dismiss(call: Call, number: str) -> Answer:
    """Dismiss a master that will never come back, or say what that would do."""
    call.rights.may_be_anonymous()
    await call.rights.may_read()
    masterid = wire.identifier(number)
    if masterid is None:
        raise Refusal("no_such_master", f"there is no master {wire.shown(number)}")
    await call.rights.may_dismiss(masterid)
    query.none(call.args)
    reason, dry_run = wire.dismissal(guard.json_body(call.request))
    actor = call.rights.actor
    answer = await shielded(call.service.dismiss, masterid, reason, dry_run, actor)
    if answer.dry_run is not None:
        return Answer({"dry_run": answer.dry_run})
    return Answer({"action": answer.action})


async def description(call: Call) -> Answer:
    """This interface as an OpenAPI document."""
    await call.rights.may_read()
    query.none(call.args)
    return Answer(_document())


_OF_ONE_WORKER = "transitions, events, episodes"
_OF_ALL = "transitions, episodes, actions, orphans"
_SINGLE = "episodes, actions, orphans"

_EXPORTED = "actions, orphans"

ROUTES = (
    openapi.Route(
        "GET",
        "/v1/workers",
        takes=openapi.Rows("collection", WORKER),
        answers=openapi.rows_of(WORKER, WorkersMeta),
        handler=workers,
    ),
    openapi.Route(
        "GET",
        "/v1/workers/<worker>",
        takes=openapi.Rows("single", WORKER),
        answers=openapi.rows_of(WORKER, WorkersMeta),
        handler=worker,
    ),
    openapi.Route(
        "GET",
        f"/v1/workers/<worker>/<any({_OF_ONE_WORKER}):what>",
        takes=openapi.Rows("history"),
        answers=openapi.rows_of(None, history.Next),
        handler=worker_history,
    ),
    openapi.Route(
        "POST",
        "/v1/workers/<worker>/force-disconnect",
        body=wire.FORCE,
        answers={
            "oneOf": [
                openapi.record(
                    action=openapi.ref(history.Action),
                    instance=openapi.or_null(openapi.ref(instances.Instance)),
                ),
                openapi.record(dry_run=openapi.ref(DryRun)),
            ]
        },
        statuses=(200, 202),
        refuses=(400, 401, 403, 404, 409, 412, 413, 415, 500, 503),
        handler=force_disconnect,
    ),
    openapi.Route(
        "POST",
        "/v1/instances/<ident>/end",
        body=wire.END,
        answers=openapi.either(action=openapi.ref(history.Action), dry_run=openapi.ref(EndPlan)),
        statuses=(200, 202),
        refuses=(400, 401, 403, 404, 409, 413, 415, 500, 503),
        handler=end_instance,
    ),
    openapi.Route(
        "GET",
        f"/v1/<any({_OF_ALL}):what>",
        takes=openapi.Rows("history"),
        answers=openapi.rows_of(None, history.Next, orphans=history.NextAndOpen),
        handler=all_history,
    ),
    openapi.Route(
        "GET",
        f"/v1/<any({_EXPORTED}):what>.csv",
        takes=openapi.Rows("history", most=export.MAX_ROWS, default=export.MAX_ROWS),
        content_type="text/csv",
        answers={"type": "string"},
        handler=table,
        bound=MOST_TABLES,
    ),
    openapi.Route(
        "GET",
        f"/v1/<any({_SINGLE}):what>/<number>",
        takes=openapi.Rows("single"),
        answers=openapi.rows_of(None, history.Next),
        handler=one,
    ),
    openapi.Route(
        "POST",
        "/v1/orphans/<number>/resolve",
        body=wire.NOTE,
        answers=openapi.record(orphan=openapi.ref(history.Orphan)),
        refuses=(400, 401, 403, 404, 409, 413, 415, 500, 503),
        handler=resolve_orphan,
    ),
    openapi.Route(
        "GET",
        "/v1/instances",
        takes=openapi.Rows("collection", INSTANCE),
        answers=openapi.rows_of(
            INSTANCE,
            instances.CensusMeta,
            {"places": openapi.many(openapi.ref(instances.Place))},
        ),
        handler=census,
    ),
    openapi.Route(
        "POST",
        "/v1/instances/refresh",
        body=wire.NOTHING,
        answers=openapi.record(meta=openapi.ref(instances.CensusMeta)),
        statuses=(202,),
        refuses=(400, 401, 403, 413, 415, 500, 503),
        handler=refresh_census,
    ),
    openapi.Route(
        "GET",
        "/v1/stats",
        takes=parameters.STATS,
        answers=openapi.ref(spans.Stats),
        handler=stats,
        bound=MOST_LONG,
    ),
    openapi.Route(
        "GET",
        "/v1/recent",
        takes=parameters.RECENT,
        answers=openapi.record(
            recent=openapi.many(openapi.ref(spans.Recent)), meta=openapi.ref(spans.Total)
        ),
        handler=recent,
    ),
    openapi.Route(
        "GET",
        "/v1/timeline",
        takes=parameters.TIMELINE,
        answers=openapi.ref(spans.Timeline),
        handler=timeline,
        bound=MOST_LONG,
    ),
    openapi.Route(
        "GET",
        "/v1/shutdown",
        answers=openapi.record(
            shutdown=openapi.many(openapi.ref(masters.MasterStop)),
            meta=openapi.ref(masters.StopMeta),
        ),
        handler=shutdown,
    ),
    openapi.Route(
        "GET",
        "/v1/masters",
        answers=openapi.record(
            masters=openapi.many(openapi.ref(masters.Master)),
            meta=openapi.ref(masters.StopMeta),
        ),
        handler=all_masters,
    ),
    openapi.Route(
        "POST",
        "/v1/masters/<number>/dismiss",
        body=wire.DISMISS,
        answers=openapi.either(
            action=openapi.ref(history.Action), dry_run=openapi.ref(masters.Dismissed)
        ),
        refuses=(400, 401, 403, 404, 409, 413, 415, 500, 503),
        handler=dismiss,
    ),
    openapi.Route(
        "GET",
        "/v1/health",
        answers=openapi.record(health=openapi.ref(masters.Health)),
        handler=health,
    ),
    openapi.Route("GET", "/v1/openapi.json", answers={"type": "object"}, handler=description),
)


@functools.cache
def _document() -> Mapping[str, Any]:
    return openapi.document(ROUTES)


def resource(host: Host) -> Door:
    """The resource that serves the API for `host`."""
    app = Klein()
    # An address with two slashes is wrong, not a redirect in HTML.
    app.url_map.merge_slashes = False
    for route in ROUTES:
        name = f"{route.method} {route.path}"
        serve = _serving(host, route.handler, None if route.bound is None else Gate(route.bound))
        app.route(route.path, methods=[route.method], endpoint=name)(serve)
    app.handle_errors(HTTPException)(_no_route)
    return Door(host, app.resource())


def _serving(
    host: Host, handler: Callable[..., Awaitable[Answer]], gate: Gate | None
) -> Callable[..., Awaitable[bytes | None]]:
    """One of our handlers for Klein: reads the path, writes the answer, catches what is raised."""

    async def serve(request: Request, **path: str) -> bytes | None:
        try:
            call = _call(host, request)
            named = {name: _unquoted(part) for name, part in path.items()}
            # Until the last byte is taken: what is held in memory is bounded too.
            with gate.passed() if gate is not None else contextlib.nullcontext():
                answer = await handler(call, **named)
                return await _body(host, request, answer)
        except Refusal as refusal:
            return await _body(host, request, refused(refusal))
        except Exception:  # the boundary: whatever went wrong is a 500, logged here
            if request.channel is None:
                raise  # the client went away, and Klein cancelled us; it knows what to do
            log_error(None, f"lifecycle: while answering {request.method!r} {request.uri!r}")
            text = "something went wrong in the master; its log says what"
            return await _body(host, request, refused(Refusal("internal", text)))

    return serve


async def _body(host: Host, request: Request, answer: Answer) -> bytes | None:
    """The body; None if it was sent already, since it is long."""
    if answer.streamed:
        made = parts(answer, host.master.reactor)
        first = await gathered(made)
        if len(first) >= GATHER:
            return await _stream(host, request, answer, first, made)
        answer = dataclasses.replace(answer, made=None, raw=first)
    body = await encoded(answer, host.master.reactor)
    if len(body) > COMPRESS and takes_gzip(request.getHeader(b"accept-encoding")):
        body = await compressed(body, host.master.reactor)
        request.setHeader(b"content-encoding", b"gzip")
    write_head(request, answer, len(body))
    return body


async def _stream(
    host: Host, request: Request, answer: Answer, first: bytes, rest: AsyncIterator[bytes]
) -> bytes | None:
    """Send a long body in parts, as fast as the client takes them."""
    body = chained(first, rest)
    if takes_gzip(request.getHeader(b"accept-encoding")):
        body = gzipped(body, host.master.reactor)
        request.setHeader(b"content-encoding", b"gzip")
    write_head(request, answer, None)
    if request.method == b"HEAD":
        return b""
    try:
        await Sender(request, host.master.reactor).send(body)
    except Exception:  # what has begun as a 200 cannot become a 500: it is broken off
        if request.channel is None:
            raise
        log_error(None, f"lifecycle: while sending {request.method!r} {request.uri!r}")
        abort(request)
    return None


def _call(host: Host, request: Request) -> Call:
    service = host.service()
    if service is None:
        raise Refusal("not_ready", _NOT_READY)
    rights = guard.Rights(
        host.master,
        request,
        anonymous_may_force=service.anonymous_may_force is True,
        details_for=service.details_for,
    )
    return Call(request, host.master, service, rights)


async def _no_route(request: Request, failure: Failure) -> bytes:
    """Nothing is served at this path, or not by this method."""
    error = failure.value
    if isinstance(error, MethodNotAllowed):
        allow = (*sorted(error.valid_methods or ()), "OPTIONS")
        if request.method == b"OPTIONS":
            request.setResponseCode(204)
            request.setHeader(b"allow", ", ".join(allow).encode("ascii"))
            return b""
        method = wire.shown(request.method.decode("ascii", "replace"))
        text = f"{method} is not possible here; expected {', '.join(allow)}"
        answer = refused(Refusal("method_not_allowed", text))
        answer = dataclasses.replace(answer, allow=allow)
    else:
        answer = refused(Refusal("not_found", "there is nothing at this address"))
    body = await encoded(answer, None)
    write_head(request, answer, len(body))
    return body


async def _meta(call: Call, total: int, workerids: list[int]) -> WorkersMeta:
    can_force = await call.rights.can_force(workerids)
    meta = call.service.meta()
    return WorkersMeta(
        total=total,
        now=meta.now,
        behind=meta.behind,
        can_force=can_force,
        details=can_force or await call.rights.may_see(),
        user=call.rights.user,
    )


async def _shown(
    call: Call,
    summary: Callable[[Mapping[str, Any]], Mapping[str, Any]],
    rows: Sequence[Any],
) -> list[Any]:
    return await details.rows(call.rights, summary, rows, call.master.reactor)


async def _page(call: Call, what: str, workerid: int | None) -> Answer:
    entity = HISTORY[what]
    asked = query.history(call.master.data, entity, what, call.args, workerid)
    await details.may_ask(call.rights, asked.query)
    page = await until_left(call.service.history, asked.query)
    rows = await _shown(call, summaries.HISTORY[what], page.rows)
    after = None
    if page.more and page.rows:
        after = query.next_page(call.address, call.args, page.rows[-1]["id"])
    meta = history.Next(next=after)
    if what == "orphans":
        meta = history.NextAndOpen(next=after, open=await until_left(call.service.open_orphans))
    return Answer({"meta": meta}, what, query.cut(rows, asked.fields))


async def _readable_worker(call: Call, ident: str) -> Worker:
    """The worker of this id or name; a client who may not read is not told that there is none."""
    try:
        row = await _worker(call.service, ident)
    except Refusal:
        await call.rights.may_read()
        raise
    await call.rights.may_read(row.workerid)
    return row


async def _worker(service: Service, ident: str) -> Worker:
    """By workerid, else by name: a name that looks like an id is found if no worker has that id."""
    number = wire.identifier(ident)
    if number is not None:
        try:
            return await until_left(service.worker, number)
        except Refusal as refusal:
            if refusal.code != "no_such_worker":
                raise
    return await until_left(service.worker, ident)


async def _entry(call: Call, what: str, text: str) -> Shape:
    number = wire.identifier(text)
    thing = HISTORY[what].name
    try:
        if number is None:
            raise Refusal(f"no_such_{thing}", f"there is no {thing} {wire.shown(text)}")
        return await until_left(call.service.one, what, number)
    except Refusal:
        await call.rights.may_read()
        raise


def _unquoted(part: str) -> str:
    """A part of the path as the client meant it; 404, since no name is spelt in other bytes."""
    try:
        return unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("not_found", "this address is not in UTF-8") from None
