"""Signs of life at random: who answers is never called frozen nor released, and who is silent is told.

A worker's waits, its connections, and what it says come in any order, by a fake clock that sometimes
jumps (a master that stood still). Beside the plugin a model keeps what was true.
`LIFECYCLE_PROPERTY_EXAMPLES` asks for a longer run, as in `test_interleavings`.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from twisted.internet import defer, task
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot_lifecycle.act import policy as policy_module
from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.policy import Policy
from buildbot_lifecycle.act.release import Releaser
from buildbot_lifecycle.core import signs
from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.states import State, transition_data
from buildbot_lifecycle.core.verdicts import judge
from buildbot_lifecycle.core.verdicts.verdict import DEFAULT_STUCK_AFTER, LEVELS
from buildbot_lifecycle.diagnose.signs import Signs
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch.watched import Login, Watched
from tests.harness.chance import SHARE
from tests.probe.support import Conn, Driven, Plain
from tests.property.test_interleavings import LONG, profile

BEGIN = 1_000_000.0
WORKERID = 7
CODES = ("frozen_worker", "frozen_attach", "stale_connection")

#: The limits before and after a reconfiguration (seconds); and what is stuck for `AFTER` is released.
LIMITS = (
    {"frozen_worker": 100.0, "frozen_attach": 60.0, "stale_connection": 40.0},
    {"frozen_worker": 20.0, "frozen_attach": 150.0, "stale_connection": 90.0},
)
AFTER = 30.0

#: Seconds that the plugin's timers may be late, and a bit.
SOON = 0.02

BUILDERS = st.sampled_from(["linux", "docs"])
#: How long the worker takes for an answer, in parts of the time that it has for it; or it never answers.
PACES = st.sampled_from([0.0, 0.5, 0.9, 0.9, 3.0, 20.0, math.inf, math.inf])
SECONDS = st.sampled_from([0.25, 3, 9, 15, 30, 45, 70, 120, 300, 1800])

#: What was reached, over all examples of a run.
REACHED: collections.Counter[str] = collections.Counter()


class Transport:
    offset = 0

    def __init__(self) -> None:
        self.dataBuffer = b""


@dataclasses.dataclass(eq=False)
class Question:
    """A question to the worker, and when it will be answered, by an error maybe."""

    asked: float
    patience: float
    answered_at: float
    refused: bool
    came: defer.Deferred[Any]

    @property
    def is_slow(self) -> bool:
        return self.answered_at > self.asked + self.patience + SOON


class Wire(Conn):
    """A connection over which the model answers."""

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self.walk = walk
        self.open: list[Question] = []
        self.transport = Transport()
        self.mind = self
        self.broker = self

    def remotePrint(self, message: str) -> defer.Deferred[Any]:  # noqa: N802 - Buildbot's name
        assert message
        # what is raised here, the plugin takes for a connection that cannot be asked
        if self.open:
            self.walk.broken.append("asked anew before it has answered")
        if self.walk.link is not self or self.walk.wait is None:
            self.walk.broken.append("asked though nothing is waited for")
        question = self.walk.question()
        self.open.append(question)
        return question.came

    def drop(self) -> None:
        questions, self.open = self.open, []
        for question in questions:
            question.came.errback(Failure(pb.PBConnectionLost("dropped")))


class Abrupt(Releaser):
    """A releaser with all its checks, which in place of the steps drops the connection."""

    walk: Walk

    async def _act(self, known: Known, case: Any, action: Any) -> Any:
        try:
            self.walk.released(known)
        except AssertionError as error:  # which is logged, and no more
            self.walk.broken.append(str(error))


class Walk(RuleBasedStateMachine):
    """No rule asks whether it may be drawn: what does not fit does nothing."""

    @initialize()
    def begin(self) -> None:
        self.clock = task.Clock()
        self.clock.advance(BEGIN)
        self.limits = LIMITS[0]
        self.configure()
        self.logbook = Logbook(self.clock, lambda: self.settings, self)
        self.signs = Signs(self.clock, self.logbook, self.logbook.thresholds)
        self.logbook.hear = self.signs.hear
        audit, orphans = Audit(self.clock, self, self.logbook), Orphans(self.clock, self)
        releaser = Abrupt(self.clock, self.logbook, audit, orphans, lambda: self.settings)
        releaser.walk = self
        self.policy = Policy(self.clock, self.logbook, releaser, lambda: self.settings)
        self.policy.start()
        self.numbers = itertools.count(1)
        self.broken: list[str] = []
        self.gone: list[tuple[Known, Wire | None]] = []
        self.pace, self.refuses = math.inf, False
        self.disturbed = BEGIN
        self.introduce()

    def configure(self) -> None:
        after = {**dict.fromkeys(DEFAULT_STUCK_AFTER, None), **self.limits}
        auto = {"after": AFTER, "per_hour": 1000}
        self.settings, problems = parse({"stuck_after": after, "auto_release": auto})
        assert not problems, problems

    def introduce(self) -> None:
        """A worker that is up and connected, in place of the one that was."""
        self.worker: Any = Driven("w")
        self.worker.parent = Plain()
        Plain.made.clear()
        self.worker.workerid = WORKERID
        self.watched = Watched(self.worker)
        self.state, self.state_since = State.SUBSTANTIATED, self.now
        self.builds: dict[str, dict[str, Any]] = {}
        self.stops: dict[str, float] = {}
        self.pings: dict[str, float] = {}
        self.blocked: float | None = None
        self.attaching: float | None = None
        self.duplicate = False
        self.connected = True
        self.worker.conn = Wire(self)
        self.answered = self.spoke = -math.inf
        self.began: float | None = None
        self.stuck_at: float | None = None
        moved = transition_data(State.SUBSTANTIATING_STARTING, State.SUBSTANTIATED)
        self.see(Kind.TRANSITION, **moved)
        found = self.logbook.get(WORKERID)
        assert found is not None
        self.known = found

    # `logbook.Recording` and `audit.Desk`

    def record(self, known: Known, event: Any, episodes: Any) -> None:
        self.signs.see(known)

    def record_verdict(self, known: Known) -> None:
        assert not known.gone, "the verdict of a worker that is gone is its successor's"

    def keep_action(self, row: Any, changes: Any) -> None: ...

    def keep_orphan(self, row: Any, token: str, closing: Any) -> None: ...

    def insert_action(self, row: Any) -> defer.Deferred[int]:
        written: defer.Deferred[int] = defer.Deferred()
        self.clock.callLater(0, written.callback, next(self.numbers))
        return written

    def update_action(self, action_id: int, changes: Any) -> defer.Deferred[Any]:
        return defer.succeed(None)

    # what is true

    @property
    def now(self) -> float:
        return float(self.clock.seconds())

    @property
    def link(self) -> Wire | None:
        """The connection over which the worker could be heard."""
        if self.worker.conn is None and self.watched.logins:
            found: Wire = self.watched.logins[-1].conn
            return found
        link: Wire | None = self.worker.conn
        return link

    @property
    def is_up(self) -> bool:
        return self.connected and self.state is State.SUBSTANTIATED

    @property
    def wait(self) -> tuple[str, float] | None:
        """What only a worker that lives can end, and since when."""
        if self.is_up and self.builds:
            begun = [*self.stops.values(), *self.pings.values()]
            begun += [] if self.blocked is None else [self.blocked]
            return ("frozen_worker", min(begun)) if begun else None
        if self.connected:
            is_left_over = self.state is State.NOT_SUBSTANTIATED
            return ("stale_connection", self.state_since) if is_left_over else None
        if self.duplicate:
            return None
        if self.attaching is not None:
            return ("frozen_attach", self.attaching)
        if self.watched.logins:
            return ("frozen_attach", self.watched.logins[-1].since)
        return None

    def question(self) -> Question:
        REACHED["asked"] += 1
        code = self.wait[0] if self.wait is not None else CODES[0]
        patience = signs.answer_seconds(self.limits[code])
        answered_at = self.now + self.pace * patience
        return Question(self.now, patience, answered_at, self.refuses, defer.Deferred())

    def see(self, kind: Kind, **data: Any) -> None:
        self.logbook.observe(self.watched, kind, data)

    # what must hold

    def check(self) -> None:
        assert self.broken == []
        assert (self.logbook.errors, self.logbook.last_error) == (0, None)
        awaited = signs.wait(self.known.facts)
        assert (awaited and (awaited.code, awaited.since)) == self.wait
        if self.wait is None:
            self.began = None
        elif self.began is None:
            self.began = self.now
        self.check_turn()
        verdict = self.known.verdict
        if verdict.level != "stuck":
            if self.stuck_at is not None:
                REACHED["taken back"] += 1
            self.stuck_at = None
        elif self.stuck_at is None:
            self.stuck_at = self.now
            REACHED[verdict.code] += 1
        self.check_stuck()
        self.check_silent()
        self.check_timers()

    def check_turn(self) -> None:
        """The verdict is as of now, and turns at its due and not before."""
        told, facts = self.known.verdict, self.known.facts
        thresholds = self.logbook.thresholds(self.known)
        verdict = judge(facts, thresholds, self.now)
        said = (verdict.level, verdict.code)
        is_turning = told.due is not None and self.now >= told.due
        assert is_turning or (told.level, told.code) == said
        if verdict.due is None:
            later = judge(facts, thresholds, self.now + 1e6)
            assert (later.level, later.code) == said
            return
        assert verdict.due > self.now
        before = judge(facts, thresholds, math.nextafter(verdict.due, 0))
        turned = judge(facts, thresholds, verdict.due)
        assert (before.level, before.code) == said
        assert (turned.level, turned.code) != said
        assert LEVELS.index(turned.level) <= LEVELS.index(verdict.level)

    def unanswered(self) -> Question | None:
        """The question that the worker had its time for, and has not answered; None if there is none."""
        link = self.link
        for question in [] if link is None else link.open:
            if question.is_slow and self.now >= question.asked + question.patience:
                return question
        return None

    def check_stuck(self) -> None:
        """Whoever is told as stuck is silent: it was asked, and nothing was heard for the whole limit."""
        if self.known.verdict.level != "stuck":
            return
        assert self.wait is not None
        assert self.stuck_at is not None
        code, since = self.wait
        limit = self.limits[code]
        assert self.known.verdict.code == code
        question = self.unanswered()
        assert question is not None, "it was not asked, or has its time for the answer"
        assert self.now >= max(since, self.answered) + limit
        # what came by itself is heard before the limit is over, and soon after it
        spoke = max(since, self.spoke)
        if spoke < self.stuck_at - SOON:
            assert self.stuck_at >= spoke + limit
        else:
            assert self.now <= spoke + signs.answer_seconds(limit) + SOON

    def check_silent(self) -> None:
        """Whoever is silent for long enough is told as stuck, with the right code."""
        if self.wait is None or self.began is None:
            return
        code, since = self.wait
        limit = self.limits[code]
        quiet = max(since, self.began, self.answered, self.spoke, self.disturbed)
        latest = quiet + limit + signs.answer_seconds(limit) + limit * signs.LOOK_SHARE
        if self.now >= latest + SOON:
            verdict = self.known.verdict
            assert (verdict.level, verdict.code) == ("stuck", code)

    def check_timers(self) -> None:
        look = self.known.look
        ours = [self.known.timer, None if look is None else look.timer, self.policy._loop.call]
        if any(known.auto_busy for known in (self.known, *(known for known, _ in self.gone))):
            return  # a release is being written
        active = [one for one in ours if one is not None and one.active()]
        assert set(self.clock.getDelayedCalls()) == set(active)

    def released(self, known: Known) -> None:
        """A release drops the connection; up to then a sign of life could be heard."""
        assert known is self.known
        assert self.wait is not None
        REACHED["released"] += 1
        code, since = self.wait
        assert self.unanswered() is not None, "released, and not asked"
        assert self.now >= max(since, self.answered, self.spoke) + self.limits[code] + AFTER
        if self.worker.conn is None:
            self.login_ends("dropped")
        else:
            self.lose(True, False, False)

    # time

    def deliver(self) -> None:
        """The worker's answers that are there by now are read."""
        for link in (self.link, *(link for _, link in self.gone)):
            for question in [] if link is None else list(link.open):
                if self.now >= question.answered_at:
                    self.answer(link, question)

    def answer(self, link: Any, question: Question) -> None:
        link.open.remove(question)
        if link is self.link:
            self.answered = self.now
            REACHED["late answer" if question.is_slow else "answer"] += 1
        refused = Failure(pb.RemoteError("ValueError", "no", ""))
        question.came.callback(refused if question.refused else None)
        if link is self.link:
            assert self.known.verdict.level != "stuck", "it has answered"

    @rule(seconds=SECONDS)
    def advance(self, seconds: float) -> None:
        """Time goes on, and everything happens when it is due."""
        end = self.now + seconds
        while True:
            moments = [call.getTime() for call in self.clock.getDelayedCalls()]
            if self.link is not None:
                moments += [question.answered_at for question in self.link.open]
            moments += [q.answered_at for _, link in self.gone if link for q in link.open]
            self.clock.advance(max(0.0, min([*moments, end]) - self.now))
            self.check()
            self.deliver()
            self.check()
            if self.now >= end:
                return

    @rule(seconds=SECONDS, speaks=st.booleans())
    def stand_still(self, seconds: float, speaks: bool) -> None:
        """The master does nothing for a while: its timers run first then, and what came is read next."""
        self.clock.advance(seconds)
        self.disturbed = self.now
        self.check()
        self.deliver()
        if speaks:
            self.speak()
        self.check()
        REACHED["stood still"] += 1

    @rule(seconds=SECONDS)
    def advance_too(self, seconds: float) -> None:
        """Drawn as often again."""
        self.advance(seconds)

    # the worker

    @rule(how=st.sampled_from(["thaws", "speaks", "speaks", "takes some", "takes all"]))
    def is_heard(self, how: str) -> None:
        if how == "thaws":
            self.thaw()
        elif how == "speaks":
            self.speak()
        else:
            self.take(how == "takes all")

    @rule(pace=PACES, refuses=st.booleans())
    def answers(self, pace: float, refuses: bool) -> None:
        """From now on it takes so long to answer, in words or by an error."""
        self.pace, self.refuses = pace, refuses

    def thaw(self) -> None:
        """It answers again, also what it was asked before, which may be for something that is over."""
        self.pace = 0.5
        for question in [] if self.link is None else list(self.link.open):
            question.answered_at = min(question.answered_at, max(self.now, question.asked + 1))
        self.deliver()
        self.check()

    def speak(self) -> None:
        """A message that nobody asked for, as the output of a step."""
        if self.worker.conn is not None:
            self.worker.lastMessageReceived = self.spoke = self.now

    def block(self) -> None:
        if self.is_up and self.blocked is None:
            self.worker.conn.transport.dataBuffer = b"x" * 4096
            self.blocked = self.now - 15
            self.see(Kind.SEND_BLOCKED, since=self.blocked)
            self.check()

    def take(self, all_of_it: bool) -> None:
        """It takes some of what waits for it, or the rest."""
        if self.blocked is None:
            return
        transport = self.worker.conn.transport
        if len(transport.dataBuffer) > 1 and not all_of_it:
            transport.dataBuffer = transport.dataBuffer[: len(transport.dataBuffer) // 2]
            if self.wait is not None:
                self.spoke = self.now
            return
        transport.dataBuffer = b""
        self.blocked = None
        self.see(Kind.SEND_RESUMED)
        if self.wait is not None:  # else nobody looks for a sign of life
            self.spoke = self.now
        self.check()

    # builds

    @rule(builder=BUILDERS, how=st.sampled_from(["builds", "stops", "stops", "pings", "blocks"]))
    def begins(self, builder: str, how: str) -> None:
        """A build begins, and maybe something that it waits for, now or since before."""
        self.build(builder)
        if how == "stops":
            self.stop_build(builder)
        elif how == "pings":
            self.ping(builder)
        elif how == "blocks":
            self.block()

    @rule(builder=BUILDERS, how=st.sampled_from(["finishes", "finishes", "is pinged"]))
    def ends(self, builder: str, how: str) -> None:
        if how == "finishes":
            self.finish(builder)
        else:
            self.ping_ends(builder)

    def build(self, builder: str) -> None:
        if self.is_up and builder not in self.builds:
            number = next(self.numbers)
            self.builds[builder] = {"builder": builder, "buildid": number, "number": number}
            self.see(Kind.BUILD_STARTED, build=self.builds[builder])
            self.check()

    def stop_build(self, builder: str) -> None:
        if builder in self.builds:
            self.stops.setdefault(builder, self.now)
            self.see(Kind.BUILD_STOPPING, build=self.builds[builder])
            self.check()

    def ping(self, builder: str) -> None:
        if self.is_up and builder in self.builds and builder not in self.pings:
            self.pings[builder] = self.now - 3
            self.see(Kind.PING_WAITS, builder=builder, since=self.now - 3)
            self.check()

    def ping_ends(self, builder: str) -> None:
        if self.pings.pop(builder, None) is not None:
            self.see(Kind.PING_ENDED, builder=builder)
            self.check()

    def finish(self, builder: str) -> None:
        """One build ends; what the others wait for goes on."""
        build = self.builds.pop(builder, None)
        if build is None:
            return
        waits = self.wait is not None and bool(self.builds)
        self.stops.pop(builder, None)
        self.pings.pop(builder, None)
        self.see(Kind.BUILD_FINISHED, build=build)
        self.check()
        REACHED["another build ended"] += waits and self.wait is not None

    # connections

    @rule(
        is_kept=st.booleans(),
        how=st.sampled_from(["let in", "let in", "let in", "dropped", "rejected"]),
        is_ending=st.booleans(),
    )
    def goes_on(self, is_kept: bool, how: str, is_ending: bool) -> None:
        """The next step of its life."""
        if self.attaching is not None:
            self.attach()
        elif self.watched.logins:
            self.login_ends(how)
        elif self.state is State.NOT_SUBSTANTIATED:
            if is_ending or self.worker.conn is None:
                self.substantiate()
        elif self.worker.conn is None:
            self.login()
        elif is_ending or not self.builds:
            self.end_builds()
            self.insubstantiate(is_kept)

    @rule(by_master=st.booleans(), builds_first=st.booleans(), told_first=st.booleans())
    def lose(self, by_master: bool, builds_first: bool, told_first: bool) -> None:
        link: Wire | None = self.worker.conn
        if link is None:
            return
        if builds_first:
            self.end_builds()
        if told_first:
            link.drop()
        self.worker.conn = None
        self.connected = False
        self.attaching = self.blocked = None
        self.pings.clear()
        self.see(Kind.DETACHED, **({"by_master": True} if by_master else {}))
        self.check()
        link.drop()
        self.end_builds()
        self.check()

    def end_builds(self) -> None:
        for builder in list(self.builds):
            self.finish(builder)

    def go(self, *states: State) -> None:
        for state in states:
            data = transition_data(self.state, state)
            self.state, self.state_since = state, self.now
            self.see(Kind.TRANSITION, **data)

    def insubstantiate(self, is_kept: bool) -> None:
        """Its instance is stopped, and with it goes its connection, or not."""
        if self.state is not State.SUBSTANTIATED or self.builds or self.watched.logins:
            return
        if not is_kept or self.attaching is not None:
            self.lose(True, False, False)
        self.go(State.INSUBSTANTIATING, State.NOT_SUBSTANTIATED)
        self.check()

    def substantiate(self) -> None:
        if self.state is State.NOT_SUBSTANTIATED:
            self.duplicate = False
            self.go(State.SUBSTANTIATING, State.SUBSTANTIATING_STARTING)
            self.check()

    def login(self) -> None:
        resting = self.state is State.NOT_SUBSTANTIATED
        if resting or self.watched.logins or self.worker.conn is not None:
            return
        since = self.now - 1
        self.watched.logins.append(Login(Wire(self), since))
        self.see(Kind.LOGIN_WAITS, since=since, peer="p")
        self.check()

    def login_ends(self, how: str) -> None:
        if not self.watched.logins:
            return
        login = self.watched.logins.pop()
        if how != "let in":
            login.conn.drop()
        self.see(Kind.LOGIN_ENDED)
        if how == "rejected":
            self.duplicate = True
            self.see(Kind.DUPLICATE, rejected=True, peer="p")
        if how == "let in":
            self.worker.conn = login.conn
            self.attaching = self.now
            self.see(Kind.ATTACHING, peer="p")
        self.check()

    def attach(self) -> None:
        if self.attaching is None:
            return
        self.attaching = None
        self.connected, self.duplicate = True, False
        self.see(Kind.ATTACHED, peer="p")
        if self.state is not State.SUBSTANTIATED:
            self.go(State.SUBSTANTIATED)
        self.check()

    # the master

    @rule(how=st.sampled_from(["reconfigures", "replaces", "replaces, and hears of a late end"]))
    def masters(self, how: str) -> None:
        if how == "reconfigures":
            self.reconfigure()
        else:
            self.replace("late" in how)

    def reconfigure(self) -> None:
        self.limits = LIMITS[1] if self.limits is LIMITS[0] else LIMITS[0]
        self.configure()
        self.disturbed = self.now
        for question in [] if self.link is None or self.wait is None else self.link.open:
            # what is asked already has the new time, too
            patience = signs.answer_seconds(self.limits[self.wait[0]])
            question.patience = min(question.patience, patience)
        self.logbook.rejudge_all()
        self.signs.see_all()
        self.stuck_at = None
        self.check()

    def replace(self, late: bool) -> None:
        """A reconfiguration removes the worker, and another one has its name and number."""
        watched, known = self.watched, self.known
        self.gone.append((known, self.link))
        self.see(Kind.REMOVED)
        self.introduce()
        if late:
            ended = {"call": "stop_instance", "token": 1, "outcome": "true", "late": True}
            self.logbook.observe(watched, Kind.CALL_ENDED, ended)
        self.check()

    def teardown(self) -> None:
        if not hasattr(self, "known"):
            return
        self.policy.stop()
        self.signs.stop()
        self.logbook.close()
        self.clock.advance(60)  # what was being written
        for link in (self.link, *(link for _, link in self.gone)):
            for question in [] if link is None else link.open:
                question.came.callback(None)
        ended = {"call": "stop_instance", "token": 1, "outcome": "true", "late": True}
        self.see(Kind.CALL_ENDED, **ended)
        assert self.clock.getDelayedCalls() == []
        assert (self.logbook.errors, self.logbook.last_error) == (0, None)


def test_who_answers_is_never_called_frozen_and_who_is_silent_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(policy_module, "LOOK_EVERY", 29.0)
    REACHED.clear()
    run_state_machine_as_test(Walk, settings=profile(300))
    reached = ["asked", "answer", "stood still"] if SHARE >= 1 else ["asked"]
    if LONG:
        # In a short walk these are met some five times, or by chance never; tests/probe/test_signs.py and
        # tests/core/test_verdicts.py have each of them on purpose.
        reached += [*CODES, "late answer", "taken back", "released", "another build ended"]
    assert min(REACHED[name] for name in reached) >= 2, REACHED
