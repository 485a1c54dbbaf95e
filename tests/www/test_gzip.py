"""Long answers are compressed for who takes it, and the master goes on meanwhile."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest

from buildbot_lifecycle.www.answers import takes_gzip
from tests.www.client import API
from tests.www.served import Served


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The double with 5,000 workers."""
    with Served(tmp_path_factory.mktemp("many"), "--many", "5000") as served:
        yield served


def get(server: Served, path: str, accepted: str) -> Any:
    return server.client.send("GET", f"{API}/v1{path}", headers={"Accept-Encoding": accepted})


def test_5000_workers_come_compressed_and_are_the_same(many: Served) -> None:
    plain = get(many, "/workers", "identity")
    packed = get(many, "/workers", "br, gzip;q=0.5")
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["Vary"] == "Origin, Accept-Encoding"
    assert int(packed.headers["Content-Length"]) == len(packed.body)
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 10


@pytest.mark.parametrize("path", ["/health", "/workers/nobody", "/workers/calm"])
def test_a_short_answer_is_left_as_it_is(double: Served, path: str) -> None:
    reply = get(double, path, "gzip")
    assert "Content-Encoding" not in reply.headers
    json.loads(reply.body)


def test_a_head_tells_of_the_same_encoding(many: Served) -> None:
    headers = {"Accept-Encoding": "gzip"}
    reply = many.client.send("HEAD", f"{API}/v1/workers", headers=headers)
    assert reply.headers["Content-Encoding"] == "gzip"
    assert reply.body == b""


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        (None, False),
        (b"", False),
        (b"identity", False),
        (b"gzip", True),
        (b"GZIP", True),
        (b"deflate, gzip;q=1.0, *;q=0.5", True),
        (b"*", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000", False),
        (b"gzip;q=0.001", True),
        (b"gzipped", False),
    ],
)
def test_who_takes_gzip(header: bytes | None, taken: bool) -> None:
    assert takes_gzip(header) is taken
