"""What several commands take, and the state that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import click

from buildbot_lifecycle.shell import terminal
from buildbot_lifecycle.shell.client import Client, worker_path
from buildbot_lifecycle.shell.settings import settings
from buildbot_lifecycle.shell.trouble import Status, Trouble

_F = TypeVar("_F", bound=Callable[..., Any])


class Session:
    """One run of the command; the client is made when it is needed first."""

    def __init__(
        self, options: Mapping[str, str | None], config: str | None, timeout: float
    ) -> None:
        self._given = options, config, timeout

    @cached_property
    def client(self) -> Client:
        return Client(settings(*self._given), _password)

    def worker(self, name: str, master: int | None) -> dict[str, Any]:
        """REST's answer about one worker, by its name or number."""
        query = [] if master is None else [("masterid", str(master))]
        if "/" in name or name in (".", ".."):  # no part of a path
            rows = self.client.get("/workers", [("name", name), *query]).json["workers"]
            if not rows:
                raise Trouble(Status.REFUSED, f"there is no latent worker {name!r}")
            # asked for again by its number: only so it is said where a call hangs
            name = str(rows[0]["workerid"])
        answer: dict[str, Any] = self.client.get(worker_path(name), query).json
        return answer


def _password(question: str) -> str:
    if not terminal.can_ask():
        raise Trouble(
            Status.USAGE,
            "the password is wanted, and nobody is there to be asked",
            "--password-file FILE, or BUILDBOT_LIFECYCLE_PASSWORD in the environment",
        )
    return str(click.prompt(question, hide_input=True, err=True))


session = click.make_pass_decorator(Session)


def where(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> Any:
    """``FIELD=VALUE`` or ``FIELD__OP=VALUE``, which REST reads."""
    pairs = []
    for value in values:
        name, found, wanted = value.partition("=")
        if not found or not name:
            raise click.BadParameter(f"{value!r} is not FIELD=VALUE", context, parameter)
        pairs.append((name, wanted))
    return pairs


def printed(command: _F) -> _F:
    """``--json`` and ``--csv``."""
    for name, text in (("csv", "as CSV, all fields"), ("json", "as JSON, as REST answers")):
        option = click.option(f"--{name}", "form", flag_value=name, help=f"Print it {text}.")
        command = option(command)
    return command


def filtered(command: _F) -> _F:
    """``--where``."""
    return click.option(
        "--where",
        "wheres",
        multiple=True,
        callback=where,
        metavar="FIELD[__OP]=VALUE",
        help="Any filter of REST, for example started_at__ge=1795516000. Several must all hold.",
    )(command)


on_master = click.option(
    "--master",
    type=click.IntRange(min=1),
    metavar="ID",
    help="The master that is meant, where several have a worker of this name.",
)

limit = click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="So many at the most.",
)
