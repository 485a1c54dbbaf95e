"""A Perspective Broker peer that logs in as a worker and then goes silent at a chosen question.

`python -m tests.harness.frozen_peer PORT NAME PASSWORD QUESTION`, where QUESTION is `print` (the first
one, before it is let in), `setBuilderList` (while it attaches) or `nothing` (it answers everything). It
answers nothing after it, as a frozen process; with `only:setBuilderList` it does, and is never let in.
It prints the question at which it goes silent when it was asked: until then the master may let in others.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.cred import credentials
from twisted.internet import defer, reactor
from twisted.spread import pb

_NEVER: list[defer.Deferred[None]] = []


class Peer(pb.Referenceable):  # type: ignore[misc]
    """Answers like a worker, up to the question at which it goes silent."""

    def __init__(self, silent_at: str) -> None:
        self._silent_at = silent_at.rpartition(":")[2]
        self._only = silent_at.startswith("only:")
        self._silent = False

    def _answer(self, question: str, answer: Any) -> Any:
        if question == self._silent_at:
            self._silent = not self._only
            sys.stdout.write(question)
            sys.stdout.flush()
        elif not self._silent:
            return answer
        _NEVER.append(defer.Deferred())
        return _NEVER[-1]

    def remote_print(self, message: str) -> Any:
        return self._answer("print", None)

    def remote_getWorkerInfo(self) -> Any:  # noqa: N802 - the protocol's name
        return self._answer("getWorkerInfo", {"version": "4.3.0", "worker_commands": {}})

    def remote_setBuilderList(self, builders: Any) -> Any:  # noqa: N802 - the protocol's name
        return self._answer("setBuilderList", {})


def main(port: str, name: str, password: str, silent_at: str) -> None:
    """Log in, and stay until killed or disconnected."""
    factory = pb.PBClientFactory()
    factory.clientConnectionLost = lambda *_: reactor.stop()
    reactor.connectTCP("127.0.0.1", int(port), factory)
    creds = credentials.UsernamePassword(name.encode(), password.encode())
    factory.login(creds, Peer(silent_at)).addErrback(lambda _: None)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
