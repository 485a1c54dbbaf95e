"""Long answers: sent in parts, as fast as the client takes them, by a bounded number at a time."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

from twisted.internet import defer, interfaces
from zope.interface import implementer

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.www.hub import Request

#: Seconds for which a client may take nothing; after that its connection is closed.
PATIENCE = 60.0

#: Seconds after which it is worth a try again, where too much is asked at once.
RETRY_AFTER = 5


class Gate:
    """Lets a number of requests through at a time, and refuses the others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.inside = 0

    @contextlib.contextmanager
    def passed(self) -> Iterator[None]:
        """Be one of them. Raises `Refusal` ``busy``."""
        if self.inside >= self._most:
            text = f"{self.inside} of these are being answered already; try again in a moment"
            raise Refusal("busy", text, retry_after_s=RETRY_AFTER)
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1


@implementer(interfaces.IPushProducer)
class Sender:
    """Writes parts of a body to a request, and waits while the client does not take them."""

    def __init__(self, request: Request, clock: Any) -> None:
        self._request = request
        self._clock = clock
        self._taken: defer.Deferred[None] | None = None
        self._timer: Any = None

    async def send(self, parts: AsyncIterator[bytes]) -> None:
        """All of them. The next is made only when those before have been taken."""
        self._request.registerProducer(self, True)
        try:
            async for part in parts:
                self._request.write(part)
                if self._taken is not None:
                    await self._taken
        finally:
            self._stop_timer()
            if self._request.channel is not None:  # Twisted forgets it with the connection
                self._request.unregisterProducer()

    def pauseProducing(self) -> None:  # noqa: N802  # Twisted's name
        """The client has not taken what was written."""
        if self._taken is None:
            self._taken = defer.Deferred()
            self._timer = self._clock.callLater(PATIENCE, abort, self._request)

    def resumeProducing(self) -> None:  # noqa: N802
        """It has."""
        self._stop_timer()
        taken, self._taken = self._taken, None
        if taken is not None and not taken.called:
            taken.callback(None)

    def stopProducing(self) -> None:  # noqa: N802
        """The client is gone; Klein cancels the handler for it."""
        self._stop_timer()

    def _stop_timer(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None


def abort(request: Request) -> None:
    """Close the connection at once: what was sent is not the whole, and the client can tell."""
    if request.channel is not None:
        request.channel.transport.abortConnection()
