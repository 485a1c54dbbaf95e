"""`make test`: all steps in their order, each with its time. Standard library only: runs first.

A step that fails does not keep the next ones from running. Pytest comes last; tests/test_steps.py has one
test for each step before, so that its summary, the last line, is about all of it.
"""

from __future__ import annotations

import contextlib
import filecmp
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = Path(os.environ.get("VENV", ROOT / ".venv")).absolute()
STATIC = ROOT / "buildbot_lifecycle" / "static"
FRONTEND = ROOT / "frontend"


class Failed(Exception):
    """A step did; the text says how."""


def run(*command: str | Path, cwd: Path = ROOT) -> None:
    """Run a program without input; Failed unless it succeeds."""
    print("+", *command, flush=True)
    done = subprocess.run([*map(str, command)], cwd=cwd, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit status {done.returncode}")


def python(*arguments: str | Path) -> None:
    run(VENV / "bin" / "python", *arguments)


def needs() -> None:
    run(sys.executable, ROOT / "tests" / "harness" / "need.py")


def environment() -> None:
    """A private one, so that no package of the machine counts, nor suffers."""
    if not (VENV / "bin" / "python").exists():
        run(sys.executable, "-m", "venv", VENV)
    python("-m", "pip", "install", "-q", "-e", f"{ROOT}[test,docs]")
    with contextlib.suppress(Failed, OSError):  # the tests that need it say that it is missing
        libvirt()


def libvirt() -> None:
    """libvirt's python module, of the version that this machine has: it is compiled against that."""
    asked = ["pkg-config", "--modversion", "libvirt"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        python("-m", "pip", "install", "-q", f"libvirt-python=={done.stdout.strip()}")


def npm_packages() -> None:
    # `npm ci` begins with removing all that is there.
    lock, installed = (
        FRONTEND / "package-lock.json",
        FRONTEND / "node_modules" / ".package-lock.json",
    )
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        run("npm", "ci", "--no-audit", "--no-fund", cwd=FRONTEND)


def page_is_built() -> None:
    """The committed page is what its sources build to, byte for byte."""
    with tempfile.TemporaryDirectory() as scratch:
        committed = Path(scratch, "static")
        shutil.copytree(STATIC, committed)
        run("npm", "run", "build", cwd=FRONTEND)
        names = {p.relative_to(d) for d in (committed, STATIC) for p in d.rglob("*") if p.is_file()}
        other = [
            str(name)
            for name in sorted(names)
            if not (committed / name).exists()
            or not (STATIC / name).exists()
            or not filecmp.cmp(committed / name, STATIC / name, shallow=False)
        ]
    if other:
        raise Failed(f"buildbot_lifecycle/static is not what frontend/ builds: {', '.join(other)}")


def documentation() -> None:
    python("-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html", "docs", "docs/_build")


_SPREAD = ["--dist", "loadgroup"]

# Without these nothing else can be run.
FIRST: dict[str, Callable[[], None]] = {"needs": needs, "environment": environment}

STEPS: dict[str, Callable[[], None]] = {
    "ruff": lambda: python("-m", "ruff", "check", "."),
    "ruff format": lambda: python("-m", "ruff", "format", "--check", "."),
    "mypy": lambda: python("-m", "mypy"),
    "npm packages": npm_packages,
    "frontend lint": lambda: run("npm", "run", "lint", cwd=FRONTEND),
    "frontend types": lambda: run("npm", "run", "typecheck", cwd=FRONTEND),
    "frontend tests": lambda: run("npm", "test", cwd=FRONTEND),
    "page is built": page_is_built,
    "docs": documentation,
}


def main() -> int:
    """Run all; the exit status is pytest's."""
    outcome: list[tuple[str, float, str]] = []
    for name, step in {**FIRST, **STEPS}.items():
        print(f"\n=== {name}", flush=True)
        began = time.monotonic()
        failure = ""
        try:
            step()
        except (Failed, OSError) as error:
            failure = str(error)
            print(f"FAILED: {failure}", flush=True)
            if name == "environment":
                return 1
        outcome.append((name, round(time.monotonic() - began, 1), failure))

    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as steps:
        json.dump(outcome, steps)
        steps.flush()
        arguments = sys.argv[1:] or ["-n", os.environ.get("PYTEST_WORKERS", "2"), *_SPREAD]
        command = [str(VENV / "bin" / "python"), "-m", "pytest", *arguments]
        print("\n=== pytest\n+", *command, flush=True)
        return subprocess.run(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "LIFECYCLE_STEPS": steps.name},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
