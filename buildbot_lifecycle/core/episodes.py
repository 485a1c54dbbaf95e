"""Episodes: the lives of instances, folded from events.

`apply` takes what is known of a worker and one event and answers what is known then. It is the only
place that says when an episode begins and ends and how it ended; the recorder stores what it answers,
and the same fold over the stored log gives the same again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from buildbot_lifecycle.core.events import Event, Kind, cut
from buildbot_lifecycle.core.states import RESTING, STARTING, STOPPING, State, is_expected

#: Phases kept of one episode; a machine that loops is cut here, the log has every transition.
MAX_PHASES = 200


@dataclasses.dataclass(frozen=True)
class Phase:
    """The stay in one state inside an episode; ``until`` is None while it lasts."""

    state: State
    since: float
    until: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state.value, "since": self.since, "until": self.until}


@dataclasses.dataclass(frozen=True)
class Call:
    """A driver call (start_instance, stop_instance, check_instance) that has not ended.

    ``token`` numbers the calls of one incarnation and joins call_started with call_ended.
    """

    call: str
    token: int
    since: float


@dataclasses.dataclass(frozen=True)
class Failure:
    """How a driver call went wrong: the call, the error in one line, the traceback if there is one."""

    call: str
    error: str
    traceback: str | None = None

    def as_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class Episode:
    """One life of an instance: from SUBSTANTIATING until it rests, or until the next SUBSTANTIATING.

    ``first_seq`` is the seq of the event that opened it: with the incarnation, its identity.
    ``id`` is the database's number, None until it was first written. ``failure`` is the first of it:
    what follows is mostly its consequence. ``start_s`` and ``stop_s`` are seconds of Buildbot's wait for
    start_instance and stop_instance themselves, ``start_ended_at`` when the last start had an answer.
    """

    first_seq: int
    workerid: int
    started_at: float
    phases: tuple[Phase, ...]
    id: int | None = None
    ended_at: float | None = None
    outcome: str | None = None
    failure: Failure | None = None
    build: Mapping[str, Any] | None = None
    instance: str | None = None
    connected_at: float | None = None
    builds: int = 0
    released: bool = False
    cancelled: bool = False
    started: bool = False
    timed_out: bool = False
    lost: bool = False
    start_s: float | None = None
    start_ended_at: float | None = None
    stop_s: float | None = None
    #: the start said yes; it raised or said no, and the driver is known to have made nothing
    start_answered: bool = False
    nothing_made: bool = False
    #: the driver named an instance when its stop was called
    stop_named: bool = False
    #: what Buildbot gave the builds that waited, and the call that it came from
    given: Failure | None = None
    build_refused: bool = False
    #: the last that is known of why no worker is attached while it is awaited
    obstacle: str | None = None

    @property
    def connect_s(self) -> float | None:
        """Seconds from the end of start_instance until the worker was attached; 0 if it was before."""
        if self.connected_at is None or self.start_s is None:
            return None
        if self.start_ended_at is None:
            return 0.0
        return max(0.0, self.connected_at - self.start_ended_at)

    def seconds_in(self, *states: State) -> float | None:
        """Seconds spent in finished phases of these states; None if it never was in one."""
        spent = [
            phase.until - phase.since
            for phase in self.phases
            if phase.state in states and phase.until is not None
        ]
        return sum(spent) if spent else None


@dataclasses.dataclass(frozen=True)
class Orphan:
    """An instance that may still run: number in the ledger, since when, and the kind of its cause."""

    id: int
    since: float
    cause: str


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of one worker on its master, as of the last event."""

    workerid: int
    state: State = State.NOT_SUBSTANTIATED
    state_since: float | None = None
    connected: bool = False
    paused: bool = False
    pause_reason: str | None = None
    episode: Episode | None = None
    calls: tuple[Call, ...] = ()
    abandoned: tuple[Call, ...] = ()
    building: tuple[Mapping[str, Any], ...] = ()
    refused: int = 0
    refused_first: float | None = None
    refused_last: float | None = None
    survived_stop: float | None = None
    #: refused connections whose transport has not closed; ``held``: whose end Buildbot was not told
    refused_open: int = 0
    held: int = 0
    last_failure: Failure | None = None
    last_failure_at: float | None = None
    failures_in_row: int = 0
    removed: bool = False
    instance: str | None = None
    queued_since: float | None = None
    asked_build: Mapping[str, Any] | None = None
    #: builders of those in ``building`` that the instance was up for; the others wait for one
    served: tuple[str, ...] = ()
    #: a build that asked a worker whose connection had gone, and since when Buildbot has forgotten it
    cut_off: Mapping[str, Any] | None = None
    forgotten: float | None = None
    attaching: float | None = None
    login: float | None = None
    duplicates: int = 0
    duplicate_first: float | None = None
    #: builds that somebody asked to stop, and that wait for the answer to their ping: builder, since
    stopping: tuple[tuple[str, float], ...] = ()
    pinging: tuple[tuple[str, float], ...] = ()
    send_blocked: float | None = None
    #: the last sign of life that was looked for, and when the worker was asked in vain since
    sign: float | None = None
    unanswered: float | None = None
    #: since when its connection is gone though nobody closed it, and whether it had been asked to go
    left: float | None = None
    left_asked: bool = False
    asked_to_go: bool = False
    #: since when it is to shut down gracefully; Buildbot starts no build on it any more
    graceful: float | None = None
    #: when Buildbot's quarantine of it ends (epoch seconds)
    quarantine_until: float | None = None
    leaving: float | None = None
    #: its service stops, with the master or alone: a start that fails now fails because of that
    ending: bool = False
    half: float | None = None
    found_locked: bool = False
    unasked: bool = False
    #: of the worker's configuration, as it is now: read again after each reconfiguration
    may_connect: bool = False
    build_wait_timeout: float | None = None
    missing_timeout: float | None = None
    #: when Buildbot gives up the start that it waits for (epoch seconds); None: it does not wait
    gives_up_at: float | None = None
    orphans: tuple[Orphan, ...] = ()

    @property
    def pending(self) -> Call | None:
        """The oldest driver call that has not ended and that Buildbot still waits for."""
        return self.calls[0] if self.calls else None

    @property
    def build_stopping(self) -> float | None:
        """Since when a build is asked to stop that has not; the first one of several."""
        return min((since for _, since in self.stopping), default=None)

    @property
    def awaits_sign(self) -> bool:
        """Whether a build waits for something that only a worker that lives can do."""
        return bool(self.stopping or self.pinging or self.send_blocked is not None)


