"""Tables as CSV (RFC 4180), for auditors and spreadsheets.

The columns are the fields of the JSON answer, in its order; times are in ISO 8601, in UTC; lists and
objects are JSON. What a spreadsheet would take for a formula gets an apostrophe before it: the
reason of a force disconnect is anybody's text, and is opened on an auditor's machine. Where the comma
is the decimal sign, spreadsheets part cells at semicolons, whatever is quoted: so what comes after one
is looked at as well.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from buildbot_lifecycle.core import formulas
from buildbot_lifecycle.www.entities import FilterOnly

#: Rows at most in one file, and if nothing is said.
MAX_ROWS = 100_000


def columns(entity: Any, asked: Sequence[str] | None) -> list[str]:
    """The names of the columns: all fields, or those that were asked for."""
    if asked is not None:
        return list(dict.fromkeys(asked))
    return [name for name, of in entity.fields.items() if not isinstance(of, FilterOnly)]


def lines(names: Sequence[str], rows: Iterable[Any]) -> bytes:
    """The rows as lines of CSV in UTF-8; half of a surrogate pair becomes its escape."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_cell(name, row[name]) for name in names])
    return text.getvalue().encode("utf-8", "backslashreplace")


def header(names: Sequence[str]) -> bytes:
    """The first line."""
    return (",".join(names) + "\r\n").encode("ascii")


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if (name == "at" or name.endswith("_at")) and isinstance(value, (int, float)):
        return _time(value)
    if isinstance(value, (int, float)):
        return str(value)
    text = (
        value
        if isinstance(value, str)
        else json.dumps(msgspec.to_builtins(value), separators=(",", ":"))
    )
    return formulas.plain(text)


def _time(seconds: float) -> str:
    try:
        moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    except (ValueError, OverflowError, OSError):
        return str(seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
