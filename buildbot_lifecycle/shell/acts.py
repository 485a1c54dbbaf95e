"""Commands that do something: force, orphans resolve, pause, unpause."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import click

from buildbot_lifecycle.shell import options, tables, terminal
from buildbot_lifecycle.shell.client import worker_path
from buildbot_lifecycle.shell.options import Session
from buildbot_lifecycle.shell.records import orphans
from buildbot_lifecycle.shell.trouble import Status, Trouble

Row = Mapping[str, Any]

#: Seconds between two looks at whether an action has its outcome: the first, and at the most.
_FIRST, _LONGEST = 0.1, 2.0

wait = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the outcome.",
)
as_json = click.option("--json", "form", flag_value="json", help="Print what came of it as JSON.")


@click.command()
@options.named
@click.option("--reason", help="Why, for the audit. Needed, but for a dry run.")
@options.on_master
@click.option("--no-pause", is_flag=True, help="Do not pause the worker.")
@click.option("--override", is_flag=True, help="Also if it is not stuck yet.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask for the name again.")
@wait
@as_json
@options.session
def force(
    session: Session,
    name: str,
    reason: str | None,
    master: int | None,
    no_pause: bool,
    override: bool,
    dry_run: bool,
    yes: bool,
    wait: float,
    form: str | None,
) -> None:
    """Force a stuck worker's disconnect.

    The master stops waiting for it. The instance may run on, and cost money. What would be done is shown
    first, and the worker's name is asked for.
    """
    if not dry_run and not (reason or "").strip():
        raise click.UsageError("--reason is needed: it is kept with who did it. Or: --dry-run")
    row = session.worker(name, master)["workers"][0]
    path = worker_path(str(row["workerid"]), "/force-disconnect")
    query = [("masterid", str(row["masterid"]))]
    body = {"episode": row["episode"], "override": override}
    body |= {"pause": False} if no_pause else {}
    plan = session.client.post(path, {**body, "dry_run": True}, query).json["dry_run"]
    if dry_run and form == "json":
        tables.as_json({"dry_run": plan})
    else:
        _show_plan(row, plan, is_err=form == "json")
    if not plan["eligible"]:
        is_open = plan["code"] == "not_eligible" and not override
        would_help = is_open and _would_override_help(session, path, body, query)
        advice = "If you are sure: --override" if would_help else ""
        raise Trouble(Status.REFUSED, f"this would be refused: {plan['why_not']}", advice)
    if dry_run:
        return
    _confirm(row["name"], name, yes)
    body |= {"confirm": row["name"], "reason": reason}
    _outcome(session, session.client.post(path, body, query).json["action"], wait, form)
    if form != "json":
        click.echo("What may still run is in the ledger: buildbot-lifecycle orphans")


def _would_override_help(
    session: Session, path: str, body: Mapping[str, Any], query: Sequence[tuple[str, str]]
) -> bool:
    """Whether an override would help, and is this caller's to give: a dry run with it says so."""
    asked = {**body, "dry_run": True, "override": True}
    try:
        return bool(session.client.post(path, asked, query).json["dry_run"]["eligible"])
    except Trouble:
        return False  # what was refused is told in any case; nothing is advised that is not known


def _show_plan(row: Row, plan: Row, *, is_err: bool) -> None:
    def say(text: str) -> None:
        click.echo(terminal.shown(text), err=is_err)

    verdict = plan["verdict"] or {}
    say(f"{row['name']} on master {row['masterid']} ({row['master']})")
    say(f"  {row['state']}; {verdict.get('level')}: {verdict.get('reason') or verdict.get('code')}")
    if plan["instance"]:
        say(f"  instance {plan['instance']}")
    for number, step in enumerate(plan["steps"], 1):
        say(f"  {number}. {step['text']}")
    for build in plan["builds"]:
        say(f"  disturbs the build {build['builder']} {build['number']}")
    for warning in plan["warnings"]:
        say(f"  ! {warning}")


