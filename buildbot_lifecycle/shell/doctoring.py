"""The command that looks whether all is as it should be: doctor."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from buildbot_lifecycle.shell import directory, findings, options, remote, tables, terminal
from buildbot_lifecycle.shell.findings import LEVELS, Finding
from buildbot_lifecycle.shell.options import Session
from buildbot_lifecycle.shell.trouble import Status, Trouble


@click.command()
@click.option(
    "--master-dir",
    metavar="DIRECTORY",
    type=click.Path(path_type=Path),
    help="Look into a master's directory too, whether it runs or not. Its configuration is loaded.",
)
@click.option(
    "--python",
    metavar="FILE",
    default=sys.executable,
    show_default="the one that runs this",
    help="The interpreter of that master's environment.",
)
@click.option("--json", "form", flag_value="json", help="Print what is found as JSON.")
@options.session
def doctor(session: Session, master_dir: Path | None, python: str, form: str | None) -> None:
    """Look whether the plugin is well. It asks by REST, and looks into a master's directory.

    Exit status: the greatest of 0 all well, 1 a warning or something that is not known, 3 the plugin
    cannot be reached, 4 not allowed, 6 something is broken.
    """
    sides = []
    if master_dir is not None:
        sides.append(("directory", str(master_dir), directory.look(master_dir, python)))
    if master_dir is None or session.has_url():
        sides.insert(0, ("rest", session.settings.url, _remote(session)))
    found = []
    for side, where, looked in sides:
        if form != "json":
            click.echo(terminal.shown(where))
        for each in looked:
            found.append((side, each))
            if form != "json":
                _print(each)
    status = findings.worst([each for _, each in found])
    if form == "json":
        rows = [{"side": side, **each._asdict()} for side, each in found]
        tables.as_json({"findings": rows, "status": status})
    if status:
        click.get_current_context().exit(status)


def _remote(session: Session) -> Iterator[Finding]:
    """What REST tells; trouble of any kind is a finding, so that the other side is looked at too."""
    try:
        yield from remote.look(session.client, session.settings)
    except Trouble as trouble:
        yield findings.of_trouble("plugin", trouble)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        message = f"the plugin's answer is not understood: {error!r}"
        advice = "Is its version another than that of this command?"
        yield findings.of_trouble("plugin", Trouble(Status.UNREACHABLE, message, advice))


def _print(found: Finding) -> None:
    head = f"  {found.level:<9}  {found.what:<13} "
    for number, line in enumerate([*_lines(found.text, ""), *_lines(found.help, "-> ")]):
        before = " " * len(head) if number else head
        click.echo(terminal.coloured("" if number else LEVELS[found.level], before + line))


def _lines(text: str, mark: str) -> Iterator[str]:
    """A text beside what it is of; on a terminal in as many lines as it takes."""
    room = terminal.columns()
    for line in text.splitlines() or [""]:
        shown = terminal.shown(line)
        lines = [shown] if room is None else terminal.wrapped(shown, room - _INDENT - len(mark))
        for number, each in enumerate(lines):
            yield (" " * len(mark) if number else mark) + each


#: Where the text of a finding begins.
_INDENT = 27


COMMANDS = (doctor,)
