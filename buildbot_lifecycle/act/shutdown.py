"""Stopping the master: it ends, always, and says what it waits for.

The clock starts when the stop is asked for, which is long before our own stopService: a build that
waits for a hung start keeps Buildbot in ``cleanShutdown``, and our stopService would then never come.
So ``master.stopService`` and ``botmaster.cleanShutdown`` are wrapped on the instances.
"""

from __future__ import annotations

import functools
import signal
import threading
import uuid
from collections.abc import Callable
from typing import Any

from twisted.internet import defer, task

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.deeds import Deeds, waited_for
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.core import actions, ladder
from buildbot_lifecycle.core.actions import Action
from buildbot_lifecycle.core.durations import in_words
from buildbot_lifecycle.core.events import Event
from buildbot_lifecycle.core.requests import RECONFIG, SHUTDOWN
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import RESTING, STARTING
from buildbot_lifecycle.host import connections, process, workers
from buildbot_lifecycle.host.log import log_error, log_lines
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.master.situation import case_of, situation_of
from buildbot_lifecycle.watch.machines import MACHINE_CALLS
from buildbot_lifecycle.watch.probe import PROBE

#: Seconds between two log lines about what is waited for.
SAY_EVERY = 10.0

#: Seconds between two looks at what could be released.
LOOK_EVERY = 0.5

#: Seconds for which the stop waits for its own audit rows, no longer.
AUDIT_SECONDS = 2.0

#: Seconds that Buildbot itself gives a build's worker before it closes the connection
#: (BotMaster.cleanShutdown); after that and the grace, a connection that is still there is aborted.
BUILDBOT_GRACE = 5.0

#: Seconds after the end of everything for which a blocked driver thread is still waited for.
THREAD_SECONDS = 2.0


