"""The unit and the recipe of docs/deploy: linted, and with the limits of the service."""

from __future__ import annotations

import configparser
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from buildbot_lifecycle.core.settings import DEFAULT_SHUTDOWN_LIMIT
from tests.harness.master import ROOT
from tests.harness.waiting import patient

pytestmark = pytest.mark.process

DEPLOY = ROOT / "docs" / "deploy"
UNIT, RECIPE = DEPLOY / "buildbot-master.service", DEPLOY / "Containerfile"


def unit() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(UNIT)
    return parser["Service"]


def test_systemd_waits_longer_than_the_stop_may_take() -> None:
    assert float(unit()["TimeoutStopSec"]) > DEFAULT_SHUTDOWN_LIMIT + 10


def test_an_engine_is_told_to_wait_as_long() -> None:
    assert f"--stop-timeout {unit()['TimeoutStopSec']} " in RECIPE.read_text(encoding="utf-8")


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """With a command and a directory that are there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze (Debian: systemd)")
    text = UNIT.read_text(encoding="utf-8").replace("/opt/buildbot/bin/buildbot", sys.executable)
    copy = tmp_path / UNIT.name
    copy.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)],
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )
    mine = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert mine == []


def test_the_linter_finds_nothing_in_the_recipe() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    if not linter.exists():
        pytest.skip("no hadolint for this machine")
    done = subprocess.run(
        [str(linter), str(RECIPE)], capture_output=True, text=True, timeout=patient(60), check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)