@dataclasses.dataclass(frozen=True)
class Step:
    """The answer of `apply`: the new facts, and the episodes that the event opened, changed or ended."""

    facts: Facts
    episodes: tuple[Episode, ...] = ()


def apply(facts: Facts, event: Event) -> Step:
    """Fold one event into the facts of its worker."""
    handler = _HANDLERS.get(event.kind)
    if handler is None:
        return Step(facts)
    return handler(facts, event)


def numbered(facts: Facts, first_seq: int, episode_id: int) -> Facts:
    """The facts with the database's number on the open episode, if it is still that one."""
    if facts.episode is None or facts.episode.first_seq != first_seq:
        return facts
    return dataclasses.replace(facts, episode=dataclasses.replace(facts.episode, id=episode_id))


def _changed(facts: Facts, **episode_changes: Any) -> Step:
    """`facts` with their open episode changed; without one, just the facts."""
    if facts.episode is None:
        return Step(facts)
    episode = dataclasses.replace(facts.episode, **episode_changes)
    return Step(dataclasses.replace(facts, episode=episode), (episode,))


def _cause(episode: Episode) -> Failure | None:
    """What went wrong first in an episode, as far as it is known; None if nothing has.

    Buildbot takes the same way back from a build that was stopped, from a worker that did not come in
    time, and from a start that went wrong in a way that no call tells of.
    """
    if episode.failure is not None:
        return episode.failure
    if episode.connected_at is not None or episode.phases[0].state not in STARTING:
        return None
    if episode.timed_out:
        return _no_worker(episode)
    return None if episode.cancelled else episode.given


def _no_worker(episode: Episode) -> Failure:
    known = "" if episode.obstacle is None else f"; {episode.obstacle}"
    return Failure("connection", f"the worker did not connect in time{known}")


#: By the call that failed first; any other is a start that failed.
_OUTCOME_OF_FAILURE = {"stop_instance": "stop_failed", "connection": "never_connected"}


def _outcome(episode: Episode) -> str:
    """The outcome of an episode that rests now, from what was seen of it; the first cause counts."""
    if episode.released or episode.build_refused:
        return "released" if episode.released else "build_refused"
    if episode.failure is not None:
        return _OUTCOME_OF_FAILURE.get(episode.failure.call, "start_failed")
    if episode.lost or episode.connected_at is not None:
        return "lost" if episode.lost else "ok"
    if episode.phases[0].state not in STARTING:
        return "unknown"  # found when it was up or on its way out already: its start was not seen
    otherwise = "never_connected" if episode.started else "unknown"
    return "cancelled" if episode.cancelled else otherwise


def _not_before(episode: Episode, at: float) -> float:
    """`at`, or the last known moment of the episode if the clock was set back behind it."""
    return max(at, episode.phases[-1].since)


def _close(episode: Episode, at: float) -> Episode:
    at = _not_before(episode, at)
    phases = _end_phase(episode.phases, at)
    ended = dataclasses.replace(episode, phases=phases, ended_at=at, failure=_cause(episode))
    ended = dataclasses.replace(ended, outcome=_outcome(ended))
    if ended.outcome == "never_connected" and ended.failure is None:
        ended = dataclasses.replace(ended, failure=_no_worker(ended))
    return ended


