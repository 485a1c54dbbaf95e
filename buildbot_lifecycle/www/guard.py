"""Who may ask, and in what form: Origin, content type, size of the body, Buildbot's own rights.

Nothing of Buildbot's REST protection stands before ``/plugins``, so what ``buildbot/www/rest.py``
of 4.3.0 checks is checked here again. Every function raises `Refusal` for what may not pass.
"""

from __future__ import annotations

import fnmatch
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from buildbot.www.authz import Forbidden
from twisted.internet.defer import CancelledError

from buildbot_lifecycle.core import rights
from buildbot_lifecycle.core.requests import (
    ANONYMOUS,
    AUTHZ_FORCE,
    DISMISS,
    END,
    PAUSE,
    UNPAUSE,
    Actor,
    Refusal,
)
from buildbot_lifecycle.core.texts import person
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.www.hub import Request
from buildbot_lifecycle.www.wire import MAX_BODY, shown

#: Failures of an administrator's own rules that were logged; the same one comes with each request.
_told: set[tuple[str, str]] = set()

#: What Buildbot's REST names a read; it passes the HTTP method. Ours says it for HEAD as well.
READ = "GET"

#: The fields of a user that can name him, best first, as Buildbot's REST takes its "owner".
_NAMES = ("email", "username", "full_name")


def allowed_origins(www: Mapping[str, Any], buildbot_url: str) -> tuple[str, ...]:
    """The patterns of ``www['allowed_origins']``; without them the origin of ``buildbotURL``."""
    configured = www.get("allowed_origins")
    if configured is None:
        url = urlsplit(buildbot_url)
        configured = [f"{url.scheme}://{url.netloc}"]
    return tuple(o.decode("utf-8") if isinstance(o, bytes) else str(o) for o in configured)


def check_origin(origins: Iterable[bytes], allowed: Iterable[str]) -> bytes | None:
    """The origin to be echoed for CORS, or None if the client sent none (it is no browser's page).

    Raises `Refusal` ``bad_origin``, for reads too, as Buildbot's REST does.
    """
    patterns = [re.compile(fnmatch.translate(pattern.lower())) for pattern in allowed]
    passed: bytes | None = None
    for origin in origins:
        text = origin.decode("latin-1").lower()
        if not any(pattern.match(text) for pattern in patterns):
            raise Refusal(
                "bad_origin",
                f"requests from the origin {shown(text)} are not allowed here; it must match "
                "c['buildbotURL'] or one of c['www']['allowed_origins']",
            )
        passed = origin
    return passed


def json_body(request: Request) -> bytes:
    """The body of a POST, unparsed.

    Raises `Refusal` ``wrong_content_type`` for anything but JSON (a page of another site can
    send forms without asking, but not JSON), 413 ``too_large`` before a large body is read.
    """
    content_type = (request.getHeader(b"content-type") or b"").decode("latin-1")
    if content_type.split(";", 1)[0].strip().lower() != "application/json":
        got = shown(content_type) if content_type else "none"
        raise Refusal("wrong_content_type", f"the content type must be application/json, not {got}")
    declared = request.getHeader(b"content-length")
    if declared is None or int(declared) <= MAX_BODY:
        body = request.content.read(MAX_BODY + 1)
        if len(body) <= MAX_BODY:
            return body
    raise Refusal("too_large", f"the body must not be larger than {MAX_BODY} bytes")


