"""The interface for authors of drivers says what is asked, and our own worker is as it says."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from buildbot_lifecycle import drivers
from buildbot_lifecycle.clouds.hooks import METHODS
from buildbot_lifecycle.workers.ssh import SSHLatentWorker
from tests.harness.master import ROOT


def test_every_method_that_is_asked_for_has_an_interface_and_no_other() -> None:
    assert sorted(drivers.INTERFACES) == sorted(METHODS.values())


@pytest.mark.parametrize("method", drivers.INTERFACES)
def test_the_docs_name_it_with_the_same_arguments(method: str) -> None:
    page = (ROOT / "docs" / "writing-workers.md").read_text(encoding="utf-8")
    (shown,) = re.findall(rf"^\| `{method}\((.*?)\)` \|", page, re.MULTILINE)
    names = list(inspect.signature(getattr(drivers.INTERFACES[method], method)).parameters)[1:]
    assert [name for name in shown.split(", ") if name] == names


@pytest.mark.parametrize("method", [m for m in drivers.INTERFACES if hasattr(SSHLatentWorker, m)])
def test_our_ssh_worker_takes_the_same_arguments(method: str) -> None:
    ours = inspect.signature(getattr(SSHLatentWorker, method))
    asked = inspect.signature(getattr(drivers.INTERFACES[method], method))
    assert list(ours.parameters) == list(asked.parameters)


@pytest.mark.process
def test_a_type_checker_holds_a_class_against_it(tmp_path: Path) -> None:
    text = """
from twisted.internet import defer
from buildbot_lifecycle.drivers import EndsInstance, ListsInstances, TellsGone

class Mine:
    async def lifecycle_is_gone(self, instance: str | None) -> bool | None:
        return None
    def lifecycle_end(self, instance: str) -> defer.Deferred[bool]:
        return defer.succeed(True)
    def lifecycle_instances(self) -> int:
        return 1

gone: TellsGone = Mine()
ends: EndsInstance = Mine()
lists: ListsInstances = Mine()
"""
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--ignore-missing-imports",
            "--cache-dir",
            str(tmp_path / "cache"),
            "mine.py",
        ],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    (wrong,) = [line for line in done.stdout.splitlines() if "error:" in line]
    assert 'variable has type "ListsInstances"' in wrong, done.stdout + done.stderr
