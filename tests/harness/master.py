"""A real Buildbot master in a process of its own, with latent workers in real processes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from buildbot_lifecycle.demo.processes import kill_marked, marked
from buildbot_lifecycle.demo.workers import MARK as INSTANCE_MARK
from tests.harness import web
from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[2]
API = "plugins/lifecycle/api/v1"

#: Environment variable by which all processes of one RealMaster are found again.
MARK = "BUILDBOT_LIFECYCLE_TEST"

#: Masters that were made and not yet torn down: a failed test's report gets the ends of their logs.
ALIVE: list[RealMaster] = []

_CONFIG = """\
from buildbot.plugins import schedulers, steps, util
from buildbot_lifecycle.demo.workers import *
from buildbot_lifecycle.demo.workers import build_script

c = BuildmasterConfig = {{}}
c['buildbotNetUsageData'] = None
c['title'] = {name!r}
c['buildbotURL'] = 'http://127.0.0.1:{port}/'
c['protocols'] = {{'pb': {{'port': 'tcp:{pb_port}:interface=127.0.0.1'}}}}
if {msgpack_port!r}:
    c['protocols']['msgpack_experimental_v7'] = {{'port': {msgpack_port!r}}}
c['db'] = {{'db_url': {db_url!r}}}
c['services'] = []
c['workers'] = [
{workers}
]


@util.renderer
def command(props):
    return build_script(props)


c['builders'] = [
    util.BuilderConfig(
        name=w.name,
        workernames=[w.name],
        factory=util.BuildFactory([steps.ShellCommand(command=command, name='run')]),
    )
    for w in c['workers']
]
c['schedulers'] = [
    schedulers.ForceScheduler(
        name='force',
        builderNames=[b.name for b in c['builders']],
        properties=[
            util.StringParameter(name='seconds', default='0'),
            util.StringParameter(name='until', default=''),
            util.StringParameter(name='fails', default=''),
        ],
    )
] if c['builders'] else []
"""

_WWW = """
from buildbot_lifecycle.www.reactor import answer_in_reactor

answer_in_reactor()
c['www'] = {{'port': 'tcp:{port}:interface=127.0.0.1', 'plugins': {plugins!r}}}
"""

_PLUGIN = """
c['services'].append(util.LifecycleService({arguments}))
"""

_PEEK = """
from tests.harness.peek import Peek
c['services'].append(Peek())
"""

# Stock Buildbot must not even find the plugin: it imports every installed one, configured or not.
_HIDE = """\
import importlib.metadata as metadata

_all = metadata.distributions


def _without(**kwargs):
    for found in _all(**kwargs):
        if found.metadata['Name'] != 'buildbot-lifecycle':
            yield found


