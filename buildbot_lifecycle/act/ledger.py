"""The orphan ledger: instances that may still run, and how each of them came off the list.

An entry is opened by a release, by a stop that failed or was refused, by a start that succeeded after
it was given up, and by a crash. It is closed by a late success of the stop, by the driver's own proof
that the instance is gone, or by a person with a note.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.act.audit import Desk
from buildbot_lifecycle.act.entries import Entries
from buildbot_lifecycle.core.events import Event, Kind, cut
from buildbot_lifecycle.core.instances import never_had_instance
from buildbot_lifecycle.core.requests import DRIVER
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.master.logbook import Known, Logbook

#: Seconds between two questions to drivers that can say whether their instance is gone.
ASK_EVERY = 30.0

#: Seconds that a driver has to answer.
ANSWER_SECONDS = 20.0

#: The optional method of a worker class: is the instance of this name gone? True, False, or None.
HOOK = "lifecycle_is_gone"


class Ledger:
    """Opens and closes orphans of one master's workers. ``token`` names this incarnation."""

    def __init__(
        self, clock: Any, logbook: Logbook, desk: Desk, token: str, entries: Entries
    ) -> None:
        self._clock = clock
        self._logbook = logbook
        self._desk = desk
        self._token = token
        self._entries = entries
        self._asking: set[int] = set()
        self._loop = task.LoopingCall(self.ask)
        self._loop.clock = clock

    def start(self) -> None:
        """Begin to ask drivers from time to time."""
        self._loop.start(ASK_EVERY, now=False).addErrback(log_error, "lifecycle: asking drivers")

    def stop(self) -> None:
        """Ask no more."""
        if self._loop.running:
            self._loop.stop()

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

    # the driver's own proof

    def ask(self) -> None:
        """Ask each driver that can tell whether the instances of its open entries are gone."""
        for known in self._logbook.known():
            hook = getattr(known.watched.worker, HOOK, None)
            if not callable(hook):
                continue
            for orphan in known.facts.orphans:
                if orphan.id not in self._asking:
                    self._ask_one(known, orphan.id, hook)

    def _ask_one(self, known: Known, orphan: int, hook: Callable[..., Any]) -> None:
        self._asking.add(orphan)
        entry = self._entries.of(known.workerid).get(orphan, {})
        asked = defer.maybeDeferred(_awaitable(hook), entry.get("instance"))
        asked.addTimeout(ANSWER_SECONDS, self._clock)
        asked.addCallback(functools.partial(self._answered, known, orphan))
        asked.addErrback(lambda _: self._logbook.failed(f"asking a driver's {HOOK}"))
        asked.addBoth(lambda _: self._asking.discard(orphan))

    def _answered(self, known: Known, orphan: int, gone: Any) -> Any:
        if gone is not True:
            return None
        note = "the driver says that the instance is gone"
        return self._desk.close_orphan(orphan, known.workerid, DRIVER, note)


def _awaitable(hook: Callable[..., Any]) -> Callable[[str | None], Any]:
    """The hook as something that `maybeDeferred` understands: coroutines become Deferreds."""

    def ask(instance: str | None) -> Any:
        answer = hook(instance)
        return defer.ensureDeferred(answer) if hasattr(answer, "__await__") else answer

    return ask
