"""What is told of on Buildbot's message queue, once it is written: ids, states and times only.

Anonymous clients of Buildbot's own event endpoints can read it. Texts, errors and the names of
instances are in the authorised GET.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.verdicts.verdict import Verdict
from buildbot_lifecycle.db.recorder import Committed


class News:
    """Sends under ``('lifecycle', '<workerid>', what)``, until it is closed."""

    def __init__(self, master: Any) -> None:
        self._master = master
        self._closed = False

    def close(self) -> None:
        """Send nothing more: the service has left its master."""
        self._closed = True

    def tell(self, workerid: int, what: str, message: Mapping[str, Any]) -> None:
        """Send on mq."""
        if self._closed:
            return
        key = ("lifecycle", str(workerid), what)
        masterid = self._master.masterid
        self._master.mq.produce(key, {"workerid": workerid, "masterid": masterid, **message})

    def census(self, counts: Mapping[str, int]) -> None:
        """A census was taken: how many instances, and of each standing how many."""
        if not self._closed:
            masterid = self._master.masterid
            key = ("lifecycle", str(masterid), "census")
            self._master.mq.produce(key, {"masterid": masterid, "counts": dict(counts)})

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
            self.tell(one.event.workerid, "transition", message)
        told = {one.event.workerid for one in moved}
        newest = {one.event.workerid: one for one in committed}
        for workerid, one in newest.items():
            if workerid not in told:
                message = {"id": one.id, "kind": one.event.kind.value, "at": one.event.at}
                self.tell(workerid, "event", message)

    def verdicts(self, verdicts: Mapping[int, Verdict]) -> None:
        """Each verdict that is another one now."""
        for workerid, verdict in verdicts.items():
            message = {"level": verdict.level, "code": verdict.code, "since": verdict.since}
            self.tell(workerid, "verdict", message)
