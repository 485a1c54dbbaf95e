"""What a release leaves behind: the entry that its instance may still run, and what closes it.

A call that was released may end after all, and Buildbot may stop the instance itself after a release.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet import defer

from buildbot_lifecycle.act.audit import Desk
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.instances import stop_is_believed
from buildbot_lifecycle.core.requests import LATE_END, STOP, Actor
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.master.logbook import Known

#: What is noted with an entry that a stop has closed: a released one, or Buildbot's own after it.
LATE_STOP = "the released stop_instance ended late, and successfully"
STOPPED = "Buildbot's stop of the same instance, after the release, succeeded"


@dataclasses.dataclass
class _Entry:
    """An open entry of a release: the worker, its episode, and whether Buildbot's stop said True."""

    known: Known
    first_seq: int
    said_true: bool = False


@dataclasses.dataclass
class _Opening:
    """An entry that has no number yet: the row, and the calls that the release has given up."""

    known: Known
    row: Mapping[str, Any]
    calls: tuple[int, ...]

    @property
    def token(self) -> str:
        return str(self.row["token"])


class Orphans:
    """The entries of releases of one master."""

    def __init__(
        self, clock: Any, desk: Desk, can_prove: Callable[[Any], bool] = lambda _: False
    ) -> None:
        self._clock = clock
        self._desk = desk
        # whether a worker's cloud can be asked: then it counts, and not a stop that only did not complain
        self._can_prove = can_prove
        # open entries of releases, by their numbers
        self._entries: dict[int, _Entry] = {}
        # those that are not written yet, by the tokens of their rows
        self._opening: dict[str, _Opening] = {}
        # the entry of each released start that ended late with an instance, by the token of the call
        self._late_starts: dict[int, int] = {}

    def open(self, known: Known, before: Facts, token: str, why: str) -> defer.Deferred[int]:
        """Write down that the instance of a worker (as it was before the release) may still run.

        ``token`` is that of the action.
        """
        episode = before.episode
        opening = self._begin(known, before, token, why)
        opened = self._desk.open_orphan(opening.row)
        self._keep_if_over(opening)

        def remember(orphan: int) -> int:
            self._opening.pop(opening.token, None)
            for call in before.calls:
                known.watched.orphan_of[call.token] = orphan
                if call.token in known.watched.late_ends:
                    self._late_end(known, known.watched.late_ends.pop(call.token))
            if episode is not None:
                self._entries[orphan] = _Entry(known, episode.first_seq)
                self._close_if_stopped(orphan)
            return orphan

        return opened.addCallback(remember)

    def keep(self, known: Known, before: Facts, token: str, why: str) -> None:
        """As `open`, for the case that the process leaves before it is known what came of the release."""
        opening = self._begin(known, before, token, why)
        self._desk.keep_orphan(opening.row, opening.token, None)
        self._keep_if_over(opening)

    def drop(self, token: str) -> None:
        """The release had no effect: nothing of it is to be kept."""
        self._opening.pop(f"action-{token}", None)
        self._desk.keep_orphan(None, f"action-{token}", None)

    def _begin(self, known: Known, before: Facts, token: str, why: str) -> _Opening:
        row = self._row(known, before, token, why)
        opening = _Opening(known, row, tuple(call.token for call in before.calls))
        self._opening[opening.token] = opening
        return opening

    def _keep_if_over(self, opening: _Opening) -> None:
        """The process may leave before the entry has its number: what has closed it is kept with it."""
        closing = self._closing(opening)
        if closing is not None:
            self._desk.keep_orphan(opening.row, opening.token, closing)

    def _closing(self, opening: _Opening) -> tuple[Actor, str] | None:
        """Who closes an entry that has no number yet, and the note; None: nobody so far."""
        known, late_ends = opening.known, opening.known.watched.late_ends
        if any(
            token in late_ends and self._stopped(known, late_ends[token]) for token in opening.calls
        ):
            return LATE_END, LATE_STOP
        if known.last_stop is not None:
            first_seq, believed, _ = known.last_stop
            if believed and first_seq == opening.row["first_seq"]:
                return STOP, STOPPED
        return None

    def _row(self, known: Known, before: Facts, token: str, why: str) -> dict[str, Any]:
        episode = before.episode
        return {
            "token": f"action-{token}",
            "workerid": known.workerid,
            "worker": known.name,
            "class": known.class_name,
            "episode": episode.id if episode else None,
            "first_seq": episode.first_seq if episode else None,
            "instance": before.instance,
            "place": before.place,
            "opened_at": self._clock.seconds(),
            "cause": "release",
            "why": why,
        }

    def call_ended(self, known: Known, event: Event) -> None:
        """A call has ended, in time or after its release."""
        if event.data.get("late"):
            self._late_end(known, event.data)
        elif event.data["call"] == "stop_instance":
            self._stop_ended(known, event.data)

    def _late_end(self, known: Known, data: Mapping[str, Any]) -> None:
        """A released call has ended after all: a stop that succeeded closes its orphan."""
        if data["call"] == "start_instance":
            self._late_start(known, data)
        if data["call"] != "stop_instance":
            return
        orphan = known.watched.orphan_of.pop(data["token"], None)
        if orphan is None:
            known.watched.late_ends[data["token"]] = data
            self._keep_all_that_are_over()
        elif self._stopped(known, data):
            self._close(orphan, known, LATE_END, LATE_STOP)

    def _stopped(self, known: Known, data: Mapping[str, Any]) -> bool:
        """Whether a stop that was released has ended well."""
        return data["outcome"] == "true" or (data["outcome"] == "other" and not self._asks(known))

    def _keep_all_that_are_over(self) -> None:
        for opening in list(self._opening.values()):
            self._keep_if_over(opening)

    def _late_start(self, known: Known, data: Mapping[str, Any]) -> None:
        """A released start has ended and made nothing: then a stop that said True has stopped all."""
        orphan = known.watched.orphan_of.pop(data["token"], None)
        failed = data["outcome"] in ("raised", "false") and not data.get("unanswered")
        if orphan is not None and data["outcome"] in ("true", "other"):
            self._late_starts[data["token"]] = orphan
        entry = None if orphan is None else self._entries.get(orphan)
        if orphan is not None and entry is not None and failed and entry.said_true:
            self._close_stopped(orphan, entry)

    def _stop_ended(self, known: Known, data: Mapping[str, Any]) -> None:
        """Buildbot's stop_instance has ended: after a release in its episode it may close the entry."""
        episode = known.facts.episode
        if episode is None or data["outcome"] == "released":
            return
        said_true = data["outcome"] == "true"
        believed = stop_is_believed(known.facts, data["outcome"])
        believed = believed and (said_true or not self._asks(known))
        known.last_stop = (episode.first_seq, believed, said_true)
        for orphan in list(self._entries):
            self._close_if_stopped(orphan)
        self._keep_all_that_are_over()

    def _asks(self, known: Known) -> bool:
        """Marathon's driver, for one, takes no notice of an error in the answer to its stop."""
        return self._can_prove(known.watched.worker)

    def _close_if_stopped(self, orphan: int) -> None:
        """Close an entry of a release if the stop that followed it has succeeded."""
        entry = self._entries.get(orphan)
        stop = None if entry is None else entry.known.last_stop
        if entry is None or stop is None or stop[0] != entry.first_seq:
            return
        _, believed, entry.said_true = stop
        if believed:
            self._close_stopped(orphan, entry)

    def _close_stopped(self, orphan: int, entry: _Entry) -> None:
        del self._entries[orphan]
        self._close(orphan, entry.known, STOP, STOPPED)

    def _close(self, orphan: int, known: Known, by: Actor, note: str) -> None:
        closed = self._desk.close_orphan(orphan, known.workerid, by, note)
        closed.addErrback(log_error, "lifecycle: while closing an orphan")

    def of_late_start(self, token: int) -> int | None:
        """The entry of the release that had given up this start, which has made an instance after all."""
        return self._late_starts.pop(token, None)

    def forget(self, orphan: int) -> None:
        """An entry was closed."""
        self._entries.pop(orphan, None)
