"""Sessions that `login` keeps: one file for each address, readable by its owner only."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

from buildbot_lifecycle.shell.settings import cookies
from buildbot_lifecycle.shell.trouble import Status, Trouble

#: The line that says whose session it is.
_USER = "# user "


def path_of(url: str) -> Path:
    """Where the session at this address is kept: a cookie never comes to another host, port or path."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "buildbot-lifecycle" / f"{quote(url, safe='')}.cookie"


def keep(path: Path, url: str, user: str, pairs: Mapping[str, str]) -> None:
    """Write the cookies as curl does: whole or not at all, and with mode 0600 from the first."""
    parts = urlsplit(url)
    is_secure = "TRUE" if parts.scheme == "https" else "FALSE"
    lines = ["# Netscape HTTP Cookie File", _USER + quote(user)]
    lines += [
        f"#HttpOnly_{parts.hostname}\tFALSE\t/\t{is_secure}\t0\t{name}\t{value}"
        for name, value in pairs.items()
    ]
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:  # is 0600
            file.write("\n".join(lines) + "\n")
        Path(file.name).replace(path)
    except OSError as error:
        raise Trouble(Status.FAILED, f"the session cannot be kept in {path}: {error}") from error


def kept(url: str, user: str | None) -> str | None:
    """The session at this address as a header, if it is this user's; None says anybody's."""
    path = path_of(url)
    if not path.exists():
        return None
    header = cookies(str(path), url)  # says it where others may read the file
    owner = next(
        (line for line in path.read_text("utf-8").splitlines() if line.startswith(_USER)), ""
    )
    return header if user is None or owner == _USER + quote(user) else None


def forget(url: str) -> bool:
    """Delete the session at this address; whether there was one."""
    path = path_of(url)
    is_there = path.exists()
    path.unlink(missing_ok=True)
    return is_there
