"""Where the name and the password of a worker are checked.

From worker/protocols/manager/{pb,msgpack}.py of Buildbot 4.3.0.
"""

from __future__ import annotations

from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.python.failure import Failure

from buildbot_lifecycle.host.names import (
    BuildbotWebSocketServerProtocol,
    Dispatcher,
    decode_http_authorization_header,
)

#: Where the name and the password of a worker are checked: Perspective Broker, msgpack.
GATES: tuple[tuple[type, str], ...] = (
    (Dispatcher, "requestAvatarId"),
    (BuildbotWebSocketServerProtocol, "onConnect"),
)


#: How the msgpack protocol, which is HTTP at first, says that name or password are wrong.
_UNAUTHORIZED = 401


def worker_of_login(gate: Any, asked: Any, problem: Failure) -> Any | None:
    """The worker whose name came with a wrong password; None if that is not what went wrong."""
    if isinstance(gate, Dispatcher):
        if not problem.check(UnauthorizedLogin):  # type: ignore[no-untyped-call]
            return None
        master, name = gate.master, asked.username
    else:
        if getattr(problem.value, "code", None) != _UNAUTHORIZED:
            return None
        master = gate.get_dispatcher().master
        name = decode_http_authorization_header(asked.headers["authorization"])[0]
    if isinstance(name, bytes):
        name = name.decode("utf-8", "replace")
    return master.workers.workers.get(name)
