"""What a cloud says of instances: plain values, which may travel from a thread to the reactor."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import NoReturn, Union


class Can(enum.Enum):
    """What an adapter can do for its driver. Each is optional, and stated."""

    #: The instance has a name, for people and by which it is found again.
    NAME = "name"
    #: Whether an instance is gone.
    GONE = "gone"
    #: All instances that the driver's mark tells as this master's.
    LIST = "list"
    #: Ask the cloud to end an instance.
    END = "end"
    #: The address of the instance in the cloud's console.
    LINK = "link"
    #: Why it ended or does not come up: log, exit code, events.
    LAST_WORDS = "last words"
    #: Since when it is there.
    AGE = "age"
    #: Which size or image: what its price depends on.
    KIND = "kind"


class State(enum.Enum):
    """What an instance does, in one word for all clouds."""

    STARTING = "starting"
    UP = "up"
    STOPPING = "stopping"
    #: It exists and does not run: an exited container, a stopped server whose disk is paid for.
    DOWN = "down"
    #: The cloud has said a word that this adapter does not know.
    OTHER = "other"


class Why(enum.Enum):
    """Why something is not known."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    #: 401, 403: the credentials of the worker's configuration are not enough.
    REFUSED = "refused"
    #: The cloud has answered with an error of its own.
    FAILED = "failed"
    #: What has answered does not speak as this cloud does: a proxy's page, a 404 that says not of what.
    NONSENSE = "nonsense"
    NO_LIBRARY = "no_library"
    #: The worker's configuration does not say where to ask.
    NOT_CONFIGURED = "not_configured"
    NOT_OFFERED = "not_offered"
    #: Too many questions to this cloud are still waiting.
    BUSY = "busy"
    #: The cloud has answered, and its answer decides nothing.
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class NotKnown:
    """It could not be found out. Neither true nor false: asking it for a truth value raises."""

    why: Why
    #: A sentence for a person, without credentials.
    text: str

    def __bool__(self) -> NoReturn:
        raise TypeError("not known is neither yes nor no: compare with `is True`")


class CannotTell(Exception):
    """Raised by an adapter that has no answer; `said` is what is answered in its place."""

    def __init__(self, why: Why, text: str) -> None:
        super().__init__(text)
        self.said = NotKnown(why, text)


#: The place of a class that answers itself: it knows its own.
OWN = "own"


def place_of(scope: Hashable) -> str | None:
    """What is stored of a scope: equal texts for equal scopes, also in another process.

    None: it is made of objects that only their own process can tell apart.
    """
    if not _is_plain(scope):
        return None
    return hashlib.sha256(repr(scope).encode()).hexdigest()[:16]


def _is_plain(scope: object) -> bool:
    if isinstance(scope, tuple):
        return all(_is_plain(each) for each in scope)
    return scope is None or isinstance(scope, (str, int, float))


#: Is it gone? True: verified. False: it is there.
Gone = Union[bool, NotKnown]  # noqa: UP007 - evaluated, and by Python 3.9 too


@dataclass(frozen=True)
class Instance:
    """One instance, as the cloud lists it."""

    #: By which it is found again: what the ledger stores and what `gone` and `end` are asked with.
    name: str
    #: The name that the driver gave it; equal to the adapter's `mark` of the worker it was started for.
    mark: str | None
    state: State
    #: The cloud's own word for its state.
    word: str
    #: Epoch seconds.
    born: float | None = None
    kind: str | None = None
    #: The driver's mark says that this master has started it. Else it only looks so.
    ours: bool = False


@dataclass(frozen=True)
class Listing:
    """What one cloud has, asked with one worker's configuration."""

    #: Equal for two workers whose listings are the same. Holds no credentials.
    scope: Hashable
    instances: tuple[Instance, ...]


@dataclass(frozen=True)
class Limits:
    """Seconds that a client of ours waits for a connection, for each answer, and for all together."""

    connect: float = 3.0
    read: float = 8.0
    #: For whoever asked; a thread that does not end by then is counted and left behind.
    whole: float = 20.0
