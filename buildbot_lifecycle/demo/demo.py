"""A Buildbot that shows what the plugin is for: `make demo`.

One master on SQLite in a temporary directory, latent workers of all sorts with real worker processes on
this machine, and builds for them every half a minute. It ends, with all of it, on Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from types import FrameType

from buildbot_lifecycle.demo.processes import kill_marked

#: Environment variable by which the processes of one demonstration are found again.
MARK = "BUILDBOT_LIFECYCLE_DEMO"

#: Seconds that the master is given to stop. The plugin is there to make that enough.
STOP_LIMIT = 30.0

#: Seconds that the master is given to start.
START_LIMIT = 60.0

_GUIDE = """
    {url}#/lifecycle

    healthy         starts, builds and stops at once
    slow            takes seconds to start and to stop
    late-stop       stops late, so that its worker reconnects meanwhile and is refused
    returning       is stopped with success, and its worker comes back again and again
    failing-start   cannot be started
    silent          is started, and never connects
    raising-stop    its stop fails: the instance may run on
    stuck-stop      its stop never ends: stuck after 15 s
    stuck-thread    the same, and the driver blocks a thread
    stuck-start     its start never ends: stuck after 20 s

    Anybody may force a disconnect here. Ctrl-C ends it all.
"""

_CONFIG = """\
from buildbot.plugins import schedulers, steps, util
from buildbot_lifecycle.demo.workers import (
    FailingStart,
    Healthy,
    NeverConnects,
    RaisingStop,
    Slow,
    SlowStopHealthy,
    StuckStart,
    StuckStopDeferred,
    StuckStopThread,
    SurvivesStop,
    build_script,
)
from buildbot_lifecycle.www.reactor import answer_in_reactor

# A fault of Buildbot 4.3's: see docs/operations.
answer_in_reactor()

c = BuildmasterConfig = {{}}
c['title'] = 'Lifecycle demonstration'
c['buildbotURL'] = {url!r}
c['buildbotNetUsageData'] = None
c['db'] = {{'db_url': 'sqlite:///state.sqlite'}}
c['protocols'] = {{'pb': {{'port': 'tcp:{pb_port}:interface=127.0.0.1'}}}}
c['www'] = {{'port': 'tcp:{port}:interface=127.0.0.1', 'plugins': {{'lifecycle': {{}}}}}}
c['services'] = [
    util.LifecycleService(
        # Short, so that there is something to see soon.
        stuck_after={{
            'insubstantiating': 15,
            'insubstantiating_substantiating': 15, 'not_substantiated': 10,
            'substantiating': 20,
            'substantiating_starting': 20,
        }},
        shutdown_grace=5,
        # There is nobody to log in as.
        anonymous_may_force=True,
    )
]
c['workers'] = [
    Healthy('healthy', build_wait_timeout=5),
    Slow('slow', build_wait_timeout=0, start_delay=4, stop_delay=6),
    SlowStopHealthy('late-stop', build_wait_timeout=0),
    SurvivesStop('returning', build_wait_timeout=0, restart_after=5),
    FailingStart('failing-start', build_wait_timeout=0),
    NeverConnects('silent', build_wait_timeout=0, missing_timeout=25),
    RaisingStop('raising-stop', build_wait_timeout=0, instance_dies=False),
    StuckStopDeferred('stuck-stop', build_wait_timeout=0),
    StuckStopThread('stuck-thread', build_wait_timeout=0),
    StuckStart('stuck-start', build_wait_timeout=0),
]


@util.renderer
def command(props):
    return build_script(props)


