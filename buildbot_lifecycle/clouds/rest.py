"""Asks an API that speaks JSON, from a thread, with limits; for clouds whose drivers have no library.

Buildbot's drivers for Kubernetes, UpCloud and Marathon use Buildbot's HTTP client, which runs on the
reactor or in its threads, and has no limits. This one follows no redirect: where it leads is not the API,
and the credentials are not for it.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import ssl
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

from buildbot_lifecycle.clouds.values import CannotTell, Limits, Why

#: Bytes that an answer may have.
MOST = 64 * 1024 * 1024
_PART = 64 * 1024
_OK = range(200, 300)
_REFUSED = (401, 403)
_NO_CONTENT = 204


@dataclass(frozen=True)
class Answer:
    """A status, and the value of the JSON."""

    status: int
    body: Any

    def expect(self, *statuses: int) -> Any:
        """The body, if the status is one of these (or any success); else `CannotTell`."""
        if self.status in (statuses or _OK):
            return self.body
        why = Why.REFUSED if self.status in _REFUSED else Why.FAILED
        message = self.body.get("message") if isinstance(self.body, dict) else None
        raise CannotTell(why, f"answered {self.status}: {message or self.body}")


@dataclass(frozen=True)
class Rest:
    """One API. `headers` and `auth` hold credentials."""

    base: str
    limits: Limits
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    auth: tuple[str, str] | None = field(default=None, repr=False)
    #: As for `requests`: False, or the file of the authorities.
    verify: Any = True
    #: As for `requests`: a file, or a pair of certificate and key.
    cert: Any = None

    @property
    def secrets(self) -> Sequence[str]:
        """What must not be told."""
        values = [value.split()[-1] for value in self.headers.values() if value.strip()]
        if self.auth:
            values += [self.auth[1], _basic(self.auth)]
        return values

    def ask(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Any = None
    ) -> Answer:
        """One request. Raises if there is no answer in time, or one that is not JSON."""
        url = self.base + path + (f"?{urlencode(query)}" if query else "")
        headers = {**self.headers, "Accept": "application/json"}
        if self.auth:
            headers["Authorization"] = f"Basic {_basic(self.auth)}"
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        if not url.startswith(("http://", "https://")):
            raise CannotTell(Why.NOT_CONFIGURED, "the address of the API is not http or https")
        request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310 - see above
        deadline = time.monotonic() + self.limits.whole
        try:
            with self._opener().open(request, timeout=self.limits.read) as response:
                return self._read(response, deadline)
        except HTTPError as error:
            with error:
                return self._read(error, deadline)

    def _read(self, response: Any, deadline: float) -> Answer:
        parts: list[bytes] = []
        length = 0
        read = getattr(response, "read1", response.read)
        while part := read(_PART):
            parts.append(part)
            length += len(part)
            if length > MOST:
                raise CannotTell(Why.NONSENSE, f"an answer of more than {MOST} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError(f"an answer that takes more than {self.limits.whole:g} s")
        text = b"".join(parts)
        status = int(response.status)
        if status == _NO_CONTENT:
            return Answer(status, None)
        try:
            return Answer(status, json.loads(text))
        except ValueError:
            if status in _REFUSED:
                raise CannotTell(Why.REFUSED, f"answered {status}") from None
            why = Why.NONSENSE if status in _OK else Why.FAILED
            kind = response.headers.get("Content-Type") or "nothing"
            raise CannotTell(why, f"answered {status} with {kind}, not with JSON") from None

    def _opener(self) -> urllib.request.OpenerDirector:
        handlers: list[Any] = [_NoRedirect(), urllib.request.HTTPSHandler(context=self._tls())]
        # as Buildbot's own client: txrequests looks for proxies in the environment, treq not
        if importlib.util.find_spec("txrequests") is None:
            handlers.append(urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers)

    def _tls(self) -> ssl.SSLContext:
        authorities = self.verify if isinstance(self.verify, str) else None
        context = ssl.create_default_context(cafile=authorities)
        if self.verify is False:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert:
            pair = (self.cert,) if isinstance(self.cert, str) else tuple(self.cert)
            context.load_cert_chain(*pair)
        return context


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Whatever leads elsewhere is an answer like another."""

    def redirect_request(self, *_: Any) -> None:
        return None


def listed(body: Any, key: str) -> list[dict[str, Any]]:
    """The list of objects under `key`; `CannotTell` if the answer has another form: "gone" needs it."""
    found = body.get(key) if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise CannotTell(Why.NONSENSE, f"the answer has no list of {key}")
    return found


def _basic(auth: tuple[str, str]) -> str:
    return base64.b64encode(f"{auth[0]}:{auth[1]}".encode()).decode()
