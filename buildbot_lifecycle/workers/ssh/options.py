"""The arguments of ``worker.SSHLatentWorker``, checked: each problem is named, with what to do.

Everything about *where* (host, user, key, directory) is a plain value: it must be known after a restart
too, when there is no build to render it from. What is *run* there may be a renderable or a secret.
"""

from __future__ import annotations

import dataclasses
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from buildbot.interfaces import IRenderable
from buildbot.process.properties import Interpolate, Secret

from buildbot_lifecycle.core.checks import is_number, is_whole

#: Seconds for which a session waits at most for its turn on a busy host, and then goes all the same.
TURN_SECONDS = 10.0

#: Seconds for what the remote script does besides waiting, on a loaded host.
SCRIPT_SECONDS = 15.0


@dataclasses.dataclass(frozen=True)
class Options:
    """What a worker was configured with. Times are in seconds."""

    host: str = ""
    port: int | None = None
    user: str | None = None
    identity_file: str | None = None
    known_hosts: str | None = None
    jump_host: str | None = None
    ssh_config: str | None = None
    ssh_options: tuple[str, ...] = ()
    ssh_command: str = "ssh"

    basedir: str | None = None
    python: Any = "python3"
    worker_command: Any = None
    environment: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    umask: int | None = None
    prepare_command: Any = None
    worker_options: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    masterFQDN: str | None = None  # noqa: N815  # as Buildbot's own workers call it
    master_port: int | None = None
    master_protocol: str = "pb"

    connect_timeout: float = 20.0
    start_timeout: float = 120.0
    ask_timeout: float = 5.0
    term_timeout: float = 10.0
    kill_timeout: float = 5.0
    master_gone_timeout: float = 600.0

    @property
    def program(self) -> Any:
        """What is run there, as it was given: `worker_command`, or else `python`."""
        return self.python if self.worker_command is None else self.worker_command

    @property
    def ladder_seconds(self) -> float:
        """Seconds that the three rungs of the stop take together when none of them helps."""
        return self.ask_timeout + self.term_timeout + self.kill_timeout

    @property
    def stop_bound(self) -> float:
        """Seconds within which `stop_instance` ends, whatever happens."""
        return TURN_SECONDS + self.connect_timeout + self.ladder_seconds + SCRIPT_SECONDS


#: Arguments whose values are not shown when they are wrong.
PRIVATE = ("environment", "prepare_command", "python", "worker_command", "worker_options")

NAMES = frozenset(field.name for field in dataclasses.fields(Options))

#: Names of arguments before they were called as Buildbot's own workers call them.
OLD_NAMES = {"master_host": "masterFQDN", "protocol": "master_protocol"}

#: Arguments of buildbot_worker.bot.Worker that may stand in `worker_options`.
WORKER_OPTIONS = (
    "connection_string",
    "delete_leftover_dirs",
    "keepalive",
    "numcpus",
    "proxy_connection_string",
    "unicode_encoding",
    "useTls",
)

PROTOCOLS = ("pb", "msgpack_experimental_v7")

#: Why no secret may be part of the program: it would be there for all users of the host to see.
SEEN_BY_ALL = (
    "it would stand in the host's list of processes; give it by environment, and read it there"
)

#: Seconds, a month: no session, nor the kernel's alarm, is made for more.
LONGEST_SECONDS = 31 * 24 * 3600

#: Variables on which the remote side leans, or which a shell does not let anybody set.
_NOT_TO_BE_SET = frozenset(
    ("BASHOPTS", "BASH_VERSINFO", "EUID", "IFS", "PPID", "SHELLOPTS", "SSH_CONNECTION", "UID")
)
_OURS = ("lifecycle_", "BUILDBOT_LIFECYCLE_SSH")

