"""Patterns that never count, since one that stands before them matches all that they match.

An exemption that stands there would be ignored: nobody may learn that from a worker that was released.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence

_WILD = frozenset("*?[")


def shadow(pattern: str, before: Sequence[str]) -> str | None:
    """The first of the patterns before it that takes all of its names; None where it takes some itself.

    Told is what is certain: of two patterns with brackets, or question marks, nothing is said.
    """
    return next((each for each in before if _takes_all(each, pattern)), None)


def _takes_all(earlier: str, later: str) -> bool:
    if not _WILD & set(later):
        return fnmatch.fnmatchcase(later, earlier)
    # a star takes whatever the other's star and question mark stand for; they are no letters of its own
    is_plain = not {"?", "["} & set(earlier) and "[" not in later
    return is_plain and fnmatch.fnmatchcase(later, earlier)