def _end_phase(phases: tuple[Phase, ...], at: float) -> tuple[Phase, ...]:
    if not phases or phases[-1].until is not None:
        return phases
    return (*phases[:-1], dataclasses.replace(phases[-1], until=at))


def _next_phase(phases: tuple[Phase, ...], state: State, at: float) -> tuple[Phase, ...]:
    grown = (*_end_phase(phases, at), Phase(state, at))
    return grown if len(grown) <= MAX_PHASES else (*grown[: MAX_PHASES - 1], grown[-1])


def _open(event: Event, state: State, build: Mapping[str, Any] | None) -> Episode:
    return Episode(
        first_seq=event.seq,
        workerid=event.workerid,
        started_at=event.at,
        phases=(Phase(state, event.at),),
        build=build,
        started=state is State.SUBSTANTIATING_STARTING,
    )


def transition_data(before: State, after: State) -> dict[str, Any]:
    """The data of a transition event."""
    return {"from": before.value, "to": after.value, "expected": is_expected(before, after)}


def _no_longer_up(after: State) -> dict[str, Any]:
    """What is forgotten of a worker that left, once it is stopped or started anew."""
    if after is State.SUBSTANTIATED:
        return {}
    return {"left": None, "left_asked": False, "asked_to_go": False}


def _on_transition(facts: Facts, event: Event) -> Step:
    after = State(event.data["to"])
    touched: list[Episode] = []
    before = episode = facts.episode
    begins = after is State.SUBSTANTIATING or (episode is None and after not in RESTING)
    if episode is not None and (after in RESTING or begins):
        touched.append(_close(episode, event.at))
        episode = None
    if begins:
        episode = _open(event, after, facts.asked_build)
        touched.append(episode)
    elif episode is not None:
        episode = _moved(facts, episode, after, event.at)
        touched.append(episode)
    changes: dict[str, Any] = {"state": after, "state_since": event.at, "episode": episode}
    changes["served"] = _served(facts, after, begins=begins)
    changes.update(half=None, found_locked=False)
    # at rest again, without having gone on to the start that this build waits for
    is_forgotten = after is State.NOT_SUBSTANTIATED and facts.cut_off is not None
    changes["forgotten"] = event.at if is_forgotten else None
    if after is State.INSUBSTANTIATING_SUBSTANTIATING or begins:
        changes["cut_off"] = None
    if begins:
        changes.update(refused=0, refused_first=None, refused_last=None, survived_stop=None)
        changes.update(asked_build=None, duplicates=0, duplicate_first=None)
        changes["unasked"] = after is State.SUBSTANTIATING_STARTING
    changes.update(_no_longer_up(after))
    if after in RESTING:
        changes.update(attaching=None, unasked=False)
    if after is State.INSUBSTANTIATING_SUBSTANTIATING:
        changes["queued_since"] = event.at
    else:
        changes["queued_since"] = None
        if after not in STARTING:
            changes["gives_up_at"] = None
    facts = dataclasses.replace(facts, **changes)
    if before is not None and touched[0].ended_at is not None:
        facts = _count_failure(facts, touched[0], told=before.failure is not None)
    return Step(facts, tuple(touched))


def _moved(facts: Facts, episode: Episode, after: State, at: float) -> Episode:
    """The open episode with its next phase."""
    moved = dataclasses.replace(
        episode,
        phases=_next_phase(episode.phases, after, _not_before(episode, at)),
        started=episode.started or after is State.SUBSTANTIATING_STARTING,
    )
    if after is State.SUBSTANTIATED and facts.connected and episode.connected_at is None:
        # a worker that stays connected between its builds: nobody attaches, and it is up
        moved = dataclasses.replace(moved, connected_at=at)
    return moved


def _count_failure(facts: Facts, ended: Episode, told: bool) -> Facts:
    """Count a start that failed. Its failure is the last one, unless a call has `told` it already."""
    if facts.ending:
        return facts
    if ended.outcome in ("start_failed", "never_connected"):
        if not told:
            facts = _failed(facts, ended.failure, ended.ended_at)
        return dataclasses.replace(facts, failures_in_row=facts.failures_in_row + 1)
    if ended.outcome in ("ok", "lost"):  # the start went well
        return dataclasses.replace(facts, failures_in_row=0)
    return facts


def _failed(facts: Facts, failure: Failure | None, at: float | None) -> Facts:
    if facts.ending and (failure is None or failure.call != "stop_instance"):
        return facts
    return dataclasses.replace(facts, last_failure=failure, last_failure_at=at)


