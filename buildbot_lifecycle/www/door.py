"""The one resource under ``plugins/lifecycle/api``: what holds for every request, at every path.

It stands before Klein, because Klein answers some requests by itself and in HTML: a path that is
not UTF-8, a Host header that is no host name. It sets the headers that every answer has, checks
the Origin and answers a browser's question before a request from another origin (CORS preflight).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.www import guard
from buildbot_lifecycle.www.answers import Answer, encode, refused, write_head
from buildbot_lifecycle.www.hub import Host, Request

_EVERY_ANSWER = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    # The echoed origin makes the answer to one origin wrong for another; long ones are compressed.
    (b"vary", b"Origin, Accept-Encoding"),
)

_METHODS = "GET, HEAD, POST, OPTIONS"


class Door(Resource):
    """Lets requests through to Klein, or answers them in the same error shape."""

    isLeaf = True  # noqa: N815  # Twisted's name

    def __init__(self, host: Host, inner: Any) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Twisted has no annotation there
        self._host = host
        self._inner = inner

    def render(self, request: Request) -> int:
        """Answer, or hand over to Klein; nothing is raised."""
        for name, value in _EVERY_ANSWER:
            request.setHeader(name, value)
        try:
            if self._is_preflight(request):
                return NOT_DONE_YET
            # Quoted again, so that Klein's routes see only ASCII, and a slash that belongs to a
            # worker's name does not part it. The handlers unquote.
            request.postpath = [quote(part, safe="").encode("ascii") for part in request.postpath]
            if b"" in request.postpath:
                raise Refusal("not_found", "there is nothing at an address with empty parts")
            _check_host(request)
            self._inner.render(request)
        except Refusal as refusal:
            _answer(request, refused(refusal))
        except Exception:  # noqa: BLE001  # the boundary, as in api.py
            log_error(None, f"lifecycle: while reading {request.method!r} {request.uri!r}")
            text = "something went wrong in the master; its log says what"
            _answer(request, refused(Refusal("internal", text)))
        return NOT_DONE_YET

    def _is_preflight(self, request: Request) -> bool:
        """Check the origin; True if the request only asked about that and has been answered."""
        origins = request.requestHeaders.getRawHeaders(b"origin")
        if not origins:
            return False
        config = self._host.master.config
        origin = guard.check_origin(origins, guard.allowed_origins(config.www, config.buildbotURL))
        assert origin is not None
        request.setHeader(b"access-control-allow-origin", origin)
        asked = request.getHeader(b"access-control-request-method")
        if request.method != b"OPTIONS" or asked is None:
            return False
        request.setHeader(b"access-control-allow-methods", _METHODS.encode("ascii"))
        request.setHeader(b"access-control-allow-headers", b"Content-Type")
        request.setHeader(b"access-control-max-age", b"3600")
        request.setResponseCode(204)
        request.finish()
        return True


def _check_host(request: Request) -> None:
    """Refuse a Host header that Werkzeug would raise about, although nothing here depends on it."""
    try:
        request.getRequestHostname().decode("ascii").encode("idna")
    except UnicodeError:
        raise Refusal("bad_host", "the Host header is not a host name") from None


def _answer(request: Request, answer: Answer) -> None:
    body = encode(answer.fields)
    write_head(request, answer, len(body))
    request.write(body)
    request.finish()
