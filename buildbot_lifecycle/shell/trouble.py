"""Exit statuses, and what ends a command with one of them: a sentence, and what to do about it."""

from __future__ import annotations

import enum

import click

from buildbot_lifecycle.shell.terminal import shown


class Status(enum.IntEnum):
    """What the process ends with; docs/command-line has the table."""

    OK = 0
    #: something is stuck, or would keep the master from stopping
    FOUND = 1
    #: the command line or the configuration is wrong
    USAGE = 2
    #: no answer of the plugin
    UNREACHABLE = 3
    #: not logged in, or no right to it
    NOT_ALLOWED = 4
    #: understood, and not done
    REFUSED = 5
    #: done, and it did not come out as it should
    FAILED = 6
    #: asked for, and its outcome is not known (yet)
    UNDER_WAY = 7


#: What each end means, for help and manual; the last two are those of shells.
ENDS = {
    0: "ok",
    1: "something is stuck, keeps a master from stopping, or is a warning",
    2: "the command line, the configuration or a filter is wrong",
    3: "the plugin cannot be reached",
    4: "not allowed: not logged in, a wrong password, or no right to it",
    5: "refused, and nothing was done",
    6: "done, and a step of it failed; or something is broken",
    7: "asked for, and the outcome is not known (yet)",
    130: "ended by Ctrl-C",
    141: "the reader of a pipe has gone",
}


class Trouble(Exception):
    """Ends the command. ``advice`` says what to do; ``is_sent``: it may have been done all the same.

    ``code`` is the plugin's own word for it, where it was the plugin that has refused.
    """

    def __init__(
        self,
        status: Status,
        message: str,
        advice: str = "",
        *,
        is_sent: bool = False,
        code: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.advice = advice
        self.is_sent = is_sent
        self.code = code

    def show(self) -> None:
        """On standard error: what a program reads from standard output stays clean."""
        click.echo(f"buildbot-lifecycle: {shown(self.message, lines=True)}", err=True)
        if self.advice:
            click.echo(f"  {shown(self.advice, lines=True)}", err=True)
