"""Looks, decides and sends, for one generator in one reporter.

Whoever is to be told may be down or slow: a message that is under way holds up nothing but the next one
to the same reporter, and what happens meanwhile is noted and kept in Buildbot's own database.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pauses import at_most, backoff
from buildbot_lifecycle.reporting import told
from buildbot_lifecycle.reporting.memory import Memory, packed, unpacked
from buildbot_lifecycle.reporting.told import Telling

#: Whose memory it is, in Buildbot's table of objects.
CLASS_NAME = "buildbot_lifecycle.LatentWorkerGenerator"

#: Seconds between what was heard and the look at it: what comes together is looked at once.
LOOK_SECONDS = 1.0

#: Seconds until the next look when the service could not be asked.
RETRY_SECONDS = 5.0

#: Seconds after which a message whose end is not known counts as not delivered.
SEND_SECONDS = 600.0

#: Seconds until a message is sent again that could not be delivered, by how often it has failed.
_again = backoff(60.0, 3600.0)

_LATE = object()


class Teller:
    """Tells ``reporter``, as long as it ``is_meant``.

    ``desk`` gives what is asked of the service (None: master.cfg has none), ``report`` makes of what is
    to be said what the reporter sends.
    """

    def __init__(
        self,
        master: Any,
        reporter: Any,
        name: str,
        rules: told.Rules,
        levels: tuple[str, ...],
        *,
        desk: Callable[[], Any],
        report: Callable[[Any, float], Any],
        is_meant: Callable[[], bool],
    ) -> None:
        self._master, self._reporter, self._name = master, reporter, name
        self._rules, self._levels = rules, levels
        self._desk, self._report, self._is_meant = desk, report, is_meant
        self._clock = clocks.of(master.reactor)
        self._memory: Memory | None = None
        self._timer: Any = None
        self._looks = self._again = self._sends = False
        self._failed = 0
        self._fails: str | None = None
        self._not_before = 0.0
        self._saving = defer.DeferredLock()

    @property
    def reporter(self) -> Any:
        """Whom it tells."""
        return self._reporter

    def heard(self, workerid: int, level: str | None) -> None:
        """Something happened, or the worker's verdict has this level now: perhaps there is news."""
        memory = self._memory
        is_news = level is None or level in self._levels
        if memory is None or is_news or workerid in memory.stays:
            self._wake(LOOK_SECONDS)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _now(self) -> float:
        """By the wall clock, as the times of the database."""
        return float(self._clock.wall(self._clock.seconds()))

    def _wake(self, seconds: float) -> None:
        """Look after so many seconds, if nothing else has it look before."""
        if self._looks:
            self._again = True
            return
        at = self._clock.seconds() + max(0.0, seconds)
        if self._timer is not None:
            if self._timer.getTime() <= at:
                return
            self._timer.cancel()
        self._timer = self._clock.callLater(max(0.0, seconds), self._turn)

    def _turn(self) -> None:
        self._timer = None
        if self._is_meant():
            self._looks, self._again = True, False
            defer.ensureDeferred(self._look())

    async def _look(self) -> None:
        wait: float | None
        try:
            wait = await self._look_once()
            self._fails = None
        except Refusal:
            wait = RETRY_SECONDS
        except Exception as error:
            if self._fails != type(error).__name__:
                self._fails = type(error).__name__
                log_error(error, f"lifecycle: {self._name}: looking for what to tell failed")
            wait = 60.0
        self._looks = False
        if self._again:
            wait = LOOK_SECONDS if wait is None else min(wait, LOOK_SECONDS)
        if wait is not None:
            self._wake(wait)

    async def _look_once(self) -> float | None:
        """Seconds until the next look; None: when something is heard."""
        desk = self._desk()
        if desk is None:
            self._say_once("nothing can be told: master.cfg has no util.LifecycleService()")
            return None
        if self._memory is None:
            self._memory = await self._load(desk)
        look = await desk.look(self._levels, self._memory)
        now = self._now()
        before, self._memory = self._memory, told.see(self._memory, look, self._rules, now)
        if self._memory != before:
            await self._save()
        now = self._now()
        if self._sends:
            return None  # its end has it look again
        telling = told.telling(self._memory, self._rules, now)
        if telling is not None and now >= self._not_before:
            self._sends = True
            defer.ensureDeferred(self._tell(desk, telling, now))
            return None
        due = told.due(self._memory, self._rules, now)
        return None if due is None else max(LOOK_SECONDS, due - now, self._not_before - now)

    def _say_once(self, text: str) -> None:
        if self._fails != text:
            self._fails = text
            log_lines([f"{self._name}: {text}"])

    # Sending.

    async def _tell(self, desk: Any, telling: Telling, now: float) -> None:
        try:
            part = told.only(telling, self._rules)
            said = await desk.said(part, now) if part else {}
            if any(said.values()):
                await self._send(await self._report(said, now))
            if self._memory is not None:
                self._memory = told.told(self._memory, telling, self._now())
                await self._save()
            if self._failed:
                log_lines([f"{self._name}: messages are delivered again"])
            self._failed, self._not_before = 0, 0.0
        except Exception as error:
            self._failed += 1
            self._not_before = self._now() + _again(self._failed - 1)
            if self._failed == 1:
                log_error(
                    error,
                    f"lifecycle: {self._name}: a message was not delivered; it is tried again",
                )
        finally:
            self._sends = False
            self._wake(0.0)

    async def _send(self, report: Any) -> None:
        sent = defer.maybeDeferred(self._reporter.sendMessage, [report])
        if await at_most(sent, SEND_SECONDS, self._master.reactor, _LATE) is _LATE:
            raise TimeoutError(f"no answer in {SEND_SECONDS:.0f} s")

    # Its memory, in Buildbot's own table.

    async def _object(self) -> int:
        name = f"{self._reporter.name}@{self._master.name}"
        return int(await self._master.db.state.getObjectId(name, CLASS_NAME))

    async def _load(self, desk: Any) -> Memory:
        state = self._master.db.state
        text = await state.getState(await self._object(), self._name, None)
        if text is not None:
            try:
                return unpacked(text)
            except ValueError as error:
                log_error(error, f"lifecycle: {self._name}: what was told is not known any more")
        # what was done before is nobody's news
        return Memory(done=await desk.last_action())

    async def _save(self) -> None:
        await self._saving.acquire()
        try:
            if self._memory is not None:
                text = packed(self._memory)
                await self._master.db.state.setState(await self._object(), self._name, text)
        finally:
            self._saving.release()
