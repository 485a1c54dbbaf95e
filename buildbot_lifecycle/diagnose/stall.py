"""Whether the reactor stands still: a driver that blocks it stops the whole master, our page too.

The reactor leaves a beat four times a second; a thread of ours looks twice a second how old the last
one is. Only when it is overdue by more than `LIMIT_SECONDS`, the thread looks at the reactor thread's
stack, once per stall. When the reactor goes on, its own next beat sees the gap and tells of it; what
does not go on for long is told by the thread, in the log, since nothing else of the master can.

What cannot be seen: while code outside Python holds the interpreter's lock, our thread stands still
too; then the seconds are told, and the stack is that of the moment after, or none.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from twisted.internet import task

from buildbot_lifecycle.diagnose import where
from buildbot_lifecycle.host import awaited
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.host.pulse import Pulse

#: Seconds between two beats of the reactor, and between two looks of the thread.
BEAT_SECONDS, LOOK_SECONDS = 0.25, 0.5

#: Seconds by which a beat must be overdue to be a stall. Shorter ones are a busy master's everyday.
LIMIT_SECONDS = 1.0

#: Seconds after which a stall that still lasts is told in the log: first, then at each multiple.
STILL_SECONDS, STILL_FACTOR = 10.0, 6.0

#: Innermost frames that go to the log.
LOGGED_FRAMES = 12

#: Functions of the reactors that call others' code; what is below them belongs to whoever blocks.
_LOOPS = {
    "twisted/internet/": frozenset(
        ("mainLoop", "runUntilCurrent", "doPoll", "doSelect", "doIteration", "_doReadOrWrite")
    ),
    "asyncio/": frozenset(("_run", "_run_once", "run_forever")),
}


@dataclasses.dataclass(frozen=True)
class Stall:
    """The reactor stood still: from ``at`` (steady), for at least ``seconds``.

    ``where`` is the stack as `where.Locator` tells it, and ``workerid`` whose driver was in it; both
    may be missing.
    """

    at: float
    seconds: float
    where: list[dict[str, Any]]
    workerid: int | None

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class _Sample:
    """What the reactor thread was doing while the beat of that moment was the last."""

    beat: float
    where: list[dict[str, Any]]
    workerid: int | None


class StallWatch:
    """Watches the reactor of a clock from `start`, called in its thread, until `stop`.

    ``told`` is called in the reactor's thread, once per stall, after it. ``owner`` answers the workerid
    of an object that is a worker watched here, else None; it is called in our thread.
    """

    def __init__(
        self, clock: Any, told: Callable[[Stall], None], owner: Callable[[Any], int | None]
    ) -> None:
        self._clock = clocks.of(clock)
        self._told = told
        self._owner = owner
        self._beating = task.LoopingCall(self._beat)
        self._beating.clock = self._clock
        self._pulse = Pulse("lifecycle-stall", LOOK_SECONDS, self._look)
        self._reactor_thread = 0
        self._beaten = 0.0
        self._sample: _Sample | None = None
        self._still_next = STILL_SECONDS
        self.last: Stall | None = None

    def start(self) -> None:
        if not isinstance(self._clock, clocks.Clock):
            return  # a clock of somebody's own, as in tests, which stands still all the time
        self._reactor_thread = threading.get_ident()
        self._beaten = self._clock.seconds()
        self._beating.start(BEAT_SECONDS, now=False).addErrback(log_error, "lifecycle: the beat")
        self._pulse.start()

    def stop(self) -> None:
        self._pulse.stop()
        if self._beating.running:
            self._beating.stop()

    # in the reactor's thread

    def _beat(self) -> None:
        now = self._clock.seconds()
        before, self._beaten = self._beaten, now
        seconds = now - before - BEAT_SECONDS
        if seconds < LIMIT_SECONDS:
            return
        sample, self._sample = self._sample, None
        if sample is None or sample.beat != before:
            sample = _Sample(before, [], None)
        at = now - seconds
        self.last = Stall(at, round(seconds, 3), sample.where, sample.workerid)
        try:
            self._told(self.last)
        except Exception:
            log_error(None, "lifecycle: while telling that the reactor stood still")

    # in our thread

    def _look(self) -> None:
        beat = self._beaten
        overdue = self._clock.seconds() - beat - BEAT_SECONDS
        if overdue < LIMIT_SECONDS:
            return
        if self._sample is None or self._sample.beat != beat:
            self._still_next = STILL_SECONDS
            self._sample = self._take(beat)
        elif overdue >= self._still_next:
            self._still_next *= STILL_FACTOR
            # twisted's own thread pool logs from its threads, too
            text = f"the reactor has stood still for {overdue:.0f} s, and still does"
            log_lines(lines(text, self._sample.where))

    def _take(self, beat: float) -> _Sample:
        with awaited.held_frames() as threads:
            innermost = threads.get(self._reactor_thread)
            try:
                frames = where.stack(innermost, _is_loop)
                return _Sample(beat, where.as_json(frames), self._whose(innermost))
            finally:
                del innermost

    def _whose(self, innermost: FrameType | None) -> int | None:
        """The worker in whose method the reactor stands still; of several the innermost."""
        for frame in awaited.outwards(innermost):
            if _is_loop(frame):
                return None
            code = frame.f_code
            if code.co_argcount and code.co_varnames[0] == "self":
                workerid = self._owner(frame.f_locals.get("self"))
                if workerid is not None:
                    return workerid
        return None


def _is_loop(frame: FrameType) -> bool:
    code = frame.f_code
    return any(code.co_name in names and part in code.co_filename for part, names in _LOOPS.items())


def lines(text: str, frames: list[dict[str, Any]]) -> list[str]:
    """For the log: a text with the function in which it is so, and what called that, innermost last."""
    if not frames:
        return [f"{text}; where is not known"]
    called = [f"  {f['file']}:{f['line']} {f['function']}" for f in frames[-LOGGED_FRAMES:]]
    return [f"{text}, in {frames[-1]['function']}, called from:", *called]
