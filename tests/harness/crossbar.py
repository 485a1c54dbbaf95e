"""A router for masters that share their mq: Crossbar, where it is on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildbot_lifecycle.demo.processes import die_with_parent
from tests.harness.ports import free_port
from tests.harness.waiting import patient, wait_until


@contextlib.contextmanager
def router(directory: Path) -> Iterator[str]:
    """Its address for ``c['mq']``. Skips the test where there is no Crossbar.

    It is looked for in the path and at $LIFECYCLE_CROSSBAR: it has needs of its own, and wants an
    environment of its own.
    """
    program = os.environ.get("LIFECYCLE_CROSSBAR") or shutil.which("crossbar")
    if program is None:
        pytest.skip("no crossbar on this machine; $LIFECYCLE_CROSSBAR may name one")
    port = free_port()
    every = {"call": True, "register": True, "publish": True, "subscribe": True}
    permission = {"uri": "", "match": "prefix", "allow": every}
    role = {"name": "anonymous", "permissions": [permission]}
    transport = {
        "type": "websocket",
        "endpoint": {"type": "tcp", "port": port, "interface": "127.0.0.1"},
        "auth": {"anonymous": {"type": "static", "role": "anonymous"}},
    }
    realm = {"name": "buildbot", "roles": [role]}
    worker = {"type": "router", "realms": [realm], "transports": [transport]}
    directory.mkdir(parents=True)
    config = {"version": 2, "workers": [worker]}
    (directory / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "start", "--cbdir", str(directory), "--loglevel", "info"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - as all servers of the harness
        )
    try:
        wait_until(lambda: _answers(port), 60, "crossbar to answer")
        yield f"ws://127.0.0.1:{port}/ws"
    finally:
        process.terminate()
        try:
            process.wait(patient(10))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
