"""The memory of a generator, in Buildbot's own table of objects.

Buildbot's threads try again for a day when the database does not answer. So nobody waits for one longer
than `SAVE_SECONDS`, and there is never more than one of ours.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.reporting.memory import Memory, packed, unpacked

#: Whose memory it is, there.
CLASS_NAME = "buildbot_lifecycle.LatentWorkerGenerator"

#: Seconds for which is waited until it is written; then it is written some time.
SAVE_SECONDS = 10.0


class Kept:
    """What one generator in one reporter has told."""

    def __init__(self, master: Any, reporter: Any, name: str) -> None:
        self._master, self._reporter, self._name = master, reporter, name
        #: for the log: generators of different reporters have one name
        self.who = f"{name} of {type(reporter).__name__} {str(reporter.name)!r}"
        self._newest: Memory | None = None
        self._writes = False
        self._waiting: list[defer.Deferred[bool]] = []
        #: whether what was given last is in the table
        self.is_written = True

    async def _object(self) -> int:
        name = f"{self._reporter.name}@{self._master.name}"
        return int(await self._master.db.state.getObjectId(name, CLASS_NAME))

    async def load(self, desk: Any) -> Memory:
        """What was told before; for the first time, nothing was."""
        state = self._master.db.state
        text = await state.getState(await self._object(), self._name, None)
        if text is not None:
            try:
                return unpacked(text)
            except ValueError as error:
                log_error(error, f"lifecycle: {self.who}: what was told is not known any more")
        # what was done before is nobody's news
        return Memory(done=await desk.last_action())

    async def save(self, memory: Memory) -> bool:
        """Whether it is written. Raises what Buildbot raises."""
        self._newest, self.is_written = memory, False
        waiter: defer.Deferred[bool] = defer.Deferred()
        self._waiting.append(waiter)
        if not self._writes:
            self._writes = True
            defer.ensureDeferred(self._write())
        return await at_most(waiter, SAVE_SECONDS, self._master.reactor, False)

    async def _write(self) -> None:
        error: Exception | None = None
        try:
            while self._newest is not None:
                text, self._newest = packed(self._newest), None
                await self._master.db.state.setState(await self._object(), self._name, text)
            self.is_written = True
        except Exception as raised:
            error, self._newest = raised, None
        self._writes = False
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.called:
                waiter.errback(error) if error is not None else waiter.callback(True)
