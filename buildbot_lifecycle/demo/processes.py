"""Processes that never outlive the one that asked for them.

The demonstration and the tests start masters, workers and what builds start in their turn. Parents
are killed on purpose there, so neither parenthood nor process groups lead to all of them, since
Buildbot's worker gives each command a group of its own. All do inherit the environment: a process
is *marked* with a variable, and found again by it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def die_with_parent(sig: int = signal.SIGKILL) -> None:
    """Have the kernel send `sig` to this process when its parent ends. A no-op where not on Linux.

    Survives exec, but not a change of user, and is not inherited by children.
    """
    if not sys.platform.startswith("linux"):
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
    if os.getppid() != parent:  # it was gone before the call
        os.kill(os.getpid(), sig)


def marked(variable: str, value: str) -> list[int]:
    """The ids of all living processes, other than this one, started with `variable=value`."""
    needle = f"{variable}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        # It may end while we look, and may be another user's.
        with contextlib.suppress(OSError):
            if needle in (entry / "environ").read_bytes().split(b"\0") and not _is_zombie(entry):
                found.append(int(entry.name))
    return found


def _is_zombie(entry: Path) -> bool:
    return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"


def kill_marked(variable: str, value: str, timeout: float = 10.0) -> list[int]:
    """Kill all of them, and what they start meanwhile. The ids of those seen; raises if some stay.

    `timeout` in seconds.
    """
    seen: list[int] = []
    deadline = time.monotonic() + timeout
    while pids := marked(variable, value):
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {pids} with {variable}={value} do not die")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        seen += [pid for pid in pids if pid not in seen]
        time.sleep(0.01)
    return seen


def main() -> None:
    """`python -m buildbot_lifecycle.demo.processes COMMAND...` becomes COMMAND."""
    die_with_parent()
    # A shell without job control starts what it puts into the background with SIGINT ignored, and all
    # that descends from it inherits that: such a master could not be interrupted.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - running what we are told to is the purpose


if __name__ == "__main__":
    main()