def _on_baseline(facts: Facts, event: Event) -> Step:
    """What the worker was found to be when recording of it began; what was open before is not known."""
    left = _left_open(facts, event.at)
    state = State(event.data["state"])
    facts = Facts(
        workerid=facts.workerid,
        state=state,
        state_since=event.at,
        connected=bool(event.data.get("connected")),
        paused=bool(event.data.get("paused")),
        pause_reason=event.data.get("pause_reason"),
        building=tuple(event.data.get("building") or ()),
        held=int(event.data.get("held", facts.held)),
        may_connect=bool(event.data.get("may_connect")),
        build_wait_timeout=event.data.get("build_wait_timeout"),
        missing_timeout=event.data.get("missing_timeout"),
        gives_up_at=event.data.get("gives_up_at"),
        graceful=event.at if event.data.get("graceful") else None,
        quarantine_until=event.data.get("quarantine_until"),
        found_locked=bool(event.data.get("locked")),
        calls=tuple(Call(**call) for call in event.data.get("calls") or ()),
        abandoned=tuple(Call(**call) for call in event.data.get("abandoned") or ()),
        orphans=facts.orphans,
    )
    if state is State.SUBSTANTIATED:
        facts = dataclasses.replace(facts, served=_builders(facts.building))
    if state in RESTING:
        return Step(facts, left)
    episode = _open(event, state, None)
    if facts.connected:
        episode = dataclasses.replace(episode, connected_at=event.at)
    return Step(dataclasses.replace(facts, episode=episode), (*left, episode))


def _left_open(facts: Facts, at: float) -> tuple[Episode, ...]:
    """The open episode, closed without anybody knowing how it ended; empty if there is none."""
    if facts.episode is None:
        return ()
    return (dataclasses.replace(_close(facts.episode, at), outcome="unknown"),)


def _on_asked(facts: Facts, event: Event) -> Step:
    """A build asked for the worker. It belongs to the episode under way, or to the one it opens."""
    build = event.data.get("build") or {}
    building = tuple(
        {**b, **build, "since": b.get("since", event.at)} if _same_build(b, build) else b
        for b in facts.building
    )
    facts = dataclasses.replace(facts, building=building)
    if event.data.get("gives_up_at") is not None:
        facts = dataclasses.replace(facts, gives_up_at=event.data["gives_up_at"])
    if facts.state is State.SUBSTANTIATED and not facts.connected:
        served = tuple(b for b in facts.served if b != build.get("builder"))
        facts = dataclasses.replace(facts, cut_off=build, served=served)
    if facts.episode is not None and facts.state in STARTING:
        return _changed(facts, build=facts.episode.build or build)
    return Step(dataclasses.replace(facts, asked_build=build))


def _on_call_started(facts: Facts, event: Event) -> Step:
    call = Call(event.data["call"], event.data["token"], event.at)
    facts = dataclasses.replace(facts, calls=(*facts.calls, call))
    build, instance = event.data.get("build"), event.data.get("instance")
    changes: dict[str, Any] = {} if build is None else {"build": build}
    if instance is not None:
        # of a start: its name is known before it is there, and the episode gets it when that has ended
        facts = dataclasses.replace(facts, instance=instance)
    if instance is not None and call.call == "stop_instance":
        changes.update(instance=instance, stop_named=True)
    return _changed(facts, **changes) if changes else Step(facts)


def _on_call_ended(facts: Facts, event: Event) -> Step:
    token, call, outcome = event.data["token"], event.data["call"], event.data["outcome"]
    ended = [c for c in facts.calls if c.token == token]
    facts = dataclasses.replace(
        facts,
        calls=tuple(c for c in facts.calls if c.token != token),
        abandoned=tuple(c for c in facts.abandoned if c.token != token),
    )
    if event.data.get("late"):
        return Step(facts)
    if "instance" in event.data:
        facts = dataclasses.replace(facts, instance=event.data["instance"])
    changes = _timed(facts.episode, event, ended)
    if facts.instance is not None:
        changes["instance"] = facts.instance
    if outcome == "released":
        facts = dataclasses.replace(facts, abandoned=(*facts.abandoned, *ended))
        changes["released"] = True
    if event.data.get("base") and call == "stop_instance" and facts.state in STOPPING:
        # no `except Exception` of Buildbot's catches it: nothing is left that would walk back
        facts = dataclasses.replace(facts, half=event.at)
    if call == "start_instance":
        changes.update(_answer_of_start(event))
    failure = _failure(event)
    if failure is not None:
        facts, changes["failure"] = _with_failure(facts, event, failure)
    elif call == "stop_instance":
        facts = dataclasses.replace(facts, instance=None)
        if outcome != "released":
            facts = _forget_failure(facts, of_stop=True)
    return _changed(facts, **changes) if changes else Step(facts)


def _named(facts: Facts, event: Event) -> Facts:
    """What the driver calls its instance, seen while its start had not ended."""
    named = event.data.get("instance")
    if named is None or facts.instance is not None:
        return facts
    return dataclasses.replace(facts, instance=named)


def _on_where(facts: Facts, event: Event) -> Step:
    """Where a call hangs says nothing to the rules; the instance's name may be told with it."""
    return Step(_named(facts, event))


