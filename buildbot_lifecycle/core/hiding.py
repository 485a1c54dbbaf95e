"""What a remote host or a cloud says, made fit to be shown: no secrets, no control characters.

A host echoes what it is given, as it stood or as a program writes it: quoted for a shell, in JSON, in a
URL. Texts are cut for people later; a secret that was cut in half could not be found any more, so
this comes first.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

#: Shorter texts are too common to be taken out of a log.
SHORTEST_SECRET = 4

#: The same for a line of a secret that has several: the host's words come line by line.
SHORTEST_LINE = 8

HIDDEN = "*" * 5

# Escapes that a terminal obeys, and marks that turn the order of what is read. Tabs are harmless.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def hider(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that takes these secrets out of a text."""
    forms = {form for secret in secrets for form in _forms(secret)}
    if not forms:
        return lambda text: text
    # the longest first: one secret may be part of another
    found = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
    return lambda text: found.sub(HIDDEN, text)


def visible(text: str) -> str:
    """A text whose control characters are written out; lines stay lines."""
    return _CONTROL.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


def _forms(secret: str) -> Iterator[str]:
    lines = secret.splitlines()
    parts = [secret, secret.strip(), *(line.strip() for line in lines if len(lines) > 1)]
    for part in parts:
        least = SHORTEST_SECRET if part in (secret, secret.strip()) else SHORTEST_LINE
        if len(part) < least:
            continue
        yield part
        yield shlex.quote(part)[1:-1] if shlex.quote(part) != part else part
        yield json.dumps(part)[1:-1]
        yield repr(part)[1:-1]
        yield quote(part, safe="")
