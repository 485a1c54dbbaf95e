"""Automatic release: off by default, per worker pattern, bounded, audited as any other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.act.release import Releaser
from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.requests import Actor, ForceRequest, Refusal
from buildbot_lifecycle.core.settings import AutoRelease, Settings
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.master.logbook import Known, Logbook

#: Seconds between two looks at what is stuck.
LOOK_EVERY = 2.0

#: Who did it, in the audit.
ACTOR = Actor("policy", "policy:auto_release")

HOUR = 3600.0

#: Seconds until a release that was refused is tried again.
REFUSED_SECONDS = 30.0


class Policy:
    """Releases workers that have been stuck for long enough, where the configuration says so."""

    def __init__(
        self, clock: Any, logbook: Logbook, releaser: Releaser, settings: Callable[[], Settings]
    ) -> None:
        self._clock = clocks.of(clock)
        self._logbook = logbook
        self._releaser = releaser
        self._settings = settings
        # By name, not on `Known`: so many in an hour is a limit for whatever stands under this name, and
        # a worker that a reconfiguration replaces must not get its hour anew.
        self._done: dict[str, deque[float]] = {}
        self._told: set[str] = set()
        self._loop = task.LoopingCall(self.look)
        self._loop.clock = self._clock

    def start(self) -> None:
        """Begin to look."""
        self._loop.start(LOOK_EVERY, now=False).addErrback(log_error, "lifecycle: auto_release")

    def stop(self) -> None:
        """Look no more."""
        if self._loop.running:
            self._loop.stop()

    def look(self) -> None:
        """Release what is due; a process that was stopped has a full look more, after it has settled."""
        if self._clock.seconds() < self._clock.settles_until + LOOK_EVERY:
            return
        for known in self._logbook.known():
            rule = self._settings().of(known.name).auto_release
            if rule is not None and known.verdict.level == "stuck":
                self._consider(known, rule)

    def _consider(self, known: Known, rule: AutoRelease) -> None:
        now = self._clock.seconds()
        stuck_at = known.verdict.stuck_at
        if stuck_at is None or now < stuck_at + rule.after or known.auto_busy:
            return
        if known.auto_not_before is not None and now < known.auto_not_before:
            return
        done = self._done.setdefault(known.name, deque(maxlen=1000))
        while done and done[0] <= now - HOUR:
            done.popleft()
        if len(done) >= rule.per_hour:
            if known.name not in self._told:
                self._told.add(known.name)
                log_lines([f"{known.name}: auto_release has done {rule.per_hour} in this hour"])
            return
        self._told.discard(known.name)
        known.auto_busy = True
        released = defer.ensureDeferred(self._release(known, rule))
        released.addErrback(log_error, "lifecycle: auto_release")
        released.addBoth(lambda _: setattr(known, "auto_busy", False))

    async def _release(self, known: Known, rule: AutoRelease) -> None:
        episode = known.facts.episode
        request = ForceRequest(
            episode=episode.id if episode else None,
            confirm=known.name,
            reason=f"stuck for {in_words(rule.after)} and more: {known.verdict.reason}"[:MAX_LINE],
        )
        try:
            await self._releaser.force(known, request, ACTOR)
            self._done[known.name].append(self._clock.seconds())
        except Refusal as refusal:
            # no use of trying it every two seconds: the database may be away
            known.auto_not_before = self._clock.seconds() + REFUSED_SECONDS
            log_lines([f"{known.name}: auto_release was refused: {refusal.text}"])
