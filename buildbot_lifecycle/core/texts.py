"""Texts as they come from drivers, people and requests, made such that all of the world can hold them.

A text of Python's may have half of a surrogate pair in it: of a file's name that is not UTF-8, of JSON
that was cut, of a driver's own decoding. UTF-8 has no bytes for it, so encoders, databases and logs
refuse the whole text. Texts are made clean where they enter, so that nothing later has to ask.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

#: Kinds of characters that can be seen: letters, numbers, punctuation, symbols.
_SEEN = ("L", "N", "P", "S")

#: Letters and symbols by name that show nothing all the same: Hangul fillers, the empty Braille cell.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")

#: Characters of the longest name of a person that is kept; an address of e-mail has 254 at most.
MAX_NAME = 255


def clean(text: str) -> str:
    """`text` with each half of a surrogate pair as its escape (``\\ud83d``); mostly it has none."""
    text = str.__str__(text)  # of a class of their own, texts of drivers are not taken along
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text


def can_be_seen(character: str) -> bool:
    """Whether a person sees it; a space, a control character and half of a pair are not seen."""
    return character not in _BLANK and unicodedata.category(character).startswith(_SEEN)


def person(name: str) -> str:
    """A person's name as it is written down: in one line, nothing in it that is not seen.

    A login may tell anything. An end of line would make two of one line of a log; a mark that turns the
    direction of writing, or one of no width, would make one user's name look like another's. Each stands
    there as its escape (``\\n``).
    """
    text = clean(name).strip()
    if not text.isascii() or not text.isprintable():
        text = "".join(each if _stays(each) else _escape(each) for each in text)
    return text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 1]}…"


def _stays(character: str) -> bool:
    if unicodedata.category(character).startswith("M"):  # an accent, the vowel of a consonant
        return unicodedata.name(character, "").find("VARIATION SELECTOR") < 0
    return character == " " or can_be_seen(character)


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def cleaned(value: Any) -> Any:
    """A JSON value whose texts and keys are clean; what JSON does not know stays as it is."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {_key(key): cleaned(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [cleaned(each) for each in value]
    return value


def _key(key: Any) -> Any:
    return clean(key) if isinstance(key, str) else key
