"""The ``data`` of an event: one class for each kind.

The fields are the keys, and the docstring is what the table in docs/rest says of the kind. A key whose
default is `UNSET` is there only where there is something to say; the others always are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.requests import ACTORS, CLOSERS
from buildbot_lifecycle.shapes.base import UNSET, Count, Seconds, Shape, Time, UnsetType, words
from buildbot_lifecycle.shapes.parts import Build, Building, Cause, Frame, StateName

CallName = Annotated[
    str, words("start_instance", "stop_instance", "check_instance", "start_machine", "stop_machine")
]
CallOutcome = Annotated[str, words("true", "false", "other", "raised", "released")]

#: Of what is told only where it is true.
Only = bool | UnsetType


class Data(Shape, frozen=True, kw_only=True):
    """What the data of all kinds are."""

    kind: ClassVar[Kind]

    def written(self) -> dict[str, Any]:
        """As JSON: what the event carries. A key without a value is left out."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


class FoundCall(Shape, frozen=True, kw_only=True):
    """A call of an earlier recording in the same process, that goes on."""

    call: CallName
    token: int
    since: Time


class Configured(Data, frozen=True, kw_only=True):
    """What is used of its configuration: when it was first configured, and when a reconfig changed it."""

    kind = Kind.CONFIGURED
    may_connect: bool
    build_wait_timeout: Seconds | None
    missing_timeout: Seconds | None
    machine: str | None
    gives_up_at: Time | None


class Baseline(Data, frozen=True, kw_only=True):
    """How the worker was found when recording of it began, with the keys of `configured`.

    `calls` and `abandoned` are those of an earlier recording in the same process that go on; `locked`:
    a call goes on that nobody recorded.
    """

    kind = Kind.BASELINE
    state: StateName
    connected: bool
    paused: bool
    pause_reason: str | None
    building: tuple[Building, ...]
    class_: str
    may_connect: bool
    build_wait_timeout: Seconds | None
    missing_timeout: Seconds | None
    machine: str | None
    gives_up_at: Time | None
    graceful: bool
    quarantine_until: Time | None
    locked: bool
    calls: tuple[FoundCall, ...]
    abandoned: tuple[FoundCall, ...]
    held: Count


class Transition(Data, frozen=True, kw_only=True):
    """The worker's state was assigned."""

    kind = Kind.TRANSITION
    from_: StateName
    to: StateName
    expected: bool


class Asked(Data, frozen=True, kw_only=True):
    """A build asked for the worker; when Buildbot gives up the start for it."""

    kind = Kind.ASKED
    build: Build
    gives_up_at: Time | UnsetType = UNSET


class NotSubstantiated(Data, frozen=True, kw_only=True):
    """What Buildbot gave a build in place of the worker.

    `how` is `cancelled`, `timeout`, `build_refused` or `failed`; `stopped`: that build was stopped;
    `by`: an action called the start off.
    """

    kind = Kind.NOT_SUBSTANTIATED
    how: Annotated[str, words("cancelled", "timeout", "build_refused", "failed")]
    error: str | None
    stopped: bool
    build: Build | UnsetType = UNSET
    by: str | UnsetType = UNSET


class CallStarted(Data, frozen=True, kw_only=True):
    """A driver call began.

    `build` is told of a start, `fast` of a stop, and `instance` of a start where its name is known
    before, and of a stop: what the driver holds then. What a driver calls on itself inside of another
    call is a part of that one. A `check_instance` is told only if it does not answer at once.
    """

    kind = Kind.CALL_STARTED
    call: CallName
    token: int
    build: Build | UnsetType | None = UNSET
    fast: bool | UnsetType = UNSET
    instance: str | UnsetType | None = UNSET


