"""How a stop that is asked for is seen: wrappers on the master and its botmaster, on the instances.

Our own stopService comes too late for it, or never: see `act.shutdown`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.master.logbook import Logbook


class StopHooks:
    """Tells of ``stopService`` and ``cleanShutdown`` before they act, and when the first is over."""

    def __init__(
        self,
        master: Any,
        logbook: Logbook,
        stop_asked: Callable[[], None],
        clean_asked: Callable[[], None],
        *,
        after: Callable[[], None],
    ) -> None:
        self._master = master
        self._logbook = logbook
        self._stop_asked = stop_asked
        self._clean_asked = clean_asked
        self._after = after
        self._wrapped: list[tuple[Any, str, Any]] = []

    def install(self) -> None:
        """Put them on."""
        self._wrap(self._master, "stopService", self._stop_asked, self._stopped)
        self._wrap(self._master.botmaster, "cleanShutdown", self._clean_asked)

    def uninstall(self) -> None:
        """Take them off, where they are still the outermost."""
        for owner, name, wrapper in self._wrapped:
            if owner.__dict__.get(name) is wrapper:
                del owner.__dict__[name]
        self._wrapped.clear()

    def _wrap(
        self,
        owner: Any,
        name: str,
        before: Callable[[], None],
        after: Callable[[Any], Any] | None = None,
    ) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not any(ours is wrapper for _, _, ours in self._wrapped):
                return original(*args, **kwargs)  # it was taken off, and somebody kept it
            try:
                before()
            except Exception:
                self._logbook.failed("watching the stop")
            result = original(*args, **kwargs)
            if after is not None and isinstance(result, defer.Deferred):
                result.addBoth(after)
            return result

        setattr(owner, name, wrapper)
        self._wrapped.append((owner, name, wrapper))

    def _stopped(self, result: Any) -> Any:
        self._after()
        return result
