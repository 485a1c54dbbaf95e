"""A second signal while the master stops."""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable
from typing import Any


class SecondSignal:
    """Calls ``came`` with a signal's name, in the reactor, from `heed` until `leave`."""

    def __init__(self, reactor: Any, came: Callable[[str], None]) -> None:
        self._reactor = reactor
        self._came = came
        self._handlers: dict[int, tuple[Any, Any]] = {}

    @property
    def hears_sigterm(self) -> bool:
        return signal.SIGTERM in self._handlers

    def heed(self) -> None:
        """From now on another SIGTERM or SIGINT means that nothing is to be waited for any more.

        Twisted's own handlers would do nothing then: the reactor is stopped already. They are untouched
        until a stop of the whole master was asked for, and are called first, also then.
        """
        if self._handlers or threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)
            if not callable(before) or before is signal.default_int_handler:
                continue  # it ends the process, or is ignored: so it was wanted
            handler = functools.partial(self._signalled, before)
            signal.signal(number, handler)
            self._handlers[number] = (handler, before)

    def _signalled(self, before: Callable[..., Any], number: int, frame: Any) -> None:
        # between two instructions of whatever runs now: the work is left to the reactor
        self._reactor.callFromThread(self._came, signal.Signals(number).name)
        before(number, frame)

    def leave(self) -> None:
        for number, (handler, before) in self._handlers.items():
            if signal.getsignal(number) is handler:  # else replaced meanwhile: not ours any more
                signal.signal(number, before)
        self._handlers.clear()
