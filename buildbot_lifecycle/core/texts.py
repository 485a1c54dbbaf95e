"""Texts as they come from drivers, people and requests, made such that all of the world can hold them.

A text of Python's may have half of a surrogate pair in it: of a file's name that is not UTF-8, of JSON
that was cut, of a driver's own decoding. UTF-8 has no bytes for it, so encoders, databases and logs
refuse the whole text. Texts are made clean where they enter, so that nothing later has to ask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