class CallEnded(Data, frozen=True, kw_only=True):
    """A driver call ended, or was released.

    `outcome` is `true`, `false`, `other` (with `value`: the type of what was returned, or `None`),
    `raised` (with `error` and `traceback`) or `released` (with `by`). `late`: the call had been released
    before. `base`: it was an exception that is no `Exception`. `build_refused`: it was
    `LatentWorkerCannotSubstantiate`. `unanswered`: it was a time-out or a lost connection, so that
    nobody knows what was done. `machine`: whose, of a latent machine's call.
    """

    kind = Kind.CALL_ENDED
    call: CallName
    token: int
    outcome: CallOutcome
    value: str | UnsetType = UNSET
    error: str | UnsetType | None = UNSET
    traceback: str | UnsetType | None = UNSET
    instance: str | UnsetType | None = UNSET
    by: str | UnsetType = UNSET
    late: Only = UNSET
    base: Only = UNSET
    build_refused: Only = UNSET
    unanswered: Only = UNSET
    machine: str | UnsetType = UNSET


class Attaching(Data, frozen=True, kw_only=True):
    """A worker has connected, and is not attached yet."""

    kind = Kind.ATTACHING
    peer: str


class Attached(Data, frozen=True, kw_only=True):
    """A worker was attached, or (`failed`) connected and could not be.

    `instance` is told if the start has not ended, and the driver holds it already.
    """

    kind = Kind.ATTACHED
    peer: str
    failed: Only = UNSET
    instance: str | UnsetType = UNSET


class Detached(Data, frozen=True, kw_only=True):
    """Its connection is gone; `by_master`: Buildbot closed it."""

    kind = Kind.DETACHED
    by_master: Only = UNSET


class Refused(Data, frozen=True, kw_only=True):
    """A connection was refused."""

    kind = Kind.REFUSED
    peer: str
    reason: str | None
    held: bool


class RefusedClosed(Data, frozen=True, kw_only=True):
    """A refused connection closed; `delivered`: Buildbot was told.

    That may come later (`closed`: it had closed before).
    """

    kind = Kind.REFUSED_CLOSED
    peer: str
    delivered: bool
    by_release: bool | UnsetType = UNSET
    closed: Only = UNSET


class LoginFailed(Data, frozen=True, kw_only=True):
    """A login with the worker's name had a wrong password, or failed otherwise.

    Told at most once a minute and at each start, with how many there were.
    """

    kind = Kind.LOGIN_FAILED
    reason: str | None
    times: Count


class LoginWaits(Data, frozen=True, kw_only=True):
    """A worker has logged in and does not answer the master's first question."""

    kind = Kind.LOGIN_WAITS
    peer: str
    since: Time


class LoginEnded(Data, frozen=True, kw_only=True):
    """It has answered the first question, or is gone."""

    kind = Kind.LOGIN_ENDED


class Duplicate(Data, frozen=True, kw_only=True):
    """An older connection stood in the way: the worker was `rejected`, or let in."""

    kind = Kind.DUPLICATE
    peer: str
    rejected: bool


class BuildStarted(Data, frozen=True, kw_only=True):
    """The worker was taken for a build."""

    kind = Kind.BUILD_STARTED
    build: Build


class BuildFinished(Data, frozen=True, kw_only=True):
    """A build let go of the worker."""

    kind = Kind.BUILD_FINISHED
    build: Build


class BuildStopping(Data, frozen=True, kw_only=True):
    """Somebody asked for this build to be stopped."""

    kind = Kind.BUILD_STOPPING
    build: Building


class BuildLost(Data, frozen=True, kw_only=True):
    """Buildbot broke off at an error, of the database as a rule, and will never end this build."""

    kind = Kind.BUILD_LOST
    build: Building
    error: str


class PingWaits(Data, frozen=True, kw_only=True):
    """A build waits for the worker's answer to its ping, before its first step."""

    kind = Kind.PING_WAITS
    builder: str
    since: Time


class PingEnded(Data, frozen=True, kw_only=True):
    """The build has the answer to its ping, or the connection is gone."""

    kind = Kind.PING_ENDED
    builder: str


class SignOfLife(Data, frozen=True, kw_only=True):
    """The worker was heard while something was waited for that it alone can end.

    By itself (`message`, `data`), or as an `answer` to the plugin's question.
    """

    kind = Kind.SIGN_OF_LIFE
    of: Annotated[str, words("message", "data", "answer")]
    at: Time


