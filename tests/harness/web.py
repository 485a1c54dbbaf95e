"""HTTP with JSON, over connections that are kept.

Kept for a reason: Buildbot 4.3 writes the answers of its own REST from a thread. A client that closes
its connection as soon as it has the answer may leave a dead descriptor in the master's epoll reactor,
and the next connection that gets its number, and all after it, are reset: the master's web server is
gone for good (twisted/twisted#11625). Our masters do not do so (buildbot_lifecycle/www/reactor.py), but
a stock one does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

from tests.harness.waiting import patient

_CONNECTIONS = urllib3.PoolManager(num_pools=50, maxsize=8)


@dataclass(frozen=True)
class Answer:
    """What a server said. Any status is an answer; only no answer is an exception (OSError)."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    def ok(self) -> Answer:
        """Itself, or AssertionError with what the server said instead."""
        assert 200 <= self.status < 300, f"HTTP {self.status}: {self.text[:2000]}"
        return self


def request(
    method: str,
    url: str,
    body: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = 20.0,
) -> Answer:
    """`body`: bytes are sent as they are, None is no body, and anything else is sent as JSON."""
    sent = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    try:
        got = _CONNECTIONS.request(
            method,
            url,
            body=body,
            headers=sent,
            timeout=patient(timeout),
            retries=False,
            redirect=False,
        )
    except urllib3.exceptions.HTTPError as error:
        raise ConnectionError(f"{method} {url}: {error}") from error
    return Answer(got.status, got.headers, got.data.decode(errors="replace"))


def answers(url: str) -> bool:
    """Whether a server is there, whatever it says."""
    try:
        return bool(request("GET", url).status)
    except OSError:
        return False
