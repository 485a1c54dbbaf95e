"""The states of a latent worker, and the table of transitions that Buildbot's code can make.

The names are those of ``buildbot.worker.latent.States`` in lower case, as they are written in REST.
``unknown`` is ours: what is left of a worker whose master died.

The table below was read off ``buildbot/worker/latent.py`` of 4.3.0. Buildbot's own docstring misses
some of its rows. The table judges nothing: a transition outside it is recorded with
``expected = false``, never refused.
"""

from __future__ import annotations

import enum
from typing import Any


class State(str, enum.Enum):
    """One state of a latent worker; the value is the word used in REST and in the database."""

    NOT_SUBSTANTIATED = "not_substantiated"
    SUBSTANTIATING = "substantiating"
    SUBSTANTIATING_STARTING = "substantiating_starting"
    SUBSTANTIATED = "substantiated"
    INSUBSTANTIATING = "insubstantiating"
    INSUBSTANTIATING_SUBSTANTIATING = "insubstantiating_substantiating"
    SHUT_DOWN = "shut_down"
    UNKNOWN = "unknown"

    # that of the word which it equals; the enum's own is a function, and each event asks ten times
    __hash__ = str.__hash__


#: States in which no instance is wanted: an episode is over once one of them is reached.
RESTING = frozenset({State.NOT_SUBSTANTIATED, State.SHUT_DOWN, State.UNKNOWN})

#: States of an instance on its way out.
STOPPING = frozenset({State.INSUBSTANTIATING, State.INSUBSTANTIATING_SUBSTANTIATING})

#: States of an instance on its way in.
STARTING = frozenset({State.SUBSTANTIATING, State.SUBSTANTIATING_STARTING})

_S = State

#: (from, to) -> where Buildbot's code makes it.
TRANSITIONS: dict[tuple[State, State], str] = {
    (_S.NOT_SUBSTANTIATED, _S.SUBSTANTIATING): "substantiate",
    (_S.NOT_SUBSTANTIATED, _S.SHUT_DOWN): "stopService",
    (_S.SUBSTANTIATING, _S.SUBSTANTIATING_STARTING): "_substantiate, once the lock is held",
    # _substantiate does not look again at what became of the state while it waited
    (_S.NOT_SUBSTANTIATED, _S.SUBSTANTIATING_STARTING): "_substantiate, cancelled while it waited",
    (_S.SHUT_DOWN, _S.SUBSTANTIATING_STARTING): "_substantiate, shut down while it waited",
    (_S.SUBSTANTIATED, _S.SUBSTANTIATING_STARTING): "_substantiate, connected while it waited",
    (_S.SUBSTANTIATING, _S.SUBSTANTIATED): "attached, where the worker may connect by itself",
    (_S.SUBSTANTIATING, _S.INSUBSTANTIATING): "insubstantiate",
    (_S.SUBSTANTIATING, _S.INSUBSTANTIATING_SUBSTANTIATING): "insubstantiate for a new build",
    (_S.SUBSTANTIATING_STARTING, _S.SUBSTANTIATED): "attached, or _substantiate when attached",
    (_S.SUBSTANTIATING_STARTING, _S.INSUBSTANTIATING): "insubstantiate",
    (_S.SUBSTANTIATING_STARTING, _S.INSUBSTANTIATING_SUBSTANTIATING): "insubstantiate for a build",
    (_S.SUBSTANTIATED, _S.INSUBSTANTIATING): "insubstantiate",
    (_S.SUBSTANTIATED, _S.INSUBSTANTIATING_SUBSTANTIATING): "substantiate, connection lost",
    (_S.INSUBSTANTIATING, _S.INSUBSTANTIATING_SUBSTANTIATING): "substantiate behind the stop",
    (_S.INSUBSTANTIATING_SUBSTANTIATING, _S.INSUBSTANTIATING): "insubstantiate cancels the queue",
    (_S.INSUBSTANTIATING, _S.NOT_SUBSTANTIATED): "insubstantiate, stopped",
    (_S.INSUBSTANTIATING_SUBSTANTIATING, _S.SUBSTANTIATING): "insubstantiate, next build",
}


def is_expected(before: State, after: State) -> bool:
    """Whether Buildbot 4.3's code is known to make this transition."""
    return (before, after) in TRANSITIONS


def transition_data(before: State, after: State) -> dict[str, Any]:
    """The data of a transition event."""
    return _DATA[before, after].copy()


_DATA: dict[tuple[State, State], dict[str, Any]] = {
    (before, after): {
        "from": before.value,
        "to": after.value,
        "expected": is_expected(before, after),
    }
    for before in State
    for after in State
}
