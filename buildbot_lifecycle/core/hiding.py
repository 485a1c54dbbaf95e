"""What a remote host or a cloud says, made fit to be shown: no secrets, no control characters.

A host echoes what it is given, as it stood or as a program writes it: quoted for a shell, in JSON, in a
URL. Texts are cut for people later; a secret that was cut in half could not be found any more, so
this comes first.
"""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator
from urllib.parse import quote, quote_plus

#: Shorter texts are too common to be taken out of a log.
SHORTEST_SECRET = 4

#: The same for a line of a secret that has several: the host's words come line by line.
SHORTEST_LINE = 8

#: The same for what a secret is in base64: a shorter one stands in many a text by chance.
SHORTEST_IN_BASE64 = 8

HIDDEN = "*" * 5

# Escapes that a terminal obeys, and marks that turn the order of what is read. Tabs are harmless.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def forms(secret: str, shortest: int = SHORTEST_SECRET, line: int = SHORTEST_LINE) -> set[str]:
    """A secret as it could stand in a text; of several lines each by itself. Too short ones are left."""
    lines = secret.splitlines()
    parts = {secret: shortest, secret.strip(): shortest}
    if len(lines) > 1:
        parts = {**{part.strip(): line for part in lines}, **parts}
    found = {form for part, least in parts.items() if len(part) >= least for form in _written(part)}
    return {form for form in found if len(form) >= shortest}


def hider(secrets: Iterable[str]) -> Callable[[str], str]:
    """A function that takes these secrets out of a text."""
    found = {form for secret in secrets for form in forms(secret)}
    if not found:
        return lambda text: text
    pattern = re.compile(any_of(found))
    return lambda text: pattern.sub(HIDDEN, text)


def any_of(texts: Collection[str], letters: int = 3) -> str:
    """A pattern of any of these texts, of which none is shorter than so many letters and one more.

    The longest first: one secret may be part of another. They are parted by their first letters, so that
    a thousand secrets cost no more at each place of a text than a few.
    """
    if letters == 0 or len(texts) == 1:
        return "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
    parted: dict[str, list[str]] = {}
    for text in texts:
        parted.setdefault(text[0], []).append(text[1:])
    return "|".join(
        f"{re.escape(first)}(?:{any_of(rest, letters - 1)})" for first, rest in parted.items()
    )


def visible(text: str) -> str:
    """A text whose control characters are written out; lines stay lines."""
    return _CONTROL.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"


def _written(text: str) -> Iterator[str]:
    """As programs write it: for a shell, in JSON, of Python, in an address, in a page, in a header."""
    yield text
    yield shlex.quote(text)[1:-1] if shlex.quote(text) != text else text
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    as_bytes = text.encode("utf-8", "surrogatepass")
    yield repr(as_bytes)[2:-1]
    for safe in ("", "/"):
        yield quote(as_bytes, safe=safe)
    yield quote_plus(as_bytes)
    yield html.escape(text)
    yield from _in_base64(as_bytes)


def _in_base64(secret: bytes) -> Iterator[str]:
    """As a secret of Kubernetes, or behind the name of a user, as in the header of a login by HTTP.

    Three bytes are four letters: of what begins or ends within four, only the letters that are all the
    secret's are looked for.
    """
    for before in range(3):
        written = base64.b64encode(bytes(before) + secret).decode("ascii").rstrip("=")
        first = -(-before * 8 // 6)
        last = (before + len(secret)) * 8 // 6
        inner = written[first:last]
        if len(inner) >= SHORTEST_IN_BASE64:
            yield inner
            yield inner.replace("+", "-").replace("/", "_")
