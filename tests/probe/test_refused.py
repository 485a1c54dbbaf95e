"""A worker that comes back after its stop is refused: what Buildbot then waits for, and how it ends.

Real connections of Perspective Broker over a transport in memory (Buildbot's `pb.Connection`,
Twisted's `Broker`), a real master, a real worker.
"""

from __future__ import annotations

import gc
from typing import Any

from buildbot.worker.protocols import pb
from twisted.internet import defer
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.spread.pb import Broker

from buildbot_lifecycle.core.events import Kind
from buildbot_lifecycle.host import connections, workers
from buildbot_lifecycle.watch.probe import PROBE
from tests.probe.support import Driven, Stage

REFUSED = "Worker w received connection while not trying to substantiate.Disconnecting."


class Wire(StringTransportWithDisconnection):
    """A transport that closes when it is told to, or (frozen) only when it is aborted."""

    frozen = False

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        if not self.frozen:
            super().loseConnection()

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        super().loseConnection()


class Mind:
    """The remote end, as much of it as a connection needs to be dropped."""

    def __init__(self, frozen: bool = False) -> None:
        self.broker = Broker()
        wire = Wire()
        wire.frozen = frozen
        wire.protocol = self.broker
        self.broker.makeConnection(wire)


class Refused(Stage):
    def come_back(self, frozen: bool = False) -> tuple[Any, list[Any]]:
        """A worker process logs in that nobody waits for: its connection, and what came of it."""
        worker = self.worker()
        conn = pb.Connection(self.master, worker, Mind(frozen))
        conn.info = {}
        self.master.workers.connections["w"] = conn

        def remove() -> None:
            del self.master.workers.connections["w"]

        conn.notifyOnDisconnect(remove)  # as WorkerManager.newConnection does
        came: list[Any] = []
        worker.attached(conn).addErrback(came.append)
        return conn, came

    def waits(self) -> bool:
        return workers.has_unfinished(self.worker())

    @defer.inlineCallbacks
    def test_stock_waits_for_a_refused_connection_that_has_closed_long_since(self) -> Any:
        yield self.play(Driven("w"), observed=False)
        conn, came = self.come_back()
        assert came[0].getErrorMessage() == REFUSED
        assert connections.is_closed(conn)
        self.reactor.advance(3600)
        assert self.waits()
        conn.notifyDisconnected()
        self.reactor.advance(1)

    @defer.inlineCallbacks
    def test_the_refusal_passes_through_unchanged_and_the_connection_is_held(self) -> Any:
        yield self.play(Driven("w"))
        _, came = self.come_back()
        assert came[0].check(RuntimeError)
        assert came[0].getErrorMessage() == REFUSED
        (told,) = self.notes.of(Kind.REFUSED)
        assert told["held"] is True
        assert told["reason"] == REFUSED
        assert len(self.watched().held) == 1
        assert self.waits(), "the observer corrects nothing by itself"
        PROBE.deliver(self.watched(), self.watched().held[0])
        self.reactor.advance(1)

    @defer.inlineCallbacks
    def test_a_delivery_lets_the_wait_end_and_tells_so_once(self) -> Any:
        yield self.play(Driven("w"))
        self.come_back()
        (refused,) = self.watched().held
        PROBE.deliver(self.watched(), refused)
        PROBE.deliver(self.watched(), refused)
        self.reactor.advance(1)
        assert not self.waits()
        assert self.watched().held == []
        assert [d["delivered"] for d in self.notes.of(Kind.REFUSED_CLOSED)] == [False, True]
        assert "w" not in self.master.workers.connections

    @defer.inlineCallbacks
    def test_a_delivery_puts_a_newer_connection_back(self) -> Any:
        yield self.play(Driven("w"))
        self.come_back()
        newer = object()
        self.master.workers.connections["w"] = newer
        PROBE.deliver(self.watched(), self.watched().held[0])
        assert self.master.workers.connections == {"w": newer}
        self.reactor.advance(1)
        assert not self.waits()

    @defer.inlineCallbacks
    def test_a_connection_that_does_not_close_is_aborted_and_delivered_then(self) -> Any:
        yield self.play(Driven("w"))
        conn, _ = self.come_back(frozen=True)
        assert not connections.is_closed(conn)
        PROBE.deliver(self.watched(), self.watched().held[0])
        self.reactor.advance(1)
        assert connections.is_closed(conn)
        assert not self.waits()

    @defer.inlineCallbacks
    def test_several_refused_connections_are_each_delivered(self) -> Any:
        yield self.play(Driven("w"))
        for _ in range(3):
            self.come_back()
        assert len(self.watched().held) == 3
        for refused in self.watched().held:
            PROBE.deliver(self.watched(), refused)
        self.reactor.advance(1)
        assert not self.waits()

    @defer.inlineCallbacks
    def test_what_is_open_is_told_apart_from_what_a_stop_would_still_wait_for(self) -> Any:
        yield self.play(Driven("w"))
        for frozen in (False, True, False, True, False):
            self.come_back(frozen)
        watched = self.watched()
        assert (len(watched.held), watched.refused_open) == (5, 2)
        for refused in watched.held:
            PROBE.deliver(watched, refused)
        self.reactor.advance(1)
        assert (len(watched.held), watched.refused_open) == (0, 0)

    @defer.inlineCallbacks
    def test_a_worker_that_is_removed_does_not_wait_for_a_refused_connection(self) -> Any:
        # In stock 4.3 the reconfig would never end, and no worker could log in any more.
        yield self.play(Driven("w"))
        self.come_back()
        yield self.reconfig_master(self.configuration())
        assert "w" not in self.master.workers.workers
        assert self.notes.of(Kind.REMOVED) == [{}]

    @defer.inlineCallbacks
    def test_a_worker_that_is_removed_does_not_wait_for_a_frozen_one(self) -> Any:
        yield self.play(Driven("w"))
        self.come_back(frozen=True)
        yield self.reconfig_master(self.configuration())
        assert "w" not in self.master.workers.workers

    @defer.inlineCallbacks
    def test_a_connection_refused_while_the_worker_stops_is_delivered_when_it_closes(self) -> Any:
        yield self.play(Driven("w", build_wait_timeout=600))
        hanging: defer.Deferred[bool] = defer.Deferred()
        self.answer("stop_instance", lambda: hanging)
        self.ask()
        worker = self.worker()
        stopping = worker.stopService()
        self.come_back()
        assert self.watched().held == []
        hanging.callback(True)
        yield stopping
        worker.stopService = lambda: None
        self.flushLoggedErrors()

    @defer.inlineCallbacks
    def test_a_connection_refused_before_the_probe_came_is_found_and_can_be_delivered(self) -> Any:
        yield self.play(Driven("w"), observed=False)
        conn, _ = self.come_back()
        self.observe()
        (refused,) = self.watched().held
        assert refused.conn is conn
        assert self.notes.of(Kind.REFUSED) == []
        PROBE.deliver(self.watched(), refused)
        self.reactor.advance(1)
        assert not self.waits()
        assert self.watched().held == []

    @defer.inlineCallbacks
    def test_where_the_refused_connection_is_garbage_the_workers_stop_can_still_be_let_go_on(
        self,
    ) -> Any:
        yield self.play(Driven("w"), observed=False)
        self.come_back()
        del self.master.workers.connections["w"]
        gc.collect()
        self.observe()
        assert self.watched().held == []
        assert self.waits(), "nothing is left that could end it"
        stopping = self.worker()._deferwaiter.wait()
        assert not stopping.called
        assert workers.end_lost_wait(self.worker())
        assert stopping.called
        self.worker()._deferwaiter._waited_count = 0  # for the stop of this test's master
