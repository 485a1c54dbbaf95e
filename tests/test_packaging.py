"""What users install: the built wheel, not this checkout."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.conftest import MakeMaster
from tests.harness.master import ROOT, RealMaster, worker
from tests.master.support import FEW_SECONDS, LIFECYCLE, force, get_stuck, unpause

# One group: building and installing is done once, by one of the parallel runners.
pytestmark = [pytest.mark.slow, pytest.mark.master, pytest.mark.xdist_group("packaging")]

PACKAGE = ROOT / "buildbot_lifecycle"

#: Each older Buildbot that is supported, and what it needs beside it: 4.1 imports what Twisted took out
#: after 24.3. The oldest is tried in each run, the others by `make versions`.
OLDER = {"4.1": ["twisted==24.3.*"], "4.2": []}

_OLDER = [
    pytest.param(version, marks=[] if version == min(OLDER) else [pytest.mark.long_way])
    for version in OLDER
]

STATIC = ("scripts.js", "views.js", "styles.css")


#: As a release is built: the same bytes from the same commit.
EPOCH = "1795000000"


def run(*command: str | Path, cwd: Path, **more: str) -> str:
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | more
    done = subprocess.run(
        [*map(str, command)], cwd=cwd, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def build(checkout: Path, dist: Path) -> None:
    # with the setuptools that is there: an environment for each build takes longer than the build
    command = (sys.executable, "-m", "build", "--no-isolation", "--outdir", dist)
    run(*command, cwd=checkout, SOURCE_DATE_EPOCH=EPOCH)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """sdist and wheel; the wheel is built from the sdist, so what the sdist lacks is missed."""
    scratch = tmp_path_factory.mktemp("built")
    # A copy: a build leaves things in the place where it is done.
    unwanted = shutil.ignore_patterns(
        "node_modules",
        ".git",
        ".venv",
        "build",
        "dist",
        "_build",
        "*.egg-info",
        "__pycache__",
        ".*_cache",
    )
    shutil.copytree(ROOT, scratch / "checkout", ignore=unwanted)
    build(scratch / "checkout", scratch / "dist")
    (sdist,) = (scratch / "dist").glob("*.tar.gz")
    (wheel,) = (scratch / "dist").glob("*.whl")
    return sdist, wheel


def installed(wheel: Path, directory: Path, *more: str) -> Path:
    """The interpreter of a new environment with the wheel, its requirements and worker processes."""
    venv = directory / "venv"
    run(sys.executable, "-m", "venv", venv, cwd=directory)
    python = venv / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", f"{wheel}[demo]", *more, cwd=directory)
    return python


@pytest.fixture(scope="module")
def clean_python(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With what is newest of all that it may be."""
    return installed(built[1], tmp_path_factory.mktemp("clean"))


@pytest.fixture(scope="module", params=_OLDER)
def older(
    request: pytest.FixtureRequest,
    built: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path]:
    """An older Buildbot that is supported, and the interpreter of its environment."""
    version = str(request.param)
    names = [f"{name}=={version}.*" for name in ("buildbot", "buildbot-www", "buildbot-worker")]
    directory = tmp_path_factory.mktemp("older")
    return version, installed(built[1], directory, *names, *OLDER[version])


