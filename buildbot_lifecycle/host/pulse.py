"""A thread that wakes from time to time, whatever becomes of the wall clock."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

from buildbot_lifecycle.host.log import log_error


class Pulse:
    """Calls ``beat`` in a thread of its own, every so many seconds, from `start` until `stop`.

    It waits in ``poll``, whose time is monotonic in every Python. The timed waits of `threading` follow
    the wall clock before Python 3.11: set back by an hour, they last an hour longer.
    """

    def __init__(self, name: str, seconds: float, beat: Callable[[], None]) -> None:
        self._name = name
        self._seconds = seconds
        self._beat = beat
        self._ender: int | None = None

    def start(self) -> None:
        """Begin; to be called once, or after `stop`."""
        waiter, self._ender = os.pipe()
        threading.Thread(target=self._run, args=(waiter,), name=self._name, daemon=True).start()

    def stop(self) -> None:
        """End as soon as the beat that is going on is over; twice is once."""
        ender, self._ender = self._ender, None
        if ender is not None:
            os.close(ender)

    def _run(self, waiter: int) -> None:
        try:
            poll = select.poll()
            poll.register(waiter)
            while not poll.poll(self._seconds * 1000.0):
                self._beat()
        except Exception:
            log_error(None, f"lifecycle: the thread {self._name} has ended")
        finally:
            os.close(waiter)
