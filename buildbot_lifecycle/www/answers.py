"""Answers: a status and JSON, in the one shape that all of the API has, errors included."""

from __future__ import annotations

import dataclasses
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twisted.internet import task

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.www.hub import Request

#: Rows that are encoded without letting others have their turn; some milliseconds of work.
SLICE = 200

#: Bodies (bytes) from which on they are compressed, where the client takes it.
COMPRESS = 4096

#: Bytes that are compressed without letting others have their turn; about a millisecond of work.
_PIECE = 1 << 16


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a handler answers.

    ``rows`` come out under the key ``plural``, beside what is in ``fields``. Rows that have long
    lists themselves say under which of their keys: ``inner``.
    """

    fields: Mapping[str, Any]
    plural: str | None = None
    rows: Sequence[Mapping[str, Any]] = ()
    inner: str | None = None
    status: int = 200
    allow: tuple[str, ...] = ()
    #: In the place of JSON: the body and its content type.
    raw: bytes | None = None
    content_type: bytes = b"application/json; charset=utf-8"
    headers: Mapping[bytes, bytes] = dataclasses.field(default_factory=dict)


def refused(refusal: Refusal) -> Answer:
    """The error shape: a sentence for a person, a word for a program, and details."""
    fields = {**refusal.details, "error": refusal.text, "code": refusal.code}
    return Answer(fields, status=refusal.status)


def encode(fields: Mapping[str, Any]) -> bytes:
    """JSON in ASCII: whatever a driver put into a text, also half of a surrogate pair, passes.

    Raises ValueError for NaN and infinity, which are no JSON.
    """
    return json.dumps(fields, separators=(",", ":"), allow_nan=False).encode("ascii")


async def encoded(answer: Answer, reactor: Any) -> bytes:
    """The body of an answer; of a long one in slices, between which the master goes on.

    No thread: json.dumps holds the interpreter's lock all the while, and the reactor's threads may
    all be taken by the very drivers that hang.
    """
    if answer.raw is not None:
        return answer.raw
    if answer.plural is None:
        return encode(answer.fields)
    if answer.inner is None and len(answer.rows) <= SLICE:
        return encode({answer.plural: answer.rows, **answer.fields})
    parts = []
    for part in _parts(answer.rows, answer.inner):
        parts.append(part)
        await task.deferLater(reactor, 0, lambda: None)
    rest = encode(answer.fields)[1:]
    return b'{"%s":[%s]%s%s' % (
        answer.plural.encode("ascii"),
        b"".join(parts),
        b"," if answer.fields else b"",
        rest,
    )


def _parts(rows: Sequence[Mapping[str, Any]], inner: str | None) -> Iterator[bytes]:
    """The JSON of rows, without the brackets around them, in parts of `SLICE` things each."""
    some: list[Mapping[str, Any]] = []
    weight, comma = 0, b""
    for row in rows:
        own = 1 if inner is None else 1 + len(row[inner])
        if some and weight + own > SLICE:
            yield comma + _joined(some)
            some, weight, comma = [], 0, b","
        if inner is not None and own > SLICE:
            yield from _long_row(row, inner, comma)
            comma = b","
            continue
        some.append(row)
        weight += own
    if some:
        yield comma + _joined(some)


def _long_row(row: Mapping[str, Any], inner: str, comma: bytes) -> Iterator[bytes]:
    """One row whose list is too long to be encoded at once."""
    head = encode({name: value for name, value in row.items() if name != inner})[:-1]
    yield comma + head + b',"%s":[' % inner.encode("ascii")
    things = row[inner]
    for start in range(0, len(things), SLICE):
        yield (b"," if start else b"") + _joined(things[start : start + SLICE])
    yield b"]}"


def _joined(things: Sequence[Any]) -> bytes:
    return json.dumps(things, separators=(",", ":"), allow_nan=False)[1:-1].encode("ascii")


def takes_gzip(accepted: bytes | None) -> bool:
    """Whether an Accept-Encoding header lets us compress."""
    for part in (accepted or b"").lower().split(b","):
        name, _, rest = part.partition(b";")
        if name.strip() in (b"gzip", b"x-gzip", b"*"):
            return not re.fullmatch(rb"\s*q\s*=\s*0(\.0*)?\s*", rest)
    return False


async def compressed(body: bytes, reactor: Any) -> bytes:
    """`body` as gzip, made in pieces between which the master goes on.

    Twisted's own encoder would compress megabytes in one go, in the reactor's thread.
    """
    gzip = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    pieces = []
    for start in range(0, len(body), _PIECE):
        pieces.append(gzip.compress(body[start : start + _PIECE]))
        await task.deferLater(reactor, 0, lambda: None)
    return b"".join([*pieces, gzip.flush()])


def write_head(request: Request, answer: Answer, length: int) -> None:
    """Status, length and type of an answer whose body follows."""
    request.setResponseCode(answer.status)
    request.setHeader(b"content-type", answer.content_type)
    for name, value in answer.headers.items():
        request.setHeader(name, value)
    request.setHeader(b"content-length", b"%d" % length)
    if answer.allow:
        request.setHeader(b"allow", ", ".join(answer.allow).encode("ascii"))
