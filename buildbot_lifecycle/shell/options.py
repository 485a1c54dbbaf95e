"""What several commands take, and the state that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, wraps
from typing import Any, TypeVar, cast

import click
from click.shell_completion import CompletionItem

from buildbot_lifecycle.shell import terminal
from buildbot_lifecycle.shell.client import Client, worker_path
from buildbot_lifecycle.shell.settings import Settings, has_url, settings
from buildbot_lifecycle.shell.trouble import Status, Trouble

_F = TypeVar("_F", bound=Callable[..., Any])


class Session:
    """One run of the command; the client is made when it is needed first."""

    def __init__(
        self, options: Mapping[str, str | None], config: str | None, timeout: float
    ) -> None:
        self._given = options, config, timeout

    @cached_property
    def settings(self) -> Settings:
        return settings(*self._given)

    @cached_property
    def client(self) -> Client:
        return self.client_of(self.settings)

    def has_url(self) -> bool:
        """Whether it was said where Buildbot is."""
        options, config, _ = self._given
        return has_url(options, config)

    @staticmethod
    def client_of(given: Settings) -> Client:
        """A client with other settings than those of this run."""
        return Client(given, _password, _warn)

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


def _warn(text: str) -> None:
    click.echo(f"buildbot-lifecycle: {terminal.shown(text)}", err=True)


session = click.make_pass_decorator(Session)


#: Seconds for which who presses the tabulator waits at the most.
_COMPLETION = 2.0


def worker_names(
    context: click.Context, _: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of workers for a shell's completion. Nobody is asked for a password, and no error is told."""
    given = dict(context.find_root().params)
    config = given.pop("config", None)
    seconds = min(given.pop("timeout", None) or _COMPLETION, _COMPLETION)
    try:
        client = Client(settings(given, config, seconds), _nobody, lambda _: None)
        query = (
            [("field", "name"), ("name__contains", incomplete)]
            if incomplete
            else [("field", "name")]
        )
        rows = client.get("/workers", query).json["workers"]
        names = {str(row["name"]) for row in rows}
    except Exception:  # noqa: BLE001  # whatever it is: a shell that completes shows no traceback
        return []
    return [
        CompletionItem(name)
        for name in sorted(names)
        if name.startswith(incomplete) and name.isprintable()
    ]


def _nobody(_: str) -> str:
    raise Trouble(Status.USAGE, "a completion asks for no password")


named = click.argument("name", shell_complete=worker_names)


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
    """``--json`` and ``--csv``, of which one can be said: the command's `form`."""

    @wraps(command)
    def one_form(*args: Any, is_json: bool, is_csv: bool, **given: Any) -> Any:
        if is_json and is_csv:
            raise click.UsageError("--json and --csv are two forms of one output; say one of them")
        return command(*args, form="json" if is_json else "csv" if is_csv else None, **given)

    for name, text in (("csv", "as CSV, all fields"), ("json", "as JSON, as REST answers")):
        click.option(f"--{name}", f"is_{name}", is_flag=True, help=f"Print it {text}.")(one_form)
    return cast("_F", one_form)


def filtered(example: str) -> Callable[[_F], _F]:
    """``--where``, with an example that this command takes."""
    return click.option(
        "--where",
        "wheres",
        multiple=True,
        callback=where,
        metavar="FIELD[__OP]=VALUE",
        help=f"Any filter of REST, for example {example}. Several must all hold.",
    )


#: Of the filters of workers: what REST calls them.
_FILTERS = {"level": "level", "state": "state", "class_": "class", "master": "masterid"}


def some_workers(command: _F) -> _F:
    """Filters of workers; `query_of` makes REST's of them."""
    levels = "Only these levels: stuck, attention, failed, slow, unknown, ok."
    for option in reversed(
        (
            click.option("--level", multiple=True, help=levels),
            click.option("--state", multiple=True, help="Only these states."),
            click.option("--class", "class_", multiple=True, help="Only workers of these classes."),
            click.option(
                "--master", multiple=True, metavar="ID", help="Only workers of these masters."
            ),
            click.option("--name", metavar="PART", help="Only workers with this in their names."),
            filtered("connected=false"),
        )
    ):
        command = option(command)
    return command


def query_of(
    *, name: str | None, wheres: list[tuple[str, str]], **filters: tuple[str, ...]
) -> list[tuple[str, str]]:
    """REST's query of what `some_workers` has taken."""
    query = [(_FILTERS[key], value) for key, values in filters.items() for value in values]
    return [*query, *([("name__contains", name)] if name else []), *wheres]


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
