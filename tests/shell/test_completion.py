"""Completion in the shells themselves: what stands there after the tabulator."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.need import may_miss
from tests.harness.terminal import Terminal
from tests.harness.waiting import patient
from tests.shell.conftest import Fake
from tests.shell.examples import worker, workers
from tests.test_docs import PAGES, blocks

pytestmark = pytest.mark.process

_PAGE = PAGES["command-line"]

#: How a shell is started so that nothing of this machine is in it, and what it has read before.
_START = {
    "bash": (["--norc", "--noprofile", "-i"], ""),
    "zsh": (["-f", "-i"], "autoload -U compinit; compinit -u -D; "),
}

_COMMAND = "buildbot-lifecycle"


def of_the_page(shell: str) -> str:
    """The line of docs/command-line that people add to their shell's own file."""
    (line,) = (each for each in blocks(_PAGE, shell) if f"{shell}_source" in each)
    return line.strip()


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None and "shells" in may_miss():
        pytest.skip(f"{name} is missing, as $LIFECYCLE_MAY_MISS allows")
    assert found is not None, f"{name} is missing: see tests/harness/need.py"
    return found


@pytest.fixture
def env(fake: Fake, tmp_path: Path) -> dict[str, str]:
    """Workers by REST, and the command where the environment that is tested has it."""
    fake.put("GET", "/workers", workers(worker(name="stuck-stop"), worker(name="well")))
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_STATE_HOME": str(tmp_path),
        "BUILDBOT_LIFECYCLE_URL": fake.url,
        "no_proxy": "127.0.0.1",
    }


#: What is typed, and what the tabulator makes of it.
_TYPED = {
    "worker stu": "worker stuck-stop ",
    "actions --worker we": "actions --worker well ",
    "stop-": "stop-check ",
    "orphans res": "orphans resolve ",
    "workers --jso": "workers --json ",
}


@pytest.mark.parametrize("name", sorted(_START))
def test_a_shell_completes_commands_options_and_names(name: str, env: dict[str, str]) -> None:
    """It has read the line of the docs."""
    arguments, before = _START[name]
    with Terminal([program(name), *arguments], {**env, "PS1": "> "}, 100) as shell:
        shell.type(f"{before}{of_the_page(name)}; echo re''ady\n")
        shell.wait("\nready")
        for typed, becomes in _TYPED.items():
            since = len(shell.text)
            shell.type(f"{_COMMAND} {typed}\t")
            shell.wait(f"{_COMMAND} {becomes}", since=since)
            shell.type("\x15")  # Ctrl-U: an empty line


def test_fish_completes_them_too(env: dict[str, str]) -> None:
    lines = [
        of_the_page("fish"),
        f'complete -C "{_COMMAND} worker stu"',
        f'complete -C "{_COMMAND} stop-"',
        f'complete -C "{_COMMAND} workers --jso"',
    ]
    done = subprocess.run(
        [program("fish"), "--no-config", "-c", "\n".join(lines)],
        env={**env, "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patient(30),
        check=True,
    )
    words = [line.split("\t")[0] for line in done.stdout.splitlines()]
    assert words == ["stuck-stop", "stop-check", "--json"], done
