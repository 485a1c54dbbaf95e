"""The kit as authors use it with pytest: the example of the docs, on a driver that is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from buildbot_lifecycle.demo.processes import kill_marked
from buildbot_lifecycle.demo.workers import MARK
from tests.harness.master import ROOT


def example() -> str:
    """The test that the docs show."""
    page = (ROOT / "docs" / "writing-workers.md").read_text(encoding="utf-8")
    blocks = [block.partition("\n```")[0] for block in page.split("```python\n")[1:]]
    (found,) = [block for block in blocks if "lifecycle_finding" in block]
    return found


def run(tmp_path: Path, text: str, *options: str) -> str:
    (tmp_path / "test_mine.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly", "-v"]
    done = subprocess.run(
        [*command, "-rs", *options, "test_mine.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.master
def test_each_rule_is_a_test_that_passes_fails_or_says_why_it_was_not_tried(tmp_path: Path) -> None:
    directory = str(tmp_path / "instance")
    text = example()
    worker = f"workers.RaisingStop('kit', build_wait_timeout=0, instance_dir={directory!r})"
    for shown, here in (
        ("\"MyLatentWorker('kit', 'pw', image='small', build_wait_timeout=3)\"", repr(worker)),
        ("from my_package import MyLatentWorker", "from buildbot_lifecycle.demo import workers"),
    ):
        assert shown in text
        text = text.replace(shown, here)
    try:
        told = run(tmp_path, text, "-k", "starts or ends or loss")
    finally:
        kill_marked(MARK, directory)
    assert "test_my_worker_keeps[starts] PASSED" in told, told
    assert "test_my_worker_keeps[stop ends] FAILED" in told, told
    assert "test_my_worker_keeps[loss is mended] SKIPPED" in told, told
    assert "the kit was not told: kill" in told, told


@pytest.mark.process
def test_a_module_without_a_driver_is_told_what_to_write(tmp_path: Path) -> None:
    text = "def test_mine(lifecycle_finding):\n    assert lifecycle_finding.kept\n"
    told = run(tmp_path, text, "-k", "starts")
    assert "write a fixture lifecycle_driver of scope module" in told, told


@pytest.mark.process
def test_who_does_not_ask_for_a_finding_has_no_more_tests_than_before(tmp_path: Path) -> None:
    told = run(tmp_path, "def test_mine():\n    pass\n")
    assert "1 passed" in told, told