class Silent(Data, frozen=True, kw_only=True):
    """It was asked whether it lives, and has not answered in so many seconds."""

    kind = Kind.SILENT
    code: str
    asked: Time
    seconds: Seconds


class SendBlocked(Data, frozen=True, kw_only=True):
    """The worker takes no data from the master."""

    kind = Kind.SEND_BLOCKED
    since: Time


class SendResumed(Data, frozen=True, kw_only=True):
    """The worker takes data again."""

    kind = Kind.SEND_RESUMED


class Connected(Data, frozen=True, kw_only=True):
    """Buildbot's own worker event."""

    kind = Kind.CONNECTED


class Disconnected(Data, frozen=True, kw_only=True):
    """Buildbot's own worker event."""

    kind = Kind.DISCONNECTED


class Missing(Data, frozen=True, kw_only=True):
    """Buildbot's own worker event: the worker has not come in time."""

    kind = Kind.MISSING


class Paused(Data, frozen=True, kw_only=True):
    """Buildbot's pause, and its reason."""

    kind = Kind.PAUSED
    reason: str | None


class Unpaused(Data, frozen=True, kw_only=True):
    """The end of the pause."""

    kind = Kind.UNPAUSED


class ShutdownAsked(Data, frozen=True, kw_only=True):
    """Somebody, or the worker itself, asked for the end of the worker's process."""

    kind = Kind.SHUTDOWN_ASKED


class Graceful(Data, frozen=True, kw_only=True):
    """Somebody, or the worker itself, asked for its graceful shutdown."""

    kind = Kind.GRACEFUL


class QuarantineEntered(Data, frozen=True, kw_only=True):
    """Buildbot starts no build on it until then."""

    kind = Kind.QUARANTINE_ENTERED
    until: Time
    seconds: Seconds


class QuarantineLeft(Data, frozen=True, kw_only=True):
    """Buildbot starts builds on it again."""

    kind = Kind.QUARANTINE_LEFT


class QuarantineReset(Data, frozen=True, kw_only=True):
    """The next quarantine is a short one again."""

    kind = Kind.QUARANTINE_RESET


class Leaving(Data, frozen=True, kw_only=True):
    """Buildbot stops the worker: for a reconfig, or with the whole master."""

    kind = Kind.LEAVING
    with_master: bool


class Removed(Data, frozen=True, kw_only=True):
    """The worker was removed by a reconfig."""

    kind = Kind.REMOVED


class OrphanFound(Shape, frozen=True, kw_only=True):
    """One more entry that an earlier run left."""

    orphan: int
    since: Time
    cause: str
    instance: str | UnsetType | None = UNSET
    earlier: Only = UNSET


class OrphanOpened(Data, frozen=True, kw_only=True):
    """An entry of the ledger was opened; `since` and `found`: one that an earlier run left.

    `earlier`: of a life of the worker before its last one.
    """

    kind = Kind.ORPHAN_OPENED
    orphan: int
    cause: Cause
    why: str | UnsetType = UNSET
    since: Time | UnsetType = UNSET
    found: Only = UNSET
    instance: str | UnsetType | None = UNSET
    earlier: Only = UNSET
    #: the others that were open when this run began: a worker is told of all at once
    more: tuple[OrphanFound, ...] | UnsetType = UNSET


class OrphanClosed(Data, frozen=True, kw_only=True):
    """An entry of the ledger was closed."""

    kind = Kind.ORPHAN_CLOSED
    orphan: int
    by: str
    by_kind: Annotated[str, words(*CLOSERS)]


class Place(Data, frozen=True, kw_only=True):
    """In which cloud the driver makes its instances from now on, if it is another one than before.

    `place` is a digest: equal for one engine, region and account, or namespace. null: not known.
    """

    kind = Kind.PLACE
    place: str | None