def _confirm(name: str, given: str, yes: bool) -> None:
    """The name is typed by hand, or was given and is the worker's."""
    if yes:
        if given != name:
            message = f"{given!r} is the number of {name!r}, and --yes takes the name only"
            raise Trouble(Status.USAGE, message, "Nothing was done. Say the worker by its name")
        return
    if not terminal.can_ask():
        message = "nobody is there to be asked whether this is meant"
        raise Trouble(Status.USAGE, message, "Nothing was done. In a script: --yes")
    typed = click.prompt("The worker's name, to go on", default="", show_default=False, err=True)
    if typed.strip() != name:
        raise Trouble(Status.REFUSED, "that is not its name; nothing was done")


def _outcome(session: Session, action: Row, seconds: float, form: str | None) -> None:
    """Wait for the outcome, and say it; the exit status says it too."""
    end, pause = time.monotonic() + seconds, _FIRST
    while action["status"] == "asked" and time.monotonic() < end:
        time.sleep(min(pause, max(0.0, end - time.monotonic())))
        pause = min(_LONGEST, 2 * pause)
        (action,) = session.client.get(f"/actions/{action['id']}").json["actions"]
    if form == "json":
        tables.as_json({"action": action})
    else:
        click.echo(terminal.shown(f"action {action['id']}: {action['status']}"))
        for step in action.get("steps") or ():
            mark = {True: "done", False: "NOT DONE", None: "not yet"}[step["done"]]
            detail = f" ({step['detail']})" if step["detail"] else ""
            click.echo(terminal.shown(f"  {mark}: {step['text']}{detail}"))
        if action.get("outcome"):
            click.echo(terminal.shown(f"  {action['outcome']}"))
    status = {"done": Status.OK, "asked": Status.UNDER_WAY, "refused": Status.REFUSED}
    code = status.get(action["status"], Status.FAILED)
    if code is not Status.OK:
        click.get_current_context().exit(code)


@orphans.command()
@click.argument("ids", nargs=-1, required=True, type=click.IntRange(min=1), metavar="ID...")
@click.option("--note", required=True, help="How it is known that nothing runs any more.")
@as_json
@options.session
def resolve(session: Session, ids: tuple[int, ...], note: str, form: str | None) -> None:
    """Close entries of the ledger, with a note."""
    session.client.credentials()  # without them, it is no entry's trouble
    closed, statuses = [], {Status.OK}
    for done, number in enumerate(ids, 1):
        try:
            answer = session.client.post(f"/orphans/{number}/resolve", {"note": note})
        except Trouble as trouble:
            Trouble(trouble.status, f"orphan {number}: {trouble.message}", trouble.advice).show()
            if trouble.status is Status.REFUSED or trouble.code == "forbidden":
                statuses.add(trouble.status)
                continue  # of another worker, the next one may be allowed
            statuses = {trouble.status}
            if ids[done:]:
                click.echo(f"  Not tried: {', '.join(map(str, ids[done:]))}", err=True)
            break  # the next one would not fare better
        closed.append(answer.json["orphan"])
        if form != "json":
            what = closed[-1]["instance"] or "an instance without a name"
            of = closed[-1]["worker"]
            click.echo(terminal.shown(f"orphan {number} is closed: {what} of {of}"))
    if form == "json":
        tables.as_json({"orphans": closed})
    # That one was not allowed is said before that one was refused.
    status = Status.NOT_ALLOWED if Status.NOT_ALLOWED in statuses else max(statuses)
    if status is not Status.OK:
        click.get_current_context().exit(status)


def _pausing(what: str, text: str) -> click.Command:
    @click.command(what, help=text)
    @options.named
    @click.option("--reason", required=True, help="Why, for the audit.")
    @options.on_master
    @wait
    @as_json
    @options.session
    def command(
        session: Session, name: str, reason: str, master: int | None, wait: float, form: str | None
    ) -> None:
        row = session.worker(name, master)["workers"][0]
        path = worker_path(str(row["workerid"]), f"/{what}")
        query = [("masterid", str(row["masterid"]))]
        action = session.client.post(path, {"reason": reason}, query).json["action"]
        _outcome(session, action, wait, form)

    return command


COMMANDS = (
    force,
    _pausing(
        "pause", "Pause a worker: it gets no builds. Masters that share its name share the pause."
    ),
    _pausing("unpause", "End a worker's pause, and its quarantine."),
)
