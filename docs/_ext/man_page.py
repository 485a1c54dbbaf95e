"""The manual page of `buildbot-lifecycle`, from the commands themselves.

    python docs/_ext/man_page.py

writes it; `tests/shell/test_man_page.py` fails while the page has another.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click

from buildbot_lifecycle.shell.main import main
from buildbot_lifecycle.shell.settings import KEYS
from buildbot_lifecycle.shell.trouble import ENDS

PAGE = Path(__file__).parents[1] / "man" / "buildbot-lifecycle.1"

_NAME = "buildbot-lifecycle"


def page() -> str:
    """The page in roff. No date is in it: the same commands make the same page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield f'.TH {_NAME.upper()} 1 "" "{_NAME}" "User commands"'
    yield ".SH NAME"
    yield f"{_NAME} \\- what latent workers of a Buildbot do, and what to do about it"
    yield ".SH SYNOPSIS"
    yield rf"\fB{_roff(_NAME)}\fR [options] \fIcommand\fR ..."
    yield ".SH DESCRIPTION"
    yield from _paragraphs(main.help or "")
    yield ".SH OPTIONS"
    yield from _options(main)
    yield ".SH COMMANDS"
    yield from _commands(main, ())
    yield ".SH EXIT STATUS"
    for status, text in ENDS.items():
        yield ".TP 6"
        yield rf"\fB{status}\fR"
        yield _roff(text)
    yield ".SH ENVIRONMENT"
    for key in [*KEYS, "password", "config"]:
        yield ".TP"
        yield rf"\fB{_NAME.upper().replace('-', '_')}_{key.upper()}\fR"
        yield _roff(_ENVIRONMENT.get(key, f"As --{key.replace('_', '-')}, which comes before it."))
    yield ".SH FILES"
    for file, text in _FILES.items():
        yield ".TP"
        yield rf"\fI{_roff(file)}\fR"
        yield _roff(text)


_ENVIRONMENT = {"password": "The password. It is never an option, since all users see those."}

_FILES = {
    "$XDG_CONFIG_HOME/buildbot-lifecycle/config": f"A section [{_NAME}] with {', '.join(KEYS)}.",
    "$XDG_STATE_HOME/buildbot-lifecycle/": "Sessions that login keeps, readable by their owner only.",
}


def _commands(group: click.Group, above: tuple[str, ...]) -> Iterator[str]:
    for name, command in group.commands.items():
        words = (*above, name)
        arguments = [each for each in command.params if isinstance(each, click.Argument)]
        usage = " ".join(
            rf"\fI{_roff(each.make_metavar(_context(command)))}\fR" for each in arguments
        )
        yield f".SS {_roff(' '.join(words))}"
        yield rf"\fB{_roff(' '.join((_NAME, *words)))}\fR {usage} [options]".replace("  ", " ")
        yield ".PP"
        yield from _paragraphs(command.help or "")
        yield from _options(command)
        if isinstance(command, click.Group):
            yield from _commands(command, words)


def _options(command: click.Command) -> Iterator[str]:
    for each in command.params:
        if isinstance(each, click.Option) and not each.hidden:
            names, text = each.get_help_record(_context(command)) or ("", "")
            yield ".TP"
            yield rf"\fB{_roff(names)}\fR"
            yield _roff(text)


def _context(command: click.Command) -> click.Context:
    # As wide as it takes: where lines end is the reader's terminal's business.
    return click.Context(command, info_name=command.name, terminal_width=10_000)


def _paragraphs(text: str) -> Iterator[str]:
    for number, part in enumerate(inspect.cleandoc(text.replace("\b", "")).split("\n\n")):
        if number:
            yield ".PP"
        yield _roff(" ".join(part.split()))


def _roff(text: str) -> str:
    """`text` with nothing that roff obeys."""
    escaped = re.sub(r"\s+", " ", text).strip().replace("\\", r"\e").replace("-", r"\-")
    return re.sub(r"^([.'])", r"\\&\1", escaped)


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
