"""What holds `make unit` to tests that start no process."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.harness.processes import MAY_START


def test_a_test_without_a_mark_starts_no_process() -> None:
    with pytest.raises(RuntimeError, match=r"needs @pytest\.mark\.process"):
        subprocess.run([sys.executable, "-c", ""], check=True)


@pytest.mark.process
def test_a_test_with_the_mark_does() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)


def test_each_mark_is_one_of_the_projects(pytestconfig: pytest.Config) -> None:
    known = {line.partition(":")[0] for line in pytestconfig.getini("markers")}
    assert known >= MAY_START
