"""Commands about who asks: login, logout."""

from __future__ import annotations

from pathlib import Path

import click

from buildbot_lifecycle.shell import options, sessions, terminal
from buildbot_lifecycle.shell.options import Session
from buildbot_lifecycle.shell.trouble import Status, Trouble


@click.command()
@click.option(
    "--file",
    metavar="FILE",
    help="Keep it there, for --cookie-file; else where all commands look for it.",
)
@options.session
def login(session: Session, file: str | None) -> None:
    """Log in by password, and keep the session in a file. No later command asks for it."""
    given = session.settings
    for name in ("cookie_file", "token_file"):
        if file is None and getattr(given, name):
            message = f"{name} is set, and comes before a session that is kept"
            raise Trouble(Status.USAGE, message, "Take it out of the configuration, or say --file")
    user = given.user or _user()
    client = session.client_of(given._replace(user=user))
    pairs = client.by_password(user)
    if client.with_each:
        message = f"a proxy at {given.url} wants the password with each request"
        raise Trouble(Status.REFUSED, message, "No session is kept: --user with --password-file")
    path = Path(file).expanduser() if file else sessions.path_of(given.url)
    sessions.keep(path, given.url, user, pairs)
    # Whether Buildbot knows who it is, is looked at with what was written.
    cookie = given._replace(cookie_file=str(path), token_file=None)
    found = session.client_of(cookie).get("/workers", [("limit", "1")]).json["meta"]["user"]
    if found is None:
        message = f"{given.url} has given a session, and does not know it"
        advice = "Is a proxy before it that takes cookies out? The master's log may say more"
        raise Trouble(Status.FAILED, message, advice)
    click.echo(terminal.shown(f"Logged in at {given.url} as {found}; kept in {path}"))


def _user() -> str:
    if not terminal.can_ask():
        message = "who logs in?"
        raise Trouble(Status.USAGE, message, "--user NAME, or BUILDBOT_LIFECYCLE_USER")
    return str(click.prompt("User", err=True))


@click.command()
@options.session
def logout(session: Session) -> None:
    """Delete the session that `login` has kept. Buildbot itself ends it after some days only."""
    url = session.settings.url
    was_there = sessions.forget(url)
    text = f"The session at {url} is deleted" if was_there else f"No session at {url} was kept"
    click.echo(terminal.shown(text))


COMMANDS = (login, logout)
