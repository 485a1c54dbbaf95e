"""Buildbot's own tests of latent workers, with our probe on: it must not change one outcome.

They are not in Buildbot's packages, so its sources are needed: $BUILDBOT_SOURCE names a checkout or a
clone (also a bare one) that has the tag of the installed version. Without it this is not run, and the
end of the test run says so.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.harness.master import ROOT
from tests.harness.waiting import patient

pytestmark = [pytest.mark.upstream, pytest.mark.slow, pytest.mark.xdist_group("upstream")]

VERSION = metadata.version("buildbot")

TESTS = [
    "buildbot.test.integration.worker.test_latent",
    "buildbot.test.integration.worker.test_misc",
]

#: Fail in stock 4.3.0 as well, with a current Twisted. The first two look for their own module's name
#: in a traceback, and for the one that it had before it was moved.
FAIL_IN_STOCK = {
    "test_failed_ping_get_requeued",
    "test_failed_sendBuilderList_get_requeued",
    "test_negative_build_timeout_insubstantiates_on_master_shutdown",
}

#: Seconds.
LIMIT = 300


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `import buildbot` is to find."""
    given = os.environ.get("BUILDBOT_SOURCE")
    if not given:
        pytest.skip("Buildbot's own tests need its sources: set BUILDBOT_SOURCE to a clone of it")
    git = ["git", "-c", "safe.directory=*", "-C", given]
    tagged = subprocess.run(
        [*git, "archive", f"v{VERSION}", "master"], capture_output=True, check=False
    )
    if tagged.returncode == 0:
        unpacked = tmp_path_factory.mktemp("buildbot")
        with tarfile.open(fileobj=io.BytesIO(tagged.stdout)) as archive:
            archive.extractall(unpacked)
        return unpacked / "master"
    plain = Path(given, "master").absolute()
    assert (plain / "buildbot" / "test" / "integration" / "worker").exists(), (
        f"{given} is neither a clone with the tag v{VERSION} nor a source tree:"
        f" {tagged.stderr.decode()}"
    )
    return plain


def run(source: Path, mode: str, scratch: Path) -> dict[str, Any]:
    result = scratch / f"{mode}.json"
    (scratch / mode).mkdir()
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)]),
        "BUILDBOT_VERSION": VERSION,
    }
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("trial.py")), str(result), mode, *TESTS],
        cwd=scratch / mode,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patient(LIMIT),
        check=False,
    )
    assert result.exists(), done.stdout[-5000:] + done.stderr[-5000:]
    outcome: dict[str, Any] = json.loads(result.read_text())
    return outcome


@pytest.mark.timeout(patient(2 * LIMIT))
def test_buildbots_own_latent_tests_come_out_the_same_with_the_probe(
    source: Path, tmp_path: Path
) -> None:
    plain = run(source, "plain", tmp_path)
    probed = run(source, "probe", tmp_path)

    failing = {
        name.rpartition(".")[2]
        for name, words in plain["outcomes"].items()
        if set(words) - {"success"}
    }
    assert failing <= FAIL_IN_STOCK, "the comparison says little if stock Buildbot fails"
    assert probed["outcomes"] == plain["outcomes"]
    assert len(probed["outcomes"]) >= 50
    assert not probed["failed"], "hooks of ours that raised"
    # It was on: dozens of masters went through hundreds of changes.
    assert probed["seen"]["transition"] > 300
    assert not plain["seen"]
