"""An "instance" for demonstration and tests: a real buildbot-worker process on this machine.

    python -m buildbot_lifecycle.demo.instance DIRECTORY --port 9989 --name a --password b

With `--restart SECONDS` it does as systemd with `Restart=always` does: it starts the worker process
again whenever that has ended. A refused worker exits, so this is what makes one come back again and
again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from buildbot_lifecycle.demo.processes import die_with_parent

# The service.Application line is what Buildbot recognises a worker's directory by.
_TAC = """\
from buildbot_worker.bot import Worker
from twisted.application import service

application = service.Application('buildbot-worker')
worker = Worker({host!r}, {port!r}, {name!r}, {password!r}, {basedir!r}, keepalive=600,
                protocol={protocol!r}, connection_string={connection!r})
worker.setServiceParent(application)
"""


def main() -> None:
    """Run the worker, once or again and again, until killed."""
    args = _parse()
    if not args.outlive_parent:
        die_with_parent()
    if args.restart is None:
        _run_worker(args)
    else:
        _supervise(args.restart)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument("--protocol", default="pb")
    parser.add_argument("--connection", help="a Twisted client endpoint, instead of host and port")
    parser.add_argument("--restart", type=float, help="seconds between the end and the next start")
    parser.add_argument("--outlive-parent", action="store_true")
    return parser.parse_args()


def _run_worker(args: argparse.Namespace) -> None:
    # Costs half a second, which a supervisor need not pay.
    from twisted.scripts.twistd import run  # noqa: PLC0415

    args.directory.mkdir(parents=True, exist_ok=True)
    os.chdir(args.directory)
    Path("buildbot.tac").write_text(
        _TAC.format(
            host=None if args.connection else args.host,
            port=None if args.connection else args.port,
            connection=args.connection,
            name=args.name,
            password=args.password,
            protocol=args.protocol,
            basedir=str(args.directory.absolute()),
        ),
        encoding="utf-8",
    )
    sys.argv = ["twistd", "--nodaemon", "--no_save", "--pidfile=", "--logfile=twistd.log"]
    sys.argv += ["--python=buildbot.tac"]
    run()  # type: ignore[no-untyped-call]


def _supervise(pause: float) -> None:
    command = [sys.executable, "-m", "buildbot_lifecycle.demo.instance"]
    arguments = iter(sys.argv[1:])
    for argument in arguments:
        if argument == "--restart":
            next(arguments)
        elif argument != "--outlive-parent":  # the child is to live as long as this supervisor
            command.append(argument)
    while True:
        subprocess.run(command, check=False)
        time.sleep(pause)


if __name__ == "__main__":
    main()
