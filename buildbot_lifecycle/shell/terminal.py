"""What a terminal takes: its width, its colours, and no text that would steer it."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import unicodedata

import click

#: Colours go with the word that they colour, never in its place.
_COLOURS = {
    "stuck": "red",
    "attention": "magenta",
    "failed": "magenta",
    "slow": "yellow",
    "ok": "green",
    "unknown": "cyan",
}


def shown(text: str, *, lines: bool = False) -> str:
    """`text` without what a terminal obeys: texts come from drivers, clouds and people.

    With `lines`, ends of lines stay.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or (lines and each == "\n") else _escaped(each) for each in text
    )


def _escaped(character: str) -> str:
    return " " if character.isspace() else character.encode("unicode_escape").decode("ascii")


def width_of(text: str) -> int:
    """How many columns a text takes."""
    if text.isascii():
        return len(text)
    return sum(_columns(each) for each in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int) -> str:
    """`text` in so many columns at the most; what is cut ends with an ellipsis."""
    if width_of(text) <= width:
        return text
    room, kept = width - 1, ""
    for each in text:
        room -= _columns(each)
        if room < 0:
            break
        kept += each
    return kept + "…"


def wrapped(text: str, width: int) -> list[str]:
    """All of `text`, in lines of so many columns."""
    # Where signs are two columns wide, lines are counted as if all were.
    room = max(10, width if width_of(text) <= len(text) else width // 2)
    return textwrap.wrap(text, room, break_on_hyphens=False)


def columns() -> int | None:
    """The width of the terminal; None where the output goes to a file or a program."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def can_ask() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty()


def coloured(word: str, text: str) -> str:
    """`text` in the colour of a level; click takes it out again where there is no terminal."""
    colour = _COLOURS.get(word)
    if colour is None or os.environ.get("NO_COLOR"):
        return text
    return click.style(text, fg=colour, bold=word == "stuck")


def can_draw() -> bool:
    """Whether standard output is a terminal that knows where its cursor is."""
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def height() -> int:
    """How many lines the terminal has."""
    return shutil.get_terminal_size().lines
