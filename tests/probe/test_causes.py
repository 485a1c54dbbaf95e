"""Why a worker does not come up, on real workers of a real master: what Buildbot knows is told."""

from __future__ import annotations

from typing import Any

from buildbot.interfaces import LatentWorkerCannotSubstantiate
from buildbot.worker.latent import States
from buildbot.worker.protocols.manager.pb import Dispatcher
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet import defer

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Episode, Facts, Failure
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.host.logins import GATES
from buildbot_lifecycle.watch.probe import PROBE
from tests.probe.support import Conn, Driven, Stage, hanging


class Causes(Stage):
    def facts(self) -> Facts:
        """What the fold makes of all that was told."""
        facts = Facts(workerid=1)
        self.episodes: dict[int, Episode] = {}
        for seq, (_, kind, data) in enumerate(self.notes.told, 1):
            step = apply(facts, Event(seq, float(seq), 1, Kind(kind), data))
            facts = step.facts
            self.episodes.update({e.first_seq: e for e in step.episodes})
        return facts

    def fold(self) -> list[Episode]:
        """The episodes that the fold makes of what was told, in their order."""
        self.facts()
        return [self.episodes[seq] for seq in sorted(self.episodes)]

    @defer.inlineCallbacks
    def test_a_start_that_nobody_stopped_is_no_cancelled_build(self) -> Any:
        yield self.play(Driven("w", missing_timeout=100))
        self.ask()
        yield self.worker().insubstantiate()  # as a machine does whose workers have not come
        (episode,) = self.fold()
        assert episode.outcome == "start_failed"
        assert episode.failure == Failure("substantiation", "Buildbot called the start off")

    @defer.inlineCallbacks
    def test_a_check_of_the_old_interface_fails_the_start_and_says_how(self) -> Any:
        yield self.play(Driven("w", check_instance_interval=10))
        self.answer("check_instance", True)
        self.ask()
        self.reactor.advance(10)
        (episode,) = self.fold()
        assert episode.outcome == "start_failed"
        assert episode.failure == Failure(
            "check_instance", "returned True, not a pair (good, text)"
        )
        (told,) = self.notes.of(Kind.NOT_SUBSTANTIATED)
        assert told["how"] == "failed"
        assert "latent worker crashed before connecting" in told["error"]
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_check_whose_words_are_none_fails_the_start_and_says_how(self) -> Any:
        yield self.play(Driven("w", check_instance_interval=10))
        self.answer("check_instance", (True, None))
        self.ask()
        self.reactor.advance(10)
        (episode,) = self.fold()
        assert episode.failure == Failure(
            "check_instance", "returned a pair with None in the place of its text"
        )
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_what_a_check_gives_that_nobody_can_look_at_is_told_by_what_the_build_got(self) -> Any:
        yield self.play(Driven("w", check_instance_interval=10))
        self.answer("check_instance", lambda: iter((False, "disk is full")))
        self.ask()
        self.reactor.advance(10)
        (episode,) = self.fold()
        assert episode.outcome == "start_failed"
        assert episode.failure is not None
        assert episode.failure.call == "substantiation"
        assert "disk is full" in episode.failure.error
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_start_that_can_never_succeed_is_the_builds_failure(self) -> Any:
        yield self.play(Driven("w"))
        self.answer("start_instance", lambda: defer.fail(LatentWorkerCannotSubstantiate("no arm")))
        self.answer("stop_instance", lambda: defer.fail(RuntimeError("no such instance")))
        came = self.ask()
        assert came[0].check(LatentWorkerCannotSubstantiate)
        (episode,) = self.fold()
        assert episode.outcome == "build_refused"
        assert episode.failure is not None
        assert episode.failure.error == "LatentWorkerCannotSubstantiate: no arm"
        assert self.facts().last_failure is None
        assert self.facts().failures_in_row == 0
        self.flushLoggedErrors()

    # calls that a driver makes on itself

    @defer.inlineCallbacks
    def test_a_stop_that_the_drivers_start_calls_itself_is_not_buildbots(self) -> Any:
        yield self.play(Driven("w"))
        worker = self.worker()
        answer, given = hanging()
        own: list[Any] = []

        @defer.inlineCallbacks
        def start() -> Any:
            own.append(worker.stop_instance())
            try:
                yield own[0]
            except RuntimeError:
                raise ValueError("nothing made") from None

        self.answer("start_instance", start)
        self.answer("stop_instance", answer)
        self.ask()
        assert own[0] is given[0], "the driver waits for its own Deferred: nothing stands between"
        self.answer("stop_instance", True)
        given[0].errback(RuntimeError("502"))
        calls = self.notes.of(Kind.CALL_STARTED, Kind.CALL_ENDED)
        assert [c["call"] for c in calls] == ["start_instance"] * 2 + ["stop_instance"] * 2
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_an_abandoned_starts_own_stop_is_not_buildbots_either(self) -> Any:
        yield self.play(Driven("w"))
        worker = self.worker()
        answer, given = hanging()

        @defer.inlineCallbacks
        def start() -> Any:
            yield answer()
            yield worker.stop_instance()
            return False

        self.answer("start_instance", start)
        self.ask()
        (call,) = self.watched().waiting("start_instance")
        stop, stops = hanging()
        self.answer("stop_instance", stop)
        call.release("action 1")
        assert len(stops) == 1, "Buildbot's own stop is under way"
        assert [c.name for c in self.watched().waiting()] == ["stop_instance"]
        given[0].callback(None)
        assert len(stops) == 2
        assert [c.name for c in self.watched().waiting()] == ["stop_instance"]
        stops[1].callback(True)
        stops[0].callback(True)
        assert worker.state is States.NOT_SUBSTANTIATED
        calls = [c["call"] for c in self.notes.of(Kind.CALL_STARTED)]
        assert calls == ["start_instance", "stop_instance"]
        self.flushLoggedErrors()

    # logins

    @defer.inlineCallbacks
    def test_a_login_with_a_wrong_password_is_told_once_until_the_next_start(self) -> Any:
        yield self.play(Driven("w", missing_timeout=1000))
        gate = Dispatcher("tcp:0", "tcp:0")
        gate.parent = self.master
        gate.register("w", "right", None)

        def login(name: str, password: str) -> list[Any]:
            came: list[Any] = []
            creds = UsernamePassword(name.encode(), password.encode())
            gate.requestAvatarId(creds).addBoth(came.append)
            self.reactor.advance(0)
            return came

        self.ask()
        for _ in range(3):
            (came,) = login("w", "wrong")
            assert came.check(UnauthorizedLogin)
        login("nobody", "wrong")
        assert login("w", "right") == [b"w"]
        assert self.notes.of(Kind.LOGIN_FAILED) == [{"reason": "had a wrong password", "times": 1}]
        self.reactor.advance(61)
        login("w", "wrong")
        assert self.notes.of(Kind.LOGIN_FAILED)[1:] == [
            {"reason": "had a wrong password", "times": 3}
        ]
        episode = self.facts().episode
        assert episode is not None
        assert episode.obstacle == "a login as this worker had a wrong password (3 times)"
        yield self.worker().insubstantiate()
        self.ask()
        login("w", "wrong")
        assert len(self.notes.of(Kind.LOGIN_FAILED)) == 3

    @defer.inlineCallbacks
    def test_the_gates_are_as_buildbot_made_them_once_nobody_looks(self) -> Any:
        before = [cls.__dict__[name] for cls, name in GATES]
        yield self.play(Driven("w"))
        assert [cls.__dict__[name] for cls, name in GATES] != before
        PROBE.unsubscribe(self.master)
        assert [cls.__dict__[name] for cls, name in GATES] == before

    @defer.inlineCallbacks
    def test_a_worker_that_stays_connected_between_builds_is_up(self) -> Any:
        yield self.play(Driven("w", build_wait_timeout=-1))
        worker = self.worker()
        yield worker.attached(Conn())
        self.ask()
        assert worker.state is States.SUBSTANTIATED
        yield worker.insubstantiate()
        assert [e.outcome for e in self.fold()] == ["ok"]