class ShutdownWatch:
    """Watches one master for a stop that is asked for, and keeps it from hanging."""

    def __init__(
        self,
        master: Any,
        logbook: Logbook,
        audit: Audit,
        orphans: Orphans,
        settings: Callable[[], Settings],
    ) -> None:
        self._master = master
        self._logbook = logbook
        self._audit = audit
        self._orphans = orphans
        self._settings = settings
        self._loop: task.LoopingCall | None = None
        self._said_at = 0.0
        self._wrapped: list[tuple[Any, str, Any]] = []
        self.asked_at: float | None = None
        self._whole_master = False
        #: when a second signal asked to wait for nothing any more
        self.hurried_at: float | None = None
        self._handlers: dict[int, tuple[Any, Any]] = {}
        self._abandoned = 0
        #: audit rows of the stop that are being written; the service waits for them
        self.pending_writes: list[defer.Deferred[Any]] = []

    # the wrappers

    def install(self) -> None:
        self._wrap(self._master, "stopService", self._stop_asked)
        self._wrap(self._master.botmaster, "cleanShutdown", self._clean_asked)

    def uninstall(self) -> None:
        for owner, name, wrapper in self._wrapped:
            if owner.__dict__.get(name) is wrapper:
                del owner.__dict__[name]
        self._wrapped.clear()
        self.finish()

    def _wrap(self, owner: Any, name: str, before: Callable[[], None]) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not any(ours is wrapper for _, _, ours in self._wrapped):
                return original(*args, **kwargs)  # it was taken off, and somebody kept it
            try:
                before()
            except Exception:
                self._logbook.failed("watching the stop")
            result = original(*args, **kwargs)
            if name == "stopService" and isinstance(result, defer.Deferred):
                result.addBoth(self._master_stopped)
            return result

        setattr(owner, name, wrapper)
        self._wrapped.append((owner, name, wrapper))

    def _stop_asked(self) -> None:
        first, self._whole_master = not self._whole_master, True
        self._begin()
        if first:
            self._heed_signals()
            self._say_first()

    def _say_first(self) -> None:
        """Once, as the stop begins: what it waits for, and what a second signal does."""
        now = self._master.reactor.seconds()
        up = [known for known in self._logbook.known() if known.facts.state not in RESTING]
        if up or self.blockers(now):
            log_lines(self.describe(now))

    def _clean_asked(self) -> None:
        self._begin()

    @property
    def stops_whole_master(self) -> bool:
        """Whether the master itself is stopping: not only waiting for its builds to end."""
        return self._whole_master

    @property
    def is_stopping(self) -> bool:
        return self.asked_at is not None

    def leaving(self, known: Known, event: Event) -> None:
        """A worker is removed, with its master or alone."""
        if not event.data.get("with_master"):
            self.worker_leaves(known)

    def worker_leaves(self, known: Known) -> None:
        """A reconfiguration removes a worker and waits for it: it is kept from hanging like a stop."""
        known.leaving_since = self._master.reactor.seconds()
        self._start_looking()
        # Buildbot removes one worker after the other: what is stuck must not take a look's time each
        self._master.reactor.callLater(0, self._look)

    def _begin(self) -> None:
        if self.asked_at is None:
            self.asked_at = self._said_at = self._master.reactor.seconds()
            for known in self._logbook.known():
                known.tried.clear()  # a clean stop may have been called off
        self._start_looking()

    def _start_looking(self) -> None:
        if self._loop is not None:
            return
        self._said_at = self._master.reactor.seconds()
        self._loop = task.LoopingCall(self._look)
        self._loop.clock = self._master.reactor
        self._loop.start(LOOK_EVERY, now=False).addErrback(
            log_error, "lifecycle: watching the stop"
        )

    # a second signal

    def _heed_signals(self) -> None:
        """From now on another SIGTERM or SIGINT means that nothing is to be waited for any more.

        Twisted's own handlers would do nothing then: the reactor is stopped already. They are untouched
        until a stop of the whole master was asked for, and are called first, also then.
        """
        if self._handlers or threading.current_thread() is not threading.main_thread():
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            before = signal.getsignal(number)
            if not callable(before) or before is signal.default_int_handler:
                continue  # it ends the process, or is ignored: so it was wanted
            handler = functools.partial(self._signalled, before)
            signal.signal(number, handler)
            self._handlers[number] = (handler, before)

    def _signalled(self, before: Callable[..., Any], number: int, frame: Any) -> None:
        # between two instructions of whatever runs now: the work is left to the reactor
        self._master.reactor.callFromThread(self._release_all, signal.Signals(number).name)
        before(number, frame)

    def _leave_signals(self) -> None:
        for number, (handler, before) in self._handlers.items():
            if signal.getsignal(number) is handler:  # else replaced meanwhile: not ours any more
                signal.signal(number, before)
        self._handlers.clear()

    def _release_all(self, name: str) -> None:
        """Wait for nothing any more that can be released."""
        if not self._whole_master or self.hurried_at is not None:
            return
        self.hurried_at = self._master.reactor.seconds()
        log_lines([f"a second signal ({name}): what is waited for is released now"])
        self._look()

    def finish(self) -> None:
        """Stop looking: everything is stopped, or the stop was called off."""
        self._leave_signals()
        loop, self._loop = self._loop, None
        if loop is not None and loop.running:
            loop.stop()

    # the look

    def _look(self) -> None:
        try:
            if not self._whole_master and not process.is_shutting_down(self._master):
                self.asked_at = None  # "buildbot stop --clean" was called off, or never asked for
            now = self._master.reactor.seconds()
            looked_at = [known for known in self._logbook.known() if self._ends(known)]
            if not looked_at and self.asked_at is None:
                self.finish()
                return
            for known in looked_at:
                self._look_at(known, now)
            if now - self._said_at >= SAY_EVERY:
                self._said_at = now
                log_lines(self.describe(now))
        except Exception:
            self._logbook.failed("watching the stop")

    def _ends(self, known: Known) -> bool:
        """Whether this worker is to stop now, with the master or alone."""
        if known.watched.stopped:
            known.leaving_since = None
        return self.asked_at is not None or known.leaving_since is not None

    def _asked(self, known: Known, now: float) -> float:
        """When the stop of this worker was asked for; now, if it was not."""
        asked = [self.asked_at, known.leaving_since]
        return min((at for at in asked if at is not None), default=now)

    def _grace_since(self, known: Known, now: float) -> float:
        """Since when the grace of a call counts: for a removed worker, since the reconfiguration began.

        Else a reconfiguration that removes many stuck workers would wait that long for each.
        """
        began = process.reconfiguring_since(self._master)
        asked = self._asked(known, now)
        return min(asked, began) if began and known.leaving_since is not None else asked

    def _look_at(self, known: Known, now: float) -> None:
        watched, worker = known.watched, known.watched.worker
        for refused in watched.held:
            # it holds nothing but the stop, and nobody will ever tell Buildbot that it has gone
            if not refused.deliver_when_closed:
                refused.deliver_when_closed = True
                PROBE.deliver(watched, refused)
        self._tell_of_closed(known)
        due = self.release_at(known, now)
        if due is not None and now >= due and not known.releasing and self._untried(known):
            self._release(known)
        asked = self._asked(known, now)
        patience = self._settings().shutdown_grace + BUILDBOT_GRACE
        alone = known.leaving_since is not None
        if (self._whole_master or alone) and now >= asked + patience:
            self._end_lost_wait(known)
            # closed politely long ago (BotMaster.cleanShutdown, disconnect): a silent peer
            for conn in [worker.conn, *(login.conn for login in watched.logins)]:
                if conn is not None:
                    connections.abort(conn)

    def _tell_of_closed(self, known: Known) -> None:
        """Tell Buildbot that a connection has closed of which its protocol told nobody; see `is_told`.

        It holds nothing but the stop. Where it was told and the worker has kept the connection (a
        ``detached`` that does not go on to Buildbot's own), the stop waits for a second word.
        """
        watched, worker = known.watched, known.watched.worker
        conn = worker.conn
        if conn is None or conn is known.told_closed or not connections.is_known_closed(conn):
            return
        if connections.is_told(conn) and not watched.stopping:
            return
        known.told_closed = conn
        log_lines([f"{known.name}: its connection closed and nobody was told; told now"])
        connections.deliver_disconnection(worker.master, worker.name, conn)

    def _untried(self, known: Known) -> bool:
        """Whether a release would do something that was not tried yet: one action for each wait."""
        plan = ladder.plan(known.facts, situation_of(known), pause=False, last=True)
        tried = {waited_for(known, s) for s in plan if s.step != "open_orphan"}
        # refused ones are dropped at each look anyway
        return any(key not in known.tried for key in tried if key[1] != "refused connections")

    def _end_lost_wait(self, known: Known) -> None:
        """Go on where a worker's stop waits, and nothing is there any more that could end it.

        So it is after a refusal before recording began: see `workers.end_lost_wait`.
        """
        watched, worker = known.watched, known.watched.worker
        under_way = watched.stopping and not watched.stopped
        at_rest = known.facts.state in RESTING and worker.conn is None
        if not under_way or not at_rest or watched.waiting() or watched.held:
            return
        if workers.end_lost_wait(worker):
            text = "its stop waited for something that nothing could end any more, and goes on"
            log_lines([f"{known.name}: {text}"])

    def release_at(self, known: Known, now: float) -> float | None:
        """When what this worker waits for is (or would be) released by a stop; None: never.

        Stuck already: the grace after the stop was asked for. Not stuck yet: once it is.
        """
        situation = situation_of(known)
        if self.hurried_at is not None and self._is_waited_for(known):
            return self._hurried(known, self.hurried_at)
        asked = self._grace_since(known, now)
        if situation.half or situation.forgotten:
            return asked
        if situation.found_pending:
            return asked + self._settings().shutdown_grace
        facts, grace = known.facts, self._settings().shutdown_grace
        if self._whole_master and facts.pending is None and facts.state in STARTING:
            # the master's stop holds the lock that every login needs: the worker cannot come any more
            return asked + grace
        ends = None if self._leaves_its_machine(known) else self._logbook.wait_ends_at(known)
        if ends is None:
            return self._silence_ends_at(known, self._asked(known, now), now)
        return max(asked + grace, ends)

    def _leaves_its_machine(self, known: Known) -> bool:
        """Whether a worker that is removed alone waits for its machine only: Buildbot then does not.

        The machine's other workers do wait for it, and Buildbot itself, to stop it again.
        """
        alone = known.leaving_since is not None and self.asked_at is None
        calls = known.facts.calls
        return alone and bool(calls) and all(call.call in MACHINE_CALLS for call in calls)

    def _hurried(self, known: Known, at: float) -> float:
        """When a second signal releases a wait: at once; a call that began later has the grace first."""
        pending = known.facts.pending
        if pending is None or pending.since <= at:
            return at
        return pending.since + self._settings().shutdown_grace

    def _is_waited_for(self, known: Known) -> bool:
        """Whether the stop waits for something of this worker that a release could end."""
        plan = ladder.plan(known.facts, situation_of(known), pause=False, last=True)
        return any(step.step != "open_orphan" for step in plan)

    def _silence_ends_at(self, known: Known, asked: float, now: float) -> float | None:
        """When a connection that may never end is released by a stop; None: there is none, or never.

        A clean stop waits for builds as long as they take: there only the limit counts.
        """
        verdict = self._logbook.held_by_silence(known, now)
        if verdict is None:
            return None
        grace = self._settings().shutdown_grace
        # a worker that was not asked yet, or that has answered, is not taken for silent
        silent_at = None if known.facts.unanswered is None else verdict.stuck_at
        dues = [] if silent_at is None else [max(asked + grace, silent_at)]
        is_clean = self.asked_at is not None and not self._whole_master
        if not is_clean or known.leaving_since is not None:
            dues.append(asked + grace + BUILDBOT_GRACE)
        return min(dues, default=None)

    def _release(self, known: Known) -> None:
        case = case_of(self._logbook, known)
        reason = case.verdict.reason
        action = actions.asked(
            case,
            uuid.uuid4().hex,
            "shutdown-release",
            known.name,
            SHUTDOWN if self.asked_at is not None else RECONFIG,
            f"{self._why(known)}; {reason}",
        )
        # begun first, and not awaited: the stop is not to wait for the database
        written = defer.ensureDeferred(self._audit.asked(action, AUDIT_SECONDS))
        deeds = Deeds(self._master.reactor, known, case, by="shutdown")
        known.tried.update(waited_for(known, s) for s in case.plan(pause=False, last=True))
        known.releasing = True
        deeds.begin(pause=False, last=True)
        self._abandoned += 1
        log_lines([f"{known.name}: released, because {reason}"])
        followed = defer.ensureDeferred(self._follow(known, deeds, written))
        followed.addErrback(log_error, "lifecycle: while writing what the stop released")
        self.pending_writes.append(followed)

    async def _follow(self, known: Known, deeds: Deeds, written: defer.Deferred[Action]) -> None:
        """Look what came of a release, and write it down."""
        try:
            await deeds.climb()
        finally:
            known.releasing = False
        had_no_effect = deeds.in_words()
        if had_no_effect is not None:
            log_lines([f"{known.name}: the release had no effect: {had_no_effect}"])
        action = await written
        if deeds.leaves_orphan and deeds.released_something:
            why = f"released: {action.reason}"
            await self._orphans.open(known, deeds.before, action.token, why)
            deeds.orphan_written()
        state = known.facts.state.value
        outcome = f"the worker is {state} now"
        if had_no_effect is not None:
            outcome = f"had no effect: {had_no_effect}; the worker is {state}"
        status = "failed" if deeds.failed else "done"
        await self._audit.ended(action, status, outcome, deeds.steps)

    def _why(self, known: Known) -> str:
        if self.asked_at is None and known.leaving_since is not None:
            return "a reconfiguration removes the worker"
        return "the master is stopping"

    # telling

    def blockers(self, now: float) -> list[dict[str, Any]]:
        """What would keep (or keeps) this master from stopping, as in REST."""
        return [b for known in self._logbook.known() for b in self._blockers_of(known, now)]

    def _blockers_of(self, known: Known, now: float) -> list[dict[str, Any]]:
        facts = known.facts
        found = []
        due = self.release_at(known, now)
        for call in facts.calls:
            found.append(
                self._blocker(known, call.call, call.since, due, now, f"{call.call} has not ended")
            )
        for since in [facts.refused_first or now] if known.watched.held else []:
            text = "a refused connection is held; it is dropped at once when the master stops"
            found.append(self._blocker(known, "refused_connection", since, now, now, text))
        situation = situation_of(known)
        if not found and situation.found_pending:
            text = "a call that was pending before recording began has not ended"
            found.append(self._blocker(known, "state", facts.state_since or now, due, now, text))
        if facts.build_stopping is not None and facts.building:
            text = "its build was asked to stop and has not"
            found.append(self._blocker(known, "build", facts.build_stopping, due, now, text))
        silent = self._logbook.held_by_silence(known, now)
        if not found and silent is not None:
            since = silent.since or now
            found.append(self._blocker(known, "connection", since, due, now, silent.reason))
        if not found and self.asked_at is not None and facts.state in STARTING:
            text = "a start is under way, and its worker cannot log in while the master stops"
            found.append(self._blocker(known, "state", facts.state_since or now, due, now, text))
        if situation.forgotten:
            text = "it waits for a start of the worker that Buildbot has forgotten"
            found.append(self._blocker(known, "build", facts.state_since or now, due, now, text))
        if not found and situation.half:
            text = "the stop broke off half way; stock Buildbot would loop for ever here"
            found.append(self._blocker(known, "state", facts.state_since or now, due, now, text))
        return found

    def _blocker(
        self, known: Known, what: str, since: float, due: float | None, now: float, text: str
    ) -> dict[str, Any]:
        return {
            "workerid": known.workerid,
            "worker": known.name,
            "what": what,
            "since": since,
            "releasable": due is not None,
            "release_in_s": None if due is None else max(0.0, due - now),
            "text": text,
        }

    def describe(self, now: float) -> list[str]:
        """Log lines: what is waited for, since when, and until when."""
        lines = [self._headline(now)]
        for blocker in self.blockers(now):
            age = in_words(max(0.0, now - blocker["since"]))
            left = blocker["release_in_s"]
            end = "no limit is set for it" if left is None else f"released in {in_words(left)}"
            lines.append(f"  {blocker['worker']}: {blocker['what']}, for {age}; {end}")
        for known in self._logbook.known():
            if known.facts.building:
                lines.append(f"  {known.name}: a build has not ended")
            elif known.facts.state not in RESTING and not known.facts.calls:
                lines.append(f"  {known.name}: {known.facts.state.value}")
            elif workers.has_unfinished(known.watched.worker) and not known.facts.calls:
                lines.append(f"  {known.name}: something that it began has not ended")
        if len(lines) == 1:
            lines.append("  Buildbot itself; no latent worker")
        elif signal.SIGTERM in self._handlers and self.hurried_at is None:
            # not SIGINT: after a SIGTERM, Twisted ends the process upon it, before anything is written
            lines.append("  another SIGTERM releases all of it at once")
        return lines

    def _headline(self, now: float) -> str:
        if self.asked_at is not None:
            return f"the stop was asked for {in_words(max(0.0, now - self.asked_at))} ago; waiting for:"
        since = [k.leaving_since for k in self._logbook.known() if k.leaving_since is not None]
        ago = in_words(max(0.0, now - min(since, default=now)))
        return f"a reconfiguration has been removing workers for {ago}; waiting for:"

    # the end of the process

    def _master_stopped(self, result: Any) -> Any:
        self.finish()
        abandoned = sum(len(k.watched.abandoned()) for k in self._logbook.known())
        if abandoned or self._abandoned:
            _outlive_threads(self._master.reactor, self._master.basedir)
        return result


def _outlive_threads(reactor: Any, basedir: str) -> None:
    """End the process although a released driver call still blocks a thread of the reactor's pool.

    The reactor joins its threads before it ends, so nothing that runs on it could do this; a daemon
    thread does not keep a process that can end by itself.
    """

    def watch() -> None:
        done = threading.Event()
        if not done.wait(THREAD_SECONDS) and process.busy_threads(reactor):
            log_lines(["a driver thread does not end; leaving without it"])
            process.leave_process(basedir)

    threading.Thread(target=watch, name="lifecycle-end", daemon=True).start()
