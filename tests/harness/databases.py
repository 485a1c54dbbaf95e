"""Private database servers: own directory, own port on 127.0.0.1, gone with the test session."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from buildbot_lifecycle.demo.processes import die_with_parent
from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until

# An fsync costs more than all the rest, and no machine loses its power here. What was committed
# outlives the server's process all the same: the kernel has it by then.
_POSTGRES_SETTINGS = ["fsync=off", "full_page_writes=off", "max_connections=200"]
_MARIADB_OPTIONS = ["--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=64M"]


class MissingServer(Exception):
    """The server's program is not on this machine."""


class Server:
    """A running database server. Use as a context manager, or call `close`."""

    dialect = ""
    #: For SQLAlchemy and for Buildbot's db_url; `{database}` is to be filled in.
    url = ""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"lifecycle-{self.dialect}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        try:
            user = self.user()
            shutil.chown(self.directory, user, pwd.getpwnam(user).pw_gid)
            self.prepare()
            self.process = self.launch(self.command())
            wait_until(self.answers, 60, f"{self.dialect} to answer", while_=self._check_alive)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # What differs.

    def user(self) -> str:
        """Whom it runs as: servers refuse to be root."""
        raise NotImplementedError

    def prepare(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def admin_url(self) -> str:
        raise NotImplementedError

    # What does not.

    def launch(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start a program as the server's user, tied to this process's life."""
        with (self.directory / "output.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "tests.harness.databases", self.user(), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            )

    def run(self, command: list[str]) -> None:
        if self.launch(command).wait(patient(120)) != 0:
            raise RuntimeError(f"{command} failed:\n{self.output()}")

    def output(self) -> str:
        return (self.directory / "output.log").read_text(errors="replace")

    def _check_alive(self) -> None:
        if self.process is not None and self.process.poll() is not None:
            raise RuntimeError(f"{self.dialect} ended by itself:\n{self.output()}")

    def answers(self) -> bool:
        with contextlib.suppress(sa.exc.OperationalError):
            self.execute("SELECT 1")
            return True
        return False

    def execute(self, sql: str) -> None:
        engine = sa.create_engine(self.admin_url(), poolclass=sa.pool.NullPool)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text(sql))

    def fresh(self) -> str:
        """The url of a new, empty database."""
        database = f"test_{uuid.uuid4().hex[:12]}"
        self.execute(f"CREATE DATABASE {database}{self.create_options}")
        return self.url.format(port=self.port, database=database)

    create_options = ""

    def drop(self, url: str) -> None:
        """Remove a database that `fresh` made."""
        self.execute(f"DROP DATABASE {sa.engine.make_url(url).database}{self.drop_options}")

    drop_options = ""

    def stop(self, number: int = signal.SIGKILL) -> None:
        """End the server's process at once, as a crash does. `start` brings it back, same data."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(patient(30))

    def freeze(self) -> None:
        """Stop all of its processes, as a machine that hangs: what is sent is taken, and not answered."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in [self.process.pid, *map(int, children.read_text().split())]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def start(self) -> None:
        """Bring it back after `stop`, on the same port."""
        self.process = self.launch(self.command())
        wait_until(self.answers, 60, f"{self.dialect} to answer", while_=self._check_alive)

    def close(self) -> None:
        """End the server, and remove its files."""
        if self.process is not None and self.process.poll() is None:
            # SIGQUIT is PostgreSQL's immediate shutdown: its children go too.
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(patient(10))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(patient(10))
        shutil.rmtree(self.directory, ignore_errors=True)


class PostgreSQL(Server):
    """Of the newest version installed; Debian keeps the server's programs out of PATH."""

    dialect = "postgresql"
    url = "postgresql+psycopg2://lifecycle@127.0.0.1:{port}/{database}"
    drop_options = " WITH (FORCE)"

    @staticmethod
    def find(program: str = "postgres") -> str:
        found = shutil.which(program)
        debian = Path("/usr/lib/postgresql").glob(f"*/bin/{program}")
        newest = sorted(debian, key=lambda p: int(re.sub(r"\D", "", p.parts[-3]) or 0))
        if not found and not newest:
            raise MissingServer("postgres (Debian: postgresql)")
        return str(newest[-1]) if newest else str(found)

    def user(self) -> str:
        return _user("postgres")

    def prepare(self) -> None:
        initdb = [self.find("initdb"), "-D", "data", "-U", "lifecycle", "-A", "trust", "-N"]
        self.run([*initdb, "-E", "UTF8", "--locale=C"])

    def command(self) -> list[str]:
        settings = [*_POSTGRES_SETTINGS, f"port={self.port}", "listen_addresses=127.0.0.1"]
        settings += [f"unix_socket_directories={self.directory}"]
        return [self.find(), "-D", "data", *(word for s in settings for word in ("-c", s))]

    def admin_url(self) -> str:
        return self.url.format(port=self.port, database="postgres")


class MariaDB(Server):
    """With MyISAM for Buildbot's own tables, which is Buildbot's default."""

    dialect = "mysql"
    url = "mysql+pymysql://lifecycle@127.0.0.1:{port}/{database}"

    @staticmethod
    def find(program: str = "mariadbd") -> str:
        found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
        if not found:
            raise MissingServer(f"{program} (Debian: mariadb-server)")
        return found

    def user(self) -> str:
        return _user("mysql")

    def prepare(self) -> None:
        # A server that starts takes others' temporary tables out of a directory that they share.
        self._tmp.mkdir()
        shutil.chown(self._tmp, self.user())
        install = [self.find("mariadb-install-db"), "--no-defaults", f"--datadir={self._data}"]
        install.append(f"--tmpdir={self._tmp}")
        self.run([*install, "--auth-root-authentication-method=normal", "--skip-test-db"])
        # Nobody but this machine can reach it.
        init = "CREATE USER lifecycle@'127.0.0.1'; GRANT ALL ON *.* TO lifecycle@'127.0.0.1';"
        (self.directory / "init.sql").write_text(init.replace("; ", ";\n"), encoding="ascii")

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    @property
    def _tmp(self) -> Path:
        return self.directory / "tmp"

    def command(self) -> list[str]:
        first_time = self.process is None
        return [
            self.find(),
            "--no-defaults",
            f"--datadir={self._data}",
            f"--tmpdir={self._tmp}",
            f"--socket={self.directory}/socket",
            f"--pid-file={self.directory}/pid",
            f"--port={self.port}",
            "--bind-address=127.0.0.1",
            "--skip-name-resolve",
            *_MARIADB_OPTIONS,
            *([f"--init-file={self.directory}/init.sql"] if first_time else []),
        ]

    def admin_url(self) -> str:
        return self.url.format(port=self.port, database="mysql")


SERVERS: dict[str, type[Server]] = {"postgresql": PostgreSQL, "mysql": MariaDB}


def _user(preferred: str) -> str:
    """Ourselves unless we are root, which a server refuses to be."""
    me = pwd.getpwuid(os.getuid()).pw_name
    if os.getuid() != 0:
        return me
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(preferred).pw_name
    return "nobody"


def _become(arguments: list[str]) -> Any:
    """`python -m tests.harness.databases USER COMMAND...`: become COMMAND of USER."""
    user, *command = arguments
    entry = pwd.getpwnam(user)
    if os.getuid() == 0:
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    die_with_parent(signal.SIGQUIT)  # after the change of user, which would undo it
    os.execv(command[0], command)


if __name__ == "__main__":
    _become(sys.argv[1:])
