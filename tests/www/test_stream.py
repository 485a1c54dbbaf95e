"""Long answers are sent as fast as the client takes them, by a bounded number at a time."""

from __future__ import annotations

import csv
import io
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet import defer, task

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.www.routes import MOST_TABLES
from buildbot_lifecycle.www.stream import PATIENCE, RETRY_AFTER, Gate, Sender
from tests.harness.waiting import wait_until
from tests.www.client import API
from tests.www.served import Served


class Client:
    """A request whose client takes what the test lets it take."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = 0
        self.producer: Any = None
        self.channel: Any = SimpleNamespace(transport=self)
        self.takes = True

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: N802
        assert streaming
        self.producer = producer

    def unregisterProducer(self) -> None:  # noqa: N802
        assert self.channel is not None, "Twisted fails here once the connection is lost"
        self.producer = None

    def leave(self, sent: defer.Deferred[None]) -> None:
        """As Twisted and Klein tell of a lost connection."""
        self.channel, producer = None, self.producer
        producer.stopProducing()
        sent.cancel()

    def write(self, data: bytes) -> None:
        self.written.append(data)
        if not self.takes:
            self.producer.pauseProducing()

    def abortConnection(self) -> None:  # noqa: N802
        self.aborted += 1


class Making:
    """Makes parts, and counts them."""

    made = 0

    async def parts(self) -> AsyncIterator[bytes]:
        for number in range(100):
            self.made += 1
            yield b"%d" % number


def sending(client: Client, making: Making, clock: task.Clock) -> tuple[Any, list[Any]]:
    done: list[Any] = []
    request: Any = client
    sent = defer.ensureDeferred(Sender(request, clock).send(making.parts()))
    sent.addBoth(done.append)
    return sent, done


def test_a_client_that_takes_everything_gets_everything() -> None:
    client, making = Client(), Making()
    _, done = sending(client, making, task.Clock())
    assert done == [None]
    assert len(client.written) == 100
    assert client.producer is None


def test_no_part_is_made_before_those_before_it_are_taken() -> None:
    client, making, clock = Client(), Making(), task.Clock()
    client.takes = False
    _, done = sending(client, making, clock)
    for number in range(1, 6):
        assert (making.made, len(client.written)) == (number, number)
        client.producer.resumeProducing()
    client.takes = True
    client.producer.resumeProducing()
    assert done == [None]
    assert clock.getDelayedCalls() == []


def test_a_client_that_takes_nothing_is_given_up_after_a_while() -> None:
    client, making, clock = Client(), Making(), task.Clock()
    client.takes = False
    sent, done = sending(client, making, clock)
    clock.advance(PATIENCE - 1)
    assert client.aborted == 0
    clock.advance(1)
    assert client.aborted == 1
    client.leave(sent)
    assert done[0].check(defer.CancelledError)
    assert making.made == 1


def test_a_client_that_leaves_ends_the_making() -> None:
    client, making, clock = Client(), Making(), task.Clock()
    client.takes = False
    sent, _ = sending(client, making, clock)
    client.leave(sent)
    assert making.made == 1
    assert clock.getDelayedCalls() == []


def test_a_gate_lets_so_many_through_and_no_more() -> None:
    gate = Gate(2)
    with gate.passed(), gate.passed():
        with pytest.raises(Refusal) as caught, gate.passed():
            pass
        assert caught.value.code == "busy"
        assert caught.value.details == {"retry_after_s": RETRY_AFTER}
    with pytest.raises(KeyError), gate.passed():
        raise KeyError
    assert gate.inside == 0


#: Rows of the double's history: a table of some 45 MB, far more than sockets hold.
ROWS = 100_000


@pytest.fixture
def large(tmp_path: Path) -> Iterator[Served]:
    with Served(tmp_path, f"--rows={ROWS}") as served:
        yield served


def pages(served: Served) -> int:
    return int(served.client.send("GET", "/test/writes").json["pages"])


def ask_and_do_not_read(served: Served, path: str) -> socket.socket:
    """A client that asks and takes nothing: its own buffer is as small as can be."""
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    asking.connect(("127.0.0.1", served.client.port))
    asking.sendall(f"GET {API}/v1{path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return asking


def settled(served: Served) -> int:
    """The pages of history that were asked for, once their number stays the same."""
    seen = [-1, -1, -1]

    def stays() -> bool:
        seen.append(pages(served))
        return seen[-1] > 0 and len(set(seen[-4:])) == 1

    wait_until(stays, 60, what="no further page")
    return seen[-1]


@pytest.mark.process
def test_a_large_table_comes_whole_in_parts(large: Served) -> None:
    reply = large.client.get("/actions.csv?field=id")
    rows = list(csv.reader(io.StringIO(reply.body.decode())))
    assert [row[0] for row in rows] == ["id", *(str(n) for n in range(ROWS, 0, -1))]
    assert reply.headers["Transfer-Encoding"] == "chunked"
    assert "Content-Length" not in reply.headers
    assert "Link" not in reply.headers


@pytest.mark.process
def test_a_large_table_that_is_cut_announces_the_rest_before_it_comes(large: Served) -> None:
    reply = large.client.get("/actions.csv?field=id&limit=5000")
    assert reply.body.count(b"\r\n") == 5001
    assert f"before={ROWS - 4999}>" in reply.headers["Link"]


@pytest.mark.process
def test_tables_that_nobody_reads_stop_and_a_fifth_is_told_to_come_again(large: Served) -> None:
    asking = [ask_and_do_not_read(large, "/actions.csv") for _ in range(MOST_TABLES)]
    wait_until(lambda: pages(large) >= MOST_TABLES, what="all of them have begun")
    # Far from the hundred pages that each of them has: what is not taken is not made.
    assert settled(large) < MOST_TABLES * 40
    for path in ("/actions.csv?limit=1", "/orphans.csv?limit=1"):
        reply = large.client.get(path)
        assert (reply.status, reply.code) == (503, "busy")
        assert reply.headers["Retry-After"] == str(RETRY_AFTER)
    assert large.client.get("/actions?limit=1").status == 200
    before = pages(large)
    for each in asking:
        each.close()
    wait_until(lambda: large.client.get("/actions.csv?limit=1").status == 200, what="a free place")
    assert pages(large) < before + 50
    assert "Traceback" not in large.log()
