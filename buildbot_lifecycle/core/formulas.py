"""What a spreadsheet would calculate in a cell of CSV, made plain text."""

from __future__ import annotations

import re

#: Where a cell begins that spreadsheets calculate: at the text's begin, or at what may part cells. The
#: last four are the same signs as Japanese and Chinese keyboards write them.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?=[\s\"]*[=+\-@\uff1d\uff0b\uff0d\uff20])")

#: What hides the rest of a cell that begins with it.
_HIDES = ("\t", "\r", "\n")


def plain(text: str) -> str:
    """`text` with an apostrophe where a spreadsheet would take it for a formula."""
    text = _FORMULA.sub(r"\1'", text)
    return f"'{text}" if text.startswith(_HIDES) else text
