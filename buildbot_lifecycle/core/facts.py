"""Facts: what is known of one worker, and of the life of its instance, as plain values.

A `Time` is in the time of who counts: steady in the process (`core.steady`), the wall clock's in the
database. Spans are seconds. `core.fold` says how each of them changes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Any

from buildbot_lifecycle.core.states import State

#: Seconds that are a moment, and not a span: `shapes.times` finds them by it.
Time = Annotated[float, "time"]


@dataclasses.dataclass(frozen=True)
class Phase:
    """The stay in one state inside an episode; ``until`` is None while it lasts."""

    state: State
    since: Time
    until: Time | None = None

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state.value, "since": self.since, "until": self.until}


@dataclasses.dataclass(frozen=True)
class Call:
    """A driver call (start_instance, stop_instance, check_instance) that has not ended.

    ``token`` numbers the calls of one incarnation and joins call_started with call_ended.
    """

    call: str
    token: int
    since: Time


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
    """One life of an instance: from SUBSTANTIATING until it rests, or until the next SUBSTANTIATING."""

    #: seq of the event that opened it: with the incarnation, its identity
    first_seq: int
    #: Buildbot's number of the worker
    workerid: int
    #: when it began
    started_at: Time
    #: the states that it went through, oldest first; at most `core.fold.phases.MAX_PHASES`
    phases: tuple[Phase, ...]
    #: the database's number; None until it was first written
    id: int | None = None
    #: when it ended; None while it lasts
    ended_at: Time | None = None
    #: how it ended, one of the words in docs/rest; None while it lasts
    outcome: str | None = None
    #: what went wrong first: what follows is mostly its consequence
    failure: Failure | None = None
    #: the build that it was started for; None if that is not known
    build: Mapping[str, Any] | None = None
    #: what the driver calls the instance; None if it has not said
    instance: str | None = None
    #: when the worker was first attached; None if it was not
    connected_at: Time | None = None
    #: how many builds ended for which the instance was up
    builds: int = 0
    #: a call was released, or builds were told so
    released: bool = False
    #: the start was called off: a build was stopped, or the service stops
    cancelled: bool = False
    #: start_instance was due: it was in SUBSTANTIATING_STARTING
    started: bool = False
    #: Buildbot gave the start up because the worker did not connect in its missing_timeout
    timed_out: bool = False
    #: the connection was lost while it was up, and has not come back
    lost: bool = False
    #: what the cloud said of the instance then, in a line
    last_words: str | None = None
    #: seconds that Buildbot has waited for start_instance itself; None: not known, or not called
    start_s: float | None = None
    #: when the last start_instance had an answer
    start_ended_at: Time | None = None
    #: seconds that Buildbot has waited for stop_instance itself; None: not known, or not called
    stop_s: float | None = None
    #: the start said yes
    start_answered: bool = False
    #: the start raised or said no, with an answer: the driver is known to have made nothing
    nothing_made: bool = False
    #: the driver named an instance when its stop was called
    stop_named: bool = False
    #: what Buildbot gave the builds that waited, and the call that it came from
    given: Failure | None = None
    #: the build cannot have a worker such as this: nothing is wrong with the worker
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
    """An instance that may still run: number in the ledger, since when, and the kind of its cause.

    ``earlier``: when this run began, it was already known to be of a life before the last one.
    """

    id: int
    since: Time
    cause: str
    #: what the driver called it when the entry was opened; None if it had not said
    instance: str | None = None
    earlier: bool = False


@dataclasses.dataclass(frozen=True)
class Release:
    """The last release, asked for by somebody or by the stop: its action, by whom, and when."""

    action: int
    by: str
    by_kind: str
    at: Time
    #: of the action, as it was last told: asked, done, failed
    status: str = "asked"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What is known of one worker on its master, as of the last event.

    Where a field says *since when*, it is epoch seconds, and None while it is not so.
    """

    #: Buildbot's number of the worker
    workerid: int

    # its state

    #: Buildbot's state of it; UNKNOWN once its master has died
    state: State = State.NOT_SUBSTANTIATED
    #: since when it is in that state; None before the first event
    state_since: Time | None = None
    #: the life of its instance that lasts; None while it rests
    episode: Episode | None = None
    #: what the driver calls its instance, as last said; None if it has none, or has not said
    instance: str | None = None
    #: the cloud in which the last start makes its instance, as a digest; None: not known
    place: str | None = None
    #: the last life that ended as lost, until the cloud has said why
    lost: Episode | None = None
    #: since when a stop is half way and nothing of Buildbot's goes on with it (a BaseException)
    half: Time | None = None
    #: Buildbot's lock was held when recording began, by a call that is not known
    found_locked: bool = False
    #: it starts although no build has asked since it was last at rest
    unasked: bool = False

    # calls of its driver

    #: those that Buildbot waits for, oldest first
    calls: tuple[Call, ...] = ()
    #: those that were released and have not ended, oldest first
    abandoned: tuple[Call, ...] = ()
    #: the last thing that went wrong, until the same goes well
    last_failure: Failure | None = None
    #: when that was (epoch seconds)
    last_failure_at: Time | None = None
    #: starts that failed, one after the other, up to now
    failures_in_row: int = 0

    # builds

    #: the builds that it is taken for, as JSON, oldest first; ``since`` in each is epoch seconds
    building: tuple[Mapping[str, Any], ...] = ()
    #: builders of those in ``building`` that the instance was up for; the others wait for one
    served: tuple[str, ...] = ()
    #: the build that asked last and belongs to no episode yet
    asked_build: Mapping[str, Any] | None = None
    #: since when a start is queued behind the stop
    queued_since: Time | None = None
    #: a build that asked for the worker when its connection had gone
    cut_off: Mapping[str, Any] | None = None
    #: since when Buildbot has forgotten that build
    forgotten: Time | None = None
    #: builds that somebody asked to stop and that have not ended: builder, since when
    stopping: tuple[tuple[str, Time], ...] = ()
    #: builds that wait for the answer to their ping, before their first step: builder, since when
    pinging: tuple[tuple[str, Time], ...] = ()
    #: builders whose build on this worker Buildbot has lost, and since when
    lost_builds: tuple[tuple[str, Time], ...] = ()

    # its connection

    #: a worker is attached
    connected: bool = False
    #: since when a connection is being attached
    attaching: Time | None = None
    #: since when a login waits for the peer to say who it is
    login: Time | None = None
    #: since when what is sent to it stays in the master
    send_blocked: Time | None = None
    #: since when its connection is gone though nobody closed it
    left: Time | None = None
    #: whether it had been asked to go before that
    left_asked: bool = False
    #: it was asked to shut down over the connection that it has
    asked_to_go: bool = False

    # connections that were not let in

    #: how many were refused since the last start
    refused: int = 0
    #: when the first of them was (epoch seconds)
    refused_first: Time | None = None
    #: when the last of them was (epoch seconds)
    refused_last: Time | None = None
    #: when one came first though the worker was at rest: its instance has survived a stop
    survived_stop: Time | None = None
    #: how many of them have not closed
    refused_open: int = 0
    #: how many there are of whose end Buildbot was not told: its stop waits for them
    held: int = 0
    #: how many were turned away since the worker was connected already
    duplicates: int = 0
    #: when the first of those was (epoch seconds)
    duplicate_first: Time | None = None

    # signs of life

    #: the last sign of life that was looked for (epoch seconds)
    sign: Time | None = None
    #: when it was asked in vain whether it lives, and has not been heard since (epoch seconds)
    unanswered: Time | None = None

    # its standing with the master

    #: Buildbot starts nothing on it, because somebody paused it
    paused: bool = False
    #: why; None if nobody said
    pause_reason: str | None = None
    #: since when it is to shut down gracefully; Buildbot starts no build on it any more
    graceful: Time | None = None
    #: when Buildbot's quarantine of it ends (epoch seconds); None: it is in none
    quarantine_until: Time | None = None
    #: since when a reconfiguration removes it and waits for its stop
    leaving: Time | None = None
    #: its service stops, with the master or alone: a start that fails now fails because of that
    ending: bool = False
    #: it was removed from the configuration
    removed: bool = False
    #: instances of it that may still run
    orphans: tuple[Orphan, ...] = ()
    #: when the last life that has ended began; None: none has ended since recording began
    last_began: Time | None = None
    #: the last release; None: none was seen since recording began
    release: Release | None = None

    # its configuration, read again after each reconfiguration

    #: it may be connected without having been started
    may_connect: bool = False
    #: Buildbot's ``build_wait_timeout`` in seconds, negative: never; None: not known
    build_wait_timeout: float | None = None
    #: Buildbot's ``missing_timeout`` in seconds; None: it waits for ever, or not known
    missing_timeout: float | None = None
    #: when Buildbot gives up the start that it waits for (epoch seconds); None: it does not wait
    gives_up_at: Time | None = None

    @property
    def pending(self) -> Call | None:
        """The oldest driver call that has not ended and that Buildbot still waits for."""
        return self.calls[0] if self.calls else None

    @property
    def is_idle(self) -> bool:
        """Whether nothing of it is up or under way, and nothing waits for it: no stop has to end it."""
        return (
            self.state is State.NOT_SUBSTANTIATED
            and not (self.connected or self.calls or self.building or self.lost_builds)
            and not (self.held or self.refused_open or self.found_locked)
            and self.attaching is self.login is self.forgotten is self.half is None
        )

    @property
    def build_stopping(self) -> float | None:
        """Since when a build is asked to stop that has not; the first one of several."""
        return min((since for _, since in self.stopping), default=None)

    @property
    def awaits_sign(self) -> bool:
        """Whether a build waits for something that only a worker that lives can do."""
        return bool(self.stopping or self.pinging or self.send_blocked is not None)