def _answer_of_start(event: Event) -> dict[str, Any]:
    outcome = event.data["outcome"]
    no = outcome in ("false", "raised") and not event.data.get("unanswered")
    changes = {"start_answered": outcome in ("true", "other"), "nothing_made": no}
    if event.data.get("build_refused"):
        changes["build_refused"] = True
    return changes


def _timed(episode: Episode | None, event: Event, ended: Sequence[Call]) -> dict[str, Any]:
    """How long Buildbot has waited for start_instance or stop_instance, with what it had before."""
    spent = sum(max(0.0, event.at - each.since) for each in ended)
    call = event.data["call"]
    if episode is None or not ended:
        return {}
    if call == "start_instance":
        return {"start_s": (episode.start_s or 0.0) + spent, "start_ended_at": event.at}
    if call == "stop_instance":
        return {"stop_s": (episode.stop_s or 0.0) + spent}
    return {}


def _with_failure(facts: Facts, event: Event, failure: Failure) -> tuple[Facts, Failure]:
    """The facts after a call that failed, and the failure of its episode: the first is the cause."""
    cause = None if facts.episode is None else _cause(facts.episode)
    told = failure
    if cause is not None and failure.call == "stop_instance" and cause.call != "stop_instance":
        if never_had_instance(facts):
            told = cause
        else:
            before = f"{failure.error}; before it, {cause.call} failed: {cause.error}"
            told = Failure(failure.call, cut(before, 1000) or "", failure.traceback)
    if event.data.get("build_refused") or (told is cause and _is_refused(facts.episode)):
        return facts, cause or failure  # the build's failure: nothing is wrong with the worker
    return _failed(facts, told, event.at), cause or failure


def _is_refused(episode: Episode | None) -> bool:
    return episode is not None and episode.build_refused


def never_had_instance(facts: Facts) -> bool:
    """Whether the open episode is known to have no instance, so that a stop has nothing to leave.

    Its start raised, or said no, and the driver names no instance, and nobody has connected. A start
    without an answer (a time-out, a lost connection) may have made one: then it is not known.
    """
    episode = facts.episode
    if episode is None or not episode.nothing_made or episode.connected_at is not None:
        return False
    named = facts.instance or episode.instance
    came = facts.connected or facts.refused or facts.duplicates or episode.obstacle is not None
    knocks = facts.attaching is not None or facts.login is not None
    return not (named or came or knocks)


def _forget_failure(facts: Facts, *, of_stop: bool) -> Facts:
    """Drop the last failure once the same thing went well: a stop for a stop, else a connection."""
    if facts.last_failure is None:
        return facts
    if (facts.last_failure.call == "stop_instance") is not of_stop:
        return facts
    return dataclasses.replace(facts, last_failure=None, last_failure_at=None)


def _failure(event: Event) -> Failure | None:
    """The failure that a call_ended event tells, or None: raised anything, or said False."""
    call, outcome = event.data["call"], event.data["outcome"]
    if outcome == "raised":
        error = cut(str(event.data.get("error", "")), 1000) or ""
        return Failure(call, error, cut(event.data.get("traceback")))
    said = event.data.get("error")
    if outcome == "other" and call == "check_instance" and said:
        return Failure(call, cut(str(said), 1000) or "", None)  # Buildbot cannot read it
    if outcome == "false" and call in _FAILING:
        if not said:
            value = event.data.get("value")
            said = f"returned {value}" if value else "said no (returned False)"
        return Failure(call, cut(str(said), 1000) or "", None)
    return None


#: Calls that fail by saying False. Of stop_machine nobody looks at the answer, and drivers give none.
_FAILING = ("start_instance", "stop_instance", "check_instance", "start_machine")


def _on_not_substantiated(facts: Facts, event: Event) -> Step:
    """What Buildbot gave a build in place of the worker: it tells why, where no call does."""
    episode, how = facts.episode, event.data.get("how")
    if episode is None or not _gives_up(facts, episode):
        return Step(facts)
    for changes, so in (
        ({"released": True}, event.data.get("by")),
        ({"timed_out": True}, how == "timeout"),
        # of several builds the one that was stopped may be told after the others
        ({"cancelled": True}, event.data.get("stopped")),
    ):
        if so:
            return _changed(facts, **changes)
    given = episode.given or _given(facts, event)
    if how == "cancelled" or episode.failure is not None:
        return _changed(facts, given=given)
    if how == "build_refused":
        return _changed(facts, given=given, build_refused=True, failure=given)
    return _changed(_failed(facts, given, event.at), given=given, failure=given)


def _given(facts: Facts, event: Event) -> Failure:
    if event.data.get("how") == "cancelled":
        return Failure("substantiation", "Buildbot called the start off")
    call = "attached" if facts.attaching is not None else "substantiation"
    return Failure(call, cut(str(event.data.get("error", "")), 1000) or "")


