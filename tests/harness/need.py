"""What the tests need besides Python packages, and how to get it. Standard library only: runs first.

Installs with apt-get what is missing, as root or through sudo. Services that come with a package are
not started: the tests start servers of their own. What cannot be had fails the run, unless it is named in
$LIFECYCLE_MAY_MISS (words: chromium, docker, faketime, firefox, libvirt, mandoc, mariadb, nginx,
postgresql, prometheus, shells, sshd): its tests are skipped then, and listed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")

MIN_NODE = 20


def may_miss() -> set[str]:
    """What the user says the tests may do without."""
    return set(os.environ.get("LIFECYCLE_MAY_MISS", "").replace(",", " ").split())


def _program(*names: str) -> Callable[[], bool]:
    places = os.environ.get("PATH", "") + ":/usr/sbin"
    return lambda: any(shutil.which(name, path=places) for name in names)


def _postgres() -> bool:
    debian = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    return any(debian) or bool(shutil.which("postgres"))


def _node() -> bool:
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(version.stdout.strip().lstrip("v").split(".")[0]) >= MIN_NODE


def _libvirt() -> bool:
    drivers = Path("/usr/lib").glob("*/libvirt/connection-driver/libvirt_driver_lxc.so")
    headers = Path("/usr/include/libvirt/libvirt.h")
    return any(drivers) and headers.exists() and _program("pkg-config")() and _program("gcc")()


def _venv() -> bool:
    return importlib.util.find_spec("ensurepip") is not None


_SHELLS = ["bash", "zsh", "fish"]

NEEDS: dict[str, tuple[Callable[[], bool], list[str]]] = {
    "python3-venv": (_venv, ["python3-venv"]),
    # Debian 12 has an older one, so this is not ours to install.
    f"node {MIN_NODE} with npm": (_node, []),
    "chromium": (
        lambda: (
            "CHROMIUM" in os.environ or _program("chromium", "chromium-browser", "google-chrome")()
        ),
        ["chromium", "fonts-liberation"],
    ),
    "firefox": (
        lambda: "FIREFOX" in os.environ or _program("firefox-esr", "firefox")(),
        ["firefox-esr"],
    ),
    # The package mariadb-server would bring a service along.
    "mariadb": (_program("mariadbd"), ["mariadb-server-core", "mariadb-client-core"]),
    "postgresql": (_postgres, ["postgresql"]),
    # A container engine; busybox is the whole of its one image (tests/clouds).
    "docker": (
        lambda: _program("dockerd")() and _program("runc")() and _program("busybox")(),
        ["docker.io", "runc", "containerd", "tini", "busybox-static"],
    ),
    # Its python module is made for the version of the machine: see everything.py.
    "libvirt": (
        lambda: _program("libvirtd")() and _program("busybox")() and _libvirt(),
        [
            "libvirt-daemon",
            "libvirt-daemon-driver-lxc",
            "busybox-static",
            "libvirt-dev",
            "pkg-config",
            "gcc",
            "python3-dev",
        ],
    ),
    # Scrapes a master, and has the linter of metrics and rules (promtool).
    "prometheus": (lambda: _program("prometheus")() and _program("promtool")(), ["prometheus"]),
    # Which complete what `buildbot-lifecycle` takes.
    "shells": (lambda: _program("bash")() and _program("zsh")() and _program("fish")(), _SHELLS),
    # Reads manual pages, and says what is wrong with one.
    "mandoc": (_program("mandoc"), ["mandoc"]),
    # Stands before a master as in Buildbot's manual.
    "nginx": (_program("nginx", "/usr/sbin/nginx"), ["nginx-light"]),
    # Sets the wall clock of a master.
    "faketime": (
        lambda: any(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")),
        ["faketime"],
    ),
    # The host at the other end of SSHLatentWorker.
    "sshd": (
        lambda: _program("sshd")() and _program("ssh")(),
        ["openssh-server", "openssh-client"],
    ),
}


def missing() -> list[str]:
    """Names of what is not on this machine now."""
    return [name for name, (there, _) in NEEDS.items() if not there()]


def get(names: list[str]) -> None:
    """Try to install what these need."""
    packages = [package for name in names for package in NEEDS[name][1]]
    if not packages:
        return
    if not shutil.which("apt-get"):
        print("no apt-get here")
        return
    with _no_services():
        command = ["apt-get", "install", "-y", "-q", "--no-install-recommends"]
        command += ["-o", "DPkg::Lock::Timeout=300", *packages]
        if _as_root(command) != 0:
            _as_root(["apt-get", "update", "-q"])
            if _as_root(command) != 0:
                # One that cannot be had must not keep the others away.
                for package in packages:
                    _as_root([*command[: -len(packages)], package])


def _as_root(command: list[str]) -> int:
    if os.getuid() != 0:
        if not shutil.which("sudo"):
            print(f"neither root nor sudo: cannot run {command}")
            return 1
        command = ["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive", *command]
    print("+", *command, flush=True)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, stdin=subprocess.DEVNULL, env=env, check=False).returncode


@contextlib.contextmanager
def _no_services() -> Iterator[None]:
    """Debian asks this file whether a new service may be started: 101 is no."""
    if POLICY.exists():
        yield
        return
    _as_root(["sh", "-c", f"printf '#!/bin/sh\\nexit 101\\n' > {POLICY}; chmod 755 {POLICY}"])
    try:
        yield
    finally:
        _as_root(["rm", "-f", str(POLICY)])


def main() -> int:
    """Get what is missing; 1 if something still is that may not be."""
    lacking = missing()
    if lacking:
        print("missing:", ", ".join(lacking), flush=True)
        get(lacking)
    lacking = missing()
    allowed = may_miss()
    for name in lacking:
        print(f"could not get {name}" + (", which may be" if name in allowed else ""))
    return 1 if set(lacking) - allowed else 0


if __name__ == "__main__":
    sys.exit(main())
