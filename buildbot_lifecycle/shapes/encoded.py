"""A shape with its JSON, which is made once and sent often."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

#: The last field of a `Worker`: as of when all the others are true.
_AS_OF = b'"updated_at":'

#: Makes JSON of a value.
Encode = Callable[[Any], bytes]


class Encoded:
    """One worker as it is shown, until something of it changes.

    Of a worker that is looked at now, ``updated_at`` is the one field that changes with each look: it is
    the last of the JSON, and is put in when many are joined. One that was only read has its own.
    """

    __slots__ = ("_json", "is_now", "summary", "value")

    def __init__(self, value: Any, *, is_now: bool = True) -> None:
        #: the shape, or what is left of it as JSON
        self.value = value
        #: whether it is looked at whenever it is shown
        self.is_now = is_now
        #: what those see who see no details; None: nobody has asked yet
        self.summary: Encoded | None = None
        self._json: bytes | None = None

    def __getitem__(self, name: str) -> Any:
        return self.value[name]

    def json(self, encode: Encode) -> bytes:
        """Its JSON; where `is_now`, up to the value of ``updated_at``."""
        if self._json is None:
            body = encode(self.value)
            self._json = body[: body.rindex(_AS_OF) + len(_AS_OF)] if self.is_now else body
        return self._json


def joined(rows: Sequence[Encoded], at: float, encode: Encode) -> bytes:
    """Rows as JSON with commas between them, as of one moment; at least one."""
    end = encode(at) + b"}"
    if all(row.is_now for row in rows):
        return (end + b",").join([row.json(encode) for row in rows]) + end
    return b",".join([row.json(encode) + (end if row.is_now else b"") for row in rows])