def _gives_up(facts: Facts, episode: Episode) -> bool:
    """Whether builds are told of this episode's start, not of one that is queued behind its stop."""
    if facts.state in STARTING:
        return True
    before = [phase.state for phase in episode.phases[-2:-1]]
    return facts.state in STOPPING and bool(before) and before[0] in STARTING


def _on_login_failed(facts: Facts, event: Event) -> Step:
    times = int(event.data.get("times", 1))
    often = "" if times < 2 else f" ({times} times)"
    return _obstructed(facts, f"a login as this worker {event.data.get('reason', 'failed')}{often}")


def _obstructed(facts: Facts, obstacle: str) -> Step:
    """Something stands in the way of a worker that is awaited; otherwise it says nothing."""
    if facts.episode is None or facts.state not in STARTING:
        return Step(facts)
    return _changed(facts, obstacle=cut(obstacle, 1000))


def _on_missing(facts: Facts, event: Event) -> Step:
    """The worker has not come in time. Told without a start under way, it says nothing new."""
    if facts.state not in STARTING:
        return Step(facts)
    return _changed(facts, timed_out=True)


def stop_is_believed(facts: Facts, outcome: str) -> bool:
    """Whether a stop_instance with this outcome has stopped the instance of the open episode.

    Drivers answer nothing (None) when their work is done, as they do when they know of nothing to stop.
    So None is believed if there was something: the start had said yes, or the driver had a name for it.
    True is believed without, but for a start that still runs by itself: that may make one later.
    """
    episode = facts.episode
    if episode is None or outcome not in ("true", "other"):
        return False
    if episode.start_answered or episode.stop_named:
        return True
    start_runs = any(call.call == "start_instance" for call in facts.abandoned)
    return outcome == "true" and not start_runs


# a question that was not answered is the connection's that it was asked over, and no later one's


def _on_attaching(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, attaching=event.at, unanswered=None))


def _on_login_waits(facts: Facts, event: Event) -> Step:
    since = event.data.get("since", event.at)
    return Step(dataclasses.replace(facts, login=since, unanswered=None))


def _on_login_ended(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, login=None, unanswered=None))


def _on_duplicate(facts: Facts, event: Event) -> Step:
    if not event.data.get("rejected"):
        return Step(dataclasses.replace(facts, duplicates=0, duplicate_first=None))
    first = facts.duplicate_first if facts.duplicate_first is not None else event.at
    return Step(dataclasses.replace(facts, duplicates=facts.duplicates + 1, duplicate_first=first))


def _on_attached(facts: Facts, event: Event) -> Step:
    facts = dataclasses.replace(
        _named(facts, event),
        attaching=None,
        unanswered=None,
        left=None,
        left_asked=False,
        asked_to_go=False,
        graceful=None,
        duplicates=0,
        duplicate_first=None,
        cut_off=None,
        forgotten=None,
    )
    if event.data.get("failed"):
        facts = dataclasses.replace(facts, connected=True)
        failure = Failure("attached", "the worker connected, and could not be attached")
        episode = facts.episode
        if episode is None or episode.failure is not None or episode.cancelled:
            return Step(facts)
        return _changed(_failed(facts, failure, event.at), failure=failure)
    facts = _forget_failure(dataclasses.replace(facts, connected=True), of_stop=False)
    if facts.episode is None:
        return Step(facts)
    if facts.episode.connected_at is not None:
        # it came back: it was not lost
        return _changed(facts, lost=False) if facts.episode.lost else Step(facts)
    return _changed(facts, connected_at=event.at)


def _on_detached(facts: Facts, event: Event) -> Step:
    """Its connection is gone. Where nobody has closed it, its worker or its instance has left."""
    step = _without_connection(facts)
    by_itself = facts.connected and not event.data.get("by_master")
    if facts.state is not State.SUBSTANTIATED or not by_itself:
        return step
    facts = dataclasses.replace(step.facts, left=event.at, left_asked=facts.asked_to_go)
    return Step(facts) if facts.left_asked else _changed(facts, lost=True)


def _without_connection(facts: Facts) -> Step:
    return Step(
        dataclasses.replace(
            facts, connected=False, attaching=None, send_blocked=None, pinging=(), unanswered=None
        )
    )


def _on_refused(facts: Facts, event: Event) -> Step:
    survived = facts.survived_stop
    if survived is None and facts.state in RESTING:
        survived = event.at
    facts = dataclasses.replace(
        facts,
        attaching=None,
        refused=facts.refused + 1,
        refused_first=facts.refused_first or event.at,
        refused_last=event.at,
        survived_stop=survived,
        refused_open=facts.refused_open + 1,
        held=facts.held + (1 if event.data.get("held", True) else 0),
    )
    return _obstructed(facts, f"its connection was refused: {event.data.get('reason', '')}")


