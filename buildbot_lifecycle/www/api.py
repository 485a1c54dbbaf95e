"""The REST API, version 1, as a resource: what a handler answers or raises becomes a response.

`routes.ROUTES` is the list of everything that is served. A handler answers an `Answer` or raises a
`Refusal`; everything else it raises becomes a 500 that is logged once and whose text is not told to
the client.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import unquote_to_bytes

from klein import Klein
from twisted.python.failure import Failure
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.www import guard, wire
from buildbot_lifecycle.www.answers import (
    COMPRESS,
    GATHER,
    Answer,
    chained,
    each,
    encoded,
    gathered,
    gzipped,
    parts,
    refused,
    takes_gzip,
    write_head,
)
from buildbot_lifecycle.www.call import Call
from buildbot_lifecycle.www.door import Door
from buildbot_lifecycle.www.hub import Host, Request
from buildbot_lifecycle.www.routes import ROUTES
from buildbot_lifecycle.www.stream import Gate, Sender, abort

_NOT_READY = (
    "the lifecycle service is not configured on this master; add this line to master.cfg: "
    "c['services'].append(util.LifecycleService())"
)


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
    pieces = [part async for part in parts(answer, host.master.reactor)]
    is_long = sum(map(len, pieces)) > COMPRESS
    if is_long and takes_gzip(request.getHeader(b"accept-encoding")):
        pieces = [part async for part in gzipped(each(pieces), host.master.reactor)]
        request.setHeader(b"content-encoding", b"gzip")
    size = sum(map(len, pieces))
    write_head(request, answer, size)
    if size < GATHER or request.method == b"HEAD":
        return b"".join(pieces)
    # to join megabytes, and to hand them on in one, takes milliseconds
    await _send(host, request, each(pieces))
    return None


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
    await _send(host, request, body)
    return None


async def _send(host: Host, request: Request, body: AsyncIterator[bytes]) -> None:
    try:
        await Sender(request, clocks.of(host.master.reactor)).send(body)
    except Exception:  # what has begun as a 200 cannot become a 500: it is broken off
        if request.channel is None:
            raise
        log_error(None, f"lifecycle: while sending {request.method!r} {request.uri!r}")
        abort(request)


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


def _unquoted(part: str) -> str:
    """A part of the path as the client meant it; 404, since no name is spelt in other bytes."""
    try:
        return unquote_to_bytes(part).decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal("not_found", "this address is not in UTF-8") from None