class Rights:
    """What the user of a request may do, by Buildbot's authz and our one rule for the anonymous."""

    def __init__(
        self, master: Any, request: Request, *, anonymous_may_force: bool, details_for: str
    ) -> None:
        self._master = master
        self._details_for = details_for
        self._forced: dict[int | None, bool] = {}
        self._request = request
        self._anonymous_may_force = anonymous_may_force
        info = master.www.getUserInfos(request)
        names = (person(str(info[field])) for field in _NAMES if info.get(field))
        # A session without a name cannot be held to account: it counts as anonymous.
        self._name = None if info.get("anonymous") else next(filter(None, names), None)

    @property
    def user(self) -> str | None:
        """The name of the user who is logged in, or None."""
        return self._name

    @property
    def actor(self) -> Actor:
        """Who is written down for what this request does."""
        return ANONYMOUS if self._name is None else Actor("user", self._name)

    async def may_read(self, workerid: int | None = None) -> None:
        """Pass if this worker (None: the workers) may be read; else `Refusal`."""
        await self._ask(workerid, READ)

    async def may_scrape(self, token: str | None) -> None:
        """Pass with this bearer token; without one, whoever may read. Else `Refusal`."""
        if token is None:
            await self._ask(None, READ, "metrics")
            return
        scheme, _, given = (self._request.getHeader(b"authorization") or b"").partition(b" ")
        if scheme.lower() != b"bearer":
            text = "metrics need the header Authorization: Bearer with the token of metrics_token"
            raise Refusal("no_token", text)
        if not hmac.compare_digest(given.strip(), token.encode("ascii")):
            raise Refusal("wrong_token", "the bearer token is not the one of metrics_token")

    def may_be_anonymous(self) -> None:
        """Pass unless this is an anonymous client that may not force anything; else `Refusal`."""
        if self._name is None and not self._anonymous_may_force:
            raise Refusal("not_logged_in", "log in to do this; anonymous clients may not")

    async def may_force(self, workerid: int | None = None) -> None:
        """Pass if a disconnect of this worker may be forced; else `Refusal`."""
        self.may_be_anonymous()
        await self._ask(workerid, AUTHZ_FORCE)

    async def may_override(self, workerid: int) -> None:
        """Pass if a force may go on where it is refused otherwise. Asked beside `may_force`."""
        self.may_be_anonymous()
        await self._ask(workerid, AUTHZ_FORCE, "override")

    async def may_resolve(self, workerid: int | None = None) -> None:
        """Pass if an orphan of this worker may be closed; else `Refusal`."""
        self.may_be_anonymous()
        await self._ask(workerid, AUTHZ_FORCE, "resolve")

    async def may_end(self, workerid: int | None = None) -> None:
        """Pass if an instance of this worker (None: of nobody's) may be ended; else `Refusal`."""
        self.may_be_anonymous()
        await self._ask(workerid, END)

    async def may_pause(self, workerid: int, *, pause: bool) -> None:
        """Pass if this worker may be paused, or unpaused, by Buildbot's own rules; else `Refusal`."""
        self.may_be_anonymous()
        await self._ask(workerid, PAUSE if pause else UNPAUSE)

    async def may_dismiss(self, masterid: int) -> None:
        """Pass if this master may be dismissed; else `Refusal`."""
        self.may_be_anonymous()
        await self._ask_at(("masters", str(masterid)), DISMISS)

    async def can_force(self, workerids: Iterable[int]) -> bool:
        """Whether `may_force` would pass for one of these workers; for any if there are none."""
        for workerid in (*workerids,) or (None,):
            if await self._passes(workerid):
                return True
        return False

    async def may_see(self, workerid: int | None = None) -> bool:
        """Whether the details of this worker (None: of the workers) are shown, not a summary.

        Who may force sees them in any case. Asked of what may be read already.
        """
        return self.may_see_all or await self._passes(workerid)

    @property
    def may_see_all(self) -> bool:
        """Whether `may_see` holds for every worker, without a question to Buildbot's authz."""
        return self._details_for == "readers" or (
            self._details_for == "users" and self._name is not None
        )

    async def _passes(self, workerid: int | None) -> bool:
        """Whether `may_force` passes; asked once for each worker."""
        if workerid not in self._forced:
            try:
                await self.may_force(workerid)
            except Refusal:
                self._forced[workerid] = False
            else:
                self._forced[workerid] = True
        return self._forced[workerid]

    async def _ask(self, workerid: int | None, action: str, name: str = "") -> None:
        endpoint = ("workers",) if workerid is None else ("workers", str(workerid))
        await self._ask_at(endpoint, action, name)

    async def _ask_at(self, endpoint: tuple[str, ...], action: str, name: str = "") -> None:
        """``name`` is the special one of `core.rights`, where the action has several."""
        options = rights.options(name)
        try:
            await self._master.www.assertUserAllowed(self._request, endpoint, action, options)
        except Forbidden as error:
            why = _reason(error)
            if self._name is None:
                raise Refusal("not_logged_in", f"log in to do this: {why}") from None
            raise Refusal("forbidden", f"{self._name} may not do this: {why}") from None
        except CancelledError:
            raise  # the client has gone away
        except Exception as error:  # noqa: BLE001  # whatever a rule of somebody else raises
            # A rule of the administrator's own that fails allows nothing, and takes nothing along.
            _tell_once(action, error)
            text = "a rule of this master's authz failed, so this is not allowed; its log says how"
            raise Refusal("forbidden", text) from None


def _tell_once(action: str, error: Exception) -> None:
    kind = (action, type(error).__name__)
    if kind not in _told:
        _told.add(kind)
        text = (
            f"a rule of c['www']['authz'] failed at the action {action}; nothing is allowed by it"
        )
        log_error(error, f"lifecycle: {text}")


def _reason(error: Any) -> str:
    """The text of Buildbot's Forbidden, which is bytes."""
    message = error.message
    return message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
