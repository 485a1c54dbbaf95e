"""Where Buildbot is and who asks: from options, then the environment, then the configuration file."""

from __future__ import annotations

import configparser
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from buildbot_lifecycle.shell.trouble import Status, Trouble

_SECTION = "buildbot-lifecycle"
_ENVIRONMENT = "BUILDBOT_LIFECYCLE_"

#: What may stand in the file, and after the prefix in the environment.
KEYS = ("url", "user", "password_file", "token_file", "cookie_file", "ca_file")


class Settings(NamedTuple):
    """All that a client needs. A password in the environment is `password`; it is in no file of ours."""

    url: str
    user: str | None = None
    password: str | None = None
    password_file: str | None = None
    token_file: str | None = None
    cookie_file: str | None = None
    ca_file: str | None = None
    timeout: float = 30.0


def default_path(environment: Mapping[str, str]) -> Path:
    """Where XDG has the configuration of a program."""
    base = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "buildbot-lifecycle" / "config"


def settings(options: Mapping[str, str | None], config: str | None, timeout: float) -> Settings:
    """What holds: an option before the environment, that before the file."""
    environment = os.environ
    path, found = _found(options, config)
    url = found.pop("url")
    if not url:
        raise Trouble(
            Status.USAGE,
            "where is Buildbot?",
            f"Say --url https://ci.example.org/, or set {_ENVIRONMENT}URL, or write url = ... below"
            f" [{_SECTION}] into {path}",
        )
    try:
        whole = address(url)
    except Trouble as trouble:
        where = _named_by("url", options, path)
        raise Trouble(trouble.status, f"{where}: {trouble.message}", trouble.advice) from trouble
    return Settings(
        url=whole,
        password=environment.get(f"{_ENVIRONMENT}PASSWORD") or None,
        timeout=timeout,
        **found,
    )


def has_url(options: Mapping[str, str | None], config: str | None) -> bool:
    """Whether it is said anywhere where Buildbot is."""
    return bool(_found(options, config)[1]["url"])


def _found(
    options: Mapping[str, str | None], config: str | None
) -> tuple[Path, dict[str, str | None]]:
    """The configuration file, and all keys."""
    environment = os.environ
    given = config or environment.get(f"{_ENVIRONMENT}CONFIG")
    path = Path(given).expanduser() if given else default_path(environment)
    filed = _read(path) if given or path.exists() else {}
    return path, {
        key: options.get(key) or environment.get(_ENVIRONMENT + key.upper()) or filed.get(key)
        for key in KEYS
    }


def _named_by(key: str, options: Mapping[str, str | None], path: Path) -> str:
    """Where this key has its value from."""
    if options.get(key):
        return f"--{key.replace('_', '-')}"
    variable = _ENVIRONMENT + key.upper()
    return variable if os.environ.get(variable) else f"{key} in {path}"


def _read(path: Path) -> Mapping[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(path.read_text(encoding="utf-8"), source=str(path))
    except (OSError, UnicodeDecodeError) as error:
        advice = f"Another one is named by --config FILE, or {_ENVIRONMENT}CONFIG"
        raise Trouble(Status.USAGE, f"{path} cannot be read: {_why(error)}", advice) from error
    except configparser.Error as error:
        advice = f"It begins with [{_SECTION}]; then lines such as url = https://ci.example.org/"
        line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [])), [None])[0]
        where = f"{path}, line {line}" if line else str(path)
        what = {
            configparser.MissingSectionHeaderError: f"stands above [{_SECTION}]",
            configparser.DuplicateOptionError: "has a key for the second time",
            configparser.DuplicateSectionError: "has a section for the second time",
        }.get(type(error), "is no key = value")
        raise Trouble(Status.USAGE, f"{where}: this {what}", advice) from error
    values = dict(parser[_SECTION]) if parser.has_section(_SECTION) else {}
    unknown = [*(set(values) - set(KEYS)), *(set(parser.sections()) - {_SECTION})]
    if unknown:
        advice = f"There is one section, [{_SECTION}], with {', '.join(KEYS)}"
        raise Trouble(Status.USAGE, f"{path}: {sorted(unknown)[0]!r} is not known", advice)
    return values


def address(url: str) -> str:
    """Buildbot's address without what a browser's line has behind it: ``#/lifecycle``, a slash."""
    parts = urlsplit(url.strip())
    try:
        is_whole = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number
        is_whole = False
    if not is_whole or "@" in parts.netloc or url.split() != [url.strip()]:
        raise Trouble(
            Status.USAGE,
            f"{url!r} is not an address of Buildbot",
            "It is as in a browser, for example https://ci.example.org/buildbot/, without quotes, and"
            " with nothing behind it. A user is given by --user",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def is_exposed(url: str) -> bool:
    """Whether what is sent there leaves this machine, and can be read on its way."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https" or host == "localhost" or host.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return True


def secret(path: str) -> str:
    """The first line of a file that only its owner may read."""
    file = Path(path).expanduser()
    try:
        with file.open(encoding="utf-8") as lines:
            mode = os.fstat(lines.fileno()).st_mode
            found = lines.readline().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        advice = "Is it the file that is meant, and may you read it? Its first line is the secret"
        raise Trouble(Status.USAGE, f"{file} cannot be read: {_why(error)}", advice) from error
    if mode & 0o077:
        message = f"{file} can be read by others"
        raise Trouble(Status.USAGE, message, f"It holds a secret: chmod 600 {file}")
    if not found:
        raise Trouble(Status.USAGE, f"{file} is empty", "Its first line is the secret")
    return found


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (
        (error.strerror or str(error)) if isinstance(error, OSError) else "it is no text in UTF-8"
    )


def cookies(path: str, url: str) -> str:
    """The cookies of a file that are for this host, as a header.

    The file is as ``curl -c`` writes it, or has lines ``name=value``.
    """
    secret(path)
    parts = urlsplit(url)
    pairs = []
    for line in Path(path).expanduser().read_text(encoding="utf-8").splitlines():
        fields = line.removeprefix("#HttpOnly_").split("\t")
        if len(fields) == _NETSCAPE:
            domain, _, _, is_secure, _, name, value = fields
            is_ours = f".{parts.hostname}".endswith("." + domain.lstrip("."))
            if is_ours and (is_secure != "TRUE" or parts.scheme == "https"):
                pairs.append(f"{name}={value}")
        elif "=" in line and not line.startswith("#"):
            pairs.append(line.strip())
    if not pairs:
        message = f"{path} has no cookie for {parts.hostname}"
        raise Trouble(Status.USAGE, message, "Log in again, and write the cookie anew")
    return "; ".join(pairs)


#: How many fields a line has in the files of Netscape and curl.
_NETSCAPE = 7