metadata.distributions = _without
"""


def worker(kind: str, name: str, **kwargs: Any) -> str:
    """One latent worker for `RealMaster(workers=...)`: a class of demo.workers and its arguments.

    `build_wait_timeout` is 0 unless given, so that the worker is stopped right after each build.
    """
    kwargs.setdefault("build_wait_timeout", 0)
    plain = {key: str(v) if isinstance(v, Path) else v for key, v in kwargs.items()}
    return f"{kind}({name!r}, **{plain!r})"


class RealMaster:
    """`buildbot start --nodaemon` on a directory and free ports of its own; one builder per worker.

    The builder has the worker's name, and the scheduler is `force`.

    basedir
        will be made; the default is a new temporary directory, gone after `teardown`
    workers
        Python expressions for `c['workers']`; see `worker`
    plugin
        False: stock Buildbot, which cannot even see the plugin
    lifecycle
        arguments of LifecycleService, by name; Paths are not understood. Everybody sees details,
        unless `details_for` is among them
    extra
        Python text at the end of master.cfg; `c`, `util`, `schedulers`, `steps` are there
    db_url
        the default is SQLite in `basedir`; any other must be an empty database
    peek
        whether `peek()` works; the default is only where there is no plugin
    python
        the interpreter of the environment that Buildbot is installed in
    hide
        False: without `plugin`, it is not configured, but Buildbot sees that it is installed
    pythonpath
        None: only what is installed there, not this checkout (then there is no `peek`)
    """

    def __init__(
        self,
        basedir: Path | None = None,
        workers: Sequence[str] = (),
        *,
        plugin: bool = True,
        lifecycle: dict[str, Any] | None = None,
        extra: str = "",
        db_url: str | None = None,
        www: bool = True,
        peek: bool | None = None,
        msgpack: bool = False,
        python: str | Path = sys.executable,
        pythonpath: Path | None = ROOT,
        hide: bool = True,
        env: dict[str, str] | None = None,
        name: str = "master",
    ) -> None:
        self._temporary = None if basedir else tempfile.mkdtemp(prefix="lifecycle-master-")
        self.basedir = Path(basedir or Path(self._temporary or "", "master")).absolute()
        self.workers = list(workers)
        self.plugin, self.lifecycle, self.extra = plugin, lifecycle or {}, extra
        self.db_url = db_url or "sqlite:///state.sqlite"
        self.www = www
        self.hidden = hide and not plugin
        self.has_peek = (not plugin if peek is None else peek) and pythonpath is not None
        self.python = Path(python)
        self.name = name
        self.port, self.pb_port = free_port(), free_port()
        self.msgpack_port = free_port() if msgpack else None
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process: subprocess.Popen[bytes] | None = None
        self.mark = uuid.uuid4().hex
        self._leaving = False
        self._asked_at = time.monotonic()
        self.env = {
            **os.environ,
            MARK: self.mark,
            "PYTHONUNBUFFERED": "1",
            # a process that is killed by its own memory must say where
            "PYTHONFAULTHANDLER": "1",
            **(env or {}),
        }
        self._set_pythonpath(pythonpath)
        if plugin and pythonpath and not _installed():
            raise RuntimeError("Buildbot would not find the plugin: `pip install -e .` first")
        ALIVE.append(self)

    def _set_pythonpath(self, pythonpath: Path | None) -> None:
        paths = [str(pythonpath)] if pythonpath else []
        if self.hidden:
            paths.insert(0, str(_hide_directory()))
        self.env.pop("PYTHONPATH", None)
        if paths:
            self.env["PYTHONPATH"] = os.pathsep.join(paths)

    def __enter__(self) -> RealMaster:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.teardown()

    def __repr__(self) -> str:
        return f"<RealMaster {self.name} {self.url} in {self.basedir}>"

    # Its configuration.

    def config(self) -> str:
        """The text of master.cfg, from what the attributes are now."""
        parts = [_CONFIG]
        if self.www:
            parts.append(_WWW)
        if self.plugin:
            parts.append(_PLUGIN)
        if self.has_peek:
            parts.append(_PEEK)
        text = "".join(parts).format(
            name=self.name,
            port=self.port,
            pb_port=self.pb_port,
            msgpack_port=self.msgpack_port,
            db_url=self.db_url,
            workers="".join(f"    {expression},\n" for expression in self.workers),
            plugins={"lifecycle": {}} if self.plugin else {},
            arguments=", ".join(
                f"{key}={value!r}"
                for key, value in {"details_for": "readers", **self.lifecycle}.items()
            ),
        )
        return f"{text}\n{self.extra}\n"

    def configure(self, **changes: Any) -> None:
        """Set attributes (workers, lifecycle, plugin, extra, ...), and write master.cfg."""
        for key, value in changes.items():
            assert hasattr(self, key), key
            setattr(self, key, value)
        (self.basedir / "master.cfg").write_text(self.config(), encoding="utf-8")

    def reconfig(self, *, wait: bool = True, timeout: float = 30.0, **changes: Any) -> None:
        """`configure`, then SIGHUP, and wait until the log says that it is complete."""
        since = self.log_size()
        self.configure(**changes)
        self.signal(signal.SIGHUP)
        if wait:
            said = self.wait_log(
                r"configuration update (complete|aborted|partially)", since, timeout
            )
            assert "complete" in said[0], self.log()[since:]

    # Its life.

    def create(self) -> None:
        """Make its directory and database. `start` does it when need be."""
        self.basedir.parent.mkdir(parents=True, exist_ok=True)
        if self.db_url == "sqlite:///state.sqlite":
            shutil.copytree(_template(self.python), self.basedir)
        else:
            self.run("create-master", "-q", "-r", f"--db={self.db_url}", str(self.basedir))

    def run(self, *arguments: str, timeout: float = 60.0) -> str:
        """The output of a `buildbot` command in the master's environment; raises if it failed."""
        done = subprocess.run(
            [str(self.python.parent / "buildbot"), *arguments],
            env=self.env,
            cwd=self.basedir.parent,
            capture_output=True,
            text=True,
            timeout=patient(timeout),
            check=False,
        )
        assert done.returncode == 0, f"buildbot {arguments} failed:\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, timeout: float = 60.0, *, wait: bool = True) -> RealMaster:
        """Start it, or start it again, and wait until it runs and answers."""
        assert self.process is None or self.process.poll() is not None, "it is running"
        if not self.basedir.exists():
            self.create()
        self.configure()
        since = self.log_size()
        self._leaving = False
        buildbot = [str(self.python.parent / "buildbot"), "start", "--nodaemon", str(self.basedir)]
        wrapper = [str(self.python), "-m", "buildbot_lifecycle.demo.processes"]
        with (self.basedir.parent / f"{self.basedir.name}.output").open("ab") as output:
            self.process = subprocess.Popen(
                [*wrapper, *buildbot],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.basedir.parent,
                start_new_session=True,
            )
        if wait:
            self.wait_log(r"BuildMaster is running", since, timeout)
            if self.www:
                self.wait_until(
                    lambda: self.get("api/v2/masters").ok(), timeout, "an answer by HTTP"
                )
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the master's own process, and to no other."""
        self._asked_at = time.monotonic()
        os.kill(self.pid, number)

    def sigterm(self) -> RealMaster:
        """Ask it to stop, as `buildbot stop` does."""
        self._leaving = True
        self.signal(signal.SIGTERM)
        return self

    def wait_exit(self, timeout: float = 30.0) -> float:
        """Seconds from the last signal until its process ended.

        AssertionError if it does not within `timeout` seconds of a quiet machine, see `patient`.
        """
        assert not self.outlives(patient(timeout)), (
            f"{self} still runs {patient(timeout):g} s after the signal"
        )
        return time.monotonic() - self._asked_at

    def outlives(self, seconds: float) -> bool:
        """Whether its process is there so long after the last signal (returns early if not)."""
        assert self.process is not None
        self._leaving = True
        try:
            self.process.wait(max(0.0, self._asked_at + seconds - time.monotonic()))
        except subprocess.TimeoutExpired:
            return True
        return False

    def stop(self, timeout: float = 30.0) -> float:
        """`sigterm` and `wait_exit`."""
        return self.sigterm().wait_exit(timeout)

    def kill9(self) -> None:
        """End the process without warning. Worker processes die too, unless `outlives_master`."""
        self._leaving = True
        self.signal(signal.SIGKILL)
        self.wait_exit(10)

    def teardown(self) -> None:
        """Kill all processes that descend from this master, however they were orphaned."""
        self._leaving = True
        try:
            kill_marked(MARK, self.mark, patient(10))
            if self.process is not None:
                self.process.wait(patient(10))
        finally:
            if self in ALIVE:
                ALIVE.remove(self)
            if self._temporary:
                shutil.rmtree(self._temporary, ignore_errors=True)

    # Looking at it.

    def wait_until(self, predicate: Callable[[], T], timeout: float = 30.0, what: str = "") -> T:
        """As `waiting.wait_until`, but not longer than the master lives."""
        return wait_until(predicate, timeout, what, while_=self._check_alive)

    def _check_alive(self) -> None:
        if not self._leaving and self.process is not None and self.process.poll() is not None:
            raise RuntimeError(
                f"{self} ended by itself with {self.process.returncode}:\n{self.output()[-3000:]}"
                f"\n{self.log()[-6000:]}"
            )

    def output(self) -> str:
        """What it printed, which is little: see `log`."""
        path = self.basedir.parent / f"{self.basedir.name}.output"
        return path.read_text(errors="replace") if path.exists() else ""

    def log(self) -> str:
        """Its twistd.log, rotated parts included."""
        parts = sorted(
            self.basedir.glob("twistd.log*"),
            key=lambda p: -int(p.suffix[1:]) if p.suffix != ".log" else 0,
        )
        return "".join(path.read_text(errors="replace") for path in parts)

    def log_size(self) -> int:
        """A mark for `wait_log(since=)`: only what is written after it counts."""
        return len(self.log())

    def wait_log(self, pattern: str, since: int = 0, timeout: float = 30.0) -> re.Match[str]:
        """Wait for a line that matches the regular expression."""
        return self.wait_until(
            lambda: re.search(pattern, self.log()[since:]),
            timeout,
            f"{pattern!r} in the log of {self.name}",
        )  # type: ignore[return-value]

    def tail(self, lines: int = 80) -> str:
        """The end of its output and log, for a failed test's report."""
        return "\n".join([*self.output().splitlines()[-20:], *self.log().splitlines()[-lines:]])

    def peek(self, name: str) -> dict[str, Any]:
        """A latent worker as the master's memory has it: see peek.py. LookupError if not there."""
        assert self.has_peek
        seen: dict[str, Any] = json.loads((self.basedir / "peek.json").read_text())[name]
        return seen

    def wait_peek(self, name: str, timeout: float = 30.0, **fields: Any) -> dict[str, Any]:
        """Wait until `peek(name)` has these values."""
        return self._wait_fields(lambda: self.peek(name), name, timeout, fields)

    @contextlib.contextmanager
    def db(self) -> Any:
        """A read-only connection to its SQLite database, by names: `row["state"]`."""
        path = self.basedir / "state.sqlite"
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    def instance_pids(self, name: str) -> list[int]:
        """The living processes of a worker's instance, with what its builds run."""
        return marked(INSTANCE_MARK, str(self.basedir / "instances" / name))

    def instance_log(self, name: str) -> str:
        """The log of a worker's process."""
        path = self.basedir / "instances" / name / "twistd.log"
        return path.read_text(errors="replace") if path.exists() else ""

    # Talking to it.

    def request(
        self, method: str, path: str, json: Any = None, headers: dict[str, str] | None = None
    ) -> web.Answer:
        """`path` is relative to Buildbot's own address."""
        return web.request(method, self.url + path.lstrip("/"), json, headers)

    def get(self, path: str, headers: dict[str, str] | None = None) -> web.Answer:
        return self.request("GET", path, None, headers)

    def post(
        self, path: str, json: Any = None, headers: dict[str, str] | None = None
    ) -> web.Answer:
        return self.request("POST", path, json, headers)

    def api(self, path: str) -> Any:
        """JSON of GET under the plugin's API; AssertionError if the answer is none."""
        return self.get(f"{API}/{path.lstrip('/')}").ok().json

    def worker(self, name: str | int) -> dict[str, Any]:
        """One worker as the plugin's API tells it."""
        seen: dict[str, Any] = self.api(f"workers/{name}")["workers"][0]
        return seen

    def wait_worker(self, name: str | int, timeout: float = 30.0, **fields: Any) -> dict[str, Any]:
        """Wait until the plugin's API tells these values of a worker: `verdict__level="stuck"`.

        A value can be a function: `pending=bool`, `refused=lambda n: n > 2`.
        """
        return self._wait_fields(lambda: self.worker(name), name, timeout, fields)

    def _wait_fields(
        self,
        get: Callable[[], dict[str, Any]],
        name: object,
        timeout: float,
        fields: dict[str, Any],
    ) -> dict[str, Any]:
        def right() -> dict[str, Any]:
            seen = get()
            wrong = [key for key, value in fields.items() if not _matches(seen, key, value)]
            assert not wrong, f"{wrong} of {seen}"
            return seen

        return self.wait_until(right, timeout, f"worker {name} with {fields}")

    def force_build(self, builder: str, **properties: Any) -> int:
        """Ask for a build; properties `seconds=`, `until=<file>`, `fails=`. The request's id."""
        builders = self.get(f"api/v2/builders?name={builder}").ok().json["builders"]
        params = {key: str(value) for key, value in properties.items()}
        answer = self.post(
            "api/v2/forceschedulers/force",
            {
                "jsonrpc": "2.0",
                "method": "force",
                "id": 1,
                "params": {"builderid": builders[0]["builderid"], "owner": "test", **params},
            },
        ).ok()
        ((_, buildrequestid),) = answer.json["result"][1].items()
        return int(buildrequestid)

    def builds(self, buildrequestid: int) -> list[dict[str, Any]]:
        """The builds of a request: several when Buildbot retried."""
        seen: list[dict[str, Any]] = (
            self.get(f"api/v2/builds?buildrequestid={buildrequestid}&order=buildid")
            .ok()
            .json["builds"]
        )
        return seen

    def wait_build(
        self, buildrequestid: int, timeout: float = 60.0, *, state: str = "finished"
    ) -> Any:
        """Wait until its last build is `started` (runs its step) or `finished`, and return it."""

        def there() -> Any:
            if state == "finished":
                asked = (
                    self.get(f"api/v2/buildrequests/{buildrequestid}").ok().json["buildrequests"][0]
                )
                return asked["complete"] and self.builds(buildrequestid)[-1]
            build = self.builds(buildrequestid)[-1]
            steps = self.get(f"api/v2/builds/{build['buildid']}/steps").ok().json["steps"]
            return any(s["name"] == "run" and s["started_at"] for s in steps) and build

        return self.wait_until(there, timeout, f"request {buildrequestid} {state}")

    def build(self, builder: str, timeout: float = 60.0, **properties: Any) -> Any:
        """`force_build` and `wait_build`."""
        return self.wait_build(self.force_build(builder, **properties), timeout)


