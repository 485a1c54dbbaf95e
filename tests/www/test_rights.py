"""The matrix of rights, and the lines of docs/security by `buildbot checkconfig`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.harness.master import RealMaster
from tests.harness.waiting import patient
from tests.www import rights


@pytest.mark.process
def test_the_table_in_the_docs_is_what_a_server_answers(tmp_path: Path) -> None:
    """It is written by ``python -m tests.www.rights``."""
    assert rights.asked_of_all(tmp_path) == rights.TABLE.read_text(encoding="utf-8")


def checked(master: RealMaster, lines: str) -> str:
    """What `buildbot checkconfig` says of the sample of a new master with these lines."""
    config = master.basedir / "master.cfg"
    sample = (master.basedir / "master.cfg.sample").read_text(encoding="utf-8")
    config.write_text(f"{sample}\n{lines}", encoding="utf-8")
    done = subprocess.run(
        [str(master.python.parent / "buildbot"), "checkconfig", str(config)],
        env=master.env,
        cwd=master.basedir,
        capture_output=True,
        text=True,
        timeout=patient(60),
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.master
def test_checkconfig_takes_the_lines_of_the_docs_and_names_each_wrong_argument(
    tmp_path: Path,
) -> None:
    page = (rights.ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    blocks = [text.split("```")[0] for text in page.split("```python\n")[1:]]
    good = "\n".join(text for text in blocks if "LifecycleEndpointMatcher" in text)
    assert good.count("util.Authz") == 2
    wrong = """util.LifecycleEndpointMatcher(
        actions=["force", "dismiss"], workers=["a[", "docker-*"], defaultDeny="no"
    )"""
    master = RealMaster(tmp_path / "master")
    try:
        master.create()
        assert "Config file is good" in checked(master, good)
        said = checked(master, wrong)
    finally:
        master.teardown()
    for each in (
        "unknown action 'force'; known are force-disconnect, override, resolve,",
        "the name pattern 'a[' has a [ without its ]",
        "dismiss is of no single worker: give it a rule without workers",
        "role must be the name of a role, not None",
        "defaultDeny must be True or False, not 'no'",
    ):
        assert f"LifecycleEndpointMatcher: {each}" in said.replace("workers: the", "the")
    assert "Traceback" not in said
