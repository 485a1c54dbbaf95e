"""The request for a websocket, by hand: whether what stands before Buildbot passes it on."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import ssl
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

#: What the answer's key is made with (RFC 6455).
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

_SWITCHED = 101


def ask(
    url: str, headers: Mapping[str, str], tls: ssl.SSLContext, timeout: float
) -> tuple[int | None, str]:
    """The status of the answer, None without one; and what is wrong with it where it is not plain."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if urllib.request.getproxies().get(parts.scheme) and not urllib.request.proxy_bypass(host):
        return None, "not tried: the environment names a proxy for our own requests"
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=tls)
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=timeout)
    )
    key = base64.b64encode(os.urandom(16))
    sent = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": key.decode(),
        "Sec-WebSocket-Version": "13",
        "Origin": f"{parts.scheme}://{parts.netloc}",
        **headers,
    }
    try:
        connection.request("GET", f"{parts.path}/ws", headers=sent)
        answer = connection.getresponse()
        if answer.status != _SWITCHED:
            return answer.status, ""
        _leave(connection)
        proof = base64.b64encode(hashlib.sha1(key + _GUID).digest()).decode()  # noqa: S324  # RFC 6455 wants it
        is_real = answer.headers.get("Sec-WebSocket-Accept") == proof
        return _SWITCHED, "" if is_real else "HTTP 101 came, and not from a websocket"
    except (OSError, http.client.HTTPException) as error:
        return None, f"no answer: {error}"
    finally:
        connection.close()


def _leave(connection: http.client.HTTPConnection) -> None:
    """Say that we go (1000), so that nobody notes a connection that was lost."""
    mask = os.urandom(4)
    code = bytes(a ^ b for a, b in zip((1000).to_bytes(2, "big"), mask))
    if connection.sock is not None:
        with contextlib.suppress(OSError):  # it has gone first
            connection.sock.sendall(b"\x88\x82" + mask + code)
