"""Commands that look at what is now: workers, worker, stop-check, instances."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from buildbot_lifecycle.shell import options, tables, terminal, words
from buildbot_lifecycle.shell.options import Session
from buildbot_lifecycle.shell.tables import Column
from buildbot_lifecycle.shell.trouble import Status

Row = Mapping[str, Any]

check = click.option("--check", is_flag=True, help="Exit with 1 if one that is shown is stuck.")


@click.command()
@options.some_workers
@click.option("--limit", type=click.IntRange(min=1), help="So many at the most, the worst first.")
@check
@options.printed
@options.session
def workers(
    session: Session,
    /,
    limit: int | None,
    check: bool,
    form: str | None,
    **filters: Any,
) -> None:
    """All latent workers; who is stuck stands first."""
    answer = session.client.get("/workers", options.query_of(**filters)).json
    rows = sorted(answer["workers"], key=words.worst_first)[:limit]
    if form == "json":
        tables.as_json({**answer, "workers": rows})
    elif form == "csv":
        tables.as_csv(rows)
    else:
        tables.table(rows, worker_columns(rows, answer["meta"]["now"]), words.level_of)
    _end(check and any(words.level_of(row) == "stuck" for row in rows))


def worker_columns(rows: Sequence[Row], now: float) -> list[Column]:
    """What a table of workers shows of each."""
    columns = [
        Column("WORKER", lambda row: row["name"]),
        Column("LEVEL", words.level_of),
        Column("STATE", lambda row: row["state"] + (", paused" if row["paused"] else "")),
        Column("FOR", lambda row: words.age(row["state_since"], now)),
        Column("REASON", words.reason, gives=True),
    ]
    if len({row["masterid"] for row in rows}) > 1:
        columns.insert(1, Column("MASTER", lambda row: str(row["masterid"])))
    return columns


@click.command()
@options.named
@options.on_master
@check
@click.option("--json", "form", flag_value="json", help="Print it as JSON, as REST answers.")
@options.session
def worker(session: Session, name: str, master: int | None, check: bool, form: str | None) -> None:
    """One worker: its state, its verdict, and where a call hangs."""
    answer = session.worker(name, master)
    row = answer["workers"][0]
    if form == "json":
        tables.as_json(answer)
    else:
        for label, text in _of_worker(row, answer["meta"]["now"]):
            level = words.level_of(row) if label == "verdict" else ""
            for line in _beside(label, terminal.shown(text)):
                click.echo(terminal.coloured(level, line))
    _end(check and words.level_of(row) == "stuck")


def _beside(label: str, text: str) -> list[str]:
    """A text beside its label, on a terminal in as many lines as it takes. A command stays in one."""
    room = terminal.columns()
    is_prose = label in ("verdict", "paused")
    told = [text] if room is None or not is_prose else terminal.wrapped(text, room - _LABEL) or [""]
    heads = [label and label + ":"] + [""] * len(told)
    return [f"{head:<{_LABEL}}{line}" for head, line in zip(heads, told)]


#: How wide the label of a line is.
_LABEL = 12


def _of_worker(row: Row, now: float) -> list[tuple[str, str]]:
    verdict = row["verdict"] or {}
    lines = [
        ("worker", f"{row['name']} ({row['class']}, number {row['workerid']})"),
        ("master", f"{row['masterid']}, {row['master']}" + ("" if row["live"] else ", NOT UP")),
        ("state", f"{row['state']} for {words.age(row['state_since'], now) or 'a time not known'}"),
        ("verdict", f"{words.level_of(row)}: {verdict.get('reason') or verdict.get('code')}"),
        ("instance", row["instance"] or ""),
        ("episode", words.text(row["episode"])),
        ("paused", (row["pause_reason"] or "yes") if row["paused"] else ""),
        ("orphans", f"{row['orphans']} open: see `orphans`" if row["orphans"] else ""),
    ]
    for build in row["building"] or ():
        lines.append(("build", f"{build['builder']} {build['number']}"))
    if row["pending"]:
        lines.append(
            ("pending", f"{row['pending']['call']} for {words.age(row['pending']['since'], now)}")
        )
        lines += [
            ("", f"{f['function']} ({f['file']}:{f['line']})") for f in row["pending"]["where"]
        ]
    if row["forceable"]:
        lines.append(("to do", f"buildbot-lifecycle force {row['name']} --reason ... --dry-run"))
    lines += _left_to_do(row, now)
    return [(label, text) for label, text in lines if text]


def _left_to_do(row: Row, now: float) -> list[tuple[str, str]]:
    """What is left of a release, with the command that does it; nothing of an older plugin."""
    left = row.get("to_do") or {}
    lines = []
    for each in left.get("instances") or ():
        name = each["name"] or "an instance without a name"
        lines.append(("to do", f"{name} may still run: make sure that it is gone, then"))
        lines.append(("", f"buildbot-lifecycle orphans resolve {each['orphan']} --note ..."))
    for each in left.get("calls") or ():
        text = f"{each['call']} still runs, abandoned, for {words.age(each['since'], now)}"
        lines.append(("left", text))
    if left.get("pause"):
        lines.append(("to do", f"buildbot-lifecycle unpause {row['name']} --reason ..."))
    return lines


@click.command("stop-check")
@click.option("--master", type=int, metavar="ID", help="Only this master.")
@click.option(
    "--unreleasable",
    is_flag=True,
    help="Count only what a stop does not release by itself; instances of what it does may run on.",
)
@click.option("--json", "form", flag_value="json", help="Print it as JSON, as REST answers.")
@options.session
def stop_check(session: Session, master: int | None, unreleasable: bool, form: str | None) -> None:
    """What would keep the master from stopping. Made for scripts before `buildbot stop`.

    Exit status 0: nothing; 1: something; all others: it could not be found out.
    """
    answer = session.client.get("/shutdown").json
    rows = [row for row in answer["shutdown"] if master in (None, row["masterid"])]
    live = [row for row in rows if row["live"]]
    if master is not None and not rows:
        raise click.BadParameter(f"there is no master {master}", param_hint="--master")
    if form == "json":
        tables.as_json({**answer, "shutdown": rows})
    else:
        for row in rows:
            for line in _of_stop(row, answer["meta"]["now"]):
                click.echo(terminal.shown(line))
    counts: Callable[[Row], bool] = lambda each: not (unreleasable and each["releasable"])  # noqa: E731
    _end(any(row["waits"] or any(map(counts, row["blockers"])) for row in live))


def _of_stop(row: Row, now: float) -> list[str]:
    if not row["live"]:
        return [f"master {row['masterid']} ({row['master']}) is not up"]
    things = [*row["waits"], *row["blockers"]]
    lines = [
        f"master {row['masterid']} ({row['master']}): "
        + ("waits for" if things else "nothing in the way")
    ]
    for each in row["waits"]:
        lines.append(f"  {each['what']} for {words.age(each['since'], now)}: {each['text']}")
    for each in row["blockers"]:
        seconds = each["release_in_s"]
        freed = "is released by the stop" + (f" after {words.seconds(seconds)}" if seconds else "")
        ends = freed if each["releasable"] else "IS NOT RELEASED by a stop"
        waits = f"{each['what']} for {words.age(each['since'], now)}"
        lines.append(f"  {each['worker']}: {waits}: {each['text']}; {ends}")
    if row["instances_up"]:
        are_up = (
            "1 instance is up"
            if row["instances_up"] == 1
            else f"{row['instances_up']} instances are up"
        )
        usual = words.seconds(row["usual_stop_s"])
        takes = f"a stop usually takes {usual}" if usual else "how long a stop takes is not known"
        lines.append(f"  {are_up}; {takes}")
    if row["limit_s"] is not None:
        lines.append(f"  after {words.seconds(row['limit_s'])} the process ends in any case")
    return lines


@click.command()
@options.filtered("standing=nobodys")
@options.printed
@options.session
def instances(session: Session, wheres: list[tuple[str, str]], form: str | None) -> None:
    """What really runs, by the clouds' own word, and whose it is."""
    answer = session.client.get("/instances", wheres).json
    rows = answer["instances"]
    if form == "json":
        tables.as_json(answer)
    elif form == "csv":
        tables.as_csv(rows)
    else:
        now = answer["meta"]["now"]
        columns = [
            Column("INSTANCE", lambda row: row["name"] or "(no name)"),
            Column("STANDING", lambda row: row["standing"]),
            Column("STATE", lambda row: row["state"]),
            Column("WORKER", lambda row: row["worker"] or ""),
            Column("AGE", lambda row: words.age(row["born"], now)),
            Column("COST", lambda row: words.text(row["cost"])),
            Column("PLACE", lambda row: row["place"] or "", gives=True),
        ]
        tables.table(rows, columns, lambda row: _STANDINGS.get(row["standing"], ""))
        taken = answer["meta"]["taken"]
        click.echo(
            "No census was taken yet: this is what the master and the ledger know"
            if taken is None
            else f"Census taken {words.age(taken, now)} ago"
        )


_STANDINGS = {"nobodys": "failed", "in_ledger": "slow", "missing": "slow"}


def _end(is_found: bool) -> None:
    if is_found:
        click.get_current_context().exit(Status.FOUND)


COMMANDS = (workers, worker, stop_check, instances)
