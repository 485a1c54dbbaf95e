"""A worker's standing with the master: configured, in quarantine, asked to leave, stopped."""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.host import workers
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.watch.calls import followed, nothing
from buildbot_lifecycle.watch.connections import Connections
from buildbot_lifecycle.watch.register import Hook, Register
from buildbot_lifecycle.watch.watched import Watched


class Standing:
    """The hooks around it."""

    def __init__(self, register: Register, connections: Connections) -> None:
        self._register = register
        self._connections = connections

    def around(self) -> dict[str, Hook]:
        """Method of the worker -> hook."""
        return {
            "reconfigService": self._configured,
            "shutdown": self._shutdown,
            "shutdownRequested": self._graceful,
            "putInQuarantine": self._quarantine,
            "exitQuarantine": self._quarantine_left,
            "resetQuarantine": self._quarantine_reset,
            "stopService": self._stop_service,
        }

    # configuration

    def _configured(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        return followed(
            original(*args, **kwargs), nothing, lambda _: self._tell_configuration(watched)
        )

    def _tell_configuration(self, watched: Watched) -> None:
        """What was read of the worker's configuration once is read again, and told if it is new."""
        try:
            now = workers.configured(watched.worker)
            deadline = workers.missing_deadline(watched.worker)
        except Exception:
            self._register.failed(watched.worker, "reading a worker's configuration")
            return
        if watched.introduced and now != watched.configured:
            watched.configured = now
            self._register.tell(
                watched, events.Configured, lambda: events.Configured(**now, gives_up_at=deadline)
            )

    # asked to leave

    def _shutdown(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        if watched.worker.conn is not None:
            self._register.tell(watched, events.ShutdownAsked, events.ShutdownAsked)
        return original(*args, **kwargs)

    def _graceful(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        self._register.tell(watched, events.Graceful, events.Graceful)
        return original(*args, **kwargs)

    # quarantine

    def _quarantine(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        """Told after Buildbot's own: it does nothing for a worker that is in quarantine already."""
        before = self._quarantine_until(watched)
        result = original(*args, **kwargs)
        until = self._quarantine_until(watched)
        if until is not None and until != before:
            now = watched.clock.seconds()
            data = events.QuarantineEntered(until=until, seconds=until - now)
            self._register.tell(watched, events.QuarantineEntered, lambda: data)
        return result

    def _quarantine_until(self, watched: Watched) -> float | None:
        try:
            return workers.quarantine_until(watched.worker)
        except Exception:
            self._register.failed(watched.worker, "looking at a quarantine")
            return None

    def _quarantine_left(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        self._register.tell(watched, events.QuarantineLeft, events.QuarantineLeft)
        return original(*args, **kwargs)

    def _quarantine_reset(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        # asked for after each build that went well: worth a row only where it changes something
        if workers.is_quarantine_longer(watched.worker):
            self._register.tell(watched, events.QuarantineReset, events.QuarantineReset)
        return original(*args, **kwargs)

    # stopped

    def _stop_service(self, watched: Watched, original: Any, args: Any, kwargs: Any) -> Any:
        worker = watched.worker
        watched.stop_asked = True
        try:
            # two states in which Buildbot's own stopService would loop for ever, blocking the reactor
            workers.leave_machine_wait(worker)
            workers.finish_half_insubstantiated(worker)
            with_master = not worker.master.running
        except Exception:
            self._register.failed(worker.master, "preparing a worker's stop")
            with_master = True
        self._register.tell(
            watched, events.Leaving, lambda: events.Leaving(with_master=with_master)
        )
        result = original(*args, **kwargs)
        # a coroutine that nobody drives stops nothing, and nobody waits for it
        watched.stopped = True

        def began() -> None:
            watched.stopping, watched.stopped = True, False
            self._connections.let_go(watched)

        def ended(_: Any) -> None:
            watched.stopped = True

        return followed(result, began, ended)
