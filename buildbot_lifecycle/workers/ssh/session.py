"""One run of the OpenSSH client: spawned by the reactor, talked to in lines, ended in time.

The client runs in a process group of its own, so that what it starts itself (the client of a jump host)
ends with it, and has an alarm of the kernel's, so that it ends also when the master was killed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet import defer, error
from twisted.internet.protocol import ProcessProtocol
from twisted.python import log
from twisted.python.failure import Failure

from buildbot_lifecycle.host import clock as clocks

#: Bytes of each stream that are kept; a chatty remote host must not fill the master's memory.
KEEP_BYTES = 64 * 1024

#: Seconds that a killed client may take to be gone, and its pipes to be closed.
REAP_SECONDS = 2.0

#: Seconds by which the kernel's alarm comes after our own bound.
ALARM_MARGIN = 30

# A group of its own also has no terminal: ssh cannot ask anybody for a password. The alarm outlives exec.
_LAUNCH = """\
import os, signal, sys
os.setsid()
signal.alarm(int(sys.argv[1]))
try:
    os.execvp(sys.argv[2], sys.argv[2:])
except OSError as error:
    sys.exit("cannot run %s: %s" % (sys.argv[2], error.strerror))
"""


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a run of the client ended. `cut` says why we ended it; None: it ended by itself."""

    status: int | None
    number: int | None
    said: str
    cut: str | None


class Session(ProcessProtocol):
    """One run. `finished` fires with `Ended`, once, always; cancelling it cuts the session.

    `line` is called with each line of the remote output as it comes, without its end.
    """

    def __init__(self, reactor: Any, line: Callable[[str], None]) -> None:
        self.finished: defer.Deferred[Ended] = defer.Deferred(lambda _: self.cut("given up"))
        self._reactor = reactor
        self._clock = clocks.of(reactor)
        self._line = line
        self._rest = b""
        self._errors = b""
        self._cut: str | None = None
        self._bound: Any = None
        self._reaper: Any = None

    def start(self, command: Sequence[str], alarm: float) -> None:
        """Run the client. `alarm` (seconds) is the longest that it may live at all."""
        seconds = str(math.ceil(alarm) + ALARM_MARGIN)
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCH, seconds, *command]
        try:
            self._reactor.spawnProcess(self, sys.executable, launcher, env=os.environ)
        except Exception as problem:  # noqa: BLE001 - no process could be made: too many, no memory
            self._errors = f"cannot start a process: {problem}".encode()
            self._finish(None, None)

    def limit(self, seconds: float, why: str) -> None:
        """Cut the session after so many seconds from now; takes the place of an earlier limit."""
        self._unlimit()
        if not self.finished.called:
            self._bound = self._clock.callLater(seconds, self.cut, why)

    def send(self, text: str) -> None:
        """Write to the remote standard input."""
        if self.transport is not None and not self.finished.called:
            self._process().write(text.encode())

    def cut(self, why: str) -> None:
        """End the client now, with all that it started."""
        self._unlimit()
        if self.finished.called or self._cut is not None:
            return
        self._cut = why
        self._kill()
        self._reaper = self._clock.callLater(REAP_SECONDS, self._not_reaped)

    def _kill(self) -> None:
        pid = getattr(self.transport, "pid", None)
        if pid is None:
            return
        # The group is not there yet when the launcher has not come that far.
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)

    def _not_reaped(self) -> None:
        self._reaper = None
        log.msg(f"ssh client {self.transport} was killed, and is not gone; it is left behind")
        self._finish(None, None)

    def _process(self) -> Any:
        # Twisted's interface of a transport is typed for its implementers.
        return self.transport

    def _unlimit(self) -> None:
        if self._bound is not None and self._bound.active():
            self._bound.cancel()
        self._bound = None

    # ProcessProtocol

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[-KEEP_BYTES:]
        for line in lines:
            if not self.finished.called:
                self._line(line[:KEEP_BYTES].decode("utf-8", "replace"))

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's
        self._errors = (self._errors + data)[-KEEP_BYTES:]

    def processExited(self, reason: Failure) -> None:  # noqa: N802 - Twisted's
        # A client that stays to share its connection (ControlPersist) holds our pipes open.
        if not self.finished.called and self._reaper is None:
            self._reaper = self._clock.callLater(REAP_SECONDS, self.processEnded, reason)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's
        status = number = None
        if isinstance(reason.value, (error.ProcessDone, error.ProcessTerminated)):
            status, number = reason.value.exitCode, reason.value.signal
        self._finish(status, number)

    def _finish(self, status: int | None, number: int | None) -> None:
        self._unlimit()
        if self._reaper is not None and self._reaper.active():
            self._reaper.cancel()
        self._reaper = None
        if self.transport is not None:
            self._process().loseConnection()
        if self.finished.called:
            return
        said = self._errors.decode("utf-8", "replace")
        self.finished.callback(Ended(status, number, said, self._cut))