def test_the_same_sources_are_the_same_bytes(built: tuple[Path, Path], tmp_path: Path) -> None:
    """Also where the files have other times, and are found in another order."""
    with tarfile.open(built[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    (checkout,) = tmp_path.iterdir()
    # what the build has added
    shutil.rmtree(checkout / "buildbot_lifecycle.egg-info")
    for added in ("PKG-INFO", "setup.cfg"):
        (checkout / added).unlink()
    for path in sorted(checkout.rglob("*"), reverse=True):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    build(checkout, tmp_path / "dist")
    for first in built:
        again = tmp_path / "dist" / first.name
        assert digest(again) == digest(first), first.name


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_index_takes_them(built: tuple[Path, Path]) -> None:
    """Names, version, description that renders; of the wheel, nothing that does not belong into one."""
    said = run(sys.executable, "-m", "twine", "check", "--strict", *built, cwd=ROOT)
    assert said.count("PASSED") == len(built), said
    said = run(sys.executable, "-m", "check_wheel_contents", built[1], cwd=ROOT)
    assert said.rstrip().endswith("OK"), said


def test_the_wheel_holds_every_module_and_the_page(built: tuple[Path, Path]) -> None:
    names = {n for n in zipfile.ZipFile(built[1]).namelist() if ".dist-info/" not in n}
    (page,) = {n for n in names if ".data/" in n}
    assert page.endswith(".data/data/share/man/man1/buildbot-lifecycle.1")
    names -= {page}
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert names == wanted
    assert {f"buildbot_lifecycle/static/{n}" for n in STATIC} <= names
    assert {"buildbot_lifecycle/VERSION", "buildbot_lifecycle/py.typed"} <= names


def test_the_sdist_holds_what_it_takes_to_change_build_and_test_it(
    built: tuple[Path, Path],
) -> None:
    with tarfile.open(built[0]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "Makefile",
        "LICENSE",
        "CHANGELOG.md",
        ".ci/run",
        "frontend/package-lock.json",
        "frontend/src",
        "tests/conftest.py",
        "tests/harness/master.py",
        "docs/conf.py",
    } <= names
    assert not [n for n in names if "node_modules" in n or n.endswith(".pyc") or "_build" in n]


def test_the_wheel_says_what_it_is(built: tuple[Path, Path]) -> None:
    archive = zipfile.ZipFile(built[1])
    (metadata,) = (n for n in archive.namelist() if n.endswith("/METADATA"))
    text = archive.read(metadata).decode()
    version = (PACKAGE / "VERSION").read_text().strip()
    assert f"\nVersion: {version}\n" in text
    assert "\nName: buildbot-lifecycle\n" in text
    assert "GPL-2.0-only" in text
    assert "\nRequires-Python: >=3.10\n" in text


def test_a_real_master_runs_with_the_installed_wheel_alone(
    make_master: MakeMaster, clean_python: Path, tmp_path: Path
) -> None:
    """Two lines in master.cfg, no argument: as an administrator installs it."""
    where = run(
        clean_python, "-c", "import buildbot_lifecycle as b; print(b.__file__)", cwd=tmp_path
    )
    assert where.startswith(str(clean_python.parents[1])), "it is the checkout that is tested"

    master = make_master([worker("Healthy", "healthy")], python=clean_python, pythonpath=None)
    assert master.build("healthy")["results"] == 0
    seen = master.wait_worker("healthy", state="not_substantiated", verdict__level="ok")
    assert seen["class"] == "Healthy"
    for name in STATIC:
        served = master.get(f"plugins/lifecycle/{name}").ok().text
        assert served == (PACKAGE / "static" / name).read_text()
    the_command_that_comes_with_it(clean_python, master)
    master.stop(10)


def the_command_that_comes_with_it(python: Path, master: RealMaster) -> None:
    """The console script and its manual page, both from the wheel, and this master as they see it."""
    command = python.with_name("buildbot-lifecycle")
    version = (PACKAGE / "VERSION").read_text().strip()
    assert version in run(command, "--version", cwd=master.basedir)
    table = run(command, "--url", master.url, "workers", cwd=master.basedir)
    assert "healthy" in table
    looked = ("doctor", "--master-dir", master.basedir, "--json")
    found = json.loads(run(command, "--url", master.url, *looked, cwd=master.basedir))["findings"]
    assert {each["level"] for each in found if each["what"] != "disk"} == {"ok"}, found
    assert {each["side"] for each in found} == {"rest", "directory"}
    page = python.parents[1] / "share" / "man" / "man1" / "buildbot-lifecycle.1"
    assert page.read_text() == (ROOT / "docs" / "man" / page.name).read_text()


def test_an_older_buildbot_records_and_frees(
    make_master: MakeMaster, older: tuple[str, Path], tmp_path: Path
) -> None:
    """A build, a stop that never ends, a force disconnect, a build again, and the end of the master."""
    version, python = older
    said = run(python, "-c", "import buildbot as b; print(b.version)", cwd=tmp_path)
    assert said.startswith(f"{version}.")
    hang = tmp_path / "hang"
    hang.touch()
    master = make_master(
        [worker("StuckStopDeferred", "stuck", hang_file=hang)],
        python=python,
        pythonpath=None,
        lifecycle=LIFECYCLE,
    )
    assert master.build("stuck")["results"] == 0
    get_stuck(master, "stuck", pending=bool)
    hang.unlink()
    assert force(master, "stuck")["status"] == "done"
    master.wait_worker("stuck", state="not_substantiated", paused=True)
    unpause(master, "stuck")
    assert master.build("stuck")["results"] == 0
    assert master.get("plugins/lifecycle/scripts.js").ok().text
    master.stop(FEW_SECONDS)


def test_the_plugin_can_be_installed_and_not_be_used(
    make_master: MakeMaster, clean_python: Path
) -> None:
    """Buildbot imports the page's part of every installed plugin, configured or not."""
    master = make_master(
        [worker("Healthy", "healthy")],
        python=clean_python,
        pythonpath=None,
        plugin=False,
        hide=False,
    )
    assert "www plugin 'lifecycle' is installed but not configured" in master.log()
    assert master.build("healthy")["results"] == 0
    master.stop(10)