def _matches(seen: Any, key: str, wanted: Any) -> bool:
    for part in key.split("__"):
        if not isinstance(seen, dict):
            return False
        seen = seen[part]
    return bool(wanted(seen)) if callable(wanted) else bool(seen == wanted)


def _installed() -> bool:
    try:
        return bool(metadata.distribution("buildbot-lifecycle"))
    except metadata.PackageNotFoundError:
        return False


_made: dict[str, Path] = {}


def _template(python: Path) -> Path:
    """A master's directory with a new SQLite database; made once, since it takes two seconds."""
    if str(python) not in _made:
        path = Path(_scratch(), f"template-{len(_made)}")
        subprocess.run(
            [str(python.parent / "buildbot"), "create-master", "-q", "-r", str(path)],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        _made[str(python)] = path
    return _made[str(python)]


def _hide_directory() -> Path:
    path = Path(_scratch(), "without-plugin")
    if not path.exists():
        path.mkdir()
        (path / "sitecustomize.py").write_text(_HIDE, encoding="utf-8")
    return path


_scratch_path: list[tempfile.TemporaryDirectory[str]] = []


def _scratch() -> str:
    if not _scratch_path:
        _scratch_path.append(tempfile.TemporaryDirectory(prefix="lifecycle-tests-"))
    return _scratch_path[0].name