def _on_refused_closed(facts: Facts, event: Event) -> Step:
    if not event.data.get("closed"):  # told of it before, when its transport closed
        facts = dataclasses.replace(facts, refused_open=max(0, facts.refused_open - 1))
    if not event.data.get("delivered"):
        return Step(facts)
    held = max(0, facts.held - 1)
    cleared: dict[str, Any] = {}
    if event.data.get("by_release"):
        cleared = {"survived_stop": None, "refused": 0, "refused_first": None, "refused_last": None}
    return Step(dataclasses.replace(facts, held=held, **cleared))


def _on_build_started(facts: Facts, event: Event) -> Step:
    build = dict(event.data.get("build") or {})
    build.setdefault("since", event.at)
    building = (*facts.building, build)
    served = facts.served
    if facts.state is State.SUBSTANTIATED:
        served = (*served, *_builders([build]))
    return Step(dataclasses.replace(facts, building=building, served=served))


def _served(facts: Facts, after: State, *, begins: bool) -> tuple[str, ...]:
    """Whose builds the instance is, or was, up for."""
    if after is State.SUBSTANTIATED:
        return _builders(facts.building)
    return () if begins else facts.served


def _builders(building: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(str(build.get("builder")) for build in building)


def _on_build_finished(facts: Facts, event: Event) -> Step:
    build = event.data.get("build") or {}
    rest = [b for b in facts.building if not _same_build(b, build)]
    is_served = str(build.get("builder")) in facts.served
    served = tuple(b for b in facts.served if b != str(build.get("builder")))
    facts = dataclasses.replace(facts, served=served)
    gone = str(build.get("builder"))
    facts = dataclasses.replace(
        facts,
        building=tuple(rest),
        stopping=_without(facts.stopping, gone) if rest else (),
        pinging=_without(facts.pinging, gone) if rest else (),
        unasked=False,
    )
    if not facts.awaits_sign:
        facts = dataclasses.replace(facts, unanswered=None)
    if facts.cut_off is not None and _same_build(facts.cut_off, build):
        facts = dataclasses.replace(facts, cut_off=None, forgotten=None)
    if facts.episode is None or not is_served:
        # its start failed, or it waited behind the stop: no instance of this episode was up for it
        return Step(facts)
    return _changed(facts, builds=facts.episode.builds + 1)


def _same_build(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    # The build's number may become known only after it was started; its builder never changes, and
    # a worker runs one build per builder at a time (one WorkerForBuilder).
    return bool(one.get("builder") == other.get("builder"))


def _without(of_builds: tuple[tuple[str, float], ...], builder: str) -> Any:
    return tuple(one for one in of_builds if one[0] != builder)


def _on_build_stopping(facts: Facts, event: Event) -> Step:
    """Somebody asked for a build to be stopped. Asked again, the first time counts."""
    builder = str((event.data.get("build") or {}).get("builder"))
    if any(name == builder for name, _ in facts.stopping):
        return Step(facts)
    return Step(dataclasses.replace(facts, stopping=(*facts.stopping, (builder, event.at))))


def _on_ping_waits(facts: Facts, event: Event) -> Step:
    builder = str(event.data.get("builder"))
    waiting = (builder, event.data.get("since", event.at))
    return Step(dataclasses.replace(facts, pinging=(*_without(facts.pinging, builder), waiting)))


def _on_ping_ended(facts: Facts, event: Event) -> Step:
    rest = _without(facts.pinging, str(event.data.get("builder")))
    return Step(dataclasses.replace(facts, pinging=rest))


def _on_sign_of_life(facts: Facts, event: Event) -> Step:
    """The worker was heard: by itself, or as an answer to our question."""
    at = event.data.get("at", event.at)
    sign = at if facts.sign is None else max(facts.sign, at)
    return Step(dataclasses.replace(facts, sign=sign, unanswered=None))


def _on_silent(facts: Facts, event: Event) -> Step:
    """The worker was asked whether it lives, and has not answered in time."""
    return Step(dataclasses.replace(facts, unanswered=event.data.get("asked", event.at)))


def _on_send_blocked(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, send_blocked=event.data.get("since", event.at)))


def _on_send_resumed(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, send_blocked=None))


def _on_leaving(facts: Facts, event: Event) -> Step:
    """Its service stops. With the whole master that is told elsewhere; else a reconfig waits for it."""
    since = None if event.data.get("with_master") else event.at
    facts = dataclasses.replace(facts, leaving=since, ending=True)
    # a start under way is called off with it, on purpose
    return _changed(facts, cancelled=True) if facts.state in STARTING else Step(facts)


def _on_orphan_opened(facts: Facts, event: Event) -> Step:
    data = event.data
    orphan = Orphan(int(data.get("orphan", 0)), data.get("since", event.at), data.get("cause", ""))
    others = tuple(o for o in facts.orphans if o.id != orphan.id)
    return Step(dataclasses.replace(facts, orphans=(*others, orphan)))