class LastWords(Data, frozen=True, kw_only=True):
    """A worker was lost, and the cloud was asked what became of its instance.

    `began` is the episode's first event's number. `gone`: it was there no more (true) or still there
    (false) before Buildbot stopped it; null: not known. `text`: state, exit code or reason in the first
    line, then the end of its log; null, and `why`: there is no answer.
    """

    kind = Kind.LAST_WORDS
    began: int
    instance: str | None
    gone: bool | None
    text: str | None
    why: str | UnsetType = UNSET


class Where(Data, frozen=True, kw_only=True):
    """Where a call hung when its worker became stuck; once for each call.

    `instance` is told as in `attached`.
    """

    kind = Kind.WHERE
    call: CallName
    token: int
    where: tuple[Frame, ...]
    instance: str | UnsetType = UNSET


class ReactorBlocked(Data, frozen=True, kw_only=True):
    """The whole master stood still in code of this worker's driver."""

    kind = Kind.REACTOR_BLOCKED
    since: Time
    seconds: Seconds
    where: tuple[Frame, ...]


class Clock(Data, frozen=True, kw_only=True):
    """The master's clock was `set` (by `seconds`, negative: back), or the master did not run (`stopped`).

    Told of workers that are not at rest, if it was more than three seconds. `gives_up_at` and
    `quarantine_until`: when Buildbot's own timers come now, which follow the clock.
    """

    kind = Kind.CLOCK
    what: Annotated[str, words("set", "stopped")]
    seconds: Seconds
    gives_up_at: Time | None
    quarantine_until: Time | None


class Step(Data, frozen=True, kw_only=True):
    """Told by a driver with [`note_step`](writing-workers.md).

    The driver adds any keys: `elapsed_s`, `ok`, ...
    """

    kind = Kind.STEP
    step: str


class Action(Data, frozen=True, kw_only=True):
    """An [action](#action) was asked for, or has an outcome; `since` and `found`: one of an earlier run.

    That one is told again where something of it is left to do.
    """

    kind = Kind.ACTION
    action: int
    what: str
    actor: str
    actor_kind: Annotated[str, words(*ACTORS)]
    reason: str
    status: Annotated[str, words("asked", "done", "failed", "refused")]
    outcome: str | None
    since: Time | UnsetType = UNSET
    found: Only = UNSET


class MasterDied(Data, frozen=True, kw_only=True):
    """The master's process had ended without stopping its workers."""

    kind = Kind.MASTER_DIED
    incarnation: int


class RecordingEnded(Data, frozen=True, kw_only=True):
    """Recording ended in order with something open.

    `how` is `clean` (the master was stopped, and had given up the `calls`) or `removed` (a
    reconfiguration took the service out).
    """

    kind = Kind.RECORDING_ENDED
    incarnation: int
    how: Annotated[str, words("clean", "removed")]
    state: StateName
    calls: tuple[str, ...]
    text: str


class Gap(Data, frozen=True, kw_only=True):
    """So many events of this worker were lost.

    See [When the database is away](operations.md#when-the-database-is-away).
    """

    kind = Kind.GAP
    dropped: Count
    since: Time
    until: Time


#: The class of each kind's data.
KINDS: Mapping[Kind, type[Data]] = {each.kind: each for each in Data.__subclasses__()}

#: Kinds to whose data somebody else adds keys of his own.
OPEN = frozenset({Kind.STEP})


def keys(of: type[Data]) -> Iterator[str]:
    """The keys of a kind's data, in their order."""
    return iter(of.__struct_encode_fields__)


def said(of: type[Data]) -> str:
    """What docs/rest says of a kind: its docstring in one line, as Markdown."""
    return " ".join((of.__doc__ or "").split())


def read(kind: Kind, data: Mapping[str, Any]) -> Data:
    """The data of an event as its kind's class.

    Raises `msgspec.ValidationError` where they do not fit, and KeyError for a key that is not known:
    what is recorded and what is documented would be two things.
    """
    of = KINDS[kind]
    unknown = {*data} - {*keys(of)}
    if unknown and kind not in OPEN:
        raise KeyError(f"{kind.value}: {', '.join(sorted(unknown))}")
    return msgspec.convert(data, of)