# ssh would take a leading dash for an option of its own. The rest is what newer clients refuse
# themselves: a host's name may come to a shell, by ProxyCommand or Match exec.
_WORD = re.compile(r"[^\s\x00-\x1f\x7f'`\"$;&<>|(){}-][^\s\x00-\x1f\x7f'`\"$;&<>|(){}]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SECRET_IN_TEXT = re.compile(r"%\(secret:")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_PORT = 65535
_MAX_UMASK = 0o777


def split(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ours, and those for Buildbot's own latent worker.

    Old names count as new ones, with a DeprecationWarning; beside the new one they are left as they
    are, for Buildbot to refuse.
    """
    named = dict(arguments)
    for old, new in OLD_NAMES.items():
        if old in named and new not in named:
            warnings.warn(f"SSHLatentWorker: {old} is now {new}", DeprecationWarning, stacklevel=3)
            named[new] = named.pop(old)
    ours = {key: value for key, value in named.items() if key in NAMES}
    return ours, {key: value for key, value in named.items() if key not in NAMES}


def parse(arguments: Mapping[str, Any]) -> tuple[Options, list[str]]:
    """The options, and the problems found; what has a problem keeps its default."""
    problems: list[str] = []
    values: dict[str, Any] = {}
    for name, value in arguments.items():
        problem = _CHECKS[name](value)
        if problem is None:
            values[name] = _frozen(value)
        else:
            problems.append(f"{name} is {_show(name, value)}: {problem}")
    options = Options(**values)
    if "host" not in arguments:
        problems.append("host is missing: give the name or address to which ssh connects")
    if options.jump_host and not options.masterFQDN:
        problems.append(
            "masterFQDN is missing: through a jump_host the remote worker cannot tell the master's"
            " address from its ssh connection; give the name or address under which it reaches it"
        )
    return options, problems


def _show(name: str, value: Any) -> str:
    # These may hold secrets; the name of the type is enough to find the mistake.
    private = name in PRIVATE
    return f"of type {type(value).__name__}" if private else repr(value)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def is_renderable(value: Any) -> bool:
    """Whether Buildbot has to render it (a secret is one)."""
    return bool(IRenderable.providedBy(value))


def _optional(check: Callable[[Any], str | None]) -> Callable[[Any], str | None]:
    return lambda value: None if value is None else check(value)


def _word(what: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if isinstance(value, str) and _WORD.fullmatch(value):
            return None
        return (
            f"expected {what}, a text without spaces and without any of '`\"$;&<>|(){{}}, that does"
            " not begin with a dash"
        )

    return check


def _path(value: Any) -> str | None:
    if isinstance(value, str) and value and not _CONTROL.search(value):
        return None
    return "expected a path, as a text that is not empty, without control characters"


def _known_hosts(value: Any) -> str | None:
    problem = _path(value)
    if problem is None and '"' in value:
        return 'expected a path without ": ssh has no way to quote it'
    return problem


def _directory(value: Any) -> str | None:
    problem = _path(value)
    if problem is not None:
        return problem
    if value.startswith("~"):
        return "the remote shell does not expand ~ here; a relative path is below the user's home"
    if value.startswith("-"):
        return "expected a path that does not begin with a dash: a shell takes - for where it was before"
    return None


def _number(least: float) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        if is_number(value, least=least, most=LONGEST_SECONDS):
            return None
        return f"expected seconds, a number of at least {least:g} and at most {LONGEST_SECONDS} (31 days)"

    return check


def _port(value: Any) -> str | None:
    if is_whole(value, least=1, most=_MAX_PORT):
        return None
    return f"expected a port, a whole number from 1 to {_MAX_PORT}"


def _umask(value: Any) -> str | None:
    if is_whole(value, least=0, most=_MAX_UMASK):
        return None
    return "expected a number such as 0o022"


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _words(value: Any) -> str | None:
    if _is_list(value) and all(isinstance(word, str) and "\0" not in word for word in value):
        return None
    return "expected a list of texts, each one argument of ssh, such as ['-o', 'Compression=yes']"


def _program(value: Any) -> str | None:
    words = value if _is_list(value) else [value]
    if any(_is_secret(word) for word in words):
        return f"no secret may be part of it: {SEEN_BY_ALL}"
    if words and all(is_renderable(word) or (isinstance(word, str) and word) for word in words):
        return None
    return "expected a program: its path, or a list of the program and its first arguments"


def _is_secret(word: Any) -> bool:
    """Whether it can be seen that this will be rendered with a secret; else the start sees it."""
    return isinstance(word, Secret) or bool(
        isinstance(word, Interpolate) and _SECRET_IN_TEXT.search(str(word.fmtstring))
    )


def _environment(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return "expected a dictionary {variable: value}"
    for key, text in value.items():
        if not isinstance(key, str) or not _VARIABLE.fullmatch(key):
            return f"{key!r} is no name of a variable: letters, digits and _ only"
        if key in _NOT_TO_BE_SET or key.startswith(_OURS):
            return f"{key} cannot be set: the shell, or what starts the worker there, needs it as it is"
        if not (is_renderable(text) or (isinstance(text, str) and "\0" not in text)):
            return f"the value of {key} is no text, renderable or secret"
    return None


def _script(value: Any) -> str | None:
    if is_renderable(value) or (isinstance(value, str) and value.strip()):
        return None
    return "expected shell commands, as a text"


def _worker_options(value: Any) -> str | None:
    if not isinstance(value, Mapping):
        return "expected a dictionary {argument of buildbot-worker: value}"
    wrong = sorted(str(key) for key in value if key not in WORKER_OPTIONS)
    if wrong:
        return f"unknown: {', '.join(wrong)}; known are {', '.join(WORKER_OPTIONS)}"
    for key, one in value.items():
        if not isinstance(one, (str, int, float, bool, type(None))):
            return f"the value of {key} is no text or number"
    return None


def _protocol(value: Any) -> str | None:
    return None if value in PROTOCOLS else f"expected one of {', '.join(PROTOCOLS)}"


_CHECKS: dict[str, Callable[[Any], str | None]] = {
    "host": _word("a host name or address"),
    "port": _optional(_port),
    "user": _optional(_word("a user name")),
    "identity_file": _optional(_path),
    "known_hosts": _optional(_known_hosts),
    "jump_host": _optional(_word("[user@]host[:port]")),
    "ssh_config": _optional(_path),
    "ssh_options": _words,
    "ssh_command": _path,
    "basedir": _optional(_directory),
    "python": _program,
    "worker_command": _optional(_program),
    "environment": _environment,
    "umask": _optional(_umask),
    "prepare_command": _optional(_script),
    "worker_options": _worker_options,
    "masterFQDN": _optional(_word("a host name or address")),
    "master_port": _optional(_port),
    "master_protocol": _protocol,
    "connect_timeout": _number(1),
    "start_timeout": _number(1),
    "ask_timeout": _number(0),
    "term_timeout": _number(0),
    "kill_timeout": _number(1),
    "master_gone_timeout": _number(1),
}
