"""The logbook: turns observations into numbered events, facts and verdicts, and hands them on.

It holds what is known of each worker of this master in memory. Everything that is written goes to the
recorder in the order in which it happened; nothing here waits for the database.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet import defer

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Episode, Facts
from buildbot_lifecycle.core.fold import apply, numbered
from buildbot_lifecycle.core.learned import Memory
from buildbot_lifecycle.core.limits import for_starts
from buildbot_lifecycle.core.settings import Settings
from buildbot_lifecycle.core.states import State
from buildbot_lifecycle.core.texts import clean, cleaned
from buildbot_lifecycle.core.verdicts import held_by_silence, judge, settling, wait_ends_at
from buildbot_lifecycle.core.verdicts.verdict import HEALTHY, Thresholds, Verdict
from buildbot_lifecycle.host import builds, workers
from buildbot_lifecycle.host import clock as clocks
from buildbot_lifecycle.host.clock import Steadily
from buildbot_lifecycle.host.log import log_error
from buildbot_lifecycle.host.pauses import at_most
from buildbot_lifecycle.shapes import events
from buildbot_lifecycle.shapes.parts import Building
from buildbot_lifecycle.watch.calls import Call
from buildbot_lifecycle.watch.watched import Watched

#: Workers that are judged in one turn of the reactor.
IN_A_TURN = 100

#: Errors of one kind that are logged with their traceback; the others are only counted.
LOGGED_ONCE = 1


class Recording(Protocol):
    """What the logbook writes to."""

    def record(self, known: Known, event: Event, episodes: Sequence[Episode]) -> None:
        """Queue an event with the facts after it and the episodes that it touched."""

    def record_verdict(self, known: Known) -> None:
        """Queue a worker's new verdict; it is told to others once it is written."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """A worker's limits by these settings and its own ``missing_timeout``. Learnt ones stay new."""

    settings: Settings
    missing_timeout: float | None
    limits: Thresholds


@dataclasses.dataclass(eq=False)
class Known:
    """One worker *object* of this master: who it is, its facts, its verdict, and all else kept of it.

    A worker may be replaced under its name and its workerid, by a reconfiguration. What is kept of the
    one must not outlive it, so it stands here and in no map by name or by workerid.
    """

    workerid: int
    name: str
    class_name: str
    watched: Watched
    facts: Facts
    verdict: Verdict = HEALTHY
    timer: Any = None
    limits: Limits | None = None
    #: removed from the master; another one may have its name and its workerid by now
    gone: bool = False
    #: since when a reconfiguration removes it, and waits for it; None: it does not
    leaving_since: float | None = None
    #: what a stop has tried to end already (`deeds.waited_for`), and whether it is at it now
    tried: set[Hashable] = dataclasses.field(default_factory=set)
    releasing: bool = False
    #: the connection of whose close Buildbot was told by a stop, since nobody else did
    told_closed: Any = None
    #: when a stop ended the wait for a call of it: what its driver is asked next has less time
    released_at: float | None = None
    #: the token of the call of which it was written down where it hangs
    told_where: int | None = None
    #: whether auto_release is at work on it, and before when it does not try again
    auto_busy: bool = False
    auto_not_before: float | None = None
    #: the token of its last start
    start: int | None = None
    #: what is being looked for; see `signs.Look`
    look: Any = None
    #: the first_seq of the last episode that Buildbot's stop ended, whether the stop is believed, and
    #: whether it said True
    last_stop: tuple[int, bool, bool] | None = None
    #: one entry of the ledger after the other, so that the second finds the first
    opening: defer.DeferredLock = dataclasses.field(default_factory=defer.DeferredLock)
    #: one force disconnect after the other
    forcing: defer.DeferredLock = dataclasses.field(default_factory=defer.DeferredLock)
    #: one pause, or end of a pause, after the other
    pausing: defer.DeferredLock = dataclasses.field(default_factory=defer.DeferredLock)
    #: its row in the list of workers, as it was last answered; see `service.roll`
    shown: Any = None


class Logbook:
    """Implements `probe.Sink` for one master.

    ``clock`` is one of `host.clock` (or anything with ``seconds`` and ``callLater``).
    """

    def __init__(
        self, clock: Any, settings: Callable[[], Settings], recording: Recording | None = None
    ) -> None:
        self._clock: Steadily = clocks.of(clock)
        self._settings = settings
        self._recording = recording
        self._listeners: dict[Kind, list[Callable[[Known, Event], None]]] = {k: [] for k in Kind}
        self._verdict_listeners: list[Callable[[Known], None]] = []
        self._episode_listeners: list[Callable[[Known, Sequence[Episode]], None]] = []
        self._known: dict[int, Known] = {}
        #: whose open episode the database has not numbered yet, by its first_seq
        self._unnumbered: dict[int, Known] = {}
        # those of them that a stop of the master has to end, or may have to wait for
        self._busy: dict[int, Known] = {}
        # those of them whose verdict is another one than ok: mostly few, and asked for most often
        self._noted: dict[int, Known] = {}
        self._seq = 0
        self._waiters: list[tuple[Known, Callable[[Known], bool], defer.Deferred[bool]]] = []
        self._failures: dict[str, int] = {}
        self._memory = Memory()
        # the last error of each kind that is not over, the latest last
        self._last: dict[str, str] = {}
        #: by what all rows were made that `Known.shown` keeps; see `service.roll`
        self.shown_by: Any = None
        #: whether the master is stopping as a whole; set by the service
        self.is_stopping: Callable[[], bool] = lambda: False
        #: looks whether a worker was heard since the last look; set by the service
        self.hear: Callable[[Known], None] = lambda _: None
        #: takes secrets out of what is recorded; set by the service
        self.redact: Callable[[dict[str, Any]], dict[str, Any]] = lambda data: data

    # who hears of it

    def write_to(self, recording: Recording) -> None:
        """What is observed from now on is recorded there."""
        self._recording = recording

    def listen(self, heard: Callable[[Known, Event], None], *kinds: Kind) -> None:
        """Call this after an event of these kinds (of all, if none is named) was recorded.

        Listeners are called in the order in which they came.
        """
        for kind in kinds or Kind:
            self._listeners[kind].append(heard)

    def on_verdict(self, heard: Callable[[Known], None]) -> None:
        """Call this after a verdict that is another one now was recorded."""
        self._verdict_listeners.append(heard)

    def on_episodes(self, heard: Callable[[Known, Sequence[Episode]], None]) -> None:
        """Call this with the episodes that an event has touched, after it was recorded."""
        self._episode_listeners.append(heard)

    # reading

    @property
    def now(self) -> float:
        """The present (steady)."""
        return self._clock.seconds()

    @property
    def settings(self) -> Settings:
        """The settings, as they are now."""
        return self._settings()

    def known(self) -> Iterator[Known]:
        return iter(list(self._known.values()))

    def busy(self) -> list[Known]:
        """The workers that are not idle (`Facts.is_idle`), by workerid; the others are not looked at."""
        return [self._busy[workerid] for workerid in sorted(self._busy)]

    def noted(self) -> list[Known]:
        """The workers whose verdict is not ok, by workerid; the others are not looked at."""
        return [self._noted[workerid] for workerid in sorted(self._noted)]

    def get(self, workerid: int) -> Known | None:
        return self._known.get(workerid)

    def of(self, worker: Any) -> Known | None:
        """What is known of this very object, not of another one that has its workerid."""
        known = self._known.get(worker.workerid)
        return known if known is not None and known.watched.worker is worker else None

    def named(self, name: str) -> Known | None:
        return next((k for k in self._known.values() if k.name == name), None)

    @property
    def errors(self) -> int:
        """Errors inside our own hooks so far."""
        return sum(self._failures.values())

    def next_seq(self) -> int:
        """The number of the next event of this incarnation."""
        self._seq += 1
        return self._seq

    def remember(self, workerid: int, class_name: str, state: State, seconds: float) -> None:
        """A duration from earlier runs, from which limits are learnt."""
        self._memory.add(workerid, class_name, state, seconds)

    # what the probe tells

    def observe(self, watched: Watched, kind: Kind, data: dict[str, Any]) -> None:
        known: Known | None = watched.entry
        if known is None:
            # told of its first transition, a worker was found in the state before it
            found = State(data["from"]) if kind is Kind.TRANSITION else None
            known = self._introduced(watched, found)
        if known is None or kind is Kind.BASELINE:
            return
        if known.gone and not data.get("late"):
            return  # its number may be another worker's by now; only what was released still counts
        self._apply(known, kind, data)
        if kind is Kind.REMOVED:
            self._forget(known)

    def failed(self, what: str) -> None:
        """An error of ours inside a hook: logged once for each kind of it, counted, and over."""
        count = self._failures[what] = self._failures.get(what, 0) + 1
        if count <= LOGGED_ONCE:
            log_error(
                None, f"lifecycle: while {what} (further errors of this kind are only counted)"
            )
        self._last.pop(what, None)
        self._last[what] = clean(f"while {what} ({count} times)")

    def over(self, what: str) -> None:
        """What failed goes well again."""
        self._last.pop(what, None)

    @property
    def last_error(self) -> str | None:
        """The last error inside our own hooks that is not over."""
        return next(reversed(self._last.values()), None)

    def refuses_start(self, watched: Watched) -> bool:
        """No new instance after a release that paused the worker, nor while the master stops.

        A build that was taken before the pause is past Buildbot's own check of it; and one that was
        being started when the stop came would wait for a worker that cannot log in any more.
        """
        if watched.hold and not watched.worker.isPaused():
            watched.hold = False
        return watched.hold or self.is_stopping()

    def note(self, known: Known, data: events.Data, added: Mapping[str, Any] | None = None) -> None:
        """Record something that was not seen by the probe: an mq event, an action.

        ``added`` are the keys that somebody else adds, where he may (`events.OPEN`).
        """
        try:
            self._apply(known, data.kind, {**data.written(), **(added or {})})
        except Exception:
            self.failed(f"recording {data.kind.value}")

    def baseline(self, watched: Watched) -> None:
        """Write down how a worker is found; the next observation would do it otherwise."""
        try:
            self._introduced(watched)
        except Exception:
            self.failed("recording a baseline")

    def _introduced(self, watched: Watched, found: State | None = None) -> Known | None:
        """The worker's entry, made with a baseline event when it is first heard of."""
        worker = watched.worker
        workerid = worker.workerid
        if workerid is None:
            # before its startService: nothing can have happened to it but its own making
            self._failures["worker without id"] = self._failures.get("worker without id", 0) + 1
            return None
        entry: Known | None = watched.entry
        if entry is not None:
            return entry
        former = self._known.get(workerid)
        if former is not None:
            self._forget(former)
        known = Known(
            workerid=workerid,
            name=clean(str(worker.name)),
            class_name=clean(type(worker).__name__),
            watched=watched,
            facts=Facts(workerid=workerid),
        )
        configured = watched.configured = workers.configured(worker)
        data = events.Baseline(
            state=(found or workers.state_of(worker.state)).value,
            connected=worker.conn is not None,
            paused=bool(worker.isPaused()),
            pause_reason=workers.pause_reason(worker),
            building=tuple(Building(**build) for build in builds.builds_of(worker)),
            class_=known.class_name,
            **configured,
            gives_up_at=workers.missing_deadline(worker),
            graceful=workers.is_graceful(worker),
            quarantine_until=workers.quarantine_until(worker),
            # by a call that we do not know; one of an earlier life of ours goes on, and can be released
            locked=workers.lock_is_held(worker) and not watched.waiting(),
            calls=tuple(self._as_found(call) for call in watched.waiting() if call.told),
            abandoned=tuple(self._as_found(call) for call in watched.abandoned()),
            held=len(watched.held),
        )
        self._known[workerid] = watched.entry = known
        watched.introduced = True
        self._apply(known, data.kind, data.written())
        return known

    def _as_found(self, call: Call) -> events.FoundCall:
        since = self._clock.seconds() if call.since is None else call.since
        return events.FoundCall(call=call.name, token=call.token, since=since)

    def _apply(self, known: Known, kind: Kind, data: Mapping[str, Any]) -> None:
        if kind is not Kind.TRANSITION:  # which are many, and all of them `states.transition_data`
            data = self.redact(cleaned(data))
            self._compare(kind, data)
        now = self._clock.seconds()
        event = Event(self.next_seq(), now, known.workerid, kind, data)
        step = apply(known.facts, event)
        known.facts = step.facts
        if not known.gone:
            self._note_busy(known)
        for episode in step.episodes:
            self._note_episode(known, episode)
        before = known.verdict
        if not known.gone:
            known.verdict = self._judge(known, now)
        try:
            if self._recording is not None:
                self._recording.record(known, event, step.episodes)
            for heard in self._listeners[kind]:
                heard(known, event)
            if step.episodes:
                for hears in self._episode_listeners:
                    hears(known, step.episodes)
        finally:
            self._after_verdict(known, before, now)
            self._wake(known)

    def _note_episode(self, known: Known, episode: Episode) -> None:
        if episode.ended_at is None:
            if episode.id is None:
                self._unnumbered[episode.first_seq] = known
        else:
            self._unnumbered.pop(episode.first_seq, None)
            self._memory.learn(known.workerid, known.class_name, episode)

    def _note_busy(self, known: Known) -> None:
        watched = known.watched
        if known.facts.is_idle and not (watched.refused or watched.logins):
            self._busy.pop(known.workerid, None)
        else:
            self._busy[known.workerid] = known

    def _compare(self, kind: Kind, data: Mapping[str, Any]) -> None:
        """What is recorded is as docs/rest says. What is not, is recorded all the same, and counted."""
        try:
            events.read(kind, data)
        except Exception:
            self.failed(f"comparing {kind.value} with its shape")

    def _forget(self, known: Known) -> None:
        self._leave(known)
        if self._known.get(known.workerid) is known:
            del self._known[known.workerid]
            self._noted.pop(known.workerid, None)
            self._busy.pop(known.workerid, None)
        self._wake(known)

    def _leave(self, known: Known) -> None:
        """It is gone: no timer of it is left. What is told of it later counts, but is not judged."""
        known.gone = True
        if known.timer is not None and known.timer.active():
            known.timer.cancel()
        look, known.timer, known.look = known.look, None, None
        if look is not None:
            look.end()

    # verdicts

    def _judge(self, known: Known, now: float) -> Verdict:
        thresholds = self.thresholds(known)
        verdict = judge(known.facts, thresholds, now)
        if verdict.level == "stuck" and known.verdict.level != "stuck":
            until = self._clock.settles_until
            if now < until:
                return settling(known.facts, thresholds, verdict, known.verdict, until)
        return verdict

    def thresholds(self, known: Known) -> Thresholds:
        """The limits of a worker, as they are now."""
        settings, missing = self._settings(), known.facts.missing_timeout
        kept = known.limits
        if kept is None or kept.settings is not settings or kept.missing_timeout != missing:
            limits = for_starts(settings.of(known.name).stuck_after, missing)
            if settings.adaptive is not None:
                limits = self._memory.limits(
                    known.workerid, known.class_name, limits, settings.adaptive
                )
            kept = known.limits = Limits(settings, missing, limits)
        return kept.limits

    def wait_ends_at(self, known: Known) -> float | None:
        """When what Buildbot waits for here is too old; see `verdicts.wait_ends_at`."""
        return wait_ends_at(known.facts, self.thresholds(known))

    def held_by_silence(self, known: Known, now: float) -> Verdict | None:
        """What is said of a connection that may never end; see `verdicts.held_by_silence`."""
        return held_by_silence(known.facts, self.thresholds(known), now)

    def verdict_now(self, known: Known) -> Verdict:
        """The verdict with its reason as of this moment (the stored one tells when it changed)."""
        return self._judge(known, self._clock.seconds())

    def rejudge_all(self) -> None:
        """The thresholds have changed: look at every worker again, at thousands in several turns."""
        self._rejudge_some(self.known())

    def _rejudge_some(self, left: Iterator[Known]) -> None:
        for known in itertools.islice(left, IN_A_TURN):
            if not known.gone:
                self._rejudge(known)
        if next_one := next(left, None):
            rest = itertools.chain([next_one], left)
            self._clock.callLater(0, self._rejudge_some, rest)

    def _rejudge(self, known: Known) -> None:
        try:
            now = self._clock.seconds()
            known.verdict, before = self._judge(known, now), known.verdict
            self._after_verdict(known, before, now)
            self._wake(known)
        except Exception:
            self.failed("judging a worker")

    def _after_verdict(self, known: Known, before: Verdict, at: float) -> None:
        """Record a verdict that is another one now, and set the timer for its next turn."""
        if known.gone:
            return  # under its number there may be its successor by now
        now = known.verdict
        self._note_level(known, before)
        if now.code != before.code or now.level != before.level:
            if self._recording is not None:
                self._recording.record_verdict(known)
            for heard in self._verdict_listeners:
                heard(known)
        due, timer = known.verdict.due, known.timer  # a listener's note may have changed both
        if timer is not None and not timer.active():
            timer = known.timer = None
        if due is None:
            if timer is not None:
                timer.cancel()
                known.timer = None
            return
        delay = max(0.0, due - at) + 0.001
        if timer is None:
            known.timer = self._clock.callLater(delay, self._rejudge, known)
        else:
            timer.reset(delay)

    def _note_level(self, known: Known, before: Verdict) -> None:
        if known.verdict.level != "ok":
            self._noted[known.workerid] = known
        elif before.level != "ok":
            self._noted.pop(known.workerid, None)

    def close(self) -> None:
        """Stop all timers, and record nothing more: the book is closed."""
        for known in self.known():
            self._leave(known)
        waiters, self._waiters = self._waiters, []
        for _, _, waiter in waiters:
            waiter.callback(False)

    # numbers from the database

    def committed(self, episode_ids: Mapping[int, int]) -> None:
        """The recorder has written episodes: {first_seq: the database's number}."""
        for first_seq, number in episode_ids.items():
            known = self._unnumbered.pop(first_seq, None)
            if known is not None and not known.gone:
                known.facts = numbered(known.facts, first_seq, number)
                self._wake(known)

    # waiting

    def when(
        self, known: Known, wanted: Callable[[Known], bool], timeout: float
    ) -> defer.Deferred[bool]:
        """Fire with True once `wanted` holds of the worker, or it is removed; else after `timeout`.

        After so many seconds it fires with False.
        """
        if known.gone or wanted(known):
            return defer.succeed(True)
        waiter: defer.Deferred[bool] = defer.Deferred(lambda _: self._waiters.remove(entry))
        entry = (known, wanted, waiter)
        self._waiters.append(entry)
        return at_most(waiter, timeout, self._clock, False)

    def _wake(self, known: Known) -> None:
        if not self._waiters:
            return
        for entry in [e for e in self._waiters if e[0] is known]:
            if entry in self._waiters and (known.gone or entry[1](known)):
                self._waiters.remove(entry)
                entry[2].callback(True)
