"""The orphan ledger: instances that may still run, and how each of them came off the list.

An entry is opened by a release, by a stop that failed or was refused, by a start that succeeded after
it was given up, and by a crash. It is closed by a late success of the stop (`orphans`), by the cloud's or
the driver's proof that the instance is gone (`proof`), or by a person with a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from buildbot_lifecycle.act.audit import Desk
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.core.events import Event, Kind, cut
from buildbot_lifecycle.core.instances import never_had_instance
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.master.logbook import Known, Logbook


class Ledger:
    """Opens and closes orphans of one master's workers. ``token`` names this incarnation."""

    def __init__(self, logbook: Logbook, desk: Desk, token: str, entries: Entries) -> None:
        self._logbook = logbook
        self._desk = desk
        self._token = token
        self._entries = entries

    # what earlier runs left

    def found(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Open entries of this master, from the database; told of each worker once it is known."""
        self._entries.found(rows)
        for known in self._logbook.known():
            self.introduce(known)

    def introduce(self, known: Known) -> None:
        """A worker is known now: its facts get the entries that are open, of earlier runs or objects."""
        for number, row in list(self._entries.of(known.workerid).items()):
            data = {
                "orphan": number,
                "since": row["opened_at"],
                "cause": row.get("cause") or "release",
                "found": True,
            }
            self._logbook.note(known, Kind.ORPHAN_OPENED, data)

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
        if call == "stop_instance" and outcome in ("raised", "false") and not late:
            if never_had_instance(known.facts):
                return  # the start had made nothing: there is nothing to be left
            why = f"stop_instance failed: {data.get('error') or 'it said no'}"
            self._open(known, event, "stop_failed", why)
        elif call == "start_instance" and outcome in ("true", "other") and late:
            # Docker's, EC2's and OpenStack's drivers answer with a list
            self._open(known, event, "late_start", "a start that was given up succeeded after all")

    def _open(self, known: Known, event: Event, cause: str, why: str) -> None:
        episode = known.facts.episode
        instance = known.facts.instance or (episode.instance if episode else None)
        row = {
            "token": f"{cause}-{self._token}-{event.seq}",
            "workerid": known.workerid,
            "worker": known.name,
            "class": known.class_name,
            "episode": episode.id if episode else None,
            "instance": event.data.get("instance") or instance,
            "opened_at": event.at,
            "cause": cause,
            "why": cut(why, 1000),
        }
        self._desk.open_orphan(row).addErrback(log_error, "lifecycle: while writing an orphan")