c['builders'] = [
    util.BuilderConfig(
        name=worker.name,
        workernames=[worker.name],
        factory=util.BuildFactory([steps.ShellCommand(command=command, name='run')]),
        properties={{'seconds': 3}},
    )
    for worker in c['workers']
]
c['schedulers'] = [
    schedulers.Periodic(
        name='every-' + builder.name,
        builderNames=[builder.name],
        # Not all at once.
        periodicBuildTimer=30 + 2 * number,
    )
    for number, builder in enumerate(c['builders'])
] + [
    schedulers.ForceScheduler(name='force', builderNames=[b.name for b in c['builders']])
]
"""


class Stop(Exception):
    """Somebody asked for the end."""


def main() -> int:
    """Run until somebody asks for the end, and leave nothing behind."""
    args = _parse()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    demo = Demo(args.port, args.worker_port or args.port + 1)
    try:
        demo.start()
        print(_GUIDE.format(url=demo.url), flush=True)
        return demo.wait()
    except Stop:
        return 0
    finally:
        demo.end()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--port", type=int, default=8010, help="of the page (8010)")
    parser.add_argument("--worker-port", type=int, help="for the workers; default: the next one")
    return parser.parse_args()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stop


class Demo:
    """The master's process, and the directory it lives in."""

    def __init__(self, port: int, worker_port: int) -> None:
        self.port, self.worker_port = port, worker_port
        self.url = f"http://127.0.0.1:{port}/"
        self.directory = Path(tempfile.mkdtemp(prefix="buildbot-lifecycle-demo-"))
        self.master = self.directory / "master"
        self.mark = uuid.uuid4().hex
        self.env = {**os.environ, MARK: self.mark}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Make the master, start it, and wait until it answers."""
        for port in (self.port, self.worker_port):
            if _taken(port):
                raise SystemExit(f"port {port} is taken: choose another, make demo PORT={port + 2}")
        print("starting a master ...", flush=True)
        buildbot = str(Path(sys.executable).parent / "buildbot")
        # Groups of their own: Ctrl-C is for us, and we end the master in good order.
        subprocess.run(
            [buildbot, "create-master", "-q", str(self.master)],
            check=True,
            stdin=subprocess.DEVNULL,
            env=self.env,
            start_new_session=True,
        )
        config = _CONFIG.format(url=self.url, port=self.port, pb_port=self.worker_port)
        (self.master / "master.cfg").write_text(config, encoding="utf-8")
        wrapper = [sys.executable, "-m", "buildbot_lifecycle.demo.processes"]
        with (self.directory / "output.log").open("wb") as output:
            self.process = subprocess.Popen(
                [*wrapper, buildbot, "start", "--nodaemon", str(self.master)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self.env,
                start_new_session=True,
            )
        self._wait_for_answer()

    def _wait_for_answer(self) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not self._answers():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the master did not start:\n{self._last_words()}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            # The address is our own master's.
            with urllib.request.urlopen(f"{self.url}api/v2/masters", timeout=5) as answer:  # noqa: S310
                answer.read()
                return self._runs()
        except (urllib.error.URLError, OSError):
            return False

    def _runs(self) -> bool:
        """That it is our master who answered, and not another one on the same port."""
        return "BuildMaster is running" in self._log()

    def _log(self) -> str:
        log = self.master / "twistd.log"
        return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""

    def _last_words(self) -> str:
        output = (self.directory / "output.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join([*output.splitlines()[-20:], *self._log().splitlines()[-40:]])

    def wait(self) -> int:
        """Until the master ends by itself, which it should not; 1 then."""
        assert self.process is not None
        self.process.wait()
        print(f"the master ended by itself:\n{self._last_words()}", file=sys.stderr)
        return 1

    def end(self) -> None:
        """Stop the master as `buildbot stop` does, then whatever is left; remove the directory."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if self.process is not None and self.process.poll() is None:
            print("\nstopping the master ...", flush=True)
            began = time.monotonic()
            self.process.terminate()
            try:
                self.process.wait(STOP_LIMIT)
                print(f"stopped after {time.monotonic() - began:.1f} s", flush=True)
            except subprocess.TimeoutExpired:
                print(f"it still ran after {STOP_LIMIT:g} s, and was killed", file=sys.stderr)
        kill_marked(MARK, self.mark)
        if self.process is not None:
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
