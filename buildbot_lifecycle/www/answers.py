"""Answers: a status and JSON, in the one shape that all of the API has, errors included."""

from __future__ import annotations

import dataclasses
import json
import re
import zlib
from collections.abc import Mapping, Sequence
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

    ``rows`` come out under the key ``plural``, beside what is in ``fields``.
    """

    fields: Mapping[str, Any]
    plural: str | None = None
    rows: Sequence[Mapping[str, Any]] = ()
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
    if len(answer.rows) <= SLICE:
        return encode({answer.plural: answer.rows, **answer.fields})
    slices = []
    for start in range(0, len(answer.rows), SLICE):
        part = json.dumps(
            answer.rows[start : start + SLICE], separators=(",", ":"), allow_nan=False
        )
        slices.append(part[1:-1].encode("ascii"))
        await task.deferLater(reactor, 0, lambda: None)
    rest = encode(answer.fields)[1:]
    return b'{"%s":[%s]%s%s' % (
        answer.plural.encode("ascii"),
        b",".join(slices),
        b"," if answer.fields else b"",
        rest,
    )


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
