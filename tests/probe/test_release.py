"""A force disconnect on real workers: written down first, done in order, and told as it went."""

# ruff: noqa: N801, N802 - Buildbot's and Twisted's names

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from buildbot.interfaces import LatentWorkerSubstantiatiationCancelled
from buildbot.worker.latent import States
from twisted.internet import defer
from twisted.python.failure import Failure

from buildbot_lifecycle.act.audit import Audit
from buildbot_lifecycle.act.orphans import Orphans
from buildbot_lifecycle.act.release import Releaser
from buildbot_lifecycle.core.arguments import parse
from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.core.requests import LATE_END, STOP, Actor, ForceRequest, Refusal
from buildbot_lifecycle.host import clock, waits, workers
from buildbot_lifecycle.master import views
from buildbot_lifecycle.master.logbook import Known, Logbook
from buildbot_lifecycle.watch import instance
from tests.probe.support import Conn, Driven, Stage, hanging

ASKED = ForceRequest(episode=None, confirm="w", reason="the cloud says it is gone")


class Ledger:
    """`audit.Desk` and `logbook.Recording` in memory, in the order in which they were told."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.actions: list[dict[str, Any]] = []
        self.orphans: list[dict[str, Any]] = []
        self.closed: list[int] = []
        self.first: defer.Deferred[None] = defer.succeed(None)
        self.second: defer.Deferred[None] = defer.succeed(None)
        self.kept: dict[str, Any] = {}
        self.broken: set[str] = set()

    def _did(self, what: str, number: int) -> defer.Deferred[Any]:
        self.order.append(what)
        if what in self.broken:
            return defer.fail(OSError("no space"))
        return defer.succeed(number)

    def keep_action(self, row: Any, changes: Any) -> None: ...

    def keep_orphan(self, row: Any, token: str, closing: Any) -> None:
        self.kept[token] = closing

    def insert_action(self, row: Any) -> defer.Deferred[int]:
        self.actions.append(dict(row))
        waiting: defer.Deferred[Any] = defer.Deferred()
        self.first.addCallback(waiting.callback)
        return waiting.addCallback(lambda _: self._did("insert", len(self.actions)))

    def update_action(self, action_id: int, changes: Any) -> defer.Deferred[Any]:
        self.actions[action_id - 1].update(changes)
        return self._did("update", action_id)

    def open_orphan(self, row: Any) -> defer.Deferred[int]:
        self.orphans.append(dict(row))
        waiting: defer.Deferred[Any] = defer.Deferred()
        self.second.addCallback(waiting.callback)
        return waiting.addCallback(lambda _: self._did("orphan", len(self.orphans)))

    def close_orphan(self, orphan: int, workerid: int, by: Actor, note: str) -> defer.Deferred[Any]:
        self.closed.append(orphan)
        return self._did("close", orphan)

    def record(self, known: Known, event: Any, episodes: Any) -> None:
        if event.kind is not Kind.ACTION:
            self.order.append(f"{event.kind.value} {event.data.get('to', '')}".strip())
        if event.kind is Kind.CALL_ENDED:
            self.left.call_ended(known, event)

    def record_verdict(self, known: Known) -> None: ...

    left: Orphans


class Unending(Conn):
    """A connection whose transport ends neither by a polite close nor by an abort."""

    class protocol:
        class transport:
            aborted = False

            @classmethod
            def abortConnection(cls) -> None:
                cls.aborted = True

    @property
    def aborted(self) -> bool:
        return self.protocol.transport.aborted

    def loseConnection(self) -> None: ...

    def notifyDisconnected(self) -> None:
        super().loseConnection()


class Release(Stage):
    @defer.inlineCallbacks
    def stage(self, *, limit: float = 1, **arguments: Any) -> Any:
        self.settings = parse({"stuck_after": {"insubstantiating": limit}, **arguments})[0]
        yield self.setup_master(self.configuration(Driven("w")))
        self.ledger = Ledger()
        self.logbook = Logbook(self.reactor, lambda: self.settings, self.ledger)
        self.addCleanup(self.logbook.close)
        for watched in self.observe(self.logbook):
            self.logbook.baseline(watched)
        self.ledger.left = Orphans(self.reactor, self.ledger)
        audit = Audit(self.reactor, self.ledger, self.logbook)
        self.releaser = Releaser(
            self.reactor, self.logbook, audit, self.ledger.left, lambda: self.settings
        )

    @defer.inlineCallbacks
    def stuck(self, **arguments: Any) -> Any:
        """A worker whose stop hangs, and is stuck."""
        yield self.stage(**arguments)
        answer, self.given = hanging()
        self.answer("stop_instance", answer)
        self.ask()
        self.worker().insubstantiate()
        self.reactor.advance(2)
        self.ledger.order.clear()

    @property
    def known(self) -> Known:
        known = self.logbook.named("w")
        assert known is not None
        return known

    def force(self, request: ForceRequest = ASKED, **changes: Any) -> list[Any]:
        came: list[Any] = []
        asked = dataclasses.replace(request, **changes)
        defer.ensureDeferred(self.releaser.force(self.known, asked, Actor("user", "ann"))).addBoth(
            came.append
        )
        return came

    def refusal(self, came: list[Any]) -> Refusal:
        (failed,) = came
        assert isinstance(failed, Failure)
        assert isinstance(failed.value, Refusal)
        return failed.value

    @defer.inlineCallbacks
    def test_a_worker_that_is_heard_while_its_release_is_written_down_is_not_released(self) -> Any:
        yield self.stuck()
        heard: list[Known] = []
        self.logbook.hear = heard.append
        self.ledger.first = defer.Deferred()
        came = self.force()
        assert heard == [self.known]

        def hear(known: Known) -> None:
            self.settings = parse({"stuck_after": {"insubstantiating": 1000}})[0]

        self.logbook.hear = hear
        self.ledger.first.callback(None)
        assert self.refusal(came).code == "not_eligible"
        assert self.ledger.actions[0]["status"] == "refused"
        assert self.worker().state is States.INSUBSTANTIATING
        self.given[0].callback(True)

    @defer.inlineCallbacks
    def test_a_stuck_stop_is_released_and_everything_is_written_down(self) -> Any:
        yield self.stuck()
        (answer,) = self.force()
        assert answer.is_over
        assert self.worker().state is States.NOT_SUBSTANTIATED
        assert self.worker().isPaused()
        # Buildbot broadcasts it: the words are behind our own rights
        assert workers.pause_reason(self.worker()) == "force disconnect, action 1"
        action = self.ledger.actions[0]
        assert (action["status"], action["actor"]) == ("done", "ann")
        assert action["actor_kind"] == "user"
        assert action["outcome"] == "the worker is not_substantiated now, and paused"
        assert [(s["step"], s["done"]) for s in action["steps"]] == [
            ("pause", True),
            ("end_wait", True),
            ("open_orphan", True),
        ]
        assert action["verdict"]["level"] == "stuck"
        assert self.ledger.orphans[0]["why"] == "released by ann: the cloud says it is gone"
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_build_that_was_taken_before_the_pause_starts_no_new_instance(self) -> Any:
        yield self.stuck()
        self.force()
        came: list[Any] = []
        self.worker().substantiate(None, None).addBoth(came.append)
        assert came[0].check(LatentWorkerSubstantiatiationCancelled)
        assert self.worker().state is States.NOT_SUBSTANTIATED
        # and once somebody has unpaused it, it starts again
        self.worker().unpause()
        self.answer("stop_instance", True)
        self.worker().substantiate(None, None)
        assert self.worker().state is not States.NOT_SUBSTANTIATED
        yield self.worker().insubstantiate()
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_no_new_instance_is_started_while_the_master_stops(self) -> Any:
        yield self.stage()
        self.logbook.is_stopping = lambda: True
        came: list[Any] = []
        self.worker().substantiate(None, None).addBoth(came.append)
        assert came[0].check(LatentWorkerSubstantiatiationCancelled)
        assert self.worker().state is States.NOT_SUBSTANTIATED

    @defer.inlineCallbacks
    def test_the_action_is_written_before_anything_is_done(self) -> Any:
        yield self.stuck()
        self.ledger.first = defer.Deferred()
        came = self.force()
        assert self.worker().state is States.INSUBSTANTIATING
        assert not self.worker().isPaused()
        self.ledger.first.callback(None)
        assert came[0].is_over
        assert self.ledger.order[:3] == ["insert", "call_ended", "transition not_substantiated"]
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_where_the_action_cannot_be_written_nothing_is_done(self) -> Any:
        yield self.stuck()
        self.ledger.broken.add("insert")
        refused = self.refusal(self.force())
        assert refused.code == "behind"
        assert self.worker().state is States.INSUBSTANTIATING
        assert not self.worker().isPaused()
        self.flushLoggedErrors()
        self.given[0].callback(True)

    @defer.inlineCallbacks
    def test_a_stop_that_ends_while_the_action_is_written_is_left_alone(self) -> Any:
        yield self.stuck()
        self.ledger.first = defer.Deferred()
        came = self.force()
        self.given[0].callback(True)
        self.ledger.first.callback(None)
        assert self.refusal(came).code == "nothing_to_release"
        assert self.ledger.actions[0]["status"] == "refused"
        assert not self.worker().isPaused()
        assert self.ledger.orphans == []

    @defer.inlineCallbacks
    def test_two_who_ask_at_once_release_once(self) -> Any:
        yield self.stuck()
        self.ledger.first = defer.Deferred()
        one, other = self.force(), self.force()
        self.ledger.first.callback(None)
        assert one[0].is_over
        assert self.refusal(other).code == "nothing_to_release"
        assert len(self.ledger.actions) == 1
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_dry_run_does_and_writes_nothing(self) -> Any:
        yield self.stuck()
        (answer,) = self.force(dry_run=True, confirm="", reason="")
        assert answer.dry_run["eligible"] is True
        assert [s["step"] for s in answer.dry_run["steps"]] == ["pause", "end_wait", "open_orphan"]
        assert self.ledger.order == []
        assert self.worker().state is States.INSUBSTANTIATING
        self.given[0].callback(True)

    @defer.inlineCallbacks
    def test_a_wrong_name_is_refused(self) -> Any:
        yield self.stuck()
        assert self.refusal(self.force(confirm="v")).code == "wrong_confirmation"
        self.given[0].callback(True)

    @defer.inlineCallbacks
    def test_another_episode_than_the_one_that_was_looked_at_is_refused(self) -> Any:
        yield self.stuck()
        refused = self.refusal(self.force(episode=12))
        assert refused.code == "episode_changed"
        self.given[0].callback(True)

    @defer.inlineCallbacks
    def test_what_is_not_stuck_yet_needs_an_override(self) -> Any:
        yield self.stuck(limit=1000)
        assert self.refusal(self.force()).code == "not_eligible"
        (answer,) = self.force(override=True)
        assert answer.is_over
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_without_the_pause_the_worker_takes_builds_at_once(self) -> Any:
        yield self.stuck()
        (answer,) = self.force(pause=False)
        assert answer.is_over
        assert not self.worker().isPaused()
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_the_configured_pause_holds_where_none_is_asked_for(self) -> Any:
        yield self.stuck(pause_after_release=False)
        self.force()
        assert not self.worker().isPaused()
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_queued_build_is_cancelled_before_the_wait_ends_so_that_no_instance_starts(
        self,
    ) -> Any:
        yield self.stuck()
        queued = self.ask()
        (answer,) = self.force(override=True)
        assert answer.is_over
        assert len(queued) == 1
        assert self.worker().state is States.NOT_SUBSTANTIATED
        assert self.worker().made.count("start_instance") == 1
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_late_success_closes_the_orphan(self) -> Any:
        yield self.stuck()
        self.force()
        self.given[0].callback(True)
        assert self.ledger.closed == [1]
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_late_failure_leaves_the_orphan_open(self) -> Any:
        yield self.stuck()
        self.force()
        self.given[0].errback(RuntimeError("late"))
        assert self.ledger.closed == []
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_an_orphan_that_cannot_be_written_is_told_in_the_answer(self) -> Any:
        yield self.stuck()
        self.ledger.broken.add("orphan")
        (answer,) = self.force()
        assert answer.action["status"] == "failed"
        assert answer.action["steps"][-1]["detail"] == "could not be written"
        assert self.worker().state is States.NOT_SUBSTANTIATED
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_step_that_fails_does_not_keep_the_next_from_being_done(self) -> Any:
        yield self.stuck()

        def broken(reason: str) -> None:
            raise RuntimeError("no pause today")

        self.worker().pause = broken
        (answer,) = self.force()
        assert [s["done"] for s in answer.action["steps"]] == [False, True, True]
        assert answer.action["status"] == "failed"
        assert self.worker().state is States.NOT_SUBSTANTIATED
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_hanging_check_of_a_worker_that_builds_is_released_and_the_build_goes_on(self) -> Any:
        yield self.stage()
        self.settings = parse({"stuck_after": {"substantiating_starting": 1}})[0]
        answer, _given = hanging()
        self.answer("check_instance", answer)
        self.ask()
        self.reactor.advance(10)
        yield self.worker().attached(Conn())
        self.reactor.advance(2)
        (answered,) = self.force()
        assert answered.is_over
        assert self.worker().state is States.SUBSTANTIATED
        assert not workers.lock_is_held(self.worker())
        self.worker().conn.loseConnection()
        yield self.worker().insubstantiate()

    # the stop that follows a release

    @defer.inlineCallbacks
    def followed_by(self, stop: Any, name: str | None, *, start: Any = None) -> Any:
        """A start hangs (or ends with `start`, and nobody comes), is released, and this stop follows."""
        yield self.stage()
        self.settings = parse({"stuck_after": {"substantiating_starting": 1}})[0]
        answer, self.given = hanging()
        self.answer("start_instance", answer if start is None else start)
        self.answer("stop_instance", stop)
        self.worker().instance = name
        self.ask()
        self.reactor.advance(2)
        (answered,) = self.force()
        assert answered.is_over
        assert len(self.ledger.orphans) == 1
        self.flushLoggedErrors()

    def test_a_stop_that_says_true_of_a_named_instance_closes_the_entry(self) -> Any:
        return self.expect(True, "i-1", closed=True)

    def test_none_of_a_named_instance_closes_it_too(self) -> Any:
        return self.expect(None, "i-1", closed=True)

    def test_none_of_a_driver_that_may_know_of_nothing_does_not(self) -> Any:
        return self.expect(None, None, closed=False)

    def test_while_the_start_still_runs_and_may_make_an_instance_it_stays_open(self) -> Any:
        return self.expect(True, None, closed=False)

    def test_of_a_start_that_had_said_yes_true_and_none_close_it(self) -> Any:
        return self.expect(None, None, start=["i-1", "image"], closed=True)

    def test_a_stop_that_says_no_closes_nothing(self) -> Any:
        return self.expect(False, "i-1", start=True, closed=False)

    def test_a_stop_that_raises_closes_nothing(self) -> Any:
        return self.expect(lambda: defer.fail(RuntimeError("500")), "i-1", start=True, closed=False)

    @defer.inlineCallbacks
    def expect(self, stop: Any, name: str | None, *, closed: bool, start: Any = None) -> Any:
        yield self.followed_by(stop, name, start=start)
        assert self.ledger.closed == ([1] if closed else [])

    @defer.inlineCallbacks
    def test_a_start_that_ends_late_with_nothing_lets_the_stops_word_count(self) -> Any:
        yield self.followed_by(True, None)
        self.given[0].errback(RuntimeError("quota"))
        assert self.ledger.closed == [1]

    @defer.inlineCallbacks
    def test_a_start_that_ends_late_with_an_instance_leaves_the_entry_open(self) -> Any:
        yield self.followed_by(True, None)
        (token,) = self.known.watched.orphan_of
        self.given[0].callback(["i-9", "image"])
        assert self.ledger.closed == []
        # the entry of the late start closes it, once it is written
        assert self.ledger.left.of_late_start(token) == 1

    @defer.inlineCallbacks
    def test_an_entry_has_the_name_that_the_driver_knew_by_then(self) -> Any:
        stop, stops = hanging()
        yield self.followed_by(stop, "i-1")
        assert self.ledger.orphans[0]["instance"] == "i-1"
        stops[0].callback(True)
        assert self.ledger.closed == [1]

    # and an entry that has no number when its stop succeeds: the process may leave before it has

    @defer.inlineCallbacks
    def test_a_late_success_is_kept_with_an_entry_that_is_not_written_yet(self) -> Any:
        yield self.stuck()
        self.ledger.second = defer.Deferred()
        self.force()
        assert list(self.ledger.kept.values()) == []
        self.given[0].callback(True)
        assert [closing[0] for closing in self.ledger.kept.values()] == [LATE_END]
        self.ledger.second.callback(None)
        assert self.ledger.closed == [1]
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_the_stop_that_follows_is_kept_with_an_entry_that_is_not_written_yet(self) -> Any:
        yield self.stage()
        self.ledger.second = defer.Deferred()
        self.settings = parse({"stuck_after": {"substantiating_starting": 1}})[0]
        stop, stops = hanging()
        self.answer("start_instance", hanging()[0])
        self.answer("stop_instance", stop)
        self.worker().instance = "i-1"
        self.ask()
        self.reactor.advance(2)
        self.force()
        assert list(self.ledger.kept.values()) == []
        stops[0].callback(True)
        assert [closing[0] for closing in self.ledger.kept.values()] == [STOP]
        self.ledger.second.callback(None)
        assert self.ledger.closed == [1]
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_stop_that_failed_is_not_kept_as_an_end(self) -> Any:
        yield self.stuck()
        self.ledger.second = defer.Deferred()
        self.force()
        self.given[0].errback(RuntimeError("late"))
        assert list(self.ledger.kept.values()) == []
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_the_stop_of_a_later_instance_closes_nothing(self) -> Any:
        yield self.stuck()
        self.force()
        self.worker().unpause()
        self.answer("stop_instance", True)
        self.ask()
        yield self.worker().insubstantiate()
        assert self.ledger.closed == []
        self.flushLoggedErrors()

    # what had no effect

    def outside(self, call: str) -> defer.Deferred[Any]:
        """Another plugin has put its own wrapper around ours: Buildbot waits on that one."""
        mine: defer.Deferred[Any] = defer.Deferred()
        ours = getattr(self.worker(), call)

        def wrapper(*args: Any) -> Any:
            ours(*args).addErrback(lambda _: None)
            return mine

        setattr(self.worker(), call, wrapper)
        return mine

    @defer.inlineCallbacks
    def test_where_the_end_of_a_wait_has_no_effect_buildbots_own_wait_is_looked_for(self) -> Any:
        yield self.stage()
        answer, _given = hanging()
        self.answer("stop_instance", answer)
        waited_on = self.outside("stop_instance")
        self.ask()
        self.worker().insubstantiate()
        self.reactor.advance(2)
        came = self.force()
        assert self.worker().state is States.INSUBSTANTIATING
        assert came == [], "nothing is said before the effect was looked for"
        self.reactor.pump([0.1] * 25)
        assert waited_on.called
        assert self.worker().state is States.NOT_SUBSTANTIATED
        action = came[0].action
        assert [(s["target"], s["done"]) for s in action["steps"]] == [
            ("worker", True),
            ("stop_instance", False),
            ("found", True),
            ("instance", True),
        ]
        assert action["steps"][1]["detail"] == "Buildbot does not go on from stop_instance"
        assert action["status"] == "done"
        assert len(self.ledger.orphans) == 1
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_what_no_rung_had_an_effect_on_is_told_as_failed_and_opens_no_orphan(self) -> Any:
        yield self.stage()
        answer, _given = hanging()
        self.answer("stop_instance", answer)
        waited_on = self.outside("stop_instance")
        self.patch(waits, "release_found", lambda *_: False)
        self.ask()
        self.worker().insubstantiate()
        self.reactor.advance(2)
        came = self.force()
        self.reactor.pump([0.1] * 60)
        action = came[0].action
        assert [s["done"] for s in action["steps"]] == [True, False, False, None]
        assert action["steps"][2]["detail"] == "what Buildbot waits for was not found"
        assert action["status"] == "failed"
        assert action["outcome"] == (
            "had no effect: what Buildbot waits for was not found; the worker is insubstantiating"
        )
        assert self.ledger.orphans == []
        # it comes out by itself after all, and that is written down
        waited_on.callback(True)
        outcome = "the worker is not_substantiated now, and paused"
        assert self.ledger.actions[0]["outcome"] == outcome

    @defer.inlineCallbacks
    def test_a_connection_that_no_abort_ends_is_delivered(self) -> Any:
        yield self.stage()
        self.ask()
        conn = Unending()
        yield self.worker().attached(conn)
        self.worker().insubstantiate()
        self.reactor.advance(100)
        came = self.force(override=True)
        self.reactor.pump([0.1] * 25)
        assert conn.aborted
        assert self.worker().conn is None
        action = came[0].action
        assert [(s["step"], s["done"]) for s in action["steps"]] == [
            ("pause", True),
            ("abort_connection", False),
            ("deliver_disconnection", True),
            ("open_orphan", True),
        ]
        assert action["status"] == "done"

    @defer.inlineCallbacks
    def test_a_worker_at_rest_is_refused(self) -> Any:
        yield self.stage()
        assert self.refusal(self.force()).code == "nothing_to_release"
        assert self.ledger.actions == []


def test_a_refusal_is_an_exception_with_its_answer() -> None:
    with pytest.raises(Refusal, match="no") as raised:
        raise Refusal("not_eligible", "no", state="x")
    assert raised.value.details == {"state": "x"}

    # the instance's name

    @defer.inlineCallbacks
    def starting(self, held: Any) -> Any:
        """A start that does not end, and whose driver holds its instance already."""
        yield self.stage()
        pending: defer.Deferred[Any] = defer.Deferred()

        def start() -> Any:
            self.worker().instance = held
            return pending

        self.answer("start_instance", start)
        self.ask()
        return pending

    @defer.inlineCallbacks
    def test_a_released_start_leaves_an_orphan_with_the_name_that_the_driver_had_already(
        self,
    ) -> Any:
        yield self.starting({"Id": "i-1"})
        assert self.known.facts.instance is None, "nothing has told of it yet"
        (plan,) = self.force(dry_run=True, override=True)
        assert plan.dry_run["instance"] == "i-1"
        shown = views.live(self.known, self.known.verdict, 1, "m", clock.of(self.reactor))
        assert shown["instance"] == "i-1"
        (answer,) = self.force(override=True)
        assert answer.is_over
        assert self.ledger.orphans[0]["instance"] == "i-1"
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_the_name_is_recorded_when_the_worker_comes_before_the_start_has_ended(self) -> Any:
        yield self.starting({"Id": "i-1"})
        yield self.worker().attached(Conn())
        assert self.known.facts.instance == "i-1"

    @defer.inlineCallbacks
    def test_a_name_known_before_is_recorded_with_the_start_and_dropped_with_its_failure(
        self,
    ) -> Any:
        self.patch(instance, "KNOWN_BEFORE", {f"{__name__}.Pod": "name"})
        yield self.starting(None)
        assert self.known.facts.instance is None, "not of this class"
        self.patch(instance, "KNOWN_BEFORE", {f"{Driven.__module__}.Driven": "name"})
        pending = yield self.starting(None)
        assert self.known.facts.instance == "w"
        pending.errback(RuntimeError("no such image"))
        assert self.known.facts.instance is None
        self.flushLoggedErrors()

    # builds

    @defer.inlineCallbacks
    def test_the_dry_run_names_every_build_that_would_be_disturbed(self) -> Any:
        yield self.stuck()
        builds = [{"buildid": n, "builder": f"b{n}", "number": n} for n in (1, 2)]
        for build in builds:
            self.logbook.observe(self.known.watched, Kind.BUILD_STARTED, {"build": build})
        (plan,) = self.force(dry_run=True)
        assert [build["buildid"] for build in plan.dry_run["builds"]] == [1, 2]
        assert plan.dry_run["build"]["buildid"] == 1
