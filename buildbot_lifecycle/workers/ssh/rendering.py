"""What of an SSH worker's configuration depends on the build, and which secrets were rendered with it."""

from __future__ import annotations

import dataclasses
from typing import Any

from buildbot.process.properties import Properties
from twisted.internet import defer

# What buildbot-worker's own command does; it needs no place in PATH.
_RUN_WORKER = "from buildbot_worker.scripts.runner import run; run()"
_WORKER_ARGUMENTS = ("start", "--nodaemon", ".")


class Noticing(Properties):
    """A build's properties that notice which secrets are rendered with them: {value: name}."""

    def __init__(self, given: Properties) -> None:
        super().__init__()
        # the same build, the same values, and the same secrets to take out of the build's logs
        self.__dict__.update(given.__dict__)
        self.noticed: dict[str, str] = {}

    def useSecret(self, secret_value: str, secret_name: str) -> None:  # noqa: N802 - Buildbot's
        super().useSecret(secret_value, secret_name)
        self.noticed[secret_value] = secret_name


@dataclasses.dataclass(frozen=True)
class Rendered:
    """What a build's start runs, rendered."""

    command: tuple[str, ...]
    environment: dict[str, str]
    prepare: str | None


def rendered(values: Any, python_only: bool) -> Rendered:
    """Check what came out of rendering (program, environment, prepare_command).

    `python_only`: the program is a Python that has yet to be told to run the worker. Raises TypeError
    for what is no text.
    """
    program, environment, prepare = values
    words = [program] if isinstance(program, str) else list(program)
    if python_only:
        words += ["-c", _RUN_WORKER]
    words += _WORKER_ARGUMENTS
    texts = [*words, *environment.values(), *([prepare] if prepare is not None else [])]
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise TypeError("command, environment and prepare_command must become texts")
    return Rendered(tuple(words), dict(environment), prepare)


def not_rendered(error: BaseException | None) -> str:
    """The reason in words why a build's values could not be rendered."""
    while isinstance(error, defer.FirstError):
        error = error.subFailure.value  # the errors of a list or dictionary are wrapped, each once
    return f"what depends on the build cannot be rendered: {type(error).__name__}: {error}"
