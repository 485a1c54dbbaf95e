"""Buildbot's own messages about workers and builds, which go into the logbook beside the probe's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.host import workers
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.parts import buildings

_KINDS = {
    "connected": Kind.CONNECTED,
    "disconnected": Kind.DISCONNECTED,
}


class Listening:
    """Consumes mq of one master, from `start` until `stop`."""

    def __init__(self, master: Any, logbook: Logbook) -> None:
        self._master = master
        self._logbook = logbook
        self._consumers: list[Any] = []
        # of whom Buildbot has told that they are connected here
        self._here: set[int] = set()

    async def start(self) -> None:
        self._here = {each.workerid for each in self._logbook.known() if each.facts.connected}
        mq = self._master.mq
        for listener, key in (
            (self._worker_event, ("workers", None, None)),
            (self._build_stopping, ("control", "builds", None, "stop")),
        ):
            self._consumers.append(await mq.startConsuming(listener, key))

    async def stop(self) -> None:
        consumers, self._consumers = self._consumers, []
        for consumer in consumers:
            await defer.maybeDeferred(consumer.stopConsuming)

    def _worker_event(self, key: Sequence[str], message: Mapping[str, Any]) -> None:
        try:
            known = self._logbook.get(int(key[1]))
            if known is None:
                return
            kind = _KINDS.get(key[2])
            if kind is not None:
                if self._is_mine(known.workerid, kind, message):
                    self._logbook.note(known, events.KINDS[kind]())
            elif key[2] == "state_updated":
                self._pause_changed(known)
        except Exception:
            self._logbook.failed("listening to worker events")

    def _is_mine(self, workerid: int, kind: Kind, message: Mapping[str, Any]) -> bool:
        """Whether it is of a connection to this master: on a shared mq those of all masters are heard.

        Buildbot does not tell who says it, only to which masters a worker of this name is connected now.
        """
        now = [each["masterid"] for each in message.get("connected_to", ())]
        is_here, was_here = self._master.masterid in now, workerid in self._here
        if kind is Kind.CONNECTED:
            if is_here:
                self._here.add(workerid)
            # one that was connected here already has come to another master
            return is_here and not was_here
        if was_here and not is_here:
            self._here.discard(workerid)
        return was_here and not is_here

    def _pause_changed(self, known: Known) -> None:
        worker = known.watched.worker
        paused = bool(worker.isPaused())
        reason = workers.pause_reason(worker)
        if paused and (not known.facts.paused or known.facts.pause_reason != reason):
            self._logbook.note(known, events.Paused(reason=reason))
        elif not paused and known.facts.paused:
            self._logbook.note(known, events.Unpaused())

    def _build_stopping(self, key: Sequence[str], _message: Mapping[str, Any]) -> None:
        """Somebody asked for a build to be stopped; a silent worker does not do it."""
        try:
            buildid = int(key[2])
            for known in self._logbook.known():
                builds = [b for b in known.facts.building if b.get("buildid") == buildid]
                if builds:
                    self._logbook.note(known, events.BuildStopping(build=buildings(builds[:1])[0]))
        except Exception:
            self._logbook.failed("listening to builds that are stopped")
