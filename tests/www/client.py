"""An HTTP client that sends exactly what it is told, malformed things included."""

from __future__ import annotations

import base64
import dataclasses
import http.client
import json
from typing import Any
from urllib.parse import quote

from tests.harness.waiting import patient
from tests.www.rules import PASSWORD

API = "/plugins/lifecycle/api"
JSON = {"Content-Type": "application/json"}


@dataclasses.dataclass(frozen=True)
class Reply:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The error's word, after a look at its shape: every error has the same."""
        assert self.headers["Content-Type"] == "application/json; charset=utf-8", self.body
        assert self.headers["X-Content-Type-Options"] == "nosniff"
        assert self.headers["Cache-Control"] == "no-store"
        error = self.json
        assert isinstance(error["error"], str)
        assert error["error"]
        return str(error["code"])


class Client:
    """One server, seen by any of its users; a cookie per user."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._cookies: dict[str, str] = {}

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        user: str | None = None,
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patient(30))
        try:
            cookie = {"Cookie": self.cookie(user)} if user else {}
            connection.request(method, path, body, {**cookie, **(headers or {})})
            response = connection.getresponse()
            return Reply(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, user: str | None = None, **headers: str) -> Reply:
        """GET below /v1."""
        return self.send("GET", f"{API}/v1{path}", headers=headers, user=user)

    def post(self, path: str, body: Any, user: str | None = "alice", **headers: str) -> Reply:
        """POST below /v1; `body` is sent as JSON, or as it is if it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.send("POST", f"{API}/v1{path}", data, {**JSON, **given}, user)

    def force(self, name: str, user: str | None = "alice", **fields: Any) -> Reply:
        """Ask for a force disconnect, well formed unless `fields` say otherwise."""
        body = {"episode": 7, "confirm": name, "reason": "a test", **fields}
        return self.post(f"/workers/{quote(name, safe='')}/force-disconnect", body, user)

    def cookie(self, user: str) -> str:
        """The header of a user who has logged in."""
        if user not in self._cookies:
            token = base64.b64encode(f"{user}:{PASSWORD}".encode()).decode()
            headers = {"Authorization": f"Basic {token}"}
            reply = self.send("GET", "/auth/login", headers=headers)
            # The first cookie is that of the anonymous session that the login began with.
            cookies = reply.headers.get_all("Set-Cookie") or []
            assert cookies, (reply.status, reply.body)
            self._cookies[user] = cookies[-1].split(";", 1)[0]
        return self._cookies[user]
