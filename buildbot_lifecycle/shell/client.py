"""REST over urllib: it takes proxies from the environment and needs nothing that is not in Python.

One request at a time, none is asked again by itself: an act that was sent may have been done.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from buildbot_lifecycle import __version__
from buildbot_lifecycle.shell import refusals, sessions
from buildbot_lifecycle.shell.settings import Settings, cookies, is_exposed, secret
from buildbot_lifecycle.shell.trouble import Status, Trouble

_API = "/plugins/lifecycle/api/v1"

Query = Sequence[tuple[str, str]]


class Answer(NamedTuple):
    """What the plugin has answered: 2xx, and JSON."""

    status: int
    json: Any


class _Raw(NamedTuple):
    status: int
    headers: Mapping[str, str]
    cookies: Sequence[str]
    body: bytes


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Passwords and acts go where they were sent, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Client:
    """One Buildbot, asked by one user. Logs in with the first request, if there is a user."""

    def __init__(
        self, settings: Settings, ask: Callable[[str], str], warn: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._ask = ask
        self._warn = warn
        self._is_warned = False
        handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
        # to read all authorities takes longer than all else that a short command does
        if settings.ca_file or settings.url.startswith("https:"):
            handlers.append(urllib.request.HTTPSHandler(context=tls_context(settings.ca_file)))
        self._opener = urllib.request.build_opener(*handlers)
        self._credentials: dict[str, str] | None = None
        #: what a proxy before Buildbot wants beside the session, once `by_password` has found that
        self.with_each: dict[str, str] = {}

    def get(self, path: str, query: Query = ()) -> Answer:
        """GET below the interface's root."""
        return self._call("GET", path, query, None)

    def page(self, path: str) -> Any:
        """JSON of Buildbot's own, below its address; None where it gives none."""
        raw = self._send("GET", path, self.credentials())
        return _json(raw) if raw.status in _GOOD else None

    def post(self, path: str, body: Mapping[str, Any], query: Query = ()) -> Answer:
        """POST; without an answer, nobody knows whether it was done, and the error says so."""
        self.credentials()
        try:
            return self._call("POST", path, query, json.dumps(body).encode())
        except Trouble as trouble:
            if not trouble.is_sent or body.get("dry_run"):
                raise
            advice = "It may have been done all the same: look at `buildbot-lifecycle actions`"
            raise Trouble(Status.UNDER_WAY, trouble.message, advice) from trouble

    def _call(self, method: str, path: str, query: Query, body: bytes | None) -> Answer:
        address = _API + path + ("?" + urlencode(query) if query else "")
        headers = dict(self.credentials())
        if body is not None:
            headers["Content-Type"] = "application/json"
        raw = self._send(method, address, headers, body)
        value = _json(raw)
        if raw.status not in _GOOD or not isinstance(value, dict):
            is_known = bool(self._credentials)
            raise refusals.trouble(raw.status, raw.headers, value, self._settings.url, is_known)
        return Answer(raw.status, value)

    def _send(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> _Raw:
        url = self._settings.url + path
        sent = {
            "User-Agent": f"buildbot-lifecycle/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            **headers,
        }
        request = urllib.request.Request(url, body, sent, method=method)  # noqa: S310  # http or https, looked at before
        try:
            try:
                response = self._opener.open(request, timeout=self._settings.timeout)
            except urllib.error.HTTPError as error:
                response = error  # any status is an answer
            with response:
                packed = response.read()
                found = response.headers
        except (OSError, http.client.HTTPException) as error:
            raise refusals.no_answer(error, self._settings.url, self._settings.timeout) from error
        if found.get("Content-Encoding") == "gzip":
            try:
                packed = gzip.decompress(packed)
            except (OSError, EOFError) as error:
                raise refusals.no_answer(
                    error, self._settings.url, self._settings.timeout
                ) from error
        given = {name.lower(): value for name, value in found.items()}
        return _Raw(response.status or 0, given, found.get_all("Set-Cookie") or [], packed)

    # who asks

    def credentials(self) -> Mapping[str, str]:
        """The headers that say who asks."""
        if self._credentials is None:
            self._credentials = self._log_in()
        return self._credentials

    def _log_in(self) -> dict[str, str]:
        """None for anonymous."""
        given = self._settings
        if given.cookie_file:
            return self._exposing("cookie", {"Cookie": cookies(given.cookie_file, given.url)})
        if given.token_file:
            return self._exposing("token", {"Authorization": f"Bearer {secret(given.token_file)}"})
        if given.password_file and not given.user:
            raise Trouble(
                Status.USAGE,
                "a password file is given (--password-file), and no user whose password it has",
                "--user NAME, or BUILDBOT_LIFECYCLE_USER, or user = NAME in the configuration",
            )
        if given.user is None or (given.password is None and given.password_file is None):
            kept = sessions.kept(given.url, given.user)
            if kept is not None:
                return self._exposing("cookie", {"Cookie": kept})
        if not given.user:
            return {}
        pairs = self.by_password(given.user)
        cookie = "; ".join(f"{name}={value}" for name, value in pairs.items())
        return {**self.with_each, "Cookie": cookie}

    def by_password(self, user: str) -> dict[str, str]:
        """Log in; the cookies of the session."""
        given = self._settings
        pair = f"{user}:{self._password(user)}".encode()
        basic = {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}
        raw = self._send("GET", "/auth/login", self._exposing("password", basic))
        # Buildbot sends the client on to its page.
        if raw.cookies and raw.status in _SENT_ON:
            return _session(raw.cookies)
        if raw.status == _NO_LOGIN_HERE:
            # RemoteUserAuth: a proxy wants the password with each request, and says at the page who it is
            page = self._send("GET", "/", basic)
            if page.cookies and page.status in _GOOD:
                self.with_each = basic
                return _session(page.cookies)
        raise refusals.no_login(raw.status, user, given.url)

    def _exposing(self, what: str, headers: dict[str, str]) -> dict[str, str]:
        """`headers`, with a warning where everybody on the way could read them."""
        if is_exposed(self._settings.url) and not self._is_warned:
            self._is_warned = True
            self._warn(
                f"warning: the {what} goes to {self._settings.url} unencrypted, and who reads it on the"
                " way can use it. Is there an address with https?"
            )
        return headers

    def _password(self, user: str) -> str:
        given = self._settings
        if given.password is not None:
            return given.password
        if given.password_file:
            return secret(given.password_file)
        return self._ask(f"Password of {user} at {given.url}")


_GOOD = (200, 202)
_SENT_ON = (301, 302, 303, 307)
_NO_LOGIN_HERE = 403


def _session(given: Sequence[str]) -> dict[str, str]:
    """The last cookie of each name: that of the session which has logged in."""
    return dict(each.split(";", 1)[0].split("=", 1) for each in given if "=" in each)


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Whose certificates are trusted."""
    try:
        file = Path(ca_file).expanduser() if ca_file else None
        return ssl.create_default_context(cafile=file)
    except (OSError, ssl.SSLError) as error:
        raise Trouble(
            Status.USAGE,
            f"{ca_file} is no file of certificates: {error}",
            "It has the authority's certificate in PEM: -----BEGIN CERTIFICATE-----",
        ) from error


def _json(raw: _Raw) -> Any:
    """None where the body is no JSON: then it was not the plugin that answered."""
    try:
        return json.loads(raw.body)
    except ValueError:
        return None


def worker_path(ident: str, more: str = "") -> str:
    """The path of a worker by its name or number."""
    return f"/workers/{quote(ident, safe='')}{more}"
