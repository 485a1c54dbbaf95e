"""Private database servers for the tests: started in a directory of their own, gone afterwards.

PostgreSQL refuses to run as root, so it runs as the user ``postgres``; MariaDB as ``mysql``.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path


class NoServerError(Exception):
    """The server's programs are not installed here."""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _as(user: str, *command: str) -> list[str]:
    return ["runuser", "-u", user, "--", *command] if os.geteuid() == 0 else [*command]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")


class Postgres:
    """One PostgreSQL server; `stop` and `start` may be called again and again."""

    kind = "postgresql"

    def __init__(self, home: Path) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
        if not found:
            raise NoServerError("there are no PostgreSQL server programs under /usr/lib/postgresql")
        self._bin, self._home, self._port = found[-1], home, free_port()
        if os.geteuid() == 0:
            shutil.chown(home, "postgres")
        self._user = "postgres"
        command = [str(self._bin / "initdb"), "-D", str(home / "data"), "-A", "trust", "-N"]
        _run(_as("postgres", *command, "-U", self._user, "-E", "UTF8"))
        self.start()

    def _ctl(self, *arguments: str) -> None:
        command = [str(self._bin / "pg_ctl"), "-D", str(self._home / "data"), "-w", *arguments]
        _run(_as("postgres", *command))

    def start(self) -> None:
        options = f"-p {self._port} -k {self._home} -c listen_addresses=127.0.0.1"
        self._ctl("-o", options, "-l", str(self._home / "log"), "start")

    def stop(self) -> None:
        self._ctl("-m", "immediate", "stop")

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):
            self.stop()

    def create(self, name: str) -> str:
        """A new database; its URL as in master.cfg."""
        connection = ["-h", str(self._home), "-p", str(self._port), "-U", self._user]
        _run(_as("postgres", str(self._bin / "createdb"), *connection, name))
        return f"postgresql+psycopg2://{self._user}@127.0.0.1:{self._port}/{name}"


class MariaDB:
    """One MariaDB server; `stop` and `start` may be called again and again."""

    kind = "mysql"

    def __init__(self, home: Path) -> None:
        if not (shutil.which("mariadbd") and shutil.which("mariadb-install-db")):
            raise NoServerError("mariadbd is not installed")
        self._home, self._port = home, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = "mysql" if os.geteuid() == 0 else getpass.getuser()
        if os.geteuid() == 0:
            shutil.chown(home, "mysql")
        options = [f"--datadir={home / 'data'}", "--auth-root-authentication-method=normal"]
        install = ["mariadb-install-db", "--no-defaults", f"--user={self._owner}", *options]
        _run([*install, "--skip-test-db"])
        self.start()
        self._sql("CREATE USER bb@127.0.0.1 IDENTIFIED BY 'x'; GRANT ALL ON *.* TO bb@127.0.0.1")

    def _sql(self, text: str) -> None:
        client = ["mariadb", "--no-defaults", "-u", "root", "-S", str(self._home / "s")]
        _run([*client, "-e", text])

    def start(self) -> None:
        options = [f"--datadir={self._home / 'data'}", f"--socket={self._home / 's'}"]
        network = [f"--port={self._port}", "--bind-address=127.0.0.1"]
        command = ["mariadbd", "--no-defaults", *options, *network, f"--user={self._owner}"]
        with (self._home / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while True:
            try:
                self._sql("SELECT 1")
                return
            except RuntimeError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError((self._home / "log").read_text()[-2000:]) from None
                time.sleep(0.1)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def close(self) -> None:
        self.stop()

    def create(self, name: str) -> str:
        """A new database; its URL as in master.cfg."""
        self._sql(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        return f"mysql+pymysql://bb:x@127.0.0.1:{self._port}/{name}"


@contextlib.contextmanager
def server(cls: type) -> Iterator[Postgres | MariaDB]:
    """A server of that class, stopped and deleted at the end. Raises `NoServerError`."""
    # Not pytest's tmp_path: only its owner may enter that, and the server is another user.
    home = Path(tempfile.mkdtemp(prefix="lifecycle-"))
    try:
        running = cls(home)
        try:
            yield running
        finally:
            running.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)
