"""Events as a master would make them: a worker that is played, with the core's own fold beside it."""

from __future__ import annotations

import itertools
import random
from typing import Any

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.core.states import State, transition_data
from buildbot_lifecycle.core.texts import cleaned
from buildbot_lifecycle.db.recorder import Entry, Identity

S = State

#: Texts that broke something somewhere: quotes, markup, 4-byte emoji, NUL, RTL marks, half a
#: surrogate pair, backslashes, wildcards, format characters, a line of 10 kB.
NASTY = (
    'it\'s "quoted" `so`',
    "<script>alert(1)</script>",
    "\U0001f600\U0001f4a3",
    "nul\x00in it",
    "\u202eltr\u202c \u05e9\u05dc\u05d5\u05dd",
    "\ud83d",
    "back\\slash \\u0041 %s %(x)s :name {x} 100% _",
    "line\nfeed\r\ttab\x1b[31m\x7f\u2028",
    "x" * 10_000,
    "\U0001f600" * 10_000,
    "",
    " ",
)


class Seq:
    """The numbers of one incarnation's events."""

    def __init__(self) -> None:
        self._count = itertools.count(1)

    def __call__(self) -> int:
        return next(self._count)


class Worker:
    """One worker; each method answers the entry for the recorder."""

    def __init__(
        self, workerid: int, seq: Seq, name: str | None = None, at: float = 1000.0
    ) -> None:
        self.identity = Identity(workerid, name or f"worker-{workerid}", "demo.Worker")
        self.facts = Facts(workerid)
        self.now = at
        self._seq = seq

    def event(self, kind: Kind, **data: Any) -> Entry:
        self.now += 0.125
        # as the logbook does
        event = Event(self._seq(), self.now, self.identity.workerid, kind, cleaned(data))
        step = apply(self.facts, event)
        self.facts = step.facts
        return Entry(self.identity, event, step.facts, step.episodes)

    def to(self, state: State, **data: Any) -> Entry:
        return self.event(Kind.TRANSITION, **transition_data(self.facts.state, state), **data)

    def begin(self) -> list[Entry]:
        """From rest to substantiated, start_instance still known to the log."""
        token = self._seq()
        return [
            self.to(S.SUBSTANTIATING, build={"builder": "b", "number": 1}),
            self.to(S.SUBSTANTIATING_STARTING),
            self.event(Kind.CALL_STARTED, call="start_instance", token=token),
            self.event(
                Kind.CALL_ENDED, call="start_instance", token=token, outcome="true", instance="i-1"
            ),
            self.event(Kind.ATTACHED, peer="127.0.0.1"),
            self.to(S.SUBSTANTIATED),
        ]

    def end(self, error: str | None = None) -> list[Entry]:
        """From substantiated to rest; with `error`, stop_instance raised it."""
        token = self._seq()
        how = {"outcome": "true"} if error is None else {"outcome": "raised", "error": error}
        return [
            self.to(S.INSUBSTANTIATING),
            self.event(Kind.CALL_STARTED, call="stop_instance", token=token),
            self.event(Kind.CALL_ENDED, call="stop_instance", token=token, **how),
            self.event(Kind.DETACHED),
            self.to(S.NOT_SUBSTANTIATED),
        ]

    def life(self) -> list[Entry]:
        return [*self.begin(), *self.end()]

    def anything(self, dice: random.Random) -> Entry:
        """Any event at all, also such as no Buildbot would make."""
        kind = dice.choice(list(Kind))
        if kind is Kind.TRANSITION or dice.random() < 0.4:
            return self.to(dice.choice(list(State)))
        call = dice.choice(["start_instance", "stop_instance", "check_instance"])
        build = {"builder": dice.choice("ab"), "number": dice.randint(1, 3)}
        data: dict[str, Any] = {
            "state": dice.choice(list(State)).value,
            "connected": dice.random() < 0.5,
            "call": call,
            "token": dice.randint(1, 4),
            "outcome": dice.choice(["true", "false", "other", "raised", "released"]),
            "late": dice.random() < 0.1,
            "error": dice.choice(NASTY),
            "traceback": dice.choice([None, *NASTY]),
            "instance": dice.choice([None, *NASTY]),
            "reason": dice.choice(NASTY),
            "delivered": dice.random() < 0.5,
            "build": build,
        }
        return self.event(kind, **data)
