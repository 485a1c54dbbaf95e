"""From the logbook to the metrics: what is counted as it happens, and how things stand at a scrape."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from prometheus_client import Metric

from buildbot_lifecycle import __version__
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Episode, Facts
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.db.recorder import Recorder
from buildbot_lifecycle.diagnose.stall import Stall
from buildbot_lifecycle.host import versions
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.metrics import present
from buildbot_lifecycle.metrics.exposition import Text
from buildbot_lifecycle.metrics.lives import Lives
from buildbot_lifecycle.metrics.present import Counting, Present, Recorded, Seen

#: Seconds of work at a scrape after which others have their turn.
TURN = 0.003


class Telemetry:
    """The metrics of one master."""

    def __init__(
        self,
        reactor: Any,
        logbook: Logbook,
        entries: Entries,
        recorder: Recorder,
        settings: Callable[[], Settings],
        is_behind: Callable[[], bool],
    ) -> None:
        self._reactor = reactor
        self._logbook = logbook
        self._entries = entries
        self._recorder = recorder
        self._settings = settings
        self._is_behind = is_behind
        self._lives = Lives()
        self._idle_since: WeakKeyDictionary[Known, float] = WeakKeyDictionary()
        self._stuck: WeakSet[Known] = WeakSet()

    # what is counted as it happens

    def ended(self, known: Known, episodes: Sequence[Episode]) -> None:
        """These episodes were touched; those that are over are counted."""
        for episode in episodes:
            if episode.ended_at is not None:
                self._lives.ended(known.class_name, episode)

    def heard(self, known: Known, event: Event) -> None:
        """An event after which an instance may be idle, or no longer."""
        since, is_idle = self._idle_since.pop(known, None), _is_idle(known.facts)
        if is_idle:
            self._idle_since[known] = event.at if since is None else since
        elif since is not None:
            ended_by = "build" if known.facts.building else "stop"
            self._lives.idled(known.class_name, event.at - since, ended_by)

    def judged(self, known: Known) -> None:
        """A verdict is another one now: who is stuck already does not become so by another code."""
        if known.verdict.level != "stuck":
            self._stuck.discard(known)
        elif known not in self._stuck:
            self._stuck.add(known)
            self._lives.stuck(known.class_name, known.verdict.code)

    def acted(self, _known: Known, event: Event) -> None:
        """An action was asked for, or has an outcome."""
        data = event.data
        if data["status"] != "asked" and not data.get("found"):
            self._lives.acted(data["what"], data["actor_kind"], data["status"])

    def stalled(self, stall: Stall) -> None:
        """The reactor stood still."""
        self._lives.blocked(stall.seconds)

    def notified(self, reporter: str, is_delivered: bool) -> None:
        """A message to people was delivered, or was not."""
        self._lives.notified(reporter, is_delivered)

    def listen(self) -> None:
        """Hear from now on."""
        self._logbook.listen(
            self.heard, Kind.BASELINE, Kind.TRANSITION, Kind.BUILD_STARTED, Kind.BUILD_FINISHED
        )
        self._logbook.listen(self.acted, Kind.ACTION)
        self._logbook.on_verdict(self.judged)
        self._logbook.on_episodes(self.ended)

    # a scrape

    async def text(self, accept: str) -> tuple[bytes, str]:
        """The body and its content type, for a client that accepts this."""
        turns, text = Turns(self._reactor, TURN), Text(accept)
        seen = await self._present(turns)
        parts: list[bytes] = []
        for part in text.parts(self._families(seen)):
            parts.append(part)
            await turns()
        return b"".join(parts), text.content_type

    def _families(self, seen: Present) -> Iterator[Metric]:
        yield from present.collect(seen)
        yield from self._lives.collect()

    async def _present(self, turns: Turns) -> Present:
        now, patterns = self._logbook.now, self._settings().metrics_workers
        counting, single = Counting(now), []
        for known in self._logbook.known():
            if not known.gone:
                seen = Seen(known.name, known.class_name, known.facts.state.value, known.verdict)
                counting.add(seen)
                if any(fnmatch.fnmatchcase(known.name, pattern) for pattern in patterns):
                    single.append(seen)
            await turns()
        return Present(
            now=now,
            counts=counting.counts,
            worst=counting.worst,
            single=tuple(single),
            orphans=tuple(row["opened_at"] for _, row in self._entries.all()),
            recorded=self._recorded(now),
            build=_build(),
        )

    def _recorded(self, now: float) -> Recorded:
        status = self._recorder.status()
        oldest = status.oldest_unwritten_at
        return Recorded(
            queued=status.queued,
            lag=0.0 if oldest is None else max(0.0, now - oldest),
            written=status.written,
            dropped=status.dropped,
            gaps=status.gaps,
            errors=self._logbook.errors + status.errors,
            is_behind=self._is_behind(),
        )


def _is_idle(facts: Facts) -> bool:
    return facts.state is State.SUBSTANTIATED and not facts.building


def _build() -> Mapping[str, str]:
    return {"version": __version__, **versions.running()}
