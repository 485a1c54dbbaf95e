"""What keeps a master from stopping, said to people: in REST, and in the log while it stops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from buildbot_lifecycle.act.dues import Dues
from buildbot_lifecycle.act.stop import Stop
from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.states import RESTING, STARTING
from buildbot_lifecycle.host import masters, process, workers
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.situation import situation_of
from buildbot_lifecycle.shapes.masters import Blocker, MasterWait

#: Workers that are alike and still have a line each; more of them have one together.
MOST_LINES = 5


class Blockers:
    """Says it of one master."""

    def __init__(
        self,
        master: Any,
        stop: Stop,
        dues: Dues,
        logbook: Logbook,
        database_since: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._master = master
        self._stop = stop
        self._dues = dues
        self._logbook = logbook
        self._database_since = database_since

    def of(self, now: float) -> list[Blocker]:
        """What would keep (or keeps) this master from stopping, as in REST."""
        return [b for known in self._logbook.busy() for b in self._blockers_of(known, now)]

    def of_master(self, now: float) -> list[MasterWait]:
        """What the stop waits for beside workers: Buildbot waits for each of these without end."""
        found = []
        since = self._database_since()
        if since is not None:
            found.append(_wait("database", since, "the database does not answer"))
        if self._stop.whole_master and masters.has_lost_router(self._master):
            text = "the router of the message queue is lost: Buildbot stops the master, restart it"
            found.append(_wait("router", self._stop.asked_at or now, text))
        began = process.reconfiguring_since(self._master)
        if began is not None:
            text = "a reconfiguration is under way, and the stop waits for its end"
            found.append(_wait("reconfig", float(began), text))
        waiting = process.pool_is_full(self._master.reactor)
        if waiting:
            many = "1 call waits" if waiting == 1 else f"{waiting} calls wait"
            text = f"all threads of the reactor's pool are in calls; {many} for one of them"
            found.append(_wait("threads", now, text))
        return found

    def _blockers_of(self, known: Known, now: float) -> list[Blocker]:
        facts = known.facts
        found = []
        situation = situation_of(known)
        due = self._dues.of(known, now, situation)
        for call in facts.calls:
            found.append(
                self._blocker(known, call.call, call.since, due, now, f"{call.call} has not ended")
            )
        for since in [facts.refused_first or now] if known.watched.held else []:
            text = "a refused connection is held; it is dropped at once when the master stops"
            found.append(self._blocker(known, "refused_connection", since, now, now, text))
        if not found and situation.found_pending:
            text = "a call that was pending before recording began has not ended"
            found.append(self._blocker(known, "state", facts.state_since or now, due, now, text))
        if situation.lost:
            since = min((at for _, at in facts.lost_builds), default=now)
            text = "Buildbot has lost its build after an error, and would wait for it for ever"
            found.append(self._blocker(known, "build_lost", since, due, now, text))
        elif facts.build_stopping is not None and facts.building:
            text = "its build was asked to stop and has not"
            found.append(self._blocker(known, "build", facts.build_stopping, due, now, text))
        silent = self._logbook.held_by_silence(known, now)
        if not found and silent is not None:
            since = silent.since or now
            found.append(self._blocker(known, "connection", since, due, now, silent.reason))
        if not found and self._stop.asked_at is not None and facts.state in STARTING:
            text = "a start is under way, and its worker cannot log in while the master stops"
            found.append(self._blocker(known, "state", facts.state_since or now, due, now, text))
        if situation.forgotten:
            text = "it waits for a start of the worker that Buildbot has forgotten"
            found.append(self._blocker(known, "build", facts.state_since or now, due, now, text))
        if not found and situation.half:
            text = "the stop broke off half way; stock Buildbot would loop for ever here"
            found.append(self._blocker(known, "state", facts.state_since or now, due, now, text))
        return found

    @staticmethod
    def _blocker(
        known: Known, what: str, since: float, due: float | None, now: float, text: str
    ) -> Blocker:
        return Blocker(
            workerid=known.workerid,
            worker=known.name,
            what=what,
            since=since,
            releasable=due is not None,
            release_in_s=None if due is None else max(0.0, due - now),
            text=text,
        )

    def describe(self, now: float, *, hurries: bool) -> list[str]:
        """Log lines: what is waited for, since when, and until when.

        ``hurries``: another SIGTERM would be heeded.
        """
        lines = [self._headline(now)]
        lines += _alike_in_one(self.of(now), now)
        unended: dict[str, list[str]] = {}
        for known in self._logbook.known():
            if known.facts.building:
                unended.setdefault("a build has not ended", []).append(known.name)
            elif known.facts.state not in RESTING and not known.facts.calls:
                unended.setdefault(known.facts.state.value, []).append(known.name)
            elif workers.has_unfinished(known.watched.worker) and not known.facts.calls:
                unended.setdefault("something that it began has not ended", []).append(known.name)
        for what, who in unended.items():
            lines += [f"  {each}: {what}" for each in _named(who)]
        for wait in self.of_master(now):
            lines.append(f"  {wait.text}")
        if len(lines) == 1:
            lines.append("  Buildbot itself; no latent worker")
        elif hurries and self._stop.hurried_at is None:
            # not SIGINT: after a SIGTERM, Twisted ends the process upon it, before anything is written
            lines.append("  another SIGTERM releases all of it at once")
        if self._stop.whole_master:
            left_of_it = in_words(max(0.0, self._dues.bound(now).gone_at - now))
            lines.append(f"  whatever it waits for, the process ends in {left_of_it}")
        return lines

    def _headline(self, now: float) -> str:
        if self._stop.asked_at is not None:
            ago = in_words(max(0.0, now - self._stop.asked_at))
            return f"the stop was asked for {ago} ago; waiting for:"
        since = [k.leaving_since for k in self._logbook.known() if k.leaving_since is not None]
        ago = in_words(max(0.0, now - min(since, default=now)))
        return f"a reconfiguration has been removing workers for {ago}; waiting for:"


def _alike_in_one(blockers: Sequence[Blocker], now: float) -> list[str]:
    """A line for each, or one for many that wait for the same: nobody reads thousands of lines."""
    alike: dict[tuple[str, bool], list[Blocker]] = {}
    for blocker in blockers:
        alike.setdefault((blocker.what, blocker.release_in_s is None), []).append(blocker)
    lines = []
    for (what, no_limit), group in alike.items():
        each = [[blocker] for blocker in group] if len(group) <= MOST_LINES else [group]
        for some in each:
            ages = sorted(max(0.0, now - blocker.since) for blocker in some)
            left = max((blocker.release_in_s or 0.0 for blocker in some), default=0.0)
            end = "no limit is set for it" if no_limit else f"released in {in_words(left)}"
            longest, least = in_words(ages[-1]), in_words(ages[0])
            age = longest if longest == least else f"{least} to {longest}"
            who = _named([blocker.worker for blocker in some])[0]
            lines.append(f"  {who}: {what}, for {age}; {end}")
    return lines


def _named(names: Sequence[str]) -> list[str]:
    """Each name, or of many the first and how many more there are."""
    if len(names) <= MOST_LINES:
        return list(names)
    return [f"{', '.join(names[:MOST_LINES])} and {len(names) - MOST_LINES} more"]


def _wait(what: str, since: float, text: str) -> MasterWait:
    return MasterWait(what=what, since=since, text=text)
