"""Rows on standard output: as a table for people, as JSON or CSV for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from functools import partial
from typing import Any, NamedTuple

import click

from buildbot_lifecycle.core import formulas
from buildbot_lifecycle.shell import terminal, words

Row = Mapping[str, Any]

_GAP = "  "

#: A long text that would get less than this stands below its row.
_READABLE = 80

#: No column of a table is made narrower than this, or than its heading.
_NARROWEST = 6


class Column(NamedTuple):
    """One column for people. One that `gives` is made narrower before the others."""

    heading: str
    cell: Callable[[Row], Any]
    gives: bool = False


def table(rows: Sequence[Row], columns: Sequence[Column], level: Callable[[Row], str]) -> None:
    """Print rows; no wider than the terminal, and as wide as they are into a file."""
    if not rows:
        click.echo("No entries match.", err=True)
    else:
        for line in lines(rows, columns, level):
            click.echo(line)


def lines(
    rows: Sequence[Row],
    columns: Sequence[Column],
    level: Callable[[Row], str],
    *,
    is_dense: bool = False,
) -> Iterator[str]:
    """The lines of a table, its heading first.

    Where the terminal has no room for a long text beside the rest, it stands whole below its row; with
    `is_dense` it is cut instead, so that each row is one line.
    """
    cells = [[terminal.shown(words.text(column.cell(row))) for column in columns] for row in rows]
    widths = [
        max(terminal.width_of(text) for text in [column.heading, *(row[n] for row in cells)])
        for n, column in enumerate(columns)
    ]
    room = terminal.columns()
    below = None
    if room is not None:
        whole, widths = widths, fitted(widths, columns, room)
        if not is_dense:
            below = _below(columns, whole, widths)
        if below is not None:
            kept = [n for n in range(len(columns)) if n != below]
            widths = fitted([whole[n] for n in kept], [columns[n] for n in kept], room)
            widths.insert(below, 0)
    yield _line([column.heading for column in columns], widths)
    for row, texts in zip(rows, cells):
        paint = partial(terminal.coloured, level(row))
        yield _line(texts, widths, paint)
        if below is not None and room is not None:
            for line in terminal.wrapped(texts[below], room - len(_GAP)):
                yield _GAP + paint(line)


def _below(columns: Sequence[Column], whole: Sequence[int], widths: Sequence[int]) -> int | None:
    """The column whose texts would be cut to what nobody can read."""
    for n, column in enumerate(columns):
        if column.gives and widths[n] < min(whole[n], _READABLE):
            return n
    return None


def fitted(widths: Sequence[int], columns: Sequence[Column], room: int) -> list[int]:
    """Widths that fit into `room` columns, if they can: long texts give first, then the widest."""
    found = list(widths)
    spare = room - len(_GAP) * (len(found) - 1)
    for gives in (True, False):
        while sum(found) > spare:
            can = [
                n
                for n, column in enumerate(columns)
                if (column.gives or not gives) and found[n] > max(_NARROWEST, len(column.heading))
            ]
            if not can:
                break
            found[max(can, key=lambda n: found[n])] -= 1
    return found


def _line(
    texts: Sequence[str], widths: Sequence[int], paint: Callable[[str], str] = lambda text: text
) -> str:
    parts = []
    for text, width in zip(texts, widths):
        if width:  # 0: it stands below
            kept = terminal.cut(text, width)
            painted = paint(kept) if kept else ""
            parts.append(painted + " " * (width - terminal.width_of(kept)))
    return _GAP.join(parts).rstrip()


def as_json(value: Any, *, line: bool = False) -> None:
    """Print JSON, in ASCII: no text in it can steer a terminal."""
    click.echo(json.dumps(value, indent=None if line else 2))


def as_csv(rows: Sequence[Row]) -> None:
    """Print the fields as a table for programs: times in ISO 8601, lists and objects as JSON."""
    if not rows:
        return
    fields = list(rows[0])
    told = [_of_cells(fields)]
    told += [_of_cells([_field(name, row.get(name)) for name in fields]) for row in rows]
    text = "".join(told)
    if terminal.columns() is None:
        # Without `color`, click would take codes of terminals out of it.
        click.echo(text, nl=False, color=True)
    else:
        click.echo(terminal.shown(text, lines=True), nl=False)


def _of_cells(cells: Sequence[str]) -> str:
    """One line. Only a terminator that has it makes the module quote a carriage return in a cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + "\n"


def _field(name: str, value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        is_time = name.endswith(("_at", "_since", "_until")) or name in _TIMES
        return datetime.fromtimestamp(value, timezone.utc).isoformat() if is_time else str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return formulas.plain(words.text(value))


_TIMES = {"at", "since", "seen", "born", "last_sign"}
