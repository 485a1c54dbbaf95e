"""An OAuth2 provider on loopback, to which Buildbot's own GitHubAuth is pointed.

The grants are those of oauthlib's server (RFC 6749, authorization code); what is told of a user is the
part of GitHub's published REST that GitHubAuth asks for. Who sits before the browser is said by `login`,
as GitHub's own parameter of that name suggests an account: so nobody has to type a password.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from oauthlib.oauth2 import OAuth2Error, RequestValidator, WebApplicationServer

CLIENT, SECRET = "buildbot", "a secret of this client"

_API = "/api/v3"


class _Validator(RequestValidator):  # type: ignore[misc,unused-ignore]
    """One client; codes hold once, tokens until the provider ends."""

    def __init__(self) -> None:
        super().__init__()
        self.codes: dict[str, tuple[str, str]] = {}
        self.users: dict[str, str] = {}

    def validate_client_id(self, client_id: str, *_: Any, **__: Any) -> bool:
        return client_id == CLIENT

    def validate_redirect_uri(self, client_id: str, uri: str, *_: Any, **__: Any) -> bool:
        return urlsplit(uri).hostname == "127.0.0.1" and uri.endswith("/auth/login")

    def validate_response_type(self, client_id: str, kind: str, *_: Any, **__: Any) -> bool:
        return kind == "code"

    def validate_scopes(self, *_: Any, **__: Any) -> bool:
        return True

    def get_default_scopes(self, *_: Any, **__: Any) -> list[str]:
        return ["user:email", "read:org"]

    def save_authorization_code(self, client_id: str, code: Any, request: Any, **__: Any) -> None:
        self.codes[code["code"]] = (request.user, request.redirect_uri)

    def authenticate_client(self, request: Any, *_: Any, **__: Any) -> bool:
        request.client = type("Client", (), {"client_id": request.client_id})
        return request.client_id == CLIENT and request.client_secret == SECRET

    def validate_grant_type(self, client_id: str, kind: str, *_: Any, **__: Any) -> bool:
        return kind == "authorization_code"

    def is_pkce_required(self, *_: Any, **__: Any) -> bool:
        return False

    def get_code_challenge(self, *_: Any, **__: Any) -> None:
        return None

    def validate_code(
        self, client_id: str, code: str, client: Any, request: Any, **__: Any
    ) -> bool:
        if code not in self.codes:
            return False
        request.user, _ = self.codes[code]
        request.scopes = self.get_default_scopes()
        return True

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, *_: Any, **__: Any
    ) -> bool:
        return self.codes[code][1] == redirect_uri

    def invalidate_authorization_code(self, client_id: str, code: str, *_: Any, **__: Any) -> None:
        del self.codes[code]

    def save_bearer_token(self, token: Any, request: Any, *_: Any, **__: Any) -> None:
        self.users[token["access_token"]] = request.user

    def validate_bearer_token(self, token: str, scopes: Any, request: Any) -> bool:
        request.user = self.users.get(token)
        return request.user is not None


class Provider:
    """A server on a free port; use it as a context manager.

    ``users``: login -> what GitHub tells of it: ``name``, ``email``, ``orgs``.
    """

    def __init__(self, users: Mapping[str, Mapping[str, Any]]) -> None:
        self._users = users
        self._grants = WebApplicationServer(_Validator())
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:  # http.server's name
                self._answer(*provider.get(self.path, self.headers))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                self._answer(*provider.token(self.path, body, self.headers))

            def _answer(self, status: int, headers: Mapping[str, str], body: str | None) -> None:
                self.send_response(status)
                sent = (body or "").encode()
                for name, value in {**headers, "Content-Length": str(len(sent))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Provider:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @staticmethod
    def _https(path: str) -> str:
        """oauthlib takes no other; that this is loopback, it cannot know."""
        return f"https://provider{path}"

    def get(self, path: str, headers: Any) -> tuple[int, Mapping[str, str], str | None]:
        """The page where a user grants it, or what is told of the owner of a token."""
        if path.startswith(_API):
            return self._tell(path, headers)
        (user,) = parse_qs(urlsplit(path).query).get("login", [""])
        if not path.startswith("/login/oauth/authorize") or user not in self._users:
            return 404, {}, "nobody of that name"
        try:
            given, body, status = self._grants.create_authorization_response(
                self._https(path), headers=dict(headers), scopes=[], credentials={"user": user}
            )
        except OAuth2Error as error:
            return error.status_code, {}, str(error)
        return status, given, body

    def token(
        self, path: str, body: str, headers: Any
    ) -> tuple[int, Mapping[str, str], str | None]:
        """A token for a code."""
        if path != "/login/oauth/access_token":
            return 404, {}, ""
        given, answer, status = self._grants.create_token_response(
            self._https(path), "POST", body, dict(headers)
        )
        return status, given, answer

    def _tell(self, path: str, headers: Any) -> tuple[int, Mapping[str, str], str | None]:
        # GitHub calls the scheme so; what it is, is a bearer token
        said = str(headers.get("Authorization", "")).replace("token ", "Bearer ", 1)
        is_known, asked = self._grants.verify_request(
            self._https(path), headers={"Authorization": said}, scopes=["user:email"]
        )
        if not is_known:
            return 401, {}, '{"message": "Bad credentials"}'
        user = self._users[asked.user]
        told: dict[str, Any] = {
            "/user": {"login": asked.user, "name": user["name"], "email": None},
            "/user/emails": [
                {"email": "noreply@example.org", "primary": False},
                {"email": user["email"], "primary": True},
            ],
            "/user/orgs": [{"login": name} for name in user["orgs"]],
        }
        found = told.get(urlsplit(path).path.removeprefix(_API))
        if found is None:
            return 404, {}, '{"message": "Not Found"}'
        return 200, {"Content-Type": "application/json"}, json.dumps(found)
