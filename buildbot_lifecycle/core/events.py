"""What was observed, as immutable values.

An event carries everything that the rules need; its ``data`` is JSON and goes to the database and to
REST as it is. Texts that come from drivers are cut here (`MAX_TEXT`), so that no traceback of
megabytes reaches a table.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from typing import Any

from buildbot_lifecycle.core.bounds import MAX_TEXT
from buildbot_lifecycle.core.texts import clean


class Kind(str, enum.Enum):
    """What an event tells; the value is the word used in REST and in the database."""

    BASELINE = "baseline"
    TRANSITION = "transition"
    ASKED = "asked"
    NOT_SUBSTANTIATED = "not_substantiated"
    CALL_STARTED = "call_started"
    CALL_ENDED = "call_ended"
    ATTACHING = "attaching"
    ATTACHED = "attached"
    DETACHED = "detached"
    REFUSED = "refused"
    REFUSED_CLOSED = "refused_closed"
    LOGIN_WAITS = "login_waits"
    LOGIN_ENDED = "login_ended"
    LOGIN_FAILED = "login_failed"
    DUPLICATE = "duplicate"
    BUILD_STARTED = "build_started"
    BUILD_STOPPING = "build_stopping"
    BUILD_LOST = "build_lost"
    PING_WAITS = "ping_waits"
    PING_ENDED = "ping_ended"
    BUILD_FINISHED = "build_finished"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    MISSING = "missing"
    PAUSED = "paused"
    UNPAUSED = "unpaused"
    SEND_BLOCKED = "send_blocked"
    SEND_RESUMED = "send_resumed"
    SHUTDOWN_ASKED = "shutdown_asked"
    GRACEFUL = "graceful"
    QUARANTINE_ENTERED = "quarantine_entered"
    QUARANTINE_LEFT = "quarantine_left"
    QUARANTINE_RESET = "quarantine_reset"
    SIGN_OF_LIFE = "sign_of_life"
    SILENT = "silent"
    CONFIGURED = "configured"
    LEAVING = "leaving"
    REMOVED = "removed"
    ORPHAN_OPENED = "orphan_opened"
    ORPHAN_CLOSED = "orphan_closed"
    PLACE = "place"
    LAST_WORDS = "last_words"
    STEP = "step"
    WHERE = "where"
    REACTOR_BLOCKED = "reactor_blocked"
    CLOCK = "clock"
    ACTION = "action"
    MASTER_DIED = "master_died"
    RECORDING_ENDED = "recording_ended"
    GAP = "gap"

    # as in `states.State`
    __hash__ = str.__hash__


@dataclasses.dataclass(frozen=True)
class Event:
    """One observed fact about one worker on one master.

    ``seq`` counts the events of one incarnation from 1, in the order in which they happened; with the
    incarnation it is the event's identity, so that writing it twice writes it once. ``at`` is in
    epoch seconds. ``data`` holds JSON values only; see docs/rest for its keys per kind.
    """

    seq: int
    at: float
    workerid: int
    kind: Kind
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.seq < 1:
            raise ValueError(f"seq must be 1 or more, not {self.seq}")


def cut(text: str | None, limit: int = MAX_TEXT) -> str | None:
    """`text`, clean, and at most `limit` characters of it; what was left out is said in its place."""
    text = None if text is None else clean(text)
    if text is None or len(text) <= limit:
        return text
    return f"{text[:limit]}... ({len(text) - limit} more characters)"
