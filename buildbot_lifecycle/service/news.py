"""What is told of on Buildbot's message queue, once it is written: ids, states and times only.

Anonymous clients of Buildbot's own event endpoints can read it. Texts, errors and the names of
instances are in the authorised GET.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.verdicts.verdict import Verdict
from buildbot_lifecycle.db.recorder import Committed
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.mq import WORD, Route

#: Messages that are sent in one turn of the reactor: each is written to every page that is open.
IN_A_TURN = 20

_Key = tuple[str, str, str]


class News:
    """Sends under ``('lifecycle', '<workerid>', what)``, in order, until it is closed."""

    def __init__(self, master: Any) -> None:
        self._master = master
        self._clock = clocks.of(master.reactor)
        self._route = Route(master)
        self._waiting: deque[tuple[_Key, dict[str, Any]]] = deque()
        self._sends = False
        self._closed = False

    def close(self) -> None:
        """Send what waits, and nothing more: the service has left its master."""
        self._closed = True
        while self._waiting:
            self._send_one()

    def tell(self, workerid: int, what: str, message: Mapping[str, Any]) -> None:
        """Send on mq, after what was told before."""
        self._tell(workerid, what, message)
        self._send_soon()

    def census(self, counts: Mapping[str, int]) -> None:
        """A census was taken: how many instances, and of each standing how many."""
        masterid = self._master.masterid
        self._put((WORD, str(masterid), "census"), {"masterid": masterid, "counts": dict(counts)})
        self._send_soon()

    def _put(self, key: _Key, message: dict[str, Any]) -> None:
        if not self._closed:
            self._waiting.append((key, message))

    def _send_soon(self) -> None:
        """Now, if nothing waits for another turn."""
        if not self._sends:
            self._send()

    def _send(self) -> None:
        self._sends = True
        for _ in range(min(IN_A_TURN, len(self._waiting))):
            self._send_one()
        self._sends = bool(self._waiting)
        if self._waiting:
            self._clock.callLater(0, self._send)

    def _send_one(self) -> None:
        key, message = self._waiting.popleft()
        try:
            self._route.produce(key, message)
        except Exception as error:
            log_error(error, "lifecycle: telling of committed events failed")

    def events(self, committed: Sequence[Committed]) -> None:
        """Each transition. Who hears of one looks at all of its worker; of the others, once for all."""
        moved = [one for one in committed if one.event.kind is Kind.TRANSITION]
        for one in moved:
            message = {
                "id": one.id,
                "episode": one.episode,
                "from": one.event.data["from"],
                "to": one.event.data["to"],
                "at": one.event.at,
            }
            self._tell(one.event.workerid, "transition", message)
        told = {one.event.workerid for one in moved}
        newest = {one.event.workerid: one for one in committed}
        for workerid, one in newest.items():
            if workerid not in told:
                message = {"id": one.id, "kind": one.event.kind.value, "at": one.event.at}
                self._tell(workerid, "event", message)
        self._send_soon()

    def verdicts(self, verdicts: Mapping[int, Verdict]) -> None:
        """Each verdict that is another one now."""
        for workerid, verdict in verdicts.items():
            message = {"level": verdict.level, "code": verdict.code, "since": verdict.since}
            self._tell(workerid, "verdict", message)
        self._send_soon()

    def _tell(self, workerid: int, what: str, message: Mapping[str, Any]) -> None:
        masterid = self._master.masterid
        told = {"workerid": workerid, "masterid": masterid, **message}
        self._put((WORD, str(workerid), what), told)
