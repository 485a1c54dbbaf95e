"""The orphan ledger: instances that may still run, and how each of them came off the list.

An entry is opened by a release, by a stop that failed or was refused, by a start that succeeded after
it was given up, and by a crash. It is closed by a late success of the stop (`orphans`), by the cloud's or
the driver's proof that the instance is gone (`proof`), or by a person with a note.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from buildbot_lifecycle.act.audit import Desk
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.core.bounds import MAX_LINE
from buildbot_lifecycle.core.events import Event, Kind, cut
from buildbot_lifecycle.core.instances import never_had_instance
from buildbot_lifecycle.core.requests import LATE_END, STOP
from buildbot_lifecycle.host import machines
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import Turns
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.base import UNSET

#: Causes of entries that a later stop of the machine closes, where they bear its name: no call of it that
#: was given up is open in them, as it is in that of a release.
_OF_MACHINES = ("stop_failed", "late_start", "crash")


class Ledger:
    """Opens and closes orphans of one master's workers. ``token`` names this incarnation."""

    def __init__(
        self,
        logbook: Logbook,
        desk: Desk,
        token: str,
        entries: Entries,
        place_of: Callable[[int], str | None] = lambda _: None,
        late: Callable[[Known, int], None] = lambda _known, _orphan: None,
        release_of: Callable[[int], int | None] = lambda _: None,
    ) -> None:
        self._logbook = logbook
        self._desk = desk
        self._token = token
        self._entries = entries
        # where a start has made its instance that was given up, by its token
        self._place_of = place_of
        # told of the worker and the entry of a late start, once that is written
        self._late = late
        # the entry of the release that has given up a start, by the token of the call
        self._release_of = release_of
        # machine -> the call that failed last: all of its workers are told of the same
        self._failed_stops: dict[str, int] = {}
        # and the start that ended late
        self._late_starts: dict[str, int] = {}

    # what earlier runs left

    async def found(self, clock: Any, rows: Iterable[Mapping[str, Any]]) -> None:
        """Open entries of this master, from the database; told of each worker once it is known."""
        new = [row for row in rows if row["id"] not in self._entries.of(row["workerid"])]
        self._entries.found(new)
        # who comes from now on is introduced when it comes
        here = {known.workerid: known for known in self._logbook.known()}
        waiting: dict[int, list[int]] = {}
        for row in new:
            if row["workerid"] in here:
                waiting.setdefault(row["workerid"], []).append(row["id"])
        turns = Turns(clock)
        for workerid, entries in waiting.items():
            await turns()
            known = here[workerid]
            if not known.gone:
                still = self._entries.of(workerid)
                self._tell(known, {entry: still[entry] for entry in entries if entry in still})

    def introduce(self, known: Known) -> None:
        """A worker is known now: its facts get the entries that are open, of earlier runs or objects."""
        self._tell(known, self._entries.of(known.workerid))

    def _tell(self, known: Known, entries: Mapping[int, Mapping[str, Any]]) -> None:
        """One event for all of them: each would carry the ones before it, in the worker's facts."""
        told = [
            events.OrphanFound(
                orphan=number,
                since=row["opened_at"],
                cause=row.get("cause") or "release",
                instance=row.get("instance") or UNSET,
                earlier=True if row.get("earlier") else UNSET,
            )
            for number, row in entries.items()
        ]
        if not told:
            return
        *more, last = told
        data = events.OrphanOpened(
            orphan=last.orphan,
            since=last.since,
            cause=last.cause,
            found=True,
            instance=last.instance,
            earlier=last.earlier,
            more=tuple(more) or UNSET,
        )
        self._logbook.note(known, data)

    # what happens now

    def see(self, known: Known, event: Event) -> None:
        """An event was just recorded: a worker is known now, or a call may leave an instance behind."""
        if event.kind is Kind.BASELINE:
            self.introduce(known)
        elif event.kind is Kind.CALL_ENDED:
            self._call_ended(known, event)

    def _call_ended(self, known: Known, event: Event) -> None:
        data = event.data
        call, outcome, late = data["call"], data["outcome"], bool(data.get("late"))
        if call == "stop_machine" and "machine" in data:
            self._machine_stopped(known, event)
            return
        if call == "start_machine" and late and "machine" in data:
            self._machine_started_late(known, event)
            return
        place = known.facts.place
        if call == "start_instance" and late:
            place = self._place_of(data["token"])
        if call == "stop_instance" and outcome in ("raised", "false") and not late:
            if never_had_instance(known.facts):
                return  # the start had made nothing: there is nothing to be left
            why = f"stop_instance failed: {data.get('error') or 'it said no'}"
            self._open(known, event, "stop_failed", why, place=place)
        elif call == "start_instance" and outcome in ("true", "other") and late:
            # Docker's, EC2's and OpenStack's drivers answer with a list
            why = "a start that was given up succeeded after all"
            then = partial(self._late_start_written, data["token"])
            self._open(known, event, "late_start", why, place=place, then=then)

    def _late_start_written(self, token: int, known: Known, orphan: int) -> None:
        """What its release may have left running has a name now: one instance is one entry."""
        self._late(known, orphan)
        released = self._release_of(token)
        entry = None if released is None else self._entries.of(known.workerid).get(released)
        if released is None or entry is None or released == orphan or entry.get("instance"):
            return
        note = f"its start ended late: entry {orphan} has its instance"
        closed = self._desk.close_orphan(released, known.workerid, LATE_END, note)
        closed.addErrback(log_error, "lifecycle: while closing an orphan")

    def _machine_stopped(self, known: Known, event: Event) -> None:
        """A machine was to stop. All its workers are told; one of them gets the entry."""
        data = event.data
        machine, outcome = data["machine"], data["outcome"]
        if outcome in ("raised", "false") and self._failed_stops.get(machine) != data["token"]:
            self._failed_stops[machine] = data["token"]
            why = f"stop_machine failed: {data.get('error') or 'it said no'}"
            self._open(known, event, "stop_failed", why, machine, place=None)
        elif outcome == "true":
            self._failed_stops.pop(machine, None)
            for number, entry in list(self._entries.of(known.workerid).items()):
                if entry.get("cause") in _OF_MACHINES and entry.get("instance") == machine:
                    note = "a later stop of the machine succeeded"
                    closed = self._desk.close_orphan(number, known.workerid, STOP, note)
                    closed.addErrback(log_error, "lifecycle: while closing an orphan")

    def _machine_started_late(self, known: Known, event: Event) -> None:
        """A machine is on, and Buildbot waits for it no more, unless it has been started again since."""
        data = event.data
        machine = machines.latent_machine(known.watched.worker)
        if data["outcome"] != "true" or self._late_starts.get(data["machine"]) == data["token"]:
            return
        if machine is not None and machines.is_wanted(machine):
            return
        self._late_starts[data["machine"]] = data["token"]
        why = "a start of the machine that was given up succeeded after all"
        self._open(known, event, "late_start", why, data["machine"], place=None)

    def _open(
        self,
        known: Known,
        event: Event,
        cause: str,
        why: str,
        machine: str | None = None,
        *,
        place: str | None,
        then: Callable[[Known, int], None] = lambda _known, _orphan: None,
    ) -> None:
        episode = known.facts.episode
        instance = known.facts.instance or (episode.instance if episode else None)
        row = {
            "token": f"{cause}-{self._token}-{event.seq}",
            "workerid": known.workerid,
            "worker": known.name,
            "class": known.class_name,
            "episode": episode.id if episode else None,
            "first_seq": episode.first_seq if episode else None,
            "place": place,
            "instance": machine or event.data.get("instance") or instance,
            "opened_at": event.at,
            "cause": cause,
            "why": cut(why, MAX_LINE),
        }
        opened = self._desk.open_orphan(row)
        opened.addCallback(lambda orphan: then(known, orphan))
        opened.addErrback(log_error, "lifecycle: while writing an orphan")
