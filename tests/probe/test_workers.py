"""Real workers of a real master: what the probe tells of their lives, and that it changes none."""

from __future__ import annotations

import asyncio
from typing import Any

from buildbot.worker.latent import States
from twisted.internet import defer

from buildbot_lifecycle.core.events import Event, Kind
from buildbot_lifecycle.core.facts import Facts
from buildbot_lifecycle.core.fold import apply
from buildbot_lifecycle.host import required, workers
from buildbot_lifecycle.watch.calls import BrokenOffError
from buildbot_lifecycle.watch.probe import PROBE
from tests.probe.support import Build, Conn, Driven, Stage, hanging


async def cancelled() -> None:
    raise asyncio.CancelledError


def boom() -> None:
    raise RuntimeError("boom")


def base() -> None:
    raise asyncio.CancelledError


#: Ways in which a stop ends; in each the worker must come out as it does in stock Buildbot.
STOPS: dict[str, Any] = {
    "true": True,
    "none": None,
    "false": False,
    "raises": boom,
    "raises a BaseException": base,
    "fails": lambda: defer.fail(RuntimeError("boom")),
    "fired": lambda: defer.succeed(True),
    "coroutine that is cancelled": cancelled,
}


class Workers(Stage):
    def fold(self) -> list[Any]:
        """The episodes that the fold makes of what was told, in their order."""
        facts, episodes = Facts(workerid=1), {}
        for seq, (_, kind, data) in enumerate(self.notes.told, 1):
            step = apply(facts, Event(seq, float(seq), 1, Kind(kind), data))
            facts = step.facts
            episodes.update({e.first_seq: e for e in step.episodes})
        return [episodes[seq] for seq in sorted(episodes)]

    @defer.inlineCallbacks
    def test_a_stop_ends_in_the_same_state_with_and_without_the_probe(self) -> Any:
        yield self.play(Driven("w"), observed=False)
        ends: dict[bool, list[Any]] = {False: [], True: []}
        for observed in (False, True):
            if observed:
                self.observe()
            for stop in STOPS.values():
                worker = self.worker()
                self.answer("stop_instance", stop)
                came = self.ask()
                ended: list[Any] = []
                worker.insubstantiate().addBoth(ended.append)
                errors = [str(e.type) for e in self.flushLoggedErrors()]
                ends[observed].append(
                    (
                        worker.state,
                        worker._start_stop_lock.locked,
                        [type(getattr(e, "value", e)) for e in ended],
                        [c.type for c in came],
                        errors,
                    )
                )
                worker.state = States.NOT_SUBSTANTIATED
        assert ends[True] == ends[False]

    @defer.inlineCallbacks
    def test_a_worker_that_does_not_come_in_time_never_connected(self) -> Any:
        yield self.play(Driven("w", missing_timeout=100, check_instance_interval=1000))
        self.ask()
        self.reactor.advance(100)
        assert self.notes.of(Kind.MISSING) == [{}]
        assert [e.outcome for e in self.fold()] == ["never_connected"]
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_build_that_is_stopped_while_the_worker_starts_cancels_the_episode(self) -> Any:
        yield self.play(Driven("w", missing_timeout=100))
        stopped = Build()
        stopped.stopped = True
        self.ask()
        self.ask(build=stopped)
        yield self.worker().insubstantiate()
        assert [e.outcome for e in self.fold()] == ["cancelled"]

    @defer.inlineCallbacks
    def test_an_instance_that_crashed_before_it_connected_is_a_failed_start(self) -> Any:
        yield self.play(Driven("w", check_instance_interval=10))
        self.answer("check_instance", (False, "exit 1"))
        self.ask()
        self.reactor.advance(10)
        (episode,) = self.fold()
        assert episode.outcome == "start_failed"
        assert (episode.failure.call, episode.failure.error) == ("check_instance", "exit 1")
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_worker_that_connects_and_is_stopped_is_a_good_episode(self) -> Any:
        yield self.play(Driven("w"))
        came = self.ask()
        yield self.worker().attached(Conn())
        assert came == [True]
        assert self.notes.of(Kind.ATTACHED) == [{"peer": "10.0.0.9:1"}]
        yield self.worker()._soft_disconnect()
        assert self.notes.of(Kind.DETACHED) == [{"by_master": True}]
        assert [e.outcome for e in self.fold()] == ["ok"]

    @defer.inlineCallbacks
    def test_a_worker_whose_connection_nobody_closed_is_lost(self) -> Any:
        yield self.play(Driven("w"))
        self.ask()
        yield self.worker().attached(Conn())
        self.worker().conn.loseConnection()
        assert self.notes.of(Kind.DETACHED) == [{}]
        yield self.worker().insubstantiate()
        assert [e.outcome for e in self.fold()] == ["lost"]

    @defer.inlineCallbacks
    def test_a_quarantine_is_told_with_its_end_and_only_once(self) -> Any:
        yield self.play(Driven("w"))
        worker = self.worker()
        now = self.reactor.seconds()
        worker.putInQuarantine()
        worker.putInQuarantine()
        assert self.notes.of(Kind.QUARANTINE_ENTERED) == [{"until": now + 10, "seconds": 10}]
        self.reactor.advance(10)
        assert self.notes.of(Kind.QUARANTINE_LEFT) == [{}]
        worker.putInQuarantine()
        assert self.notes.of(Kind.QUARANTINE_ENTERED)[1]["seconds"] == 20
        worker.unpause()
        assert self.notes.of(Kind.QUARANTINE_LEFT) == [{}, {}]
        for _ in range(2):
            worker.resetQuarantine()
        assert self.notes.of(Kind.QUARANTINE_RESET) == [{}]

    @defer.inlineCallbacks
    def test_a_shutdown_that_somebody_asks_for_is_told(self) -> Any:
        yield self.play(Driven("w"))
        self.worker().controlWorker(("control", "worker", "1", "stop"), {})
        assert self.notes.of(Kind.GRACEFUL) == [{}]
        assert self.notes.of(Kind.SHUTDOWN_ASKED) == [], "there is no process"
        assert not self.worker().canStartBuild()

    @defer.inlineCallbacks
    def test_a_worker_that_cannot_be_attached_is_a_failed_start(self) -> Any:
        # Buildbot swallows the error; the connection stays, and the worker is stopped
        yield self.play(Driven("w"))
        answer, given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        conn = Conn()
        conn.remoteSetBuilderList = lambda builders: defer.fail(RuntimeError("no"))
        yield self.worker().attached(conn)
        assert self.notes.of(Kind.ATTACHED) == [{"peer": "10.0.0.9:1", "failed": True}]
        given[0].callback(True)
        assert [e.outcome for e in self.fold()] == ["start_failed"]
        conn.loseConnection()
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_new_worker_is_introduced_once_and_before_anything_else(self) -> Any:
        yield self.play(Driven("a"))
        yield self.reconfig_master(self.configuration(Driven("a"), Driven("b")))
        assert [(n, k) for n, k, _ in self.notes.told] == [("b", "baseline")]
        assert PROBE.watched_one(self.worker("b")) is not None

    @defer.inlineCallbacks
    def test_what_a_reconfiguration_changes_of_a_worker_is_read_again(self) -> Any:
        yield self.play(Driven("w", build_wait_timeout=600, missing_timeout=100))
        PROBE.register.observed(self.watched(), Kind.BASELINE, dict)
        self.watched().introduced = True
        self.watched().configured = workers.configured(self.worker())
        answer, given = hanging()
        self.answer("start_instance", answer)
        self.ask()
        (asked,) = self.notes.of(Kind.ASKED)
        assert asked["gives_up_at"] == self.reactor.seconds() + 100
        self.reactor.advance(5)
        yield self.reconfig_master(
            self.configuration(Driven("w", build_wait_timeout=-1, missing_timeout=40))
        )
        assert self.notes.of(Kind.CONFIGURED) == [
            {
                "may_connect": True,
                "build_wait_timeout": -1,
                "missing_timeout": 40,
                "machine": None,
                # Buildbot starts its timer anew
                "gives_up_at": self.reactor.seconds() + 40,
            }
        ]
        # as it is, it is not told of again
        yield self.reconfig_master(
            self.configuration(Driven("w", build_wait_timeout=-1, missing_timeout=40, max_builds=2))
        )
        assert len(self.notes.of(Kind.CONFIGURED)) == 1
        given[0].callback(False)
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_worker_that_is_removed_is_told_of_until_its_end_and_not_watched_after(self) -> Any:
        yield self.play(Driven("w"))
        worker = self.worker()
        yield self.reconfig_master(self.configuration())
        told = [kind for _, kind, _ in self.notes.told]
        assert told[-2:] == ["transition", "removed"]
        assert PROBE.watched_one(worker) is None

    @defer.inlineCallbacks
    def test_a_worker_whose_removal_waits_for_a_stop_stays_watched_and_can_be_released(self) -> Any:
        yield self.play(Driven("w"))
        answer, _given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        watched = self.watched()
        reconfig = self.reconfig_master(self.configuration())
        self.reactor.advance(1)
        assert [c.name for c in watched.waiting()] == ["stop_instance"]
        assert [w.worker.name for w in PROBE.watched(self.master)] == ["w"]
        assert watched.waiting()[0].release("action 1")
        yield reconfig
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_released_stop_lets_buildbot_walk_back_and_start_again(self) -> Any:
        yield self.play(Driven("w"))
        answer, given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        self.worker().insubstantiate()
        self.ask()
        assert self.worker().state is States.INSUBSTANTIATING_SUBSTANTIATING
        (call,) = self.watched().waiting("stop_instance")
        call.release("action 1")
        assert self.worker().state is States.SUBSTANTIATING_STARTING
        assert self.watched().abandoned() == [call]
        given[0].callback(True)
        assert self.worker().state is States.SUBSTANTIATING_STARTING, "a late end moves nothing"
        assert self.watched().abandoned() == []
        ended = [(d["call"], d["outcome"], "late" in d) for d in self.notes.of(Kind.CALL_ENDED)]
        assert ended == [
            ("start_instance", "true", False),
            ("stop_instance", "released", False),
            ("start_instance", "true", False),
            ("stop_instance", "true", True),
        ]
        self.answer("stop_instance", True)
        yield self.worker().insubstantiate()
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_released_check_of_a_worker_that_is_up_frees_the_lock_and_keeps_the_build(
        self,
    ) -> Any:
        yield self.play(Driven("w", check_instance_interval=10))
        answer, _given = hanging()
        self.answer("check_instance", answer)
        came = self.ask()
        self.reactor.advance(10)
        yield self.worker().attached(Conn())
        assert came == [True]
        assert workers.lock_is_held(self.worker())
        self.watched().waiting("check_instance")[0].release("action 1", in_use=True)
        assert not workers.lock_is_held(self.worker())
        assert self.worker().state is States.SUBSTANTIATED
        self.worker().conn.loseConnection()
        yield self.worker().insubstantiate()

    @defer.inlineCallbacks
    def test_a_released_start_of_a_worker_that_is_up_frees_the_lock_and_keeps_the_build(
        self,
    ) -> Any:
        yield self.play(Driven("w"))
        answer, _given = hanging()
        self.answer("start_instance", answer)
        came = self.ask()
        yield self.worker().attached(Conn())
        assert came == [True]
        self.watched().waiting("start_instance")[0].release("action 1", in_use=True)
        assert not workers.lock_is_held(self.worker())
        assert self.worker().state is States.SUBSTANTIATED
        self.worker().conn.loseConnection()
        yield self.worker().insubstantiate()

    @defer.inlineCallbacks
    def test_a_worker_left_half_way_is_put_to_rest_and_its_queued_build_is_told(self) -> Any:
        yield self.play(Driven("w"))
        self.answer("stop_instance", base)
        self.ask()
        self.worker().insubstantiate().addErrback(lambda _: None)
        came = self.ask()
        assert workers.is_half_insubstantiated(self.worker())
        assert workers.finish_half_insubstantiated(self.worker())
        assert self.worker().state is States.NOT_SUBSTANTIATED
        assert all(told["expected"] for told in self.notes.of(Kind.TRANSITION))
        assert len(came) == 1
        assert not workers.finish_half_insubstantiated(self.worker())
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_stop_that_breaks_off_late_does_not_make_the_masters_stop_loop(self) -> Any:
        yield self.play(Driven("w"))
        answer, given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        self.worker().insubstantiate()
        ended = self.worker().stopService()
        assert not ended.called
        given[0].errback(asyncio.CancelledError())
        yield ended
        assert self.worker().state is States.SHUT_DOWN
        assert self.notes.of(Kind.CALL_ENDED)[-1]["base"], "told as it was"
        assert [e.type for e in self.flushLoggedErrors()] == [BrokenOffError]
        self.worker().stopService = lambda: None

    @defer.inlineCallbacks
    def test_a_stop_that_breaks_off_at_once_does_not_make_the_masters_stop_fail(self) -> Any:
        yield self.play(Driven("w"))
        self.answer("stop_instance", base)
        self.ask()
        yield self.worker().attached(Conn())
        yield self.worker().stopService()
        assert self.worker().state is States.SHUT_DOWN
        assert [e.type for e in self.flushLoggedErrors()] == [BrokenOffError]
        self.worker().stopService = lambda: None

    @defer.inlineCallbacks
    def test_a_stop_that_is_under_way_is_not_half_way(self) -> Any:
        yield self.play(Driven("w"))
        answer, given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        self.worker().insubstantiate()
        assert not workers.is_half_insubstantiated(self.worker())
        assert not workers.finish_half_insubstantiated(self.worker())
        given[0].callback(True)

    @defer.inlineCallbacks
    def test_a_sink_that_always_fails_changes_nothing_of_a_workers_life(self) -> Any:
        yield self.play(Driven("w"))
        self.notes.breaks = ValueError
        came = self.ask()
        yield self.worker().attached(Conn())
        assert came == [True]
        self.worker().conn.loseConnection()
        yield self.worker().insubstantiate()
        assert self.worker().state is States.NOT_SUBSTANTIATED
        assert set(self.notes.failures) == {
            f"recording {what}"
            for what in (
                "asked",
                "transition",
                "call_started",
                "call_ended",
                "attached",
                "detached",
            )
        } | {"asking whether a start may be made"}

    @defer.inlineCallbacks
    def test_a_worker_that_cannot_be_described_starts_and_ends_its_builds(self) -> Any:
        yield self.play(Driven("w"))

        class Taken:
            """A WorkerForBuilder that cannot be read."""

            busy = True

            def isBusy(self) -> bool:  # noqa: N802 - Buildbot's name
                return self.busy

            @property
            def builder(self) -> Any:
                raise RuntimeError("odd")

        taken = Taken()
        self.worker().buildStarted(taken)
        taken.busy = False
        self.worker().buildFinished(taken)
        assert self.notes.failures == ["recording build_started", "recording build_finished"]
        self.worker()._clearBuildWaitTimer()

    def test_this_buildbot_has_every_name_that_is_leant_on(self) -> None:
        self.master = type("Stopped", (), {"running": False})
        assert required.missing() == []
