"""Answers: a status and JSON, in the one shape that all of the API has, errors included."""

from __future__ import annotations

import dataclasses
import re
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from buildbot_lifecycle.core.requests import Refusal
from buildbot_lifecycle.core.texts import cleaned
from buildbot_lifecycle.host.pauses import breath
from buildbot_lifecycle.shapes.base import Shape, names
from buildbot_lifecycle.www.hub import Request
from buildbot_lifecycle.www.statuses import BEARER, status_of

#: Things (rows, or those in their long lists) that are encoded without letting others have their turn:
#: two or three milliseconds of work.
AT_ONCE = 5000

#: Rows that are looked at one by one without letting others have their turn.
SLICE = 200

#: Bodies (bytes) from which on they are compressed, where the client takes it.
COMPRESS = 4096

#: Bytes of a long answer that are gathered before the first are sent; a shorter one has a length.
GATHER = 1 << 16

#: Bytes that are compressed without letting others have their turn; about a millisecond of work.
_PIECE = 1 << 16


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a handler answers: shapes, or what is left of them as JSON.

    ``rows`` come out under the key ``plural``, beside what is in ``fields``. Rows that have long
    lists themselves say under which of their keys: ``inner``.
    """

    fields: Mapping[str, Any]
    plural: str | None = None
    rows: Sequence[Any] = ()
    inner: str | None = None
    status: int = 200
    allow: tuple[str, ...] = ()
    #: In the place of JSON: the body and its content type.
    raw: bytes | None = None
    content_type: bytes = b"application/json; charset=utf-8"
    headers: Mapping[bytes, bytes] = dataclasses.field(default_factory=dict)
    #: In the place of `raw`: the body as it is made.
    made: AsyncIterator[bytes] | None = None
    #: Whether a long body is sent in parts, without its length.
    streamed: bool = False


def refused(refusal: Refusal) -> Answer:
    """The error shape: a sentence for a person, a word for a program, and details."""
    fields = {**refusal.details, "error": refusal.text, "code": refusal.code}
    after = refusal.details.get("retry_after_s")
    headers = {} if after is None else {b"retry-after": b"%d" % after}
    if refusal.code in BEARER:
        headers[b"www-authenticate"] = b'Bearer realm="metrics"'
    return Answer(fields, status=status_of(refusal.code), headers=headers)


def encode(value: Any) -> bytes:
    """JSON in UTF-8. NaN and infinity, which are no JSON, are null.

    Texts were made clean where they entered. One that was not is no reason to answer nothing.
    """
    try:
        return msgspec.json.encode(value, enc_hook=_plain)
    except UnicodeEncodeError:
        return msgspec.json.encode(cleaned(msgspec.to_builtins(value, enc_hook=_plain)))


def _plain(value: Any) -> Any:
    """A number or text of a class of its own, as msgspec wants them; of anything else its type's name."""
    for kind in (float, int, str):
        if isinstance(value, kind):
            return kind(value)
    return f"<{type(value).__name__}>"


async def encoded(answer: Answer, reactor: Any) -> bytes:
    """The body of an answer, in one; see `parts`."""
    return b"".join([part async for part in parts(answer, reactor)])


async def parts(answer: Answer, reactor: Any) -> AsyncIterator[bytes]:
    """The body of an answer; of a very long one in slices, between which the master goes on.

    No thread: to encode holds the interpreter's lock all the while, and the reactor's threads may all
    be taken by the very drivers that hang.
    """
    if answer.made is not None:
        async for part in answer.made:
            yield part
    elif answer.raw is not None:
        yield answer.raw
    elif answer.plural is None:
        yield encode(answer.fields)
    elif sum(_weight(row, answer.inner) for row in answer.rows) <= AT_ONCE:
        yield encode({answer.plural: answer.rows, **answer.fields})
    else:
        # What cannot be said is found before anything has been sent.
        rest = encode(answer.fields)[1:]
        yield b'{"%s":[' % answer.plural.encode("ascii")
        for part in _parts(answer.rows, answer.inner):
            yield part
            await breath(reactor)
        yield b"]%s%s" % (b"," if answer.fields else b"", rest)


async def gathered(made: AsyncIterator[bytes]) -> bytes:
    """What comes first of `made`: `GATHER` bytes or some more, or all that there is."""
    found: list[bytes] = []
    size = 0
    async for part in made:
        found.append(part)
        size += len(part)
        if size >= GATHER:
            break
    return b"".join(found)


async def chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """`first`, and then `rest`."""
    yield first
    async for part in rest:
        yield part


def _weight(row: Any, inner: str | None) -> int:
    return 1 if inner is None else 1 + len(row[inner])


def _parts(rows: Sequence[Any], inner: str | None) -> Iterator[bytes]:
    """The JSON of rows, without the brackets around them, in parts of `AT_ONCE` things each."""
    some: list[Any] = []
    weight, comma = 0, b""
    for row in rows:
        own = _weight(row, inner)
        if some and weight + own > AT_ONCE:
            yield comma + _joined(some)
            some, weight, comma = [], 0, b","
        if inner is not None and own > AT_ONCE:
            yield from _long_row(row, inner, comma)
            comma = b","
            continue
        some.append(row)
        weight += own
    if some:
        yield comma + _joined(some)


def _long_row(row: Any, inner: str, comma: bytes) -> Iterator[bytes]:
    """One row whose list is too long to be encoded at once."""
    shape: type[Shape] = type(row)
    head = encode({name: row[name] for name in names(shape) if name != inner})[:-1]
    yield comma + head + b',"%s":[' % inner.encode("ascii")
    things = row[inner]
    for start in range(0, len(things), AT_ONCE):
        yield (b"," if start else b"") + _joined(things[start : start + AT_ONCE])
    yield b"]}"


def _joined(things: Sequence[Any]) -> bytes:
    return encode(things)[1:-1]


def takes_gzip(accepted: bytes | None) -> bool:
    """Whether an Accept-Encoding header lets us compress."""
    for part in (accepted or b"").lower().split(b","):
        name, _, rest = part.partition(b";")
        if name.strip() in (b"gzip", b"x-gzip", b"*"):
            return not re.fullmatch(rb"\s*q\s*=\s*0(\.0*)?\s*", rest)
    return False


async def each(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Pieces of a body that are there already."""
    for piece in pieces:
        yield piece


async def gzipped(body: AsyncIterator[bytes], reactor: Any) -> AsyncIterator[bytes]:
    """The parts of `body` as gzip, made in pieces between which the master goes on.

    Twisted's own encoder would compress megabytes in one go, in the reactor's thread.
    """
    gzip = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    async for part in body:
        for start in range(0, len(part), _PIECE):
            piece = gzip.compress(part[start : start + _PIECE])
            if piece:
                yield piece
            await breath(reactor)
    yield gzip.flush()


def write_head(request: Request, answer: Answer, length: int | None) -> None:
    """Status, length (if it is known) and type of an answer whose body follows."""
    request.setResponseCode(answer.status)
    request.setHeader(b"content-type", answer.content_type)
    for name, value in answer.headers.items():
        request.setHeader(name, value)
    if length is not None:
        request.setHeader(b"content-length", b"%d" % length)
    if answer.allow:
        request.setHeader(b"allow", ", ".join(answer.allow).encode("ascii"))
