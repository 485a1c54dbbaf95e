"""Looks, decides and sends, for one generator in one reporter.

Whoever is to be told may be down or slow: a message that is under way holds up nothing but the next one
to the same reporter, and what happens meanwhile is noted and kept in Buildbot's own database.

While that does not answer, the only thing that is told is that the master is behind. What was told is
written down when it answers again.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pauses import at_most, backoff
from buildbot_lifecycle.host.receivers import send
from buildbot_lifecycle.reporting import told
from buildbot_lifecycle.reporting.kept import Kept
from buildbot_lifecycle.reporting.memory import Memory
from buildbot_lifecycle.reporting.seen import Look
from buildbot_lifecycle.reporting.told import Telling

#: Seconds between two looks at whether the master is behind; they ask nobody.
PULSE_SECONDS = 5.0

#: Seconds between what was heard and the look at it: what comes together is looked at once.
LOOK_SECONDS = 1.0

#: Seconds until the next look when the service could not be asked.
RETRY_SECONDS = 5.0

#: Seconds after which a message whose end is not known counts as not delivered.
SEND_SECONDS = 600.0

#: Seconds until a message is sent again that could not be delivered, by how often it has failed.
_again = backoff(60.0, 3600.0)

_LATE = object()

#: Names of those that have a message under way, by their reporter: whoever takes over waits for its end.
_under_way: weakref.WeakKeyDictionary[Any, set[str]] = weakref.WeakKeyDictionary()


class Teller:
    """Tells ``reporter``, as long as it ``is_meant``.

    ``desk`` gives what is asked of the service (None: master.cfg has none), ``report`` makes of what is
    to be said what the reporter sends; ``counted`` is called for each message with whether it was
    delivered. When it is meant no more, ``succeeded`` is called.
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
        counted: Callable[[bool], None],
        succeeded: Callable[[], None],
    ) -> None:
        self._master, self._reporter, self._name = master, reporter, name
        self._rules, self._levels = rules, levels
        self._desk, self._report, self._is_meant = desk, report, is_meant
        self._counted, self._succeeded = counted, succeeded
        self._clock = clocks.of(master.reactor)
        self._memory: Memory | None = None
        self._timer: Any = None
        self._looks = self._again = self._sends = False
        self._failed = 0
        self._fails: str | None = None
        self._not_before = 0.0
        self._kept = Kept(master, reporter, name)
        self._who = self._kept.who
        self._clock.callLater(PULSE_SECONDS, self._pulse)

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

    def _pulse(self) -> None:
        """Look, if the master is behind now, or no longer: while it is, nothing is heard."""
        if not self._is_meant():
            self._succeeded()
            return
        self._clock.callLater(PULSE_SECONDS, self._pulse)
        desk, memory = self._desk(), self._memory
        if desk is not None and memory is not None:
            seen = told.see_lag(memory, desk.behind_since(), self._rules, self._now())
            if seen.lag != memory.lag:
                self._wake(0.0)

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
                log_error(error, f"lifecycle: {self._who}: looking for what to tell failed")
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
            if self._name in _under_way.get(self._reporter, ()):
                return RETRY_SECONDS
            self._memory = await self._kept.load(desk)
        look = await self._ask(desk, self._memory)
        now = self._now()
        before, memory = self._memory, self._memory
        if look is None:
            memory = told.see_lag(memory, desk.behind_since(), self._rules, now)
        else:
            memory = told.see(memory, look, self._rules, now)
        self._memory = memory
        is_kept = look is not None and (
            (memory == before and self._kept.is_written) or await self._kept.save(memory)
        )
        now = self._now()
        if self._sends:
            return None  # its end has it look again
        telling = told.telling(self._memory, self._rules, now)
        if telling is not None and not is_kept:
            telling = told.of_lag(self._memory)
        if telling and now >= self._not_before:
            self._sends = True
            _under_way.setdefault(self._reporter, set()).add(self._name)
            defer.ensureDeferred(self._tell(desk, telling, now))
            return None
        if not is_kept:
            return RETRY_SECONDS
        due = told.due(self._memory, self._rules, now)
        return None if due is None else max(LOOK_SECONDS, due - now, self._not_before - now)

    async def _ask(self, desk: Any, memory: Memory) -> Look | None:
        """What there is; None: the database cannot be asked now."""
        try:
            look: Look = await desk.look(self._levels, memory)
        except Refusal:
            return None
        except Exception:
            if desk.behind_since() is None:
                raise
            return None
        return look

    def _is_away(self, desk: Any) -> bool:
        """Whether the database seems not to answer."""
        since = desk.behind_since()
        return since is not None and self._now() - since >= PULSE_SECONDS

    def _say_once(self, text: str) -> None:
        if self._fails != text:
            self._fails = text
            log_lines([f"{self._who}: {text}"])

    # Sending.

    async def _tell(self, desk: Any, telling: Telling, now: float) -> None:
        try:
            part = told.only(telling, self._rules)
            said = await desk.said(part, now) if part else {}
            if any(said.values()):
                await self._send(await self._report(said, now))
                self._counted(True)
            if self._memory is not None:
                self._memory = told.told(self._memory, telling, self._now())
                if self._is_away(desk):
                    self._kept.is_written = False
                else:
                    await self._kept.save(self._memory)
            if self._failed:
                log_lines([f"{self._who}: messages are delivered again"])
            self._failed, self._not_before = 0, 0.0
        except Refusal:
            # what there is to say could not be looked up
            self._not_before = self._now() + RETRY_SECONDS
        except Exception as error:
            self._counted(False)
            self._failed += 1
            self._not_before = self._now() + _again(self._failed - 1)
            if self._failed == 1:
                log_error(
                    error,
                    f"lifecycle: {self._who}: a message was not delivered; it is tried again",
                )
        finally:
            self._sends = False
            _under_way[self._reporter].discard(self._name)
            self._wake(0.0)

    async def _send(self, report: Any) -> None:
        sent: defer.Deferred[Any] = defer.ensureDeferred(send(self._reporter, report))
        if await at_most(sent, SEND_SECONDS, self._master.reactor, _LATE) is _LATE:
            raise TimeoutError(f"no answer in {SEND_SECONDS:.0f} s")
