"""The command that goes on looking: watch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import click

from buildbot_lifecycle.shell import looks, options, tables, terminal, words
from buildbot_lifecycle.shell.client import Client
from buildbot_lifecycle.shell.options import Session
from buildbot_lifecycle.shell.trouble import Status, Trouble

Row = Mapping[str, Any]
Workers = Mapping[tuple[int, int], Row]

#: Between two looks are so many times the seconds of an answer: a master that is slow is asked less.
_EASE = 9

#: From here to the end of the line, and to the end of the screen; and the first place of it.
_TO_THE_END, _BELOW, _HOME = "\x1b[K", "\x1b[J", "\x1b[H"


class Change(NamedTuple):
    """A worker that came, went out of what is shown, or is another than it was."""

    what: str
    worker: Row


def changes(before: Workers, after: Workers) -> Iterator[Change]:
    """What differs between two looks, the worst first."""
    for key in sorted(after, key=lambda key: words.worst_first(after[key])):
        if key not in before:
            yield Change("shown", after[key])
        elif _sign(before[key]) != _sign(after[key]):
            yield Change("changed", after[key])
    for key in sorted(set(before) - set(after)):
        yield Change("not_shown", before[key])


def _sign(row: Row) -> tuple[Any, ...]:
    """What of a worker is told when it changes: not its ages, which always do."""
    verdict = row["verdict"] or {}
    return (
        *(row["state"], row["state_since"], row["paused"], row["connected"], row["live"]),
        *(row["orphans"], row["instance"], verdict.get("level"), verdict.get("code")),
    )


def line_of(change: Change, at: float) -> str:
    """A change for people, in one line."""
    row = change.worker
    if change.what == "not_shown":
        # A filter, a right or a reconfiguration may have taken it out: it is not said to be gone.
        return f"{words.moment(at)}  {row['name']}  (no longer in what is shown)"
    verdict = row["verdict"] or {}
    parts = [
        *(words.moment(at), row["name"], words.level_of(row)),
        row["state"] + (", paused" if row["paused"] else "") + ("" if row["live"] else ", NOT UP"),
        verdict.get("reason") or "",
    ]
    return terminal.shown("  ".join(part for part in parts if part))


@click.command()
@options.some_workers
@click.option(
    "--every",
    type=click.FloatRange(min=0.5),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait between two looks; longer by itself where answers are slow.",
)
@click.option("--lines", "is_lines", is_flag=True, help="Lines of what changes, on a terminal too.")
@click.option("--json", "form", flag_value="json", help="One JSON object a line for each change.")
@options.session
def watch(
    session: Session, /, every: float, is_lines: bool, form: str | None, **filters: Any
) -> None:
    """Go on showing workers, the stuck first, until Ctrl-C.

    A table that is drawn anew on a terminal; elsewhere a line for each worker, and then for each change.
    """
    query = options.query_of(**filters)
    is_drawn = form is None and not is_lines and terminal.can_draw()
    shows = _drawn() if is_drawn else _told(form)
    _watch(session.client, query, every, shows)


Show = Callable[[Row | None, Trouble | None], None]


def _watch(client: Client, query: Sequence[tuple[str, str]], every: float, show: Show) -> None:
    """Look again and again. The first look's trouble ends the command; a later outage is sat out."""
    is_first = True
    while True:
        begun = time.monotonic()
        try:
            answer, trouble = client.get("/workers", query).json, None
        except Trouble as found:
            if is_first or found.status != Status.UNREACHABLE:
                raise
            answer, trouble = None, found
        is_first = False
        show(answer, trouble)
        time.sleep(max(every, _EASE * (time.monotonic() - begun)))


def _told(form: str | None) -> Show:
    """What changes, as lines on standard output; an outage and its end on standard error."""
    seen: dict[tuple[int, int], Row] = {}
    lost = [False]

    def show(answer: Row | None, trouble: Trouble | None) -> None:
        if answer is None:
            if trouble is not None and not lost[0]:
                click.echo(f"{terminal.shown(trouble.message)}; asking again", err=True)
            lost[0] = True
            return
        if lost[0]:
            click.echo("answers again; what has changed meanwhile follows", err=True)
        lost[0] = False
        now = answer["meta"]["now"]
        after = {(row["workerid"], row["masterid"]): row for row in answer["workers"]}
        for change in changes(seen, after):
            if form == "json":
                value = {"at": now, "change": change.what, "worker": change.worker}
                tables.as_json(value, line=True)
            else:
                line = line_of(change, now)
                click.echo(terminal.coloured(words.level_of(change.worker), line))
        seen.clear()
        seen.update(after)

    return show


def _drawn() -> Show:
    """A table in the terminal, always in the same place."""
    last: list[tuple[Row, float]] = []
    lost: list[float] = []

    def show(answer: Row | None, trouble: Trouble | None) -> None:
        if answer is not None:
            last[:] = [(answer, time.monotonic())]
            lost.clear()
        elif not lost:
            lost.append(time.monotonic())
        shown, at = last[0]
        # counted by the master's clock, and on by ours while it does not answer
        now = shown["meta"]["now"] + time.monotonic() - at
        head = f"{words.moment(shown['meta']['now'])}  {_count(shown)}"
        if trouble is not None:
            head = f"NO ANSWER for {words.seconds(time.monotonic() - lost[0])}, as of {head}"
            head += f"  ({trouble.message})"
        click.echo(screen(shown["workers"], head, now), nl=False)

    return show


def screen(workers: Sequence[Row], head: str, now: float) -> str:
    """All that stands on the terminal, as what is written to it."""
    width, height = terminal.columns() or 80, terminal.height()
    rows = sorted(workers, key=words.worst_first)
    columns = looks.worker_columns(rows, now)
    # beside the head, the table's own, how many more, and where the cursor stands
    room = max(1, height - 4)
    table = list(tables.lines(rows[:room], columns, words.level_of))
    if len(table) > room + 1:
        table = list(tables.lines(rows[:room], columns, words.level_of, is_dense=True))
    lines = [terminal.cut(terminal.shown(head), width), *table]
    if len(rows) > room:
        lines.append(f"... and {len(rows) - room} more")
    return _HOME + "".join(f"{line}{_TO_THE_END}{os.linesep}" for line in lines) + _BELOW


def _count(answer: Row) -> str:
    levels = [words.level_of(row) for row in answer["workers"]]
    noun = "worker" if len(levels) == 1 else "workers"
    stuck = levels.count("stuck")
    behind = answer["meta"]["behind"]["events"]
    return f"{len(levels)} {noun}, {stuck} stuck" + (f", {behind} unwritten" if behind else "")


COMMANDS = (watch,)
