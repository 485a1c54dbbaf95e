"""The script that lists a worker's instances on its host, run here by a shell as sshd runs it."""

from __future__ import annotations

import os
import subprocess

import pytest

from buildbot_lifecycle.workers.ssh import remote
from tests.harness.waiting import patient


def said(script: str) -> list[str]:
    """The lines of a script that is told to go once it has said that it begins."""
    with subprocess.Popen(
        ["sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.write(script)
        assert shell.stdout.readline() == "lifecycle: begin\n"
        shell.stdin.write(remote.GO)
        shell.stdin.close()
        return shell.stdout.read().splitlines()


@pytest.mark.process
def test_the_numbers_of_a_workers_instances_are_said_once_each() -> None:
    marks = ["ownertest.1a", "ownertest.1a", "ownertest.2b", "ownertest2.3c"]
    sleepers = [
        subprocess.Popen(["sleep", "600"], env={**os.environ, remote.MARK: mark}) for mark in marks
    ]
    try:
        words = said(remote.numbers("ownertest"))
    finally:
        for each in sleepers:
            each.kill()
            each.wait(patient(10))
    assert words == ["lifecycle: instance 1a", "lifecycle: instance 2b", "lifecycle: end"]
    assert said(remote.numbers("ownertest")) == ["lifecycle: end"]
