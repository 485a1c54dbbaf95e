"""`doctor` beside a master's directory, whether the master runs or not.

Buildbot, the configuration and the database are met in processes of their own: they may hang, may be of
another environment, and may print what they like.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from buildbot_lifecycle.shell import findings
from buildbot_lifecycle.shell.findings import BROKEN, OK, UNKNOWN, Finding, finding

#: Seconds for each process.
_LIMIT = 120.0

#: Of what a process has printed, so many of the last lines are shown.
_LINES = 20

#: Without the directory itself on the path: a json.py beside master.cfg is nobody's json.
_FREE = "import sys; sys.path[:] = [each for each in sys.path if each]; "
_CHECKCONFIG = _FREE + "from buildbot.scripts.runner import run; run()"
_INSIDE = _FREE + "from buildbot_lifecycle.shell.inside import main; main()"


def look(directory: Path, python: str, limit: float = _LIMIT) -> Iterator[Finding]:
    """What is found, in the order in which it is looked at. Nothing is written into the directory."""
    directory = directory.expanduser().resolve()
    if not (directory / "buildbot.tac").is_file():
        text = f"{directory} has no buildbot.tac"
        yield finding(BROKEN, "directory", text, "It is the one that `buildbot start` is given")
        return
    check = _checked(directory, python, limit)
    yield check
    told = _inside(directory, python, limit, is_good=check.level == OK)
    if isinstance(told, Finding):
        yield told
        return
    yield from findings.of_versions(told["versions"])
    yield findings.of_names(told["missing"])
    if check.level != OK:
        text = "services, tables and disk: the configuration comes first"
        yield finding(UNKNOWN, "database", text, "Mend what checkconfig says, and look again")
        return
    yield from _of_configuration(told)


def _of_configuration(told: dict[str, Any]) -> Iterator[Finding]:
    if "error" in told:
        advice = "Run it as the user and in the environment of the master: --python, sudo -u"
        yield finding(UNKNOWN, "configuration", told["error"], advice)
        return
    yield from findings.of_configuration(told["service"], told["page"])
    database = told["database"]
    if "error" in database:
        advice = "Is the database up, and may this user read it? The master's own user may"
        yield finding(UNKNOWN, "tables", database["error"], advice)
    else:
        yield findings.of_tables(database["version"], database["known"], database["why"])
    if database.get("file"):
        yield _disk(Path(database["file"]))


def _disk(file: Path) -> Finding:
    try:
        size = sum(each.stat().st_size for each in file.parent.glob(f"{file.name}*"))
        free = shutil.disk_usage(file.parent).free
    except OSError as error:
        return finding(UNKNOWN, "disk", str(error), "Run it as a user who may look there")
    return findings.of_disk(str(file), size, free)


def _checked(directory: Path, python: str, limit: float) -> Finding:
    """What `buildbot checkconfig` says."""
    code, told = _run(
        [*_python(python), _CHECKCONFIG, "checkconfig", str(directory)], directory, limit
    )
    if code == 0:
        advice = "Look again before each `buildbot reconfig`"
        return finding(OK, "checkconfig", "Buildbot takes the configuration", advice)
    if code is None or "No module named 'buildbot'" in told:
        advice = "Say the interpreter in which Buildbot is installed: --python FILE"
        return finding(UNKNOWN, "checkconfig", told, advice)
    return finding(BROKEN, "checkconfig", told, "Mend it: `buildbot reconfig` would refuse it too")


def _inside(
    directory: Path, python: str, limit: float, *, is_good: bool
) -> dict[str, Any] | Finding:
    """What `inside` has written; or why it has not."""
    with tempfile.TemporaryDirectory() as scratch:  # 0700
        answer = Path(scratch) / "answer"
        asked = [
            *_python(python),
            _INSIDE,
            str(directory),
            str(answer),
            "all" if is_good else "names",
        ]
        code, told = _run(asked, directory, limit)
        try:
            found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            text = told or f"it ended with {code}"
            advice = "Say the interpreter in which Buildbot and the plugin are installed: --python"
            return finding(UNKNOWN, "names", text, advice)
    return found


def _python(python: str) -> list[str]:
    """It writes no compiled modules beside the configuration: who runs this may be another user."""
    return [python, "-B", "-c"]


def _run(command: Sequence[str], directory: Path, limit: float) -> tuple[int | None, str]:
    """Its status, None without one, and the last of what it has printed."""
    try:
        done = subprocess.run(  # noqa: S603  # no shell; who names the interpreter is who runs this
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"it has not ended within {limit:.0f} s"
    except OSError as error:
        return None, f"{command[0]} cannot be run: {error}"
    text = done.stdout.decode("utf-8", "replace").strip()
    return done.returncode, "\n".join(text.splitlines()[-_LINES:])
