"""Secrets are taken out of texts before anything is stored or told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from buildbot_lifecycle.core.hiding import any_of, forms

#: Shortest secret (characters) that is looked for: a shorter one is part of ordinary words.
SHORTEST = 4

#: Shortest line of a secret of several lines (a key) that is looked for by itself.
SHORTEST_LINE = 16

#: A password in an address, as clients of clouds put it into their errors.
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]+(?=@)")

#: What stands in a secret's place where no better name is known.
GONE = "***"


class Redactor:
    """Takes known secrets out of texts, each for its name in brackets; and passwords of addresses."""

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        """``secrets`` by their value: the name of each."""
        by_form = {
            form: name
            for value, name in (secrets or {}).items()
            for form in forms(value, SHORTEST, SHORTEST_LINE)
        }
        self._names = by_form
        self._any = re.compile(any_of(by_form)) if by_form else None

    def text(self, text: str) -> str:
        """`text` without secrets."""
        if self._any is not None:
            text = self._any.sub(lambda found: f"<{self._names[found[0]]}>", text)
        return _IN_ADDRESS.sub(GONE, text) if "://" in text else text

    def value(self, value: Any) -> Any:
        """A JSON value without secrets in its texts; keys stay."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(each) for each in value]
        return value


def of_pairs(pairs: Iterable[tuple[str, Any]]) -> Redactor:
    """Of (name, value); what is no text is no secret that could stand in one."""
    return Redactor({value: name for name, value in pairs if isinstance(value, str) and value})
