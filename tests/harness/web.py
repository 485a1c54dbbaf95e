"""HTTP with JSON, by the standard library alone."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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
    asked = urllib.request.Request(url, data=body, headers=sent, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=timeout) as got:
            return Answer(got.status, got.headers, got.read().decode(errors="replace"))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.headers, error.read().decode(errors="replace"))
