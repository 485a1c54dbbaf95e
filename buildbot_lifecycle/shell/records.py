"""Commands that read what was recorded: actions, episodes, events, orphans."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from buildbot_lifecycle.shell import options, tables, terminal, words
from buildbot_lifecycle.shell.client import worker_path
from buildbot_lifecycle.shell.histories import Follower, newest
from buildbot_lifecycle.shell.options import Session
from buildbot_lifecycle.shell.tables import Column
from buildbot_lifecycle.shell.trouble import Status, Trouble

Row = Mapping[str, Any]
Pairs = list[tuple[str, str]]

of_worker = click.option(
    "--worker",
    metavar="NAME",
    shell_complete=options.worker_names,
    help="Only those of this worker.",
)


def _printed(
    what: str,
    rows: Sequence[Row],
    columns: Sequence[Column],
    levels: Mapping[str, str],
    form: str | None,
) -> None:
    if form == "json":
        tables.as_json({what: rows})
    elif form == "csv":
        tables.as_csv(rows)
    else:
        by = {"actions": "status", "episodes": "outcome"}.get(what, "")
        tables.table(rows, columns, lambda row: levels.get(str(row.get(by)), ""))


def _rows(
    session: Session, what: str, worker: str | None, wheres: Pairs, limit: int | None
) -> list[dict[str, Any]]:
    query = [*([("worker", worker)] if worker else []), *wheres]
    return newest(session.client, f"/{what}", what, query, limit)


@click.command()
@of_worker
@options.filtered("at__ge=1795516000")
@options.limit
@options.printed
@options.session
def actions(
    session: Session, worker: str | None, wheres: Pairs, limit: int, form: str | None
) -> None:
    """What was asked for, by whom, why, and its outcome. The newest first."""
    columns = [
        Column("ID", lambda row: str(row["id"])),
        Column("AT", lambda row: words.moment(row["at"])),
        Column("WHAT", lambda row: row["what"]),
        Column("WORKER", lambda row: row["worker"] or ""),
        Column("BY", lambda row: row["actor"] or ""),
        Column("STATUS", lambda row: row["status"]),
        Column("REASON", lambda row: row["reason"] or "", gives=True),
    ]
    levels = {"failed": "failed", "asked": "slow", "done": "ok"}
    _printed("actions", _rows(session, "actions", worker, wheres, limit), columns, levels, form)


@click.command()
@of_worker
@options.filtered("started_at__ge=1795516000")
@options.limit
@options.printed
@options.session
def episodes(
    session: Session, worker: str | None, wheres: Pairs, limit: int, form: str | None
) -> None:
    """Lives of instances, from start to end. The newest first."""
    columns = [
        Column("ID", lambda row: str(row["id"])),
        Column("STARTED", lambda row: words.moment(row["started_at"])),
        Column("WORKER", lambda row: row["worker"] or ""),
        Column("OUTCOME", lambda row: row["outcome"] or "(open)"),
        Column("START", lambda row: words.seconds(row["start_s"])),
        Column("UP", lambda row: words.seconds(row["up_s"])),
        Column("STOP", lambda row: words.seconds(row["stop_s"])),
        Column("BUILDS", lambda row: str(row["builds"])),
        Column("FAILURE", lambda row: (row["failure"] or {}).get("error") or "", gives=True),
    ]
    levels = {"ok": "ok", "start_failed": "failed", "stop_failed": "failed"}
    levels |= {"never_connected": "failed", "lost": "failed", "released": "slow"}
    _printed("episodes", _rows(session, "episodes", worker, wheres, limit), columns, levels, form)


@click.command()
@options.named
@options.on_master
@options.filtered("kind=transition")
@options.limit
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes in, until Ctrl-C.")
@click.option(
    "--every", type=click.FloatRange(min=0.5), default=2.0, show_default=True, metavar="SECONDS"
)
@click.option("--json", "form", flag_value="json", help="Print one JSON object a line.")
@options.session
def events(
    session: Session,
    name: str,
    master: int | None,
    wheres: Pairs,
    limit: int,
    follow: bool,
    every: float,
    form: str | None,
) -> None:
    """All that was recorded of a worker. The newest last."""
    worker = session.worker(name, master)["workers"][0]
    path = worker_path(str(worker["workerid"]), "/events")
    query = [("masterid", str(worker["masterid"])), *wheres]
    follower = Follower(session.client, path, "events", query)
    _tell(follower.begin(limit), form)
    is_lost = False
    while follow:
        time.sleep(every)
        try:
            rows = follower.more()
        except Trouble as trouble:
            if trouble.status != Status.UNREACHABLE:
                raise
            if not is_lost:
                click.echo(f"{terminal.shown(trouble.message)}; asking again", err=True)
            is_lost = True
            continue
        is_lost = False
        _tell(rows, form)


def _tell(rows: Sequence[Row], form: str | None) -> None:
    width = terminal.columns()
    for row in rows:
        if form == "json":
            tables.as_json(row, line=True)
            continue
        head = terminal.shown(f"{words.moment(row['at'])}  {row['kind']:<18} ")
        text = terminal.shown(words.details(row["data"]))
        first, *more = (
            [text] if width is None else terminal.wrapped(text, width - len(head)) or [""]
        )
        click.echo((head + first).rstrip())
        for line in more:
            click.echo(" " * len(head) + line)


@click.group(invoke_without_command=True)
@of_worker
@click.option("--all", "is_all", is_flag=True, help="Closed ones too.")
@options.filtered("opened_at__ge=1795516000")
@options.limit
@options.printed
@options.session
@click.pass_context
def orphans(
    context: click.Context,
    session: Session,
    worker: str | None,
    is_all: bool,
    wheres: Pairs,
    limit: int,
    form: str | None,
) -> None:
    """What may still run and cost money. These are the open entries of the ledger."""
    if context.invoked_subcommand is not None:
        return
    rows = _rows(
        session, "orphans", worker, [*([] if is_all else [("open", "true")]), *wheres], limit
    )
    columns = [
        Column("ID", lambda row: str(row["id"])),
        Column("OPENED", lambda row: words.moment(row["opened_at"])),
        Column("WORKER", lambda row: row["worker"] or ""),
        Column("INSTANCE", lambda row: row["instance"] or "(no name)"),
        Column("CAUSE", lambda row: row["cause"]),
        Column("CLOSED", lambda row: f"by {row['closed_by']}" if row["closed_at"] else "no"),
        Column("WHY", lambda row: row["why"] or "", gives=True),
    ]
    _printed("orphans", rows, columns, {}, form)


COMMANDS = (actions, episodes, events, orphans)
