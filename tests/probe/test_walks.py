"""Random walks through Buildbot's own state machine: the table of transitions has all that it makes."""

# ruff: noqa: N802 - Buildbot's and Twisted's names

from __future__ import annotations

import random
from typing import Any

import pytest
from buildbot.machine.latent import AbstractLatentMachine
from buildbot.worker.latent import LocalLatentWorker, States
from twisted.internet import defer

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.core.states import TRANSITIONS, State, is_expected
from tests.harness.chance import SHARE
from tests.probe.support import Build, Conn, Driven, Stage, hanging

#: Walks, and steps of each; the seed is fixed, so that a red test stays red.
WALKS, STEPS, SEED = max(15, int(60 * SHARE)), 25, 8400


class Machine(AbstractLatentMachine):
    """A latent machine that the walk starts and stops at its own time."""

    def checkConfig(self, name: str, **kwargs: Any) -> None:
        super().checkConfig(name, **kwargs)

    def start_machine(self) -> defer.Deferred[bool]:
        self.starting = [*getattr(self, "starting", []), defer.Deferred()]
        return self.starting[-1]

    def stop_machine(self) -> defer.Deferred[bool]:
        return defer.succeed(True)


class Walk:
    """One walk: what may happen to a worker, in any order."""

    def __init__(self, worker: Any, chance: random.Random) -> None:
        self.worker = worker
        self.chance = chance
        self.given: dict[str, list[defer.Deferred[Any]]] = {}
        for call in ("start_instance", "stop_instance", "check_instance"):
            answer, self.given[call] = hanging()
            worker.__dict__.setdefault("answers", {})[call] = answer

    @property
    def acts(self) -> list[Any]:
        often = [self.ask, self.connect, self.end_a_call]
        return [*often, *often, self.cancel, self.lose, self.miss, self.end_the_machine]

    def ask(self) -> None:
        self.worker.substantiate(None, Build()).addErrback(lambda _: None)

    def cancel(self) -> None:
        self.worker.insubstantiate().addErrback(lambda _: None)

    def connect(self) -> None:
        if self.worker.conn is None:
            self.worker.attached(Conn()).addErrback(lambda _: None)

    def lose(self) -> None:
        if self.worker.conn is not None:
            self.worker.conn.loseConnection()

    def miss(self) -> None:
        timer = self.worker.missing_timer
        if timer is not None and timer.active():
            timer.reset(0)

    def end_a_call(self) -> None:
        waiting = [(c, d) for c, given in self.given.items() for d in given if not d.called]
        if waiting:
            call, deferred = self.chance.choice(waiting)
            good = self.chance.random() < 0.7
            deferred.callback((good, "") if call == "check_instance" else good)

    def end_the_machine(self) -> None:
        for deferred in getattr(self.worker.machine, "starting", ()):
            if not deferred.called:
                deferred.callback(self.chance.random() < 0.8)

    def step(self) -> None:
        self.chance.choice(self.acts)()

    def home(self) -> bool:
        """One step on the way back to rest; whether it is there."""
        for given in self.given.values():
            for deferred in given:
                if not deferred.called:
                    deferred.callback(True)
        self.end_the_machine()
        self.lose()
        resting = self.worker.state is States.NOT_SUBSTANTIATED
        if resting and not self.worker._start_stop_lock.locked:
            return True
        self.cancel()
        return False


class Walks(Stage):
    def walk(self, chance: random.Random) -> None:
        walk = Walk(self.worker(), chance)
        for _ in range(STEPS):
            walk.step()
            self.reactor.advance(chance.choice([0, 0.1, 11]))
        for _ in range(50):
            if walk.home():
                break
            self.reactor.advance(1)
        self.flushLoggedErrors()

    def seen(self) -> set[tuple[str, str]]:
        return {(d["from"], d["to"]) for d in self.notes.of(Kind.TRANSITION)}

    @defer.inlineCallbacks
    def go(self, worker: Any, machine: Any = None) -> Any:
        configuration = self.configuration(worker)
        if machine is not None:
            configuration["machines"] = [machine]
        yield self.setup_master(configuration)
        self.observe()
        chance = random.Random(SEED)
        for _ in range(WALKS):
            self.walk(chance)
        unknown = {pair for pair in self.seen() if not is_expected(*map(State, pair))}
        assert unknown == set()

    @defer.inlineCallbacks
    def test_a_driver_of_its_own(self) -> Any:
        yield self.go(Driven("w", build_wait_timeout=60, missing_timeout=100))
        assert len(self.seen()) > 8
        self.fold()

    @defer.inlineCallbacks
    def test_a_worker_that_is_never_stopped(self) -> Any:
        yield self.go(Driven("w", build_wait_timeout=-1, missing_timeout=100))
        self.fold()

    @defer.inlineCallbacks
    def test_a_worker_on_a_machine_that_starts_slowly(self) -> Any:
        yield self.go(
            Driven("w", build_wait_timeout=60, missing_timeout=100, machine_name="m"), Machine("m")
        )
        self.fold()

    @defer.inlineCallbacks
    def test_a_worker_that_comes_by_itself_while_its_machine_starts(self) -> Any:
        worker = Driven("w", build_wait_timeout=-1, missing_timeout=100, machine_name="m")
        worker.starts_without_substantiate = LocalLatentWorker.starts_without_substantiate
        yield self.go(worker, Machine("m"))
        self.fold()

    @defer.inlineCallbacks
    def test_a_worker_that_is_shut_down_while_its_machine_starts(self) -> Any:
        machine = Machine("m")
        configuration = self.configuration(Driven("w", machine_name="m"))
        configuration["machines"] = [machine]
        yield self.setup_master(configuration)
        self.observe()
        self.answer("start_instance", defer.Deferred)
        self.ask()
        yield self.worker().insubstantiate()
        yield self.worker().stopService()
        machine.starting[0].callback(True)
        assert self.notes.moves()[-2:] == ["shut_down", "substantiating_starting"]
        assert self.notes.of(Kind.TRANSITION)[-1]["expected"]
        self.worker().stopService = lambda: None  # as Buildbot does before it removes a worker

    def fold(self) -> None:
        """What the walk has told makes whole episodes, and the fold ends where the worker is."""
        facts, ended, opened = Facts(workerid=1), 0, 0
        for seq, (_, kind, data) in enumerate(self.notes.told, 1):
            step = apply(facts, Event(seq, float(seq), 1, Kind(kind), data))
            if Kind(kind) is Kind.TRANSITION:
                assert facts.state.value == data["from"]
            facts = step.facts
            ended += sum(1 for e in step.episodes if e.ended_at is not None)
            opened += sum(1 for e in step.episodes if e.first_seq == seq)
        assert facts.state.value == self.worker().state.name.lower()
        assert opened - ended == (0 if facts.episode is None else 1)
        assert opened > 10


@pytest.mark.parametrize("pair", sorted(TRANSITIONS))
def test_the_table_is_in_states_that_this_buildbot_has(pair: tuple[State, State]) -> None:
    assert all(State(s.value).value.upper() in States.__members__ for s in pair)