def _on_orphan_closed(facts: Facts, event: Event) -> Step:
    rest = tuple(o for o in facts.orphans if o.id != event.data.get("orphan"))
    facts = dataclasses.replace(facts, orphans=rest)
    failed = facts.last_failure
    if failed is not None and failed.call == "stop_instance" and not rest:
        # what was left running is gone: nothing is failed any more
        facts = dataclasses.replace(facts, last_failure=None, last_failure_at=None)
    return Step(facts)


def _on_paused(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, paused=True, pause_reason=event.data.get("reason")))


def _on_unpaused(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, paused=False, pause_reason=None))


def _on_shutdown_asked(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, asked_to_go=True))


def _on_graceful(facts: Facts, event: Event) -> Step:
    since = event.at if facts.graceful is None else facts.graceful
    return Step(dataclasses.replace(facts, graceful=since))


def _on_quarantine_entered(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, quarantine_until=event.data.get("until")))


def _on_quarantine_left(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, quarantine_until=None))


def _on_configured(facts: Facts, event: Event) -> Step:
    """The worker was configured, or configured anew, without becoming another one."""
    data = event.data
    return Step(
        dataclasses.replace(
            facts,
            may_connect=bool(data.get("may_connect")),
            build_wait_timeout=data.get("build_wait_timeout"),
            missing_timeout=data.get("missing_timeout"),
            gives_up_at=data.get("gives_up_at"),
        )
    )


def _on_removed(facts: Facts, event: Event) -> Step:
    return Step(dataclasses.replace(facts, removed=True))


def _on_master_died(facts: Facts, event: Event) -> Step:
    """The master's process ended without telling: what was open is closed, honestly, as unknown."""
    return _forgotten(facts, event)


def _on_recording_ended(facts: Facts, event: Event) -> Step:
    """Recording ended in order, with something open: at rest, only a call that had been released."""
    if facts.state in RESTING:
        return Step(dataclasses.replace(facts, calls=(), abandoned=()))
    return _forgotten(facts, event)


def _forgotten(facts: Facts, event: Event) -> Step:
    touched = _left_open(facts, event.at)
    facts = dataclasses.replace(
        facts,
        state=State.UNKNOWN,
        state_since=event.at,
        connected=False,
        episode=None,
        calls=(),
        abandoned=(),
        building=(),
        served=(),
        held=0,
        refused_open=0,
        queued_since=None,
        attaching=None,
        login=None,
        stopping=(),
        pinging=(),
        send_blocked=None,
        unanswered=None,
        left=None,
        graceful=None,
        quarantine_until=None,
        leaving=None,
        half=None,
        found_locked=False,
    )
    return Step(facts, touched)


_HANDLERS = {
    Kind.BASELINE: _on_baseline,
    Kind.TRANSITION: _on_transition,
    Kind.ASKED: _on_asked,
    Kind.CALL_STARTED: _on_call_started,
    Kind.CALL_ENDED: _on_call_ended,
    Kind.MISSING: _on_missing,
    Kind.ATTACHING: _on_attaching,
    Kind.ATTACHED: _on_attached,
    Kind.WHERE: _on_where,
    Kind.LOGIN_WAITS: _on_login_waits,
    Kind.LOGIN_ENDED: _on_login_ended,
    Kind.LOGIN_FAILED: _on_login_failed,
    Kind.NOT_SUBSTANTIATED: _on_not_substantiated,
    Kind.DUPLICATE: _on_duplicate,
    Kind.BUILD_STOPPING: _on_build_stopping,
    Kind.PING_WAITS: _on_ping_waits,
    Kind.PING_ENDED: _on_ping_ended,
    Kind.SIGN_OF_LIFE: _on_sign_of_life,
    Kind.SILENT: _on_silent,
    Kind.SEND_BLOCKED: _on_send_blocked,
    Kind.SEND_RESUMED: _on_send_resumed,
    Kind.LEAVING: _on_leaving,
    Kind.ORPHAN_OPENED: _on_orphan_opened,
    Kind.ORPHAN_CLOSED: _on_orphan_closed,
    Kind.DETACHED: _on_detached,
    Kind.REFUSED: _on_refused,
    Kind.REFUSED_CLOSED: _on_refused_closed,
    Kind.BUILD_STARTED: _on_build_started,
    Kind.BUILD_FINISHED: _on_build_finished,
    Kind.SHUTDOWN_ASKED: _on_shutdown_asked,
    Kind.GRACEFUL: _on_graceful,
    Kind.QUARANTINE_ENTERED: _on_quarantine_entered,
    Kind.QUARANTINE_LEFT: _on_quarantine_left,
    Kind.CONFIGURED: _on_configured,
    Kind.PAUSED: _on_paused,
    Kind.UNPAUSED: _on_unpaused,
    Kind.REMOVED: _on_removed,
    Kind.MASTER_DIED: _on_master_died,
    Kind.RECORDING_ENDED: _on_recording_ended,
}
