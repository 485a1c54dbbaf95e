"""Which workers are watched, and who is told of them: one sink for each master of the process."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.watch.watched import Watched, master_of

_D = TypeVar("_D", bound=events.Data)

#: A method's wrapper: called with the worker, the method as it was, and what it was called with.
Hook = Callable[[Watched, Callable[..., Any], Any, Any], Any]


class Sink(Protocol):
    """Who is told: one per master."""

    def observe(self, watched: Watched, kind: Kind, data: dict[str, Any]) -> None:
        """Something was seen. Must not raise; if it does, `failed` is called."""

    def failed(self, what: str) -> None:
        """One of our hooks raised; the current exception tells what."""

    def refuses_start(self, watched: Watched) -> bool:
        """Whether no new instance may be started for this worker: an operator paused it, or a stop."""


class Register:
    """Workers and sinks. Keyed by id(): Buildbot's workers compare (and hash) by their configuration."""

    def __init__(self) -> None:
        #: by the id() of their master
        self.sinks: dict[int, Sink] = {}
        self._watched: dict[int, Watched] = {}
        # Those of workers that were dropped, for as long as something still refers to them: a call under
        # way, a connection. If the same worker is adopted again, it is by these that it will be told of.
        self._dropped: weakref.WeakValueDictionary[int, Watched] = weakref.WeakValueDictionary()
        self._tokens = 0

    def token(self) -> int:
        """A number for a call that no other call of this process has."""
        self._tokens += 1
        return self._tokens

    # workers

    def watched(self) -> list[Watched]:
        """Every worker that is watched now."""
        return list(self._watched.values())

    def of(self, worker: Any) -> Watched | None:
        """What is known of this very object; None if it is not watched."""
        return self._watched.get(id(worker))

    def put(self, watched: Watched) -> None:
        """It is watched from now on."""
        self._watched[id(watched.worker)] = watched

    def take_off(self, worker: Any) -> Watched | None:
        """It is not watched any more; None if it was not."""
        watched = self._watched.pop(id(worker), None)
        if watched is not None:
            self._dropped[id(worker)] = watched
        return watched

    def dropped(self, worker: Any) -> Watched | None:
        """What was known of this very object before it was dropped; None if nothing is left of that."""
        return self._dropped.get(id(worker))

    # sinks

    def sink_of(self, watched: Watched) -> Sink | None:
        """Who is told of a worker; None if nobody is."""
        return self.sinks.get(id(watched.master))

    def tell(self, watched: Watched, of: type[_D], data: Callable[[], _D]) -> None:
        """Give one observation, of this class, to the sink of the worker's master; never raises."""
        self.observed(watched, of.kind, lambda: data().written())

    def observed(self, watched: Watched, kind: Kind, data: Callable[[], dict[str, Any]]) -> None:
        """The same, as the event will carry it: for what is told too often for a class of its own.

        ``data`` is a function: what it reads of drivers and builds may raise, too.
        """
        sink = None
        try:
            sink = self.sink_of(watched)
            is_stranger = self.of(watched.worker) is not watched and watched.entry is None
            if sink is not None and not is_stranger:
                sink.observe(watched, kind, data())
        except Exception:
            if sink is not None:
                sink.failed(f"recording {kind.value}")

    def failed(self, worker: Any, what: str) -> None:
        """An error of ours; of a worker without a master, every subscriber is told."""
        sink = self.sinks.get(id(master_of(worker)))
        for told in [sink] if sink is not None else list(self.sinks.values()):
            told.failed(what)
