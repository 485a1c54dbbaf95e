"""A worker's life told as events, for tests of the fold; the clock is fixed."""

from __future__ import annotations

from typing import Any

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Episode, Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.core.states import State, transition_data

#: When every story begins (epoch seconds).
NOW = 1_800_000_000.0

WORKER = 7

NOT, SUB, STARTING, UP, STOPPING, QUEUED, DOWN = (
    State.NOT_SUBSTANTIATED,
    State.SUBSTANTIATING,
    State.SUBSTANTIATING_STARTING,
    State.SUBSTANTIATED,
    State.INSUBSTANTIATING,
    State.INSUBSTANTIATING_SUBSTANTIATING,
    State.SHUT_DOWN,
)


def build(number: int = 1, builder: str = "linux") -> dict[str, Any]:
    return {"buildid": number, "builderid": 1, "builder": builder, "number": number}


class Story:
    """Events of one worker, a second apart unless `wait` is told; `facts` as of the last one."""

    def __init__(self, facts: Facts | None = None) -> None:
        self.now = NOW
        self.seq = 0
        self.tokens = 0
        self.facts = facts or Facts(workerid=WORKER)
        self.episodes: dict[int, Episode] = {}
        self.touched: tuple[Episode, ...] = ()

    def event(self, kind: Kind, **data: Any) -> Story:
        self.seq += 1
        step = apply(self.facts, Event(self.seq, self.now, WORKER, kind, data))
        self.facts = step.facts
        self.touched = step.episodes
        for episode in step.episodes:
            self.episodes[episode.first_seq] = episode
        self.now += 1.0
        return self

    def wait(self, seconds: float) -> Story:
        self.now += seconds
        return self

    def go(self, *states: State) -> Story:
        """Transitions through these states, from the one it is in."""
        for state in states:
            self.event(Kind.TRANSITION, **transition_data(self.facts.state, state))
        return self

    def call(self, name: str, **data: Any) -> Story:
        self.tokens += 1
        return self.event(Kind.CALL_STARTED, call=name, token=self.tokens, **data)

    def end(self, name: str, outcome: str = "true", token: int | None = None, **data: Any) -> Story:
        token = self.tokens if token is None else token
        return self.event(Kind.CALL_ENDED, call=name, token=token, outcome=outcome, **data)

    def gave(
        self,
        how: str = "cancelled",
        error: str = "",
        *,
        stopped: bool = False,
        by: str | None = None,
    ) -> Story:
        """Buildbot gave a build that waited for the worker this, in its place."""
        data = {} if by is None else {"by": by}
        return self.event(Kind.NOT_SUBSTANTIATED, how=how, error=error, stopped=stopped, **data)

    # longer chapters

    def asked(self, number: int = 1) -> Story:
        return self.event(Kind.ASKED, build=build(number))

    def started(self) -> Story:
        """A build asked for it, and start_instance said yes."""
        self.asked().go(SUB, STARTING).call("start_instance")
        return self.end("start_instance", instance="i-1")

    def up(self) -> Story:
        """It runs, connected."""
        return self.started().go(UP).event(Kind.ATTACHED, peer="10.0.0.1:9")

    def stopping(self) -> Story:
        """It ran, and stop_instance is pending."""
        return self.up().go(STOPPING).call("stop_instance")

    def stopped(self, outcome: str = "true", **data: Any) -> Story:
        if self.facts.connected:
            self.event(Kind.DETACHED)
        return self.end("stop_instance", outcome, **data).go(NOT)

    # what came of it

    @property
    def last(self) -> Episode:
        return self.episodes[max(self.episodes)]

    @property
    def outcomes(self) -> list[str | None]:
        return [self.episodes[seq].outcome for seq in sorted(self.episodes)]
