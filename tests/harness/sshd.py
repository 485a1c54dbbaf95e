"""A real sshd of the tests' own: private directory, keys and port, on loopback.

All that it starts carries a variable by which it is found again, so nothing outlives the test. As root,
OpenSSH wants its empty directory /run/sshd, which is made if it is not there.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from buildbot_lifecycle.demo.processes import kill_marked, marked
from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until

PROGRAM = "/usr/sbin/sshd"

#: In the environment of all that an sshd of ours has started.
MARK = "BUILDBOT_LIFECYCLE_TEST_SSHD"

#: In the environment of all processes of an instance of SSHLatentWorker; see workers/ssh/remote.py.
INSTANCE = b"BUILDBOT_LIFECYCLE_SSH="

_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/authorized_keys
PidFile {directory}/sshd.pid
PasswordAuthentication no
UsePAM no
StrictModes no
PrintMotd no
# The default is made for quantum computers, and takes half a second of a busy machine.
KexAlgorithms curve25519-sha256
# No dotfiles of whoever runs the tests, which may take long, and suffer when they are killed.
SetEnv {mark}={directory} HOME={directory}
{extra}
"""


def find() -> str | None:
    """Where sshd is; None if it is not installed."""
    return shutil.which("sshd", path=f"/usr/sbin:{os.environ.get('PATH', '')}")


class Sshd:
    """`start()`, `stop()`, `freeze()`, `thaw()`; `options()`: how SSHLatentWorker reaches it."""

    def __init__(self, directory: Path, extra: str = "") -> None:
        self.directory = directory
        self.port = free_port()
        self.extra = extra
        self.process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True)
        self.make_key("host_key")
        self.make_key("id")
        (directory / "authorized_keys").write_bytes((directory / "id.pub").read_bytes())
        self.trust()

    def make_key(self, name: str) -> None:
        """A new pair of keys of this name; an old one is replaced."""
        for old in (name, f"{name}.pub"):
            (self.directory / old).unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name]
        subprocess.run(
            [*command, "-f", str(self.directory / name)], check=True, timeout=patient(30)
        )

    def trust(self, port: int | None = None) -> None:
        """Write its host key to known_hosts; `port`: that of a proxy before it."""
        kind, key, *_ = (self.directory / "host_key.pub").read_text().split()
        with (self.directory / "known_hosts").open("a") as known:
            known.write(f"[127.0.0.1]:{port or self.port} {kind} {key}\n")

    def start(self) -> Sshd:
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self.directory / "sshd_config"
        config.write_text(
            _CONFIG.format(port=self.port, directory=self.directory, mark=MARK, extra=self.extra)
        )
        program = find()
        assert program, "sshd is missing"
        with (self.directory / "sshd.log").open("ab") as output:
            self.process = subprocess.Popen(
                [program, "-D", "-e", "-f", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, MARK: str(self.directory)},
            )
        wait_until(self._answers, 20, f"an answer of sshd\n{self.log()}")
        return self

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        with socket.create_connection(("127.0.0.1", self.port), 1) as there:
            return there.recv(4) == b"SSH-"

    def log(self) -> str:
        path = self.directory / "sshd.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # what runs under it

    def processes(self) -> list[int]:
        """All that it has started, and itself."""
        return marked(MARK, str(self.directory))

    def instances(self) -> list[int]:
        """The processes of instances of SSHLatentWorker on this host."""
        found = []
        for pid in self.processes():
            with contextlib.suppress(OSError):
                if INSTANCE in Path(f"/proc/{pid}/environ").read_bytes():
                    found.append(pid)
        return found

    def workers(self) -> list[int]:
        """Of these, the buildbot-worker processes."""
        return [pid for pid in self.instances() if b"buildbot_worker" in _command(pid)]

    def sessions(self) -> list[int]:
        """The sshd processes that serve a connection."""
        main = self.process.pid if self.process else 0
        pids = [pid for pid in _all_pids() if _command(pid).startswith(b"sshd: ")]
        return [pid for pid in pids if pid != main and _descends(pid, main)]

    # what happens to it

    def freeze(self) -> None:
        """Connections are accepted (by the kernel), and nobody says anything."""
        assert self.process is not None
        for pid in [self.process.pid, *self.sessions()]:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        for pid in [self.process.pid, *self.sessions()]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def cut_sessions(self) -> None:
        """End all connections, as a network does."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop(self) -> None:
        """No new connections; what runs on the host goes on."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(patient(10))
            self.process = None

    def close(self) -> None:
        """End it, and all that it has started."""
        if self.process is not None:
            self.cut_sessions()
        self.stop()
        kill_marked(MARK, str(self.directory))

    # for master.cfg

    def options(self, **changes: Any) -> dict[str, Any]:
        """Arguments of SSHLatentWorker."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "identity_file": str(self.directory / "id"),
            "known_hosts": str(self.directory / "known_hosts"),
            "ssh_config": "/dev/null",
            "python": sys.executable,
            **changes,
        }

    def worker(self, name: str, *, hidden: bool = False, **changes: Any) -> str:
        """One SSHLatentWorker for `RealMaster(workers=...)`; `hidden` for one with `plugin=False`."""
        changes.setdefault("build_wait_timeout", 0)
        changes.setdefault("basedir", str(self.directory / "workers" / name))
        found = "__import__('buildbot.plugins', fromlist=['worker']).worker"
        if hidden:
            found = "__import__('buildbot_lifecycle.workers.ssh', fromlist=['ssh'])"
        return f"{found}.SSHLatentWorker({name!r}, **{self.options(**changes)!r})"


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _descends(pid: int, ancestor: int) -> bool:
    while pid > 1 and pid != ancestor:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return False
        pid = int(stat.rpartition(")")[2].split()[1])
    return pid == ancestor
